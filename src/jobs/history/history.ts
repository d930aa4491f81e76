// Since when, and what changed there? The series of a suite, a tag or a case, its lasting shifts and its slow drift.

import type { ErrorCode } from '../../base/error-catalogue.ts';
import { didYouMean, LastgoodError } from '../../base/index.ts';
import { probability, signed } from '../../base/numbers.ts';
import { compareSnapshots, onsetOfRates } from '../../compare/index.ts';
import {
  type HistoryPoint,
  type HistoryReport,
  type HistoryShift,
  type HistoryTrend,
  resolvePolicy,
} from '../../core/index.ts';
import { findPool } from '../../engine/comparison/find-pool.ts';
import { ageInDays } from '../../engine/records/drill-record.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { BASELINE_OLD_DAYS } from '../../report/text/baseline-text.ts';
import { regressedCases } from '../../rollback/index.ts';
import { changePointL2, changePointPenalty, mannKendall, stratifiedExact } from '../../stats/index.ts';
import {
  changeBetween,
  changesOf,
  commonCases,
  pointsOf,
  ratesOfCases,
  readSeries,
  type Series,
  strataBetween,
  withoutSubsets,
} from './history-series.ts';

export interface HistoryRequest {
  readonly suite: string;
  readonly caseId?: string | undefined;
  readonly tag?: string | undefined;
}

/** Level of a shift, over all the places it could be at. */
const SHIFT_ALPHA = 0.05;
const MIN_TREND_POINTS = 8;
const TREND_ALPHA = 0.05;
/** Difference in log likelihood (a likelihood ratio of 20) from which a case has an onset of its own. */
const OWN_ONSET = 3;
/** Usable points from which change points are looked for. */
const MIN_SHIFT_POINTS = 6;

/** Reads the ledger only; no call is made. */
export async function historyOfSuite(work: Workplace, request: HistoryRequest): Promise<HistoryReport> {
  const series = await readSeries(work, request.suite);
  if (series.summaries.length === 0) {
    throw new LastgoodError({
      code: 'HISTORY_EMPTY',
      message: `the ledger holds no finished run of suite "${request.suite}"`,
      hint: 'lastgood list shows what there is',
      exitCode: 3,
    });
  }
  const { scope, ids } = scopeOf(series, request);
  const blessing = (await work.store.blessings(request.suite)).at(-1);
  const anchor =
    blessing === undefined
      ? null
      : {
          snapshot: blessing.snapshot,
          blessedAt: blessing.at,
          ageDays: ageInDays(blessing.at, work.clock.now()),
        };
  const notes: string[] = [];
  if (anchor === null)
    notes.push('no baseline is blessed, so neither regressions nor slow decay since the start can be shown');
  else if (anchor.ageDays > BASELINE_OLD_DAYS)
    notes.push(`the baseline is ${anchor.ageDays} days old; what it was measured on may have moved`);
  const common = commonCases(series, ids);
  const comparable = withoutSubsets(series, common.subset);
  const points = pointsOf(series, common);
  notes.push(...subsetNotes(points, common.ids.length, ids.length));
  const skipped = points.filter((p) => p.passRate === null).length;
  if (skipped > 0)
    notes.push(
      `${skipped} of ${points.length} snapshots tell nothing here: invalid, or graded by another exam than the newest`,
    );
  return {
    schemaVersion: 1,
    kind: 'history',
    suite: request.suite,
    scope,
    common: { cases: common.ids.length, of: ids.length },
    anchor,
    points,
    changes: changesOf(series.summaries, common.subset),
    onsets: await onsetsOf(work, series, ids, anchor?.snapshot ?? null),
    shifts: shiftsOf(comparable, common.ids),
    trend: trendOf(comparable, common.ids, anchor?.snapshot ?? null),
    notes,
  };
}

