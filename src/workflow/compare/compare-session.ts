// What is to be compared, loaded, checked and planned: everything an interleaved comparison knows before its first call.

import {
  costOf,
  type Finding,
  LastgoodError,
  type Policy,
  type Provider,
  type Release,
  resolvePolicy,
  type Suite,
  throwAll,
} from '../../core/index.ts';
import { loadRelease } from '../../release/index.ts';
import { checkRequests, estimateRun, type Job, planJobs } from '../../run/index.ts';
import { withTrials } from '../../suite/index.ts';
import { withJudges } from '../judge/judge-examiners.ts';
import { findReleaseFile, findSuiteFile } from '../project/settings-file.ts';
import { type Assignment, loadAssignment } from '../run/assignment.ts';
import { preflight } from '../run/preflight.ts';
import type { RunSettings } from '../run/run-suite.ts';
import { providerOf, type Workplace } from '../workplace.ts';
import { type ComparePlan, callsOf, looksAfter, policyAfterLooks, TIERS, type Tier } from './compare-plan.ts';

export interface CompareInput {
  readonly suite: string;
  readonly baselineRelease: string;
  readonly release: string;
  readonly cwd: string;
  readonly filter?: string | undefined;
  readonly judge?: string | undefined;
  /** Default: the policy's. */
  readonly tier?: Tier | undefined;
  readonly dryRun: boolean;
  /** `trials` overrides the tier's. */
  readonly settings: RunSettings;
  /** Called before the first call is made. */
  readonly onPlan: (plan: ComparePlan) => void;
}

export const ARMS = ['baseline', 'candidate'] as const;
export type ArmName = (typeof ARMS)[number];
export type Both<T> = Readonly<Record<ArmName, T>>;

export function both<T>(make: (arm: ArmName) => T): Both<T> {
  return { baseline: make('baseline'), candidate: make('candidate') };
}

export interface Session {
  readonly work: Workplace;
  readonly input: CompareInput;
  readonly tier: Tier;
  /** Per case and arm. */
  readonly trials: number;
  readonly policy: Policy;
  readonly assignments: Both<Assignment>;
  readonly providers: Both<Provider>;
}

/** Loads both arms and opens their providers; the caller closes the session. No call is made. */
export async function openSession(work: Workplace, input: CompareInput): Promise<Session> {
  const loaded = await loadBoth(input);
  const policy = resolvePolicy(loaded.candidate.suite.policy);
  const tier = input.tier ?? policy.tier;
  const trials = input.settings.trials ?? TIERS[tier].trials;
  const assignments = both((arm) => ({
    ...loaded[arm],
    suite: withTrials(loaded[arm].suite, trials),
  }));
  for (const arm of ARMS) checkPin(work, assignments[arm].release, input.settings.requirePinned ?? false);
  const baseline = await providerOf(work, assignments.baseline.release);
  try {
    const providers = { baseline, candidate: await providerOf(work, assignments.candidate.release) };
    return { work, input, tier, trials, policy, assignments, providers };
  } catch (error) {
    await baseline.close?.();
    throw error;
  }
}

export async function closeSession({ providers }: Session): Promise<void> {
  await Promise.all(ARMS.map((arm) => providers[arm].close?.()));
}

/** Asks the catalogues whether both releases (and the judge) are still served. Throws `MODEL_RETIRED`. */
export async function preflightBoth(session: Session): Promise<Both<Finding[]>> {
  const { work, input, assignments, providers } = session;
  const asked = input.settings.preflight;
  const examinee = (arm: ArmName) => ({ release: assignments[arm].release, provider: providers[arm] });
  await withJudges(work, assignments.candidate.judge, (judges) => preflight(work, judges, asked));
  return {
    baseline: await preflight(work, [examinee('baseline')], asked),
    candidate: await preflight(work, [examinee('candidate')], asked),
  };
}

async function loadBoth(input: CompareInput): Promise<Both<Assignment>> {
  const candidate = await loadAssignment({
    suite: await findSuiteFile(input.suite, input.cwd),
    release: await findReleaseFile(input.release, input.cwd),
    filter: input.filter,
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
  });
  const release = await loadRelease(await findReleaseFile(input.baselineRelease, input.cwd));
  throwAll(checkRequests(candidate.suite.cases, release));
  return { candidate, baseline: { ...candidate, release } };
}

function checkPin(work: Workplace, release: Release, required: boolean): void {
  if (release.pin.state !== 'floating') return;
  const problem = {
    code: 'MODEL_FLOATING',
    message: `${release.name}: the model is a floating alias: ${release.pin.reason}`,
    hint: 'name a dated or otherwise fixed model id',
  };
  if (required) throw new LastgoodError({ ...problem, where: { file: release.file ?? undefined } });
  work.progress.warn(problem);
}

/** What it will do and may cost. */
export function planOf(session: Session): ComparePlan {
  const { work, tier, trials, assignments, policy } = session;
  const { confirmTrials } = TIERS[tier];
  const { suite } = assignments.candidate;
  const cases = suite.cases.length;
  const jobs = ARMS.flatMap((arm) => jobsOf(session, arm, suite));
  const estimate = estimateRun(jobs, { costOf: (model, usage) => costOf(work.prices, model, usage) });
  const calls = callsOf(cases, trials, confirmTrials);
  const { costUpperUsd, callCostUpperUsd } = estimate;
  return {
    suite: suite.name,
    tier,
    baseline: nameOf(assignments.baseline.release),
    candidate: nameOf(assignments.candidate.release),
    cases,
    trials,
    confirmTrials,
    looks: looksAfter(trials),
    ...calls,
    judged: assignments.candidate.judge !== null,
    costUpperUsd:
      costUpperUsd === null || callCostUpperUsd === null
        ? null
        : costUpperUsd + calls.confirmCallsUpper * callCostUpperUsd,
    alpha: { aggregate: policyAfterLooks(policy, trials).alphaAggregate, case: policy.alphaCase },
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
