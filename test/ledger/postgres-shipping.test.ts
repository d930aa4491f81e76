// The logs of shipping and of the guard on PostgreSQL: one order over all servers, nothing edited, and no rate or approval used twice.

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APPROVAL_MS, type GuardedAction, type GuardRuling } from '../../src/core/guard.ts';
import type { NewShippingChange } from '../../src/core/index.ts';
import { openServerGuard, openServerShipping } from '../../src/ledger/postgres/open-ledger.ts';
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';

const NOW = Date.parse('2026-03-15T09:00:00Z');
const ALLOWED: GuardRuling = { outcome: 'allowed', reason: 'no rule is against it' };

const change = (more: Partial<NewShippingChange> = {}): NewShippingChange => ({
  ...{ kind: 'flag', feature: 'desk\u0000', environment: 'production', name: 'ai.tools.enabled' },
  ...{ at: '2026-03-15T09:00:00.000Z', by: 'ada', why: 'an incident', body: { value: '\u0000' } },
  ...more,
});
const action = (more: Partial<GuardedAction> = {}): GuardedAction => ({
  ...{
    feature: 'desk',
    environment: 'production',
    agent: 'a\u0000',
    action: 'refund',
    key: 'o1',
    impact: 500,
  },
  ...more,
});
let ids = 0;
const at = (now = NOW) => ({ now, newId: `a_${++ids}` });

describe.skipIf(noPostgres !== null)('shipping on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function sql(address: string, text: string): Promise<void> {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      await client.query(text.replaceAll('lg.', `${new URL(address).searchParams.get('schema')}.`));
    } finally {
      await client.end();
    }
  }

  it('keeps what two connections add in one order, refuses what was decided on an older state, and notices damage', async () => {
    const address = server.fresh();
    const [a, b] = [await openServerShipping(address), await openServerShipping(address)];
    expect(await a.generation()).toBe(0);
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).append(change({ why: `no ${i}` }))),
    );
    const all = await b.changes(0);
    expect(all.map((c) => c.no)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(all[4]).toEqual({ ...change(), no: 5, why: all[4]?.why });
    expect(await a.changes(18)).toEqual(all.slice(18));
    await expect(a.append(change(), 19)).rejects.toMatchObject({ code: 'SHIPPING_CHANGED' });
    // What was refused leaves no gap.
    expect(await b.append(change(), 20)).toMatchObject({ no: 21 });
    expect(await a.append(change({ name: 'another' }), 0)).toMatchObject({ no: 22 });
    await expect(sql(address, "UPDATE lg.shipping_change SET by_whom = 'eve'")).rejects.toThrow(
      /never change/,
    );
    await sql(
      address,
      `BEGIN; SET LOCAL session_replication_role = replica; UPDATE lg.shipping_change SET body = '{}' WHERE no = 2; COMMIT`,
    );
    await expect(a.changes(0)).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
    await Promise.all([a.close(), b.close()]);
  });

  it('lets no two connections take the last place of a rate', async () => {
    const address = server.fresh();
    const stores = [await openServerGuard(address), await openServerGuard(address)] as const;
    const rule = (facts: { taken(most: number): readonly number[] }): GuardRuling =>
      facts.taken(5).length < 5 ? ALLOWED : { outcome: 'rate-limited', reason: 'full' };
    const decided = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (stores[i % 2] ?? stores[0]).decide(action(), at(), rule)),
    );
    expect(decided.filter((d) => d.outcome === 'allowed')).toHaveLength(5);
    const log = await stores[1].decisions({ most: 100 });
    expect(log.map((d) => d.no)).toEqual(Array.from({ length: 20 }, (_, i) => 20 - i));
    expect(log[0]).toMatchObject({ ...action(), succeeded: null });
    for (const more of [{ action: 'mail' }, { feature: 'other' }, { environment: 'staging' }])
      expect(await stores[0].decide(action(more), at(), rule)).toMatchObject({ outcome: 'allowed' });
    await expect(sql(address, "UPDATE lg.guard_decision SET outcome = 'stopped'")).rejects.toThrow(
      /never change/,
    );
    const shipping = await openServerShipping(address);
    await shipping.append(change());
    const stale = stores[0].decide(action(), at(), ({ generation }) => {
      throw new Error(`the state is older than change ${generation}`);
    });
    await expect(stale).rejects.toThrow('older than change 1');
    expect(await stores[1].decisions({ most: 1 })).toMatchObject([{ no: 23 }]);
    await shipping.close();
    for (const store of stores) await store.close();
  });

  it('keeps an approval for one action, and for a day; takes the first report of an end', async () => {
    const address = server.fresh();
    const store = await openServerGuard(address);
    const seen = async (more: Partial<GuardedAction> = {}, now = NOW): Promise<string | null> => {
      let state: string | null = null;
      await store.decide(action(more), at(now), ({ approval }) => {
        state = approval?.state ?? null;
        return { outcome: 'stopped', reason: 'only looking' };
      });
      return state;
    };
    const ask = { outcome: 'approval-pending', reason: 'big', ask: { above: 100 } } as const;
    const { approval } = await store.decide(action(), at(), () => ask);
    expect(await seen()).toBe('pending');
    for (const more of [{ impact: 501 }, { impact: null }, { key: 'o2' }, { environment: 'staging' }])
      expect(await seen(more)).toBeNull();
    const answer = { granted: true, by: 'ada', why: 'checked', now: NOW };
    await expect(store.answer('a_none', answer)).rejects.toMatchObject({ code: 'APPROVAL_UNKNOWN' });
    expect(await store.answer(approval ?? '', answer)).toMatchObject({ state: 'granted' });
    expect(await seen({ impact: 400 })).toBe('granted');
    expect(await seen({}, NOW + APPROVAL_MS)).toBeNull();
    await expect(store.answer(approval ?? '', answer)).rejects.toMatchObject({ code: 'APPROVAL_ANSWERED' });
    const used = await store.decide(action(), at(), () => ({ ...ALLOWED, approval: approval ?? undefined }));
    expect(await seen()).toBeNull();
    const twice = store.decide(action(), at(), () => ({ ...ALLOWED, approval: approval ?? undefined }));
    await expect(twice).rejects.toThrow();
    expect(await store.approvals({ now: NOW })).toMatchObject([{ state: 'used', answer: { by: 'ada' } }]);
    await store.addLate([{ ...action({ key: 'late' }), at: NOW, reason: 'no server' }]);
    expect(await store.ended(used.no, 'other', true, NOW)).toBe(false);
    expect(await store.ended(used.no, 'desk', false, NOW)).toBe(true);
    expect(await store.ended(used.no, 'desk', true, NOW)).toBe(true);
    const log = await store.decisions({ feature: 'desk', most: 99 });
    expect(log.find((d) => d.no === used.no)).toMatchObject({ succeeded: false, approval });
    expect(log[0]).toMatchObject({ key: 'late', outcome: 'unreachable' });
    await store.close();
  });
});
