// The rollback decision: what to restore, how it was shown to work, and why everything else was refused.

import type { Interval } from './comparison.ts';
import type { Dependent, LayerName } from './release.ts';

export type RejectionReason =
  | 'invalid_snapshot'
  | 'degraded_snapshot'
  | 'other_exam'
  | 'contained_regression'
  | 'not_better'
  | 'retired_model'
  | 'unreachable'
  | 'not_pinned'
  | 'after_onset'
  | 'same_as_current'
  | 'recording'
  | 'verification_failed'
  | 'verification_inconclusive'
  | 'budget';

export interface Rejection {
  readonly fingerprint: string;
  readonly release: string;
  readonly reason: RejectionReason;
  /** One sentence with the numbers. */
  readonly detail: string;
}

export interface RollbackTarget {
  readonly fingerprint: string;
  readonly release: string;
  /** The snapshot that shows it was good; null for a hybrid nobody had run before. */
  readonly snapshot: string | null;
  readonly layersRestored: readonly LayerName[];
  readonly hybrid: boolean;
  readonly dependents: readonly Dependent[];
}

export interface Verification {
  /** The fresh snapshot that was made to prove it. */
  readonly snapshot: string;
  readonly outcome: 'verified' | 'failed' | 'inconclusive';
  readonly nonInferiority: {
    readonly margin: number;
    /** Target minus baseline. */
    readonly delta: number;
    readonly interval: Interval;
    readonly lowerBound: number;
    readonly holds: boolean;
  } | null;
  /** Of the regressed cases, how many pass again. */
  readonly recovered: number;
  readonly stillFailing: readonly string[];
  readonly reason: string;
}

export interface RollbackDecision {
  readonly schemaVersion: 1;
  readonly kind: 'rollback';
  readonly suite: string;
  readonly current: {
    readonly id: string;
    readonly fingerprint: string;
    readonly release: string;
    readonly passRate: number | null;
  };
  readonly baseline: {
    readonly id: string;
    readonly fingerprint: string;
    readonly release: string;
    readonly passRate: number | null;
  };
  readonly regressedCases: readonly string[];
  /** First snapshot in which the regression shows; null when it could not be placed. */
  readonly onset: {
    readonly snapshot: string;
    readonly at: string;
    readonly layersChanged: readonly LayerName[];
  } | null;
  readonly decision: 'verified' | 'unverified' | 'none';
  readonly reason: string;
  readonly target: RollbackTarget | null;
  readonly verification: Verification | null;
  readonly rejected: readonly Rejection[];
  readonly callsSpent: number;
  readonly steps: readonly string[];
}
