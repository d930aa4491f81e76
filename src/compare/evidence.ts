// What the paired trials say about the suite and its tags: differences, p-values and intervals. No verdict is taken here.

import type { Interval } from '../core/comparison.ts';
import { type AdditiveStatistic, additiveFamilies } from '../stats/additive-permutation.ts';
import type { TwoArms } from '../stats/fisher.ts';
import { MeanChange } from '../stats/mean-change.ts';
import type { StrataSubset } from '../stats/permutation-data.ts';
import type { NoiseMixture } from '../stats/run-variance.ts';
import { stratifiedExact } from '../stats/stratified-exact.ts';
import { familyWeights } from '../stats/westfall-young.ts';
import { westfallYoungBinaryK1 } from '../stats/westfall-young-binary.ts';
import { westfallYoungCounts } from '../stats/westfall-young-counts.ts';
import { rateOf } from './arm.ts';
import { groupNoise, groupUnits } from './groups.ts';
import { MIN_CASES_FOR_SLICE } from './options.ts';
import type { PairedCase } from './pairing.ts';
import { type Sessions, sessionNoise } from './sessions.ts';
import { shapeScores } from './shape-scores.ts';

/** A tag and the paired cases (indices) that carry it. */
export interface TagMembers {
  readonly tag: string;
  readonly members: Int32Array;
  /** Large enough to test, and not simply the whole suite. */
  readonly tested: boolean;
}

/** p of one statistic on its own. */
export interface OwnP {
  readonly less: number;
  readonly greater: number;
  readonly twoSided: number;
  /** log10 of `twoSided`, right also where that underflows. */
  readonly log10TwoSided: number;
}

/** p adjusted for the suite and its tags having been looked at together. */
export interface AdjustedP {
  readonly less: number;
  readonly greater: number;
}

/** The numbers a verdict on the suite rests on. */
export interface Evidence {
  /** Mean over cases of candidate rate minus baseline rate. */
  readonly delta: number;
  readonly interval: Interval;
  readonly suite: OwnP;
  readonly suiteAdjusted: AdjustedP;
  /** Of the tested tags. */
  readonly tagAdjusted: ReadonlyMap<string, AdjustedP>;
  readonly pRegression: number;
  readonly pImprovement: number;
  /** Which statistic had the smallest weighted p in each direction: `suite` or a tag. */
  readonly drivenBy: { readonly less: string; readonly greater: string };
  readonly method: string;
  readonly replicates: number;
  /** The suite's mean change as a test against any size. */
  readonly change: MeanChange;
  /** The family's p on trial noise alone, what sessions add not counted: for screening only. */
  readonly permuted: AdjustedP & { readonly suite: AdjustedP; readonly tags: ReadonlyMap<string, AdjustedP> };
}

/** True when every case has exactly one graded trial in each arm. */
function isSingleTrial(pairs: readonly PairedCase[]): boolean {
  return pairs.every((p) => p.baseline.graded === 1 && p.candidate.graded === 1);
}

/** The tags of the paired cases in alphabetical order, with the cases that carry each. */
export function tagMembers(pairs: readonly PairedCase[]): TagMembers[] {
  const byTag = new Map<string, number[]>();
  for (const [i, pair] of pairs.entries())
    for (const tag of pair.tags.length < 2 ? pair.tags : new Set(pair.tags)) {
      const members = byTag.get(tag);
      if (members === undefined) byTag.set(tag, [i]);
      else members.push(i);
    }
  return [...byTag]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tag, members]) => ({
      tag,
      members: Int32Array.from(members),
      tested: members.length >= MIN_CASES_FOR_SLICE && members.length < pairs.length,
    }));
}

function* countsOf(pairs: readonly PairedCase[]): Iterable<TwoArms> {
  for (const { baseline, candidate } of pairs)
    yield { xA: baseline.passed, kA: baseline.graded, xB: candidate.passed, kB: candidate.graded };
}

