// The same pages over a ledger on PostgreSQL.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../cli/lastgood.ts';
import { noPostgres, type PostgresServer, startPostgres } from '../ledger/postgres-server.ts';
import { expectEveryPage } from './every-page.ts';
import { pagesWorld } from './pages-world.ts';
import { running } from './running.ts';
import { Visitor } from './visitor.ts';

describe.skipIf(noPostgres !== null)('over PostgreSQL', () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres?.stop());

  test('every page has a twin that its published schema describes, and people can act', async () => {
    const folder = await temporaryFolder();
    onTestFinished(() => folder[Symbol.asyncDispose]());
    const world = await pagesWorld(folder.path, postgres.fresh());
    const server = await running({ db: world.db });
    await expectEveryPage(world, server);

    const visitor = new Visitor(server);
    const act = async (page: string, path: string, fields: Record<string, string>): Promise<string> => {
      const all = { by: 'ada', why: 'INC-7', csrf: await visitor.csrf(page), ...fields };
      const answer = await visitor.form(path, all);
      return (await visitor.get(answer.headers.get('location') ?? '')).text();
    };
    const page = '/rollouts/refunds';
    expect(await act(page, `${page}/pause`, {})).toContain('It is paused at 1%.');
    expect(await act(page, `${page}/resume`, {})).toContain('It is running at 1%.');
    expect(await act(page, `${page}/abort`, {})).toContain('It is aborted at 0%.');
    const flag = { key: 'new-summary', feature: 'refunds', value: 'true', percent: '5' };
    expect(await act('/flags', '/flags/set', flag)).toContain('new-summary of refunds is set');
    expect(await act('/guard', '/guard/answer', { id: 'a_0', answer: 'grant' })).toContain('Granted:');
  }, 120_000);
});
