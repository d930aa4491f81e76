// Proving one rollback candidate: a short probe of the regressed cases, then enough fresh trials of the whole suite for a decision.

import { compareSnapshots } from '../../compare/index.ts';
import type {
  CaseResult,
  Failure,
  Policy,
  Release,
  SnapshotResults,
  Suite,
  Verification,
} from '../../core/index.ts';
import {
  byId,
  type Candidate,
  judgeProbe,
  judgeVerification,
  mergeRuns,
  type PastRelease,
  type ProbeVerdict,
} from '../../rollback/index.ts';
import type { RunReport } from '../../run/index.ts';
import { designPower } from '../../stats/index.ts';
import { type RunSettings, runSuite } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';
import { onlyCases, withCaseTrials } from './rollback-suite.ts';

/** Most fresh trials per case one look asks for. */
const MAX_TRIALS = 25;
/** Fresh trials of the critical cases together that can bound their drop by their margin, and most per case. */
const CRITICAL_TRIALS = 60;
const MAX_CRITICAL_TRIALS = 30;
/** Shares of a candidate's error budget spent at the first look and at the second, which doubles the trials (Bonferroni). */
const LOOKS = [0.6, 0.4] as const;
/** A probe looks at this many of the regressed cases at most, worst first, and costs at most this share of a full look. */
const PROBE_CASES = 12;
const PROBE_TRIALS = 3;
const PROBE_SHARE = 0.25;
const LEAST_PROBE = 6;

/** One candidate to be proven, and what it is measured against. */
export interface VerifyJob {
  readonly candidate: Candidate;
  readonly suite: Suite;
  readonly baseline: SnapshotResults;
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  readonly policy: Policy;
  /** Error budget of this candidate over all its looks. */
  readonly alpha: number;
  /** The baseline first. */
  readonly pool: readonly SnapshotResults[];
  /** Limits and labels; `maxCalls` and `maxCostUsd` are what is left for this candidate. */
  readonly settings: RunSettings;
}

/** What the calls came to, whatever they showed. */
export interface Spent {
  readonly calls: number;
  /** The part of the cost that is known. */
  readonly knownCostUsd: number;
  /** Why a run ended early; null = none did. */
  readonly stoppedBy: RunReport['stoppedBy'];
  readonly fatal: Failure | null;
}

const NOTHING: Spent = { calls: 0, knownCostUsd: 0, stoppedBy: null, fatal: null };

function add(a: Spent, report: RunReport): Spent {
  return {
    calls: a.calls + report.calls,
    knownCostUsd: a.knownCostUsd + report.knownCostUsd,
    stoppedBy: report.stoppedBy ?? a.stoppedBy,
    fatal: report.fatal ?? a.fatal,
  };
}

/** The settings with what has been spent taken off the limits; null when a limit leaves nothing. */
export function remaining(settings: RunSettings, spent: Spent): RunSettings | null {
  const maxCalls = settings.maxCalls === undefined ? undefined : settings.maxCalls - spent.calls;
  const maxCostUsd = settings.maxCostUsd === undefined ? undefined : settings.maxCostUsd - spent.knownCostUsd;
  if ((maxCalls !== undefined && maxCalls < 1) || (maxCostUsd !== undefined && maxCostUsd <= 0)) return null;
  return { ...settings, maxCalls, maxCostUsd };
}

/** A few trials of the worst regressed cases; null where what it may cost is too little to refuse anything. */
export async function probeCandidate(
  work: Workplace,
  job: VerifyJob,
): Promise<{ verdict: ProbeVerdict; snapshot: string; spent: Spent } | null> {
  const trials = job.regressed.length < 4 ? 2 * PROBE_TRIALS : PROBE_TRIALS;
  const affordable = Math.floor((PROBE_SHARE * lookTrials(job)) / trials);
  const ids = job.regressed.slice(0, Math.min(PROBE_CASES, affordable));
  // Fewer trials than this cannot refuse anything beyond doubt.
  if (ids.length * trials < LEAST_PROBE) return null;
  const run = await runFresh(work, job, onlyCases(job.suite, ids, trials), job.settings, 'confirmation');
  const fresh = await work.store.results(run.summary.id);
  const verdict =
    fresh.summary.validity === 'valid'
      ? judgeProbe({ fresh, baselinePool: job.pool })
      : { outcome: 'go-on' as const, detail: 'the probe was not a valid run' };
  return { verdict, snapshot: run.summary.id, spent: add(NOTHING, run.report) };
}

/** Runs the candidate now and judges it; an undecided first look is followed by a second one with as many trials again. */
export async function verifyCandidate(
  work: Workplace,
  job: VerifyJob,
): Promise<{ verification: Verification; spent: Spent }> {
  const suite = firstLook(job);
  const runs: SnapshotResults[] = [];
  let spent = NOTHING;
  let verification: Verification | null = null;
  for (const share of LOOKS) {
    const settings = remaining(job.settings, spent);
    if (settings === null) {
      spent = { ...spent, stoppedBy: job.settings.maxCalls === undefined ? 'max-cost' : 'max-calls' };
      break;
    }
    const run = await runFresh(work, job, suite, settings, 'verification');
    spent = add(spent, run.report);
    runs.push(await work.store.results(run.summary.id));
    verification = judge(job, mergeRuns(runs), share * job.alpha, runs.length === LOOKS.length);
    if (runs.length > 1) verification = { ...verification, snapshots: runs.map((r) => r.summary.id) };
    // More trials cure only a lack of trials: not a verdict, an outage, a limit or an interruption.
    if (verification.outcome !== 'inconclusive' || spent.stoppedBy !== null) break;
    if (runs.some((r) => r.summary.validity !== 'valid')) break;
  }
  if (verification === null) throw new Error('a verification needs at least one run');
  return { verification, spent };
}

