// What upkeep reports of a ledger: its size and its soundness.

export interface LedgerStats {
  /** Of the file without its write-ahead log, or of the tables on a server. */
  readonly bytes: number;
  /** Free pages, which new rows will use and `prune` gives back; null where a server does not tell. */
  readonly freeBytes: number | null;
  readonly schema: number;
  readonly snapshots: number;
  readonly trials: number;
  /** By what it holds, largest first; adds up to `bytes` less the free pages. */
  readonly parts: readonly { readonly part: string; readonly bytes: number; readonly rows: number }[];
  /** By suite: its snapshots and trials, and the bytes of the answers only it has. */
  readonly suites: readonly {
    readonly suite: string;
    readonly snapshots: number;
    readonly trials: number;
    readonly answerBytes: number;
  }[];
}

export interface LedgerCheck {
  readonly ok: boolean;
  /** What is wrong, in sentences; empty when nothing is. At most 100. */
  readonly problems: readonly string[];
  readonly contents: number;
  /** Payloads that pruning or forgetting took out. */
  readonly removed: number;
  /** Embedding vectors. */
  readonly vectors: number;
  /** Snapshots that are what they were when their runs ended, by their digests. */
  readonly verified: number;
  /** Snapshots from before there were digests: readable, but nothing says whether their numbers changed. */
  readonly unverified: number;
}
