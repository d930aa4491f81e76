// Proving one rollback candidate: enough fresh trials for a decision, run now, judged against the pooled baseline.

import { compareSnapshots } from '../compare/index.ts';
import type { Policy, SnapshotResults, Suite, Verification } from '../core/index.ts';
import { type Candidate, judgeVerification, type PastRelease } from '../rollback/index.ts';
import { designPower } from '../stats/index.ts';
import { type RunSettings, runSuite } from './run-suite.ts';
import type { Workplace } from './workplace.ts';

/** Most fresh trials per case a verification asks for. */
const MAX_TRIALS = 25;

/** One candidate to be proven, and what it is measured against. */
export interface VerifyJob {
  readonly candidate: Candidate;
  readonly suite: Suite;
  readonly baseline: SnapshotResults;
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  readonly policy: Policy;
  readonly alpha: number;
  /** The baseline first. */
  readonly pool: readonly SnapshotResults[];
  /** Limits and labels; `maxCalls` is what is left for this candidate. */
  readonly settings: RunSettings;
}

/** Runs the candidate now, with enough trials to decide non-inferiority, and judges it. */
export async function verifyCandidate(
  work: Workplace,
  job: VerifyJob,
): Promise<{ verification: Verification; calls: number }> {
  const { store } = work;
  const { pool } = job;
  const judge =
    job.baseline.summary.judge === null ? null : await store.releaseOf(job.baseline.summary.id, 'judge');
  const embedder =
    job.baseline.summary.embedder === null
      ? null
      : await store.releaseOf(job.baseline.summary.id, 'embedder');
  const settings: RunSettings = {
    ...job.settings,
    trials: job.settings.trials ?? trialsFor(job.baseline, pool, job.policy.margin, job.alpha),
    purpose: 'verification',
    labels: { ...job.settings.labels, 'rollback-of': job.incident.summary.id },
  };
  const run = await runSuite(
    work,
    { suite: job.suite, release: job.candidate.release, judge, embedder },
    settings,
  );
  const fresh = await store.results(run.summary.id);
  const comparison = compareSnapshots(job.baseline, fresh, { policy: job.policy, pool: pool.slice(1) });
  const verification = judgeVerification({
    fresh,
    baselinePool: pool,
    incident: job.incident,
    regressed: job.regressed,
    comparison,
    margin: job.policy.margin,
    alpha: job.alpha,
  });
  return { verification, calls: run.report.calls };
}

/** The baseline and the valid runs of its fingerprint up to the onset: more of the same evidence, at no cost. */
export function cleanPool(
  context: readonly PastRelease[],
  baseline: SnapshotResults,
  incident: SnapshotResults,
): SnapshotResults[] {
  const before = context.filter(
    (p) =>
      p.results.summary.id !== baseline.summary.id &&
      p.results.summary.purpose === 'run' &&
      p.results.summary.validity === 'valid' &&
      p.release.fingerprint === baseline.summary.fingerprint &&
      p.results.summary.startedAt <= baseline.summary.startedAt &&
      p.results.summary.startedAt < incident.summary.startedAt,
  );
  return [baseline, ...before.map((p) => p.results)];
}

/** Trials per case for 80 % power of the non-inferiority test when the target is as good as the baseline. */
function trialsFor(
  baseline: SnapshotResults,
  pool: readonly SnapshotResults[],
  margin: number,
  alpha: number,
): number {
  const rates = baseline.cases
    .map((c) => c.trials.filter((t) => t.pass !== null))
    .filter((graded) => graded.length > 0)
    .map((graded) => graded.filter((t) => t.pass).length / graded.length);
  const n = rates.length;
  if (n === 0) return 1;
  // Within-case variance, floored: three trials that all passed do not show that a case never fails.
  const vBar = Math.max(0.04, rates.reduce((sum, p) => sum + p * (1 - p), 0) / n);
  const kA = pool.reduce((sum, s) => sum + (s.cases[0]?.trials.length ?? 0), 0);
  for (let kB = 5; kB < MAX_TRIALS; kB++) {
    if (
      designPower({ vBar, kA: Math.max(1, kA), kB, n, alpha, power: 0.8, delta: margin }).niPowerAtZero >= 0.8
    )
      return kB;
  }
  return MAX_TRIALS;
}
