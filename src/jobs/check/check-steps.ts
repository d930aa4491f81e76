// The steps of a check as they are run: fresh candidate trials, trials of both releases, and the walk from look to look.

import { isDeepStrictEqual } from 'node:util';
import { LastgoodError, LastgoodErrors } from '../../base/index.ts';
import {
  CHECK_DESIGNS,
  type CheckDesign,
  type CheckEvidence,
  type CheckStep,
  type CheckWanted,
  CONFIRM_TRIALS,
  checkStep,
  SORT_TRIALS,
} from '../../compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  type Policy,
  type Release,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { type Batch, runInterleaved } from '../../engine/arms/interleaved-batch.ts';
import { type RunSettings, runSuite } from '../../engine/arms/run-suite.ts';
import type { Spending } from '../../engine/arms/spending.ts';
import { answerVectors } from '../../engine/comparison/answer-vectors.ts';
import { joined } from '../../engine/comparison/reused-trials.ts';
import { providerOf, type Workplace } from '../../engine/workplace/workplace.ts';
import {
  asksDifferently,
  callBounds,
  checkRequests,
  type RunReport,
  type StopCause,
} from '../../run/index.ts';
import { onlyCases } from './changed.ts';
import { canConfirm } from './check-estimate.ts';

/** The release that a control would run, or why none can be. */
export type ControlRelease =
  | {
      readonly kind: 'release';
      readonly release: Release;
      /** Why a control can show a regression, and can clear nothing; null = it can do both. */
      readonly clearsNothing: string | null;
    }
  | {
      readonly kind: 'impossible';
      readonly why: string;
      /** Both releases run the application as it is now. */
      readonly sharedApplication?: boolean | undefined;
    };

/** What is asked of the baseline's release. */
export interface ControlAsked {
  /** false: `--no-control`. */
  readonly wanted: boolean;
  /** Is it known that the application behind the release is the one that the baseline was run with? */
  readonly sameApplication: () => Promise<boolean>;
}

/** The baseline's release where it can be run today. Makes no call. */
export async function controlRelease(
  work: Workplace,
  { suite, release }: Pick<Assignment, 'suite' | 'release'>,
  baseline: { readonly summary: Pick<SnapshotSummary, 'id'> },
  { wanted, sameApplication }: ControlAsked,
): Promise<ControlRelease> {
  const impossible = (why: string): ControlRelease => ({ kind: 'impossible', why });
  if (!wanted) return impossible('no control was run (--no-control)');
  if (!canConfirm(release)) return impossible('recorded answers cannot be asked for again');
  const stored = await work.store.releaseOf(baseline.summary.id);
  if (!canConfirm(stored)) return impossible('the baseline is a recording and cannot be run today');
  let clearsNothing: string | null = null;
  if (sharesApplication(release, stored) && !(await sameApplication())) {
    if (!asksItDifferently(suite, release, stored))
      return { kind: 'impossible', why: APPLICATION_OF_TODAY, sharedApplication: true };
    clearsNothing = APPLICATION_OF_TODAY;
  }
  const broken = checkRequests(suite.cases, stored)[0];
  if (broken !== undefined) return impossible(`the suite cannot be sent to the baseline: ${broken.message}`);
  try {
    await (await providerOf(work, stored)).close?.();
    return { kind: 'release', release: stored, clearsNothing };
  } catch (error) {
    const first = error instanceof LastgoodErrors ? error.errors[0] : error;
    if (!(first instanceof LastgoodError)) throw error;
    return impossible(`the baseline release cannot be run today: ${first.message}`);
  }
}

/**
 * Would a control run today's application for both releases? A command runs what is in the working tree, an address answers with what
 * is deployed there: a change that broke the application would look as if the world had moved.
 */
function sharesApplication(release: Release, stored: Release): boolean {
  const [now, before] = [release.layers.route, stored.layers.route];
  if (before.provider === 'command') return true;
  return (
    before.provider === 'http' && now.provider === 'http' && isDeepStrictEqual(now['url'], before['url'])
  );
}

const APPLICATION_OF_TODAY =
  'both releases run the application as it is now, and what it was when the baseline was run cannot be run today';

/** One application, asked in two ways today: that it answers worse to the new one is the doing of the release. */
function asksItDifferently(suite: Assignment['suite'], release: Release, stored: Release): boolean {
  const [now, before] = [release.layers.route, stored.layers.route];
  const sameWay = now.provider === before.provider && isDeepStrictEqual(now['command'], before['command']);
  return sameWay && asksDifferently(suite.cases, release, stored);
}

