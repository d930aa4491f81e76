// The secondary channels: length, latency, cost, refusals and meaning. A shift here warns; it never stands for a regression of its own.

import { percent, probability, signedPercent } from '../base/numbers.ts';
import type { Comparison, Distribution, Metric, RateMetric } from '../core/comparison.ts';
import type { ChannelAction } from '../core/policy.ts';
import { asReason, reason, statistic } from '../core/reason.ts';
import type { CaseResult } from '../core/snapshot.ts';
import { clusteredMean } from '../stats/clustered-mean.ts';
import type { TwoArms } from '../stats/fisher.ts';
import { meanPermutation, sameStrata } from '../stats/mean-permutation.ts';
import { holm } from '../stats/multiple-testing.ts';
import type { PooledStrata } from '../stats/permutation-data.ts';
import { stratifiedExact } from '../stats/stratified-exact.ts';
import { chooseReplicates } from '../stats/within-stratum-permutation.ts';
import {
  distributionOf,
  isPaired,
  meanDifferences,
  type Readings,
  readingsOf,
  strataOf,
  sumOf,
} from './channel-values.ts';
import { CHANNEL_ALPHA as ALPHA, type AnswerVectors, testMeaning } from './embedding-channel.ts';
import type { Settings } from './options.ts';
import type { PairedCase, SameInput } from './pairing.ts';
import { verbosityNote } from './verbosity.ts';
import { signedPoints } from './wording.ts';

const FLOOR = { length: 0.1, latency: 0.25, cost: 0.2 };

/** A channel measured, before its permutation and before the family is adjusted. */
interface Channel {
  /** What is permuted; null = not tested. */
  readonly data: PooledStrata | null;
  readonly finish: (p: number | null, adjusted: number | null) => Metric;
}

/**
 * Two-sided p of the within-case permutation of each mean difference; null where nothing is paired. Channels known of the same
 * trials are permuted together: drawing is most of the work, and each would draw the same exchanges from the seed.
 */
function permutationPs(all: readonly (PooledStrata | null)[], settings: Settings): (number | null)[] {
  const groups: PooledStrata[][] = [];
  for (const data of all) {
    if (data === null || data.kA.length === 0) continue;
    const group = groups.find(([first]) => first !== undefined && sameStrata(first, data));
    if (group === undefined) groups.push([data]);
    else group.push(data);
  }
  const known = new Map<PooledStrata, number>();
  for (const group of groups) {
    const { values, kA } = group[0] as PooledStrata;
    // A decision at 0.01 needs fewer replicates than one at 0.0001: a large suite spends a quarter of them on a channel.
    const replicates = Math.min(settings.replicates, chooseReplicates(4 * (values.length - kA.length)));
    for (const [i, tails] of meanPermutation(group, { seed: settings.seed, replicates }).entries())
      known.set(group[i] as PooledStrata, Math.min(1, 2 * Math.min(tails.less, tails.greater)));
  }
  return all.map((data) => (data === null ? null : (known.get(data) ?? null)));
}

function ratio(before: number | undefined, after: number | undefined): number | null {
  return before === undefined || after === undefined || before <= 0 ? null : after / before - 1;
}

function changeText(change: number | null): string {
  return change === null ? 'unknown' : signedPercent(change);
}

interface ChannelFrame {
  readonly unit: string;
  readonly baseline: Distribution | null;
  readonly candidate: Distribution | null;
}

function untested(
  frame: ChannelFrame,
  verdict: 'not-tested' | 'unavailable',
  reason: string,
  change: number | null,
): Channel {
  return {
    data: null,
    finish: () => ({ ...frame, verdict, reason, p: null, change, interval: null }),
  };
}

function missingSide(frame: ChannelFrame): string | null {
  if (frame.baseline !== null && frame.candidate !== null) return null;
  const sides = [
    frame.baseline === null ? 'the baseline' : '',
    frame.candidate === null ? 'the candidate' : '',
  ];
  return `not measured in ${sides.filter(Boolean).join(' and ')}`;
}

