// A run whose trials workers make: opens the snapshot, shares the trials out, watches until each has its row, and closes it.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Case,
  costOf,
  newSnapshotId,
  type Provider,
  type Release,
  type Trial,
} from '../../core/index.ts';
import type { RunSharing, SharedRunState, SharedStop, TrialBatch } from '../../core/shared-run.ts';
import type { Assignment } from '../arms/assignment.ts';
import { dearestCall } from '../arms/call-prices.ts';
import { closeArm } from '../arms/close-arm.ts';
import {
  type ArmsReport,
  knownKeys,
  openSnapshot,
  plannedAssignment,
  plannedTrials,
  type RunResult,
  type RunSettings,
  refuse,
} from '../arms/run-suite.ts';
import { NOTHING_RUN } from '../arms/spending.ts';
import { storedAssignment } from '../arms/stored-assignment.ts';
import { TrialRecord } from '../arms/trial-record.ts';
import { openExaminers } from '../examiners/judge-examiners.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { checkBound, checkShareable } from './shareable.ts';
import { packSettings } from './shared-settings.ts';
import { failureOf, stopWords } from './stop-words.ts';

const POLL_MS = 300;
/** Trials of a batch at most: what a worker that dies leaves to others. */
const LARGEST_BATCH = 50;
const BATCHES = 400;
/** Rounds in which nothing waits and nothing is held, while trials are missing, before they are shared out again. */
const ROUNDS_LOST = 10;

export interface DistributedSettings {
  readonly sharing: RunSharing;
  /** Calls a second to each service, over all workers. */
  readonly callsPerSecond?: number | undefined;
  /** Calls in flight to each service, over all workers. */
  readonly callsAtOnce?: number | undefined;
}

interface Shared {
  readonly id: string;
  readonly assignment: Assignment;
  readonly total: number;
  readonly settings: RunSettings;
}

export async function runDistributed(
  work: Workplace,
  assignment: Assignment,
  given: RunSettings,
  how: DistributedSettings,
): Promise<RunResult> {
  const settings = { ...given, keysElsewhere: true };
  const planned = plannedAssignment(assignment, settings);
  checkShareable(work, planned);
  refuse(work, planned, settings);
  checkBound(settings, await boundOf(work, planned, settings));
  const id = newSnapshotId(work.rng);
  await openSnapshot(work, planned, id, settings);
  return share(work, shared(id, planned, settings), how);
}

/** Finishes an interrupted snapshot, also one whose `run` was killed. */
export async function resumeDistributed(
  work: Workplace,
  id: string,
  given: RunSettings,
  how: DistributedSettings,
): Promise<RunResult> {
  const settings = { ...given, keysElsewhere: true };
  const { assignment } = await storedAssignment(work, id, settings);
  checkShareable(work, assignment);
  refuse(work, assignment, settings);
  checkBound(settings, await boundOf(work, assignment, settings));
  await work.store.reopen(id);
  return share(work, shared(id, assignment, settings), how);
}

function shared(id: string, assignment: Assignment, settings: RunSettings): Shared {
  return { id, assignment, settings, total: plannedTrials(assignment.suite) };
}

/** What is set aside for a call; null = unknown. Also learns the keys that this machine has, so that they are masked. */
async function boundOf(
  work: Workplace,
  assignment: Assignment,
  settings: RunSettings,
): Promise<number | null> {
  await (await knownKeys(work, assignment.release))?.close?.();
  if (settings.maxCostUsd === undefined) return 0;
  const provider = nobody(assignment.release);
  return (
    dearestCall([{ assignment, provider }], (model, usage) => costOf(work.prices, model, usage, null)) ?? null
  );
}

