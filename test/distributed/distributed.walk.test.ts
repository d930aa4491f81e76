// Distributed runs: a real PostgreSQL server, `run` and `worker` as processes, workers killed.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRunTaking } from '../../src/ledger/shared-runs/taking.ts';
import { json, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { noPostgres, type PostgresServer, startPostgres } from '../ledger/postgres-server.ts';
import { countingService, type ServiceOptions } from './service.ts';
import { type Process, project, start, trialRows, until } from './world.ts';

const KEY = { DESK_KEY: 'sk-test-1234567890' };
const RUN = ['run', 'suite.yaml', '--release', 'releases/today.yaml', '--distributed', '--json'];

interface Snapshot {
  readonly id: string;
  readonly [key: string]: unknown;
}

const snapshotOf = (run: Process): Snapshot =>
  (JSON.parse(run.said().out) as { snapshot: Snapshot }).snapshot;

describe.skipIf(noPostgres !== null)('a distributed run', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** A project in a folder, its service, and how its processes are started; all of them are ended with it. */
  async function world(
    cases: number,
    options: ServiceOptions & { readonly trials?: number; readonly judged?: boolean } = {},
  ) {
    const dir = await temporaryFolder();
    const service = await countingService(options);
    const { trials = 1, judged = false } = options;
    await project(dir.path, { cases, url: service.url, trials, judged });
    const LASTGOOD_DB = server.fresh();
    const processes: Process[] = [];
    const begin = (args: readonly string[], env: Readonly<Record<string, string>> = KEY): Process => {
      const one = start(dir.path, args, { LASTGOOD_DB, ...env });
      processes.push(one);
      return one;
    };
    return {
      ...{ service, begin, LASTGOOD_DB, folder: dir.path },
      async [Symbol.asyncDispose]() {
        service.release();
        for (const { child, ended } of processes) {
          child.kill('SIGKILL');
          await ended;
        }
        await service.close();
        await dir[Symbol.asyncDispose]();
      },
    };
  }

  it('is made by a worker without its files, each trial one row; `run` needs no key', async () => {
    await using desk = await world(40, { trials: 2 });
    const run = desk.begin(RUN, {});
    await until(() => run.said().err.includes('WORKERS_MISSING'));
    await rm(join(desk.folder, 'suite.yaml'));
    await rm(join(desk.folder, 'releases'), { recursive: true });
    // Without the key it takes nothing, and `run` says so.
    const poor = desk.begin(['worker', '--once'], {});
    expect(await poor.ended).toBe(2);
    expect(poor.said().err).toContain('DESK_KEY');
    await until(() => /WORKER_REFUSED/.test(run.said().err));
    expect(run.said().err).toContain('DESK_KEY');
    const worker = desk.begin(['worker', '--once']);
    expect(await worker.ended).toBe(0);
    expect(await run.ended).toBe(0);
    expect(snapshotOf(run)).toMatchObject({
      plannedTrials: 80,
      answered: 80,
      validity: 'valid',
      state: 'finished',
    });
    expect(await trialRows(desk.LASTGOOD_DB)).toEqual({ rows: 80, distinct: 80, answered: 80 });
    expect(desk.service.calls).toHaveLength(80);
  });

  it('goes on when a worker is killed: others take its trials, and only calls in flight are made again', async () => {
    await using desk = await world(60, { holdAfter: 20 });
    const run = desk.begin(RUN);
    const first = desk.begin(['worker', '--concurrency', '4']);
    await until(() => desk.service.calls.length >= 24);
    first.child.kill('SIGKILL');
    await first.ended;
    desk.service.release();
    desk.begin(['worker', '--concurrency', '4']);
    expect(await run.ended).toBe(0);
    expect(await trialRows(desk.LASTGOOD_DB)).toEqual({ rows: 60, distinct: 60, answered: 60 });
    // Four were in flight, and some answers may not have been written.
    const again = [...desk.service.asked.values()].filter((n) => n > 1).length;
    expect(again).toBeGreaterThanOrEqual(4);
    expect(again).toBeLessThanOrEqual(12);
  });

  it('keeps --max-calls over all workers, and is finished by --resume', async () => {
    await using desk = await world(40);
    const run = desk.begin([...RUN, '--max-calls', '25']);
    for (let n = 0; n < 2; n++) desk.begin(['worker']);
    expect(await run.ended).toBe(3);
    expect(desk.service.calls).toHaveLength(25);
    const { id, ...cut } = snapshotOf(run);
    expect(cut).toMatchObject({ answered: 25, skipped: 15, state: 'interrupted' });
    const again = desk.begin(['run', '--resume', id, '--distributed', '--json']);
    expect(await again.ended).toBe(0);
    expect(snapshotOf(again)).toMatchObject({ id, answered: 40, skipped: 0, state: 'finished' });
    expect(desk.service.calls).toHaveLength(40);
  });

  it('judges by all workers within one budget, and judges the rest later without asking the release', async () => {
    await using desk = await world(30, { judged: true, latencyMs: 20 });
    const run = desk.begin([...RUN, '--max-judge-calls', '20', '--concurrency', '3']);
    for (let n = 0; n < 2; n++) desk.begin(['worker']);
    expect(await run.ended).toBe(3);
    const { calls, judge, atOnce } = desk.service;
    expect([calls.length, judge.calls.length]).toEqual([30, 20]);
    // Three to each service, over both workers.
    for (const most of atOnce.values()) expect(most).toBeLessThanOrEqual(3);
    const { id, ...cut } = snapshotOf(run);
    expect(cut).toMatchObject({ answered: 30, ungraded: 10, state: 'interrupted' });
    expect(JSON.stringify(cut)).toContain('the limit of 20 judge calls is reached (--max-judge-calls)');
    const again = desk.begin(['run', '--resume', id, '--distributed', '--json']);
    expect(await again.ended).toBe(0);
    expect(snapshotOf(again)).toMatchObject({ id, ungraded: 0, passRate: 1, state: 'finished' });
    expect([calls.length, judge.calls.length]).toEqual([30, 30]);
  });

  it('takes over from a worker that stands still, and keeps one row where that goes on later', async () => {
    await using desk = await world(24, { holdAfter: 8 });
    const run = desk.begin(RUN);
    const still = desk.begin(['worker', '--concurrency', '4']);
    await until(() => desk.service.calls.length >= 12);
    still.child.kill('SIGSTOP');
    desk.service.release();
    desk.begin(['worker', '--concurrency', '4']);
    // Nothing is heard of it for 30 s: its four calls are made again by the other.
    await until(() => [...desk.service.asked.values()].filter((n) => n > 1).length >= 4, 90_000);
    still.child.kill('SIGCONT');
    expect(await run.ended).toBe(0);
    expect(await trialRows(desk.LASTGOOD_DB)).toEqual({ rows: 24, distinct: 24, answered: 24 });
    expect(snapshotOf(run)).toMatchObject({ answered: 24, state: 'finished' });
  });

  it('keeps --max-cost over all workers, with room for what is in flight', async () => {
    await using desk = await world(40);
    const prices = 'as-of: 2026-11-01\nmodels:\n  gpt-4.1-2025-04-14: { input: 0, output: 1000 }\n';
    await writeFile(join(desk.folder, 'prices.yaml'), prices);
    // 10 of at most 20 tokens: a cent a call, and two are kept in hand for each.
    const run = desk.begin([...RUN, '--max-cost', '0.20', '--prices', 'prices.yaml']);
    for (let n = 0; n < 2; n++) desk.begin(['worker']);
    expect(await run.ended).toBe(3);
    expect(desk.service.calls).toHaveLength(19);
    expect(snapshotOf(run)).toMatchObject({ answered: 19, skipped: 21, costUsd: expect.closeTo(0.19) });
  });

  it('is cancelled by Ctrl-C in `run`, and a killed `run` is resumed', async () => {
    await using desk = await world(60, { holdAfter: 10 });
    const run = desk.begin(RUN);
    const worker = desk.begin(['worker', '--concurrency', '4']);
    await until(() => desk.service.calls.length >= 14);
    run.child.kill('SIGKILL');
    await run.ended;
    const [{ id } = { id: '' }] = json<{ snapshots: Snapshot[] }>(
      await lastgoodHere(['list', '--json'], { cwd: desk.folder, env: { LASTGOOD_DB: desk.LASTGOOD_DB } }),
    ).snapshots;
    const second = desk.begin(['run', '--resume', id, '--distributed', '--json']);
    await until(
      () =>
        second.said().err.includes('trials ') ||
        second.child.exitCode !== null ||
        desk.service.calls.length > 14,
    );
    second.child.kill('SIGINT');
    desk.service.release();
    expect(await second.ended).toBe(130);
    const cut = snapshotOf(second);
    expect(cut).toMatchObject({ id, state: 'interrupted', trials: 60 });
    expect(worker.child.exitCode).toBeNull();
    const third = desk.begin(['run', '--resume', id, '--distributed', '--json']);
    expect(await third.ended).toBe(0);
    expect(snapshotOf(third)).toMatchObject({ id, answered: 60, state: 'finished' });
    expect(await trialRows(desk.LASTGOOD_DB)).toEqual({ rows: 60, distinct: 60, answered: 60 });
  });

  it('sets trials aside that no worker can finish, with the reason', async () => {
    await using desk = await world(2);
    const run = desk.begin(RUN);
    await until(() => run.said().err.includes('WORKERS_MISSING'));
    const taking = await openRunTaking(desk.LASTGOOD_DB, 'broken');
    try {
      await until(async () => {
        for (const { id } of await taking.runs())
          for (const { job } of await taking.take(id, 5)) await taking.fail(id, job, 'its disk is full');
        return run.child.exitCode !== null;
      });
    } finally {
      await taking.close();
    }
    expect(await run.ended).toBe(3);
    expect(snapshotOf(run)).toMatchObject({ failed: 2, answered: 0, validity: 'invalid' });
    expect(run.said().err).toContain('its disk is full [TRIAL_SET_ASIDE]');
    expect(desk.service.calls).toHaveLength(0);
  });

  it('is paced over all workers', async () => {
    await using desk = await world(120);
    const run = desk.begin([...RUN, '--calls-per-second', '40']);
    for (let n = 0; n < 2; n++) desk.begin(['worker']);
    expect(await run.ended).toBe(0);
    const { calls } = desk.service;
    expect(calls).toHaveLength(120);
    // 119 gaps of 25 ms. Only too fast is wrong: a busy machine may be slower.
    expect((calls.at(-1) as number) - (calls[0] as number)).toBeGreaterThan(119 * 25 * 0.95);
  });

  it('is refused before anything is stored where it needs this machine', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path, { cases: 2, url: 'http://127.0.0.1:9/v1' });
    const file = await lastgoodHere(RUN, { cwd: dir.path, env: KEY });
    expect([file.code, file.stderr]).toEqual([2, expect.stringContaining('DISTRIBUTED_LEDGER')]);
    const LASTGOOD_DB = server.fresh();
    const limited = await lastgoodHere([...RUN, '--store', 'scores'], {
      cwd: dir.path,
      env: { ...KEY, LASTGOOD_DB },
    });
    expect([limited.code, limited.stderr]).toEqual([2, expect.stringContaining('DISTRIBUTED_LOCAL')]);
    expect(await trialRows(LASTGOOD_DB)).toMatchObject({ rows: 0 });
  });
});
