// The embedding channel: did the meaning of the answers move, whatever their words and their grades?

import { count, percent, probability } from '../base/numbers.ts';
import type { EmbeddingMetric } from '../core/comparison.ts';
import type { ChannelAction } from '../core/policy.ts';
import { asReason, reason, statistic } from '../core/reason.ts';
import type { CaseResult } from '../core/snapshot.ts';
import { DriftMeter } from '../stats/vector-drift.ts';
import type { Settings } from './options.ts';
import type { SameInput } from './pairing.ts';
import { listing } from './wording.ts';

/**
 * The shift that counts. Between vectors of unit length two unrelated answers are about 1 apart (cosine 0.5), so 0.05 is what the
 * suite's mean moves when one answer in twenty becomes another one: the counterpart of a margin of five points.
 */
const MEANING_FLOOR = 0.05;
/** Error rate of a channel, after Holm over the channels tested. */
export const CHANNEL_ALPHA = 0.01;
/** Above this share of answers without a vector, those with one no longer stand for all. */
const MOST_MISSING = 0.1;

/** Vectors of the answers of both snapshots, by output hash, all of one embedder; or why there are none. */
export type AnswerVectors =
  | {
      readonly kind: 'vectors';
      /** Fingerprint of the embedder's release. */
      readonly embedder: string;
      readonly baseline: ReadonlyMap<string, Float32Array>;
      readonly candidate: ReadonlyMap<string, Float32Array>;
      /** Length of the embedder's vectors, where those given are projections of them; else null. */
      readonly projectedFrom: number | null;
    }
  | { readonly kind: 'unavailable'; readonly embedder: string | null; readonly reason: string };

/** The channel before its family is adjusted. */
export interface TestedMeaning {
  readonly p: number | null;
  readonly finish: (adjusted: number | null) => EmbeddingMetric;
}

const NOTHING: Omit<EmbeddingMetric, 'verdict' | 'reason'> = {
  p: null,
  shift: null,
  floor: MEANING_FLOOR,
  centroidCosine: null,
  dispersionRatio: null,
  mmd: null,
  embedder: null,
  dimension: null,
  cases: 0,
  n: { baseline: 0, candidate: 0 },
  missing: { baseline: 0, candidate: 0 },
};

function untested(
  verdict: 'not-tested' | 'unavailable',
  reason: string,
  known: Partial<EmbeddingMetric> = {},
): TestedMeaning {
  return { p: null, finish: () => ({ ...NOTHING, ...known, verdict, reason }) };
}

/** One arm of one case: the vectors of its answers, and how many answers have none. */
function readArm(
  result: CaseResult,
  vectors: ReadonlyMap<string, Float32Array>,
): { vectors: Float32Array[]; answered: number } {
  const found: Float32Array[] = [];
  let answered = 0;
  for (const trial of result.trials) {
    if (trial.status !== 'answered') continue;
    answered += 1;
    const vector = trial.outputHash === null ? undefined : vectors.get(trial.outputHash);
    if (vector !== undefined) found.push(vector);
  }
  return { vectors: found, answered };
}

/** Lengths of the vectors, those of answers that say nothing aside. */
function lengthsOf(given: Extract<AnswerVectors, { kind: 'vectors' }>): number[] {
  const lengths = new Set<number>();
  for (const side of [given.baseline, given.candidate])
    for (const vector of side.values()) if (vector.length > 0) lengths.add(vector.length);
  return [...lengths].sort((a, b) => a - b);
}