async function share(work: Workplace, run: Shared, how: DistributedSettings): Promise<RunResult> {
  const { sharing, callsPerSecond = null, callsAtOnce = null } = how;
  const { id, assignment, settings } = run;
  await sharing.open({
    id,
    settings: packSettings(settings, work.prices),
    subject: {
      maxCalls: settings.maxCalls ?? null,
      maxCostUsd: settings.maxCostUsd ?? null,
      callBoundUsd: await boundOf(work, assignment, settings),
    },
    judge: {
      maxCalls: settings.judgeLimit?.maxCalls ?? null,
      maxCostUsd: settings.judgeLimit?.maxCostUsd ?? null,
      callBoundUsd: null,
    },
    callsPerSecond,
    callsAtOnce,
  });
  await sharing.add(id, batchesOf(run));
  await sharing.start(id);
  const record = await openRecord(work, id);
  try {
    const state = await new Watch(work, run, sharing, record.record).untilDone();
    await sharing.end(id);
    if (state.stop !== null) await skipRest(work, run, record.record, state.stop);
    if (state.judge.reached !== null) settings.judgeLimit?.reachedBy(state.judge.reached);
    const report = reportOf(state);
    const summary = await closeArm(work, { name: 'candidate', assignment, snapshotId: id }, report, settings);
    return { summary, report };
  } finally {
    await record.close();
  }
}

/** Trial by trial over all cases, so that a run cut short has still seen every case. */
export function batchesOf({ assignment, total }: Pick<Shared, 'assignment' | 'total'>): TrialBatch[] {
  const { cases } = assignment.suite;
  const size = Math.min(LARGEST_BATCH, Math.max(1, Math.ceil(total / BATCHES)));
  const most = cases.reduce((n, c) => Math.max(n, c.trials), 0);
  const batches: TrialBatch[] = [];
  for (let trial = 0; trial < most; trial++)
    for (let from = 0; from < cases.length; from += size)
      batches.push({ trial, from, to: Math.min(cases.length, from + size) });
  return batches;
}

/** Writes what was never called: failed and skipped trials need no judge. */
async function openRecord(
  work: Workplace,
  id: string,
): Promise<{ readonly record: TrialRecord; close(): Promise<void> }> {
  await work.store.join?.(id);
  const examiners = await openExaminers(work, { judge: null, embedder: null });
  const record = new TrialRecord(work, id, { grader: examiners.grader, vectors: null });
  return { record, close: () => examiners.close() };
}

class Watch {
  readonly #work: Workplace;
  readonly #run: Shared;
  readonly #sharing: RunSharing;
  readonly #record: TrialRecord;
  readonly #warned = new Set<string>();
  readonly #deadline: number;
  #lost = 0;
  #cancelled = false;

