// Distributed runs: a real PostgreSQL server, `run` and `worker` as processes, workers killed.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, temporaryFolder } from '../cli/lastgood.ts';
import { noPostgres, type PostgresServer, startPostgres } from '../ledger/postgres-server.ts';
import { countingService } from './service.ts';
import { project, start, trialRows, until } from './world.ts';

const KEY = { DESK_KEY: 'sk-test-1234567890' };
const RUN = ['run', 'suite.yaml', '--release', 'releases/today.yaml', '--distributed', '--no-preflight', '--json'];

describe.skipIf(noPostgres !== null)('a distributed run', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  it('is made by a worker without the files, each trial one row; `run` needs no key', async () => {
    await using dir = await temporaryFolder();
    await using elsewhere = await temporaryFolder();
    const service = await countingService();
    await project(dir.path, { cases: 40, url: service.url, trials: 2 });
    const LASTGOOD_DB = server.fresh();
    const run = start(dir.path, RUN, { LASTGOOD_DB });
    await until(() => run.said().err.includes('WORKERS_MISSING'));
    const worker = start(elsewhere.path, ['worker', '--once'], { ...KEY, LASTGOOD_DB });
    expect([await worker.ended, worker.said().err.match(/\[\w+\]/)?.[0]]).toEqual([0, undefined]);
    expect([await run.ended, run.said().err]).toEqual([0, expect.any(String)]);
    const { snapshot } = JSON.parse(run.said().out) as { snapshot: Record<string, unknown> };
    expect(snapshot).toMatchObject({ plannedTrials: 80, answered: 80, validity: 'valid', state: 'finished' });
    expect(await trialRows(LASTGOOD_DB)).toEqual({ rows: 80, distinct: 80, answered: 80 });
    expect(service.calls).toHaveLength(80);
    await service.close();
  });
});
void json;
