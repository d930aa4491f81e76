// What a fresh run must show before a candidate may be called verified: all conditions hold, each at its own level.

import type { Comparison, CriticalCheck, SnapshotResults, Verification } from '../core/index.ts';
import { examDifferences } from '../core/index.ts';
import { moverDelta, stratifiedExact } from '../stats/index.ts';
import { byId, type Tally, tally } from './regression.ts';

/** Largest drop of the critical cases together that is still tolerated; they are few, so it is wider than the suite's. */
export const CRITICAL_MARGIN = 0.1;
/** One-sided level of the bound on the critical cases. */
const CRITICAL_ALPHA = 0.05;
/** Levels at which a short probe of the regressed cases may refuse a candidate: alone, and where most of its trials fail too. */
const PROBE_ALPHA = 0.001;
const PROBE_ALPHA_FAILING = 0.01;
/** Before the last look, "worse" ends a proof only on evidence this strong (Haybittle 1971, Peto et al. 1976). */
const EARLY_ALPHA = 0.001;

export interface VerifyInput {
  /** The fresh trials of the candidate: one run, or several run together by `mergeRuns`. */
  readonly fresh: SnapshotResults;
  /** Clean snapshots of the baseline's fingerprint, the blessed one first: their trials are pooled. */
  readonly baselinePool: readonly SnapshotResults[];
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  /** Fresh candidate against the baseline. */
  readonly comparison: Comparison;
  /** Fresh candidate against its own stored snapshot, where it has one that is not the baseline. */
  readonly own?: { readonly snapshot: string; readonly comparison: Comparison } | undefined;
  readonly margin: number;
  /** Error budget of one look at one candidate. */
  readonly alpha: number;
  /** Is this the last look? Before it, a weak sign of being worse asks for more trials instead of ending the proof. Default true. */
  readonly last?: boolean | undefined;
}

/**
 * Intersection–union test (Berger 1982): not regressed against the baseline nor against its own stored snapshot, non-inferior
 * to the baseline within the margin (one-sided MOVER–Wilson bound), the critical cases within theirs, and better than the
 * incident on the regressed cases (exact stratified test).
 */
export function judgeVerification(input: VerifyInput): Verification {
  const { fresh, incident, regressed, comparison, own, margin, alpha } = input;
  const snapshot = fresh.summary.id;
  const nonInferiority = nonInferiorityOf(input);
  const critical = criticalOf(input);
  const now = byId(fresh);
  const then = byId(incident);
  const strata: { xA: number; kA: number; xB: number; kB: number }[] = [];
  const stillFailing: string[] = [];
  let recovered = 0;
  for (const id of regressed) {
    const a = tally(then.get(id));
    const b = tally(now.get(id));
    if (a.trials > 0 && b.trials > 0) strata.push({ xA: a.passed, kA: a.trials, xB: b.passed, kB: b.trials });
    if (b.trials > 0 && b.passed / b.trials > 0.5) recovered++;
    else stillFailing.push(id);
  }
  const pBetter = strata.length > 0 ? stratifiedExact(strata).pGreater : 1;
  const base = { snapshot, nonInferiority, critical, recovered, stillFailing };
  const failed = (reason: string): Verification => ({ ...base, outcome: 'failed', reason });

  if (fresh.summary.validity === 'invalid') {
    return {
      ...base,
      outcome: 'inconclusive',
      reason: `the verification run is invalid: ${fresh.summary.validityReasons.join('; ')}`,
    };
  }
  const isWorse = (c: Comparison): boolean =>
    c.verdict === 'regressed' &&
    (input.last !== false || (c.overall.pRegression !== null && c.overall.pRegression <= EARLY_ALPHA));
  if (own !== undefined && isWorse(own.comparison)) {
    return failed(
      `it was good in ${own.snapshot} (pass rate ${rate(own.comparison.baseline.passRate)}) but is no longer (now ${rate(own.comparison.candidate.passRate)}), with the same fingerprint: ${own.comparison.reason}`,
    );
  }
  if (isWorse(comparison)) return failed(`run now, it is worse than the baseline: ${comparison.reason}`);
  if (nonInferiority !== null && nonInferiority.interval[1] < -margin) {
    return failed(`run now, it is worse than the baseline by more than the margin of ${percent(margin)}`);
  }
  if (strata.length > 0 && pBetter > alpha && stillFailing.length > regressed.length / 2) {
    return failed(
      `run now, it still fails ${stillFailing.length} of the ${regressed.length} regressed cases`,
    );
  }
  const doubts = doubtsOf(input, nonInferiority, critical, pBetter);
  if (doubts.length > 0) return { ...base, outcome: 'inconclusive', reason: doubts.join('; ') };
  return {
    ...base,
    outcome: 'verified',
    reason: `run now: ${recovered} of ${regressed.length} regressed cases pass again, and its pass rate is at most ${percent(
      Math.max(0, -(nonInferiority?.lowerBound ?? 0)),
    )} below the baseline's with ${percent(1 - alpha)} confidence (margin ${percent(margin)})`,
  };
}

