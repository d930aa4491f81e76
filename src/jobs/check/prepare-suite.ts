// One suite of a check, ready to be run, or settled with the reason why not. No trial is run here.

import { resolve } from 'node:path';
import {
  type CheckExam,
  examFingerprint,
  type Policy,
  resolvePolicy,
  type Suite,
  type SuiteCheck,
} from '../../core/index.ts';
import { type Assignment, loadAssignment } from '../../engine/arms/assignment.ts';
import { plannedAssignment } from '../../engine/arms/run-suite.ts';
import { TIERS } from '../../engine/comparison/compare-plan.ts';
import {
  askedBefore,
  type ErrorBudget,
  standingOf,
  standingText,
} from '../../engine/comparison/repeated-comparisons.ts';
import { takenOver } from '../../engine/comparison/reused-trials.ts';
import { findReleaseFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { type Affected, affectedCases, applicationStands, onlyCases, wholeSuite } from './changed.ts';
import { type FoundBaseline, findBaseline } from './check-baseline.ts';
import { estimateCheck, missingKeys, withFirstRun as withFirstEstimate } from './check-estimate.ts';
import type { CheckInput, WithExam } from './check-input.ts';
import { againText } from './check-next.ts';
import { checkOffline } from './check-offline.ts';
import { fromRoot, type Places } from './check-places.ts';
import { controlRelease } from './check-steps.ts';
import type { SuitePlan } from './check-suite.ts';
import { type CheckOutcome, ruleNoBaseline, ruleNothing, ruleOffline, withRemoved } from './check-verdict.ts';
import { examOf, loadBaseExam, suiteFileOf } from './exam-base.ts';
import { type FirstRunPlan, replacedBy } from './first-run.ts';

/** One suite, ready to be run, or the reason why it is not. */
export interface Prepared {
  readonly assignment: Assignment;
  readonly affected: Affected;
  readonly tier: Policy['tier'];
  readonly baseline: FoundBaseline | null;
  /** Set when something is to be run. */
  readonly ready: Pick<SuitePlan, 'standing' | 'reuse' | 'replaced' | 'control'> | null;
  /** New and edited cases that are run apart; null = none. */
  readonly first: Pick<FirstRunPlan, 'assignment' | 'replaced'> | null;
  /** Set when the answer is known without a call. */
  readonly settled: SuiteCheck | null;
  readonly facts: Facts;
}

type Facts = Omit<SuiteCheck, keyof CheckOutcome>;

export interface Asked {
  readonly suite: string;
  readonly release: string;
}

export async function prepare(
  work: Workplace,
  input: WithExam,
  asked: Asked,
  places: Places,
  changedKeys: readonly string[],
): Promise<Prepared> {
  const { from, base } = input.exam;
  const files = {
    suite: await suiteFileOf(asked.suite, input.cwd, from === 'base' ? base : null),
    release: await findReleaseFile(asked.release, input.cwd),
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
  };
  const own = await loadAssignment({
    ...files,
    onWarning: (warning) => work.progress.warn({ ...warning, message: `${asked.suite}: ${warning.message}` }),
  });
  const theirs = base === null ? null : await loadBaseExam(own, files, base, from);
  const exam = examOf(input.exam, own, theirs, changedKeys);
  // Everything that decides comes from the merge base; the branch's own cases run under its policy too.
  const whole = from === 'base' && theirs !== null ? theirs.assignment : own;
  const branch = { ...own, suite: { ...own.suite, policy: whole.suite.policy } };
  const { name } = whole.suite;
  if (from === 'base' && base !== null && theirs === null)
    work.progress.warn({
      code: 'EXAM_NEW_SUITE',
      message: `${name}: the merge base ${base.commit.slice(0, 12)} has no such suite; the branch's own exam is taken`,
    });
  const affected =
    base === null || input.changed === undefined
      ? wholeSuite(whole.suite)
      : await affectedCases(own, files, base);
  if (affected.blindSpot !== null)
    work.progress.warn({ code: 'CHANGED_BLIND', message: `${name}: ${affected.blindSpot}` });
  const removed = exam.removed.length > 0 ? exam.removed : affected.scope.removed;
  if (removed.length > 0)
    work.progress.warn({
      code: 'CASES_REMOVED',
      message: `${name}: ${removed.length} cases are gone since the base: ${removed.slice(0, 8).join(', ')}`,
    });

  const tier = input.tier ?? resolvePolicy(whole.suite.policy).tier;
  const trials = trialsFor(input, tier);
  const part =
    affected.ids === undefined ? whole : { ...branch, suite: onlyCases(branch.suite, affected.ids) };
  const assignment = plannedAssignment(part, { trials });
  const apart = new Set(from === 'base' && affected.ids === undefined ? [...exam.added, ...exam.edited] : []);
  const replaced = theirs === null ? undefined : replacedBy(theirs.assignment.suite);
  const first =
    apart.size === 0
      ? null
      : {
          assignment: plannedAssignment({ ...branch, suite: onlyCases(branch.suite, apart) }, { trials }),
          replaced: replaced ?? new Map(),
        };
  const scope = exam.removed.length > 0 ? { ...affected.scope, removed: exam.removed } : affected.scope;
  const facts = factsOf(
    own.suite,
    { ...affected, scope },
    exam,
    files.suite,
    places,
    againText(input, asked),
  );
  const settled = (ruling: CheckOutcome, more: Partial<Facts> = {}): Prepared => ({
    assignment,
    affected,
    tier,
    baseline: null,
    ready: null,
    first: null,
    facts,
    settled: { ...facts, ...more, ...withRemoved(ruling, exam) },
  });

  if (affected.scope.mode === 'none') return settled(ruleNothing(affected.scope.why));
  const dir = resolve(input.cwd, input.snapshots ?? 'snapshots');
  const baseline = await findBaseline(work, {
    suite: name,
    against: input.against,
    dir,
    base: from === 'base' ? base : null,
    baseDir: base?.at(dir),
    cwd: input.cwd,
  });
  const known = { baseline: baseline?.about ?? null };
  const missing = await missingKeys(work, assignment);
  if (missing !== null) {
    const offline = await checkOffline(work, own.suite, baseline, missing);
    return settled(ruleOffline(offline, input.offlineOk), { ...known, offline, next: null });
  }
  if (baseline === null) {
    return settled(ruleNoBaseline(name), {
      next: `lastgood run ${asked.suite} --release RELEASE-THAT-IS-GOOD, then: lastgood bless latest --suite ${name} --why TEXT && lastgood export baseline --suite ${name}`,
    });
  }
  const standing = await standingIn(work, assignment, tier, baseline);
  const reuse = await takenOver(work.store, standing, work.clock.now());
  const earlier = standingText(standing);
  if (earlier !== null) work.progress.warn({ code: 'ASKED_BEFORE', message: `${name}: ${earlier}` });
  const control = await controlRelease(work, assignment, baseline, {
    wanted: input.control !== false,
    sameApplication: async () =>
      base !== null && (await applicationStands(base, [files.suite, files.release])),
  });
  if (control.kind === 'impossible')
    work.progress.warn({
      code: 'NO_CONTROL',
      message: `${name}: ${control.why}; what looks worse can be suspected, and not called regressed`,
    });
  const main = await estimateCheck(work, assignment, { tier, standing, reuse, control });
  const estimate = first === null ? main : await withFirstEstimate(work, main, first.assignment);
  return {
    assignment,
    affected,
    tier,
    baseline,
    ready: { standing, reuse, replaced, control },
    first,
    facts: { ...facts, ...known, estimate },
    settled: null,
  };
}

/** Trials per case where not the suite's own hold. A ladder asked for with fewer than its top still has its top. */
function trialsFor({ trials, tier: asked }: CheckInput, tier: Policy['tier']): number | undefined {
  if (tier === 'ladder') return Math.max(trials ?? 0, TIERS.deep.trials);
  return trials ?? (asked === undefined || asked === 'ladder' ? undefined : TIERS[asked].trials);
}

/** What the ledger says was asked of these two before, and how this check will be judged. */
async function standingIn(
  work: Workplace,
  { suite, release, judge, embedder }: Assignment,
  tier: Policy['tier'],
  baseline: FoundBaseline,
): Promise<ErrorBudget> {
  const examiner = { judge: judge?.fingerprint ?? null, embedder: embedder?.fingerprint ?? null };
  const pair = {
    suite: suite.name,
    exam: examFingerprint(suite, examiner),
    baseline: baseline.summary.fingerprint,
    candidate: release.fingerprint,
  };
  const trials = Math.max(1, ...suite.cases.map((c) => c.trials));
  // A check has looks of its own: of a ladder it takes the top.
  const question = {
    policy: resolvePolicy(suite.policy),
    tier: tier === 'ladder' ? 'deep' : tier,
    trials,
    looks: [],
  } as const;
  return standingOf(question, await askedBefore(work.store, pair, work.clock.now()));
}

function factsOf(
  suite: Suite,
  { scope }: Affected,
  exam: CheckExam,
  file: string,
  places: Places,
  again: string,
): Facts {
  return {
    suite: suite.name,
    place: { file: fromRoot(places, file), line: 1 },
    scope,
    exam,
    baseline: null,
    candidate: null,
    confirmation: null,
    estimate: null,
    calls: 0,
    costUsd: 0,
    offline: null,
    firstRun: [],
    comparison: null,
    places: {},
    next: null,
    again,
  };
}
