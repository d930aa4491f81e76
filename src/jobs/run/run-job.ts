// The run command: files resolved and checked, the run, then the comparison with the baseline if there is one.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LastgoodError } from '../../base/index.ts';
import {
  type Comparison,
  type EmbeddingEstimate,
  resolvePolicy,
  type SnapshotSummary,
} from '../../core/index.ts';
import { costOf } from '../../core/prices.ts';
import { BATCH_TIER } from '../../core/provider-batch.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { checkBatchable } from '../../engine/arms/batch-mode.ts';
import {
  limitsOf,
  plannedAssignment,
  type RunResult,
  type RunSettings,
  resumeRun,
  runSuite,
} from '../../engine/arms/run-suite.ts';
import { NOTHING_RUN, Spending } from '../../engine/arms/spending.ts';
import type { BaselinePool } from '../../engine/comparison/find-pool.ts';
import type { DistributedSettings } from '../../engine/distributed/run-distributed.ts';
import type { JudgeEstimate } from '../../engine/examiners/judge-estimate.ts';
import { withVotes } from '../../engine/examiners/judge-examiners.ts';
import { judgeNote } from '../../engine/examiners/judge-note.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { estimateRun, type RunEstimate, type RunReport, streamJobs } from '../../run/index.ts';

export { openSharing } from '../../engine/distributed/open-queue.ts';

export interface RunJobInput {
  readonly suite: string | undefined;
  readonly release: string | undefined;
  readonly cwd: string;
  readonly filter?: string | undefined;
  /** Only the cases with these ids, beside `filter`. */
  readonly only?: ReadonlySet<string> | undefined;
  /** Take the newest stored run of exactly the same instead of running it again. */
  readonly reuse?: boolean | undefined;
  /** false = no comparison with the baseline, and no calls for one. Default true. */
  readonly compare?: boolean | undefined;
  readonly judge?: string | undefined;
  readonly resume?: string | undefined;
  /** What was named beside `resume` and cannot change it, as the user wrote it. */
  readonly idle?: readonly string[] | undefined;
  /** Compare with this, a reference or an exported file, instead of the baseline. */
  readonly against?: string | undefined;
  /** Folder with exported snapshots, from `cwd` (default `snapshots`). */
  readonly snapshots?: string | undefined;
  /** Grade the baseline's outputs under this run's exam before comparing. */
  readonly regradeBaseline?: boolean | undefined;
  /** false = the baseline's release is not run beside it, and nothing can be called regressed. Default true. */
  readonly control?: boolean | undefined;
  readonly dryRun: boolean;
  /** Workers make the calls. */
  readonly distributed?: DistributedSettings | undefined;
  readonly settings: RunSettings;
}

/** The subject's calls, and apart from them the judge's and the embedder's. */
export interface RunJobEstimate extends RunEstimate {
  /** null = no judge. */
  readonly judge: JudgeEstimate | null;
  /** null = nothing is embedded. */
  readonly embedding: EmbeddingEstimate | null;
  /** Day the prices were looked up; null = none are known. */
  readonly pricesAsOf: string | null;
}

export type RunJobResult =
  | { readonly kind: 'estimate'; readonly estimate: RunJobEstimate }
  | {
      readonly kind: 'run';
      readonly summary: SnapshotSummary;
      /** Nothing was called: it was stored before. */
      readonly reused: boolean;
      readonly stoppedBy: RunResult['report']['stoppedBy'];
      /** null when the suite has no baseline. */
      readonly comparison: Comparison | null;
      /** How far the judge can be trusted; null without one. */
      readonly judgeNote: string | null;
      readonly next: string | undefined;
    };