/** Looks of a check with this tier, and these trials a case where they were asked for. */
export function designOf(tier: Policy['tier'], trials: number | undefined): CheckDesign {
  const design = CHECK_DESIGNS[tier === 'ladder' ? 'deep' : tier];
  if (trials === undefined || trials === design.screening.at(-1)) return design;
  return { ...design, screening: [...design.screening.filter((look) => look < trials), trials] };
}

/** What the engine needs to know of a control before one is run. */
export function controlFacts(
  control: ControlRelease,
): Pick<CheckEvidence, 'impossible' | 'sharedApplication' | 'clearsNothing'> {
  if (control.kind === 'release') return { impossible: null, clearsNothing: control.clearsNothing };
  return { impossible: control.why, sharedApplication: control.sharedApplication };
}

/** What a course may run, and within which limits. */
export interface CoursePlan {
  readonly control: ControlRelease;
  readonly settings: RunSettings;
  /** Of the whole check. */
  readonly spending: Spending;
}

/** Everything that a check of one suite holds while it runs. */
export class Course {
  readonly reports: RunReport[] = [];
  confirmation: SnapshotSummary | null = null;
  lastBatch: { readonly baseline: string; readonly candidate: string } | null = null;
  private fresh = 0;
  private readonly work: Workplace;
  private readonly assignment: Assignment;
  private readonly plan: CoursePlan;

  constructor(work: Workplace, assignment: Assignment, plan: CoursePlan) {
    this.work = work;
    this.assignment = assignment;
    this.plan = plan;
  }

  get calls(): number {
    return this.reports.reduce((n, r) => n + r.calls, 0);
  }

  get stoppedBy(): StopCause | null {
    return this.reports.find((r) => r.stoppedBy !== null)?.stoppedBy ?? null;
  }

  /** Which limit leaves no room. */
  get limit(): StopCause {
    return this.plan.spending.costLeftUsd === 0 ? 'max-cost' : 'max-calls';
  }

  /** Is there room for so many trials of each of these cases? */
  affords(cases: readonly string[], trials: number): boolean {
    return this.affordable(cases, trials).length === cases.length && this.plan.spending.costLeftUsd !== 0;
  }

  book(report: RunReport): void {
    this.plan.spending.add(report);
    this.reports.push(report);
  }

  /** Fresh candidate trials of flagged cases. */
  async sort(cases: readonly string[], candidate: string): Promise<readonly CaseResult[]> {
    const chosen = this.affordable(cases, SORT_TRIALS);
    if (chosen.length === 0) return [];
    const suite = onlyCases(this.assignment.suite, new Set(chosen));
    const result = await runSuite(
      this.work,
      { ...this.assignment, suite },
      {
        ...this.plan.settings,
        ...this.plan.spending.limitsOf(this.plan.settings),
        trials: SORT_TRIALS,
        purpose: 'confirmation',
        labels: { ...this.plan.settings.labels, confirms: candidate },
      },
    );
    this.book(result.report);
    this.confirmation = result.summary;
    return (await this.work.store.results(result.summary.id)).cases;
  }

  /** Trials of both releases, interleaved; null when the limits leave no room. */
  async both(cases: readonly string[], trials: number, candidate: string): Promise<Batch | null> {
    const { control, settings, spending } = this.plan;
    if (control.kind === 'impossible') return null;
    const chosen = this.affordable(cases, 2 * trials);
    if (chosen.length === 0) return null;
    const batch = await runInterleaved(this.work, {
      assignments: {
        baseline: { ...this.assignment, release: control.release },
        candidate: this.assignment,
      },
      ids: new Set(chosen),
      trials,
      from: FRESH_FROM + this.fresh,
      settings: { ...settings, ...spending.limitsOf(settings) },
      labels: (arm, ids) => ({
        confirms: candidate,
        'compared-with': ids[arm === 'baseline' ? 'candidate' : 'baseline'],
      }),
    });
    this.fresh += trials;
    this.book(batch.report);
    this.confirmation = batch.summaries.candidate;
    this.lastBatch = { baseline: batch.summaries.baseline.id, candidate: batch.summaries.candidate.id };
    return batch;
  }

  private affordable(cases: readonly string[], each: number): readonly string[] {
    const { callsLeft, costLeftUsd } = this.plan.spending;
    if (costLeftUsd === 0) return [];
    if (callsLeft === undefined) return cases;
    const { suite, release } = this.assignment;
    let needed = 0;
    // A case with turns takes several calls a trial.
    const over = cases.findIndex((id) => {
      const found = suite.cases.find((c) => c.id === id);
      needed += each * (found === undefined ? 1 : callBounds(release, found).least);
      return needed > callsLeft;
    });
    return over < 0 ? cases : cases.slice(0, over);
  }
}

