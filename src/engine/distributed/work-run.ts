// A worker on one shared run: takes batches as it has room for them, calls, grades, writes, and says which are done.

import { setTimeout as sleep } from 'node:timers/promises';
import { LastgoodError } from '../../base/errors.ts';
import { type Case, type Failure, type Provider, wholeRelease } from '../../core/index.ts';
import type { RunTaking, SharedStop, TakenBatch } from '../../core/shared-run.ts';
import type { Job } from '../../run/index.ts';
import type { Assignment } from '../arms/assignment.ts';
import { isPending } from '../arms/grade-pending.ts';
import { type RunSettings, runArms } from '../arms/run-suite.ts';
import { TrialRecord } from '../arms/trial-record.ts';
import { type ExaminerOptions, openExaminers } from '../examiners/judge-examiners.ts';
import { providerOf, type Workplace } from '../workplace/workplace.ts';
import { CallGate } from './call-gate.ts';
import { JudgeAdmission } from './judge-admission.ts';
import { unpackSettings } from './shared-settings.ts';
import { stopWords } from './stop-words.ts';

const BEAT_MS = 1000;
const LOOK_MS = 25;

/** A run as a worker has it: read from the ledger once. */
export interface OpenRun {
  readonly id: string;
  readonly work: Workplace;
  readonly assignment: Assignment;
  readonly settings: RunSettings;
  readonly provider: Provider;
}

/** Reads a run from the ledger. Throws `ENV_MISSING` where this process lacks a variable that its releases name. */
export async function openRun(
  work: Workplace,
  run: Awaited<ReturnType<RunTaking['runs']>>[number],
  concurrency: number,
): Promise<OpenRun> {
  const { id } = run;
  const { settings, prices } = unpackSettings(run.settings);
  const { store } = work;
  const own = { ...work, prices };
  const summary = await store.resolve(id, { now: work.clock.now() });
  const role = async (name: 'judge' | 'embedder') =>
    summary[name] === null ? null : wholeRelease(await store.releaseOf(id, name), 'called');
  const [suite, release] = [await store.suiteOf(id), wholeRelease(await store.releaseOf(id), 'called')];
  const [judge, embedder] = [await role('judge'), await role('embedder')];
  await (await openExaminers(own, { judge, embedder })).close();
  const provider = await providerOf(own, release);
  await store.join?.(id);
  return {
    ...{ id, work: own, provider },
    // The stored judge has its votes already.
    settings: { ...settings, judgeVotes: undefined, concurrency },
    assignment: { suite, release, judge, embedder },
  };
}

interface Held {
  readonly batch: TakenBatch;
  left: number;
  /** Trials that ended without their row, because the run or this worker stopped. */
  skipped: number;
}

/** Works until the queue of the run is empty, or it stops. True = there was a batch to take. */
export async function workOnRun(run: OpenRun, taking: RunTaking): Promise<boolean> {
  return new RunShare(run, taking).toItsEnd();
}

class RunShare {
  readonly #run: OpenRun;
  readonly #taking: RunTaking;
  readonly #gate: CallGate;
  readonly #examinerLimits: Pick<ExaminerOptions, 'limit' | 'outputsLimit' | 'pacedElsewhere'>;
  readonly #stopper = new AbortController();
  readonly #held = new Map<string, Held>();
  readonly #batchOf = new WeakMap<Job, Held>();
  readonly #ready: Job[] = [];
  /** Answers of earlier workers that are being graded. */
  readonly #grading = new Set<Promise<void>>();
  #more: () => void = () => {};
  #hungry: () => void = () => {};
  #ended = false;
  #finished = false;
  #stop: SharedStop | null = null;