export async function runJob(work: Workplace, input: RunJobInput): Promise<RunJobResult> {
  // A reference that does not resolve is wrong input: it must be known before any call is paid.
  const now = work.clock.now();
  let asked: ReadonlySet<string> | undefined;
  let assigned: Assignment | null = null;
  let reused = false;
  let named: SnapshotSummary | undefined;
  const result = await (async (): Promise<RunResult | RunJobEstimate> => {
    if (input.resume !== undefined) {
      const open = await work.store.resolve(input.resume, { now });
      checkResume(work, input, open.id);
      if (input.distributed !== undefined)
        return (await distributed()).resumeDistributed(work, open.id, input.settings, input.distributed);
      return resumeRun(work, open.id, input.settings);
    }
    const assignment = await assignmentOf(work, input);
    assigned = assignment;
    if (input.filter !== undefined || input.only !== undefined)
      asked = new Set(assignment.suite.cases.map((c) => c.id));
    if (input.against !== undefined) {
      const { findBaseline } = await import('../check/check-baseline.ts');
      const { cwd, against } = input;
      named = (await findBaseline(work, { suite: assignment.suite.name, against, dir: '', cwd }))?.summary;
    }
    if (input.dryRun) return estimate(work, assignment, input.settings);
    const before = input.reuse === true ? await stored(work, assignment, input.settings) : null;
    if (before !== null) {
      assigned = null;
      reused = true;
      return before;
    }
    if (input.distributed !== undefined) {
      // The control would be called by this machine, which may have no keys.
      assigned = null;
      return (await distributed()).runDistributed(work, assignment, input.settings, input.distributed);
    }
    return runSuite(work, assignment, input.settings);
  })();
  if (!('summary' in result)) return { kind: 'estimate', estimate: result };

  const { summary, report } = result;
  const found = input.compare === false ? null : (named ?? (await baselineFor(work, summary, input)));
  const against =
    found !== null && input.regradeBaseline === true
      ? await (await import('../regrade/regrade.ts'))
          .regradeAs(work, found, summary)
          .then((again) => again.summary)
      : found;
  const ran = {
    kind: 'run',
    summary,
    reused,
    stoppedBy: report.stoppedBy,
    judgeNote: await judgeNote(work.store, summary.judge),
  } as const;
  if (against === null) return { ...ran, comparison: null, next: `lastgood bless ${summary.id} --why TEXT` };
  // Comparing loads the statistics, which a run without a baseline has no use for.
  const [{ compareStored }, { nextCommand }, { findPool }] = await Promise.all([
    import('../../engine/comparison/compare-stored.ts'),
    import('../compare/diff-job.ts'),
    import('../../engine/comparison/find-pool.ts'),
  ]);
  const pool = await findPool(work.store, against, { before: summary.startedAt });
  // What is only finished has no release file beside it, what was cut short is settled by finishing it, and a recording cannot be
  // asked again: those are compared as runs of different times.
  if (assigned === null || report.stoppedBy !== null || isRecorded(assigned)) {
    const comparison = await compareStored(
      work,
      against,
      summary,
      { callsSpent: report.calls, pool: pool.runs.slice(1), leftOut: pool.leftOut },
      undefined,
      asked,
    );
    return { ...ran, comparison, next: nextCommand(comparison) };
  }
  const { comparison, stoppedBy } = await settled(work, input, assigned, {
    against,
    pool,
    ran: result,
    asked,
  });
  return { ...ran, stoppedBy, comparison, next: nextCommand(comparison) };
}

function distributed(): Promise<typeof import('../../engine/distributed/run-distributed.ts')> {
  return import('../../engine/distributed/run-distributed.ts');
}

function isRecorded({ release }: Assignment): boolean {
  return release.layers.route.provider === 'replay';
}

/** The comparison with the baseline, what looks worse settled by running the baseline's release beside this one. */
async function settled(
  work: Workplace,
  input: RunJobInput,
  assignment: Assignment,
  runs: {
    readonly against: SnapshotSummary;
    readonly pool: BaselinePool;
    readonly ran: RunResult;
    readonly asked: ReadonlySet<string> | undefined;
  },
): Promise<{ readonly comparison: Comparison; readonly stoppedBy: RunReport['stoppedBy'] }> {
  const [{ controlRelease, settleRun }, { withExamples }, { resultsOf }] = await Promise.all([
    import('../check/check-steps.ts'),
    import('../../engine/comparison/compare-stored.ts'),
    import('../check/check-baseline.ts'),
  ]);
  const { against, pool, ran, asked } = runs;
  const { settings } = input;
  const [first, ...more] = pool.runs.map((run) => resultsOf(run, asked));
  const stored = first ?? resultsOf(await work.store.results(against.id), asked);
  const candidate = await work.store.results(ran.summary.id);
  const spending = new Spending({ maxCalls: settings.maxCalls, maxCostUsd: settings.maxCostUsd });
  spending.add(ran.report);
  const compared = { stored, pool: more, leftOut: pool.leftOut };
  const { comparison, stoppedBy } = await settleRun(work, assignment, compared, candidate, {
    tier: resolvePolicy(assignment.suite.policy).tier,
    control: await controlRelease(
      work,
      assignment,
      { summary: against },
      { wanted: input.control !== false, sameApplication: async () => false },
    ),
    // Fresh trials beside a run are waited for.
    settings: { ...settings, trials: undefined, batch: undefined },
    spending,
  });
  return {
    comparison: await withExamples(work.store, comparison, stored, candidate),
    stoppedBy: stoppedBy === 'max-calls' || stoppedBy === 'max-cost' ? null : stoppedBy,
  };
}

