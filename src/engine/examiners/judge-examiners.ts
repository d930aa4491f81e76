// Opens the providers of a run's examiners (a judge or a panel, an embedder) and the grader that asks them.

import { randomBytes } from 'node:crypto';
import {
  costOf,
  type Failure,
  type JudgePanel,
  type ProgramGraders,
  type Provider,
  panelOf,
  panelRelease,
  type Release,
} from '../../core/index.ts';
// Not through the room's index: calibrating a judge loads all of the statistics, grading does not.
import type {
  CallLimit,
  Examined,
  GraderContext,
  JudgeCallInfo,
  JudgeOptions,
  VerdictCache,
} from '../../grade/context.ts';
import { createOutputEmbedder, type OutputEmbedder } from '../../grade/output-embedder.ts';
import { createTrialGrader, type TrialGrader } from '../../grade/trial-grader.ts';
import type { StopCause } from '../../run/index.ts';
import { Pacer } from '../../run/pacer.ts';
import { realTimers } from '../../run/timers.ts';
import { idleProviderOf, providerOf, type Workplace } from '../workplace/workplace.ts';
import type { JudgeBatches, JudgeBatching } from './batched-judges.ts';
import type { KnownPrograms } from './known-programs.ts';

/** Calls of each examiner at once where nothing else is said. */
const JUDGE_CONCURRENCY = 4;
/** How long a judge's service that is down is waited for where nothing else is said. */
const OUTAGE_MS = 300_000;

export interface ExaminerOptions {
  /** false: every question is asked afresh and nothing is remembered. Default true. */
  readonly cache?: boolean | undefined;
  readonly onJudgeCall?: ((info: JudgeCallInfo) => void) | undefined;
  /** Calls at once, attempts and time of each examiner, apart from the subject's. */
  readonly limits?: (Omit<JudgeOptions, 'votes'> & { readonly outageMs?: number }) | undefined;
  /** The graders outside this process that may run; without them they give no grade. */
  readonly programs?: KnownPrograms | undefined;
  /** A budget for their calls. What embeds answers for the channel is not counted: it grades nothing. */
  readonly limit?: CallLimit | undefined;
  /** Limits that the embedder of the channel shares with other processes. */
  readonly outputsLimit?: CallLimit | undefined;
  /** Those limits keep the pace of the calls. */
  readonly pacedElsewhere?: boolean | undefined;
  /** Gather the judges' questions into batches, where their providers have a batch API. */
  readonly batch?: JudgeBatching | undefined;
  /** An examiner that grades failed in a way that no other call to it can escape. */
  readonly onFatal?: ((failure: Failure, release: Release) => void) | undefined;
}

/** Examiners at work; `close` ends the workers and the providers. */
export interface OpenExaminers {
  readonly grader: TrialGrader;
  /** Embeds answers for the embedding channel; null without an embedder. */
  readonly outputs: OutputEmbedder | null;
  /** Why batches of questions were not waited for to their end; null = they were, or there are none. */
  readonly stoppedBy: StopCause | null;
  /** Everything is stored that grading gave: no batch is needed any more. Without it a later command finds the batches again. */
  settle(): void;
  close(): Promise<void>;
}

/** The judge with this many votes of each of its members; the number is part of its fingerprint, and so of the exam. */
export function withVotes(judge: Release | null, votes: number | undefined): Release | null {
  return judge === null || votes === undefined
    ? judge
    : panelRelease({ judges: panelOf(judge).judges, votes });
}

/** Opens every judge of a panel (or the one there is) for `body` and closes them after it. */
export async function withJudges<T>(
  work: Workplace,
  judge: Release | null,
  body: (judges: readonly Examined[]) => Promise<T>,
): Promise<T> {
  const judges: Examined[] = [];
  try {
    for (const release of judge === null ? [] : panelOf(judge).judges)
      judges.push({ release, provider: await providerOf(work, release) });
    return await body(judges);
  } finally {
    for (const { provider } of judges) await provider.close?.();
  }
}

