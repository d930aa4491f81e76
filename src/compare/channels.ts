// The secondary channels: length, latency, cost, refusals and meaning. A shift here warns; it never stands for a regression of its own.

import type { Comparison, Distribution, Metric, RateMetric } from '../core/comparison.ts';
import type { ChannelAction } from '../core/policy.ts';
import type { CaseResult, TrialResult } from '../core/snapshot.ts';
import { clusteredMean } from '../stats/clustered-mean.ts';
import { holm } from '../stats/multiple-testing.ts';
import type { PooledStrata } from '../stats/permutation-data.ts';
import { quantile7Sorted } from '../stats/quantile.ts';
import { stratifiedExact } from '../stats/stratified-exact.ts';
import { chooseReplicates, withinStratumPermutation } from '../stats/within-stratum-permutation.ts';
import { CHANNEL_ALPHA as ALPHA, type AnswerVectors, testMeaning } from './meaning.ts';
import type { Settings } from './options.ts';
import type { PairedCase, SameInput } from './pairing.ts';
import { verbosityNote } from './verbosity.ts';
import { percent, probability, signedPercent } from './wording.ts';

const FLOOR = { length: 0.1, latency: 0.25, cost: 0.2 };

type Reading = (trial: TrialResult) => number | null;

const lengthOf: Reading = (trial) => trial.length;
const latencyOf: Reading = (trial) => trial.latencyMs;
const costOf: Reading = (trial) => trial.costUsd;

/** The known values of one channel in one arm, one after another: case `i` has those from `starts[i]` to before `starts[i + 1]`. */
interface ArmReadings {
  readonly values: Float64Array;
  readonly starts: Int32Array;
  /** Answered trials of which the channel is not known. */
  readonly unknown: number;
}

interface Readings {
  readonly baseline: ArmReadings;
  readonly candidate: ArmReadings;
}

/** A channel before the family is adjusted. */
interface Tested {
  /** Two-sided; null = not tested. */
  readonly p: number | null;
  readonly finish: (adjusted: number | null) => Metric;
}

function readArm(cases: readonly SameInput[], arm: 'baseline' | 'candidate', reading: Reading): ArmReadings {
  let most = 0;
  for (const pair of cases) most += pair[arm].trials.length;
  const values = new Float64Array(most);
  const starts = new Int32Array(cases.length + 1);
  let at = 0;
  let unknown = 0;
  for (const [i, pair] of cases.entries()) {
    for (const trial of pair[arm].trials) {
      if (trial.status !== 'answered') continue;
      const value = reading(trial);
      if (value === null) unknown += 1;
      else values[at++] = value;
    }
    starts[i + 1] = at;
  }
  return { values: values.subarray(0, at), starts, unknown };
}

function readingsOf(cases: readonly SameInput[], reading: Reading): Readings {
  return {
    baseline: readArm(cases, 'baseline', reading),
    candidate: readArm(cases, 'candidate', reading),
  };
}

function distributionOf({ values }: ArmReadings): Distribution | null {
  const n = values.length;
  if (n === 0) return null;
  const sorted = values.slice().sort();
  return {
    n,
    mean: sumOf(values) / n,
    p50: quantile7Sorted(sorted, 0.5),
    p95: quantile7Sorted(sorted, 0.95),
  };
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
}

/** Does case `i` have a value in both arms? */
function isPaired({ baseline: a, candidate: b }: Readings, i: number): boolean {
  return (
    (a.starts[i + 1] as number) > (a.starts[i] as number) &&
    (b.starts[i + 1] as number) > (b.starts[i] as number)
  );
}

/** The cases with a value in both arms, transformed. */
function strataOf(readings: Readings, transform: (value: number) => number): PooledStrata {
  const { baseline, candidate } = readings;
  const kA: number[] = [];
  const kB: number[] = [];
  const values = new Float64Array(baseline.values.length + candidate.values.length);
  let at = 0;
  for (let i = 0; i + 1 < baseline.starts.length; i++) {
    if (!isPaired(readings, i)) continue;
    for (const [{ values: from, starts }, sizes] of [
      [baseline, kA],
      [candidate, kB],
    ] as const) {
      const end = starts[i + 1] as number;
      sizes.push(end - (starts[i] as number));
      for (let j = starts[i] as number; j < end; j++) values[at++] = transform(from[j] as number);
    }
  }
  return { values: values.subarray(0, at), kA: Int32Array.from(kA), kB: Int32Array.from(kB) };
}

