// One suite of a check: screen the candidate against the stored pool, settle what looks worse with a control of today.

import { type CheckDesign, type CheckEvidence, firstRunOf, screeningTrials } from '../../compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  type FirstRunCase,
  type Policy,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { withTrialsOf } from '../../engine/arms/rollback-suite.ts';
import { TIERS } from '../../engine/comparison/compare-plan.ts';
import { withExamples } from '../../engine/comparison/compare-stored.ts';
import { LADDER, type Rung } from '../../engine/comparison/ladder.ts';
import {
  type ErrorBudget,
  judgedAs,
  rungsLeft,
  withMultiplicity,
} from '../../engine/comparison/repeated-comparisons.ts';
import type { TakenOver } from '../../engine/comparison/reused-trials.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { StopCause } from '../../run/index.ts';
import { CandidateRun } from './candidate-run.ts';
import { type FoundBaseline, resultsOf } from './check-baseline.ts';
import { canConfirm } from './check-estimate.ts';
import { Course, type CoursePlan, controlFacts, designOf, looker, walk } from './check-steps.ts';

export interface SuiteRun {
  readonly summary: SnapshotSummary;
  /** The newest fresh trials of the candidate. */
  readonly confirmation: SnapshotSummary | null;
  readonly stoppedBy: StopCause | null;
  /** Why no further call could have succeeded. */
  readonly fatal: string | null;
  readonly calls: number;
  /** null = unknown. */
  readonly costUsd: number | null;
  readonly comparison: Comparison;
  /** Would the ladder go on with it? */
  readonly rungsLeft: boolean;
  readonly firstRun: readonly FirstRunCase[];
}

/** How one suite is checked. */
export interface SuitePlan extends CoursePlan {
  /** undefined = the whole suite. */
  readonly ids: ReadonlySet<string> | undefined;
  /** The cases of the merge base, which an edit replaces; without it those of the baseline are taken. */
  readonly replaced?: ReadonlyMap<string, Pick<CaseResult, 'minPassRate' | 'critical'>> | undefined;
  readonly tier: Policy['tier'];
  readonly standing: ErrorBudget;
  /** Trials of an earlier check that this one goes on with. */
  readonly reuse: TakenOver | null;
}

