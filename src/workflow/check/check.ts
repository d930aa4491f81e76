// Pre-merge: several suites against their baselines, one verdict. Nothing is called before everything that can be wrong was looked at.

import { relative, resolve } from 'node:path';
import {
  type CheckResult,
  examFingerprint,
  LastgoodError,
  type Place,
  type Policy,
  resolvePolicy,
  type Suite,
  type SuiteCheck,
  type Warning,
} from '../../core/index.ts';
import { costUnknown } from '../../run/index.ts';
import { TIERS } from '../compare/compare-plan.ts';
import { askedBefore, type Standing, standingOf, standingText } from '../compare/multiplicity.ts';
import { takenOver } from '../compare/taken-over.ts';
import { findReleaseFile, findSuiteFile } from '../project/settings-file.ts';
import { type Assignment, loadAssignment } from '../run/assignment.ts';
import { plannedAssignment, type RunSettings } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';
import { type Affected, affectedCases, onlyCases, wholeSuite } from './changed.ts';
import { type BaseTree, openBaseTree, repositoryRoot } from './changed-base.ts';
import { type FoundBaseline, findBaseline } from './check-baseline.ts';
import { estimateCheck, missingKeys } from './check-estimate.ts';
import { checkOffline } from './check-offline.ts';
import { type Purse, runAndCompare, type SuitePlan, type SuiteRun } from './check-suite.ts';
import {
  combine,
  type Ruling,
  ruleNoBaseline,
  ruleNoBudget,
  ruleNothing,
  ruleOffline,
  ruleRun,
} from './check-verdict.ts';

export interface CheckInput {
  /** `SUITE`, or `SUITE=RELEASE` for a suite with a release of its own. */
  readonly suites: readonly string[];
  /** Release of the suites that name none. */
  readonly release?: string | undefined;
  readonly judge?: string | undefined;
  readonly cwd: string;
  /** Snapshot reference or exported file instead of the baseline. */
  readonly against?: string | undefined;
  /** Git reference: only what changed since is run. */
  readonly changed?: string | undefined;
  readonly tier?: Policy['tier'] | undefined;
  readonly trials?: number | undefined;
  /** Limits for the whole check. */
  readonly maxCalls?: number | undefined;
  readonly maxCostUsd?: number | undefined;
  /** Without keys: exit 0 instead of 3. */
  readonly offlineOk: boolean;
  /** Folder with exported snapshots, from `cwd` (default `snapshots`). */
  readonly snapshots?: string | undefined;
  readonly settings: RunSettings;
  /** Told once, before the first call. */
  readonly announce?: ((plan: CheckPlan) => void) | undefined;
}

export interface CheckPlan {
  readonly suites: readonly Pick<SuiteCheck, 'suite' | 'scope' | 'estimate' | 'baseline'>[];
  /** Calls of all suites, without and with every confirmation; judge calls are not counted. */
  readonly calls: number;
  readonly callsUpper: number;
  /** null = unknown. */
  readonly costUpperUsd: number | null;
}

/** One suite, ready to be run or told why not. */
interface Prepared {
  readonly assignment: Assignment;
  readonly affected: Affected;
  readonly tier: Policy['tier'];
  readonly baseline: FoundBaseline | null;
  /** Set when something is to be run. */
  readonly ready: Pick<SuitePlan, 'standing' | 'reuse'> | null;
  /** Set when the answer is known without a call. */
  readonly settled: SuiteCheck | null;
  readonly facts: Facts;
}

type Facts = Omit<SuiteCheck, keyof Ruling>;

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
  const base = input.changed === undefined ? null : await openBaseTree(input.changed, input.cwd);
  try {
    const root = base?.root ?? (await repositoryRoot(input.cwd)) ?? input.cwd;
    const prepared: Prepared[] = [];
    for (const suite of asked) prepared.push(await prepare(telling, input, suite, base, root));
    announce(input, prepared, work.prices !== null);
    const purse: Purse = { calls: input.maxCalls, costUsd: input.maxCostUsd };
    const checks: SuiteCheck[] = [];
    for (const one of prepared) checks.push(one.settled ?? (await execute(telling, input, one, purse, root)));
    const told = warnings.map(({ code, message }) => ({ code, message }));
    return combine(checks, told);
  } finally {
    await base?.dispose();
  }
}

