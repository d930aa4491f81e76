// `lastgood serve` is killed again and again while it steps a rollout: every stage gets its turn, once, and nothing is lost.

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { FlagDefinition, ShippingChange } from '../../src/core/index.ts';
import { openProduction } from '../../src/jobs/observe/open-production.ts';
import { withShipping } from '../../src/jobs/registry/open-shipping.ts';
import { gate, rolloutWorld, SIGNED, WAIVED } from '../jobs/rollout-world.ts';
import { ndjson } from './running.ts';
import { type ServeChild, serve } from './serve-child.ts';

const LADDER = [20, 40, 60, 80, 100];
const SAMPLE = 60;

test('a server that is killed in the middle of a rollout goes on where it was, and skips no stage', async () => {
  const w = await rolloutWorld({
    stages: LADDER.map((percent) => ({
      percent,
      ...(percent < 100 ? { for: '0.001s', sample: SAMPLE } : {}),
    })),
    gates: [gate('rollback', { signal: 'schema-failures', over: '50 calls', above: '1%' })],
  });
  const db = join(w.dir, 'ledger.db');
  expect((await w.rollout('start', ...SIGNED, ...WAIVED)).code).toBe(0);
  const start = (): Promise<ServeChild> =>
    serve(w.dir, ['--db', db, '--step-every', '0.2s', '--no-monitors']);

  // An application that goes on whatever happens to the server: what is not acknowledged is sent again.
  const acknowledged = new Set<string>();
  let server = await start();
  let sent = 0;
  let isOver = false;
  const post = async (path: string, type: string, body: string): Promise<Response> => {
    for (;;) {
      const answer = await fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      }).catch(() => null);
      if (answer?.status === 200) return answer;
      await pause(50);
    }
  };
  const application = async (): Promise<void> => {
    while (!isOver) {
      const users = Array.from({ length: 20 }, () => `user-${++sent}`);
      const rows = await Promise.all(
        users.map(async (user) => {
          const context = { targetingKey: user, feature: 'desk' };
          const path = '/ofrep/v1/evaluate/flags/ai.release';
          const answer = await post(path, 'application/json', JSON.stringify({ context }));
          const { variant } = (await answer.json()) as { variant: string };
          return { id: user, at: Date.now(), variant, schema_valid: true, latency_ms: 900 };
        }),
      );
      await post('/v1/observations?feature=desk', 'application/x-ndjson', ndjson(...rows)).catch(() => null);
      for (const { id } of rows) acknowledged.add(id);
    }
  };
  const running = application();

  let kills = 0;
  // Not at the same moment each time: before, in and after a step, which takes some tenths of a second.
  for (; kills < 40 && (await w.rollout('status')).json.status === 'running'; kills++) {
    await pause(300 + ((kills * 397) % 1900));
    await server.kill('SIGKILL');
    server = await start();
  }
  await expect
    .poll(async () => (await w.rollout('status')).json.status, { timeout: 240_000, interval: 500 })
    .toBe('complete');
  isOver = true;
  await running;
  expect(kills).toBeGreaterThanOrEqual(3);

  const { json } = await w.rollout('status');
  expect(json).toMatchObject({ percent: 100, stage: LADDER.length - 1, pending: [] });
  expect(json.history.map((h) => h.what.split(':')[0])).toEqual([
    ...['started at 20%', '20% → 40%', '40% → 60%', '60% → 80%', '80% → 100%', 'complete'],
  ]);
  // The flag went through every stage, and was set to each once.
  const changes = await withShipping(db, {}, (shipping) => shipping.changes(0));
  const isPercent = (c: ShippingChange): boolean => c.kind === 'flag' && c.name === 'ai.rollout.percent';
  const values = changes.filter(isPercent).map((c) => (c.body as unknown as FlagDefinition).value);
  expect(values).toEqual([0, ...LADDER]);
  expect((await w.cli('rollout', 'replay', 'desk')).code).toBe(0);
  await server.kill('SIGTERM');
  const store = await openProduction(db);
  const stored = new Set<string>();
  for await (const o of store.observations({ feature: 'desk', from: 0, to: Date.now() + 1e6 }))
    stored.add(o.id);
  await store.close();
  expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
}, 400_000);
