// Production answers in a ledger on PostgreSQL: what many senders bring at once is counted once, and retention is that of a file.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, type ObservationStore } from '../../src/core/observation.ts';
import { pruneServerObservations } from '../../src/ledger/postgres/observation-upkeep.ts';
import {
  openServerObservations,
  openServerTokens,
  withConnection,
} from '../../src/ledger/postgres/open-ledger.ts';
import { pruneObservations } from '../../src/ledger/sqlite/observation-upkeep.ts';
import { openLedgerFile } from '../../src/ledger/sqlite/open.ts';
import { openObservations } from '../../src/ledger/sqlite/open-observations.ts';
import { NOON, observation, outcome, RULES } from './observation-world.ts';
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';
import { collect, temporaryFolder } from './world.ts';

describe.skipIf(noPostgres !== null)('production on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  const ALL = { feature: 'refund-bot', from: NOON - 99 * DAY_MS, to: NOON + 99 * DAY_MS };
  const texts = { output: 'We refund\u0000 the kettle.', rest: { '\u0000': '\u0001' } };

  it('counts every row once while many senders add and others count', async () => {
    const address = server.fresh();
    const stores = await Promise.all(Array.from({ length: 4 }, () => openServerObservations(address, RULES)));
    const [first] = stores as [ObservationStore];
    await Promise.all(
      stores.flatMap((store, s) =>
        Array.from({ length: 15 }, async (_, n) => {
          const own = observation(`o${s}-${n}`, { dimensions: { template: `t${n % 5}` } });
          await store.add({
            observations: [own, observation(`shared-${n}`)],
            outcomes: [outcome(`shared-${n}`, { at: NOON + s, edited: 0.5 })],
          });
          await store.fold(7);
        }),
      ),
    );
    while ((await first.fold(100)) > 0);
    const windows = await collect(first.windows({ ...ALL, span: 'hour' }));
    const sum = (name: string): number => windows.reduce((n, w) => n + (w.counts.get(name) ?? 0), 0);
    expect([sum('n'), sum('edited')]).toEqual([75, 15]);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('gives back what was stored, and keeps and drops what a file would', async () => {
    await using folder = await temporaryFolder();
    const [path, address] = [join(folder.path, 'a.db'), server.fresh()];
    const [file, remote] = [
      await openObservations(path, RULES),
      await openServerObservations(address, RULES),
    ];
    const batch = {
      observations: [
        observation('old', { at: NOON - 9 * DAY_MS, texts, vector: Int8Array.of(1, -127) }),
        observation('mid\u0000', { at: NOON - 5 * DAY_MS, texts, session: 's\u0000', tags: ['\u0000'] }),
        observation('new', { texts, dimensions: { release: 'r\u0000', segment: 'lone \ud800' } }),
        observation('late', { at: NOON - 9 * DAY_MS }),
      ],
      outcomes: [
        outcome('old', { at: NOON - 9 * DAY_MS, finalText: 'We refund\u0000 it.', kpi: { sales: 2 } }),
        outcome('never came', { at: NOON - 9 * DAY_MS, flags: { retried: true } }),
      ],
    };
    for (const store of [file, remote]) {
      expect((await store.add(batch)).observations).toEqual(Array(4).fill('added'));
      while ((await store.fold(100)) > 0);
      // Changed and not counted anew: it stays.
      await store.add({ observations: [], outcomes: [outcome('late', { flags: { complaint: true } })] });
    }
    expect(await collect(remote.observations(ALL))).toEqual(await collect(file.observations(ALL)));
    expect(await collect(remote.vectors({ ...ALL, most: 10 }))).toEqual(
      await collect(file.vectors({ ...ALL, most: 10 })),
    );
    const open = await openLedgerFile(path);
    for (const dryRun of [true, false]) {
      const rules = { textsBefore: NOON - 2 * DAY_MS, rowsBefore: NOON - 7 * DAY_MS, dryRun };
      const pruned = await pruneServerObservations(address, rules);
      expect(pruned).toEqual(await pruneObservations(open, rules));
      if (!dryRun) expect(pruned).toEqual({ texts: 2, observations: 1 });
    }
    const left = await collect(remote.observations(ALL));
    expect(left).toEqual(await collect(file.observations(ALL)));
    expect(left.map(({ id }) => id)).toEqual(['late', 'mid\u0000', 'new']);
    for (const store of [file, remote])
      expect((await store.add(batch)).observations).toEqual(['expired', 'known', 'known', 'expired']);
    const counts = async (store: ObservationStore): Promise<unknown> =>
      (await collect(store.windows({ ...ALL, span: 'any' }))).map((w) => [w.start, [...w.counts].sort()]);
    expect(await counts(remote)).toEqual(await counts(file));
    open.db.close();
    await Promise.all([file.close(), remote.close()]);
  });

  it('keeps tokens by their hashes', async () => {
    const address = server.fresh();
    const tokens = await openServerTokens(address);
    const token = { name: 'app', role: 'observe' as const, createdAt: '2026-03-15T02:00:00.000Z' };
    await tokens.add(token, Buffer.alloc(32, 7));
    await expect(tokens.add(token, Buffer.alloc(32, 8))).rejects.toMatchObject({ code: 'TOKEN_EXISTS' });
    expect(await tokens.find(Buffer.alloc(32, 7))).toEqual(token);
    expect(await tokens.list()).toEqual([token]);
    expect([await tokens.remove('app'), await tokens.remove('app')]).toEqual([true, false]);
    expect(await tokens.find(Buffer.alloc(32, 7))).toBeUndefined();
    await tokens.close();
    await withConnection(address, async ({ single }) => {
      expect(await single.rows('SELECT 1 AS one FROM lg.v_observations')).toEqual([]);
    });
  });
});