function judged(
  frame: ChannelFrame,
  data: PooledStrata,
  what: {
    readonly change: number | null;
    readonly interval: Metric['interval'];
    readonly floor: number;
    readonly moved: boolean;
    readonly text: string;
  },
): Channel {
  return {
    data,
    finish: (p, adjusted) => {
      const shifted = adjusted !== null && adjusted <= ALPHA && what.moved;
      const evidence = adjusted === null ? 'not tested' : `adjusted p = ${probability(adjusted)}`;
      const rule = shifted
        ? `${evidence} ≤ ${ALPHA}, beyond the floor of ${percent(what.floor)}`
        : `${evidence}; a shift needs p ≤ ${ALPHA} and ${percent(what.floor)}`;
      return {
        ...frame,
        verdict: shifted ? 'shifted' : 'unchanged',
        ...asReason(reason`${what.text}${statistic(`: ${rule}`)}`),
        p,
        change: what.change,
        interval: what.interval,
      };
    },
  };
}

function testLength(cases: readonly SameInput[]): {
  channel: Channel;
  deltas: () => ReadonlyMap<string, number>;
} {
  const readings: Readings = readingsOf(cases, (trial) => trial.length);
  const frame = {
    unit: 'characters',
    baseline: distributionOf(readings.baseline),
    candidate: distributionOf(readings.candidate),
  };
  const none = (): ReadonlyMap<string, number> => new Map();
  const absent = missingSide(frame);
  if (absent !== null) return { channel: untested(frame, 'unavailable', absent, null), deltas: none };
  const data = strataOf(readings, (length) => Math.log(Math.max(length, 1)));
  const d = meanDifferences(data);
  if (d.length === 0)
    return { channel: untested(frame, 'unavailable', 'no case was answered in both', null), deltas: none };
  const ids = cases.filter((_, i) => isPaired(readings, i)).map((pair) => pair.candidate.id);
  const whole = clusteredMean(d, ids);
  const change = Math.expm1(whole.mean);
  const interval: Metric['interval'] =
    whole.lo95 === null || whole.hi95 === null ? null : [Math.expm1(whole.lo95), Math.expm1(whole.hi95)];
  const text = `typical length ${signedPercent(change)} (p50 ${changeText(ratio(frame.baseline?.p50, frame.candidate?.p50))}, p95 ${changeText(ratio(frame.baseline?.p95, frame.candidate?.p95))})`;
  const moved = Math.abs(change) >= FLOOR.length;
  return {
    channel: judged(frame, data, { change, interval, floor: FLOOR.length, moved, text }),
    deltas: () => new Map(ids.map((id, i) => [id, d[i] ?? 0])),
  };
}

function testLatency(cases: readonly SameInput[], settings: Settings): Channel {
  const readings = readingsOf(cases, (trial) => trial.latencyMs);
  const frame = {
    unit: 'ms',
    baseline: distributionOf(readings.baseline),
    candidate: distributionOf(readings.candidate),
  };
  const absent = missingSide(frame);
  if (absent !== null) return untested(frame, 'unavailable', absent, null);
  const p50 = ratio(frame.baseline?.p50, frame.candidate?.p50);
  const p95 = ratio(frame.baseline?.p95, frame.candidate?.p95);
  const text = `p50 ${changeText(p50)}, p95 ${changeText(p95)}`;
  if (!settings.interleaved)
    return untested(
      frame,
      'not-tested',
      `${text}; not tested, because the arms were not run interleaved and the hour of the day moves latency too`,
      p50,
    );
  const moved = Math.abs(p50 ?? 0) >= FLOOR.latency || Math.abs(p95 ?? 0) >= FLOOR.latency;
  const data = strataOf(readings, (ms) => Math.log(Math.max(ms, 1)));
  return judged(frame, data, { change: p50, interval: null, floor: FLOOR.latency, moved, text });
}