/** A run is finished as it was stored: options that would change it only get a warning, and an estimate must not become calls. */
function checkResume(work: Workplace, input: RunJobInput, id: string): void {
  if (input.dryRun) {
    throw new LastgoodError({
      code: 'RESUME_DRY_RUN',
      message: '--dry-run makes no estimate of what is left of an interrupted run; nothing was called',
      hint: `\`lastgood show ${id}\` shows how many trials have no answer; --max-calls and --max-cost bound what finishing it may take`,
    });
  }
  const { idle = [] } = input;
  if (idle.length === 0) return;
  work.progress.warn({
    code: 'RESUME_AS_STORED',
    message: `${id} is finished as it was stored: ${idle.join(', ')} ${idle.length === 1 ? 'has' : 'have'} no effect`,
    hint: 'leave --resume out to make a new snapshot',
  });
}

async function assignmentOf(work: Workplace, input: RunJobInput): Promise<Assignment> {
  if (input.suite === undefined) throw new LastgoodError({ code: 'NO_SUITE', message: 'no suite was named' });
  if (input.release === undefined) {
    throw new LastgoodError({
      code: 'NO_RELEASE',
      message: 'no release was named',
      hint: 'pass --release FILE, or set `release:` in lastgood.yaml',
    });
  }
  // Reading suite files loads a YAML parser and the schemas; finishing an interrupted run reads the ledger only.
  const { loadAssignment } = await import('../../engine/arms/assignment.ts');
  const assignment = await loadAssignment({
    suite: await findSuiteFile(input.suite, input.cwd),
    release: await findReleaseFile(input.release, input.cwd),
    filter: input.filter,
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
    onWarning: (warning) => work.progress.warn(warning),
    onCases: asRead(input) ? (cases) => work.store.foresee?.(cases) : undefined,
  });
  const { only } = input;
  if (only === undefined) return assignment;
  const { withCases } = await import('../../suite/with-cases.ts');
  const { suite } = assignment;
  return {
    ...assignment,
    suite: withCases(
      suite,
      suite.cases.filter((c) => only.has(c.id)),
    ),
  };
}

async function stored(
  work: Workplace,
  assignment: Assignment,
  settings: RunSettings,
): Promise<RunResult | null> {
  const { storedRun } = await import('./stored-run.ts');
  const summary = await storedRun(work, assignment, settings);
  return summary === null ? null : { summary, report: NOTHING_RUN };
}

/** The cases are run as the suite's files say them. */
function asRead({ dryRun, filter, only, reuse, settings }: RunJobInput): boolean {
  return (
    !dryRun && reuse !== true && filter === undefined && only === undefined && settings.trials === undefined
  );
}

async function baselineFor(
  work: Workplace,
  summary: SnapshotSummary,
  { against, snapshots, cwd }: RunJobInput,
): Promise<SnapshotSummary | null> {
  const dir = resolve(cwd, snapshots ?? 'snapshots');
  if (against === undefined && !existsSync(dir) && (await work.store.blessings(summary.suite)).length === 0)
    return null;
  const { findBaseline } = await import('../check/check-baseline.ts');
  const found = await findBaseline(work, { suite: summary.suite, against, dir, cwd });
  return found === null || found.summary.id === summary.id ? null : found.summary;
}

/** A judge of a batched run is asked in batches, too, where its provider has them. A panel counts as a whole only if all are. */
async function judgeTier(
  work: Workplace,
  { judge }: Assignment,
  { batch, batchJudge }: RunSettings,
): Promise<string | null> {
  if (judge === null || (batch !== true && batchJudge !== true) || work.privacy?.store === 'scores')
    return null;
  const { areJudgesBatchable } = await import('../../engine/examiners/batched-judges.ts');
  return (await areJudgesBatchable(work, judge)) ? BATCH_TIER : null;
}

/** What a run of the assignment would call and may cost; nothing is called. */
export async function estimate(
  work: Workplace,
  assignment: Assignment,
  settings: RunSettings,
): Promise<RunJobEstimate> {
  const [{ createProvider }, { estimateJudging }, { estimateEmbedding }] = await Promise.all([
    import('../../provider/index.ts'),
    import('../../engine/examiners/judge-estimate.ts'),
    import('../../engine/arms/embedding-estimate.ts'),
  ]);
  const provider = await createProvider(assignment.release, { env: work.env, mask: work.mask });
  try {
    const planned = plannedAssignment(assignment, settings);
    const { release, judge, suite } = planned;
    const { maxAttempts } = limitsOf(settings);
    checkBatchable(planned, provider, settings);
    const tier = settings.batch === true ? BATCH_TIER : null;
    const jobs = streamJobs({ cases: suite.cases, release, provider });
    return {
      ...estimateRun(jobs, {
        costOf: (model, usage) => costOf(work.prices, model, usage, tier),
        maxAttempts,
      }),
      judge: await estimateJudging(work, suite.cases, release, withVotes(judge, settings.judgeVotes), {
        maxAttempts,
        tier: await judgeTier(work, planned, settings),
      }),
      embedding: estimateEmbedding(work, planned),
      pricesAsOf: work.prices?.['as-of'] ?? null,
    };
  } finally {
    await provider.close?.();
  }
}
