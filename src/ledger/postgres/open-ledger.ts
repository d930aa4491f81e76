// From an address of a PostgreSQL server to a snapshot store that writes there.

import type { AccessTokens } from '../../core/access-token.ts';
import type { GuardStore } from '../../core/guard.ts';
import type { ObservationStore, WindowRules } from '../../core/observation.ts';
import type { ShippingStore } from '../../core/shipping.ts';
import type { SnapshotStore } from '../../core/snapshot.ts';
import { placesOf } from '../model/portable-paths.ts';
import type { ProjectFolder } from '../model/project-folder.ts';
import { PostgresAccessTokens } from './access-tokens.ts';
import { Connection } from './connection.ts';
import { PostgresGuard } from './guard.ts';
import { PostgresLedger } from './ledger.ts';
import { prepareSchema } from './migrate.ts';
import { PostgresObservations } from './observations.ts';
import { readServerAddress } from './server-address.ts';
import { PostgresShipping } from './shipping.ts';

export interface ServerLedgerOptions {
  /** Make the ledger's schema when absent (default true). */
  readonly create?: boolean | undefined;
  /** Places of files are kept from this folder; without it they are kept as they are given. */
  readonly project?: ProjectFolder | undefined;
}

/**
 * Connects to the server and brings the ledger's schema up to date. The caller closes the connection.
 * Throws `LEDGER_ADDRESS`, `LEDGER_DRIVER`, `LEDGER_SERVER_GONE`, `LEDGER_LOGIN`, `LEDGER_TLS`, `LEDGER_NO_DATABASE`, `LEDGER_RIGHTS`,
 * `LEDGER_READONLY`, `LEDGER_MISSING`, `LEDGER_FOREIGN`, `LEDGER_NEWER`, `LEDGER_OLDER` or `LEDGER_BUSY`.
 */
export async function connectLedger(place: string, create: boolean): Promise<Connection> {
  const connection = await Connection.open(readServerAddress(place));
  try {
    await prepareSchema(connection, create);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Opens the ledger at an address. Throws as `connectLedger` does. */
export async function openServerLedger(
  place: string,
  { create, project }: ServerLedgerOptions = {},
): Promise<SnapshotStore> {
  return new PostgresLedger(await connectLedger(place, create !== false), placesOf(project));
}

/** Opens the observations of the ledger at an address. Throws as `connectLedger` does. */
export async function openServerObservations(
  place: string,
  rules: WindowRules,
  { create }: ServerLedgerOptions = {},
): Promise<ObservationStore> {
  return new PostgresObservations(await connectLedger(place, create !== false), rules);
}

/** Opens the access tokens of the ledger at an address. Throws as `connectLedger` does. */
export async function openServerTokens(
  place: string,
  { create }: ServerLedgerOptions = {},
): Promise<AccessTokens> {
  return new PostgresAccessTokens(await connectLedger(place, create !== false));
}

/** Opens the ledger at an address, hands it over, and closes it whatever happens. */
export async function withConnection<T>(
  place: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connectLedger(place, false);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Opens the log of shipping of the ledger at an address. Throws as `connectLedger` does. */
export async function openServerShipping(
  place: string,
  { create }: ServerLedgerOptions = {},
): Promise<ShippingStore> {
  return new PostgresShipping(await connectLedger(place, create !== false));
}

/** Opens the log of the guard of the ledger at an address. Throws as `connectLedger` does. */
export async function openServerGuard(
  place: string,
  { create }: ServerLedgerOptions = {},
): Promise<GuardStore> {
  return new PostgresGuard(await connectLedger(place, create !== false));
}
