// Writing on another thread: hashing, deflating and inserting rows takes as long as the calls that bring them, and need not keep those waiting.

import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LastgoodError } from '../../base/errors.ts';
import { threadScript } from '../../base/package-files.ts';
import { receivedError } from '../../base/sent-error.ts';
import type { KeyedCase, UnpackedCase } from './case-rows.ts';
import type { ThreadReply, ThreadRequest, ThreadStart, ThreadTask } from './thread-message.ts';

/** Rows from which a thread pays for its start. */
const WORTHWHILE_ROWS = 400;
/** Room for new objects: much more only postpones the sweep. */
const YOUNG_MB = 16;
/**
 * A heap grows to that only when much survives a sweep, which here seldom does; it would be swept every few milliseconds. Both limits
 * together take a tenth off the processor time of a run of 10,000 cases, and leave its memory as it is (2 pairs).
 */
const LEAST_SEMI_SPACE_MB = 4;

/** Fewer tasks than this in its queue, and it can take over work of the ledger's side. */
const HUNGRY = 3;

interface Pending {
  readonly resolve: (ids: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes for one ledger, as soon as rows enough are in sight and it has started; until then its ledger writes itself. */
export class WritingThread {
  readonly #start: ThreadStart;
  readonly #fromRows: number;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #ready = false;
  #rows = 0;
  #next = 1;
  /** It ended, or was never able to start: its ledger goes on alone. */
  #over = false;
  #onStart: () => void = () => {};

  constructor(start: ThreadStart, fromRows = WORTHWHILE_ROWS) {
    this.#start = start;
    this.#fromRows = fromRows;
  }

  /** Says that so many rows will be written in all, as far as is known; from enough of them on the thread is started. */
  expect(rows: number): void {
    if (rows < this.#fromRows || this.#over || this.#worker !== null) return;
    try {
      this.#worker = this.#open();
    } catch {
      // Node's permission model refuses threads, and a machine may have none left.
      this.#over = true;
      this.#onStart();
    }
  }

  /** Starts it now; resolves when it works, or is known not to. */
  started(): Promise<void> {
    return new Promise((resolve) => {
      this.#onStart = resolve;
      this.expect(this.#fromRows);
    });
  }

  /**
   * Null where no thread is at work (yet), and nothing was written. Otherwise resolves when the task is durable: ids of case versions,
   * or nothing. Rejects with what the ledger says, or `LEDGER_THREAD` when the thread ended under the task.
   */
  run(task: ThreadTask): Promise<readonly number[]> | null {
    this.#rows += task.rows.length;
    this.expect(this.#rows);
    const worker = this.#worker;
    if (worker === null || !this.#ready) return null;
    const no = this.#next++;
    worker.ref();
    worker.postMessage({ kind: 'task', no, task } satisfies ThreadRequest);
    return new Promise((resolve, reject) => {
      this.#pending.set(no, { resolve, reject });
    });
  }

  /** Adds cases that it has packed already, or, as long as it would soon have nothing to do, packs itself; null = nothing was written. */
  add(cases: readonly KeyedCase[]): Promise<readonly number[]> | null {
    if (!this.#ready) return null;
    if (cases.every(({ text }) => text === undefined))
      return this.run({ kind: 'ahead', rows: cases.map(({ key }) => key) });
    if (this.#pending.size >= HUNGRY) return null;
    return this.run({
      kind: 'unpacked',
      rows: cases.map(({ key, text, kept }) => ({ key, text: text ?? JSON.stringify(kept) })),
    });
  }

  /** Packs cases that will likely be added; false where there is no thread. It may still be starting. */
  pack(cases: readonly UnpackedCase[]): boolean {
    this.#worker?.postMessage({ kind: 'pack', rows: cases } satisfies ThreadRequest);
    return this.#worker !== null;
  }

  /** Forgets what it packed. */
  unpack(): void {
    this.#worker?.postMessage({ kind: 'unpack' } satisfies ThreadRequest);
  }

  /** Ends the thread after what it was asked to do. */
  async close(): Promise<void> {
    this.#over = true;
    const worker = this.#worker;
    if (worker === null) return;
    await new Promise<void>((resolve) => {
      worker.ref();
      worker.once('exit', () => resolve());
      worker.postMessage({ kind: 'close' } satisfies ThreadRequest);
    });
  }

  #open(): Worker {
    const cache = getCompileCacheDir();
    // Heaps that are yet to be made; the module is loaded here because most commands never need it.
    process.getBuiltinModule('node:v8').setFlagsFromString(`--min-semi-space-size=${LEAST_SEMI_SPACE_MB}`);
    const worker = new Worker(threadScript('ledger/sqlite/ledger-thread'), {
      workerData: this.#start,
      execArgv: [],
      // It needs nothing of the environment, but without compiled modules its start takes twice as long.
      env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
      stdout: true,
      stderr: true,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.unref();
    worker.on('message', (reply: ThreadReply) => this.#heard(worker, reply));
    worker.on('error', (error) => this.#ended((error as Error).message));
    worker.on('exit', (code) => this.#ended(`exit code ${code}`));
    return worker;
  }

  #heard(worker: Worker, reply: ThreadReply): void {
    if (reply.kind === 'ready') {
      this.#ready = true;
      this.#onStart();
      return;
    }
    const pending = this.#pending.get(reply.no);
    this.#pending.delete(reply.no);
    if (reply.kind === 'done') pending?.resolve(reply.ids);
    else pending?.reject(receivedError(reply.error));
    // Once it is to end, that is waited for.
    if (this.#pending.size === 0 && !this.#over) worker.unref();
  }

  #ended(why: string): void {
    this.#worker = null;
    this.#ready = false;
    this.#over = true;
    this.#onStart();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending)
      reject(
        new LastgoodError({
          code: 'LEDGER_THREAD',
          message: `The thread that writes the ledger ended under its work (${why}); what it was writing is stored as a whole or not at all.`,
          hint: 'finish the run with `lastgood run … --resume ID`: only what is missing is run again',
          where: { file: this.#start.path },
          exitCode: 4,
        }),
      );
  }
}
