// The worker command: takes batches of any shared run of the ledger, oldest run first, until it is stopped.

import { setTimeout as sleep } from 'node:timers/promises';
import { LastgoodError } from '../../base/errors.ts';
import type { RunTaking } from '../../core/shared-run.ts';
import { type OpenRun, openRun, workOnRun } from '../../engine/distributed/work-run.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

export { openTaking } from '../../engine/distributed/open-queue.ts';

const IDLE_MS = 300;

export interface WorkerInput {
  readonly taking: RunTaking;
  readonly concurrency: number;
  /** End when no run has a batch to take. */
  readonly once: boolean;
}

export interface WorkerResult {
  /** Runs that this worker took batches of. */
  readonly runs: readonly string[];
  readonly refused: readonly { readonly run: string; readonly reason: string }[];
}

export async function runWorker(work: Workplace, input: WorkerInput): Promise<WorkerResult> {
  const { taking, once } = input;
  const known = new Map<string, OpenRun | null>();
  const runs = new Set<string>();
  const refused: { run: string; reason: string }[] = [];
  try {
    while (!work.signal.aborted) {
      const open = await taking.runs();
      await forget(known, new Set(open.map(({ id }) => id)));
      let took = false;
      for (const listed of open) {
        if (work.signal.aborted) break;
        if (!known.has(listed.id)) known.set(listed.id, await openOrRefuse(work, listed, input, refused));
        const run = known.get(listed.id);
        if (run === null || run === undefined || !(await workOnRun(run, taking))) continue;
        runs.add(listed.id);
        took = true;
        break;
      }
      if (took) continue;
      if (once) break;
      await sleep(IDLE_MS, undefined, { signal: work.signal }).catch(() => {});
    }
  } finally {
    await forget(known, new Set());
  }
  return { runs: [...runs], refused };
}

/** Runs that have ended: their providers are closed. */
async function forget(known: Map<string, OpenRun | null>, open: ReadonlySet<string>): Promise<void> {
  for (const [id, run] of known) {
    if (open.has(id)) continue;
    await run?.provider.close?.();
    known.delete(id);
  }
}

/** A run that this machine cannot work on is left to others, and its `run` shows why. */
async function openOrRefuse(
  work: Workplace,
  listed: Awaited<ReturnType<RunTaking['runs']>>[number],
  { taking, concurrency }: WorkerInput,
  refused: { run: string; reason: string }[],
): Promise<OpenRun | null> {
  try {
    return await openRun(work, listed, concurrency);
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    const reason = `${error.message} [${error.code}]`;
    refused.push({ run: listed.id, reason });
    work.progress.warn({
      code: 'WORKER_REFUSED',
      message: `${listed.id} is left to other workers: ${reason}`,
    });
    await taking.refuse(listed.id, reason);
    return null;
  }
}