function judge(job: VerifyJob, fresh: SnapshotResults, alpha: number, last: boolean): Verification {
  const { policy, baseline, incident, regressed, pool, candidate } = job;
  const stored = candidate.snapshot;
  const own =
    stored === null || stored.summary.id === baseline.summary.id
      ? undefined
      : { snapshot: stored.summary.id, comparison: compareSnapshots(stored, fresh, { policy }) };
  return judgeVerification({
    fresh,
    baselinePool: pool,
    incident,
    regressed,
    comparison: compareSnapshots(baseline, fresh, { policy, pool: pool.slice(1) }),
    own,
    margin: policy.margin,
    alpha,
    last,
  });
}

/** Runs a suite on the candidate under the baseline's exam. */
async function runFresh(
  work: Workplace,
  job: VerifyJob,
  suite: Suite,
  settings: RunSettings,
  purpose: 'verification' | 'confirmation',
): Promise<Awaited<ReturnType<typeof runSuite>>> {
  const examiners = await examinersOf(work, job.baseline);
  return runSuite(
    work,
    { suite, release: job.candidate.release, ...examiners },
    {
      ...settings,
      trials: undefined,
      purpose,
      labels: {
        ...settings.labels,
        'rollback-of': job.incident.summary.id,
        ...(purpose === 'confirmation' ? { probe: 'regressed cases' } : {}),
      },
    },
  );
}

/** Judge and embedder as they were when a snapshot was graded. */
export async function examinersOf(
  work: Pick<Workplace, 'store'>,
  snapshot: SnapshotResults,
): Promise<{ judge: Release | null; embedder: Release | null }> {
  const { id, judge, embedder } = snapshot.summary;
  return {
    judge: judge === null ? null : await work.store.releaseOf(id, 'judge'),
    embedder: embedder === null ? null : await work.store.releaseOf(id, 'embedder'),
  };
}

/** The suite with the trials of one look: as asked for, else what a decision needs, the critical cases more often. */
function firstLook(job: VerifyJob): Suite {
  const { suite, settings } = job;
  if (settings.trials !== undefined) {
    const { trials } = settings;
    return withCaseTrials(suite, () => trials);
  }
  const trials = trialsFor(job.baseline, job.pool, job.policy.margin, LOOKS[0] * job.alpha);
  const critical = suite.cases.filter((c) => c.critical).length;
  const forCritical = Math.min(MAX_CRITICAL_TRIALS, Math.ceil(CRITICAL_TRIALS / Math.max(1, critical)));
  return withCaseTrials(suite, (c) => (c.critical ? Math.max(trials, forCritical) : trials));
}

function plannedTrials(suite: Suite): number {
  return suite.cases.reduce((n, c) => n + c.trials, 0);
}

/** Trials one look at this candidate takes. */
export function lookTrials(job: VerifyJob): number {
  return plannedTrials(firstLook(job));
}

/** The baseline and the valid runs of its fingerprint up to it: more of the same evidence, at no cost. */
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

function pooledTally(
  id: string,
  pool: readonly ReadonlyMap<string, CaseResult>[],
): { passed: number; trials: number } {
  let passed = 0;
  let trials = 0;
  for (const snapshot of pool) {
    for (const t of snapshot.get(id)?.trials ?? []) {
      if (t.pass === null) continue;
      trials++;
      if (t.pass) passed++;
    }
  }
  return { passed, trials };
}

/** Trials per case for 80 % power of the non-inferiority test when the target is as good as the baseline. */
function trialsFor(
  baseline: SnapshotResults,
  pool: readonly SnapshotResults[],
  margin: number,
  alpha: number,
): number {
  const pools = pool.map(byId);
  const tallies = baseline.cases.map((c) => pooledTally(c.id, pools)).filter((t) => t.trials > 0);
  const n = tallies.length;
  if (n === 0) return 1;
  const variances = tallies.map(({ passed, trials }) => {
    const rate = passed / trials;
    // Of k trials the plain p (1 − p) is too small by (k − 1) / k.
    return trials === 1 ? rate * (1 - rate) : (rate * (1 - rate) * trials) / (trials - 1);
  });
  // Floored: three trials that all passed do not show that a case never fails.
  const vBar = Math.max(0.04, variances.reduce((sum, v) => sum + v, 0) / n);
  const kA = tallies.reduce((sum, t) => sum + t.trials, 0) / n;
  for (let kB = 5; kB < MAX_TRIALS; kB++) {
    if (
      designPower({ vBar, kA: Math.max(1, kA), kB, n, alpha, power: 0.8, delta: margin }).niPowerAtZero >= 0.8
    )
      return kB;
  }
  return MAX_TRIALS;
}
