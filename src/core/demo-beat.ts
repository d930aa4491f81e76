// The demo's story, one beat at a time: what the job tells and the report puts into words.

import type { Comparison } from './comparison.ts';
import type { RollbackDecision } from './rollback.ts';
import type { SnapshotSummary } from './snapshot.ts';

/** Something that happened in the demo. Times are ISO dates of the simulated world. */
export type DemoBeat =
  | {
      readonly kind: 'start';
      readonly suite: string;
      readonly cases: number;
      readonly scenario: string;
      readonly changeAt: string;
    }
  | { readonly kind: 'earlier-release'; readonly at: string; readonly snapshot: SnapshotSummary }
  | {
      readonly kind: 'night';
      readonly at: string;
      readonly snapshot: SnapshotSummary;
      readonly verdict: string | null;
      readonly rerun: boolean;
      readonly alarm: boolean;
    }
  | { readonly kind: 'blessed'; readonly snapshot: string }
  | { readonly kind: 'prompt-change'; readonly at: string; readonly comparison: Comparison }
  | { readonly kind: 'alarm'; readonly comparison: Comparison }
  | { readonly kind: 'rollback'; readonly decision: RollbackDecision }
  | {
      readonly kind: 'written';
      readonly db: string;
      readonly files: readonly string[];
      readonly baseline: string;
      readonly incident: string;
      readonly worstCase: string | null;
    };
