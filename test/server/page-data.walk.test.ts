// The same pages over a ledger on PostgreSQL.

import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../cli/lastgood.ts';
import { noPostgres, type PostgresServer, startPostgres } from '../ledger/postgres-server.ts';
import { expectEveryPage } from './every-page.ts';
import { pagesWorld } from './pages-world.ts';
import { running } from './running.ts';

describe.skipIf(noPostgres !== null)('over PostgreSQL', () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres?.stop());

  test('every page has a twin that its published schema describes', async () => {
    const folder = await temporaryFolder();
    onTestFinished(() => folder[Symbol.asyncDispose]());
    const world = await pagesWorld(folder.path, postgres.fresh());
    await expectEveryPage(world, await running({ db: world.db }));
  }, 120_000);
});