/** Measures and tests the shift over the cases whose input is the same on both sides. */
export function testMeaning(
  cases: readonly SameInput[],
  given: AnswerVectors | undefined,
  action: ChannelAction,
  settings: Settings,
): TestedMeaning {
  if (action === 'off') return untested('not-tested', 'switched off by the policy');
  if (given === undefined) return untested('not-tested', 'vectors are not looked at here');
  if (given.kind === 'unavailable')
    return untested('unavailable', given.reason, { embedder: given.embedder });
  const { embedder } = given;
  const lengths = lengthsOf(given);
  if (lengths.length > 1)
    return untested(
      'unavailable',
      `the embedder gave vectors of ${listing(lengths.map(String))} numbers: its model changed under one name, and vectors of two models cannot be compared`,
      { embedder },
    );
  const [size = null] = lengths;
  const meter = size === null ? null : new DriftMeter(size);
  const answered = { baseline: 0, candidate: 0 };
  const missing = { baseline: 0, candidate: 0 };
  for (const pair of cases) {
    const before = readArm(pair.baseline, given.baseline);
    const after = readArm(pair.candidate, given.candidate);
    answered.baseline += before.answered;
    answered.candidate += after.answered;
    missing.baseline += before.answered - before.vectors.length;
    missing.candidate += after.answered - after.vectors.length;
    if (before.vectors.length > 0 && after.vectors.length > 0) meter?.add(before.vectors, after.vectors);
  }
  const known = { embedder, dimension: given.projectedFrom ?? size, missing };
  const lost = lostReason(answered, missing);
  if (lost !== null) return untested('unavailable', lost, known);
  const found = meter?.result();
  if (meter === null || found === undefined || found.strata === 0)
    return untested('unavailable', 'no case has a vector on both sides', known);
  const measured = {
    ...known,
    cases: found.strata,
    n: { baseline: found.nA, candidate: found.nB },
    centroidCosine: found.centroidCosine,
    dispersionRatio: found.dispersionRatio,
    mmd: found.mmd,
  };
  if (found.commonShiftSq === null)
    return untested('unavailable', 'one case alone cannot tell a shift from noise', measured);
  const shift = Math.sqrt(Math.max(0, found.commonShiftSq));
  const p = meter.permutationP(settings.seed, settings.replicates);
  const text = sentence(shift, measured, given.projectedFrom !== null);
  return {
    p,
    finish: (adjusted) => {
      const shifted = adjusted !== null && adjusted <= CHANNEL_ALPHA && shift >= MEANING_FLOOR;
      const evidence = adjusted === null ? 'not tested' : `adjusted p = ${probability(adjusted)}`;
      const rule = shifted
        ? `${evidence} ≤ ${CHANNEL_ALPHA}, beyond the floor of ${MEANING_FLOOR}`
        : `${evidence}; a shift needs p ≤ ${CHANNEL_ALPHA} and ${MEANING_FLOOR}`;
      return {
        ...measured,
        verdict: shifted ? 'shifted' : 'unchanged',
        ...asReason(reason`${text}${statistic(`: ${rule}`)}`),
        p,
        shift,
        floor: MEANING_FLOOR,
      };
    },
  };
}

function sentence(
  shift: number,
  found: Pick<EmbeddingMetric, 'centroidCosine' | 'dispersionRatio' | 'missing'>,
  projected: boolean,
): string {
  const { centroidCosine: cosine, dispersionRatio: ratio, missing } = found;
  const absent = missing.baseline + missing.candidate;
  const parts = [
    `meaning moved by ${shift.toFixed(3)}`,
    ...(cosine === null ? [] : [`centroid cosine ${cosine.toFixed(3)}`]),
    ...(ratio === null ? [] : [`spread within cases × ${ratio.toFixed(2)}`]),
    ...(absent === 0 ? [] : [`${count(absent, 'answer')} without a vector`]),
    ...(projected ? ['measured on projected vectors'] : []),
  ];
  return parts.join(', ');
}

/** Why the answers that have vectors cannot stand for all; null = they can. */
function lostReason(
  answered: EmbeddingMetric['missing'],
  missing: EmbeddingMetric['missing'],
): string | null {
  for (const arm of ['baseline', 'candidate'] as const)
    if (answered[arm] === 0) return `the ${arm} has no answer to compare`;
  const sides = (['baseline', 'candidate'] as const)
    .filter((arm) => missing[arm] > MOST_MISSING * answered[arm])
    .map((arm) => `${missing[arm]} of ${count(answered[arm], 'answer')} of the ${arm} have no vector`);
  if (sides.length === 0) return null;
  return `${sides.join(', ')} (at most ${percent(MOST_MISSING)} may be without); \`lastgood regrade\` embeds stored answers`;
}