/** Exact p of the number of passes in the candidate, given each case's passes in both arms together; with one trial each it is McNemar's. */
export function ownP(pairs: readonly PairedCase[]): OwnP {
  const exact = stratifiedExact(countsOf(pairs));
  return {
    less: exact.pLess,
    greater: exact.pGreater,
    twoSided: Math.min(1, 2 * Math.min(exact.pLess, exact.pGreater)),
    log10TwoSided: Math.min(0, Math.LOG10E * Math.LN2 + Math.min(exact.log10Less, exact.log10Greater)) + 0,
  };
}

/** Difference of the two rates of each case. */
export function deltasOf(pairs: readonly PairedCase[]): Float64Array {
  return Float64Array.from(pairs, (p) => rateOf(p.candidate) - rateOf(p.baseline));
}

/** Mean of the case deltas; the caller guarantees at least one pair. */
export function meanDelta(pairs: readonly PairedCase[]): number {
  let sum = 0;
  for (const p of pairs) sum += rateOf(p.candidate) - rateOf(p.baseline);
  return sum / pairs.length;
}

/**
 * The mean change of these cases as a test against any size of change: trial noise, what declared groups add, and what sessions add
 * where the arms were run at different times.
 */
export function changeOf(pairs: readonly PairedCase[], sessions: NoiseMixture | null = null): MeanChange {
  const strata = [...countsOf(pairs)];
  const trial = new MeanChange(strata, sessions);
  const group = groupNoise(pairs, trial.varianceAt(0));
  if (group === 0) return trial;
  return new MeanChange(strata, {
    weights: sessions?.weights ?? Float64Array.of(1),
    variances: sessions?.variances.map((v) => v + group) ?? Float64Array.of(group),
  });
}

/** Two-sided interval of the mean change over these fixed cases. */
export function deltaInterval(
  pairs: readonly PairedCase[],
  confidence: number,
  sessions: NoiseMixture | null = null,
): Interval {
  return intervalOf(changeOf(pairs, sessions), confidence);
}

function intervalOf(change: MeanChange, confidence: number): Interval {
  const level = (1 - confidence) / 2;
  return [change.lower(level), change.upper(level)];
}

interface Family {
  readonly suite: AdjustedP;
  readonly tags: readonly AdjustedP[];
  readonly globalLess: number;
  readonly globalGreater: number;
  readonly minimumLess: number;
  readonly minimumGreater: number;
  readonly replicates: number;
}

/** Shares of the suite's family: its mean, the two other shapes of a fall, and all tags together. */
export const FAMILY_SHARES = { mean: 0.3, likelihood: 0.25, falls: 0.1, tags: 0.35 } as const;
/** Above this many cases the mean sees whatever the other shapes would, and drawing case by case is slow. */
const MOST_CASES_FOR_SHAPES = 5000;

/** The suite's mean and the tags alone: for large suites, and in the direction of improvement. */
function permuteMeans(
  pairs: readonly PairedCase[],
  tags: readonly TagMembers[],
  seed: number,
  replicates: number,
): Family {
  const statistics: StrataSubset[] = [null, ...tags.map((t) => t.members)];
  const weights = familyWeights(tags.length);
  const options = { seed, replicates, weights };
  const family = isSingleTrial(pairs)
    ? westfallYoungBinaryK1(
        Int8Array.from(pairs, (p) => p.candidate.passed - p.baseline.passed),
        statistics,
        options,
      )
    : westfallYoungCounts([...countsOf(pairs)], statistics, options);
  const adjusted = statistics.map((_, s) => ({
    less: family.less.adjusted[s] ?? 1,
    greater: family.greater.adjusted[s] ?? 1,
  }));
  return {
    suite: adjusted[0] ?? { less: 1, greater: 1 },
    tags: adjusted.slice(1),
    globalLess: family.less.globalP,
    globalGreater: family.greater.globalP,
    minimumLess: family.less.minimum,
    minimumGreater: family.greater.minimum,
    replicates: family.replicates,
  };
}

