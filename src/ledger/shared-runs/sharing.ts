// Shares a run out: makes its queue, adds its batches, sees which workers died, and takes what no worker could finish.

import type { JsonObject } from '../../base/json.ts';
import type {
  BatchSetAside,
  BudgetReached,
  CallBudget,
  CallRole,
  NewSharedRun,
  RunSharing,
  SharedRunState,
  SharedStop,
  SpentBudget,
  TrialBatch,
} from '../../core/shared-run.ts';
import { aside, RunQueue } from './queue.ts';

/** Jobs per statement. */
const JOBS_PER_INSERT = 1000;
/** Heartbeats are checked so often: often enough for the 30 s of a worker that says nothing. */
const SUPERVISE_MS = 2000;

export async function openRunSharing(place: string): Promise<RunSharing> {
  return new Sharing(await RunQueue.open(place));
}

class Sharing implements RunSharing {
  readonly #queue: RunQueue;
  #supervisedMs = 0;

  constructor(queue: RunQueue) {
    this.#queue = queue;
  }

  async open(run: NewSharedRun): Promise<void> {
    await this.#queue.rows('DELETE FROM lq.run WHERE id = $1', [run.id]);
    await this.#queue.create(run.id);
    await this.#queue.rows('INSERT INTO lq.run (id, settings, per_second, at_once) VALUES ($1, $2, $3, $4)', [
      run.id,
      JSON.stringify(run.settings),
      run.callsPerSecond,
      run.callsAtOnce,
    ]);
    const { subject, judge } = run;
    for (const [role, { maxCalls, maxCostUsd, callBoundUsd }] of Object.entries({
      ...{ subject, judge, embedder: UNLIMITED },
    } satisfies Record<CallRole, CallBudget>))
      await this.#queue.rows(
        'INSERT INTO lq.budget (run, role, max_calls, max_usd, bound_usd) VALUES ($1, $2, $3, $4, $5)',
        [run.id, role, maxCalls, maxCostUsd, callBoundUsd],
      );
  }

  async add(runId: string, batches: readonly TrialBatch[]): Promise<void> {
    for (let from = 0; from < batches.length; from += JOBS_PER_INSERT)
      await this.#queue.boss.insert(
        runId,
        batches.slice(from, from + JOBS_PER_INSERT).map((data) => ({ data })),
      );
  }

  async start(runId: string): Promise<void> {
    await this.#queue.rows('UPDATE lq.run SET started = true WHERE id = $1', [runId]);
  }

  async stop(runId: string, { by, failure }: SharedStop): Promise<void> {
    await stopRun(this.#queue, runId, { by, failure });
  }

  async state(runId: string): Promise<SharedRunState> {
    const [row] = await this.#queue.rows<StateRow>(STATE, [runId]);
    if (row === undefined) throw new Error(`run ${runId} is not on the queue`);
    return {
      stop: stopOf(row.stop, row.failure),
      subject: spent(row.budgets.subject),
      judge: spent(row.budgets.judge),
      held: row.held,
      waiting: row.waiting,
      rows: row.rows,
      failed: row.failed,
      workers: row.workers,
      refusals: row.refusals,
      droppedParams: JSON.parse(row.dropped_params) as string[],
    };
  }

  async freeHeld(runId: string): Promise<void> {
    const dead = await this.#queue.rows<{ job: string; worker: string }>(
      'DELETE FROM lq.held WHERE run = $1 AND NOT lq.alive(worker) RETURNING job, worker',
      [runId],
    );
    for (const { job, worker } of dead)
      await this.#queue.boss.fail(runId, job, {
        message: `worker ${worker} ended while it had these trials`,
      });
    await this.#queue.rows('DELETE FROM lq.flight WHERE run = $1 AND NOT lq.alive(worker)', [runId]);
    // Workers that are alive and say nothing: their network, or their machine, stands still.
    if (Date.now() - this.#supervisedMs < SUPERVISE_MS) return;
    this.#supervisedMs = Date.now();
    await this.#queue.boss.supervise(runId);
  }

  async setAside(runId: string): Promise<readonly BatchSetAside[]> {
    const jobs = await this.#queue.boss.fetch<TrialBatch>(aside(runId), {
      batchSize: 100,
      includeMetadata: true,
    });
    return jobs.map(({ id, data, sourceOutput }) => ({
      ...{ trial: data.trial, from: data.from, to: data.to, job: id },
      reason: reasonOf(sourceOutput),
    }));
  }

  async settleAside(runId: string, job: string): Promise<void> {
    await this.#queue.boss.complete(aside(runId), job);
  }

  async end(runId: string): Promise<void> {
    await this.#queue.rows('DELETE FROM lq.run WHERE id = $1', [runId]);
    await this.#queue.remove(runId);
    await this.#queue.rows('DELETE FROM lq.worker WHERE NOT lq.alive(id)');
    // The next run may meet other limits.
    await this.#queue.rows('DELETE FROM lq.service WHERE NOT EXISTS (SELECT FROM lq.run)');
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}

const UNLIMITED: CallBudget = { maxCalls: null, maxCostUsd: null, callBoundUsd: null };

interface BudgetRow {
  readonly calls: number;
  readonly known_usd: number;
  readonly unpriced: number;
  readonly reached: BudgetReached | null;
  readonly refused: boolean;
}

function spent({ calls, known_usd, unpriced, reached, refused }: BudgetRow): SpentBudget {
  return { calls, knownCostUsd: known_usd, unpricedCalls: unpriced, reached, refused };
}

interface StateRow {
  readonly stop: SharedStop['by'] | null;
  readonly failure: string | null;
  readonly budgets: Readonly<Record<CallRole, BudgetRow>>;
  readonly dropped_params: string;
  readonly held: number;
  readonly waiting: number;
  readonly rows: number;
  readonly failed: number;
  readonly workers: number;
  readonly refusals: { readonly worker: string; readonly reason: string }[];
}

const STATE = `
  SELECT r.stop, r.failure, r.dropped_params,
    (SELECT json_object_agg(b.role, b) FROM lq.budget b WHERE b.run = r.id) AS budgets,
    (SELECT count(*) FROM lq.held h WHERE h.run = r.id) AS held,
    (SELECT count(*) FROM lq.job j WHERE j.name = r.id AND j.state < 'completed') AS waiting,
    t.rows, t.failed,
    (SELECT count(*) FROM lq.worker w WHERE lq.alive(w.id)) AS workers,
    coalesce((SELECT json_agg(json_build_object('worker', s.worker, 'reason', s.refusal) ORDER BY s.worker)
              FROM lq.share s WHERE s.run = r.id AND s.refusal IS NOT NULL), '[]'::json) AS refusals
  FROM lq.run r,
    (SELECT count(*) FILTER (WHERE NOT run_again) AS rows, count(*) FILTER (WHERE code IS NOT NULL AND NOT run_again) AS failed
     FROM lg.trial WHERE snapshot = (SELECT no FROM lg.snapshot WHERE id = $1)) t
  WHERE r.id = $1`;

export function stopOf(by: SharedStop['by'] | null, failure: string | null): SharedStop | null {
  return by === null ? null : { by, failure: failure === null ? null : (JSON.parse(failure) as JsonObject) };
}

export async function stopRun(queue: RunQueue, runId: string, { by, failure }: SharedStop): Promise<void> {
  await queue.rows('UPDATE lq.run SET stop = $2, failure = $3 WHERE id = $1 AND stop IS NULL', [
    runId,
    by,
    failure === null ? null : JSON.stringify(failure),
  ]);
}

function reasonOf(output: unknown): string {
  const { message } = (output ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : 'no worker reported that it had finished them';
}
