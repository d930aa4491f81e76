// The thread that writes the ledger of a large run: the same rows as without it, the same refusals, and what happens when it cannot work.

import { execFile } from 'node:child_process';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SnapshotStore } from '../../src/core/snapshot.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { refusal } from './contract-setup.ts';
import { dumpSql } from './dump.ts';
import { answered, closing, graded, newSnapshot, refundCase, refundSuite, temporaryFolder } from './world.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const ids = Array.from({ length: 1200 }, (_, i) => `ticket-${i}`);
const long = (i: number): string => `Ticket ${i}: ${'the kettle leaks and I want my money back. '.repeat(8)}`;
/** More than one chunk of cases, some with prompts long enough to be deflated. */
const suite = refundSuite(
  ids.map((id, i) => refundCase(id, i % 3 === 0 ? { vars: { ticket: long(i % 7) } } : {})),
);
/** A tenth of the cases is another one. */
const later = refundSuite(
  ids.map((id, i) => refundCase(id, i % 10 === 0 ? { vars: { ticket: `${long(i)} Again.` } } : {})),
);

const rowOf = (id: string, i: number) =>
  graded(answered(id, 0, { output: { text: `Refund ${i % 40} is on its way.`, toolCalls: [] } }));

async function write(store: SnapshotStore, id: string, asked = suite): Promise<void> {
  await store.begin(newSnapshot(id, asked));
  // Not awaited one by one: what is asked for first is written first.
  const written = [];
  for (let from = 0; from < ids.length; from += 100)
    written.push(
      store.append(
        id,
        ids.slice(from, from + 100).map((c, i) => rowOf(c, from + i)),
      ),
    );
  await Promise.all(written);
  await store.finish(id, closing({}));
}

/** Threads that are started while `work` goes on. */
async function threadsOf(work: () => Promise<void>): Promise<number> {
  let threads = 0;
  const count = (): void => {
    threads++;
  };
  process.on('worker', count);
  await work();
  process.off('worker', count);
  return threads;
}

