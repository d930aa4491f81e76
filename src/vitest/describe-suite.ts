// describeSuite: one test for each case of a suite, and one for the comparison with the baseline.

import { LastgoodError } from '../base/index.ts';
import { type Comparison, resolvePolicy, type SnapshotSummary, type Suite } from '../core/index.ts';
import { findSuiteFile } from '../engine/workplace/settings-file.ts';
import { type RunJobResult, runJob } from '../jobs/run/run-job.ts';
import { loadSuite } from '../suite/load-suite.ts';
import { type CaseOutcome, caseOutcome, failureText, unmeasuredText } from './case-report.ts';
import { afterAll, describe, test } from './load-vitest.ts';
import { openPlace, type Place, type PlaceOptions } from './place.ts';
import { summaryOf } from './summary.ts';
import { type DeclaredAt, declaredAt, testError } from './test-errors.ts';

export interface DescribeSuiteOptions extends PlaceOptions {
  /** The release to run: a file, or a name under `releases/`. Default: that of `lastgood.yaml`. */
  readonly release?: string | undefined;
  /** Compare with this snapshot instead of the baseline: a reference or an exported file. */
  readonly baseline?: string | undefined;
  /** Trials per case instead of the suite's. */
  readonly trials?: number | undefined;
  /** Only some cases, as `--filter` takes it. */
  readonly filter?: string | undefined;
  /** Another judge than the suite's: a release file. */
  readonly judge?: string | undefined;
  /**
   * When the test of a case fails. `pass` (default): fewer of its trials pass than must. `not-worse`: it regressed against the baseline;
   * without a baseline it is `pass`.
   */
  readonly cases?: 'pass' | 'not-worse' | undefined;
  /** Share of a case's trials that must pass, where the case names no `min-pass-rate`. Default 1. */
  readonly minPassRate?: number | undefined;
  /** What fails the comparison: everything but a clear pass (`unclear`, the default), or a regression alone. */
  readonly failOn?: 'unclear' | 'regression' | undefined;
  /** Take a stored run of exactly the same suite, exam and release instead of calling again. Default: in watch mode only. */
  readonly reuse?: boolean | undefined;
  readonly concurrency?: number | undefined;
  readonly maxCalls?: number | undefined;
  readonly maxCostUsd?: number | undefined;
  /** How long a service that is down is waited for, in milliseconds (default 5 minutes). */
  readonly outageMs?: number | undefined;
  /** For one attempt, in milliseconds (default 120,000). */
  readonly attemptTimeoutMs?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** A finished run, read once for all tests of the suite. */
interface Finished {
  readonly place: Place;
  readonly result: Extract<RunJobResult, { kind: 'run' }>;
  readonly outcomes: ReadonlyMap<string, CaseOutcome>;
}

/** The run may take as long as it needs: calls, runs and outages have limits of their own. */
const NO_TIMEOUT = 0;

const SUMMARY_TEST = 'compared with the baseline';

/**
 * Declares one test for each case of the suite: the first that runs makes the run, with all its trials, and keeps the snapshot. With
 * `-t` or `test.only` only the chosen cases are run.
 */
export function describeSuite(suite: string, options: DescribeSuiteOptions = {}): void {
  const at = declaredAt(describeSuite);
  describe(suite, async () => {
    const cwd = options.cwd ?? '.';
    const loaded = await loadSuite(await findSuiteFile(suite, cwd));
    const ids = await chosenIds(loaded, options.filter);
    let running: Promise<Finished> | null = null;
    const finished = (signal: AbortSignal, chosen: Chosen): Promise<Finished> => {
      running ??= runOnce(suite, options, { signal, chosen, all: ids });
      return running;
    };
    afterAll(async () => {
      const run = await running?.catch(() => null);
      await run?.place.work.store.close();
    });
    for (const id of ids)
      test(id, {
        timeout: NO_TIMEOUT,
        meta: { lastgood: { suite: loaded.name, case: id } },
      }, async (context) => {
        const { place, result, outcomes } = await finished(context.signal, chosenOf(context.task));
        const { summary } = result;
        const outcome = outcomes.get(id);
        context.task.meta.lastgood = { suite: loaded.name, case: id, snapshot: summary.id, ...outcome };
        if (loaded.cases.find((c) => c.id === id)?.graders.length === 0)
          context.skip('draft: the case has no grader yet');
        const error = await errorOf(id, outcome, { place, result, options, at });
        if (error !== null) throw error;
      });
    test(SUMMARY_TEST, { timeout: NO_TIMEOUT }, async (context) => {
      const { place, result } = await finished(context.signal, chosenOf(context.task));
      const { failure, skip } = summaryOf(result, place.warnings, {
        failOn: options.failOn ?? 'unclear',
        isBaseline: (await place.work.store.blessings(loaded.name)).at(-1)?.snapshot === result.summary.id,
      });
      context.task.meta.lastgood = { suite: loaded.name, snapshot: result.summary.id };
      if (failure !== null) throw testError(failure.name, failure.text, at);
      context.skip(skip !== null, skip ?? undefined);
    });
  });
}

async function chosenIds(suite: Suite, filter: string | undefined): Promise<readonly string[]> {
  if (filter === undefined) return [...suite.cases].map((c) => c.id);
  const { filterCases } = await import('../suite/filter-cases.ts');
  return [...filterCases(suite, filter).cases].map((c) => c.id);
}

/** Which tests of the suite this vitest run has chosen. */
interface Chosen {
  readonly ids: ReadonlySet<string>;
  readonly summary: boolean;
}

interface Sibling {
  readonly name: string;
  readonly mode: string;
  readonly suite?: { readonly tasks: readonly Sibling[] } | undefined;
}

function chosenOf(task: Sibling): Chosen {
  const names = (task.suite?.tasks ?? []).filter((t) => t.mode === 'run').map((t) => t.name);
  return {
    ids: new Set(names.filter((name) => name !== SUMMARY_TEST)),
    summary: names.includes(SUMMARY_TEST),
  };
}

async function runOnce(
  suite: string,
  options: DescribeSuiteOptions,
  {
    signal,
    chosen,
    all,
  }: { readonly signal: AbortSignal; readonly chosen: Chosen; readonly all: readonly string[] },
): Promise<Finished> {
  const place = await openPlace(options, signal);
  try {
    const { work, settings, cwd } = place;
    const release = options.release ?? settings.release;
    const some = chosen.ids.size > 0 && all.some((id) => !chosen.ids.has(id));
    const { trials, concurrency, maxCalls, maxCostUsd, outageMs, attemptTimeoutMs, labels } = options;
    const result = await runJob(work, {
      suite,
      release,
      cwd,
      filter: options.filter,
      only: some ? chosen.ids : undefined,
      judge: options.judge,
      against: options.baseline,
      reuse: options.reuse ?? process.env['VITEST_MODE'] === 'WATCH',
      compare: chosen.summary || options.cases === 'not-worse',
      dryRun: false,
      settings: {
        ...{ trials, maxCalls, maxCostUsd, outageMs, attemptTimeoutMs },
        // A part of a suite is no baseline: whoever finds the snapshot must see it.
        labels: some ? { ...labels, partial: `${chosen.ids.size} of ${all.length} cases` } : labels,
        concurrency: concurrency ?? settings.concurrency,
      },
    });
    if (result.kind !== 'run') throw new Error('a run that was not only estimated has a result');
    return { place, result, outcomes: await outcomesOf(work.store, result.summary, options) };
  } catch (error) {
    await place.work.store.close();
    // What a person can fix is a sentence with its place and what to try; the test runner shows the message alone.
    if (error instanceof LastgoodError && error.hint !== undefined) error.message += `\n  try: ${error.hint}`;
    throw error;
  }
}

async function outcomesOf(
  store: Place['work']['store'],
  { id }: SnapshotSummary,
  { minPassRate = 1 }: DescribeSuiteOptions,
): Promise<ReadonlyMap<string, CaseOutcome>> {
  const [results, policy] = await Promise.all([store.results(id), store.policyOf(id)]);
  const rule = { minPassRate, appErrorFails: resolvePolicy(policy).appError === 'fail' };
  return new Map(results.cases.map((c) => [c.id, caseOutcome(c, rule)]));
}

/** What the test of the case fails with; null = it passes. */
async function errorOf(
  id: string,
  outcome: CaseOutcome | undefined,
  run: {
    readonly place: Place;
    readonly result: Finished['result'];
    readonly options: DescribeSuiteOptions;
    readonly at: DeclaredAt;
  },
): Promise<Error | null> {
  const { place, result, options, at } = run;
  if (outcome === undefined)
    return testError(
      'NotMeasured',
      `the run has no case ${JSON.stringify(id)}; the suite changed meanwhile`,
      at,
    );
  if (outcome.kind === 'passed') return null;
  const { showCase } = await import('../jobs/ledger/show-case.ts');
  const { content, trials } = await showCase(place.work.store, result.summary, id);
  if (outcome.kind === 'not-measured')
    return testError('NotMeasured', unmeasuredText(id, outcome, trials), at);
  if (options.cases === 'not-worse' && result.comparison !== null && !isWorse(result.comparison, id))
    return null;
  return testError('CaseFailed', failureText(id, outcome, content, trials), at);
}

function isWorse({ cases }: Comparison, id: string): boolean {
  return cases.find((c) => c.id === id)?.verdict === 'regressed';
}
