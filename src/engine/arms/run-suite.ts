// Run a suite against a release and keep what happened as a snapshot. Grading overlaps running; every trial is durable as it completes.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { LastgoodError } from '../../base/index.ts';
import {
  caseExam,
  type Examiner,
  examFingerprint,
  type Finding,
  newSnapshotId,
  type Provider,
  panelOf,
  type Release,
  resolvePolicy,
  type SnapshotPurpose,
  type SnapshotSummary,
  type Suite,
  type Trial,
  wholeRelease,
} from '../../core/index.ts';
import {
  type BatchOptions,
  type Job,
  type RunHandle,
  type RunOptions,
  type RunReport,
  runJobs,
  streamJobs,
} from '../../run/index.ts';
import { withTrials } from '../../suite/with-trials.ts';
import {
  type ExaminerOptions,
  openExaminers,
  openPrograms,
  withJudges,
  withVotes,
} from '../examiners/judge-examiners.ts';
import { judgeRefused, probeJudges, type RefusedJudge } from '../examiners/probe-judges.ts';
import { consentToGraders } from '../workplace/consent.ts';
import { refuseSecrets } from '../workplace/refuse-secrets.ts';
import { idleProviderOf, providerOf, type Workplace } from '../workplace/workplace.ts';
import type { Assignment } from './assignment.ts';
import {
  BATCH_LABELS,
  batchOptionsOf,
  checkCostBound,
  judgeBatchingOf,
  refuseUnbatchable,
  resumedMode,
} from './batch-mode.ts';
import { dearestCall, pricesOf } from './call-prices.ts';
import { checkPin } from './check-pin.ts';
import { closeArm } from './close-arm.ts';
import { AnswerEmbedder, embedsAnswers } from './embed-outputs.ts';
import { examinerLost, gradePending, judgedInBatches } from './grade-pending.ts';
import { Personas } from './personas.ts';
import { preflight } from './preflight.ts';
import { examinerOptions, limitsOf, type RunSettings } from './run-settings.ts';
import { NOTHING_RUN, refuseUnpriced } from './spending.ts';
import { storedAssignment } from './stored-assignment.ts';
import { maskedSuite, REDACTED_LABEL } from './stored-suite.ts';
import { type Losses, TrialRecord, withGrades } from './trial-record.ts';

export { limitsOf, type RunSettings } from './run-settings.ts';

/** What running came to, and by arm why trials were lost. */
export interface ArmsReport extends RunReport {
  readonly losses?: Readonly<Record<string, Losses>> | undefined;
}

export interface RunResult {
  readonly summary: SnapshotSummary;
  readonly report: RunReport;
}

/** How a process runs jobs that others may share. */
interface SharedWork extends Pick<RunOptions, 'admission' | 'onFeed'> {
  /** Limits on calls of examiners that several processes share. */
  readonly examinerLimits?: Pick<ExaminerOptions, 'limit' | 'outputsLimit' | 'pacedElsewhere'> | undefined;
  /** Number of jobs, where they come one at a time. */
  readonly total?: number | undefined;
  /** Decides whether a trial that has ended is kept. */
  onTrial?: ((job: Job, trial: Trial, keep: () => Promise<void>) => Promise<void>) | undefined;
}

/** One arm of a run: a release on a suite, with its open snapshot. */
export interface Arm {
  readonly name: string;
  readonly assignment: Assignment;
  readonly provider: Provider;
  readonly snapshotId: string;
  /** Trials that are in the ledger already, when an interrupted run is finished. */
  readonly done: ReadonlyMap<string, ReadonlySet<number>> | undefined;
  /** What the snapshot is made for, where that is not the settings' purpose. */
  readonly purpose?: SnapshotPurpose | undefined;
}

/** Runs the whole suite on one release and closes its snapshot. Throws only when the work could not be done; a failing model is a result. */
export async function runSuite(
  work: Workplace,
  assignment: Assignment,
  settings: RunSettings = {},
): Promise<RunResult> {
  const planned = plannedAssignment(assignment, settings);
  const snapshotId = newSnapshotId(work.rng);
  const { provider, findings } = await openWhenReady(work, planned, snapshotId, settings);
  return execute(work, planned, settings, { snapshotId, provider, done: undefined }, findings);
}

/** Everything that can forbid a run, looked at before the ledger has a snapshot that nothing will fill. The caller closes the provider. */
export async function readyToRun(
  work: Workplace,
  assignment: Assignment,
  settings: RunSettings,
): Promise<Connected> {
  refuse(work, assignment, settings);
  return connected(work, assignment, settings, await idleProviderOf(work, assignment.release));
}

