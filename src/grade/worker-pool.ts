// A few worker threads that run one job each at a time and are killed at its deadline: nothing that runs here can hang or end the process.

import { Worker } from 'node:worker_threads';
import { childEnvironment } from '../base/child-environment.ts';
import type { JsonValue } from '../base/json.ts';
import { threadScript } from '../base/package-files.ts';

export type WorkerAnswer =
  | { readonly kind: 'value'; readonly value: JsonValue }
  /** The job threw, or returned what it must not. */
  | { readonly kind: 'error'; readonly message: string }
  /** The worker ended under the job: process.exit, out of memory, an uncaught error. */
  | { readonly kind: 'died'; readonly message: string }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'cancelled' };

export interface WorkerPool {
  /** Runs a job in a free worker. The deadline counts from when the worker takes it. Never rejects. */
  run(job: object, deadlineMs: number, signal: AbortSignal): Promise<WorkerAnswer>;
  /** Ends all workers; jobs under way are answered `cancelled`. */
  close(): Promise<void>;
}

interface Task {
  readonly job: object;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly answer: (answer: WorkerAnswer) => void;
  /** Sent once more to a fresh worker, because an earlier job may have killed the first one. */
  second: boolean;
}

interface Slot {
  worker: Worker | null;
  ready: boolean;
  jobsDone: number;
  /** Ends the current task; null = idle. */
  stop: ((answer: WorkerAnswer) => void) | null;
}

// Starting means loading one small file; a machine that needs longer is in trouble of another kind.
const START_DEADLINE_MS = 30_000;
const MEMORY_MB = 512;

/** At most `size` workers, started when first needed. */
export function createWorkerPool(size: number): WorkerPool {
  const waiting: Task[] = [];
  const slots: Slot[] = [];
  const dying = new Set<Promise<unknown>>();
  let closed = false;

  function pump(): void {
    while (waiting.length > 0) {
      let slot = slots.find((s) => s.stop === null);
      if (slot === undefined && slots.length < size) {
        slot = { worker: null, ready: false, jobsDone: 0, stop: null };
        slots.push(slot);
      }
      const task = slot === undefined ? undefined : waiting.shift();
      if (slot === undefined || task === undefined) return;
      if (task.signal.aborted) task.answer({ kind: 'cancelled' });
      else begin(slot, task);
    }
  }

  function begin(slot: Slot, task: Task): void {
    // A second try proves something only where no earlier job has been.
    if (task.second && slot.worker !== null && slot.jobsDone > 0) drop(slot, slot.worker);
    const worker = slot.worker ?? start(slot);
    let timer: NodeJS.Timeout;
    const onMessage = (message: { ready?: true } & WorkerAnswer): void => {
      if (message.ready === true) {
        slot.ready = true;
        hand();
      } else stop(message);
    };
    const onError = (error: unknown): void => stop({ kind: 'died', message: messageOf(error) });
    const onExit = (code: number): void =>
      stop({ kind: 'died', message: `the worker was ended with exit code ${code}` });
    const onAbort = (): void => stop({ kind: 'cancelled' });
    const hand = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => stop({ kind: 'deadline' }), task.deadlineMs);
      try {
        worker.postMessage(task.job);
      } catch (error) {
        stop({ kind: 'error', message: messageOf(error) });
      }
    };
    const stop = (answer: WorkerAnswer): void => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      task.signal.removeEventListener('abort', onAbort);
      slot.stop = null;
      const lives = answer.kind === 'value' || answer.kind === 'error';
      const ownFault = slot.jobsDone === 0 || task.second;
      if (lives) {
        slot.jobsDone++;
        worker.unref();
      } else drop(slot, worker);
      if (answer.kind === 'died' && !ownFault && !closed) waiting.unshift({ ...task, second: true });
      else task.answer(answer);
      pump();
    };
    slot.stop = stop;
    worker.ref();
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    task.signal.addEventListener('abort', onAbort, { once: true });
    timer = setTimeout(() => stop({ kind: 'died', message: 'the worker did not start' }), START_DEADLINE_MS);
    if (slot.ready) hand();
  }

  function start(slot: Slot): Worker {
    const worker = new Worker(threadScript('grade/grader-worker'), {
      execArgv: [],
      // Foreign code gets no key; a module that needs one is no grader but a service.
      env: childEnvironment((name) => process.env[name]),
      // Nothing of a worker reaches our own stdout; the worker silences itself, because reading the streams here would
      // keep the process alive.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    // Also while idle: a promise that a finished job left behind may reject.
    worker.on('error', () => forget(slot, worker));
    worker.on('exit', () => forget(slot, worker));
    slot.worker = worker;
    slot.ready = false;
    slot.jobsDone = 0;
    return worker;
  }

  function forget(slot: Slot, worker: Worker): void {
    if (slot.worker === worker && slot.stop === null) slot.worker = null;
  }

  function drop(slot: Slot, worker: Worker): void {
    if (slot.worker === worker) slot.worker = null;
    const end: Promise<unknown> = worker.terminate().finally(() => dying.delete(end));
    dying.add(end);
  }

  return {
    run: (job, deadlineMs, signal) =>
      new Promise((answer) => {
        if (closed || signal.aborted) return answer({ kind: 'cancelled' });
        waiting.push({ job, deadlineMs, signal, answer, second: false });
        pump();
      }),
    async close() {
      closed = true;
      for (const task of waiting.splice(0)) task.answer({ kind: 'cancelled' });
      for (const slot of slots) {
        slot.stop?.({ kind: 'cancelled' });
        if (slot.worker !== null) drop(slot, slot.worker);
      }
      await Promise.all(dying);
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