/** Runs the cases in scope against the stored baseline, step by step, until the answer is in. */
export async function runAndCompare(
  work: Workplace,
  assignment: Assignment,
  baseline: FoundBaseline,
  plan: SuitePlan,
): Promise<SuiteRun> {
  const { store } = work;
  const [rung] = plan.standing.rungs;
  const policy = resolvePolicy(assignment.suite.policy);
  const stored = resultsOf(await store.results(baseline.summary.id), plan.ids);
  const pool: SnapshotResults[] = [];
  for (const id of baseline.pool) pool.push(resultsOf(await store.results(id), plan.ids));
  const design = designOf(plan.tier, rung.trials);
  const trialsAt = (average: number): Map<string, number> =>
    screeningTrials(stored, pool, unrun(assignment, stored), policy, average);
  const last = trialsAt(design.screening.at(-1) ?? 1);
  const most = (id: string): number => Math.max(last.get(id) ?? 1, plan.reuse?.trials ?? 0);
  const numbers = new Map(assignment.suite.cases.map((c) => [c.id, most(c.id)]));
  const planned = { ...assignment, suite: withTrialsOf(assignment.suite, numbers) };
  const course = new Course(work, assignment, plan);
  const run = await CandidateRun.open(work, planned, { ...plan.settings, purpose: 'compare' }, plan.reuse);
  try {
    const first = trialsAt(design.screening[0] ?? 1);
    // What has no history is not compared: its own trials have to speak for it.
    const known = new Set(stored.cases.map((c) => c.id));
    for (const id of first.keys()) if (!known.has(id)) first.set(id, most(id));
    course.book(await run.runTo(first, plan.spending.limitsOf(plan.settings)));
    let candidate = await run.results(rung.policy);
    let evidence: CheckEvidence = {
      stored,
      pool,
      leftOut: baseline.about.leftOut,
      candidate,
      sorted: [],
      confirm: { baseline: [], candidate: [] },
      control: { baseline: [], candidate: [] },
      rounds: 0,
      policy: rung.policy,
      design,
      look: 1,
      ...controlFacts(plan.control),
      frozen: !canConfirm(assignment.release),
    };
    const look = looker(work, course, plan.tier, policy);
    const screen = async (trials: ReadonlyMap<string, number>): Promise<SnapshotResults | null> => {
      const limits = plan.spending.limitsOf(plan.settings);
      if (limits.maxCalls !== undefined && run.needed(trials) > limits.maxCalls) return null;
      course.book(await run.runTo(trials, limits));
      return run.results(rung.policy);
    };
    const walked = await walk(course, evidence, look, screen);
    evidence = walked.evidence;
    let { step } = walked;
    const { short } = walked;
    const finished = evidence.look >= design.screening.length && course.stoppedBy === null;
    const stoppedBy = course.stoppedBy ?? (decided(step.comparison) ? null : short);
    const why = stoppedBy === null ? 'decided' : 'stopped by a limit';
    const summary = await run.close(policy, finished || course.stoppedBy !== null ? null : why);
    candidate = await store.results(summary.id);
    evidence = { ...evidence, candidate };
    step = await look(evidence);
    const judged = [
      judgedAs(
        judgedRung(rung, design, stoppedBy === null ? null : evidence.look),
        step.comparison,
        course.lastBatch,
      ),
    ];
    const whole = await withExamples(
      store,
      withMultiplicity(step.comparison, plan.standing, judged, policy),
      stored,
      candidate,
    );
    if (whole.verdict !== 'invalid')
      await store.keepRecord({
        kind: 'comparison',
        suite: whole.suite,
        at: work.clock.now().toISOString(),
        body: whole as never,
      });
    const costs = course.reports.map((r) => r.costUsd);
    return {
      summary,
      confirmation: course.confirmation,
      stoppedBy,
      fatal: course.reports.find((r) => r.fatal !== null)?.fatal?.message ?? null,
      calls: course.calls,
      costUsd: costs.some((c) => c === null) ? null : costs.reduce<number>((sum, c) => sum + (c ?? 0), 0),
      comparison: whole,
      rungsLeft: rungsLeft(plan.standing, judged).length > 0,
      firstRun: isFirstRun(plan, whole)
        ? firstRunCases(candidate, policy, plan.replaced ?? new Map(stored.cases.map((c) => [c.id, c])))
        : [],
    };
  } finally {
    await run.dispose();
  }
}

/** The suite's cases as they stand before the first trial. */
function unrun({ suite }: Assignment, stored: SnapshotResults): SnapshotResults {
  const cases = suite.cases.flatMap((c): CaseResult[] => {
    if (c.graders.length === 0) return [];
    const { id, tags, group, critical, minPassRate, contentHash, gradersHash } = c;
    return [
      {
        id,
        tags,
        group,
        critical,
        minPassRate,
        exam: { contentHash, gradersHash, judge: null, embedder: null, graderCode: 0 },
        plannedTrials: 0,
        trials: [],
      },
    ];
  });
  return { summary: stored.summary, cases };
}

/** What was judged. Of a check that was cut short, only the looks it had taken: the same check can go on from there. */
function judgedRung(rung: Rung, { screening }: CheckDesign, cutAt: number | null): Rung {
  const trials = Math.floor(screening.at(cutAt === null ? -1 : cutAt - 1) ?? rung.trials);
  if (cutAt === null) return { ...rung, trials };
  const tier = LADDER.findLast((name) => TIERS[name].trials <= trials) ?? 'smoke';
  return { ...rung, tier, trials };
}

function decided({ gate }: Comparison): boolean {
  return gate.outcome !== 'inconclusive';
}

/** Only new or edited cases: there is nothing to compare them with. */
function isFirstRun(plan: SuitePlan, c: Comparison): boolean {
  return plan.ids !== undefined && c.coverage.paired === 0;
}

/** New and edited cases on their own trials. `replaced`: what an edit took the place of. */
export function firstRunCases(
  { cases }: Pick<SnapshotResults, 'cases'>,
  policy: Pick<Policy, 'appError'>,
  replaced: ReadonlyMap<string, Pick<CaseResult, 'minPassRate' | 'critical'>>,
): FirstRunCase[] {
  return cases.map((c): FirstRunCase => {
    const before = replaced.get(c.id) ?? null;
    return {
      id: c.id,
      state: before === null ? 'added' : 'edited',
      critical: c.critical || before?.critical === true,
      ...firstRunOf(c, before, policy),
    };
  });
}