/** Each ledger draws a key of its own for the hashes of sessions and users. */
function withoutKey(sql: string): string {
  const key = /(INSERT INTO "observation_state" VALUES \([^X]*)X'[0-9a-f]{32}'/;
  expect(sql).toMatch(key);
  return sql.replace(key, '$1KEY');
}

describe('a large run', () => {
  it('leaves byte for byte the ledger that one connection alone would have written', async () => {
    const alone = join(folder.path, 'alone.db');
    const aside = join(folder.path, 'aside.db');
    const threads: number[] = [];
    for (const [path, threadFromRows] of [
      [alone, Number.POSITIVE_INFINITY],
      [aside, undefined],
    ] as const) {
      const store = await openLedger(path, { threadFromRows });
      threads.push(
        await threadsOf(async () => {
          await write(store, 'sfirst000001');
          await write(store, 'ssecond00002', later);
        }),
      );
      await store.close();
    }
    expect(threads).toEqual([0, 1]);
    expect(withoutKey(dumpSql(aside))).toBe(withoutKey(dumpSql(alone)));
  });

  it('leaves the same ledger where its cases were packed while the suite was still read', async () => {
    const alone = join(folder.path, 'read-alone.db');
    const ahead = join(folder.path, 'read-ahead.db');
    for (const [path, threadFromRows] of [
      [alone, Number.POSITIVE_INFINITY],
      [ahead, 400],
    ] as const) {
      const store = await openLedger(path, { threadFromRows });
      for (const [id, asked] of [
        ['sfirst000001', suite],
        ['ssecond00002', later],
        ['sthird000003', later],
      ] as const) {
        for (let from = 0; from < ids.length; from += 256)
          store.foresee?.(asked.cases.slice(from, from + 256));
        // The thread may have started by then or not: both ways must lead to the same.
        if (id === 'ssecond00002') await new Promise((resolve) => setTimeout(resolve, 300));
        await write(store, id, asked);
      }
      expect((await store.suiteOf('ssecond00002')).cases.at(10)).toEqual(later.cases.at(10));
      await store.close();
    }
    expect(withoutKey(dumpSql(ahead))).toBe(withoutKey(dumpSql(alone)));
  });

  it('stores a case as it is when the run begins, whatever was packed before, and nothing of what was only foreseen', async () => {
    const path = join(folder.path, 'foreseen.db');
    const store = await openLedger(path, { threadFromRows: 0 });
    const secret = refundSuite(
      ids.map((id, i) =>
        refundCase(id, { vars: { ticket: i === 700 ? 'my code is kettle-7-secret' : long(i) } }),
      ),
    );
    store.foresee?.(secret.cases.slice());
    const masked = refundSuite(
      secret.cases.map((c, i) => (i === 700 ? { ...c, vars: { ticket: 'my code is [secret]' } } : c)),
    );
    await store.begin(newSnapshot('smasked00001', masked));
    expect((await store.suiteOf('smasked00001')).cases.slice(699, 702)).toEqual(masked.cases.slice(699, 702));
    store.foresee?.(later.cases.slice());
    await store.close();
    const dump = dumpSql(path);
    expect(dump).not.toContain('kettle-7-secret');
    expect(dump).not.toContain('Again.');
    expect(readFileSync(path).includes('kettle-7-secret')).toBe(false);
  });

  it('reads back what it was given while it goes on', async () => {
    const store = await openLedger(join(folder.path, 'reads.db'), { threadFromRows: 0 });
    await store.begin(newSnapshot('sreads000001', suite));
    await store.append('sreads000001', [rowOf('ticket-3', 3)]);
    expect((await store.results('sreads000001')).cases.filter((c) => c.trials.length > 0)).toHaveLength(1);
    expect([...(await store.doneTrials('sreads000001'))].map(([id]) => id)).toEqual(['ticket-3']);
    expect((await store.suiteOf('sreads000001')).cases.at(9)).toEqual(suite.cases.at(9));
    await store.append('sreads000001', [rowOf('ticket-4', 4)]);
    expect((await store.list())[0]?.trials).toBe(2);
    await store.close();
  });

  it('has written everything it was asked for when it is closed', async () => {
    const path = join(folder.path, 'closing.db');
    const store = await openLedger(path, { threadFromRows: 0 });
    await store.begin(newSnapshot('sclosing0001', suite));
    const some = (from: number) => ids.slice(from, from + 20).map((id, i) => rowOf(id, from + i));
    const rows = Promise.all(
      ids.flatMap((_, i) => (i % 20 === 0 ? [store.append('sclosing0001', some(i))] : [])),
    );
    await Promise.all([store.close(), rows]);
    const again = await openLedger(path);
    expect((await again.list())[0]?.trials).toBe(ids.length);
    await again.close();
  });
});

describe('what the thread refuses', () => {
  it('is told as the ledger itself would, and the rest of the run is not lost', async () => {
    const store = await openLedger(join(folder.path, 'refused.db'), { threadFromRows: 0 });
    await store.begin(newSnapshot('srefused0001', suite));
    const [first, twice, unknown, last] = await Promise.allSettled([
      store.append('srefused0001', [rowOf('ticket-0', 0)]),
      store.append('srefused0001', [rowOf('ticket-1', 1), rowOf('ticket-0', 0)]),
      store.append('srefused0001', [rowOf('ticket-2', 2), rowOf('kettle-99', 99)]),
      store.append('srefused0001', [rowOf('ticket-3', 3)]),
    ]);
    expect([first.status, last.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(twice).toMatchObject({
      status: 'rejected',
      reason: { code: 'TRIAL_EXISTS', where: { caseId: 'ticket-0' }, exitCode: 2 },
    });
    expect(unknown).toMatchObject({ reason: { code: 'CASE_UNKNOWN', where: { caseId: 'kettle-99' } } });
    // A refused batch leaves nothing behind.
    expect([...(await store.doneTrials('srefused0001'))].map(([id]) => id)).toEqual(['ticket-0', 'ticket-3']);
    await store.close();
  });

  it('is nothing that a snapshot which was never allowed to start could leave', async () => {
    const path = join(folder.path, 'never.db');
    const store = await openLedger(path, { threadFromRows: 0 });
    const allowed = Promise.reject(new Error('no key'));
    allowed.catch(() => {});
    await expect(store.begin({ ...newSnapshot('snever000001', suite), allowed })).rejects.toThrow('no key');
    expect(await store.list()).toEqual([]);
    await write(store, 'sagain000001');
    expect((await store.list())[0]).toMatchObject({ id: 'sagain000001', trials: ids.length });
    await store.close();
  });

  it('is everything, on a ledger that was opened for reading', async () => {
    const path = join(folder.path, 'reads.db');
    const store = await openLedger(path, { readonly: true, threadFromRows: 0 });
    const again = refusal(store.append('sreads000001', [rowOf('ticket-5', 5)]));
    expect((await again).code).toBe('LEDGER_READONLY');
    await store.close();
  });
});

describe('a thread that is not there', () => {
  it('does not open another file in the place of the ledger, and neither connection writes any more', async () => {
    const path = join(folder.path, 'moved.db');
    const store = await openLedger(path, { threadFromRows: 1 });
    for (const end of ['', '-wal', '-shm']) renameSync(`${path}${end}`, `${path}.moved${end}`);
    await (await openLedger(path)).close();
    await expect(write(store, 'smoved000001')).rejects.toMatchObject({
      code: 'LEDGER_REPLACED',
      exitCode: 4,
    });
    await store.close();
    for (const file of [path, `${path}.moved`]) {
      const found = await openLedger(file);
      expect(await found.list()).toEqual([]);
      await found.close();
    }
  });

  it('costs nothing where Node may start no thread at all', async () => {
    const path = join(folder.path, 'permission.db');
    const child = fileURLToPath(new URL('./ledger.child.ts', import.meta.url));
    const rights = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons'];
    await promisify(execFile)(process.execPath, [...rights, child, 'write', path, 'alone', '3']);
    const store = await openLedger(path);
    expect((await store.list())[0]).toMatchObject({ id: 'swriteralone', trials: 6, state: 'finished' });
    await store.close();
  });

  it('is waited for when it is closed with work left, where nothing else keeps the process alive', async () => {
    const at = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
    const script = `import { openLedger } from ${at('../../src/ledger/index.ts')};
      import { answered, graded, newSnapshot, refundCase, refundSuite } from ${at('./world.ts')};
      const store = await openLedger(${JSON.stringify(join(folder.path, 'left.db'))}, { threadFromRows: 0 });
      await store.begin(newSnapshot('sleft0000001', refundSuite([refundCase('kettle')])));
      store.append('sleft0000001', [graded(answered('kettle', 0))]);
      await store.close();
      console.log('closed');`;
    // Node leaves with code 13 where what is awaited can never come.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('closed\n');
  });

  it('breaks off what it was asked for when it ends, and the ledger goes on without it', async () => {
    let thread: Worker | undefined;
    const seen = (worker: Worker): void => {
      thread = worker;
    };
    process.once('worker', seen);
    const store = await openLedger(join(folder.path, 'ended.db'), { threadFromRows: 0 });
    await store.begin(newSnapshot('sended000001', suite));
    await store.append('sended000001', [rowOf('ticket-0', 0)]);
    // Null where it was quicker.
    const last = refusal(store.append('sended000001', [rowOf('ticket-1', 1)])).catch(() => null);
    await thread?.terminate();
    const lost = await last;
    if (lost !== null) expect(lost).toMatchObject({ code: 'LEDGER_THREAD', exitCode: 4 });
    await store.append('sended000001', [rowOf('ticket-2', 2)]);
    const done = await store.doneTrials('sended000001');
    expect([...done.keys()].filter((id) => id !== 'ticket-1')).toEqual(['ticket-0', 'ticket-2']);
    if (lost === null) expect(done.has('ticket-1')).toBe(true);
    await store.close();
  });
});