/** Trial numbers of fresh trials begin here, beyond every screening trial. */
const FRESH_FROM = 1000;

export type Look = (e: CheckEvidence) => Promise<CheckStep>;

/** Looks at the evidence with the vectors of the answers, where the policy asks for them. */
export function looker(work: Workplace, course: Course, tier: string, policy: Policy): Look {
  return async (e) =>
    checkStep({
      ...e,
      options: {
        tier,
        callsSpent: course.calls,
        vectors: await answerVectors(work.store, e.stored, e.candidate, policy),
      },
    });
}

/** Screens further; null when the limits leave no room. */
export type Screen = (trials: ReadonlyMap<string, number>) => Promise<SnapshotResults | null>;

/** Looks, runs what is wanted, and looks again, until nothing more is wanted or the limits leave no room. */
export async function walk(
  course: Course,
  from: CheckEvidence,
  look: Look,
  screen: Screen,
): Promise<{ readonly evidence: CheckEvidence; readonly step: CheckStep; readonly short: StopCause | null }> {
  let evidence = from;
  let step = await look(evidence);
  while (step.wanted !== null && course.stoppedBy === null) {
    const next = await carryOut(course, evidence, step.wanted, screen);
    if (next === null) return { evidence, step, short: course.limit };
    evidence = next;
    step = await look(evidence);
  }
  return { evidence, step, short: null };
}

/** Runs what a step asks for; null when the limits leave no room for it. */
async function carryOut(
  course: Course,
  evidence: CheckEvidence,
  wanted: CheckWanted,
  screen: Screen,
): Promise<CheckEvidence | null> {
  const id = evidence.candidate.summary.id;
  switch (wanted.kind) {
    case 'screen': {
      const candidate = await screen(wanted.trials);
      return candidate === null ? null : { ...evidence, candidate, look: evidence.look + 1 };
    }
    case 'sort': {
      const sorted = await course.sort(wanted.cases, id);
      return sorted.length === 0 ? null : { ...evidence, sorted: [...evidence.sorted, ...sorted] };
    }
    case 'confirm': {
      const batch = await course.both(wanted.cases, CONFIRM_TRIALS, id);
      return batch === null ? null : { ...evidence, confirm: added(evidence.confirm, batch) };
    }
    case 'control': {
      const trials = wanted.rounds - evidence.rounds;
      if (!course.affords(wanted.cases, 2 * trials)) return null;
      const batch = await course.both(wanted.cases, trials, id);
      return batch === null
        ? null
        : { ...evidence, control: added(evidence.control, batch), rounds: wanted.rounds };
    }
  }
}

/** What settling a finished run came to. */
export interface Settled {
  readonly comparison: Comparison;
  readonly stoppedBy: StopCause | null;
  readonly calls: number;
}

/**
 * Compares a finished run with the stored pool, and settles what looks worse with a control of today. Nothing is run where nothing
 * looks worse.
 */
export async function settleRun(
  work: Workplace,
  assignment: Assignment,
  runs: Pick<CheckEvidence, 'stored' | 'pool' | 'leftOut'>,
  candidate: SnapshotResults,
  plan: CoursePlan & { readonly tier: Policy['tier'] },
): Promise<Settled> {
  const policy = resolvePolicy(assignment.suite.policy);
  const course = new Course(work, assignment, plan);
  const design = CHECK_DESIGNS[plan.tier === 'ladder' ? 'deep' : plan.tier];
  const { step, short } = await walk(
    course,
    {
      ...runs,
      candidate,
      sorted: [],
      confirm: { baseline: [], candidate: [] },
      control: { baseline: [], candidate: [] },
      rounds: 0,
      policy,
      // It is screened once, on the trials it has.
      design: { ...design, screening: [1] },
      look: 1,
      ...controlFacts(plan.control),
      frozen: !canConfirm(assignment.release),
    },
    looker(work, course, plan.tier, policy),
    async () => null,
  );
  return { comparison: step.comparison, stoppedBy: course.stoppedBy ?? short, calls: course.calls };
}

function added(into: CheckEvidence['confirm'], { cases }: Batch): CheckEvidence['confirm'] {
  return {
    baseline: joined([into.baseline, cases.baseline]),
    candidate: joined([into.candidate, cases.candidate]),
  };
}
