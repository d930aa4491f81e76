// What changed between two snapshots, case by case, with a verdict and its reason. This object is the JSON the cli prints.

import type { InWords } from './reason.ts';
import type { LayerName } from './release.ts';
import type { Validity } from './snapshot.ts';
import type { CaseContent } from './suite.ts';

export type Verdict = 'regressed' | 'improved' | 'unchanged' | 'inconclusive';
/** Coverage states: nothing was compared, and that is said. */
type CoverageState = 'added' | 'removed' | 'edited' | 'ungraded';
/** `no-regression-found`: neither a change nor its absence was shown, nothing looks worse, and a drop that matters would have been seen. `invalid`: the snapshots cannot be compared at all (other judge, no matched case, invalid run). Never green. */
export type OverallVerdict = Verdict | 'no-regression-found' | 'invalid';

/** [lower, upper]. */
export type Interval = readonly [number, number];

/** A whole snapshot, whether its cases could be compared or not. */
export interface RunSummary {
  /** Mean case pass rate; null when nothing was graded. */
  readonly passRate: number | null;
  /** Cases with a graded trial. */
  readonly cases: number;
  readonly trials: number;
  readonly passed: number;
}

export interface ArmSummary {
  readonly id: string;
  readonly release: string;
  readonly fingerprint: string;
  readonly exam: string;
  readonly startedAt: string;
  readonly validity: Validity;
  readonly validityReasons: readonly string[];
  readonly simulated: boolean;
  /** True: it came out of an exported file. */
  readonly imported?: boolean | undefined;
  /** Mean case pass rate over the compared cases of this arm; null when none. */
  readonly passRate: number | null;
  readonly meanScore: number | null;
  readonly cases: number;
  /** Graded trials among the compared cases. */
  readonly trials: number;
  /** Passed trials among them. */
  readonly passed: number;
  /** All cases of the snapshot; absent in comparisons kept by earlier versions. */
  readonly run?: RunSummary | undefined;
  /** What the whole snapshot took, fresh trials for flagged cases not counted; absent in comparisons kept by earlier versions. */
  readonly spent?:
    | {
        readonly calls: number;
        /** US dollars; null = unknown for at least one trial. */
        readonly costUsd: number | null;
        /** See `SnapshotSummary`. */
        readonly knownCostUsd?: number | undefined;
        readonly unpricedTrials?: number | undefined;
        readonly judgeCostUsd: number | null;
        readonly knownJudgeCostUsd?: number | undefined;
        readonly unpricedJudgings?: number | undefined;
        /** Fingerprint of the judge; null without one. */
        readonly judge: string | null;
      }
    | undefined;
}

export interface CaseArm {
  /** Share of graded trials that passed. */
  readonly passRate: number;
  readonly score: number;
  readonly passed: number;
  readonly trials: number;
  /** Posterior mean under the suite's prior, fresh trials included, for display; null when not computed. */
  readonly shrunkRate: number | null;
}

interface CaseDeltaBase extends InWords {
  readonly id: string;
  readonly tags: readonly string[];
  readonly group: string | null;
  readonly critical: boolean;
  /** One sentence: the rule that decided and its numbers. */
  readonly reason: string;
}

export interface PairedDelta extends CaseDeltaBase {
  readonly verdict: Verdict;
  /** `confirmed`: on fresh trials; `suspected`: only on the trials that made it look suspicious; null otherwise. */
  readonly evidence: 'confirmed' | 'suspected' | null;
  /** Passes sometimes in both arms. */
  readonly flaky: boolean;
  readonly baseline: CaseArm;
  readonly candidate: CaseArm;
  /** Candidate minus baseline pass rate. */
  readonly delta: number;
  /** Of the delta at the policy's confidence; null when there is nothing to compute it from. */
  readonly interval: Interval | null;
  /** One-sided p of a drop. */
  readonly p: number | null;
  /** Benjamini–Hochberg adjusted over the flagged cases. */
  readonly q: number | null;
  /** Fresh confirmation trials, where they were run. */
  readonly confirmation: {
    readonly baseline: { passed: number; trials: number };
    readonly candidate: { passed: number; trials: number };
  } | null;
  /** One output of each side that shows the change; filled in for the worst cases. */
  readonly example?: OutputExample | undefined;
}

