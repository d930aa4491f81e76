// One suite of a check: screen the candidate against the stored pool, settle what looks worse with a control of today.

import {
  type CheckDesign,
  type CheckEvidence,
  type CheckStep,
  firstRunOf,
  screeningTrials,
} from '../../compare/index.ts';
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
  keepComparison,
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

/** What a suite is compared with, and the trials that each look may take. */
interface Prepared {
  readonly assignment: Assignment;
  readonly rung: Rung;
  readonly policy: Policy;
  readonly design: CheckDesign;
  readonly stored: SnapshotResults;
  readonly pool: readonly SnapshotResults[];
  readonly leftOut: CheckEvidence['leftOut'];
  /** Trials of each case at the first look. */
  readonly first: ReadonlyMap<string, number>;
}

/** What every step of one suite's check works on. */
interface Walk {
  readonly work: Workplace;
  readonly course: Course;
  readonly run: CandidateRun;
  readonly plan: SuitePlan;
}

/** A walk that has ended: its snapshot is closed, and looked at a last time as it was stored. */
interface Ended {
  readonly summary: SnapshotSummary;
  readonly candidate: SnapshotResults;
  readonly step: CheckStep;
  readonly stoppedBy: StopCause | null;
  /** The screening look it came to. */
  readonly look: number;
}

/** Runs the cases in scope against the stored baseline, step by step, until the answer is in. */
export async function runAndCompare(
  work: Workplace,
  assignment: Assignment,
  baseline: FoundBaseline,
  plan: SuitePlan,
): Promise<SuiteRun> {
  const prepared = await prepareSuiteRun(work, assignment, baseline, plan);
  const course = new Course(work, assignment, plan);
  const settings = { ...plan.settings, purpose: 'compare' } as const;
  const run = await CandidateRun.open(work, prepared.assignment, settings, plan.reuse);
  try {
    const on: Walk = { work, course, run, plan };
    const ended = await walkToEnd(on, prepared);
    const { stored, policy } = prepared;
    const { whole, judged } = await judgedAndKept(on, prepared, ended);
    const costs = course.reports.map((r) => r.costUsd);
    return {
      summary: ended.summary,
      confirmation: course.confirmation,
      stoppedBy: ended.stoppedBy,
      fatal: course.reports.find((r) => r.fatal !== null)?.fatal?.message ?? null,
      calls: course.calls,
      costUsd: costs.some((c) => c === null) ? null : costs.reduce<number>((sum, c) => sum + (c ?? 0), 0),
      comparison: whole,
      rungsLeft: rungsLeft(plan.standing, judged).length > 0,
      firstRun: isFirstRun(plan, whole)
        ? firstRunCases(ended.candidate, policy, plan.replaced ?? new Map(stored.cases.map((c) => [c.id, c])))
        : [],
    };
  } finally {
    await run.dispose();
  }
}

/** Reads the stored runs, and plans the trials by what they say of each case. */
async function prepareSuiteRun(
  { store }: Workplace,
  assignment: Assignment,
  baseline: FoundBaseline,
  plan: SuitePlan,
): Promise<Prepared> {
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
  const first = trialsAt(design.screening[0] ?? 1);
  // What has no history is not compared: its own trials have to speak for it.
  const known = new Set(stored.cases.map((c) => c.id));
  for (const id of first.keys()) if (!known.has(id)) first.set(id, most(id));
  return {
    assignment: { ...assignment, suite: withTrialsOf(assignment.suite, numbers) },
    ...{ rung, policy, design, stored, pool, leftOut: baseline.about.leftOut, first },
  };
}

/** Screens, settles what looks worse, and closes the snapshot. */
async function walkToEnd(
  { work, course, run, plan }: Walk,
  { assignment, rung, policy, design, stored, pool, leftOut, first }: Prepared,
): Promise<Ended> {
  course.book(await run.runTo(first, plan.spending.limitsOf(plan.settings)));
  const look = looker(work, course, plan.tier, policy);
  const screen = async (trials: ReadonlyMap<string, number>): Promise<SnapshotResults | null> => {
    const limits = plan.spending.limitsOf(plan.settings);
    if (limits.maxCalls !== undefined && run.needed(trials) > limits.maxCalls) return null;
    course.book(await run.runTo(trials, limits));
    return run.results(rung.policy);
  };
  const none = { baseline: [], candidate: [] };
  const begun: CheckEvidence = {
    ...{ stored, pool, leftOut, design },
    candidate: await run.results(rung.policy),
    ...{ sorted: [], confirm: none, control: none, rounds: 0, look: 1 },
    policy: rung.policy,
    ...controlFacts(plan.control),
    frozen: !canConfirm(assignment.release),
  };
  const { evidence, step, short } = await walk(course, begun, look, screen);
  const finished = evidence.look >= design.screening.length && course.stoppedBy === null;
  const stoppedBy = course.stoppedBy ?? (decided(step.comparison) ? null : short);
  const why = stoppedBy === null ? 'decided' : 'stopped by a limit';
  const summary = await run.close(policy, finished || course.stoppedBy !== null ? null : why);
  const candidate = await work.store.results(summary.id);
  const last = await look({ ...evidence, candidate });
  return { summary, candidate, step: last, stoppedBy, look: evidence.look };
}

/** The comparison with its budget of errors and examples, as it is kept in the ledger. */
async function judgedAndKept(
  { work, course: { lastBatch }, plan: { standing } }: Walk,
  { rung, policy, design, stored }: Prepared,
  { step, candidate, stoppedBy, look }: Ended,
): Promise<{ readonly whole: Comparison; readonly judged: readonly ReturnType<typeof judgedAs>[] }> {
  const at = judgedRung(rung, design, stoppedBy === null ? null : look);
  const judged = [judgedAs(at, step.comparison, lastBatch)];
  const counted = withMultiplicity(step.comparison, standing, judged, policy);
  const whole = await withExamples(work.store, counted, stored, candidate);
  if (whole.verdict !== 'invalid') await keepComparison(work, whole);
  return { whole, judged };
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
