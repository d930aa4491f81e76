// A new grade set over stored outputs: another judge, a newer suite file, today's grader code. No subject is called; the old snapshot stays as it is.

import { LastgoodError, shortHash } from '../../base/index.ts';
import {
  BATCH_LABEL,
  type Case,
  caseExam,
  type Examiner,
  examFingerprint,
  examinersAsked,
  type Failure,
  type GradedTrial,
  isRemoved,
  newSnapshotId,
  type Release,
  resolvePolicy,
  type SnapshotStore,
  type SnapshotSummary,
  type Suite,
  trialOutcome,
  wantsEmbeddings,
} from '../../core/index.ts';
import { AnswerEmbedder, embeddingFindings, withCost } from '../../engine/arms/embed-outputs.ts';
import { ledgerWriter } from '../../engine/arms/ledger-writer.ts';
import { maskedSuite, REDACTED_LABEL } from '../../engine/arms/stored-suite.ts';
import { type OpenExaminers, openExaminers, withVotes } from '../../engine/examiners/judge-examiners.ts';
import type { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import { judgingFindings } from '../../engine/examiners/judge-outputs.ts';
import { knownProgramsOf, programsInTree } from '../../engine/examiners/known-programs.ts';
import { refuseSecrets } from '../../engine/workplace/refuse-secrets.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { StopCause } from '../../run/index.ts';
import { judgeValidity } from '../../run/validity.ts';
import { checkRegradeBatch, type RegradeBatch, regradeBatching } from './regrade-batch.ts';
import { type LeftOut, refuseAltered, takeOver } from './regrade-cases.ts';
import { canBeTriedAgain, type Removed, removedOf } from './regrade-removed.ts';

/** Label under which a re-graded snapshot names the one whose outputs it holds. */
export const REGRADE_OF = 'regrade-of';
/** Findings about a grade set; the others are about the outputs and stay true. */
const OF_THE_GRADING: readonly string[] = [
  'REGRADED',
  'SMALL_LOSS',
  'BORDERLINE',
  'PAIRWISE_INCONSISTENT',
  'EMBEDDINGS_MISSING',
  'ANSWERS_REMOVED',
];
/** Trials graded at once; judge calls have a limit of their own. */
const AT_ONCE = 128;
/** The same where questions are gathered into batches: each waits until its batch is back. */
const AT_ONCE_IN_BATCHES = 10_000;

export interface RegradeInput {
  /** Whose outputs are graded. */
  readonly source: SnapshotSummary;
  /** The suite whose graders count; default: the one that ran. Only cases whose content is the same are taken. */
  readonly suite?: Suite | undefined;
  /** Default: the judge that graded it. null = none. */
  readonly judge?: Release | null | undefined;
  readonly embedder?: Release | null | undefined;
  readonly judgeVotes?: number | undefined;
  /** Ask the judge through its provider's batch API. */
  readonly batch?: RegradeBatch | undefined;
  /** The judge's budget. */
  readonly limit?: JudgeLimit | undefined;
  /** Ask the judge again even where it is remembered what it said. */
  readonly fresh?: boolean | undefined;
  /** Keep cases that differ from the suite, with their old graders, instead of leaving them out. */
  readonly keepOthers?: boolean | undefined;
}

export interface RegradeResult {
  /** The new snapshot, or an earlier one that holds exactly these grades. */
  readonly summary: SnapshotSummary;
  readonly source: SnapshotSummary;
  readonly leftOut: readonly LeftOut[];
  /** Trials left without a grade, because the ledger does not have their answers (any more). */
  readonly removed: number;
  /** Other trials whose pass, fail or ungraded is another than before. */
  readonly changed: number;
  readonly judgeCalls: number;
  /** Why some answers were not judged; null = all were. */
  readonly stoppedBy: StopCause | null;
  /** Distinct stored answers that were given an embedding vector. */
  readonly embedded: number;
  /** True when the ledger already had this grade set and nothing was done. */
  readonly existed: boolean;
}

/** Grades the stored outputs of a finished snapshot again and keeps the result as a snapshot of its own. */
export async function regrade(work: Workplace, input: RegradeInput): Promise<RegradeResult> {
  const { store } = work;
  const { source } = input;
  if (source.state !== 'finished') {
    throw new LastgoodError({
      code: 'REGRADE_UNFINISHED',
      message: `${source.id} is ${source.state}: what it still lacks would never be graded`,
      hint: `finish it first: lastgood run --resume ${source.id}`,
    });
  }
  const { suite, leftOut } = await takeOver(store, input);
  const { judge, embedder } = await examinersFor(store, suite, input);
  refuseSecrets(work, judge, embedder);
  if (input.batch !== undefined) await checkRegradeBatch(work, judge, input.limit);
  const examiner: Examiner = { judge: judge?.fingerprint ?? null, embedder: embedder?.fingerprint ?? null };
  const exam = examFingerprint(suite, examiner);

  const fresh = input.fresh === true;
  const root = source.labels[REGRADE_OF] ?? source.id;
  const earlier = fresh ? null : await sameGrades(store, source, root, exam, suite);
  if (earlier !== null) {
    const embedded = await embedStored(work, source, suite, embedder);
    const nothing = { removed: 0, changed: 0, judgeCalls: 0, stoppedBy: null };
    return { summary: earlier, source, leftOut, ...nothing, embedded, existed: true };
  }
  if (input.suite === undefined) await refuseAltered(store, source, suite);
  const removed = await removedOf(store, source, suite, fresh ? null : examiner);
  const programs = await (input.keepOthers === true
    ? knownProgramsOf(work, suite)
    : programsInTree(work, suite));

  let judgeCalls = 0;
  let fatal: Failure | null = null;
  const examiners = await openExaminers(
    work,
    { judge, embedder },
    {
      cache: !fresh,
      programs,
      limit: input.limit,
      batch:
        input.batch === undefined
          ? undefined
          : regradeBatching(input.batch, { root, suite: source.suite, exam, fresh }),
      onFatal: (failure) => {
        fatal ??= failure;
      },
      onJudgeCall: () => {
        judgeCalls++;
      },
    },
  );
  try {
    const id = newSnapshotId(work.rng);
    // Cases that come from a file are what they were before a run took out of them what must not be kept.
    const kept = work.privacy?.suite(suite) ?? { suite, changed: 0 };
    await store.begin({
      id,
      purpose: 'regrade',
      suite: maskedSuite(work, kept.suite),
      release: await store.releaseOf(source.id),
      judge,
      embedder,
      exam,
      caseExam: (c) => caseExam(c, examiner),
      plannedTrials: suite.cases.reduce((n, c) => n + c.trials, 0),
      startedAt: source.startedAt,
      seed: source.seed,
      labels: {
        [REGRADE_OF]: root,
        ...(source.labels[BATCH_LABEL] === undefined ? {} : { [BATCH_LABEL]: source.labels[BATCH_LABEL] }),
        ...(kept.changed === 0 ? {} : { [REDACTED_LABEL]: String(kept.changed) }),
      },
      environment: work.environment,
    });
    const vectors =
      wantsEmbeddings(suite.policy) && examiners.outputs !== null && source.answered > 0
        ? new AnswerEmbedder(work, examiners.outputs, await answersOf(store, source))
        : null;
    const atOnce = input.batch === undefined ? AT_ONCE : AT_ONCE_IN_BATCHES;
    const { grader } = examiners;
    const graded = await gradeAll(work, source, id, suite, { grader, vectors, removed, atOnce });
    const stoppedBy: StopCause | null =
      fatal !== null ? 'fatal' : (examiners.stoppedBy ?? (work.signal.aborted ? 'cancelled' : null));
    if (stoppedBy === null) examiners.settle();
    const summary = await close(work, source, id, { suite, judge, embedder }, leftOut, graded);
    return {
      summary,
      source,
      leftOut,
      removed: graded.removed,
      changed: graded.changed,
      judgeCalls,
      stoppedBy: stoppedBy ?? (input.limit?.reached == null ? null : 'judge-limit'),
      embedded: vectors?.embedded ?? 0,
      existed: false,
    };
  } finally {
    await examiners.close();
  }
}

/**
 * The baseline's outputs under the candidate's exam: its suite (as it was when it ran), judge and embedder. Cases the candidate
 * does not have, or has with another content, keep their own graders, so that the comparison can name them.
 */
export async function regradeAs(
  work: Workplace,
  baseline: SnapshotSummary,
  candidate: SnapshotSummary,
): Promise<RegradeResult> {
  const { store } = work;
  return regrade(work, {
    source: baseline,
    suite: await store.suiteOf(candidate.id),
    judge: candidate.judge === null ? undefined : await store.releaseOf(candidate.id, 'judge'),
    embedder: candidate.embedder === null ? undefined : await store.releaseOf(candidate.id, 'embedder'),
    keepOthers: true,
  });
}

async function examinersFor(
  store: SnapshotStore,
  suite: Suite,
  input: RegradeInput,
): Promise<{ judge: Release | null; embedder: Release | null }> {
  const { source } = input;
  const { judge: asks, embedder: embeds } = examinersAsked(suite.cases);
  const stored = async (role: 'judge' | 'embedder'): Promise<Release | null> =>
    source[role] === null ? null : store.releaseOf(source.id, role);
  const judge = asks
    ? withVotes(input.judge === undefined ? await stored('judge') : input.judge, input.judgeVotes)
    : null;
  const embedder =
    embeds || wantsEmbeddings(suite.policy)
      ? input.embedder === undefined
        ? await stored('embedder')
        : input.embedder
      : null;
  for (const [role, needed, found] of [
    ['judge', asks, judge],
    ['embedder', embeds, embedder],
  ] as const) {
    if (!needed || found !== null) continue;
    throw new LastgoodError({
      code: 'REGRADE_NO_EXAMINER',
      message: `the graders need a ${role}, and ${source.id} was made without one`,
      hint:
        role === 'judge' ? 'name one with --judge FILE' : 'name one in the suite file and pass --suite FILE',
    });
  }
  return { judge, embedder };
}

/** Gives stored answers of the suite's cases the vectors they lack, where the suite asks for the embedding channel. No grade changes. */
async function embedStored(
  work: Workplace,
  source: SnapshotSummary,
  suite: Suite,
  embedder: Release | null,
): Promise<number> {
  const { store } = work;
  if (embedder === null || !wantsEmbeddings(suite.policy)) return 0;
  const has = (await store.vectorCounts(source.id)).find((c) => c.embedder === embedder.fingerprint)?.trials;
  if (has === source.answered) return 0;
  const examiners = await openExaminers(work, { judge: null, embedder });
  try {
    if (examiners.outputs === null) return 0;
    const vectors = new AnswerEmbedder(work, examiners.outputs, await answersOf(store, source));
    const cases = new Set(suite.cases.map((c) => c.id));
    let batch: Promise<void>[] = [];
    for await (const { trial } of store.trials(source.id)) {
      if (work.signal.aborted) break;
      if (!cases.has(trial.caseId)) continue;
      batch.push(vectors.vectorFor(trial, work.hardSignal).then((vector) => vector.keep()));
      if (batch.length < AT_ONCE) continue;
      await Promise.all(batch);
      batch = [];
    }
    await Promise.all(batch);
    return vectors.embedded;
  } finally {
    await examiners.close();
  }
}

/** Hashes of the answers as they were given, also of those whose text was pruned or forgotten since. */
async function answersOf(store: SnapshotStore, source: SnapshotSummary): Promise<ReadonlySet<string>> {
  const { cases } = await store.results(source.id);
  return new Set(cases.flatMap((c) => c.trials.flatMap((t) => t.outputHash ?? [])));
}

/** A grade set that is there already: the source itself, or a regrade of the same outputs under the same exam. */
async function sameGrades(
  store: SnapshotStore,
  source: SnapshotSummary,
  root: string,
  exam: string,
  suite: Suite,
): Promise<SnapshotSummary | null> {
  if (source.exam === exam && source.ungraded === 0) return source;
  const regraded = await store.list({
    suite: source.suite,
    fingerprint: source.fingerprint,
    purposes: ['regrade'],
  });
  for (const s of regraded) {
    if (s.labels[REGRADE_OF] !== root || s.exam !== exam || s.state !== 'finished') continue;
    if (s.cases === suite.cases.length && !(await canBeTriedAgain(store, s))) return s;
  }
  return null;
}

interface Graded {
  /** Other trials whose pass, fail or ungraded is another than before. */
  readonly changed: number;
  /** Trials left without a grade, because the ledger does not have their answers. */
  readonly removed: number;
  /** Trials that the application failed at. */
  readonly appErrors: number;
}

async function gradeAll(
  work: Workplace,
  source: SnapshotSummary,
  id: string,
  suite: Suite,
  how: Pick<OpenExaminers, 'grader'> & {
    readonly vectors: AnswerEmbedder | null;
    readonly removed: Removed;
    readonly atOnce: number;
  },
): Promise<Graded> {
  const { grader, vectors } = how;
  const { store } = work;
  const writer = ledgerWriter(store, id);
  const cases = new Map(suite.cases.map((c) => [c.id, c]));
  let [changed, lost, appErrors, done] = [0, 0, 0, 0];
  let batch: Promise<void>[] = [];
  const flush = async (): Promise<void> => {
    await Promise.all(batch);
    batch = [];
    work.progress.step({ label: `re-grading ${source.id}`, done, total: source.trials });
  };
  const gradeOne = async (c: Case, was: GradedTrial): Promise<GradedTrial> => {
    if (!isRemoved(was.trial)) return grader.gradeTrial(c, was.trial, work.hardSignal);
    if (how.removed.sameExam.has(c.id)) return { ...was, judgeCostUsd: 0 };
    const graded = await grader.gradeTrial(c, was.trial, work.hardSignal);
    // What was measured on the answer while it was there stays true.
    return { ...graded, measures: was.measures };
  };
  for await (const stored of store.trials(source.id)) {
    const c = cases.get(stored.trial.caseId);
    if (c === undefined) continue;
    if (work.signal.aborted) break;
    batch.push(
      gradeOne(c, stored).then(async (graded) => {
        const masked = work.mask.json(graded as never) as typeof graded;
        const row = work.privacy?.kept(masked) ?? masked;
        const vector = await vectors?.vectorFor(row.trial, work.hardSignal);
        await writer.write(vector === undefined ? row : withCost(row, vector.costUsd));
        await vector?.keep();
        done++;
        const { trial } = stored;
        if (trial.status === 'failed' && trial.cause === 'app_error') appErrors++;
        const [before, after] = [passOf(stored), passOf(graded)];
        if (after === null && isRemoved(trial) && !how.removed.sameExam.has(c.id)) lost++;
        else if (after !== before) changed++;
      }),
    );
    if (batch.length >= how.atOnce) await flush();
  }
  await flush();
  return { changed, removed: lost, appErrors };
}

/** Null where it is not graded. */
function passOf({ trial, grades }: GradedTrial): boolean | null {
  const outcome = trial.status === 'answered' ? trialOutcome(grades) : null;
  return outcome?.kind === 'graded' ? outcome.pass : null;
}

async function close(
  work: Workplace,
  source: SnapshotSummary,
  id: string,
  exam: { readonly suite: Suite; readonly judge: Release | null; readonly embedder: Release | null },
  leftOut: readonly LeftOut[],
  { removed, appErrors }: Graded,
): Promise<SnapshotSummary> {
  const { store } = work;
  const { suite, judge } = exam;
  const open = await store.resolve(id, { now: work.clock.now() });
  const { validity, reasons, notes } = judgeValidity({
    planned: open.plannedTrials,
    answered: open.answered,
    failed: open.failed,
    appErrors,
    skipped: open.skipped,
    ungraded: open.ungraded,
    stoppedBy: work.signal.aborted ? 'cancelled' : null,
    policy: resolvePolicy(suite.policy),
  });
  const left = leftOut.length === 0 ? '' : `; ${leftOut.length} cases left out`;
  return store.finish(id, {
    finishedAt: work.clock.now().toISOString(),
    state: 'finished',
    validity: work.signal.aborted ? 'invalid' : validity,
    validityReasons: work.signal.aborted ? ['re-grading was cancelled', ...reasons] : reasons,
    findings: [
      {
        code: 'REGRADED',
        message: `the outputs of ${source.id} under another exam: ${shortHash(source.exam)} before, ${shortHash(open.exam)} now${left}`,
      },
      ...(removed === 0
        ? []
        : [
            {
              code: 'ANSWERS_REMOVED',
              message: `${removed} of ${open.answered} answers could not be graded again: the ledger does not have them (pruned, forgotten or never kept)`,
            },
          ]),
      ...source.findings.filter((f) => !OF_THE_GRADING.includes(f.code)),
      ...(await judgingFindings(store, id, judge, suite)),
      ...(await embeddingFindings(work, id, exam, open.answered, 'regrade')),
      ...notes.map((message) => ({ code: 'SMALL_LOSS', message })),
    ],
  });
}
