// What the paired trials say about the suite and its tags: differences, p-values and intervals. No verdict is taken here.

import type { Interval } from '../core/comparison.ts';
import { moverDelta, pairedAdjustedWald, withinVariance } from '../stats/delta-interval.ts';
import { designPower } from '../stats/design-power.ts';
import type { TwoArms } from '../stats/fisher.ts';
import { varianceOf } from '../stats/numeric.ts';
import type { StrataSubset } from '../stats/permutation-data.ts';
import { stratifiedExact } from '../stats/stratified-exact.ts';
import { familyWeights } from '../stats/westfall-young.ts';
import { westfallYoungBinaryK1 } from '../stats/westfall-young-binary.ts';
import { westfallYoungCounts } from '../stats/westfall-young-counts.ts';
import { rateOf } from './arm.ts';
import { MIN_CASES_FOR_SLICE } from './options.ts';
import type { PairedCase } from './pairing.ts';

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
}

/** True when every case has exactly one graded trial in each arm. */
export function isSingleTrial(pairs: readonly PairedCase[]): boolean {
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

/** One array a case: its passes as ones, then its failures as zeros. Cases with equal counts share an array. */
function armOutcomes(pairs: readonly PairedCase[], arm: 'baseline' | 'candidate'): Float64Array[] {
  const shared = new Map<number, Map<number, Float64Array>>();
  return pairs.map((pair) => {
    const { passed, graded } = pair[arm];
    let sized = shared.get(graded);
    if (sized === undefined) {
      sized = new Map();
      shared.set(graded, sized);
    }
    let values = sized.get(passed);
    if (values === undefined) {
      values = new Float64Array(graded).fill(1, 0, passed);
      sized.set(passed, values);
    }
    return values;
  });
}

/**
 * Interval of the mean delta over these fixed cases. With two or more trials in every arm of every case the trial noise can
 * be measured (MOVER–Wilson); otherwise it is read off the spread of the deltas (Bonett–Price), which can only be wider.
 */
export function deltaInterval(pairs: readonly PairedCase[], confidence: number): Interval {
  const repeated = pairs.every((p) => p.baseline.graded >= 2 && p.candidate.graded >= 2);
  const { lower, upper } = repeated
    ? moverDelta(armOutcomes(pairs, 'baseline'), armOutcomes(pairs, 'candidate'), confidence)
    : pairedAdjustedWald(deltasOf(pairs), 1, confidence);
  return [lower, upper];
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

function permuteFamily(
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

/** Does every case have the same number of graded trials in an arm? Then the count of passes orders outcomes exactly as the mean delta does. */
function evenTrials(pairs: readonly PairedCase[]): boolean {
  const first = pairs[0];
  if (first === undefined) return true;
  return pairs.every(
    (p) => p.baseline.graded === first.baseline.graded && p.candidate.graded === first.candidate.graded,
  );
}

function familyOf(
  pairs: readonly PairedCase[],
  tested: readonly TagMembers[],
  own: OwnP,
  seed: number,
  replicates: number,
): Family {
  // Alone, the suite needs no adjustment and no random numbers.
  if (tested.length === 0 && evenTrials(pairs)) {
    const suite = { less: own.less, greater: own.greater };
    return {
      suite,
      tags: [],
      globalLess: own.less,
      globalGreater: own.greater,
      minimumLess: 0,
      minimumGreater: 0,
      replicates,
    };
  }
  return permuteFamily(pairs, tested, seed, replicates);
}

function methodText(pairs: readonly PairedCase[], tested: number): string {
  const test = isSingleTrial(pairs)
    ? 'exact McNemar'
    : 'within-case permutation (exact stratified test of the passes)';
  return tested === 0
    ? test
    : `${test}; Westfall–Young min-p over the suite and ${tested} ${tested === 1 ? 'tag' : 'tags'}`;
}

/** Everything the trials say about the suite and its tags. Throws RangeError when there is no pair. */
export function weigh(
  pairs: readonly PairedCase[],
  tags: readonly TagMembers[],
  how: { readonly seed: number; readonly replicates: number; readonly confidence: number },
): Evidence {
  const own = ownP(pairs);
  const tested = tags.filter((t) => t.tested);
  const family = familyOf(pairs, tested, own, how.seed, how.replicates);
  const nameOf = (index: number): string => tested[index - 1]?.tag ?? 'suite';
  return {
    delta: meanDelta(pairs),
    interval: deltaInterval(pairs, how.confidence),
    suite: own,
    suiteAdjusted: family.suite,
    tagAdjusted: new Map(tested.map((t, i) => [t.tag, family.tags[i] ?? { less: 1, greater: 1 }])),
    pRegression: family.globalLess,
    pImprovement: family.globalGreater,
    drivenBy: { less: nameOf(family.minimumLess), greater: nameOf(family.minimumGreater) },
    method: methodText(pairs, tested.length),
    replicates: family.replicates,
  };
}

/** What this design could have seen, and what a decision would take. */
export interface Sensitivity {
  /** Smallest uniform change seen 4 times in 5; null when no trial ever disagreed with another. */
  readonly minimumDetectable: number | null;
  /** Trials per arm and case that would place the interval inside or outside the margin 4 times in 5. */
  readonly trialsNeeded: number | null;
}

/** One-sided error rate the suite statistic effectively has after sharing its alpha with the tags. */
const EFFECTIVE_ALPHA = 0.02;
const POWER = 0.8;

/** Smallest detectable change and trials needed, from the noise these trials showed (normal approximation). */
export function sensitivity(
  pairs: readonly PairedCase[],
  { margin, confidence }: { readonly margin: number; readonly confidence: number },
): Sensitivity {
  const n = pairs.length;
  if (n === 0) return { minimumDetectable: null, trialsNeeded: null };
  const within = withinVariance(armOutcomes(pairs, 'baseline'), armOutcomes(pairs, 'candidate'));
  // With one trial each the noise of a trial shows only in the deltas, twice over.
  const vBar = within ?? varianceOf(deltasOf(pairs)) / 2;
  if (vBar === 0) return { minimumDetectable: null, trialsNeeded: null };
  const kA = pairs.reduce((sum, p) => sum + p.baseline.graded, 0) / n;
  const kB = pairs.reduce((sum, p) => sum + p.candidate.graded, 0) / n;
  const design = { vBar, kA, kB, n, power: POWER, delta: margin };
  const { mde } = designPower({ ...design, alpha: EFFECTIVE_ALPHA });
  const { trialsPerArm } = designPower({ ...design, alpha: (1 - confidence) / 2 });
  return {
    minimumDetectable: Math.min(1, mde),
    trialsNeeded: Math.max(Math.ceil(trialsPerArm / n), Math.floor(kB) + 1),
  };
}
