// The run command: files resolved and checked, the run, then the comparison with the baseline if there is one.

import {
  type Comparison,
  type EmbeddingEstimate,
  LastgoodError,
  type SnapshotSummary,
} from '../../core/index.ts';
import { costOf } from '../../core/prices.ts';
import { estimateRun, type RunEstimate, streamJobs } from '../../run/index.ts';
import type { JudgeEstimate } from '../judge/judge-estimate.ts';
import { withVotes } from '../judge/judge-examiners.ts';
import { judgeNote } from '../judge/judge-note.ts';
import { findReleaseFile, findSuiteFile } from '../project/settings-file.ts';
import type { Workplace } from '../workplace.ts';
import type { Assignment } from './assignment.ts';
import { plannedAssignment, type RunResult, type RunSettings, resumeRun, runSuite } from './run-suite.ts';

export interface RunJobInput {
  readonly suite: string | undefined;
  readonly release: string | undefined;
  readonly cwd: string;
  readonly filter?: string | undefined;
  readonly judge?: string | undefined;
  readonly resume?: string | undefined;
  /** What was named beside `resume` and cannot change it, as the user wrote it. */
  readonly idle?: readonly string[] | undefined;
  /** Compare with this instead of the blessed baseline. */
  readonly against?: string | undefined;
  /** Grade the baseline's outputs under this run's exam before comparing. */
  readonly regradeBaseline?: boolean | undefined;
  readonly dryRun: boolean;
  readonly settings: RunSettings;
}

/** The subject's calls, and apart from them the judge's and the embedder's. */
export interface RunJobEstimate extends RunEstimate {
  /** null = nobody judges. */
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
      readonly stoppedBy: RunResult['report']['stoppedBy'];
      /** null when the suite has no baseline. */
      readonly comparison: Comparison | null;
      /** How far the judge can be trusted; null without one. */
      readonly judgeNote: string | null;
      readonly next: string;
    };

export async function runJob(work: Workplace, input: RunJobInput): Promise<RunJobResult> {
  // A reference that does not resolve is wrong input: it must be known before any call is paid.
  const now = work.clock.now();
  const result = await (async (): Promise<RunResult | RunJobEstimate> => {
    if (input.resume !== undefined) {
      const open = await work.store.resolve(input.resume, { now });
      checkResume(work, input, open.id);
      return resumeRun(work, open.id, input.settings);
    }
    const assignment = await assignmentOf(work, input);
    if (input.against !== undefined)
      await work.store.resolve(input.against, { suite: assignment.suite.name, now });
    if (input.dryRun) return estimate(work, assignment, input.settings);
    return runSuite(work, assignment, input.settings);
  })();
  if (!('summary' in result)) return { kind: 'estimate', estimate: result };

  const { summary, report } = result;
  const found = await baselineFor(work, summary, input.against);
  const against =
    found !== null && input.regradeBaseline === true
      ? await (await import('../judge/regrade.ts'))
          .regradeAs(work, found, summary)
          .then((again) => again.summary)
      : found;
  const ran = {
    kind: 'run',
    summary,
    stoppedBy: report.stoppedBy,
    judgeNote: await judgeNote(work.store, summary.judge),
  } as const;
  if (against === null)
    return { ...ran, comparison: null, next: `lastgood bless ${summary.id} --by NAME --why TEXT` };
  // Comparing loads the statistics, which a run without a baseline has no use for.
  const [{ compareStored }, { nextCommand }] = await Promise.all([
    import('../compare/compare-stored.ts'),
    import('../compare/diff-job.ts'),
  ]);
  const comparison = await compareStored(work, against, summary, { callsSpent: report.calls });
  return { ...ran, comparison, next: nextCommand(comparison) };
}

/** A run is finished as it was stored: what would change it is told to have no effect, and an estimate must not become calls. */
function checkResume(work: Workplace, input: RunJobInput, id: string): void {
  if (input.dryRun) {
    throw new LastgoodError({
      code: 'RESUME_DRY_RUN',
      message: '--dry-run makes no estimate of what is left of an interrupted run; nothing was called',
      hint: `\`lastgood show ${id}\` tells how many trials have no answer; --max-calls and --max-cost bound what finishing it may take`,
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
  const { loadAssignment } = await import('./assignment.ts');
  return loadAssignment({
    suite: await findSuiteFile(input.suite, input.cwd),
    release: await findReleaseFile(input.release, input.cwd),
    filter: input.filter,
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
    onCases: asRead(input) ? (cases) => work.store.foresee?.(cases) : undefined,
  });
}

/** The cases are run as the suite's files say them. */
function asRead({ dryRun, filter, settings }: RunJobInput): boolean {
  return !dryRun && filter === undefined && settings.trials === undefined;
}

async function baselineFor(
  work: Workplace,
  summary: SnapshotSummary,
  against: string | undefined,
): Promise<SnapshotSummary | null> {
  const ref = against ?? ((await work.store.blessings(summary.suite)).length > 0 ? 'baseline' : null);
  if (ref === null) return null;
  const found = await work.store.resolve(ref, { suite: summary.suite, now: work.clock.now() });
  return found.id === summary.id ? null : found;
}

async function estimate(
  work: Workplace,
  assignment: Assignment,
  settings: RunSettings,
): Promise<RunJobEstimate> {
  const [{ createProvider }, { estimateJudging }, { estimateEmbedding }] = await Promise.all([
    import('../../provider/index.ts'),
    import('../judge/judge-estimate.ts'),
    import('./embedding-estimate.ts'),
  ]);
  const provider = await createProvider(assignment.release, { env: work.env, mask: work.mask });
  try {
    const planned = plannedAssignment(assignment, settings);
    const { release, judge, suite } = planned;
    const jobs = streamJobs({ cases: suite.cases, release, provider });
    return {
      ...estimateRun(jobs, { costOf: (model, usage) => costOf(work.prices, model, usage) }),
      judge: await estimateJudging(work, suite.cases, release, withVotes(judge, settings.judgeVotes)),
      embedding: estimateEmbedding(work, planned),
      pricesAsOf: work.prices?.['as-of'] ?? null,
    };
  } finally {
    await provider.close?.();
  }
}