export interface CoverageDelta extends CaseDeltaBase {
  readonly verdict: CoverageState;
}

export type CaseDelta = PairedDelta | CoverageDelta;

/** Model text, as hostile as any. */
export interface OutputExample {
  readonly trial: { readonly baseline: number; readonly candidate: number };
  readonly baseline: string;
  readonly candidate: string;
  /** Why the candidate's trial failed, from its graders. */
  readonly candidateReasons: readonly string[];
  /** What the case asks and expects; absent in comparisons kept by earlier versions. */
  readonly content?: CaseContent | undefined;
}

/** One difference with its interval and its one-sided p of a drop. */
export interface Contrast {
  readonly delta: number;
  readonly interval: Interval;
  /** One-sided p of a drop; of `world`, two-sided. */
  readonly p: number;
  /** Cases it was measured on. */
  readonly cases: number;
}

/** What a comparison with a control of today says: the change is measured between arms that share the hour. */
export interface Contrasts {
  /** Candidate against the baseline's release, run today where a control was run, else against the stored runs. */
  readonly change: Contrast | null;
  /** The baseline's release today against its stored runs; null = not run today. */
  readonly world: Contrast | null;
  /** Cases in which the baseline's release itself fails today. */
  readonly worldCases: readonly string[];
}

/** Whose doing it is; null = not known. */
export type Cause = 'change' | 'world' | 'both' | 'neither';

/** The noise between runs that a comparison of runs made at different times carries. */
export interface BetweenRuns {
  /** Runs of the baseline it was estimated from. */
  readonly runs: number;
  /** Standard deviation of a run on the logit scale. */
  readonly sd: number;
  /** Correlation of two runs a day apart. */
  readonly correlation: number;
  /** What was assumed before, and worth how many runs. */
  readonly prior: { readonly sd: number; readonly weight: number };
}

/** A run of the baseline's release that does not count as its baseline, and why. */
export interface LeftOutRun {
  readonly snapshot: string;
  readonly reason: string;
}

/** The stored runs that the candidate is compared with. */
export interface ComparisonPool {
  /** Snapshots: the baseline itself first, then the others, newest first. */
  readonly runs: readonly string[];
  /** Pass rate of the baseline's own run over the compared cases; that of all runs together is the baseline's. */
  readonly ownPassRate: number | null;
  readonly leftOut: readonly LeftOutRun[];
}

export interface Flips {
  readonly passToFail: number;
  readonly failToPass: number;
  readonly bothPass: number;
  readonly bothFail: number;
}

export interface Slice extends InWords {
  readonly tag: string;
  readonly cases: number;
  readonly baseline: { readonly passRate: number; readonly passed: number; readonly trials: number };
  readonly candidate: { readonly passRate: number; readonly passed: number; readonly trials: number };
  readonly delta: number;
  readonly interval: Interval | null;
  readonly verdict: Verdict;
  readonly reason: string;
  /** Two-sided, of this slice alone. */
  readonly p: number | null;
  readonly log10p: number | null;
  /** Adjusted over suite and slices (Westfall–Young); null when the slice is too small to be tested. */
  readonly q: number | null;
  readonly flips: Flips | null;
}

export interface Distribution {
  readonly n: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
}

/** A secondary channel: a shift warns, it does not fail the gate unless the policy says so. */
export interface Metric extends InWords {
  readonly unit: string;
  /** null = not measured on that side. */
  readonly baseline: Distribution | null;
  readonly candidate: Distribution | null;
  readonly verdict: 'shifted' | 'unchanged' | 'not-tested' | 'unavailable';
  readonly reason: string;
  readonly p: number | null;
  /** Relative change, e.g. 0.25 = a quarter more; null when not computable. */
  readonly change: number | null;
  readonly interval: Interval | null;
}

