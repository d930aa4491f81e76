// The rollback decision: what to restore, how it was shown to work, and why everything else was refused.

import type { Interval } from './comparison.ts';
import type { InWords } from './reason.ts';
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
  | 'forgotten'
  | 'verification_failed'
  | 'verification_inconclusive'
  | 'budget';

export interface Rejection extends InWords {
  readonly fingerprint: string;
  readonly release: string;
  readonly reason: RejectionReason;
  /** One sentence with the numbers. */
  readonly detail: string;
}

export interface RollbackTarget {
  readonly fingerprint: string;
  readonly release: string;
  /** The snapshot that shows it was good; null for a hybrid that had not run before. */
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

/** One number of the target beside the same of the last good release; null = not known. */
export interface EconomyRatio {
  readonly baseline: number | null;
  readonly target: number | null;
  readonly ratio: number | null;
}

/** Cost, latency and length of the target's answers. */
export interface Economy {
  /** `control`: the last good release, run at the same time; `stored`: its stored runs. */
  readonly against: 'control' | 'stored';
  /** Mean cost of an answer in US dollars, median latency, mean length in code points. */
  readonly costUsd: EconomyRatio;
  readonly latencyMs: EconomyRatio;
  readonly length: EconomyRatio;
}

/** One demand of a verification, and whether it is met. `open` = not shown either way. */
export interface VerificationCondition extends InWords {
  readonly name:
    | 'pass-rate'
    | 'score'
    | 'tags'
    | 'recovery'
    | 'broken-cases'
    | 'critical'
    | 'economy'
    | 'run';
  readonly state: 'holds' | 'fails' | 'open';
  /** One sentence with the numbers. */
  readonly detail: string;
}

/** The last good release, run beside the target today. */
interface VerificationControl {
  readonly release: string;
  readonly fingerprint: string;
  /** Its newest snapshot of today. */
  readonly snapshot: string;
  readonly passRate: number | null;
  /** Today minus its stored runs. */
  readonly delta: number | null;
  /** One-sided p that it did not fall, noise between runs counted. */
  readonly p: number | null;
  /** Cases in which it fell. */
  readonly fell: readonly string[];
  /** It is no longer good: the world moved. */
  readonly moved: boolean;
}

export interface Verification extends InWords {
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
  /** Every demand with its numbers. Absent in decisions of older versions, as is what follows. */
  readonly conditions?: readonly VerificationCondition[] | undefined;
  /** null = the last good release could not be run, or is the target itself: its stored runs were the measure. */
  readonly control?: VerificationControl | null | undefined;
  /** Non-inferiority of the mean score; null where the score says no more than pass and fail. */
  readonly score?:
    | {
        readonly margin: number;
        readonly delta: number;
        readonly lowerBound: number;
        readonly holds: boolean;
      }
    | null
    | undefined;
  /** Cases that were good and fail now, shown on fresh trials. */
  readonly brokenCases?: readonly string[] | undefined;
  readonly economy?: Economy | undefined;
  /** Where the answer is open: trials a case and arm that would settle it 4 times in 5; null = not by trials alone. */
  readonly trialsToSettle?: number | null | undefined;
}

export interface RollbackDecision extends InWords {
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
    /** Of the blessed run alone. */
    readonly passRate: number | null;
    /** The runs of its release that count with it (itself included), their pass rate together, and the runs that do not count. */
    readonly pool?:
      | {
          readonly runs: number;
          readonly passRate: number | null;
          readonly leftOut: readonly { readonly snapshot: string; readonly reason: string }[];
        }
      | undefined;
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
