// Proving one rollback candidate: a short probe of the regressed cases, then enough fresh trials of the whole suite for a decision.

import type { Policy, Release, SnapshotResults, Suite, Verification } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { onlyCases, withTrialsOf } from '../../engine/arms/rollback-suite.ts';
import { type RunSettings, runSuite } from '../../engine/arms/run-suite.ts';
import { addSpent, NOTHING_SPENT, remaining, type Spent } from '../../engine/arms/spending.ts';
import { examinersOf } from '../../engine/examiners/graded-by.ts';
import { programsInTree } from '../../engine/examiners/known-programs.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import {
  type Candidate,
  judgeProbe,
  type ProbeVerdict,
  planVerification,
  prove,
  type RunTrials,
  trialsIn,
  type VerificationPlan,
} from '../../rollback/index.ts';
import type { RunVariance } from '../../stats/run-variance.ts';
import { runBeside } from './run-beside.ts';

/** A probe looks at this many of the regressed cases at most, worst first, and costs at most this share of a full proof. */
const PROBE_CASES = 12;
const PROBE_TRIALS = 3;
const PROBE_SHARE = 0.25;
const LEAST_PROBE = 6;

/** One candidate to be proven, and what it is measured against. */
export interface VerifyJob {
  readonly candidate: Candidate;
  readonly suite: Suite;
  readonly baseline: SnapshotResults;
  /** The last good release, to be run beside the candidate; null = it cannot be called, or is the candidate itself. */
  readonly control: Release | null;
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  readonly policy: Policy;
  /** Error budget of this candidate over all its looks. */
  readonly alpha: number;
  /** Runs of the last good release, the blessed one first, and how much they differ. */
  readonly pool: readonly SnapshotResults[];
  readonly sessions: RunVariance;
  /** Limits and labels; `maxCalls` and `maxCostUsd` are what is left for this candidate. */
  readonly settings: RunSettings;
}

/** A few trials of the worst regressed cases; null where what it may cost is too little to refuse anything. */
export async function probeCandidate(
  work: Workplace,
  job: VerifyJob,
): Promise<{ verdict: ProbeVerdict; snapshot: string; spent: Spent } | null> {
  const trials = job.regressed.length < 4 ? 2 * PROBE_TRIALS : PROBE_TRIALS;
  const affordable = Math.floor((PROBE_SHARE * trialsIn(planOf(job).looks.at(-1) ?? new Map())) / trials);
  const ids = job.regressed.slice(0, Math.min(PROBE_CASES, affordable));
  // Fewer trials than this cannot refuse anything beyond doubt.
  if (ids.length * trials < LEAST_PROBE) return null;
  const run = await runSuite(
    work,
    {
      suite: onlyCases(job.suite, ids, trials),
      release: job.candidate.release,
      ...(await graderOf(work, job)),
    },
    {
      ...settingsOf(job, job.settings, 'confirmation'),
      labels: { ...labelsOf(job), probe: 'regressed cases' },
    },
  );
  const fresh = await work.store.results(run.summary.id);
  const verdict =
    fresh.summary.validity === 'valid'
      ? judgeProbe({ fresh, baselinePool: job.pool })
      : { outcome: 'go-on' as const, detail: 'the probe was not a valid run' };
  return { verdict, snapshot: run.summary.id, spent: addSpent(NOTHING_SPENT, run.report) };
}

/** Runs the candidate now, beside the last good release where that can be called, and judges it look by look. */
export async function verifyCandidate(
  work: Workplace,
  job: VerifyJob,
): Promise<{ verification: Verification; spent: Spent } | null> {
  const examiners = await graderOf(work, job);
  let { control } = job;
  let spent = NOTHING_SPENT;
  let from = 0;
  const run: RunTrials = async (trials, why) => {
    const settings = remaining(job.settings, spent);
    if (settings === null) {
      spent = { ...spent, stoppedBy: job.settings.maxCalls === undefined ? 'max-cost' : 'max-calls' };
      return null;
    }
    const plan = {
      suite: withTrialsOf(job.suite, trials),
      candidate: job.candidate.release,
      examiners,
      settings: settingsOf(job, settings, why === 'look' ? 'verification' : 'confirmation'),
      from,
    };
    let beside = await runBeside(work, { ...plan, control });
    let ended = addSpent(spent, beside.report);
    // A route that fails for good may be the control's: the candidate alone then shows whether it is its own.
    if (control !== null && beside.report.fatal !== null) {
      control = null;
      const left = remaining(job.settings, ended);
      if (left !== null) {
        const alone = { ...plan, settings: settingsOf(job, left, plan.settings.purpose ?? 'verification') };
        beside = await runBeside(work, { ...alone, control: null });
        ended = addSpent({ ...ended, fatal: null, stoppedBy: null }, beside.report);
      }
    }
    spent = ended;
    from += Math.max(0, ...trials.values());
    return { candidate: beside.candidate, control: beside.control, ended: spent.stoppedBy !== null };
  };
  const proof = await prove(
    {
      plan: planOf(job),
      pool: job.pool,
      sessions: job.sessions,
      incident: job.incident,
      regressed: job.regressed,
      own: ownOf(job),
      policy: {
        margin: job.policy.margin,
        scoreMargin: job.policy.scoreMargin,
        ...job.policy.rollback,
      },
    },
    run,
  );
  if (proof === null) return null;
  const verification =
    proof.snapshots.length > 1 ? { ...proof.verification, snapshots: proof.snapshots } : proof.verification;
  return { verification, spent };
}

function ownOf({ candidate, pool }: VerifyJob): { snapshot: string; passRate: number | null } | null {
  const { snapshot } = candidate;
  if (snapshot === null || snapshot.summary.id === pool[0]?.summary.id) return null;
  return { snapshot: snapshot.summary.id, passRate: snapshot.summary.passRate };
}

function planOf(job: VerifyJob): VerificationPlan {
  return planVerification({
    pool: job.pool,
    sessions: job.sessions,
    margin: job.policy.margin,
    alpha: job.alpha,
    control: job.control !== null,
    calls: job.settings.maxCalls,
    trials: job.settings.trials,
  });
}

function labelsOf(job: VerifyJob): Readonly<Record<string, string>> {
  return { ...job.settings.labels, 'rollback-of': job.incident.summary.id };
}

function settingsOf(
  job: VerifyJob,
  settings: RunSettings,
  purpose: NonNullable<RunSettings['purpose']>,
): RunSettings {
  return { ...settings, trials: undefined, purpose, labels: labelsOf(job) };
}

/** Everything that grades the proof: judge and embedder of the baseline, and the programs of this working tree. */
async function graderOf(
  work: Workplace,
  { baseline, suite }: VerifyJob,
): Promise<Omit<Assignment, 'suite' | 'release'>> {
  return { ...(await examinersOf(work, baseline)), programs: await programsInTree(work, suite) };
}
