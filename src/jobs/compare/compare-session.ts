// What is to be compared, loaded, checked and planned: everything an interleaved comparison knows before its first call.

import { throwAll } from '../../base/index.ts';
import {
  costOf,
  type EmbeddingEstimate,
  examFingerprint,
  type Finding,
  type Policy,
  type Provider,
  type Release,
  resolvePolicy,
  type Suite,
} from '../../core/index.ts';
import { type Assignment, loadAssignment } from '../../engine/arms/assignment.ts';
import { ARMS, type ArmName, type Both, both } from '../../engine/arms/both.ts';
import { checkPin } from '../../engine/arms/check-pin.ts';
import { embeddingOfBoth, estimateEmbedding } from '../../engine/arms/embedding-estimate.ts';
import { preflight } from '../../engine/arms/preflight.ts';
import { limitsOf, type RunSettings } from '../../engine/arms/run-suite.ts';
import {
  type ComparePlan,
  looksAfter,
  mostConfirmedAt,
  type PlannedRung,
  TIERS,
} from '../../engine/comparison/compare-plan.ts';
import type { Rung } from '../../engine/comparison/ladder.ts';
import {
  askedBefore,
  type ErrorBudget,
  standingOf,
  standingText,
} from '../../engine/comparison/repeated-comparisons.ts';
import { type TakenOver, takenOver } from '../../engine/comparison/reused-trials.ts';
import { estimateJudging, type JudgeEstimate } from '../../engine/examiners/judge-estimate.ts';
import { withJudges, withVotes } from '../../engine/examiners/judge-examiners.ts';
import { judgeRefused, probeJudges } from '../../engine/examiners/probe-judges.ts';
import { refuseSecrets } from '../../engine/workplace/refuse-secrets.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import { providerOf, type Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { checkRequests, estimateRun, type Job, planJobs } from '../../run/index.ts';
import { withTrials } from '../../suite/index.ts';

export interface CompareInput {
  readonly suite: string;
  readonly baselineRelease: string;
  readonly release: string;
  readonly cwd: string;
  readonly filter?: string | undefined;
  readonly judge?: string | undefined;
  /** Default: the policy's. */
  readonly tier?: Policy['tier'] | undefined;
  readonly dryRun: boolean;
  /** `trials` overrides the tier's; of a ladder, those of its top. */
  readonly settings: RunSettings;
  /** Called before the first call is made. */
  readonly onPlan: (plan: ComparePlan) => void;
}

export interface Session {
  readonly work: Workplace;
  readonly input: CompareInput;
  readonly tier: Policy['tier'];
  /** Per case and arm, at the most. */
  readonly trials: number;
  readonly policy: Policy;
  /** How it is judged, and what was asked before. */
  readonly standing: ErrorBudget;
  /** Trials of an earlier comparison that this one goes on with. */
  readonly reuse: TakenOver | null;
  readonly assignments: Both<Assignment>;
  readonly providers: Both<Provider>;
}

/** Loads both arms and opens their providers; the caller closes the session. No call is made. */
export async function openSession(work: Workplace, input: CompareInput): Promise<Session> {
  const loaded = await loadBoth(work, input);
  const policy = resolvePolicy(loaded.candidate.suite.policy);
  const tier = input.tier ?? policy.tier;
  const asked = input.settings.trials ?? TIERS[tier === 'ladder' ? 'deep' : tier].trials;
  const trials = tier === 'ladder' ? Math.max(asked, TIERS.deep.trials) : asked;
  const assignments = both((arm) => ({
    ...loaded[arm],
    suite: withTrials(loaded[arm].suite, trials),
  }));
  for (const arm of ARMS) checkPin(work, assignments[arm].release, input.settings.requirePinned ?? false);
  const { judge, embedder } = loaded.candidate;
  refuseSecrets(work, loaded.baseline.release, loaded.candidate.release, judge, embedder);
  const standing = await standingIn(work, input, { policy, tier, trials, looks: looksAfter(trials) }, loaded);
  const reuse = await takenOver(work.store, standing, work.clock.now());
  const baseline = await providerOf(work, assignments.baseline.release);
  try {
    const providers = { baseline, candidate: await providerOf(work, assignments.candidate.release) };
    return { work, input, tier, trials, policy, standing, reuse, assignments, providers };
  } catch (error) {
    await baseline.close?.();
    throw error;
  }
}

/** What the ledger says was asked of these releases before. */
async function standingIn(
  work: Workplace,
  input: CompareInput,
  question: Parameters<typeof standingOf>[0],
  { baseline, candidate }: Both<Assignment>,
): Promise<ErrorBudget> {
  const examiner = {
    judge: withVotes(candidate.judge, input.settings.judgeVotes)?.fingerprint ?? null,
    embedder: candidate.embedder?.fingerprint ?? null,
  };
  const pair = {
    suite: candidate.suite.name,
    exam: examFingerprint(candidate.suite, examiner),
    baseline: baseline.release.fingerprint,
    candidate: candidate.release.fingerprint,
  };
  return standingOf(question, await askedBefore(work.store, pair, work.clock.now()));
}

export async function closeSession({ providers }: Session): Promise<void> {
  await Promise.all(ARMS.map((arm) => providers[arm].close?.()));
}

