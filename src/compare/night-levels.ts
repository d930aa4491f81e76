// What a night's decision rests on, and what it says of the suite and of single cases: levels and shapes.

import type { Interval } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import type { RunVariancePrior } from '../stats/run-variance.ts';
import type { EarlierNight } from './night-runs.ts';

/** A chart: tonight alone (two runs of it), or a weighted mean of the nights. */
export type ChartName = 'night' | 'fast' | 'slow';

/** Chance of a false alarm within the horizon that each chart of the suite may spend. */
const CHART_BUDGET: Readonly<Record<ChartName, number>> = { night: 0.003, fast: 0.01, slow: 0.007 };

/** What all tags together may spend, as a part of that: little is known of how a single tag varies. */
const TAG_SHARE = 1 / 3;

/**
 * A chart's maximum over 90 nights is as large as that of this many independent values (simulated, 60,000 series of independent
 * nights). Correlation between nights and the error of the pool make it fewer, never more (Slepian 1962).
 */
const INDEPENDENT_NIGHTS: Readonly<Record<ChartName, number>> = { night: 90, fast: 73, slow: 36 };

/** The levels of the nightly schedule, spent over `horizon` nights. */
export const NIGHT_LEVELS = {
  /** A night this unusual is run again. */
  suspicion: 0.01,
  /** What the second run must reach on its own: one bad hour is not enough. */
  rerun: 0.001,
  /** p of a chart at which it alarms, for the suite; each of T tags has a T-th of a third of it. */
  chart: {
    night: CHART_BUDGET.night / INDEPENDENT_NIGHTS.night,
    fast: CHART_BUDGET.fast / INDEPENDENT_NIGHTS.fast,
    slow: CHART_BUDGET.slow / INDEPENDENT_NIGHTS.slow,
  },
  tagShare: TAG_SHARE,
  /** What the charts of the suite and the tags spend in a horizon. */
  chartBudget: (1 + TAG_SHARE) * (CHART_BUDGET.night + CHART_BUDGET.fast + CHART_BUDGET.slow),
  /** Fresh trials a flagged case is given at a time. */
  caseTrials: 8,
  /** p times the number of flagged cases: below this a case gets a second batch of trials, below that it raises the alarm. */
  caseMore: 0.02,
  caseAlarm: 0.0001,
  /** The first nights after a blessing join the baseline's pool; later ones do not, so that a decay cannot hide in its own reference. */
  warmUp: 10,
  horizon: 90,
} as const;

/** A run that was left out of the pool, and why. */
interface LeftOut {
  readonly snapshot: string;
  readonly reason: string;
}

export interface NightEvidence {
  /** The pinned baseline, and further clean snapshots of its fingerprint. */
  readonly baseline: SnapshotResults;
  readonly pool: readonly SnapshotResults[];
  readonly tonight: SnapshotResults;
  /** Usable nights of tonight's fingerprint since the baseline that were in no alarm, oldest first. */
  readonly earlier: readonly EarlierNight[];
  /** How many usable nights there have been, tonight included. */
  readonly number: number;
  /** The whole suite run a second time, where it was. */
  readonly rerun?: SnapshotResults | undefined;
  /** Fresh trials of flagged cases: one entry per case and batch. */
  readonly fresh?: readonly CaseResult[] | undefined;
  /** Give cases that look worse fresh trials (default true). */
  readonly examineCases?: boolean | undefined;
  /** Work out what tonight could have shown (default true). */
  readonly detectionLimit?: boolean | undefined;
  readonly policy: Policy;
  /** Runs that were not let into the pool, for the record. */
  readonly leftOut?: readonly LeftOut[] | undefined;
  /** Permutations where lost trials might decide; default 9999. */
  readonly replicates?: number | undefined;
}

/** One look at the suite and its tags. `within-margin`: detectably lower, but by less than the policy minds. */
export interface NightLook {
  /** `week` and `month` only in nights recorded by earlier versions. */
  readonly look: 'night' | 'rerun' | 'ewma-fast' | 'ewma-slow' | 'week' | 'month';
  readonly outcome: 'quiet' | 'suspicious' | 'regressed' | 'within-margin' | 'improved';
  /** One-sided p of a drop, over suite and tags; `regressed` at `alpha` or below. */
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

/** The reference of the charts: its runs, and how much runs of this release vary on the logit scale. */
export interface NightPool {
  readonly runs: number;
  readonly sd: number;
  readonly correlation: number;
  readonly prior: RunVariancePrior;
  readonly leftOut: readonly LeftOut[];
}
