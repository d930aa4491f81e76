// What a night, or several nights as one, says about the suite and its tags; and when its numbers may not speak at all.

import { examDifferences } from '../core/exam.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import { unitPermutation } from '../stats/unit-permutation.ts';
import { familyWeights } from '../stats/westfall-young.ts';
import { rateOf, tallyOf } from './arm.ts';
import { availabilityOf, imputed } from './availability.ts';
import { type Evidence, type TagMembers, tagMembers, weigh } from './evidence.ts';
import { NIGHT_LEVELS, type NightEvidence } from './night-evidence.ts';
import { settingsOf } from './options.ts';
import { type PairedCase, pairCases } from './pairing.ts';
import { isNoisy, poolNoise, weakened } from './pool-noise.ts';

/** Several nights as one: tonight's cases with the trials of all nights on which they stood under the same exam. */
export function windowOf(nights: readonly SnapshotResults[]): SnapshotResults {
  const last = nights.at(-1);
  if (last === undefined) throw new RangeError('a window needs at least one night');
  const earlier = nights.slice(0, -1).map((night) => new Map(night.cases.map((c) => [c.id, c])));
  const cases = last.cases.map((c): CaseResult => {
    const same = earlier.flatMap((byId) => {
      const other = byId.get(c.id);
      return other === undefined || examDifferences(other.exam, c.exam).length > 0 ? [] : [other];
    });
    return {
      ...c,
      plannedTrials: same.reduce((n, o) => n + o.plannedTrials, c.plannedTrials),
      trials: [...same.flatMap((o) => o.trials), ...c.trials],
    };
  });
  return { summary: last.summary, cases };
}

/** Everything one look rests on. */
export interface Weighed {
  readonly pairs: readonly PairedCase[];
  readonly tags: readonly TagMembers[];
  readonly evidence: Evidence;
  readonly notes: readonly string[];
}

/** One look's numbers; null when no case can be compared. Nights that vary more than their trials explain count for less. */
export function weighNight(
  e: NightEvidence,
  candidate: SnapshotResults,
  window: readonly SnapshotResults[],
): Weighed | null {
  const pairing = pairCases(e.baseline, candidate, e.policy, e.pool);
  const pairs = pairing.paired;
  if (pairs.length === 0) return null;
  const { seed, replicates } = settingsOf(e.baseline.summary, candidate.summary, e);
  const tags = tagMembers(pairs);
  const weighed = weigh(pairs, tags, { seed, replicates, confidence: e.policy.confidence });
  const clean = [e.baseline, ...pairing.pooled];
  const noise = poolNoise(clean, pairs, e.policy.appError);
  if (!isNoisy(noise)) return { pairs, tags, evidence: weighed, notes: [] };
  const told = `nights of the unchanged baseline differ by more than their trials explain (φ = ${noise.phi.toFixed(2)})`;
  if (window.length < 2)
    return {
      pairs,
      tags,
      evidence: weakened(weighed, noise),
      notes: [`${told}; the night's p is weakened by √φ`],
    };
  const whole = permuteNights(clean, window, pairs, tags, e, seed, replicates);
  if (whole === null)
    return {
      pairs,
      tags,
      evidence: { ...weakened(weighed, noise) },
      notes: [`${told}; the window's p is weakened by √φ`],
    };
  return {
    pairs,
    tags,
    evidence: { ...weighed, ...whole },
    notes: [`${told}; windows exchange whole nights, not trials`],
  };
}

/** The family's p when the night is what is exchangeable: one row a night, its mean over the suite and over each tested tag. */
function permuteNights(
  before: readonly SnapshotResults[],
  window: readonly SnapshotResults[],
  pairs: readonly PairedCase[],
  tags: readonly TagMembers[],
  e: NightEvidence,
  seed: number,
  replicates: number,
): Pick<Evidence, 'pRegression' | 'pImprovement' | 'suiteAdjusted' | 'tagAdjusted' | 'drivenBy'> | null {
  const ratesOf = (night: SnapshotResults): Map<string, number> =>
    new Map(
      night.cases.flatMap((c) => {
        const tally = tallyOf(c, e.policy.appError);
        return tally.graded === 0 ? [] : [[c.id, rateOf(tally)] as const];
      }),
    );
  const [a, b] = [before.map(ratesOf), window.map(ratesOf)];
  const everywhere = pairs.filter(({ id }) => [...a, ...b].every((rates) => rates.has(id)));
  const tested = tags.filter((t) => t.tested);
  const groups = [
    everywhere,
    ...tested.map(({ tag }) => everywhere.filter((pair) => pair.tags.includes(tag))),
  ];
  if (groups.some((g) => g.length === 0)) return null;
  const row = (rates: Map<string, number>): number[] =>
    groups.map((g) => g.reduce((sum, { id }) => sum + (rates.get(id) ?? 0), 0) / g.length);
  const family = unitPermutation(a.map(row), b.map(row), {
    seed,
    replicates,
    weights: familyWeights(tested.length),
  });
  const adjusted = (i: number): { less: number; greater: number } => ({
    less: family.less.adjusted[i] ?? 1,
    greater: family.greater.adjusted[i] ?? 1,
  });
  const nameOf = (i: number): string => tested[i - 1]?.tag ?? 'suite';
  return {
    pRegression: family.less.globalP,
    pImprovement: family.greater.globalP,
    suiteAdjusted: adjusted(0),
    tagAdjusted: new Map(tested.map((t, i) => [t.tag, adjusted(i + 1)])),
    drivenBy: { less: nameOf(family.less.minimum), greater: nameOf(family.greater.minimum) },
  };
}

/** Why a snapshot's numbers cannot carry a night's decision; null = they can. */
export function withheld(e: NightEvidence, candidate: SnapshotResults): string | null {
  if (candidate.summary.suite !== e.baseline.summary.suite) return 'it is a snapshot of another suite';
  for (const [name, s] of [
    ['the baseline', e.baseline.summary] as const,
    ['the run', candidate.summary] as const,
  ])
    if (s.validity === 'invalid') return `${name} is invalid (${s.validityReasons.join('; ')})`;
  const pairing = pairCases(e.baseline, candidate, e.policy, e.pool);
  if (pairing.paired.length === 0)
    return pairing.examChanged.length > 0
      ? `no case can be compared with the baseline: ${pairing.examChanged.join(', ')} changed; bless a new baseline or re-grade it`
      : 'no case can be compared with the baseline';
  const comparable = [...pairing.paired, ...pairing.withoutGrade];
  const availability = availabilityOf(comparable, e.policy);
  if (!availability.suspicious) return null;
  const suspicious = [0, 1].map((value) => {
    const filled = imputed(comparable, value as 0 | 1).filter(
      (pair) => pair.baseline.graded > 0 && pair.candidate.graded > 0,
    );
    const { seed, replicates } = settingsOf(e.baseline.summary, candidate.summary, e);
    const weighed = weigh(filled, tagMembers(filled), { seed, replicates, confidence: e.policy.confidence });
    return weighed.pRegression <= NIGHT_LEVELS.suspicion;
  });
  if (suspicious[0] === suspicious[1]) return null;
  return `too many trials were lost to tell: ${availability.sentence}`;
}
