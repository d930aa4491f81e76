// Copying what a ledger holds beside snapshots: everything arrives as it is, a copy that was cut short goes on, and two ledgers are never mixed.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SILENT } from '../../src/base/index.ts';
import { DAY_MS } from '../../src/core/observation.ts';
import type { NewShippingChange } from '../../src/core/shipping.ts';
import { openGuardLog } from '../../src/jobs/guard/open-guard.ts';
import { copyJob } from '../../src/jobs/ledger/copy.ts';
import { pruneJob } from '../../src/jobs/ledger/db-upkeep.ts';
import { openProduction } from '../../src/jobs/observe/open-production.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { openTokens } from '../../src/jobs/serve/tokens.ts';
import { NOON, observation, outcome } from './observation-world.ts';
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';
import { collect, temporaryFolder } from './world.ts';

describe.skipIf(noPostgres !== null)('a copy of a ledger', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  const ALL = { feature: 'refund-bot', from: NOON - 99 * DAY_MS, to: NOON + 99 * DAY_MS };

  /** Answers counted and not, with texts, vectors and outcomes; some removed since; and a log of each kind. */
  async function lived(place: string): Promise<void> {
    await withStore(openProduction(place), async (store) => {
      await store.add({
        observations: [
          observation('old', { at: NOON - 40 * DAY_MS }),
          observation('said', {
            ...{ session: 'u\u0000', user: 'ann', tags: ['\u0001'] },
            ...{
              texts: { output: 'A \u0000 refund.', rest: { '\u0000': 1 } },
              vector: new Int8Array([1, -2]),
            },
          }),
        ],
        outcomes: [outcome('said', { finalText: 'A refund\u0001.' }), outcome('unseen', { edited: 0.5 })],
      });
      while ((await store.fold(100)) > 0);
    });
    await pruneJob(place, { observationDays: 30, dryRun: false, now: new Date(NOON) });
    await withStore(openProduction(place), async (store) => {
      await store.add({
        observations: [observation('late', { dimensions: { template: 'other' } })],
        outcomes: [outcome('said', { at: NOON + 99_000, flags: { retried: true } })],
      });
    });
    await withStore(openShippingLog(place), async (log) => {
      for (const body of [{ on: true }, { on: false }]) await log.append({ ...FLAG, body });
    });
    await withStore(openGuardLog(place), async (guard) => {
      const ask = () => ({ outcome: 'approval-pending' as const, reason: 'above 100', ask: { above: 100 } });
      const { approval } = await guard.decide(ACTION, { now: NOON, newId: 'ap1' }, ask);
      await guard.answer('ap1', { granted: true, by: 'ann', why: 'known', now: NOON + 1 });
      const allow = () => ({ outcome: 'allowed' as const, reason: 'approved', approval: approval ?? '' });
      const { no } = await guard.decide(ACTION, { now: NOON + 2, newId: 'ap2' }, allow);
      await guard.ended(no, 'refund-bot', true, NOON + 3);
    });
    await withStore(openTokens(place), (tokens) =>
      tokens.add({ name: 'app', role: 'observe', createdAt: '2026-05-12' }, Buffer.alloc(32, 7)),
    );
  }

  const FLAG: Omit<NewShippingChange, 'body'> = {
    ...{ kind: 'flag', feature: 'refund-bot', environment: 'production', name: 'ai.tools.enabled' },
    ...{ at: '2026-05-12T12:00:00Z', by: 'ann', why: 'a \u0000 day' },
  };
  const ACTION = {
    ...{
      feature: 'refund-bot',
      environment: 'production',
      agent: 'a1',
      action: 'refund',
      key: 'k',
      impact: 200,
    },
  };

  /** Everything that can be read of it. */
  async function told(place: string): Promise<unknown> {
    return {
      production: await withStore(openProduction(place), async (store) => ({
        rows: await collect(store.observations(ALL)),
        vectors: await collect(store.vectors({ ...ALL, most: 99 })),
        windows: await collect(store.windows({ ...ALL, span: 'hour' })),
        features: await store.features(),
      })),
      shipping: await withStore(openShippingLog(place), (log) => log.changes(0)),
      approvals: await withStore(openGuardLog(place), (guard) => guard.approvals({ now: NOON + 9 })),
      decisions: await withStore(openGuardLog(place), (guard) => guard.decisions({ most: 99 })),
      token: await withStore(openTokens(place), (tokens) => tokens.find(Buffer.alloc(32, 7))),
    };
  }

  it('has every answer, window, log and token, there and back, and continues where it was cut short', async () => {
    await using folder = await temporaryFolder();
    const [home, away, back] = [join(folder.path, 'a.db'), server.fresh(), join(folder.path, 'b.db')];
    await lived(home);
    const whole = await told(home);
    // Cut short in the middle of the answers.
    const cut = {
      ...SILENT,
      step: ({ label }: { label?: string }) => {
        if (label === 'copying production outcomes') throw new Error('cut short');
      },
    };
    await expect(copyJob({ from: home, to: away }, cut)).rejects.toThrow('cut short');
    const report = await copyJob({ from: home, to: away }, SILENT);
    expect(report.notCopied).toEqual([]);
    expect(report.written.map(({ what }) => what)).toContain('production windows');
    expect(await told(away)).toEqual(whole);
    await copyJob({ from: away, to: back }, SILENT);
    expect(await told(back)).toEqual(whole);
    expect((await copyJob({ from: home, to: away }, SILENT)).written).toEqual([]);

    // What is not counted yet is counted there, once.
    const folded = async (place: string): Promise<unknown> => {
      await withStore(openProduction(place), async (store) => {
        while ((await store.fold(100)) > 0);
      });
      return told(place);
    };
    const after = await folded(home);
    expect(after).not.toEqual(whole);
    expect(await folded(away)).toEqual(after);
    // News of the source follow, and what it removed goes.
    await withStore(openProduction(home), (store) =>
      store.add({ observations: [observation('news')], outcomes: [] }),
    );
    await pruneJob(home, { keepDays: 0, dryRun: false, now: new Date(NOON + DAY_MS) });
    await withStore(openShippingLog(home), (log) => log.append({ ...FLAG, body: { on: true } }));
    await copyJob({ from: home, to: away }, SILENT);
    expect(await told(away)).toEqual(await told(home));
    // And the copy can be written to: its numbers go on.
    await withStore(openProduction(away), (store) =>
      store.add({ observations: [observation('own')], outcomes: [] }),
    );
    await withStore(openGuardLog(away), (guard) =>
      guard.decide(ACTION, { now: NOON + 5, newId: 'ap3' }, () => ({
        outcome: 'approval-denied',
        reason: 'no',
      })),
    );
  });

  it('is refused where the target has a life of its own, before anything is written', async () => {
    await using folder = await temporaryFolder();
    const home = join(folder.path, 'a.db');
    await lived(home);
    const others: ((place: string) => Promise<unknown>)[] = [
      (place) =>
        withStore(openProduction(place), (store) =>
          store.add({ observations: [observation('x')], outcomes: [] }),
        ),
      (place) => withStore(openShippingLog(place), (log) => log.append({ ...FLAG, by: 'bob', body: {} })),
      (place) =>
        withStore(openGuardLog(place), (guard) =>
          guard.decide(ACTION, { now: 1, newId: 'q' }, () => ({ outcome: 'approval-denied', reason: 'no' })),
        ),
    ];
    for (const other of others) {
      const target = server.fresh();
      await other(target);
      const before = await told(target);
      await expect(copyJob({ from: home, to: target }, SILENT)).rejects.toMatchObject({
        code: 'COPY_MERGES',
        exitCode: 2,
      });
      expect(await told(target)).toEqual(before);
    }
    // A copy that got answers of its own since.
    const grown = server.fresh();
    await copyJob({ from: home, to: grown }, SILENT);
    await withStore(openProduction(grown), (store) =>
      store.add({ observations: [observation('own')], outcomes: [] }),
    );
    await expect(copyJob({ from: home, to: grown }, SILENT)).rejects.toMatchObject({ code: 'COPY_MERGES' });
    // A name that is taken is named, and the token there keeps working.
    const named = server.fresh();
    await withStore(openTokens(named), (tokens) =>
      tokens.add({ name: 'app', role: 'read', createdAt: '2026-05-13' }, Buffer.alloc(32, 8)),
    );
    expect((await copyJob({ from: home, to: named }, SILENT)).notCopied).toMatchObject([
      { what: expect.stringContaining('access token "app"') },
    ]);
    expect(await withStore(openTokens(named), (tokens) => tokens.find(Buffer.alloc(32, 8)))).toMatchObject({
      role: 'read',
    });
  });
});

async function withStore<S extends { close(): Promise<void> }, T>(
  opening: Promise<S>,
  work: (store: S) => Promise<T>,
): Promise<T> {
  const store = await opening;
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