export interface RateMetric extends InWords {
  readonly unit: 'share';
  readonly baseline: number | null;
  readonly candidate: number | null;
  readonly verdict: Metric['verdict'];
  readonly reason: string;
  readonly p: number | null;
}

/**
 * The embedding channel: did the answers' meaning move, whatever their words? Vectors are of unit length; `shift` is the length of the
 * movement that the cases have in common, noise taken off, so that 0.1 = a tenth of the way to an answer at cosine 0.5.
 */
export interface EmbeddingMetric extends InWords {
  readonly verdict: Metric['verdict'];
  readonly reason: string;
  readonly p: number | null;
  readonly shift: number | null;
  /** A shift below it is never called one, whatever p. */
  readonly floor: number;
  /** Cosine between the mean vectors of the two sides. */
  readonly centroidCosine: number | null;
  /** Spread of the answers to one case, candidate over baseline; null with one trial a case. */
  readonly dispersionRatio: number | null;
  /** Squared maximum mean discrepancy within cases, unbiased, so about 0 when nothing moved; null with one trial a case. */
  readonly mmd: number | null;
  /** Fingerprint of the embedder's release. */
  readonly embedder: string | null;
  readonly dimension: number | null;
  /** Cases with a vector on both sides. */
  readonly cases: number;
  /** Answers with a vector in those cases. */
  readonly n: { readonly baseline: number; readonly candidate: number };
  /** Answered trials without a vector. */
  readonly missing: { readonly baseline: number; readonly candidate: number };
}

export interface Coverage {
  readonly paired: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly edited: readonly string[];
  readonly ungraded: readonly string[];
  /** Planned trials without a usable grade, per arm, with the reasons counted. */
  readonly missing: {
    readonly baseline: MissingTrials;
    readonly candidate: MissingTrials;
  };
  readonly sentence: string;
}

export interface MissingTrials {
  readonly planned: number;
  readonly missing: number;
  readonly byReason: Readonly<Record<string, number>>;
}

export interface Attribution {
  readonly layersChanged: readonly LayerName[];
  readonly servedModelChanged: boolean;
  readonly servedModels: {
    readonly baseline: readonly (string | null)[];
    readonly candidate: readonly (string | null)[];
  };
  readonly systemFingerprintChanged: boolean;
  readonly examChanged: readonly string[];
  /** e.g. `prompt change`, `provider-side drift suspected`, `no change in configuration`. */
  readonly diagnosis: string;
}

export interface GateRule extends InWords {
  readonly rule: string;
  readonly value: number | string | null;
  readonly limit: number | string | null;
  readonly outcome: 'pass' | 'fail' | 'warn' | 'inconclusive';
  readonly message: string;
}

export interface Gate {
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  readonly rules: readonly GateRule[];
}

/** One judgement within a comparison: on how many trials, by which rates, and what it said. */
export interface JudgedRung {
  readonly tier: string;
  /** Per case and arm. */
  readonly trials: number;
  readonly alphaAggregate: number;
  readonly alphaCase: number;
  readonly confidence: number;
  readonly pRegression: number | null;
  readonly delta: number | null;
  readonly interval: Interval | null;
  readonly verdict: OverallVerdict;
  /** Cases whose fresh trials look worse still, and are tried again at the next rung. */
  readonly suspects: readonly string[];
  /** Snapshots that hold the fresh trials run at this rung; `baseline` is null where the baseline was stored. */
  readonly fresh: { readonly baseline: string | null; readonly candidate: string } | null;
}

/** A comparison of the same two releases under the same exam that was run before. */
export interface EarlierComparison {
  readonly baseline: string;
  readonly candidate: string;
  readonly at: string;
  readonly tier: string;
  /** Most trials per case and arm it was judged on. */
  readonly trials: number;
  readonly verdict: OverallVerdict;
  readonly green: boolean;
  readonly spent: number;
}

