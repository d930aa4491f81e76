// What the commands of shipping share: who and why, the environment, and opening the log beside the ledger.

import type { Command } from 'commander';
import type { ShippingStore } from '../../core/index.ts';
import type { Io } from '../terminal/io.ts';
import { ledgerOf } from './production.ts';
import { type CommonOptions, common, printJson, type Session, withWorkplace } from './session.ts';

export interface PlaceOptions extends CommonOptions {
  readonly environment?: string;
}

export interface DecisionOptions extends PlaceOptions {
  readonly by?: string;
  readonly why?: string;
  /** Of the commands that `rehearsable` gave it to. */
  readonly dryRun?: boolean;
}

/** Adds `--environment` and what every command takes. */
export function placed(command: Command): Command {
  return common(
    command.option('--environment <name>', 'where, such as production or staging (default production)'),
  );
}

/** The same with `--by` and `--why`, for commands that write. */
export function deciding(command: Command): Command {
  return placed(
    command
      .option('--by <name>', "who decides (default: git's user.name)")
      .option('--why <text>', 'why; needed'),
  );
}

/** Adds `--dry-run` to a command that decides; `withShippingLog` keeps what it would write in memory. */
export function rehearsable(command: Command): Command {
  return command.option('--dry-run', 'check everything and print what it would do; nothing is changed');
}

/** The result as a document, or as text for a person; a dry run says that it is one. */
export function printDecided(
  io: Io,
  options: DecisionOptions,
  { document, text }: { readonly document: object; readonly text: string },
): void {
  const dry = options.dryRun === true;
  if (options.json) printJson(io, { schemaVersion: 1, ...document, ...(dry ? { dryRun: true } : {}) });
  else io.out(`${dry ? 'DRY RUN: nothing was changed. Without --dry-run:\n' : ''}${text}`);
}

/** `--by`, or git's user. */
export async function decider(io: Io, options: DecisionOptions): Promise<string | undefined> {
  if (options.by !== undefined) return options.by;
  const { gitUser } = await import('../../jobs/baseline/git-user.ts');
  return gitUser(io.cwd, io.environment);
}

/**
 * Opens the ledger and the log of shipping, and closes both whatever happens. A dry run gets copies that write to memory. `mustExist`, and
 * a dry run, make no ledger that is not there.
 */
export async function withShippingLog<T>(
  io: Io,
  options: CommonOptions & { readonly dryRun?: boolean; readonly mustExist?: boolean },
  job: (session: Session & { readonly shipping: ShippingStore }) => Promise<T>,
): Promise<T> {
  const { withShipping } = await import('../../jobs/registry/open-shipping.ts');
  const dry = options.dryRun === true;
  const mustExist = dry || options.mustExist === true;
  return withWorkplace(io, options, { mustExist }, async (session) =>
    withShipping(await ledgerOf(io, options), { create: !dry }, async (shipping) => {
      if (!dry) return job({ ...session, shipping });
      const { dryLedger, dryShipping } = await import('../../engine/records/dry-run.ts');
      const work = { ...session.work, store: dryLedger(session.work.store) };
      return job({ ...session, work, shipping: dryShipping(shipping) });
    }),
  );
}