function subsetNotes(points: readonly HistoryPoint[], common: number, all: number): string[] {
  const subsets = points.filter((p) => p.subset).length;
  const largest = Math.max(...points.map((p) => p.cases));
  return [
    ...(subsets === 0
      ? []
      : [
          `${subsets} of ${points.length} runs measured a part of the cases only (marked "subset"); they are left out of onsets, changes of the level and drift`,
        ]),
    ...(common < largest || (subsets === 0 && common < all)
      ? [`the series is over the ${common} cases that the runs have in common, of ${all} in all`]
      : []),
  ];
}

function scopeOf(
  series: Series,
  request: HistoryRequest,
): { scope: HistoryReport['scope']; ids: readonly string[] } {
  const all = [...series.cells.keys()];
  if (request.caseId !== undefined) {
    if (!series.cells.has(request.caseId)) throw unknown('case', request.caseId, all, 'HISTORY_UNKNOWN_CASE');
    return { scope: { kind: 'case', name: request.caseId }, ids: [request.caseId] };
  }
  const { tag } = request;
  if (tag !== undefined) {
    const ids = all.filter((id) => series.tags.get(id)?.includes(tag));
    if (ids.length === 0)
      throw unknown('tag', tag, [...new Set([...series.tags.values()].flat())], 'HISTORY_UNKNOWN_TAG');
    return { scope: { kind: 'tag', name: tag }, ids };
  }
  return { scope: { kind: 'suite', name: request.suite }, ids: all };
}

function unknown(kind: string, asked: string, known: readonly string[], code: ErrorCode): LastgoodError {
  const near = didYouMean(asked, known);
  return new LastgoodError({
    code,
    message: `no snapshot of the suite has a ${kind} "${asked}"`,
    hint: near === undefined ? `one of: ${known.slice(0, 8).join(', ')}` : `did you mean "${near}"?`,
  });
}

/** Cases that regressed against the baseline and still are, grouped by where each of them began to fail. */
async function onsetsOf(
  work: Workplace,
  all: Series,
  ids: readonly string[],
  anchor: string | null,
): Promise<HistoryShift[]> {
  const { subset } = commonCases(all, [...all.cells.keys()]);
  const series = withoutSubsets(all, subset);
  const newest = series.summaries.findLast((s, at) => s.validity === 'valid' && subset[at] !== true);
  if (anchor === null || newest === undefined || newest.id === anchor) return [];
  const good = await work.store.results(anchor);
  const now = await work.store.results(newest.id);
  const policy = resolvePolicy(await work.store.policyOf(newest.id));
  const { runs } = await findPool(work.store, good.summary, { before: now.summary.startedAt });
  const comparison = compareSnapshots(good, now, { policy, pool: runs.slice(1) });
  const isRegression =
    comparison.verdict === 'regressed' || comparison.cases.some((c) => c.verdict === 'regressed');
  if (!isRegression) return [];
  const inScope = new Set(ids);
  // Placed with all regressed cases of the suite: one case alone is too few trials to place anything by.
  const regressed = regressedCases(comparison);
  const from = Math.max(
    0,
    series.summaries.findIndex((s) => s.id === anchor),
  );
  const shared = onsetOfRates(ratesOfCases(series, regressed).slice(from));
  const halfDrop = shared === null ? Number.POSITIVE_INFINITY : (shared.before - shared.after) / 2;
  const groups = new Map<number, string[]>();
  for (const id of regressed) {
    const own = onsetOfRates(ratesOfCases(series, [id]).slice(from));
    if (own === null) continue;
    // A few trials a night place a single case badly: it keeps an onset of its own only where its trials insist on it.
    const insists =
      shared === null ||
      logLikelihood(series, id, from, own.index + from) >
        logLikelihood(series, id, from, shared.index + from) + OWN_ONSET;
    const at = (insists ? own.index : shared.index) + from;
    const strata = strataBetween(series, [id], [from, at], [at, series.summaries.length]);
    // A case that only happened to pass less often in the two snapshots compared did not fall here.
    const fell =
      strata.length > 0 && (dropOf(strata) >= halfDrop || stratifiedExact(strata).pLess <= SHIFT_ALPHA);
    if (!fell) continue;
    groups.set(at, [...(groups.get(at) ?? []), id]);
  }
  // A drop spread so thinly that no single case shows it still has an onset.
  if (groups.size === 0 && shared !== null && regressed.length > 1) {
    const scoped = regressed.filter((id) => inScope.has(id));
    const all = shiftAt(series, scoped, from, shared.index + from, series.summaries.length, 'first bad');
    return all !== null && all.p <= SHIFT_ALPHA ? [all] : [];
  }
  return [...groups]
    .flatMap(([at, cases]) => {
      const scoped = cases.filter((id) => inScope.has(id));
      if (scoped.length === 0) return [];
      return shiftAt(series, scoped, from, at, series.summaries.length, 'first bad') ?? [];
    })
    .sort((a, b) => b.cases.length - a.cases.length || a.index - b.index);
}