/** The subject's provider, and what its catalogue says of the models. */
interface Connected {
  readonly provider: Provider;
  readonly findings: readonly Finding[];
  /** A judge that cannot be asked: nothing must be paid that only it can grade. */
  readonly refused: RefusedJudge | null;
}

/** What forbids a run whatever the services say. */
export function refuse(
  work: Workplace,
  { release, judge, embedder }: Assignment,
  settings: RunSettings,
): void {
  for (const one of [release, judge, embedder]) if (one !== null) wholeRelease(one, 'run');
  refuseSecrets(work, release, judge, embedder);
  checkPin(work, release, settings.requirePinned ?? false);
  refuseUnpriced(work, settings);
}

async function connected(
  work: Workplace,
  { release, judge, suite }: Assignment,
  settings: RunSettings,
  provider: Provider,
): Promise<Connected> {
  await provider.ready?.();
  const { findings, refused } = await withJudges(work, judge, async (judges) => ({
    findings: await preflight(work, [{ release, provider }, ...judges], settings.preflight),
    refused: await probeJudges(work, suite.cases, judges, settings),
  }));
  return { provider, findings, refused };
}

/** Makes the snapshot once nothing forbids the run; until then its cases are written. The caller closes the provider. */
async function openWhenReady(
  work: Workplace,
  assignment: Assignment,
  snapshotId: string,
  settings: RunSettings,
): Promise<Connected> {
  refuse(work, assignment, settings);
  work.store.expect?.(plannedTrials(assignment.suite));
  await refuseUnbatchable(work, assignment, settings);
  const provider = await idleProviderOf(work, assignment.release);
  // The first cases go to the ledger's thread before loading what calls need keeps this one busy.
  const ready = nextTurn().then(async () => {
    const connection = await connected(work, assignment, settings, provider);
    if (connection.refused !== null) throw judgeRefused(connection.refused);
    return connection;
  });
  ready.catch(() => {}); // reported by `begin`
  try {
    await openSnapshot(work, assignment, snapshotId, settings, ready);
  } catch (error) {
    await ready.catch(() => {});
    await provider.close?.();
    throw error;
  }
  return ready;
}

/**
 * Routes name secrets of the environment: they are masked in every case, so they must be known before the first is written. The
 * subject's are since its provider was made.
 */
async function learnExaminersSecrets(
  work: Workplace,
  { judge, embedder, programs }: Assignment,
  keysElsewhere = false,
): Promise<void> {
  const judges = judge === null ? [] : panelOf(judge).judges;
  for (const examiner of [...judges, ...(embedder === null ? [] : [embedder])])
    await (keysElsewhere ? knownKeys(work, examiner) : idleProviderOf(work, examiner)).then((p) =>
      p?.close?.(),
    );
  await (await openPrograms(work, programs))?.close();
}

const MISSING = ['ENV_MISSING', 'PROVIDER_NO_KEY'];

/** The provider of a release where this process has its keys; null where only others may have them. Either way what it has is masked from now on. */
export async function knownKeys(work: Workplace, release: Release): Promise<Provider | null> {
  try {
    return await idleProviderOf(work, release);
  } catch (error) {
    if (error instanceof LastgoodError && MISSING.includes(error.code)) return null;
    throw error;
  }
}

/** Finishes an interrupted snapshot: only trials that are not in the ledger yet are run. The suite and release come from the ledger. */
export async function resumeRun(
  work: Workplace,
  snapshotId: string,
  asked: RunSettings = {},
): Promise<RunResult> {
  const { store } = work;
  const { summary, assignment } = await storedAssignment(work, snapshotId, asked);
  const settings = resumedMode(asked, summary);
  const { suite, release } = assignment;
  // Where every trial has its answer the model is not asked, so neither its key nor its client is needed.
  const planned = plannedTrials(suite);
  await consentToGraders(suite);
  const provider = summary.answered >= planned ? null : await providerOf(work, release);
  await store.reopen(snapshotId);
  const refused = refusedBy(settings);
  const judging = await judgeBatchingOf(work, settings, { assignment, snapshotId });
  // Where questions are gathered, those of the answers that are still to come go along.
  const { lost: fatal, stoppedBy: judgingStopped } =
    judging !== undefined && provider !== null
      ? { lost: null, stoppedBy: null }
      : await gradePending(work, assignment, snapshotId, settings.purpose, {
          ...examinerOptions(settings),
          batch: judging === undefined ? undefined : { ...judging, deadlineMs: settings.deadlineMs },
        });
  const done = await store.doneTrials(snapshotId);
  if (fatal === null && judgingStopped === null && (provider !== null || doneIn(done) < planned)) {
    const open = { snapshotId, provider: provider ?? (await providerOf(work, release)), done };
    return execute(work, assignment, settings, open, [], refused);
  }
  await provider?.close?.();
  // Interrupted while the judge was asked: what is still ungraded can be graded by the next resume.
  const stoppedBy = fatal !== null ? 'fatal' : (judgingStopped ?? (work.signal.aborted ? 'cancelled' : null));
  const report = limitedFrom(refused, { ...NOTHING_RUN, stoppedBy, fatal }, settings);
  const closed = { name: 'candidate', assignment, snapshotId };
  return { summary: await closeArm(work, closed, report, settings), report };
}

