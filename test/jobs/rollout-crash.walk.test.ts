// A step that is killed between any two writes: the next step finishes what it began, and does nothing twice.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RolloutReport } from '../../src/core/rollout.ts';
import { alertStates } from '../../src/engine/records/alerts.ts';
import { episodesOf } from '../../src/jobs/nightly/episodes.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { json, lastgoodHere } from '../cli/lastgood.ts';
import { atHalf, rolloutWorld } from './rollout-world.ts';

const CHILD = join(import.meta.dirname, 'rollout-step-killed.mjs');

test('a rollback is whole after the next step, wherever the one before was killed', async () => {
  const w = await rolloutWorld();
  await atHalf(w);
  await w.answers('candidate', { n: 400, failures: 12 });
  await w.answers('control', { n: 400 });
  const server = createServer((request, response) => request.resume().on('end', () => response.end('ok')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const hook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  const killedAt = async (write: number): Promise<boolean> => {
    const dir = join(w.dir, `killed-${write}`);
    const db = join(dir, 'ledger.db');
    await mkdir(dir);
    for (const end of ['', '-wal', '-shm'])
      await cp(join(w.dir, `ledger.db${end}`), `${db}${end}`).catch(() => {});
    const child = spawn(process.execPath, [CHILD, db, w.dir, String(write), hook], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.on('data', (part) => {
      said += String(part);
    });
    child.stderr.on('data', (part) => {
      said += String(part);
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (signal !== 'SIGKILL') expect(`${code} ${said}`).toBe('0 finished');

    const cli = (...args: string[]) => lastgoodHere([...args, '--db', db, '--quiet'], { cwd: w.dir });
    const step = json<RolloutReport>(await cli('rollout', 'step', 'desk', '--webhook', hook, '--json'));
    expect(step, `write ${write}`).toMatchObject({ status: 'rolled-back', percent: 0, pending: [] });
    expect(step.history.filter((h) => h.what.startsWith('rolled back'))).toHaveLength(1);
    expect(await cli('rollout', 'replay', 'desk')).toMatchObject({ code: 0 });
    for (const [key, value] of [
      ['ai.rollout.percent', '0'],
      ['ai.action.mode', 'draft'],
    ] as const)
      expect((await cli('flag', 'get', key, '--feature', 'desk')).stdout).toMatch(new RegExp(`^${value} `));
    const ledger = await openLedger(db);
    expect(await episodesOf(ledger)).toHaveLength(1);
    expect(await alertStates(ledger)).toMatchObject([{ delivered: true }]);
    await ledger.close();
    return signal === 'SIGKILL';
  };
  // The last one is not killed any more: these are all writes that there are.
  const killed = await Promise.all(Array.from({ length: 9 }, (_, write) => killedAt(write)));
  expect(killed.lastIndexOf(true)).toBeGreaterThanOrEqual(6);
  expect(killed).toEqual(killed.map((_, i) => i <= killed.lastIndexOf(true)));
  expect(killed.at(-1)).toBe(false);
}, 60_000);