/** Asks the catalogues whether both releases (and the judge) are still served, and the judge one question. Throws `MODEL_RETIRED`, `JUDGE_REFUSED`. */
export async function preflightBoth(session: Session): Promise<Both<Finding[]>> {
  const { work, input, assignments, providers } = session;
  const asked = input.settings.preflight;
  const examinee = (arm: ArmName) => ({ release: assignments[arm].release, provider: providers[arm] });
  const { judge, suite } = assignments.candidate;
  await withJudges(work, judge, async (judges) => {
    await preflight(work, judges, asked);
    const refused = await probeJudges(work, suite.cases, judges, input.settings);
    if (refused !== null) throw judgeRefused(refused);
  });
  return {
    baseline: await preflight(work, [examinee('baseline')], asked),
    candidate: await preflight(work, [examinee('candidate')], asked),
  };
}

async function loadBoth(work: Workplace, input: CompareInput): Promise<Both<Assignment>> {
  const candidate = await loadAssignment({
    suite: await findSuiteFile(input.suite, input.cwd),
    release: await findReleaseFile(input.release, input.cwd),
    filter: input.filter,
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
    onWarning: (warning) => work.progress.warn(warning),
  });
  const release = await loadRelease(await findReleaseFile(input.baselineRelease, input.cwd));
  throwAll(checkRequests(candidate.suite.cases, release));
  return { candidate, baseline: { ...candidate, release } };
}

/** What judging both arms asks and may cost, if it goes its whole length. */
export async function judgingOf({ work, input, assignments }: Session): Promise<JudgeEstimate | null> {
  const judge = withVotes(assignments.candidate.judge, input.settings.judgeVotes);
  const of = (arm: ArmName): Promise<JudgeEstimate | null> =>
    estimateJudging(work, assignments[arm].suite.cases, assignments[arm].release, judge, {
      maxAttempts: limitsOf(input.settings).maxAttempts,
    });
  const [a, b] = [await of('baseline'), await of('candidate')];
  if (a === null || b === null) return null;
  const usd = a.costUpperUsd === null || b.costUpperUsd === null ? null : a.costUpperUsd + b.costUpperUsd;
  return { calls: a.calls + b.calls, callsUpper: a.callsUpper + b.callsUpper, costUpperUsd: usd };
}

/** What the embedder is asked by both arms and may cost, if it goes its whole length. */
export function embeddingOf({ work, assignments }: Session): EmbeddingEstimate | null {
  return embeddingOfBoth(
    estimateEmbedding(work, assignments.baseline, 'compare'),
    estimateEmbedding(work, assignments.candidate, 'compare'),
  );
}

/** What it will do and may cost. Trials that are taken over cost nothing again. */
export function planOf(session: Session): ComparePlan {
  const { work, tier, assignments, standing, reuse } = session;
  const { suite } = assignments.candidate;
  const cases = suite.cases.length;
  const jobs = ARMS.flatMap((arm) => jobsOf(session, arm, suite));
  const { calls, callsUpper, costUpperUsd, callCostUpperUsd } = estimateRun(jobs, {
    costOf: (model, usage) => costOf(work.prices, model, usage),
  });
  const planned = standing.rungs.map((rung, i) =>
    plannedRung(rung, i, cases, standing.rungs[i - 1]?.trials ?? reuse?.trials ?? 0),
  );
  // A trial of a conversation takes several calls.
  const [least, most] = jobs.length === 0 ? [1, 1] : [calls / jobs.length, callsUpper / jobs.length];
  const rungs = planned.map((rung) => ({
    ...rung,
    calls: Math.ceil(rung.calls * most),
    confirmCallsUpper: Math.ceil(rung.confirmCallsUpper * most),
  }));
  const confirmCallsUpper = rungs.reduce((sum, rung) => sum + rung.confirmCallsUpper, 0);
  const last = standing.rungs.at(-1) ?? standing.rungs[0];
  return {
    suite: suite.name,
    tier,
    baseline: nameOf(assignments.baseline.release),
    candidate: nameOf(assignments.candidate.release),
    cases,
    trials: last.trials,
    confirmTrials: TIERS[last.tier].confirmTrials,
    looks: standing.rungs[0].looks,
    calls: rungs.reduce((sum, rung) => sum + rung.calls, 0),
    callsLeast: Math.floor((planned[0]?.calls ?? 0) * least),
    confirmCallsUpper,
    rungs,
    askedBefore: standingText(standing),
    judged: assignments.candidate.judge !== null,
    costUpperUsd:
      costUpperUsd === null || callCostUpperUsd === null
        ? null
        : costUpperUsd + confirmCallsUpper * callCostUpperUsd,
    alpha: {
      aggregate: sum(rungs.map((rung) => rung.alphaAggregate)),
      case: sum(rungs.map((rung) => rung.alphaCase)),
    },
  };
}

function sum(values: readonly number[]): number {
  return Number(values.reduce((a, b) => a + b, 0).toPrecision(6));
}

function plannedRung(rung: Rung, i: number, cases: number, before: number): PlannedRung {
  return {
    tier: rung.tier,
    trials: rung.trials,
    calls: 2 * cases * (rung.trials - before),
    // Two arms, and at most two batches a case.
    confirmCallsUpper: 4 * TIERS[rung.tier].confirmTrials * mostConfirmedAt(cases, i + 1),
    alphaAggregate: rung.policy.alphaAggregate,
    alphaCase: rung.policy.alphaCase,
    confidence: rung.policy.confidence,
  };
}

function nameOf(release: Release): ComparePlan['baseline'] {
  return { release: release.name, fingerprint: release.fingerprint };
}

/** Every trial of one arm over `suite`, trial by trial. */
export function jobsOf(session: Session, arm: ArmName, suite: Suite): Job[] {
  const { release } = session.assignments[arm];
  return planJobs({ cases: suite.cases, release, provider: session.providers[arm], arm });
}
