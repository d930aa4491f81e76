// From a path to the stores of production: observations, shipping, and who may reach the server.

import type { AccessTokens } from '../../core/access-token.ts';
import type { GuardStore } from '../../core/guard.ts';
import type { ObservationStore, WindowRules } from '../../core/observation.ts';
import type { ShippingStore } from '../../core/shipping.ts';
import { SqliteAccessTokens } from './access-tokens.ts';
import { SqliteGuard } from './guard.ts';
import { SqliteObservations } from './observations.ts';
import { type LedgerOptions, openLedgerFile } from './open.ts';
import { SqliteShipping } from './shipping.ts';

/** Opens the observations of the ledger at a path. Throws as `openLedgerAt` does. */
export async function openObservations(
  path: string,
  rules: WindowRules,
  options: LedgerOptions = {},
): Promise<ObservationStore> {
  return new SqliteObservations(await openLedgerFile(path, options), rules);
}

/** Opens the access tokens of the ledger at a path. Throws as `openLedgerAt` does. */
export async function openAccessTokens(path: string, options: LedgerOptions = {}): Promise<AccessTokens> {
  return new SqliteAccessTokens(await openLedgerFile(path, options));
}

/** Opens the log of shipping of the ledger at a path. Throws as `openLedger` does. */
export async function openShipping(path: string, options: LedgerOptions = {}): Promise<ShippingStore> {
  return new SqliteShipping(await openLedgerFile(path, options));
}

/** Opens the log of the guard of the ledger at a path. Throws as `openLedger` does. */
export async function openGuard(path: string, options: LedgerOptions = {}): Promise<GuardStore> {
  return new SqliteGuard(await openLedgerFile(path, options));
}
