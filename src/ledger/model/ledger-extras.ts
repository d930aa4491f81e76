// What a copy of a ledger needs beyond the port.

import type { JsonValue } from '../../base/json.ts';

/** What of a ledger its port does not list. */
export interface LedgerExtras {
  recordKinds(): Promise<readonly string[]>;
  verdicts(): AsyncIterable<KeptVerdict>;
  close(): Promise<void>;
}

export interface KeptVerdict {
  readonly key: string;
  readonly verdict: JsonValue;
  readonly at: string;
}