/**
 * The same with two more statistics that look for a fall of the suite: the likelihood ratio of a uniform drop, which weighs a failure
 * of a case that never fails more than one of a flaky case, and the sum of squared falls, which sees changes that cancel in the
 * mean. Declared groups exchange their labels whole. An improvement is looked for in the means only.
 */
function permuteFamily(
  pairs: readonly PairedCase[],
  tags: readonly TagMembers[],
  seed: number,
  replicates: number,
): Family {
  const { mean, likelihood, falls } = shapeScores(pairs);
  const share = tags.length === 0 ? 1 - FAMILY_SHARES.tags : 1;
  const suite: AdditiveStatistic[] = [
    { scores: mean, weight: FAMILY_SHARES.mean / share },
    { scores: likelihood, weight: FAMILY_SHARES.likelihood / share },
    { scores: falls, weight: FAMILY_SHARES.falls / share },
  ];
  const each = FAMILY_SHARES.tags / Math.max(1, tags.length);
  const own = tags.map(({ members }): AdditiveStatistic => {
    const scores: (ArrayLike<number> | undefined)[] = new Array(pairs.length).fill(undefined);
    for (const i of members) scores[i] = mean[i];
    return { scores, weight: each };
  });
  const means = familyWeights(tags.length);
  const {
    less,
    greater,
    replicates: made,
  } = additiveFamilies(
    [...countsOf(pairs)],
    [...suite, ...own],
    // In the direction of improvement: the mean, and the tags.
    { seed, replicates, units: groupUnits(pairs) },
    { statistics: [0, ...tags.map((_, t) => suite.length + t)], weights: means },
  );
  const suiteLess = Math.min(...suite.map((_, i) => less.adjusted[i] ?? 1));
  return {
    suite: { less: suiteLess, greater: greater.adjusted[0] ?? 1 },
    tags: tags.map((_, t) => ({
      less: less.adjusted[suite.length + t] ?? 1,
      greater: greater.adjusted[1 + t] ?? 1,
    })),
    globalLess: less.globalP,
    globalGreater: greater.globalP,
    minimumLess: Math.max(0, less.minimum - suite.length + 1),
    minimumGreater: greater.minimum,
    replicates: made,
  };
}

function familyOf(
  pairs: readonly PairedCase[],
  tested: readonly TagMembers[],
  seed: number,
  replicates: number,
): Family {
  const large = pairs.length > MOST_CASES_FOR_SHAPES;
  return (large ? permuteMeans : permuteFamily)(pairs, tested, seed, replicates);
}

function methodText(pairs: readonly PairedCase[], tested: number, sessions: Sessions | null): string {
  const unit = groupUnits(pairs) === undefined ? 'within-case' : 'whole-group';
  const shapes = pairs.length > MOST_CASES_FOR_SHAPES ? 'mean' : 'mean, likelihood ratio, squared falls';
  const exact = isSingleTrial(pairs) ? 'exact McNemar; ' : '';
  const test = `${exact}${unit} permutation of the passes (${shapes})`;
  const family =
    tested === 0 ? test : `${test}; Westfall–Young min-p with ${tested} ${tested === 1 ? 'tag' : 'tags'}`;
  return sessions === null
    ? family
    : `${family}; between-run variance from ${sessions.suite.runs} runs (session sd ${sessions.suite.sd.toFixed(2)} on the logit scale)`;
}

/** One-sided p-values of the suite and its tags when what sessions add is counted, each divided by its share of the family. */
function sessionTails(
  pairs: readonly PairedCase[],
  tested: readonly TagMembers[],
  sessions: Sessions,
  suite: MeanChange,
): { readonly suite: AdjustedP; readonly tags: readonly AdjustedP[] } {
  const [share = 1, each = 1] = familyWeights(tested.length);
  const tails = (change: MeanChange, weight: number): AdjustedP => ({
    less: Math.min(1, change.pAtLeast(0) / weight),
    greater: Math.min(1, change.pAtMost(0) / weight),
  });
  return {
    suite: tails(suite, share),
    tags: tested.map((t) => {
      const members = Array.from(t.members, (i) => pairs[i] as PairedCase);
      const variance = sessions.byTag.get(t.tag) ?? sessions.suite;
      return tails(changeOf(members, sessionNoise(variance, sessions)), each);
    }),
  };
}