/** Graded quality apart from pass or fail: a reply can lose its tone and still pass every check. */
function testScore(cases: readonly SameInput[], pairs: readonly PairedCase[], settings: Settings): Channel {
  const comparable = new Set(pairs.map((pair) => pair.id));
  const graded = cases.filter((c) => comparable.has(c.candidate.id));
  const readings = readingsOf(graded, (trial) => (trial.pass === null ? null : trial.score));
  const frame = {
    unit: 'score',
    baseline: distributionOf(readings.baseline),
    candidate: distributionOf(readings.candidate),
  };
  const absent = missingSide(frame);
  if (absent !== null) return untested(frame, 'unavailable', absent, null);
  const partial = (score: number): boolean => score > 0 && score < 1;
  if (!readings.baseline.values.some(partial) && !readings.candidate.values.some(partial))
    return untested(frame, 'not-tested', 'every score is 0 or 1, which the pass rate says already', null);
  const data = strataOf(readings, (score) => score);
  const d = meanDifferences(data);
  if (d.length === 0) return untested(frame, 'unavailable', 'no case was graded in both', null);
  const change = d.reduce((sum, x) => sum + x, 0) / d.length;
  const floor = settings.policy.scoreMargin;
  const before = frame.baseline?.mean ?? 0;
  const text = `mean score ${before.toFixed(2)} → ${(frame.candidate?.mean ?? 0).toFixed(2)} (${signedPoints(change)} points)`;
  return judged(frame, data, { change, interval: null, floor, moved: Math.abs(change) >= floor, text });
}

function passesOf(cases: readonly SameInput[], arm: 'baseline' | 'candidate'): number {
  let passed = 0;
  for (const pair of cases) for (const trial of pair[arm].trials) if (trial.pass === true) passed += 1;
  return passed;
}

function testCost(cases: readonly SameInput[], { onePrice }: Pick<Settings, 'onePrice'>): Channel {
  const readings = readingsOf(cases, (trial) => trial.costUsd);
  const frame = {
    unit: 'USD per trial',
    baseline: distributionOf(readings.baseline),
    candidate: distributionOf(readings.candidate),
  };
  const absent = missingSide(frame);
  if (absent !== null) return untested(frame, 'unavailable', absent, null);
  if (!onePrice)
    return untested(
      frame,
      'not-tested',
      'some of the runs went through a batch API, at half the price',
      null,
    );
  const unknown = readings.baseline.unknown + readings.candidate.unknown;
  if (unknown > 0)
    return untested(
      frame,
      'unavailable',
      `the cost of ${unknown} answered trials is unknown, so no total is`,
      null,
    );
  const before = passesOf(cases, 'baseline');
  const after = passesOf(cases, 'candidate');
  if (before === 0 || after === 0)
    return untested(frame, 'not-tested', 'no trial passed on one side, so there is no cost per pass', null);
  const change = ratio(sumOf(readings.baseline.values) / before, sumOf(readings.candidate.values) / after);
  if (change === null) return untested(frame, 'not-tested', 'the baseline cost nothing', null);
  const data = strataOf(readings, (usd) => usd);
  return judged(frame, data, {
    change,
    interval: null,
    floor: FLOOR.cost,
    moved: Math.abs(change) >= FLOOR.cost,
    text: `cost per passed trial ${signedPercent(change)} (per trial ${changeText(ratio(frame.baseline?.mean, frame.candidate?.mean))})`,
  });
}

interface Refusals {
  readonly x: number;
  readonly k: number;
}

function refusals(result: CaseResult): Refusals {
  let x = 0;
  let k = 0;
  for (const trial of result.trials) {
    if (trial.refusal === null) continue;
    k += 1;
    if (trial.refusal) x += 1;
  }
  return { x, k };
}