/** The graders outside this process, made ready. Throws when a program is not there or a variable is not set; nothing is started or called. */
export async function openPrograms(
  work: Workplace,
  programs: KnownPrograms | undefined,
): Promise<ProgramGraders | null> {
  if (programs === undefined || programs.size === 0) return null;
  const { createProgramGraders } = await import('../../provider/program-graders.ts');
  return createProgramGraders(programs.values(), { env: work.env, mask: work.mask });
}

export async function openExaminers(
  work: Workplace,
  examiners: { readonly judge: Release | null; readonly embedder: Release | null },
  options: ExaminerOptions = {},
): Promise<OpenExaminers> {
  const opened: Provider[] = [];
  const open = async (release: Release): Promise<Examined> => {
    // Where every verdict is remembered it is not called.
    const provider = await idleProviderOf(work, release);
    opened.push(provider);
    return { release, provider };
  };
  const batches = options.batch === undefined ? null : await batchesOf(work, options.batch);
  let isSettled = false;
  const programs = await openPrograms(work, options.programs);
  const closeAll = async (): Promise<void> => {
    await programs?.close();
    for (const provider of opened) await provider.close?.();
    await batches?.close(isSettled);
  };
  try {
    const panel: JudgePanel | null = examiners.judge === null ? null : panelOf(examiners.judge);
    const judges: Examined[] = [];
    for (const release of panel?.judges ?? []) {
      const judge = await open(release);
      judges.push(batches?.gathered(judge) ?? judge);
    }
    const [judge = null, ...rest] = judges;
    const context: GraderContext = {
      judge,
      panel: rest,
      embedder: examiners.embedder === null ? null : await open(examiners.embedder),
      programs,
      verdicts: options.cache === false ? null : storedVerdicts(work),
      costOf: (model, usage, tier) => costOf(work.prices, model, usage, tier),
      // Never from a seeded generator: what fences the judged text must not be guessable by the model that wrote it.
      nonce: () => randomBytes(16).toString('hex'),
      mask: work.mask,
      judgeOptions: { ...options.limits, votes: panel?.votes ?? 1 },
      pace: () => paceOf(work, options),
      limit: options.limit,
      ...(batches === null ? {} : { mostOf: (release, asked) => batches.mostOf(release, asked) }),
      ...(options.onFatal === undefined ? {} : { onFatal: options.onFatal }),
      ...(options.onJudgeCall === undefined ? {} : { onJudgeCall: options.onJudgeCall }),
    };
    const grader = createTrialGrader(context);
    return {
      grader,
      // What it fails to embed is embedded later from the stored answers: it stops no run.
      outputs:
        context.embedder === null
          ? null
          : createOutputEmbedder(context.embedder, {
              ...context,
              limit: options.outputsLimit,
              onFatal: () => undefined,
            }),
      get stoppedBy() {
        return batches?.stoppedBy ?? null;
      },
      settle: () => {
        isSettled = true;
      },
      close: async () => {
        await grader.close();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function batchesOf(work: Workplace, batching: JudgeBatching): Promise<JudgeBatches> {
  const { JudgeBatches: Batches } = await import('./batched-judges.ts');
  return new Batches(work, batching);
}

/** A throttle of its own: what slows the judge down does not slow the subject down, and the other way round. */
function paceOf(work: Workplace, { limits, pacedElsewhere = false }: ExaminerOptions): Pacer {
  return new Pacer({
    paced: !pacedElsewhere,
    concurrency: limits?.concurrency ?? JUDGE_CONCURRENCY,
    outageMs: limits?.outageMs ?? OUTAGE_MS,
    clock: work.clock,
    timers: realTimers,
    onLimit: () =>
      work.progress.warn({
        code: 'RATE_LIMITED',
        message: "the judge's service limits the rate of calls; they are paced to what it accepts",
      }),
    onOutage: (message) =>
      work.progress.warn({
        code: 'SERVICE_DOWN',
        message: `the judge's service is down: ${message}; it is waited for, and judging resumes by itself`,
      }),
  });
}

function storedVerdicts(work: Workplace): VerdictCache {
  return {
    get: (key) => work.store.cachedVerdict(key),
    // A judge quotes what it judged; where no texts are kept, its replies are not either.
    put: async (key, verdict) => {
      if (work.privacy?.store === 'scores') return;
      await work.store.keepVerdict(key, verdict, work.clock.now().toISOString());
    },
  };
}
