// A worker's side of shared runs: takes batches, is alive while its connection is, asks before it calls.

import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import type { JsonObject } from '../../base/json.ts';
import type {
  BudgetReached,
  CallGrant,
  CallRequest,
  RunTaking,
  ServiceLimit,
  SharedStop,
  TakenBatch,
  TrialBatch,
} from '../../core/shared-run.ts';
import { RunQueue } from './queue.ts';
import { stopOf, stopRun } from './sharing.ts';

const HOLD = `
  INSERT INTO lq.held (job, run, worker) SELECT j, $2, $3 FROM unnest($1::text[]) j
  WHERE EXISTS (SELECT FROM lq.run WHERE id = $2)
  ON CONFLICT (job) DO UPDATE SET worker = excluded.worker`;

const SEEN_MS = 900;
// Who stood still for long was taken for dead, and may have lost its row.
const SEEN = `INSERT INTO lq.worker (id, lock_key) VALUES ($1, $2)
  ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()`;

/** `host` names the machine in what `run` prints. */
export async function openRunTaking(place: string, host: string): Promise<RunTaking> {
  const queue = await RunQueue.open(place);
  try {
    const worker = `${host}-${randomBytes(3).toString('hex')}`;
    // The server lets go of the lock when this process, or its machine, is gone.
    const client = await queue.connection.apart();
    const key = queue.connection.lockKey(`worker ${worker}`);
    await client.query(`SELECT pg_advisory_lock(${key})`);
    const taking = new Taking(queue, worker, { client, key });
    await taking.seen();
    return taking;
  } catch (error) {
    await queue.close();
    throw error;
  }
}

class Taking implements RunTaking {
  readonly worker: string;
  readonly #queue: RunQueue;
  readonly #lock: { readonly client: Client; readonly key: string };
  #seenMs = 0;

  constructor(queue: RunQueue, worker: string, lock: { readonly client: Client; readonly key: string }) {
    this.#queue = queue;
    this.worker = worker;
    this.#lock = lock;
  }

  /** Says that this process is alive, once a second at most. */
  async seen(): Promise<void> {
    if (Date.now() - this.#seenMs < SEEN_MS) return;
    this.#seenMs = Date.now();
    await this.#queue.rows(SEEN, [this.worker, this.#lock.key]);
  }

  async runs(): Promise<readonly { readonly id: string; readonly settings: JsonObject }[]> {
    await this.seen();
    const rows = await this.#queue.rows<{ id: string; settings: string }>(
      'SELECT id, settings FROM lq.run WHERE started AND stop IS NULL ORDER BY at, id',
    );
    return rows.map(({ id, settings }) => ({ id, settings: JSON.parse(settings) as JsonObject }));
  }

  async take(runId: string, most: number): Promise<readonly TakenBatch[]> {
    // In one transaction: a batch that is taken and not known as held would have to wait for its heartbeat.
    const jobs = await this.#queue.connection
      .bare(async (queries) => {
        const db = {
          executeSql: async (text: string, values?: unknown[]) => ({
            rows: await queries.rows(text, values),
          }),
        };
        const taken = await this.#queue.boss.fetch<TrialBatch>(runId, {
          ...{ batchSize: most, includeMetadata: true as const, db },
        });
        if (taken.length > 0)
          await queries.rows(this.#queue.sql(HOLD), [taken.map(({ id }) => id), runId, this.worker]);
        return taken;
      })
      .catch(async (error: unknown) => {
        // The run may have ended since it was listed.
        if ((await this.#queue.boss.getQueue(runId)) === null) return [];
        throw error;
      });
    return jobs.map(({ id, data, retryCount }) => ({
      ...{ trial: data.trial, from: data.from, to: data.to },
      ...{ job: id, retries: retryCount },
    }));
  }

  async done(runId: string, job: string): Promise<void> {
    await this.#queue.boss.complete(runId, job);
    await this.#letGo(job);
  }

  async giveBack(runId: string, { job, trial, from, to }: TakenBatch): Promise<void> {
    await this.#queue.boss.insert(runId, [{ data: { trial, from, to } }]);
    await this.done(runId, job);
  }

  async fail(runId: string, job: string, reason: string): Promise<void> {
    await this.#queue.boss.fail(runId, job, { message: reason });
    await this.#letGo(job);
  }

  async #letGo(job: string): Promise<void> {
    await this.#queue.rows('DELETE FROM lq.held WHERE job = $1 AND worker = $2', [job, this.worker]);
  }