/** Pass rate before minus after, of one case. */
function dropOf(strata: readonly { xA: number; kA: number; xB: number; kB: number }[]): number {
  const s = strata[0];
  return s === undefined ? 0 : s.xA / s.kA - s.xB / s.kB;
}

/** Of one case's trials under one rate before `at` and another from it on. */
function logLikelihood(series: Series, id: string, from: number, at: number): number {
  const strata = strataBetween(series, [id], [from, at], [at, series.summaries.length])[0];
  if (strata === undefined) return Number.NEGATIVE_INFINITY;
  const part = (passed: number, trials: number): number => {
    const failed = trials - passed;
    return (
      (passed === 0 ? 0 : passed * Math.log(passed / trials)) +
      (failed === 0 ? 0 : failed * Math.log(failed / trials))
    );
  };
  return part(strata.xA, strata.kA) + part(strata.xB, strata.kB);
}

/** Lasting changes of the scope's level, each shown by an exact test of the trials on both sides of it. */
function shiftsOf(series: Series, ids: readonly string[]): HistoryShift[] {
  const rates = ratesOfCases(series, ids);
  const known = rates.flatMap((rate, index) => (rate === null ? [] : [{ rate, index }]));
  if (known.length < MIN_SHIFT_POINTS) return [];
  const values = known.map((k) => k.rate);
  const penalty = changePointPenalty(values);
  const at = penalty === 0 ? steps(values) : changePointL2(values, { penalty, minSegment: 2 }).changePoints;
  const bounds = [0, ...at, values.length];
  return at.flatMap((start, i) => {
    const index = known[start]?.index;
    const from = known[bounds[i] ?? 0]?.index;
    const end = known[bounds[i + 2] ?? values.length]?.index ?? series.summaries.length;
    if (index === undefined || from === undefined) return [];
    const shift = shiftAt(series, ids, from, index, end, 'change point');
    return shift === null || shift.p > SHIFT_ALPHA ? [] : [{ ...shift, cases: [] }];
  });
}

/** Places where a series without noise steps to another level and stays there for at least two runs. */
function steps(values: readonly number[]): number[] {
  const places: number[] = [];
  let level: number | null = null;
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    if (Math.abs(value - (values[i - 1] as number)) > 1e-9) continue;
    // Two alike in a row are a level; single ones in between are none.
    if (level !== null && Math.abs(value - level) > 1e-9) places.push(i - 1);
    level = value;
  }
  return places;
}

function shiftAt(
  series: Series,
  cases: readonly string[],
  from: number,
  index: number,
  end: number,
  method: HistoryShift['method'],
): HistoryShift | null {
  const rates = ratesOfCases(series, cases);
  const before = mean(rates.slice(from, index));
  const level = mean(rates.slice(index, end));
  const lastGood = rates.findLastIndex((rate, i) => i < index && rate !== null);
  const first = series.summaries[index];
  const last = series.summaries[lastGood];
  if (before === null || level === null || first === undefined || last === undefined) return null;
  const strata = strataBetween(series, cases, [from, index], [index, end]);
  const { pLess, pGreater } = strata.length === 0 ? { pLess: 1, pGreater: 1 } : stratifiedExact(strata);
  const direction = level < before ? 'fell' : 'rose';
  const change = changeBetween(last, first, index);
  return {
    direction,
    cases,
    index,
    snapshot: first.id,
    at: first.startedAt,
    after: { snapshot: last.id, at: last.startedAt },
    before,
    level,
    runs: rates.slice(index, end).filter((rate) => rate !== null).length,
    // Far below the smallest number that differs from 0 the digits mean nothing.
    p: Math.max(1e-300, Math.min(1, (direction === 'fell' ? pLess : pGreater) * Math.max(1, end - from - 1))),
    method,
    change,
    diagnosis: diagnosisOf(change),
  };
}

