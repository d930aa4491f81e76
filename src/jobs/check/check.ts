// Pre-merge: several suites against their baselines, one verdict. Nothing is called before everything that can be wrong was looked at.

import { LastgoodError, type Warning } from '../../base/index.ts';
import type { CheckResult, SuiteCheck } from '../../core/index.ts';
import { Spending } from '../../engine/arms/spending.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { costUnknown } from '../../run/index.ts';
import { repositoryRoot } from './changed-base.ts';
import { exportCheck } from './check-export.ts';
import type { CheckInput, WithExam } from './check-input.ts';
import { nextOf } from './check-next.ts';
import { type Places, placesOf, wantedPlaces } from './check-places.ts';
import { runAndCompare } from './check-suite.ts';
import { combine, ruleNoBudget, ruleRun, withFirstRun, withRemoved } from './check-verdict.ts';
import { changedSettings, openExam } from './exam-source.ts';
import { runFirst } from './first-run.ts';
import { type Asked, type Prepared, prepare } from './prepare-suite.ts';

export async function checkJob(work: Workplace, input: CheckInput): Promise<CheckResult> {
  const warnings: Warning[] = [];
  const telling: Workplace = {
    ...work,
    progress: {
      warn: (w) => {
        warnings.push(w);
        work.progress.warn(w);
      },
      step: (s) => work.progress.step(s),
    },
  };
  const asked = input.suites.map((word) => askedFor(word, input.release));
  const exam = input.exam ?? (await openExam({ cwd: input.cwd, changed: input.changed, env: work.env }));
  try {
    return await checkSuites(telling, { ...input, exam }, asked, warnings);
  } finally {
    if (input.exam === undefined) await exam.base?.dispose();
  }
}

async function checkSuites(
  work: Workplace,
  input: WithExam,
  asked: readonly Asked[],
  warnings: readonly Warning[],
): Promise<CheckResult> {
  const { base } = input.exam;
  const places: Places = {
    root: base?.root ?? (await repositoryRoot(input.cwd)) ?? input.cwd,
    copy: base?.dir,
  };
  const settings = await changedSettings(input.exam, input.cwd);
  const prepared: Prepared[] = [];
  for (const suite of asked) prepared.push(await prepare(work, input, suite, places, settings));
  announce(input, prepared, work.prices !== null);
  const spending = new Spending({ maxCalls: input.maxCalls, maxCostUsd: input.maxCostUsd });
  const checks: SuiteCheck[] = [];
  for (const one of prepared) checks.push(one.settled ?? (await execute(work, input, one, spending, places)));
  const warned = warnings.map(({ code, message }) => ({ code, message }));
  const { exportTo } = input;
  if (exportTo === undefined) return combine(checks, warned);
  const exported: SuiteCheck[] = [];
  for (const check of checks) exported.push(await exportCheck(work, check, exportTo, input.cwd));
  return combine(exported, warned);
}

function askedFor(word: string, release: string | undefined): Asked {
  const at = word.indexOf('=');
  const own = at < 0 ? release : word.slice(at + 1);
  if (own === undefined || own === '')
    throw new LastgoodError({
      code: 'NO_RELEASE',
      message: `no release was named for suite "${word}"`,
      hint: 'pass --release FILE, write SUITE=RELEASE, or set `release:` in lastgood.yaml',
    });
  return { suite: at < 0 ? word : word.slice(0, at), release: own };
}

/** Tells what is about to be called, and refuses what the limits cannot hold. */
function announce(input: CheckInput, prepared: readonly Prepared[], priced: boolean): void {
  const estimates = prepared.flatMap(({ facts }) => facts.estimate ?? []);
  const calls = estimates.reduce((n, e) => n + e.calls, 0);
  const least = estimates.reduce((n, e) => n + e.callsLeast, 0);
  input.announce?.({
    suites: prepared.map(({ settled, facts }) => settled ?? facts),
    calls,
    callsUpper: calls + estimates.reduce((n, e) => n + e.confirmationCalls, 0),
    costUpperUsd: estimates.some((e) => e.costUpperUsd === null)
      ? null
      : estimates.reduce((sum, e) => sum + (e.costUpperUsd ?? 0), 0),
  });
  if (input.maxCostUsd !== undefined && estimates.length > 0 && !priced) {
    throw costUnknown();
  }
  if (input.maxCalls !== undefined && least > input.maxCalls) {
    throw new LastgoodError({
      code: 'CHECK_OVER_LIMIT',
      message: `this check needs at least ${least} calls, and --max-calls is ${input.maxCalls}; nothing was run`,
      hint: 'raise --max-calls, or ask for less: --tier smoke, --trials 1, --changed BASE',
    });
  }
}

async function execute(
  work: Workplace,
  input: CheckInput,
  { assignment, affected, tier, baseline, ready, first, facts }: Prepared,
  spending: Spending,
  places: Places,
): Promise<SuiteCheck> {
  if (baseline === null || ready === null) throw new Error('a suite without a baseline is settled before');
  if (work.signal.aborted)
    return {
      ...facts,
      status: 'interrupted',
      verdict: 'interrupted',
      reason: 'the check was interrupted before this suite',
      gate: 'inconclusive',
      exitCode: 130,
    };
  const { callsLeft = Number.POSITIVE_INFINITY, costLeftUsd } = spending;
  if (callsLeft < (facts.estimate?.callsLeast ?? 0) || costLeftUsd === 0)
    return { ...facts, ...ruleNoBudget() };
  const run = await runAndCompare(work, assignment, baseline, {
    ids: affected.ids,
    tier,
    ...ready,
    settings: input.settings,
    spending,
  });
  const apart =
    first === null ? null : await runFirst(work, { ...first, settings: input.settings, spending });
  const firstRun = apart?.cases ?? run.firstRun;
  const ruling = withRemoved(withFirstRun(ruleRun(run), apart), facts.exam);
  return {
    ...facts,
    ...ruling,
    ...(facts.exam === undefined ? {} : { exam: { ...facts.exam, snapshot: apart?.snapshot ?? null } }),
    candidate: run.summary.id,
    confirmation: run.confirmation?.id ?? null,
    calls: run.calls + (apart?.calls ?? 0),
    costUsd: run.costUsd === null || apart?.costUsd === null ? null : run.costUsd + (apart?.costUsd ?? 0),
    firstRun,
    comparison: run.comparison,
    places: {
      ...placesOf(assignment.suite, wantedPlaces(run, firstRun), places),
      ...(first === null ? {} : placesOf(first.assignment.suite, wantedPlaces(run, firstRun), places)),
    },
    next: nextOf(ruling, run, input),
  };
}
