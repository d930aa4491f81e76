// The server's side of its thread of rollouts: started by the first question, and again after it ended.

import { Worker } from 'node:worker_threads';
import { LastgoodError } from '../../base/index.ts';
import { threadScript } from '../../base/package-files.ts';
import { receivedError } from '../../base/sent-error.ts';
import type { SnapshotStore } from '../../core/index.ts';
import type { RolloutReport } from '../../core/rollout.ts';
import { noRollout, ROLLOUT_RECORD, type RolloutPlace } from './rollout-log.ts';
import type {
  RolloutQuestion,
  RolloutThreadReply,
  RolloutThreadRequest,
  RolloutThreadStart,
} from './thread-message.ts';

/** The newest rollout of each feature. The thread is only started where there is one. */
export async function newestRollouts(
  store: Pick<SnapshotStore, 'recordCount'>,
  thread: RolloutsThread,
  environment: string,
): Promise<readonly RolloutReport[]> {
  if ((await store.recordCount(ROLLOUT_RECORD)) === 0) return [];
  return thread.ask({ kind: 'list', environment });
}

/** The newest rollout of one feature. Throws `ROLLOUT_NONE`. */
export async function rolloutReportOf(
  store: Pick<SnapshotStore, 'recordCount'>,
  thread: RolloutsThread,
  place: RolloutPlace,
): Promise<RolloutReport> {
  const known = (await store.recordCount(ROLLOUT_RECORD)) > 0;
  const [report] = known ? await thread.ask({ kind: 'show', ...place }) : [];
  if (report === undefined) throw noRollout(place);
  return report;
}

interface Pending {
  readonly resolve: (reports: readonly RolloutReport[]) => void;
  readonly reject: (error: unknown) => void;
}

export class RolloutsThread {
  readonly #start: RolloutThreadStart;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #next = 1;

  constructor(start: RolloutThreadStart) {
    this.#start = start;
  }

  /** Rejects as the jobs of rollouts do, and with `ROLLOUT_THREAD` where the thread ended under the question. */
  async ask(question: RolloutQuestion): Promise<readonly RolloutReport[]> {
    this.#worker ??= this.#open();
    const no = this.#next++;
    this.#worker.postMessage({ no, question } satisfies RolloutThreadRequest);
    return new Promise((resolve, reject) => {
      this.#pending.set(no, { resolve, reject });
    });
  }

  /** Ends the thread after what it was asked to do. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    await new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
      worker.postMessage({ no: null } satisfies RolloutThreadRequest);
    });
  }

  #open(): Worker {
    // Options of a process are not allowed for a thread.
    const { NODE_OPTIONS: _, ...variables } = this.#start.variables;
    const env = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined));
    let worker: Worker;
    try {
      worker = new Worker(threadScript('jobs/rollout/rollout-thread'), {
        workerData: { ...this.#start, variables: env },
        ...{ execArgv: [], env, stdout: true, stderr: true },
      });
    } catch (error) {
      // Node's permission model refuses threads, and a machine may have none left.
      throw ended((error as Error).message);
    }
    worker.on('message', (reply: RolloutThreadReply) => {
      const pending = this.#pending.get(reply.no);
      this.#pending.delete(reply.no);
      if ('error' in reply) pending?.reject(receivedError(reply.error));
      else pending?.resolve(reply.reports);
    });
    worker.on('error', (error) => this.#ended(worker, (error as Error).message));
    worker.on('exit', (code) => this.#ended(worker, `exit code ${code}`));
    return worker;
  }

  #ended(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#pending.values()) reject(ended(why));
    this.#pending.clear();
  }
}

function ended(why: string): LastgoodError {
  return new LastgoodError({
    code: 'ROLLOUT_THREAD',
    message: `the thread that reads rollouts ended (${why}); whether the decision counts is not known`,
    hint: 'load the page again: it shows what the log has',
    exitCode: 4,
  });
}
