// Which ledger a command works on: the option, else LASTGOOD_DB, else that of the project.

import { relative, resolve } from 'node:path';
import { isServerAddress, withoutPassword } from '../../ledger/model/address.ts';

/** Absolute, or the address of a server. An empty variable counts as not set. */
export function ledgerPlace(
  { cwd, environment }: { cwd: string; environment: Readonly<Record<string, string | undefined>> },
  given: string | undefined,
  settings: { readonly db: string },
): string {
  const named = given ?? (environment['LASTGOOD_DB'] || undefined);
  if (named === undefined) return settings.db;
  return isServerAddress(named) ? named : resolve(cwd, named);
}

/**
 * The ledger as a schedule that is printed may say it: a file from the working folder, or the address of a server without its password,
 * which the schedule's own environment has (PGPASSWORD, ~/.pgpass).
 */
export function scheduledLedger(cwd: string, place: string): string {
  return isServerAddress(place) ? withoutPassword(place) : relative(cwd, place);
}

/** `--db` as it was typed, without a password. */
export function typedLedger(given: string | undefined): string | undefined {
  return given === undefined ? undefined : withoutPassword(given);
}