/** Two-sided p of the within-case permutation of the mean difference; null when nothing is paired. */
function permutationP(data: PooledStrata, settings: Settings): number | null {
  if (data.kA.length === 0) return null;
  // A decision at 0.01 needs fewer replicates than one at 0.0001: a large suite spends a quarter of them on a channel.
  const draws = 4 * (data.values.length - data.kA.length);
  const replicates = Math.min(settings.replicates, chooseReplicates(draws));
  const family = withinStratumPermutation(data, [null], { seed: settings.seed, replicates });
  return Math.min(1, 2 * Math.min(family.less.raw[0] ?? 1, family.greater.raw[0] ?? 1));
}

function meanDifferences({ values, kA, kB }: PooledStrata): number[] {
  const differences: number[] = [];
  let at = 0;
  const mean = (count: number): number => {
    let sum = 0;
    for (const end = at + count; at < end; at++) sum += values[at] as number;
    return sum / count;
  };
  for (let i = 0; i < kA.length; i++) {
    const before = mean(kA[i] as number);
    differences.push(mean(kB[i] as number) - before);
  }
  return differences;
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
): Tested {
  return {
    p: null,
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
  p: number | null,
  what: {
    readonly change: number | null;
    readonly interval: Metric['interval'];
    readonly floor: number;
    readonly moved: boolean;
    readonly text: string;
  },
): Tested {
  return {
    p,
    finish: (adjusted) => {
      const shifted = adjusted !== null && adjusted <= ALPHA && what.moved;
      const evidence = adjusted === null ? 'not tested' : `adjusted p = ${probability(adjusted)}`;
      const rule = shifted
        ? `${evidence} ≤ ${ALPHA}, beyond the floor of ${percent(what.floor)}`
        : `${evidence}; a shift needs p ≤ ${ALPHA} and ${percent(what.floor)}`;
      return {
        ...frame,
        verdict: shifted ? 'shifted' : 'unchanged',
        reason: `${what.text}: ${rule}`,
        p,
        change: what.change,
        interval: what.interval,
      };
    },
  };
}

function testLength(
  cases: readonly SameInput[],
  settings: Settings,
): { tested: Tested; deltas: () => ReadonlyMap<string, number> } {
  const readings = readingsOf(cases, lengthOf);
  const frame = {
    unit: 'characters',
    baseline: distributionOf(readings.baseline),
    candidate: distributionOf(readings.candidate),
  };
  const none = (): ReadonlyMap<string, number> => new Map();
  const absent = missingSide(frame);
  if (absent !== null) return { tested: untested(frame, 'unavailable', absent, null), deltas: none };
  const data = strataOf(readings, (length) => Math.log(Math.max(length, 1)));
  const d = meanDifferences(data);
  if (d.length === 0)
    return { tested: untested(frame, 'unavailable', 'no case was answered in both', null), deltas: none };
  const ids = cases.filter((_, i) => isPaired(readings, i)).map((pair) => pair.candidate.id);
  const whole = clusteredMean(d, ids);
  const change = Math.expm1(whole.mean);
  const interval: Metric['interval'] =
    whole.lo95 === null || whole.hi95 === null ? null : [Math.expm1(whole.lo95), Math.expm1(whole.hi95)];
  const text = `typical length ${signedPercent(change)} (p50 ${changeText(ratio(frame.baseline?.p50, frame.candidate?.p50))}, p95 ${changeText(ratio(frame.baseline?.p95, frame.candidate?.p95))})`;
  const moved = Math.abs(change) >= FLOOR.length;
  const p = permutationP(data, settings);
  return {
    tested: judged(frame, p, { change, interval, floor: FLOOR.length, moved, text }),
    deltas: () => new Map(ids.map((id, i) => [id, d[i] ?? 0])),
  };
}

function testLatency(cases: readonly SameInput[], settings: Settings): Tested {
  const readings = readingsOf(cases, latencyOf);
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
  const p = permutationP(
    strataOf(readings, (ms) => Math.log(Math.max(ms, 1))),
    settings,
  );
  return judged(frame, p, { change: p50, interval: null, floor: FLOOR.latency, moved, text });
}

function passesOf(cases: readonly SameInput[], arm: 'baseline' | 'candidate'): number {
  let passed = 0;
  for (const pair of cases) for (const trial of pair[arm].trials) if (trial.pass === true) passed += 1;
  return passed;
}

function testCost(cases: readonly SameInput[], settings: Settings): Tested {
  const readings = readingsOf(cases, costOf);
  const frame = {
    unit: 'USD per trial',
    baseline: distributionOf(readings.baseline),
    candidate: distributionOf(readings.candidate),
  };
  const absent = missingSide(frame);
  if (absent !== null) return untested(frame, 'unavailable', absent, null);
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
  const p = permutationP(
    strataOf(readings, (usd) => usd),
    settings,
  );
  return judged(frame, p, {
    change,
    interval: null,
    floor: FLOOR.cost,
    moved: Math.abs(change) >= FLOOR.cost,
    text: `cost per passed trial ${signedPercent(change)} (per trial ${changeText(ratio(frame.baseline?.mean, frame.candidate?.mean))})`,
  });
}

interface RefusalCounts {
  readonly rate: number | null;
  readonly refused: number;
  readonly told: number;
}

function refusals(result: CaseResult): { x: number; k: number } {
  let x = 0;
  let k = 0;
  for (const trial of result.trials) {
    if (trial.refusal === null) continue;
    k += 1;
    if (trial.refusal) x += 1;
  }
  return { x, k };
}

function testRefusals(cases: readonly SameInput[]): {
  p: number | null;
  finish: (adjusted: number | null) => RateMetric;
} {
  const rows = cases.map((pair) => ({
    before: refusals(pair.baseline),
    after: refusals(pair.candidate),
  }));
  const total = (arm: 'before' | 'after'): RefusalCounts => {
    const refused = rows.reduce((sum, row) => sum + row[arm].x, 0);
    const told = rows.reduce((sum, row) => sum + row[arm].k, 0);
    return { refused, told, rate: told === 0 ? null : refused / told };
  };
  const before = total('before');
  const after = total('after');
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
  const exact = stratifiedExact(
    rows
      .filter((row) => row.before.k > 0 && row.after.k > 0)
      .map((row) => ({ xA: row.before.x, kA: row.before.k, xB: row.after.x, kB: row.after.k })),
  );
  const p = Math.min(1, 2 * Math.min(exact.pLess, exact.pGreater));
  const text = `${before.refused}/${before.told} → ${after.refused}/${after.told} refused`;
  return {
    p,
    finish: (adjusted) => {
      const shifted = adjusted !== null && adjusted <= ALPHA;
      return {
        ...base,
        verdict: shifted ? 'shifted' : 'unchanged',
        reason: `${text}: adjusted p = ${probability(adjusted ?? 1)} ${shifted ? '≤' : '>'} ${ALPHA}`,
        p,
      };
    },
  };
}

function switchedOff(action: ChannelAction, tested: Tested): Tested {
  if (action !== 'off') return tested;
  const whole = tested.finish(null);
  return {
    p: null,
    finish: () => ({ ...whole, verdict: 'not-tested', reason: 'switched off by the policy', p: null }),
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
  const length = testLength(cases, settings);
  const lengthChannel = switchedOff(channels.length, length.tested);
  const latency = switchedOff(channels.latency, testLatency(cases, settings));
  const cost = switchedOff(channels.cost, testCost(cases, settings));
  const refusal = testRefusals(cases);
  const meaning = testMeaning(cases, vectors, channels.embedding, settings);
  const family = [lengthChannel.p, latency.p, cost.p, refusal.p, meaning.p];
  const adjusted = holm(family.filter((p) => p !== null));
  let at = 0;
  const [pLength, pLatency, pCost, pRefusal, pMeaning] = family.map((p) =>
    p === null ? null : (adjusted[at++] ?? 1),
  );
  const metrics = {
    length: lengthChannel.finish(pLength ?? null),
    latencyMs: latency.finish(pLatency ?? null),
    costUsd: cost.finish(pCost ?? null),
    refusalRate: refusal.finish(pRefusal ?? null),
    embedding: meaning.finish(pMeaning ?? null),
  };
  const note = verbosityNote(metrics.length, ALPHA, pairs, length.deltas);
  return { metrics, notes: note === null ? [] : [note] };
}