/** The assignment as it will be run: `trials` asked for on the command line become the suite's. */
export function plannedAssignment(assignment: Assignment, settings: RunSettings): Assignment {
  return settings.trials === undefined
    ? assignment
    : { ...assignment, suite: withTrials(assignment.suite, settings.trials) };
}

/** Writes the snapshot's opening: what is asked of whom, with which exam. The subject's provider is there already. `allowed`: what may still forbid it. */
export async function openSnapshot(
  work: Workplace,
  assignment: Assignment,
  snapshotId: string,
  settings: RunSettings,
  allowed?: Promise<unknown>,
): Promise<void> {
  await learnExaminersSecrets(work, assignment, settings.keysElsewhere);
  const { suite, release, embedder } = assignment;
  const judge = withVotes(assignment.judge, settings.judgeVotes);
  const examiner: Examiner = { judge: judge?.fingerprint ?? null, embedder: embedder?.fingerprint ?? null };
  const stored = work.privacy?.suite(suite) ?? { suite, changed: 0 };
  let exam: string | null = null;
  await work.store.begin({
    id: snapshotId,
    purpose: settings.purpose ?? 'run',
    suite: maskedSuite(work, stored.suite),
    release,
    judge,
    embedder,
    // Worked out when it is asked for: the ledger has time for it while its thread writes.
    get exam() {
      exam ??= examFingerprint(suite, examiner);
      return exam;
    },
    caseExam: (c) => caseExam(c, examiner),
    plannedTrials: plannedTrials(suite),
    startedAt: work.clock.now().toISOString(),
    seed: Math.floor(work.rng.next() * 2 ** 32),
    labels: {
      ...work.mask.json(settings.labels ?? {}),
      ...(settings.batch === true ? BATCH_LABELS : {}),
      ...(stored.changed === 0 ? {} : { [REDACTED_LABEL]: String(stored.changed) }),
    },
    environment: work.environment,
    ...(allowed === undefined ? {} : { allowed }),
  });
}

export function plannedTrials(suite: Suite): number {
  return suite.cases.reduce((n, c) => n + c.trials, 0);
}

async function execute(
  work: Workplace,
  assignment: Assignment,
  settings: RunSettings,
  open: Pick<Arm, 'snapshotId' | 'provider' | 'done'>,
  found: readonly Finding[] = [],
  refused = refusedBy(settings),
): Promise<RunResult> {
  try {
    const arm: Arm = { name: 'candidate', assignment, ...open };
    const { cases } = assignment.suite;
    const jobs = streamJobs({
      cases,
      release: assignment.release,
      provider: open.provider,
      arm: arm.name,
      ...(open.done === undefined ? {} : { done: open.done }),
    });
    const total = plannedTrials(assignment.suite) - doneIn(open.done);
    checkCostBound(settings, () => dearestCall([arm], pricesOf(work, settings)));
    const judging = await judgeBatchingOf(work, settings, arm);
    const startedMs = work.clock.now().getTime();
    const how = { total, batch: batchOptionsOf(work, settings, arm), judgeLater: judging !== undefined };
    const ran = await runArms(work, [arm], jobs, settings, how);
    const judged =
      judging === undefined ? ran : await judgedInBatches(work, arm, ran, { settings, judging, startedMs });
    const report = limitedFrom(refused, judged, settings);
    const summary = await closeArm(work, arm, report, settings, found);
    return { summary, report };
  } finally {
    await open.provider.close?.();
  }
}

function doneIn(done: Arm['done']): number {
  let trials = 0;
  for (const some of done?.values() ?? []) trials += some.size;
  return trials;
}

