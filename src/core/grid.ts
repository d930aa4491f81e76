// Several releases on one suite, as one table: prompts in the rows, models in the columns. This object is the JSON that `run` prints.

import type { Interval } from './comparison.ts';
import type { Validity } from './snapshot.ts';

/** What one release did on the suite. */
export interface GridRelease {
  readonly release: string;
  readonly fingerprint: string;
  readonly snapshot: string;
  /** Row and column, by position in `prompts` and `models`. */
  readonly prompt: number;
  readonly model: number;
  readonly validity: Validity;
  readonly validityReasons: readonly string[];
  /** Mean over the graded cases of the share of trials that passed; null when nothing was graded. */
  readonly passRate: number | null;
  /** 95 %, with as many independent observations as there are graded cases (or groups of them); null without any. */
  readonly interval: Interval | null;
  /** Cases with at least one graded trial. */
  readonly gradedCases: number;
  readonly trials: number;
  readonly failed: number;
  readonly skipped: number;
  readonly ungraded: number;
  /** null = unknown for at least one trial. */
  readonly costUsd: number | null;
  readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
  readonly simulated: boolean;
}

/** A row or a column: everything but the route that releases have in common, or their route. */
export interface GridHeading {
  readonly label: string;
  /** Hash of the layers it stands for. */
  readonly hash: string;
}

/** One case in every release; releases in the order of `Grid.releases`. */
export interface GridCase {
  readonly id: string;
  readonly tags: readonly string[];
  /** null = the case was not graded there. */
  readonly passRates: readonly (number | null)[];
}

export interface Grid {
  readonly schemaVersion: 1;
  readonly kind: 'grid';
  readonly suite: string;
  readonly cases: number;
  readonly prompts: readonly GridHeading[];
  readonly models: readonly GridHeading[];
  /** In the order they were named. */
  readonly releases: readonly GridRelease[];
  /** Cases whose pass rates differ between releases, the widest difference first. */
  readonly differing: readonly GridCase[];
  readonly calls: number;
  /** Why the run ended early; null = it came to its end. */
  readonly stoppedBy: string | null;
}
