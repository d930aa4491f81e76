// What a night's decision rests on, and what it says of the suite and of single cases: levels and shapes.

import type { Interval } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';

/** The levels of the nightly schedule, spent over `horizon` nights. */
export const NIGHT_LEVELS = {
  /** A night this unusual is run again at once. */
  suspicion: 0.05,
  /** What the fresh second run must reach. */
  rerun: 0.003,
  week: { nights: 7, alpha: 0.001 },
  month: { nights: 28, alpha: 0.002 },
  /** Fresh trials a flagged case is given at a time. */
  caseTrials: 8,
  /** p times the number of flagged cases: below this a case gets a second helping of trials, below that it raises the alarm. */
  caseMore: 0.02,
  caseAlarm: 0.0001,
  horizon: 90,
} as const;

export interface NightEvidence {
  /** The pinned baseline, and further clean snapshots of its fingerprint. */
  readonly baseline: SnapshotResults;
  readonly pool: readonly SnapshotResults[];
  /** Usable nights of tonight's fingerprint since the baseline, oldest first, tonight last; at least `nightsNeeded` of them. */
  readonly nights: readonly SnapshotResults[];
  /** How many such nights there have been, tonight included. */
  readonly number: number;
  /** The whole suite run a second time, where it was. */
  readonly rerun?: SnapshotResults | undefined;
  /** Fresh trials of flagged cases: one entry per case and helping. */
  readonly fresh?: readonly CaseResult[] | undefined;
  /** Give cases that look worse fresh trials (default true). */
  readonly examineCases?: boolean | undefined;
  readonly policy: Policy;
  /** Permutations; default 9999. */
  readonly replicates?: number | undefined;
}

/** One look at the suite and its tags. `within-margin`: detectably lower, but by less than the policy minds. */
export interface NightLook {
  readonly look: 'night' | 'rerun' | 'week' | 'month';
  readonly outcome: 'quiet' | 'suspicious' | 'regressed' | 'within-margin' | 'improved';
  /** Adjusted one-sided p of a drop, over suite and tags. */
  readonly p: number;
  readonly alpha: number;
  /** Suite-wide, as shares. */
  readonly delta: number;
  readonly interval: Interval;
  /** `suite`, or the tag whose drop is the most surprising. */
  readonly drivenBy: string;
  readonly passRate: number;
  readonly baselinePassRate: number;
  readonly snapshots: readonly string[];
}

/** A case that looked worse tonight, and what its fresh trials say. */
export interface NightCase {
  readonly id: string;
  readonly baseline: { readonly passed: number; readonly trials: number };
  readonly tonight: { readonly passed: number; readonly trials: number };
  /** null = not given fresh trials (yet). */
  readonly fresh: { readonly passed: number; readonly trials: number } | null;
  readonly p: number | null;
  readonly q: number | null;
  /** `listed`: on the report's list, short of an alarm. */
  readonly outcome: 'suspected' | 'cleared' | 'listed' | 'alarm';
}