  constructor(work: Workplace, run: Shared, sharing: RunSharing, record: TrialRecord) {
    this.#work = work;
    this.#run = run;
    this.#sharing = sharing;
    this.#record = record;
    this.#deadline = this.#now() + (run.settings.deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  async untilDone(): Promise<SharedRunState> {
    const { id, total } = this.#run;
    for (;;) {
      await this.#stopWhereAsked();
      await this.#sharing.freeHeld(id);
      await this.#settleAside();
      const askedMs = performance.now();
      const state = await this.#sharing.state(id);
      const tookMs = performance.now() - askedMs;
      this.#show(state);
      const idle = state.held === 0;
      if (state.stop !== null && (idle || this.#work.hardSignal.aborted)) return state;
      if (idle && state.waiting === 0) {
        if (state.rows >= total) return state;
        // A batch that the queue lost: its trials are shared out again.
        if (++this.#lost > ROUNDS_LOST) {
          this.#lost = 0;
          await this.#sharing.add(id, batchesOf(this.#run));
        }
      } else this.#lost = 0;
      // Counting the rows of a large run takes its time: no more than a tenth of it.
      await sleep(Math.max(POLL_MS, 10 * tookMs));
    }
  }

  async #stopWhereAsked(): Promise<void> {
    const by = this.#work.signal.aborted ? 'cancelled' : this.#now() >= this.#deadline ? 'deadline' : null;
    if (by === null || this.#cancelled) return;
    this.#cancelled = true;
    await this.#sharing.stop(this.#run.id, { by, failure: null });
  }

  /** Trials that no worker could finish are tried one by one; those that fail alone are failed trials with their reason. */
  async #settleAside(): Promise<void> {
    const { id, assignment } = this.#run;
    const { cases } = assignment.suite;
    for (const { job, reason, trial, from, to } of await this.#sharing.setAside(id)) {
      if (to - from > 1) {
        const alone: TrialBatch[] = [];
        for (let n = from; n < to; n++) alone.push({ trial, from: n, to: n + 1 });
        await this.#sharing.add(id, alone);
      } else {
        const c = cases.at(from);
        const there = (await this.#work.store.doneTrials(id)).get(c?.id ?? '')?.has(trial);
        if (c !== undefined && there !== true && trial < c.trials) {
          this.#warn('TRIAL_SET_ASIDE', `trial ${trial} of case "${c.id}" was set aside: ${reason}`, c.id);
          await this.#record.take(c, setAside(c, trial, reason), this.#work.hardSignal);
        }
      }
      await this.#sharing.settleAside(id, job);
    }
  }

  #show({ rows, failed, subject, judge, workers, refusals, held }: SharedRunState): void {
    for (const { worker, reason } of refusals)
      this.#warn('WORKER_REFUSED', `worker ${worker} does not work on this run: ${reason}`, worker);
    const waits = workers === 0 ? 'no worker yet: start `lastgood worker` with the same --db' : undefined;
    const judged = judge.calls === 0 ? '' : `, ${judge.calls} judge calls`;
    const of = `${workers} ${workers === 1 ? 'worker' : 'workers'}, ${subject.calls} calls${judged}, ${held} batches in work`;
    this.#work.progress.step({
      label: 'trials',
      done: rows,
      total: this.#run.total,
      failed,
      costUsd: subject.knownCostUsd + judge.knownCostUsd,
      costPartial: subject.unpricedCalls + judge.unpricedCalls > 0,
      note: waits ?? of,
    });
    if (waits !== undefined) this.#warn('WORKERS_MISSING', waits, 'workers');
  }

  #warn(
    code: 'TRIAL_SET_ASIDE' | 'WORKER_REFUSED' | 'WORKERS_MISSING',
    message: string,
    about: string,
  ): void {
    const key = `${code} ${about}`;
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.#work.progress.warn({ code, message });
  }

  #now(): number {
    return this.#work.clock.now().getTime();
  }
}

function setAside(c: Case, trial: number, reason: string): Trial {
  return {
    ...{ caseId: c.id, trial, attempts: [], sent: null },
    status: 'failed',
    cause: 'infra_error',
    code: 'set_aside',
    message: `no worker could finish it: ${reason}`,
  };
}

async function skipRest(work: Workplace, run: Shared, record: TrialRecord, stop: SharedStop): Promise<void> {
  const done = await work.store.doneTrials(run.id);
  const { cause, message } = stopWords(stop);
  let some: Promise<void>[] = [];
  for (const c of run.assignment.suite.cases)
    for (let trial = 0; trial < c.trials; trial++) {
      if (done.get(c.id)?.has(trial) === true) continue;
      const base = { caseId: c.id, trial, attempts: [], sent: null };
      some.push(record.take(c, { ...base, status: 'skipped', cause, message }, work.hardSignal));
      if (some.length < 1000) continue;
      await Promise.all(some);
      some = [];
    }
  await Promise.all(some);
}

function reportOf({ stop, subject, judge, droppedParams }: SharedRunState): ArmsReport {
  const { calls, knownCostUsd, unpricedCalls } = subject;
  return {
    ...NOTHING_RUN,
    calls,
    knownCostUsd,
    costUsd: unpricedCalls > 0 ? null : knownCostUsd,
    droppedParams,
    stoppedBy: stop?.by ?? (judge.refused ? 'judge-limit' : null),
    fatal: stop === null ? null : failureOf(stop),
  };
}

/** Stands where a provider is named and none is called. */
function nobody(release: Release): Provider {
  return {
    name: String(release.layers.route.provider),
    call: () => {
      throw new Error('workers call, not the process that shares the run out');
    },
  };
}