  async beat(runId: string, jobs: readonly string[]): Promise<SharedStop | null> {
    await this.seen();
    if (jobs.length > 0) await this.#queue.boss.touch(runId, [...jobs]);
    const [row] = await this.#queue.rows<{ stop: SharedStop['by'] | null; failure: string | null }>(
      'SELECT stop, failure FROM lq.run WHERE id = $1',
      [runId],
    );
    return row === undefined ? { by: 'cancelled', failure: null } : stopOf(row.stop, row.failure);
  }

  async refuse(runId: string, reason: string): Promise<void> {
    await this.#queue.rows(
      `INSERT INTO lq.share (run, worker, refusal) SELECT id, $2, $3 FROM lq.run WHERE id = $1
       ON CONFLICT (run, worker) DO UPDATE SET refusal = excluded.refusal`,
      [runId, this.worker, reason],
    );
  }

  async dropped(runId: string, params: readonly string[]): Promise<void> {
    if (params.length === 0) return;
    await this.#queue.rows(
      `UPDATE lq.run SET dropped_params = (SELECT json_agg(DISTINCT p)::text FROM (
         SELECT json_array_elements_text(dropped_params::json) AS p UNION SELECT unnest($2::text[])) a) WHERE id = $1`,
      [runId, params],
    );
  }

  stop(runId: string, stop: SharedStop): Promise<void> {
    return stopRun(this.#queue, runId, stop);
  }

  async admit(request: CallRequest): Promise<CallGrant> {
    const { run, role, service, wanted, ended, spentUsd, releasedUsd, dearestUsd } = request;
    const { unpriced, blind, unused, window, started, refused } = request;
    const [row] = await this.#queue.rows<GrantRow>(
      'SELECT * FROM lq.admit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)',
      [
        ...[run, this.worker, role, service, wanted, ended, spentUsd, releasedUsd, dearestUsd],
        ...[unpriced, blind, unused, window, started, refused],
      ],
    );
    if (row === undefined) throw new Error('the limits of the run gave no row');
    return {
      granted: row.granted,
      reservedUsd: row.reserved,
      delayMs: row.delay_ms,
      gapMs: row.gap_ms,
      waitMs: row.wait_ms,
      window: row.window_no,
      stop: stopOf(row.stopped, row.failed),
      reached: row.limit_reached,
    };
  }

  async limited({ service, perSecond, pauseMs }: ServiceLimit): Promise<void> {
    await this.#queue.rows(
      `UPDATE lq.service SET per_second = CASE WHEN $4 THEN NULL ELSE coalesce($2, per_second) END,
         next_at = greatest(next_at, CASE WHEN $3::float8 > 0 THEN clock_timestamp() + $3::float8 * interval '1 millisecond' END)
       WHERE name = $1`,
      [service, perSecond === 'none' ? null : perSecond, pauseMs, perSecond === 'none'],
    );
  }

  async there(
    runId: string,
    { trial, from, to }: TrialBatch,
  ): Promise<ReadonlyMap<number, 'done' | 'ungraded'>> {
    const rows = await this.#queue.rows<{ case_no: number; open: boolean }>(
      `SELECT case_no, outcome = 1 AND ungraded IS NOT NULL AS open FROM lg.trial
       WHERE snapshot = (SELECT no FROM lg.snapshot WHERE id = $1) AND trial = $2 AND case_no >= $3 AND case_no < $4
         AND NOT run_again`,
      [runId, trial, from, to],
    );
    return new Map(rows.map(({ case_no, open }) => [case_no, open ? 'ungraded' : 'done']));
  }

  async close(): Promise<void> {
    await this.#queue.rows('DELETE FROM lq.worker WHERE id = $1', [this.worker]).catch(() => {});
    await this.#lock.client.end().catch(() => {});
    await this.#queue.close();
  }
}

interface GrantRow {
  readonly granted: number;
  readonly reserved: number;
  readonly delay_ms: number;
  readonly gap_ms: number;
  readonly wait_ms: number;
  readonly window_no: number;
  readonly stopped: SharedStop['by'] | null;
  readonly failed: string | null;
  readonly limit_reached: BudgetReached | null;
}
