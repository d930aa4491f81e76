// Several processes on one ledger, and processes that are killed while they write.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openLedger } from '../../src/ledger/index.ts';
import { SCHEMA_VERSION } from '../../src/ledger/sqlite/migrations.ts';
import { answered, graded, temporaryFolder, VALID } from './world.ts';

const CHILD = fileURLToPath(new URL('./ledger.child.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(...args: string[]): { child: ChildProcessWithoutNullStreams; ended: Promise<Ended> } {
  // Compiling the sources is most of what a child does; as at a user's, they are compiled once.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') };
  const child = spawn(process.execPath, [CHILD, ...args], { env });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

function integrity(path: string): unknown {
  const raw = new Database(path, { readonly: true });
  const result = [raw.pragma('integrity_check', { simple: true }), raw.pragma('foreign_key_check')];
  raw.close();
  return result;
}

describe('several processes', () => {
  it('make one ledger when twenty open it at once', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'snapshots', 'lastgood.db');
    const ends = await Promise.all(Array.from({ length: 20 }, () => start('open', path).ended));
    expect(ends).toEqual(Array(20).fill({ code: 0, stdout: '', stderr: '' }));
    const raw = new Database(path, { readonly: true });
    expect(raw.prepare('SELECT count(*) FROM migration').pluck().get()).toBe(SCHEMA_VERSION);
    raw.close();
    expect(integrity(path)).toEqual(['ok', []]);
  });

  it('write side by side while one reads, and nobody loses anything', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const reader = start('read', path);
    const writers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => start('write', path, name, '60').ended),
    );
    reader.child.stdin.end();
    const read = await reader.ended;
    expect(writers.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      Array(4).fill({ code: 0, stderr: '' }),
    );
    expect({ code: read.code, stderr: read.stderr }).toEqual({ code: 0, stderr: '' });
    expect(Number(read.stdout)).toBeGreaterThan(0);
    const ledger = await openLedger(path);
    const summaries = await ledger.list();
    expect(summaries.map((s) => [s.id, s.state, s.trials]).sort()).toEqual(
      ['a', 'b', 'c', 'd'].map((name) => [`swriter${name}`, 'finished', 120]),
    );
    await ledger.close();
    expect(integrity(path)).toEqual(['ok', []]);
  });
});

describe('a process killed while it writes', () => {
  it.each([1, 4, 9, 17, 30])(
    'after %i acknowledged batches leaves all of them, and can be resumed',
    async (batches) => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, 'lastgood.db');
      const { child, ended } = start('write-until-killed', path, 'k');
      let seen = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        seen += chunk.toString().split('\n').length - 1;
        if (seen >= batches) child.kill('SIGKILL');
      });
      const { stdout, stderr } = await ended;
      expect(stderr).toBe('');
      const acknowledged = stdout.split('\n').slice(0, -1);
      expect(acknowledged.length).toBeGreaterThanOrEqual(batches);

      expect(integrity(path)).toEqual(['ok', []]);
      const ledger = await openLedger(path);
      const done = await ledger.doneTrials('swriterk');
      for (const line of acknowledged) {
        const [caseId = '', ...trials] = line.split(' ');
        for (const trial of trials) expect(done.get(caseId)?.has(Number(trial)), line).toBe(true);
      }
      const stored = [...done.values()].reduce((sum, trials) => sum + trials.size, 0);
      // A batch is stored as a whole, and at most one was stored without having been acknowledged.
      expect([2 * acknowledged.length, 2 * acknowledged.length + 2]).toContain(stored);
      expect((await ledger.list())[0]).toMatchObject({
        state: 'running',
        trials: stored,
        answered: stored,
        calls: stored,
        passRate: 1,
      });

      // The lock that the killed process held went with it.
      await ledger.reopen('swriterk');
      await ledger.append('swriterk', [graded(answered('ticket-49', 999))]);
      expect(await ledger.finish('swriterk', VALID)).toMatchObject({ state: 'finished', trials: stored + 1 });
      await ledger.close();
    },
  );
});