  constructor(run: OpenRun, taking: RunTaking) {
    this.#run = run;
    this.#taking = taking;
    this.#gate = new CallGate(taking, run.id, (stop) => this.#stopWith(stop));
    this.#examinerLimits = {
      limit: new JudgeAdmission(this.#gate, 'judge'),
      outputsLimit: new JudgeAdmission(this.#gate, 'embedder'),
      pacedElsewhere: true,
    };
  }

  async toItsEnd(): Promise<boolean> {
    if (!(await this.#fetch())) return false;
    const feeding = this.#feed();
    feeding.catch(() => {});
    try {
      const { work, assignment, settings, provider, id: snapshotId } = this.#run;
      const arm = { name: 'candidate', assignment, provider, snapshotId, done: undefined };
      const signal = AbortSignal.any([work.signal, this.#stopper.signal]);
      const report = await runArms({ ...work, signal }, [arm], this.#jobs(), settings, {
        admission: this.#gate,
        examinerLimits: this.#examinerLimits,
        onFeed: (more) => {
          this.#more = more;
        },
        onTrial: async (job, trial, keep) => {
          if (trial.status !== 'skipped') await keep();
          await this.#left(job, trial.status === 'skipped');
        },
      });
      await Promise.all(this.#grading);
      this.#finished = true;
      await feeding;
      await this.#gate.close();
      await this.#taking.dropped(this.#run.id, report.droppedParams);
      if (report.fatal !== null && this.#stop === null) await this.#stopForAll(report.fatal);
      await this.#letGo();
    } catch (error) {
      this.#finished = true;
      this.#ended = true;
      await feeding.catch(() => {});
      await this.#failed(error);
    }
    return true;
  }

  /** Names this worker: the others may have other keys, or another network. */
  async #stopForAll(fatal: Failure): Promise<void> {
    const failure = { ...fatal, message: `worker ${this.#taking.worker}: ${fatal.message}` };
    await this.#taking.stop(this.#run.id, { by: 'fatal', failure: failure as never });
  }

  *#jobs(): Generator<Job | null, void, undefined> {
    for (;;) {
      const job = this.#ready.shift();
      if (!this.#hasEnough) this.#hungry();
      if (job !== undefined) yield job;
      else if (this.#ended) return;
      else yield null;
    }
  }

  /** Takes batches while the run goes on, and says that this process is alive. */
  async #feed(): Promise<void> {
    const { work, id } = this.#run;
    let beatMs = 0;
    try {
      while (!this.#finished) {
        if (Date.now() - beatMs >= BEAT_MS) {
          beatMs = Date.now();
          const stop = await this.#taking.beat(id, [...this.#held.keys()]);
          if (stop !== null) this.#stopWith(stop);
        }
        if (work.signal.aborted) this.#ended = true;
        const takes = !this.#ended && !this.#hasEnough;
        if (takes && !(await this.#fetch())) this.#ended = true;
        this.#more();
        if (!takes) await Promise.race([sleep(LOOK_MS), this.#hunger()]);
      }
    } catch (error) {
      this.#stopper.abort();
      this.#ended = true;
      this.#more();
      throw error;
    }
  }

  /** Trials wait here for all calls that end before the next batch is there. */
  get #hasEnough(): boolean {
    return this.#grading.size > 1 || this.#ready.length >= 2 * (this.#run.settings.concurrency ?? 8);
  }

  /** Resolves when trials run short. */
  #hunger(): Promise<void> {
    return new Promise((resolve) => {
      this.#hungry = resolve;
    });
  }

  #stopWith(stop: SharedStop): void {
    this.#stop ??= stop;
    this.#ended = true;
    this.#stopper.abort(new Error(stopWords(stop).message));
  }

  /** Takes the next batch; false = there is none. */
  async #fetch(): Promise<boolean> {
    const { id, assignment, provider } = this.#run;
    const [batch] = await this.#taking.take(id, 1);
    if (batch === undefined) return false;
    const held: Held = { batch, left: 0, skipped: 0 };
    this.#held.set(batch.job, held);
    const there = await this.#taking.there(id, batch);
    const ungraded: Case[] = [];
    const jobs: Job[] = [];
    for (const [i, c] of assignment.suite.cases.slice(batch.from, batch.to).entries()) {
      const state = there.get(batch.from + i);
      if (batch.trial >= c.trials || state === 'done') continue;
      if (state === 'ungraded') ungraded.push(c);
      else
        jobs.push({ arm: 'candidate', case: c, trial: batch.trial, release: assignment.release, provider });
    }
    held.left = jobs.length + Math.sign(ungraded.length);
    for (const job of jobs) this.#batchOf.set(job, held);
    if (held.left === 0) await this.#done(held);
    if (ungraded.length > 0) this.#gradeBeside(held, ungraded);
    this.#ready.push(...jobs);
    return true;
  }

  /** Beside the calls: a slow judge must not keep this process from saying that it is alive. */
  #gradeBeside(held: Held, ungraded: readonly Case[]): void {
    const grading = this.#gradeStored(ungraded, held.batch.trial).then(async () => {
      this.#grading.delete(grading);
      this.#hungry();
      await this.#oneLess(held, false);
    });
    // `toItsEnd` meets the error.
    grading.catch(() => this.#stopper.abort());
    this.#grading.add(grading);
  }

  /** Answers whose worker ended before they were graded: the call is not made again. */
  async #gradeStored(cases: readonly Case[], trial: number): Promise<void> {
    if (cases.length === 0) return;
    const { work, assignment, id } = this.#run;
    const examiners = await openExaminers(work, assignment, this.#examinerLimits);
    try {
      const record = new TrialRecord(work, id, { grader: examiners.grader, vectors: null });
      for (const c of cases)
        for await (const stored of work.store.trials(id, c.id))
          if (stored.trial.trial === trial && isPending(stored))
            await record.finish(c, stored, work.hardSignal);
    } finally {
      await examiners.close();
    }
  }

  async #left(job: Job, skipped: boolean): Promise<void> {
    const held = this.#batchOf.get(job);
    if (held !== undefined) await this.#oneLess(held, skipped);
  }

  async #oneLess(held: Held, skipped: boolean): Promise<void> {
    held.left--;
    if (skipped) held.skipped++;
    if (held.left === 0 && held.skipped === 0) await this.#done(held);
  }

  async #done({ batch }: Held): Promise<void> {
    await this.#taking.done(this.#run.id, batch.job);
    this.#held.delete(batch.job);
  }

  /** What is not done when this worker ends belongs to others; of a stopped run, to `run`, which says why it was skipped. */
  async #letGo(): Promise<void> {
    for (const { batch } of this.#held.values()) {
      if (this.#stop !== null) await this.#taking.done(this.#run.id, batch.job);
      else await this.#taking.giveBack(this.#run.id, batch);
    }
    this.#held.clear();
  }

  async #failed(error: unknown): Promise<void> {
    const { id } = this.#run;
    // The run was ended meanwhile: nothing of it is wanted any more.
    if ((await this.#taking.beat(id, []))?.by !== undefined) return this.#letGo().catch(() => {});
    const reason = error instanceof LastgoodError ? `${error.message} [${error.code}]` : String(error);
    for (const { batch } of this.#held.values()) await this.#taking.fail(id, batch.job, reason.slice(0, 500));
    this.#held.clear();
    this.#run.work.progress.warn({ code: 'BATCH_FAILED', message: `a batch of ${id} failed: ${reason}` });
  }
}