/** What a family says once sessions are counted: a claim has to hold under both. */
function withSessions(
  family: Family,
  pairs: readonly PairedCase[],
  tested: readonly TagMembers[],
  sessions: Sessions,
  suite: MeanChange,
): Family {
  const session = sessionTails(pairs, tested, sessions, suite);
  const worse = (a: AdjustedP, b: AdjustedP | undefined): AdjustedP => ({
    less: Math.max(a.less, b?.less ?? 1),
    greater: Math.max(a.greater, b?.greater ?? 1),
  });
  const tags = family.tags.map((t, i) => worse(t, session.tags[i]));
  const all = [worse(family.suite, session.suite), ...tags];
  const least = (side: 'less' | 'greater'): { p: number; at: number } =>
    all.reduce((best, p, at) => (p[side] < best.p ? { p: p[side], at } : best), {
      p: Number.POSITIVE_INFINITY,
      at: 0,
    });
  const less = least('less');
  const greater = least('greater');
  return {
    suite: all[0] ?? { less: 1, greater: 1 },
    tags,
    globalLess: less.p,
    globalGreater: greater.p,
    minimumLess: less.at,
    minimumGreater: greater.at,
    replicates: family.replicates,
  };
}

/** A permutation cannot show a p below one in its replicates; the exact p of the mean, divided by its share, can. */
function sharpened(family: Family, own: OwnP, units: Int32Array | undefined): Family {
  if (units !== undefined) return family;
  const less = own.less / FAMILY_SHARES.mean;
  const greater = own.greater / 0.5;
  return {
    ...family,
    ...(less < family.globalLess ? { globalLess: less, minimumLess: 0 } : {}),
    ...(greater < family.globalGreater ? { globalGreater: greater, minimumGreater: 0 } : {}),
    suite: {
      less: Math.min(family.suite.less, less),
      greater: Math.min(family.suite.greater, greater),
    },
  };
}

/** How the trials are weighed. */
export interface Weighing {
  readonly seed: number;
  readonly replicates: number;
  readonly confidence: number;
  /** Given where the arms were run at different times. */
  readonly sessions?: Sessions | null | undefined;
}

/** Everything the trials say about the suite and its tags. Throws RangeError when there is no pair. */
export function weigh(pairs: readonly PairedCase[], tags: readonly TagMembers[], how: Weighing): Evidence {
  const own = ownP(pairs);
  const tested = tags.filter((t) => t.tested);
  const sessions = how.sessions ?? null;
  const change = changeOf(pairs, sessions === null ? null : sessionNoise(sessions.suite, sessions));
  const permuted = sharpened(familyOf(pairs, tested, how.seed, how.replicates), own, groupUnits(pairs));
  const family = sessions === null ? permuted : withSessions(permuted, pairs, tested, sessions, change);
  const nameOf = (index: number): string => tested[index - 1]?.tag ?? 'suite';
  return {
    delta: change.delta,
    interval: intervalOf(change, how.confidence),
    change,
    suite: own,
    suiteAdjusted: family.suite,
    tagAdjusted: new Map(tested.map((t, i) => [t.tag, family.tags[i] ?? { less: 1, greater: 1 }])),
    pRegression: family.globalLess,
    pImprovement: family.globalGreater,
    drivenBy: { less: nameOf(family.minimumLess), greater: nameOf(family.minimumGreater) },
    method: methodText(pairs, tested.length, sessions),
    replicates: family.replicates,
    permuted: {
      less: permuted.globalLess,
      greater: permuted.globalGreater,
      suite: permuted.suite,
      tags: new Map(tested.map((t, i) => [t.tag, permuted.tags[i] ?? { less: 1, greater: 1 }])),
    },
  };
}
