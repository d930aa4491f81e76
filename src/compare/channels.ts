// The secondary channels: length, latency, cost, refusals and meaning. A shift here warns; it never stands for a regression of its own.

import type { Comparison, Distribution, Metric, RateMetric } from '../core/comparison.ts';
import type { ChannelAction } from '../core/policy.ts';
import type { CaseResult, TrialResult } from '../core/snapshot.ts';
import { clusteredMean } from '../stats/clustered-mean.ts';
import { holm } from '../stats/multiple-testing.ts';
import { poolStrata } from '../stats/permutation-data.ts';
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

/** Values of one channel in both arms, one array a case. */
interface Readings {
  readonly baseline: readonly (readonly number[])[];
  readonly candidate: readonly (readonly number[])[];
  /** Answered trials of which the channel is not known. */
  readonly unknown: { readonly baseline: number; readonly candidate: number };
}

/** A channel before the family is adjusted. */
interface Tested {
  /** Two-sided; null = not tested. */
  readonly p: number | null;
  readonly finish: (adjusted: number | null) => Metric;
}

function readArm(result: CaseResult, reading: Reading): { values: number[]; unknown: number } {
  const values: number[] = [];
  let unknown = 0;
  for (const trial of result.trials) {
    if (trial.status !== 'answered') continue;
    const value = reading(trial);
    if (value === null) unknown += 1;
    else values.push(value);
  }
  return { values, unknown };
}

function readingsOf(cases: readonly SameInput[], reading: Reading): Readings {
  const baseline: number[][] = [];
  const candidate: number[][] = [];
  const unknown = { baseline: 0, candidate: 0 };
  for (const pair of cases) {
    const before = readArm(pair.baseline, reading);
    const after = readArm(pair.candidate, reading);
    unknown.baseline += before.unknown;
    unknown.candidate += after.unknown;
    baseline.push(before.values);
    candidate.push(after.values);
  }
  return { baseline, candidate, unknown };
}

function distributionOf(arm: readonly (readonly number[])[]): Distribution | null {
  let n = 0;
  for (const values of arm) n += values.length;
  if (n === 0) return null;
  const sorted = new Float64Array(n);
  let at = 0;
  let sum = 0;
  for (const values of arm)
    for (const value of values) {
      sorted[at++] = value;
      sum += value;
    }
  sorted.sort();
  return { n, mean: sum / n, p50: quantile7Sorted(sorted, 0.5), p95: quantile7Sorted(sorted, 0.95) };
}

/** The cases with a value in both arms, transformed. */
function strataOf(
  readings: Readings,
  transform: (value: number) => number,
): { A: number[][]; B: number[][] } {
  const A: number[][] = [];
  const B: number[][] = [];
  for (const [i, before] of readings.baseline.entries()) {
    const after = readings.candidate[i] ?? [];
    if (before.length === 0 || after.length === 0) continue;
    A.push(before.map(transform));
    B.push(after.map(transform));
  }
  return { A, B };
}

/** Two-sided p of the within-case permutation of the mean difference; null when nothing is paired. */
function permutationP(A: readonly number[][], B: readonly number[][], settings: Settings): number | null {
  if (A.length === 0) return null;
  const data = poolStrata(A, B);
  // A decision at 0.01 needs fewer replicates than one at 0.0001: a large suite spends a quarter of them on a channel.
  const draws = 4 * (data.values.length - A.length);
  const replicates = Math.min(settings.replicates, chooseReplicates(draws));
  const family = withinStratumPermutation(data, [null], { seed: settings.seed, replicates });
  return Math.min(1, 2 * Math.min(family.less.raw[0] ?? 1, family.greater.raw[0] ?? 1));
}

function meanDifferences(A: readonly number[][], B: readonly number[][]): number[] {
  const mean = (values: readonly number[]): number => values.reduce((s, v) => s + v, 0) / values.length;
  return A.map((before, i) => mean(B[i] ?? []) - mean(before));
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
): { tested: Tested; deltas: Map<string, number> } {
  const readings = readingsOf(cases, lengthOf);
  const frame = {
    unit: 'characters',
    baseline: distributionOf(readings.baseline),
    candidate: distributionOf(readings.candidate),
  };
  const deltas = new Map<string, number>();
  const absent = missingSide(frame);
  if (absent !== null) return { tested: untested(frame, 'unavailable', absent, null), deltas };
  const { A, B } = strataOf(readings, (length) => Math.log(Math.max(length, 1)));
  const d = meanDifferences(A, B);
  if (d.length === 0)
    return { tested: untested(frame, 'unavailable', 'no case was answered in both', null), deltas };
  const ids = cases
    .filter((_, i) => (readings.baseline[i] ?? []).length > 0 && (readings.candidate[i] ?? []).length > 0)
    .map((pair) => pair.candidate.id);
  for (const [i, id] of ids.entries()) deltas.set(id, d[i] ?? 0);
  const whole = clusteredMean(d, ids);
  const change = Math.expm1(whole.mean);
  const interval: Metric['interval'] =
    whole.lo95 === null || whole.hi95 === null ? null : [Math.expm1(whole.lo95), Math.expm1(whole.hi95)];
  const text = `typical length ${signedPercent(change)} (p50 ${changeText(ratio(frame.baseline?.p50, frame.candidate?.p50))}, p95 ${changeText(ratio(frame.baseline?.p95, frame.candidate?.p95))})`;
  const moved = Math.abs(change) >= FLOOR.length;
  const p = permutationP(A, B, settings);
  return { tested: judged(frame, p, { change, interval, floor: FLOOR.length, moved, text }), deltas };
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
  const { A, B } = strataOf(readings, (ms) => Math.log(Math.max(ms, 1)));
  const moved = Math.abs(p50 ?? 0) >= FLOOR.latency || Math.abs(p95 ?? 0) >= FLOOR.latency;
  const p = permutationP(A, B, settings);
  return judged(frame, p, { change: p50, interval: null, floor: FLOOR.latency, moved, text });
}

function sumOf(arm: readonly (readonly number[])[]): number {
  let sum = 0;
  for (const values of arm) for (const value of values) sum += value;
  return sum;
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
  const unknown = readings.unknown.baseline + readings.unknown.candidate;
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
  const change = ratio(sumOf(readings.baseline) / before, sumOf(readings.candidate) / after);
  if (change === null) return untested(frame, 'not-tested', 'the baseline cost nothing', null);
  const { A, B } = strataOf(readings, (usd) => usd);
  const p = permutationP(A, B, settings);
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
