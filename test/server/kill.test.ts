// A server that is killed in the middle of its work loses nothing that it acknowledged, and counts nothing twice.

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { foldAll, openProduction } from '../../src/jobs/observe/open-production.ts';
import { temporaryFolder } from '../cli/lastgood.ts';
import { ndjson, post } from './running.ts';
import { serve } from './serve-child.ts';

it('keeps every acknowledged observation over a SIGKILL, and ends in order on SIGTERM', async () => {
  await using dir = await temporaryFolder();
  const server = await serve(dir.path);
  const acknowledged = new Set<string>();
  const sent: string[] = [];
  let next = 0;
  let running = true;
  const sender = async (): Promise<void> => {
    while (running) {
      const ids = Array.from({ length: 20 }, () => `o${next++}`);
      sent.push(...ids);
      const at = new Date().toISOString();
      const body = ndjson(...ids.map((id) => ({ id, at, feature: 'triage', output: 'Yes.', latency_ms: 5 })));
      const answer = await post(`${server.url}/v1/observations`, body).catch(() => null);
      if (answer?.status === 200) for (const id of ids) acknowledged.add(id);
    }
  };
  const senders = Array.from({ length: 8 }, sender);
  await expect.poll(() => acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(600);
  await server.kill('SIGKILL');
  running = false;
  await Promise.all(senders);

  const again = await serve(dir.path);
  // Whoever got no answer sends again: what was stored already is known.
  for (let i = 0; i < sent.length; i += 2000) {
    const at = new Date().toISOString();
    const rows = sent.slice(i, i + 2000).map((id) => ({ id, at, feature: 'triage', output: 'Yes.' }));
    const report = (await (await post(`${again.url}/v1/observations`, ndjson(...rows))).json()) as {
      observations: { added: number; known: number };
    };
    const known = rows.filter((r) => acknowledged.has(r.id)).length;
    expect(report.observations.known).toBeGreaterThanOrEqual(known);
    expect(report.observations.added + report.observations.known).toBe(rows.length);
  }
  expect(await again.kill('SIGTERM')).toBe(0);
  const store = await openProduction(join(dir.path, 'snapshots/lastgood.db'));
  await foldAll(store);
  let counted = 0;
  for await (const w of store.windows({
    feature: 'triage',
    from: Date.now() - 864e5,
    to: Date.now() + 864e5,
    span: 'hour',
  }))
    counted += w.counts.get('n') ?? 0;
  await store.close();
  expect(counted).toBe(sent.length);
}, 60_000);
