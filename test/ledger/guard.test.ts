// The log of the guard on SQLite: one decision at a time over all connections, approvals that are used once, nothing edited.

import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { APPROVAL_MS, type GuardedAction, type GuardRuling } from '../../src/core/guard.ts';
import { openGuard, openShipping } from '../../src/ledger/sqlite/open-observations.ts';
import { temporaryFolder } from './world.ts';

const NOW = Date.parse('2026-03-15T09:00:00Z');
const ALLOWED: GuardRuling = { outcome: 'allowed', reason: 'no rule is against it' };
const action = (more: Partial<GuardedAction> = {}): GuardedAction => ({
  ...{ feature: 'desk', environment: 'production', agent: 'a1', action: 'refund', key: 'o1', impact: 500 },
  ...more,
});

async function opened() {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'lastgood.db');
  const stores = [await openGuard(path), await openGuard(path)] as const;
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    await folder[Symbol.asyncDispose]();
  });
  return { path, stores };
}

let ids = 0;
const at = (now = NOW) => ({ now, newId: `a_${++ids}` });

it('lets no two connections take the last place of a rate', async () => {
  const { stores } = await opened();
  const rule = (facts: { taken(most: number): readonly number[] }): GuardRuling =>
    facts.taken(5).length < 5 ? ALLOWED : { outcome: 'rate-limited', reason: 'full' };
  const decided = await Promise.all(
    Array.from({ length: 20 }, (_, i) => (stores[i % 2] ?? stores[0]).decide(action(), at(), rule)),
  );
  expect(decided.filter((d) => d.outcome === 'allowed')).toHaveLength(5);
  const log = await stores[1].decisions({ most: 100 });
  expect(log.map((d) => d.no)).toEqual(Array.from({ length: 20 }, (_, i) => 20 - i));
  // Another kind of action, feature or environment has a rate of its own.
  for (const more of [{ action: 'mail' }, { feature: 'other' }, { environment: 'staging' }])
    expect(await stores[0].decide(action(more), at(), rule)).toMatchObject({ outcome: 'allowed' });
});

it('shows a rule the newest stop, and writes nothing where the rule throws', async () => {
  const { path, stores } = await opened();
  const shipping = await openShipping(path);
  await shipping.append({
    ...{ kind: 'stop', feature: 'desk', environment: 'production', name: '', at: '2026-03-15T09:00:00Z' },
    ...{ by: 'ada', why: 'wrong refunds', body: { stopped: true } },
  });
  await shipping.close();
  const stale = stores[0].decide(action(), at(), ({ generation }) => {
    throw new Error(`the state is older than change ${generation}`);
  });
  await expect(stale).rejects.toThrow('older than change 1');
  expect(await stores[0].decisions({ most: 10 })).toEqual([]);
});

it('keeps an approval for one action, and for a day', async () => {
  const { stores } = await opened();
  const [store] = stores;
  const seen = async (more: Partial<GuardedAction> = {}, now = NOW) => {
    let state: string | null = null;
    await store.decide(action(more), at(now), ({ approval }) => {
      state = approval?.state ?? null;
      return { outcome: 'stopped', reason: 'only looking' };
    });
    return state;
  };
  const ask = (more: Partial<GuardedAction> = {}) =>
    store.decide(action(more), at(), () => ({
      outcome: 'approval-pending',
      reason: 'big',
      ask: { above: 100 },
    }));
  const { approval } = await ask();
  expect(await seen()).toBe('pending');
  expect(await seen({ impact: 501 })).toBeNull();
  expect(await seen({ impact: null })).toBeNull();
  expect(await seen({ key: 'o2' })).toBeNull();
  expect(await seen({ environment: 'staging' })).toBeNull();
  const answer = { granted: true, by: 'ada', why: 'checked', now: NOW };
  await stores[1].answer(approval ?? '', answer);
  expect(await seen({ impact: 400 })).toBe('granted');
  expect(await seen({}, NOW + APPROVAL_MS)).toBeNull();
  await expect(store.answer(approval ?? '', { ...answer, granted: false })).rejects.toMatchObject({
    code: 'APPROVAL_ANSWERED',
  });
  await store.decide(action(), at(), () => ({ ...ALLOWED, approval: approval ?? undefined }));
  expect(await seen()).toBeNull();
  // Used is used, for whoever tries to write it a second time as well.
  await expect(
    store.decide(action(), at(), () => ({ ...ALLOWED, approval: approval ?? undefined })),
  ).rejects.toThrow();
  expect(await store.approvals({ now: NOW })).toMatchObject([{ state: 'used', answer: { by: 'ada' } }]);

  const late = await ask({ key: 'o3' });
  await expect(
    store.answer(late.approval ?? '', { ...answer, now: NOW + APPROVAL_MS }),
  ).rejects.toMatchObject({ code: 'APPROVAL_ANSWERED' });
});

it('takes the first report of an end, of an allowed action of this feature', async () => {
  const { stores } = await opened();
  const [store] = stores;
  const { no } = await store.decide(action(), at(), () => ALLOWED);
  const dry = await store.decide(action(), at(), () => ({ outcome: 'dry-run', reason: 'dry' }));
  expect(await store.ended(no, 'other', true, NOW)).toBe(false);
  expect(await store.ended(dry.no, 'desk', true, NOW)).toBe(false);
  expect(await store.ended(no, 'desk', false, NOW)).toBe(true);
  expect(await store.ended(no, 'desk', true, NOW)).toBe(true);
  expect(await store.decisions({ most: 9 })).toMatchObject([{ succeeded: null }, { succeeded: false }]);
});

it('is never edited', async () => {
  const { path, stores } = await opened();
  await stores[0].decide(action(), at(), () => ALLOWED);
  await stores[0].decide(action(), at(), () => ({
    outcome: 'approval-pending',
    reason: '',
    ask: { above: 1 },
  }));
  const raw = new Database(path);
  for (const sql of [
    "UPDATE guard_decision SET outcome = 'stopped'",
    'DELETE FROM guard_decision',
    'DELETE FROM approval',
  ])
    expect(() => raw.exec(sql)).toThrow('only added to');
  raw.close();
});
