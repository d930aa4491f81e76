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
  /** What is known of each dependent's fit with the target; absent in decisions of older versions. */
  readonly dependentStates?: readonly DependentState[] | undefined;
}

/** Does the state built from a layer fit the target's layer? Only its own `check` command, run lately, can say so. */
export interface DependentState {
  readonly name: string;
  readonly builtFrom: LayerName;
  readonly state: 'fits' | 'does-not-fit' | 'not-checked' | 'no-check';
  /** ISO time of the check; null when there was none. */
  readonly checkedAt: string | null;
  /** One sentence: what was found, or what to do. */
  readonly detail: string;
  readonly check?: string | undefined;
  readonly rebuild?: string | undefined;
}

/** One run of a dependent's `check` command, as the ledger keeps it (record kind `state-check`). */
export interface StateCheck {
  readonly name: string;
  readonly builtFrom: LayerName;
  /** The release whose layer it was checked against, and that layer's hash (null = the release has no such layer). */
  readonly fingerprint: string;
  readonly layerHash: string | null;
  readonly command: string;
  readonly outcome: 'fits' | 'does-not-fit' | 'not-started' | 'timeout';
  readonly exitCode: number | null;
  /** The end of what it printed; secrets masked. */
  readonly output: string;
  /** ISO time. */
  readonly at: string;
}

/** A bound on the drop of the critical cases, with their own margin. */
export interface CriticalCheck {
  readonly cases: number;
  readonly margin: number;
  readonly delta: number;
  readonly lowerBound: number;
  readonly holds: boolean;
}

export interface Verification {
  /** The fresh snapshot that was made to prove it; the last one where there were several. */
  readonly snapshot: string;
  /** All of them, oldest first, where more than one run was needed. */
  readonly snapshots?: readonly string[] | undefined;
  /** Non-inferiority of the cases marked `critical`; absent or null when there are none. */
  readonly critical?: CriticalCheck | null | undefined;
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
  /** Whose change it was: `prompt change`, `provider-side drift suspected`, … */
  readonly diagnosis?: string | undefined;
  /** The newest rehearsal of this suite's rollback; null when there never was one. */
  readonly lastDrill?: { readonly at: string; readonly outcome: string; readonly ageDays: number } | null;
}