/** What is not shown yet, one sentence each; empty = everything is. */
function doubtsOf(
  { fresh, comparison, own, margin, alpha }: VerifyInput,
  nonInferiority: Verification['nonInferiority'],
  critical: CriticalCheck | null,
  pBetter: number,
): string[] {
  const doubts: string[] = [];
  if (nonInferiority === null) doubts.push('nothing comparable with the baseline was graded');
  else if (!nonInferiority.holds) {
    doubts.push(
      `a drop of up to ${percent(-nonInferiority.lowerBound)} against the baseline cannot be ruled out (margin ${percent(margin)})`,
    );
  }
  if (critical !== null && !critical.holds) {
    doubts.push(
      `on the ${critical.cases} critical case${critical.cases === 1 ? '' : 's'} a drop of up to ${percent(-critical.lowerBound)} cannot be ruled out (their margin is ${percent(critical.margin)})`,
    );
  }
  if (pBetter > alpha)
    doubts.push(
      `on the regressed cases it is not shown to be better than the incident (p = ${pBetter.toPrecision(2)})`,
    );
  if (fresh.summary.validity === 'degraded')
    doubts.push(`the verification run is degraded: ${fresh.summary.validityReasons.join('; ')}`);
  if (comparison.verdict === 'invalid') doubts.push(comparison.reason);
  if (comparison.verdict === 'regressed')
    doubts.push(`it looks worse than the baseline: ${comparison.reason}`);
  if (own?.comparison.verdict === 'regressed')
    doubts.push(`it looks worse than its own snapshot ${own.snapshot}: ${own.comparison.reason}`);
  return doubts;
}

/** Pass or fail of every graded trial of the baseline pool and of the fresh run, per comparable case. */
function arms(input: VerifyInput, only: (id: string) => boolean): { A: number[][]; B: number[][] } {
  const A: number[][] = [];
  const B: number[][] = [];
  const pools = input.baselinePool.map(byId);
  for (const c of input.fresh.cases) {
    if (!only(c.id)) continue;
    const b = c.trials.filter((t) => t.pass !== null).map((t) => Number(t.pass));
    const a = pools
      .map((pool) => pool.get(c.id))
      .filter((p) => p !== undefined && examDifferences(p.exam, c.exam).length === 0)
      .flatMap((p) => (p?.trials ?? []).filter((t) => t.pass !== null).map((t) => Number(t.pass)));
    if (a.length > 0 && b.length > 0) {
      A.push(a);
      B.push(b);
    }
  }
  return { A, B };
}

/** Pools the trials of every comparable baseline snapshot, case by case, and bounds the difference from below. */
function nonInferiorityOf(input: VerifyInput): Verification['nonInferiority'] {
  const { margin, alpha } = input;
  const { A, B } = arms(input, () => true);
  if (A.length === 0) return null;
  const { delta, lower, upper } = moverDelta(A, B, 1 - 2 * alpha);
  return { margin, delta, interval: [lower, upper], lowerBound: lower, holds: lower > -margin };
}