interface Asked {
  readonly suite: string;
  readonly release: string;
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

async function prepare(
  work: Workplace,
  input: CheckInput,
  asked: Asked,
  base: BaseTree | null,
  root: string,
): Promise<Prepared> {
  const files = {
    suite: await findSuiteFile(asked.suite, input.cwd),
    release: await findReleaseFile(asked.release, input.cwd),
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
  };
  const whole = await loadAssignment(files);
  const { name } = whole.suite;
  const affected = base === null ? wholeSuite(whole.suite) : await affectedCases(whole, files, base);
  if (affected.blindSpot !== null)
    work.progress.warn({ code: 'CHANGED_BLIND', message: `${name}: ${affected.blindSpot}` });
  if (affected.scope.removed.length > 0)
    work.progress.warn({
      code: 'CASES_REMOVED',
      message: `${name}: ${affected.scope.removed.length} cases are gone since the base: ${affected.scope.removed.slice(0, 8).join(', ')}`,
    });

  const tier = input.tier ?? resolvePolicy(whole.suite.policy).tier;
  const trials = trialsFor(input, tier);
  const part = affected.ids === undefined ? whole : { ...whole, suite: onlyCases(whole.suite, affected.ids) };
  const assignment = plannedAssignment(part, { trials });
  const facts = factsOf(whole.suite, affected, files.suite, root);
  const settled = (ruling: Ruling, more: Partial<Facts> = {}): Prepared => ({
    assignment,
    affected,
    tier,
    baseline: null,
    ready: null,
    facts,
    settled: { ...facts, ...more, ...ruling },
  });

  if (affected.scope.mode === 'none') return settled(ruleNothing(affected.scope.why));
  const dir = resolve(input.cwd, input.snapshots ?? 'snapshots');
  const baseline = await findBaseline(work, {
    suite: name,
    against: input.against,
    dir,
    baseDir: base?.at(dir),
    cwd: input.cwd,
  });
  const known = { baseline: baseline?.about ?? null };
  const missing = await missingKeys(work, assignment);
  if (missing !== null) {
    const offline = await checkOffline(work, whole.suite, baseline, missing);
    return settled(ruleOffline(offline, input.offlineOk), { ...known, offline, next: null });
  }
  if (baseline === null) {
    return settled(ruleNoBaseline(name), {
      next: `lastgood run ${asked.suite} --release RELEASE-THAT-IS-GOOD, then: lastgood bless latest --suite ${name} --by NAME --why TEXT && lastgood export baseline --suite ${name}`,
    });
  }
  const standing = await standingIn(work, assignment, tier, baseline);
  const reuse = await takenOver(work.store, standing, work.clock.now());
  const told = standingText(standing);
  if (told !== null) work.progress.warn({ code: 'ASKED_BEFORE', message: `${name}: ${told}` });
  const estimate = await estimateCheck(work, assignment, standing, reuse);
  const ready = { standing, reuse };
  return {
    assignment,
    affected,
    tier,
    baseline,
    ready,
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
): Promise<Standing> {
  const examiner = { judge: judge?.fingerprint ?? null, embedder: embedder?.fingerprint ?? null };
  const pair = {
    suite: suite.name,
    exam: examFingerprint(suite, examiner),
    baseline: baseline.summary.fingerprint,
    candidate: release.fingerprint,
  };
  const trials = Math.max(1, ...suite.cases.map((c) => c.trials));
  const question = { policy: resolvePolicy(suite.policy), tier, trials, looks: [] };
  return standingOf(question, await askedBefore(work.store, pair, work.clock.now()));
}

function factsOf(suite: Suite, { scope }: Affected, file: string, root: string): Facts {
  return {
    suite: suite.name,
    place: { file: fromRoot(root, file), line: 1 },
    scope,
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
  };
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
  { assignment, affected, tier, baseline, ready, facts }: Prepared,
  purse: Purse,
  root: string,
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
  const room = purse.calls === undefined || purse.calls >= (facts.estimate?.callsLeast ?? 0);
  if (!room || purse.costUsd === 0) return { ...facts, ...ruleNoBudget() };
  const run = await runAndCompare(work, assignment, baseline, {
    ids: affected.ids,
    tier,
    ...ready,
    settings: input.settings,
    purse,
  });
  const ruling = ruleRun(run);
  return {
    ...facts,
    ...ruling,
    candidate: run.summary.id,
    confirmation: run.confirmation?.id ?? null,
    calls: run.calls,
    costUsd: run.costUsd,
    firstRun: run.firstRun,
    comparison: run.comparison,
    places: placesOf(assignment.suite, run, root),
    next: nextOf(ruling, run, input),
  };
}

/** Where the cases stand that a reader will want to open. */
function placesOf(suite: Suite, run: SuiteRun, root: string): Record<string, Place> {
  const wanted = new Set([
    ...run.comparison.cases
      .filter((d) => d.verdict === 'regressed' || ('evidence' in d && d.evidence !== null && d.delta < 0))
      .map((d) => d.id),
    ...run.firstRun.filter((c) => c.outcome !== 'pass').map((c) => c.id),
  ]);
  return Object.fromEntries(
    suite.cases
      .filter((c) => wanted.has(c.id) && c.where.file !== undefined)
      .map((c) => [c.id, { file: fromRoot(root, c.where.file as string), line: c.where.line ?? 1 }]),
  );
}

/** With forward slashes, as CI systems want it. */
function fromRoot(root: string, file: string): string {
  return relative(root, resolve(file)).replaceAll('\\', '/');
}

function nextOf(ruling: Ruling, run: SuiteRun, input: CheckInput): string | null {
  const { comparison } = run;
  const asked = `lastgood check ${input.suites.join(' ')}${input.release === undefined ? '' : ` --release ${input.release}`}`;
  if (ruling.status === 'first-run') {
    const first = run.firstRun.find((c) => c.outcome !== 'pass');
    return first === undefined ? null : `lastgood show ${run.summary.id} --case ${first.id}`;
  }
  if (ruling.gate === 'pass') return null;
  if (ruling.gate === 'fail') {
    const worst = comparison.cases.find((d) => d.verdict === 'regressed');
    return worst === undefined
      ? `lastgood diff ${comparison.baseline.id} ${run.summary.id}`
      : `lastgood show ${run.summary.id} --case ${worst.id}`;
  }
  return ruling.verdict === 'inconclusive' && run.rungsLeft
    ? `${asked} --tier ladder  (goes on with the trials it has)`
    : `lastgood diff ${comparison.baseline.id} ${run.summary.id}`;
}