/** How often this was asked, and what rate of false alarms all of it together may have spent. */
export interface Multiplicity {
  /** `continued`: trials were added to an undecided comparison; `repetition`: the same was asked once more. */
  readonly role: 'first' | 'continued' | 'repetition';
  /** Candidate snapshot of the comparison this one goes on with. */
  readonly continues: string | null;
  readonly rungs: readonly JudgedRung[];
  /** Oldest first; what was continued is counted into what came of it. */
  readonly earlier: readonly EarlierComparison[];
  /** By this comparison, and by all of them; the policy's rates together are the limit. */
  readonly spent: number;
  readonly spentTogether: number;
  readonly limit: number;
  readonly sentence: string;
}

export interface Comparison extends InWords {
  readonly schemaVersion: 1;
  readonly kind: 'comparison';
  readonly suite: string;
  readonly baseline: ArmSummary;
  readonly candidate: ArmSummary;
  readonly verdict: OverallVerdict;
  /** The one rule that decided, with its numbers. */
  readonly reason: string;
  readonly overall: {
    /** Candidate minus baseline mean case pass rate; null when nothing was paired. */
    readonly delta: number | null;
    readonly interval: Interval | null;
    readonly confidence: number;
    /** Two-sided p of the suite statistic. */
    readonly p: number | null;
    /** log10 of `p`, right also where `p` underflows to 0. */
    readonly log10p: number | null;
    /** Adjusted one-sided global p (suite and slices together). */
    readonly pRegression: number | null;
    readonly pImprovement: number | null;
    /** Which statistic was the minimum: `suite` or a tag. */
    readonly drivenBy: string | null;
    readonly method: string;
    readonly pairs: number;
    readonly baselineTrialsPerCase: number | null;
    readonly candidateTrialsPerCase: number | null;
    /** The smallest uniform change in pass rate this comparison would have seen 4 times in 5. */
    readonly minimumDetectable: number | null;
    /** Trials per arm and case that would settle an inconclusive verdict; null when settled. */
    readonly trialsNeeded: number | null;
    /** Does it generalise to traffic like this: mean, 95 % interval over groups. Reported, never gating. */
    readonly generalisation: {
      readonly interval: Interval | null;
      readonly clusters: number;
      readonly note: string | null;
    };
  };
  readonly flips: Flips;
  readonly counts: Readonly<Record<Verdict | CoverageState, number>>;
  readonly cases: readonly CaseDelta[];
  readonly slices: readonly Slice[];
  readonly metrics: {
    readonly length: Metric;
    readonly latencyMs: Metric;
    readonly costUsd: Metric;
    readonly refusalRate: RateMetric;
    readonly embedding: EmbeddingMetric;
    /** Graded quality apart from pass or fail; `change` is the fall or rise of the mean score. Absent in comparisons kept by earlier versions. */
    readonly score?: Metric | undefined;
  };
  readonly attribution: Attribution;
  /** Absent in comparisons kept by earlier versions. */
  readonly contrasts?: Contrasts | undefined;
  readonly cause?: Cause | null | undefined;
  /** null = the arms were run together, so no noise between runs enters. */
  readonly betweenRuns?: BetweenRuns | null | undefined;
  /** Absent where the arms were run together, and in comparisons kept by earlier versions. */
  readonly pool?: ComparisonPool | undefined;
  readonly coverage: Coverage;
  readonly gate: Gate;
  /** What makes it reproducible bit for bit. */
  readonly engine: {
    readonly seed: number;
    readonly replicates: number;
    readonly margin: number;
    readonly alphaAggregate: number;
    readonly alphaCase: number;
    readonly alphaList: number;
    readonly tier: string;
    readonly callsSpent: number;
  };
  /** Only of comparisons that ran trials: a stored diff can be read as often as one likes. */
  readonly multiplicity?: Multiplicity | undefined;
  /** Confounds and cautions, e.g. a gain that may be the judge's taste for length. */
  readonly notes: readonly string[];
}
