// The log of shipping on SQLite: only added to, numbered without gaps, refused where another was faster, and checked when it is read.

import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import type { NewShippingChange } from '../../src/core/index.ts';
import { checkLedger, withLedgerFile } from '../../src/ledger/index.ts';
import { forget } from '../../src/ledger/sqlite/forget.ts';
import { openShipping } from '../../src/ledger/sqlite/open-observations.ts';
import { temporaryFolder } from './world.ts';

const change = (more: Partial<NewShippingChange> = {}): NewShippingChange => ({
  ...{ kind: 'flag', feature: 'desk', environment: 'production', name: 'ai.tools.enabled' },
  ...{ at: '2026-03-15T09:00:00.000Z', by: 'ada', why: 'an incident', body: { value: false } },
  ...more,
});

async function pathOf(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  return join(folder.path, 'lastgood.db');
}

it('keeps what two connections add, in one order', async () => {
  const path = await pathOf();
  const [a, b] = [await openShipping(path), await openShipping(path)];
  expect(await a.generation()).toBe(0);
  await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).append(change({ why: `no ${i}` }))));
  const all = await b.changes(0);
  expect(all.map((c) => c.no)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(new Set(all.map((c) => c.why)).size).toBe(20);
  expect(await a.changes(18)).toEqual(all.slice(18));
  expect(await a.generation()).toBe(20);
  await a.close();
  await b.close();
});

it('refuses a change that was decided on an older state', async () => {
  const path = await pathOf();
  const store = await openShipping(path);
  await store.append(change(), 0);
  await expect(store.append(change(), 0)).rejects.toMatchObject({ code: 'SHIPPING_CHANGED' });
  await store.append(change({ name: 'another' }), 0);
  expect(await store.append(change({ body: { value: true } }), 1)).toMatchObject({ no: 3 });
  expect(await store.generation()).toBe(3);
  await store.close();
});

it('is not edited, and a damaged row is not served', async () => {
  const path = await pathOf();
  const store = await openShipping(path);
  await store.append(change());
  await store.append(change({ why: 'again' }));
  const raw = new Database(path);
  expect(() => raw.exec("UPDATE shipping_change SET by_whom = 'eve'")).toThrow('only added to');
  expect(() => raw.exec('DELETE FROM shipping_change')).toThrow('only added to');
  raw.exec(
    'DROP TRIGGER shipping_change_stays; UPDATE shipping_change SET body = \'{"value":true}\' WHERE no = 2',
  );
  raw.close();
  await expect(store.changes(0)).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
  await store.close();
  expect(await withLedgerFile(path, {}, checkLedger)).toMatchObject({ ok: false });
});

it('forgets a text, and stays readable', async () => {
  const path = await pathOf();
  const store = await openShipping(path);
  await store.append(change({ by: 'marigold', why: 'for marigold', body: { value: 'marigold' } }));
  await store.close();
  const request = { kind: 'text', text: 'marigold', substring: true } as const;
  await withLedgerFile(path, {}, (file) => forget(file, request));
  const again = await openShipping(path);
  expect(await again.changes(0)).toMatchObject([
    { by: '[forgotten]', why: 'for [forgotten]', body: { value: '[forgotten]' } },
  ]);
  await again.close();
  expect(await withLedgerFile(path, {}, checkLedger)).toMatchObject({ ok: true });
});
