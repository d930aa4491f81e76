// From a path to the stores of production: observations, and who may reach the server.

import type { AccessTokens } from '../../core/access-token.ts';
import type { ObservationStore, WindowRules } from '../../core/observation.ts';
import { SqliteAccessTokens } from './access-tokens.ts';
import { SqliteObservations } from './observations.ts';
import { type LedgerOptions, openLedgerFile } from './open.ts';

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