/** The cases with an answer on both sides, one by one: as a list they would take more memory than the test. */
function* refusalStrata(cases: readonly SameInput[]): Iterable<TwoArms> {
  for (const pair of cases) {
    const a = refusals(pair.baseline);
    const b = refusals(pair.candidate);
    if (a.k > 0 && b.k > 0) yield { xA: a.x, kA: a.k, xB: b.x, kB: b.k };
  }
}

function testRefusals(cases: readonly SameInput[]): {
  p: number | null;
  finish: (adjusted: number | null) => RateMetric;
} {
  const total = (
    arm: 'baseline' | 'candidate',
  ): { refused: number; answered: number; rate: number | null } => {
    let refused = 0;
    let answered = 0;
    for (const pair of cases) {
      const { x, k } = refusals(pair[arm]);
      refused += x;
      answered += k;
    }
    return { refused, answered, rate: answered === 0 ? null : refused / answered };
  };
  const before = total('baseline');
  const after = total('candidate');
  const base = { unit: 'share' as const, baseline: before.rate, candidate: after.rate };
  if (before.rate === null || after.rate === null)
    return {
      p: null,
      finish: () => ({
        ...base,
        verdict: 'unavailable',
        reason: 'nothing was answered on one side',
        p: null,
      }),
    };
  const exact = stratifiedExact(refusalStrata(cases));
  const p = Math.min(1, 2 * Math.min(exact.pLess, exact.pGreater));
  const text = `${before.refused}/${before.answered} → ${after.refused}/${after.answered} refused`;
  return {
    p,
    finish: (adjusted) => {
      const shifted = adjusted !== null && adjusted <= ALPHA;
      return {
        ...base,
        verdict: shifted ? 'shifted' : 'unchanged',
        ...asReason(
          reason`${text}${statistic(`: adjusted p = ${probability(adjusted ?? 1)} ${shifted ? '≤' : '>'} ${ALPHA}`)}`,
        ),
        p,
      };
    },
  };
}

function switchedOff(action: ChannelAction, channel: Channel): Channel {
  if (action !== 'off') return channel;
  const whole = channel.finish(null, null);
  return {
    data: null,
    finish: () => ({
      ...whole,
      verdict: 'not-tested',
      reason: 'switched off by the policy',
      words: undefined,
      p: null,
    }),
  };
}

/** Measures every channel over the cases whose input is the same on both sides, graded or not. */
export function measureChannels(
  cases: readonly SameInput[],
  pairs: readonly PairedCase[],
  settings: Settings,
  vectors?: AnswerVectors,
): { metrics: Comparison['metrics']; notes: string[] } {
  const { channels } = settings.policy;
  const measured = testLength(cases);
  const length = switchedOff(channels.length, measured.channel);
  const latency = switchedOff(channels.latency, testLatency(cases, settings));
  const cost = switchedOff(channels.cost, testCost(cases, settings));
  const score = switchedOff(channels.score, testScore(cases, pairs, settings));
  const [pLength = null, pLatency = null, pCost = null, pScore = null] = permutationPs(
    [length.data, latency.data, cost.data, score.data],
    settings,
  );
  const refusal = testRefusals(cases);
  const meaning = testMeaning(cases, vectors, channels.embedding, settings);
  const family = [pLength, pLatency, pCost, refusal.p, meaning.p, pScore];
  const adjusted = holm(family.filter((p) => p !== null));
  let at = 0;
  const [qLength = null, qLatency = null, qCost = null, qRefusal = null, qMeaning = null, qScore = null] =
    family.map((p) => (p === null ? null : (adjusted[at++] ?? 1)));
  const metrics = {
    length: length.finish(pLength, qLength),
    latencyMs: latency.finish(pLatency, qLatency),
    costUsd: cost.finish(pCost, qCost),
    refusalRate: refusal.finish(qRefusal),
    embedding: meaning.finish(qMeaning),
    score: score.finish(pScore, qScore),
  };
  const note = verbosityNote(metrics.length, ALPHA, pairs, measured.deltas);
  return { metrics, notes: note === null ? [] : [note] };
}