/** The same bound for the critical cases alone; null when the suite has none that were graded on both sides. */
function criticalOf(input: VerifyInput): CriticalCheck | null {
  const marked = new Set(input.fresh.cases.filter((c) => c.critical).map((c) => c.id));
  const { A, B } = arms(input, (id) => marked.has(id));
  if (A.length === 0) return null;
  const { delta, lower } = moverDelta(A, B, 1 - 2 * CRITICAL_ALPHA);
  return {
    cases: A.length,
    margin: CRITICAL_MARGIN,
    delta,
    lowerBound: lower,
    holds: lower > -CRITICAL_MARGIN,
  };
}

/** Trials of several runs of one release as one; the last run's summary, with the worst validity of them all. */
export function mergeRuns(runs: readonly SnapshotResults[]): SnapshotResults {
  const last = runs.at(-1);
  if (last === undefined) throw new RangeError('mergeRuns needs at least one run');
  const order = ['valid', 'degraded', 'invalid'] as const;
  const worst = Math.max(...runs.map((r) => order.indexOf(r.summary.validity)));
  const earlier = runs.slice(0, -1).map(byId);
  return {
    summary: {
      ...last.summary,
      validity: order[worst] ?? 'invalid',
      validityReasons: [...new Set(runs.flatMap((r) => r.summary.validityReasons))],
    },
    cases: last.cases.map((c) => {
      const before = earlier.flatMap((run) => run.get(c.id)?.trials ?? []);
      const planned = earlier.reduce((n, run) => n + (run.get(c.id)?.plannedTrials ?? 0), c.plannedTrials);
      const trials = [...before, ...c.trials].map((t, trial) => ({ ...t, trial }));
      return { ...c, plannedTrials: planned, trials };
    }),
  };
}

/** What a few fresh trials of the regressed cases alone say. They can only refuse: proof takes the whole suite. */
export type ProbeVerdict =
  | { readonly outcome: 'refused'; readonly detail: string }
  | { readonly outcome: 'go-on'; readonly detail: string };

/** Refuses when the probe is worse than the baseline pool on the probed cases beyond doubt; less doubt is needed where most of it fails. */
export function judgeProbe(input: {
  readonly fresh: SnapshotResults;
  readonly baselinePool: readonly SnapshotResults[];
}): ProbeVerdict {
  const pools = input.baselinePool.map(byId);
  const strata: { xA: number; kA: number; xB: number; kB: number }[] = [];
  for (const c of input.fresh.cases) {
    const b = tally(c);
    const a = pools
      .map((pool) => pool.get(c.id))
      .filter((p) => p !== undefined && examDifferences(p.exam, c.exam).length === 0)
      .map((p) => tally(p))
      .reduce<Tally>((sum, t) => ({ passed: sum.passed + t.passed, trials: sum.trials + t.trials }), {
        passed: 0,
        trials: 0,
      });
    if (a.trials > 0 && b.trials > 0) strata.push({ xA: a.passed, kA: a.trials, xB: b.passed, kB: b.trials });
  }
  const passed = strata.reduce((n, s) => n + s.xB, 0);
  const trials = strata.reduce((n, s) => n + s.kB, 0);
  const said = `passes ${passed} of ${trials} trials of ${strata.length} regressed case${strata.length === 1 ? '' : 's'}`;
  if (trials === 0) return { outcome: 'go-on', detail: 'nothing was graded' };
  const { pLess } = stratifiedExact(strata);
  return pLess <= (passed < trials / 2 ? PROBE_ALPHA_FAILING : PROBE_ALPHA)
    ? {
        outcome: 'refused',
        detail: `${said}, worse than the baseline (one-sided exact p = ${pLess.toPrecision(2)})`,
      }
    : { outcome: 'go-on', detail: said };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function rate(share: number | null): string {
  return share === null ? 'not known' : percent(share);
}