/** How the jobs of arms are run. */
export interface ArmsMode extends SharedWork {
  /** Through a batch API; absent = as single calls. */
  readonly batch?: BatchOptions | undefined;
  /** Answers that need a judge are stored without their grades. */
  readonly judgeLater?: boolean | undefined;
}

/** Runs the jobs of all arms together, grading each answer and writing it to its arm's snapshot. All arms share one examiner. */
export async function runArms(
  work: Workplace,
  arms: readonly Arm[],
  jobs: Iterable<Job | null>,
  settings: RunSettings,
  how: ArmsMode = {},
): Promise<ArmsReport> {
  const { batch } = how;
  const first = arms[0];
  if (first === undefined) throw new Error('a run needs at least one arm');
  const refused = refusedBy(settings);
  const { embedder } = first.assignment;
  const judge = withVotes(first.assignment.judge, settings.judgeVotes);
  const price = pricesOf(work, { batch: batch !== undefined });
  let handle: Pick<RunHandle, 'stop'> | null = null;
  const examiners = await openExaminers(
    work,
    { judge, embedder },
    {
      ...examinerOptions(settings),
      ...how.examinerLimits,
      programs: first.assignment.programs,
      onFatal: (failure, release) => handle?.stop(examinerLost(failure, release)),
    },
  );
  const embedding = arms.some((arm) => embedsAnswers(work, arm.assignment, arm.purpose ?? settings.purpose));
  const vectors =
    examiners.outputs !== null && embedding ? new AnswerEmbedder(work, examiners.outputs) : null;
  const { grader } = examiners;
  const records = new Map(
    arms.map((arm) => [
      arm.name,
      new TrialRecord(work, arm.snapshotId, { grader, vectors, judgeLater: how.judgeLater }),
    ]),
  );
  const personas = new Personas(work);
  try {
    const options: RunOptions = {
      ...(work.timers === undefined ? {} : { timers: work.timers }),
      personaOf: (persona) => personas.of(persona),
      ...(how.total === undefined ? {} : { total: how.total }),
      admission: how.admission,
      onFeed: how.onFeed,
      limits: limitsOf(settings),
      clock: work.clock,
      rng: work.rng,
      signal: work.signal,
      hardSignal: work.hardSignal,
      costOf: price,
      priceKnown: work.prices !== null,
      refused: settings.refused,
      measuresAppErrors:
        settings.measuresAppErrors === true ||
        arms.some(({ assignment }) => resolvePolicy(assignment.suite.policy).appError === 'fail'),
      ...(settings.maxCostUsd === undefined ? {} : { bestKnownCost: dearestCall(arms, price) }),
      progress: {
        warn: (w) => work.progress.warn(w),
        step: (s) => work.progress.step(withGrades(s, records)),
      },
      ...(settings.stream === true ? { stream: true } : {}),
      ...(settings.spreadMs === undefined ? {} : { spreadMs: settings.spreadMs }),
      onTrial: async (job, trial, run) => {
        handle = run;
        const record = records.get(job.arm);
        if (record === undefined) throw new Error(`no snapshot is open for arm ${job.arm}`);
        const keep = (): Promise<void> => record.take(job.case, trial, run.cutOff);
        await (how.onTrial === undefined ? keep() : how.onTrial(job, trial, keep));
      },
    };
    // Few runs need it.
    const report =
      batch === undefined
        ? await runJobs(jobs, options)
        : await (await import('../../run/run-batches.ts')).runBatches(allOf(jobs), options, batch);
    const losses = Object.fromEntries([...records].map(([name, record]) => [name, record.losses]));
    return { ...limitedFrom(refused, report, settings), losses };
  } finally {
    await examiners.close();
    await personas.close();
  }
}

/** Jobs that are all there: gaps are only in those that several processes share, which no batch takes. */
function* allOf(jobs: Iterable<Job | null>): Generator<Job, void, undefined> {
  for (const job of jobs) if (job !== null) yield job;
}

/** Questions that the judge's limit has kept from it so far. */
function refusedBy({ judgeLimit }: RunSettings): number {
  return judgeLimit?.refused ?? 0;
}

/** The report of a run in which the judge's limit was reached says so, where nothing else stopped it. */
function limitedFrom<R extends RunReport>(refusedBefore: number, report: R, settings: RunSettings): R {
  if (report.stoppedBy !== null || refusedBy(settings) === refusedBefore) return report;
  return { ...report, stoppedBy: 'judge-limit' };
}