function diagnosisOf(change: ReturnType<typeof changeBetween>): string {
  if (change === null) return 'nothing of yours changed: provider-side drift suspected';
  const parts = [
    change.layersChanged.length > 0 ? `${change.layersChanged.join(' + ')} change` : '',
    change.servedModels === null ? '' : 'served model changed',
    change.systemFingerprints === null ? '' : 'system fingerprint changed',
    change.examChanged ? 'exam changed' : '',
  ].filter((part) => part !== '');
  return parts.join('; ');
}

/** Slow drift over the anchor's own fingerprint: what no comparison of one night with the next can see. */
function trendOf(series: Series, ids: readonly string[], anchor: string | null): HistoryTrend {
  const start = anchor === null ? -1 : series.summaries.findIndex((s) => s.id === anchor);
  const at = series.summaries[start];
  if (at === undefined)
    return {
      state: 'not-tested',
      reason: 'there is no baseline in this series, so there is nothing to drift from',
    };
  const rates = ratesOfCases(series, ids);
  const values = series.summaries.flatMap((s, i) => {
    const rate = rates[i];
    return i >= start && s.fingerprint === at.fingerprint && rate !== null && rate !== undefined
      ? [rate]
      : [];
  });
  if (values.length < MIN_TREND_POINTS)
    return {
      state: 'not-tested',
      reason: `${values.length} usable snapshots of the baseline's fingerprint since it was made; a trend takes ${MIN_TREND_POINTS}`,
    };
  const trend = mannKendall(values);
  const own = rates[start];
  const sinceAnchor = own === null || own === undefined ? null : (values.at(-1) ?? own) - own;
  const per30 = 30 * trend.slope;
  const state =
    trend.pTwoSided > TREND_ALPHA || trend.slope === 0
      ? 'no-trend'
      : stepFitsBetter(values, trend.slope, trend.intercept)
        ? 'step'
        : trend.slope < 0
          ? 'decaying'
          : 'improving';
  const said = `${signed(100 * per30)} points per 30 snapshots (Theil–Sen; Mann–Kendall p = ${probability(trend.pTwoSided)}, ${values.length} snapshots)`;
  const reason =
    state === 'no-trend'
      ? `no slow drift was shown: ${said}`
      : state === 'step'
        ? `the level changed at once rather than slowly: ${said}`
        : `slow ${state === 'decaying' ? 'decay' : 'improvement'} since the baseline: ${said}; at this pace ${signed(100 * 90 * trend.slope)} points in 90 more`;
  return {
    state,
    nights: values.length,
    per30,
    projected90: 90 * trend.slope,
    p: trend.pTwoSided,
    sinceAnchor,
    reason,
  };
}

/** Does one step explain the series better than the line (smaller squared error)? */
function stepFitsBetter(values: readonly number[], slope: number, intercept: number): boolean {
  const line = values.reduce((sum, v, i) => sum + (v - intercept - slope * i) ** 2, 0);
  let best = Number.POSITIVE_INFINITY;
  for (let at = 2; at <= values.length - 2; at++) {
    const error = spread(values.slice(0, at)) + spread(values.slice(at));
    if (error < best) best = error;
  }
  return best < line;
}

function spread(values: readonly number[]): number {
  const centre = mean(values) ?? 0;
  return values.reduce((sum, v) => sum + (v - centre) ** 2, 0);
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((v) => v !== null);
  return known.length === 0 ? null : known.reduce((sum, v) => sum + v, 0) / known.length;
}
