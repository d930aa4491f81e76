// What a fresh run must show before a candidate may be called verified: all conditions hold, each at its own level.

import type { Comparison, SnapshotResults, Verification } from '../core/index.ts';
import { examDifferences } from '../core/index.ts';
import { moverDelta, stratifiedExact } from '../stats/index.ts';
import { byId, tally } from './regression.ts';

export interface VerifyInput {
  /** The fresh snapshot of the candidate. */
  readonly fresh: SnapshotResults;
  /** Clean snapshots of the baseline's fingerprint, the blessed one first: their trials are pooled. */
  readonly baselinePool: readonly SnapshotResults[];
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  /** Fresh candidate against the baseline. */
  readonly comparison: Comparison;
  readonly margin: number;
  /** Error budget of one candidate: the total (.05) divided by the number of candidates that may be tried. */
  readonly alpha: number;
}

/**
 * Intersection–union test (Berger 1982): not regressed against the baseline, non-inferior to it within the margin (one-sided
 * MOVER–Wilson bound), and better than the incident on the regressed cases (exact stratified test).
 */
export function judgeVerification(input: VerifyInput): Verification {
  const { fresh, incident, regressed, comparison, margin, alpha } = input;
  const snapshot = fresh.summary.id;
  const nonInferiority = nonInferiorityOf(input);
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
  const base = { snapshot, nonInferiority, recovered, stillFailing };

  if (fresh.summary.validity === 'invalid') {
    return {
      ...base,
      outcome: 'inconclusive',
      reason: `the verification run is invalid: ${fresh.summary.validityReasons.join('; ')}`,
    };
  }
  if (comparison.verdict === 'regressed') {
    return {
      ...base,
      outcome: 'failed',
      reason: `run now, it is worse than the baseline: ${comparison.reason}`,
    };
  }
  if (nonInferiority !== null && nonInferiority.interval[1] < -margin) {
    return {
      ...base,
      outcome: 'failed',
      reason: `run now, it is worse than the baseline by more than the margin of ${percent(margin)}`,
    };
  }
  if (strata.length > 0 && pBetter > alpha && stillFailing.length > regressed.length / 2) {
    return {
      ...base,
      outcome: 'failed',
      reason: `run now, it still fails ${stillFailing.length} of the ${regressed.length} regressed cases`,
    };
  }
  const doubts: string[] = [];
  if (nonInferiority === null) doubts.push('nothing comparable with the baseline was graded');
  else if (!nonInferiority.holds) {
    doubts.push(
      `a drop of up to ${percent(-nonInferiority.lowerBound)} against the baseline cannot be ruled out (margin ${percent(margin)})`,
    );
  }
  if (pBetter > alpha)
    doubts.push(
      `on the regressed cases it is not shown to be better than the incident (p = ${pBetter.toPrecision(2)})`,
    );
  if (fresh.summary.validity === 'degraded')
    doubts.push(`the verification run is degraded: ${fresh.summary.validityReasons.join('; ')}`);
  if (comparison.verdict === 'invalid') doubts.push(comparison.reason);
  if (doubts.length > 0) return { ...base, outcome: 'inconclusive', reason: doubts.join('; ') };
  return {
    ...base,
    outcome: 'verified',
    reason: `run now: ${recovered} of ${regressed.length} regressed cases pass again, and its pass rate is at most ${percent(
      Math.max(0, -(nonInferiority?.lowerBound ?? 0)),
    )} below the baseline's with ${percent(1 - alpha)} confidence (margin ${percent(margin)})`,
  };
}

/** Pools the trials of every comparable baseline snapshot, case by case, and bounds the difference from below. */
function nonInferiorityOf(input: VerifyInput): Verification['nonInferiority'] {
  const { fresh, baselinePool, margin, alpha } = input;
  const A: number[][] = [];
  const B: number[][] = [];
  const pools = baselinePool.map(byId);
  for (const c of fresh.cases) {
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
  if (A.length === 0) return null;
  const { delta, lower, upper } = moverDelta(A, B, 1 - 2 * alpha);
  return { margin, delta, interval: [lower, upper], lowerBound: lower, holds: lower > -margin };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
