// Upkeep of a ledger: pruning keeps what decisions rest on and every score; forgetting leaves no byte of a text; checking notices damage.

import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/base/index.ts';
import type { SnapshotStore } from '../../src/core/index.ts';
import {
  checkLedger,
  exportSnapshot,
  ledgerStats,
  openLedger,
  pruneLedger,
  withLedgerFile,
} from '../../src/ledger/index.ts';
import { forget } from '../../src/ledger/sqlite/forget.ts';
import {
  answered,
  closing,
  collect,
  failed,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  temporaryFolder,
  VALID,
} from './world.ts';

const NOW = new Date('2026-04-01T00:00:00Z');

/** One snapshot a night, each with answers of its own and one answer that never changes. */
async function nights(ledger: SnapshotStore, count: number): Promise<void> {
  const suite = refundSuite([refundCase('kettle-01'), refundCase('kettle-02')]);
  for (let n = 0; n < count; n++) {
    const id = `snight${n}`;
    const startedAt = new Date(Date.UTC(2026, 2, 1 + n)).toISOString();
    await ledger.begin(newSnapshot(id, suite, { startedAt }));
    const text = `On night ${n} we refund jane.roe@example.com. ${'The kettle leaks. '.repeat(200)}`;
    await ledger.append(id, [
      graded(answered('kettle-01', 0, { output: { text, toolCalls: [] } }), [
        scored('names-refund', true, {
          reason: `the output contains "night ${n} we refund jane.roe@example.com"`,
        }),
      ]),
      graded(answered('kettle-02')),
    ]);
    await ledger.finish(id, closing({ finishedAt: startedAt }));
  }
}

async function textsOf(ledger: SnapshotStore, id: string): Promise<string[]> {
  return (await collect(ledger.trials(id))).map(({ trial }) =>
    trial.status === 'answered' ? trial.output.text.slice(0, 24) : trial.status,
  );
}

describe('prune', () => {
  it('drops old answers only, keeps baselines and evidence, every score, and gives the space back', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    await nights(ledger, 12);
    await ledger.bless({
      snapshot: 'snight1',
      suite: 'refund-bot',
      by: 'Ann',
      why: 'first good',
      at: NOW.toISOString(),
      overrode: [],
    });
    await ledger.keepRecord({
      kind: 'rollback',
      suite: 'refund-bot',
      at: NOW.toISOString(),
      body: { verification: { snapshot: 'snight3' } },
    });
    const before = await Promise.all(['snight0', 'snight5', 'snight11'].map((id) => ledger.results(id)));
    await ledger.close();

    const plan = await withLedgerFile(path, {}, (file) =>
      pruneLedger(file, { keepLast: 2, keepDays: 23, now: NOW, dryRun: true }),
    );
    expect(plan).toMatchObject({ dryRun: true, bytesAfter: null });
    expect(plan.pruned).toEqual([
      'snight8',
      'snight7',
      'snight6',
      'snight5',
      'snight4',
      'snight2',
      'snight0',
    ]);
    const report = await withLedgerFile(path, {}, (file) =>
      pruneLedger(file, { keepLast: 2, keepDays: 23, now: NOW, dryRun: false }),
    );
    expect(report.pruned).toEqual(plan.pruned);
    expect(report.texts).toBe(plan.texts);
    expect(Object.fromEntries(report.kept.map((k) => [k.snapshot, k.why]))).toEqual({
      snight11: 'one of the newest 2 of its kind',
      snight10: 'one of the newest 2 of its kind',
      snight9: 'younger than 23 days',
      snight3: 'evidence of a kept record (rollback)',
      snight1: 'a baseline, now or once',
    });
    expect((await stat(path)).size).toBeLessThanOrEqual(report.bytesAfter as number);
    expect(report.bytesAfter as number).toBeLessThan(report.bytesBefore);

    const again = await openLedger(path);
    expect(await Promise.all(['snight0', 'snight5', 'snight11'].map((id) => again.results(id)))).toEqual(
      before,
    );
    // The answer that never changed is also the newest night's, and stays everywhere.
    expect(await textsOf(again, 'snight5')).toEqual(['[removed from the ledger', 'A refund is on its way.']);
    expect((await textsOf(again, 'snight1'))[0]).toBe('On night 1 we refund jan');
    // A suite can still be run again, and an answer that comes back is kept again.
    expect((await again.suiteOf('snight0')).cases).toHaveLength(2);
    await again.close();
    expect(await withLedgerFile(path, {}, checkLedger)).toMatchObject({ ok: true, removed: report.texts });
    expect(
      await withLedgerFile(path, {}, (file) =>
        pruneLedger(file, { keepLast: 2, keepDays: 23, now: NOW, dryRun: false }),
      ),
    ).toMatchObject({ texts: 0 });
  });

  it('takes an answer back in when a later night gives it again', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const suite = refundSuite([refundCase('kettle-01')]);
    const row = graded(answered('kettle-01'));
    const ledger = await openLedger(path);
    await ledger.begin(newSnapshot('sfirst', suite));
    await ledger.append('sfirst', [row]);
    await ledger.finish('sfirst', VALID);
    await ledger.close();
    await withLedgerFile(path, {}, (file) =>
      pruneLedger(file, { keepBlessed: true, now: NOW, dryRun: false }),
    );
    const again = await openLedger(path);
    expect(await textsOf(again, 'sfirst')).toEqual(['[removed from the ledger']);
    await again.begin(newSnapshot('ssecond', suite));
    await again.append('ssecond', [row]);
    expect(await textsOf(again, 'sfirst')).toEqual(['A refund is on its way.']);
    await again.close();
  });

  it('asks for a rule', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await (await openLedger(path)).close();
    await expect(
      withLedgerFile(path, {}, (file) => pruneLedger(file, { now: NOW, dryRun: true })),
    ).rejects.toMatchObject({ code: 'PRUNE_WITHOUT_RULE' });
  });
});

describe('forget', () => {
  it('leaves no byte of a text in the file, and every score', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    await nights(ledger, 3);
    await ledger.keepVerdict('key', { reason: 'it names jane.roe@example.com' }, NOW.toISOString());
    const scores = (await ledger.results('snight2')).summary.meanScore;
    await ledger.close();
    const report = await withLedgerFile(path, {}, (file) =>
      forget(file, { kind: 'text', substring: true, text: 'jane.roe@example.com' }),
    );
    expect(report).toMatchObject({ payloads: 3, rows: 4, snapshots: ['snight0', 'snight1', 'snight2'] });
    for (const file of [path, `${path}-wal`]) {
      const bytes = await readFile(file).catch(() => Buffer.alloc(0));
      expect(bytes.includes('jane.roe')).toBe(false);
    }
    const again = await openLedger(path);
    expect((await again.results('snight2')).summary.meanScore).toBe(scores);
    expect((await collect(exportSnapshot(again, 'snight1'))).join('')).not.toContain('jane.roe');
    await again.close();
    expect((await withLedgerFile(path, {}, checkLedger)).problems).toEqual([]);
  });

  it('takes all payloads of a case, and names what it does not know', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    await nights(ledger, 2);
    await ledger.close();
    const report = await withLedgerFile(path, {}, (file) =>
      forget(file, { kind: 'case', caseId: 'kettle-01' }),
    );
    expect(report.snapshots).toEqual(['snight0', 'snight1']);
    const again = await openLedger(path);
    expect(await textsOf(again, 'snight0')).toEqual(['[removed from the ledger', 'A refund is on its way.']);
    const suite = await again.suiteOf('snight0');
    expect(suite.cases.map((c) => Object.keys(c.vars).length > 0)).toEqual([false, true]);
    await again.close();
    await expect(
      withLedgerFile(path, {}, (file) => forget(file, { kind: 'case', caseId: 'kettle-99' })),
    ).rejects.toMatchObject({ code: 'CASE_UNKNOWN' });
    await expect(
      withLedgerFile(path, {}, (file) => forget(file, { kind: 'text', text: 'a' })),
    ).rejects.toMatchObject({ code: 'FORGET_TOO_SHORT' });
  });
});

describe('vectors', () => {
  it('go with their text, whoever takes it out, and with the embedder nobody uses', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const suite = refundSuite([refundCase('kettle-01'), refundCase('kettle-02')]);
    const embedder = refundRelease('text-embedding-3-small', { name: 'embedder', fingerprint: 'small' });
    const told = (text: string) => ({ text, toolCalls: [] });
    const hash = (text: string) => contentHash(told(text) as never);
    for (const n of [0, 1, 2]) {
      const startedAt = new Date(Date.UTC(2026, 2, 1 + n)).toISOString();
      await ledger.begin(newSnapshot(`snight${n}`, suite, { startedAt, embedder }));
      await ledger.append(`snight${n}`, [
        graded(answered('kettle-01', 0, { output: told(`night ${n}, for jane.roe@example.com`) })),
        graded(answered('kettle-02', 0, { output: told(`night ${n}`) })),
      ]);
      await ledger.finish(`snight${n}`, closing({ finishedAt: startedAt }));
      for (const name of ['small', 'old'])
        await ledger.keepVectors(
          name,
          new Map([
            [hash(`night ${n}, for jane.roe@example.com`), Float32Array.of(n, 0.75)],
            [hash(`night ${n}`), Float32Array.of(n, 0.5)],
          ]),
        );
    }
    await ledger.close();
    const left = async (): Promise<unknown> => {
      const again = await openLedger(path);
      const counts = await Promise.all([0, 1, 2].map((n) => again.vectorCounts(`snight${n}`)));
      await again.close();
      return counts.map((list) => Object.fromEntries(list.map((c) => [c.embedder, c.trials])));
    };
    expect((await withLedgerFile(path, {}, ledgerStats)).parts).toContainEqual(
      expect.objectContaining({ part: 'embedding vectors' }),
    );
    const rules = { keepLast: 2, now: NOW };
    const plan = await withLedgerFile(path, {}, (file) => pruneLedger(file, { ...rules, dryRun: true }));
    expect(plan.vectors).toBe(8);
    expect(await left()).toEqual([
      { old: 2, small: 2 },
      { old: 2, small: 2 },
      { old: 2, small: 2 },
    ]);
    const report = await withLedgerFile(path, {}, (file) => pruneLedger(file, { ...rules, dryRun: false }));
    expect(report.vectors).toBe(8);
    expect(await left()).toEqual([{}, { small: 2 }, { small: 2 }]);

    await withLedgerFile(path, {}, (file) =>
      forget(file, { kind: 'text', substring: true, text: 'jane.roe@example.com' }),
    );
    expect(await left()).toEqual([{}, { small: 1 }, { small: 1 }]);
    await withLedgerFile(path, {}, (file) => forget(file, { kind: 'case', caseId: 'kettle-02' }));
    expect(await left()).toEqual([{}, {}, {}]);
    const bytes = await readFile(path);
    expect(bytes.includes(Buffer.from(Float32Array.of(2, 0.75).buffer))).toBe(false);
    expect(await withLedgerFile(path, {}, checkLedger)).toMatchObject({ ok: true, vectors: 0 });
  });

  it('that are damaged are noticed', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    await nights(ledger, 2);
    const { cases } = await ledger.results('snight1');
    const hashes = cases.flatMap((c) => c.trials.flatMap((t) => t.outputHash ?? []));
    await ledger.keepVectors('small', new Map(hashes.map((h) => [h, Float32Array.of(1, 2)])));
    await ledger.close();
    expect(await withLedgerFile(path, {}, checkLedger)).toMatchObject({ ok: true, vectors: 2 });
    const raw = new Database(path);
    raw.exec(
      "DROP TRIGGER content_stays; DROP TRIGGER embedding_stays; UPDATE embedding SET vector = x'0000c07f' WHERE id = 1",
    );
    raw.exec('DROP TRIGGER embedding_goes_with_its_text');
    raw.exec(
      "UPDATE content SET encoding = 9, body = '' WHERE id = (SELECT output FROM embedding WHERE id = 2)",
    );
    raw.close();
    expect((await withLedgerFile(path, {}, checkLedger)).problems).toEqual([
      'vector 1 holds something that is not a number',
      'vector 2 is there, but the text it was made of was removed',
    ]);
  });
});

describe('stats and check', () => {
  it('account for every page, and notice a text that was changed', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    await nights(ledger, 3);
    await ledger.close();
    const stats = await withLedgerFile(path, {}, ledgerStats);
    expect(stats).toMatchObject({
      snapshots: 3,
      trials: 6,
      suites: [{ suite: 'refund-bot', snapshots: 3, trials: 6 }],
    });
    const parts = stats.parts.reduce((sum, p) => sum + p.bytes, 0);
    // Pages that map free ones belong to nothing.
    expect(stats.bytes - (stats.freeBytes ?? 0) - parts).toBeLessThanOrEqual(2 * 4096);
    const raw = new Database(path);
    raw.exec('DROP TRIGGER content_stays');
    raw.exec("UPDATE content SET body = 'we never refund' WHERE encoding = 2 AND body LIKE 'A refund%'");
    raw.close();
    const check = await withLedgerFile(path, {}, checkLedger);
    expect(check.ok).toBe(false);
    expect(check.problems[0]).toMatch(/^content \d+ is not what it was/);
  });

  it('tells what it can see of a file that is damaged', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    await nights(ledger, 20);
    await ledger.close();
    const raw = new Database(path);
    // The pages of all answers and prompts but the first: the structure no longer holds.
    const pages = raw
      .prepare("SELECT pageno FROM dbstat WHERE name = 'content' AND pagetype = 'leaf'")
      .pluck()
      .all() as number[];
    raw.close();
    const bytes = await readFile(path);
    for (const page of pages.slice(1)) bytes.fill(0x5a, (page - 1) * 4096, page * 4096);
    await writeFile(path, bytes);
    const check = await withLedgerFile(path, {}, checkLedger);
    expect(check.ok).toBe(false);
    expect(check.problems.some((p) => p.startsWith('structure: '))).toBe(true);
    expect(check.contents).toBeGreaterThan(0);
  });

  it('counts application errors, also over a resume, and trials planned after all', async () => {
    await using folder = await temporaryFolder();
    const ledger = await openLedger(join(folder.path, 'lastgood.db'));
    const suite = refundSuite([
      refundCase('kettle-01', { trials: 5 }),
      refundCase('kettle-02', { trials: 1 }),
    ]);
    await ledger.begin(newSnapshot('sapp1', suite));
    await ledger.append('sapp1', [
      graded(failed('kettle-01', 0, 'app_error')),
      graded(failed('kettle-01', 1)),
    ]);
    const stopped = await ledger.finish('sapp1', closing({ state: 'interrupted' }));
    expect(stopped).toMatchObject({ failed: 2, appErrors: 1 });
    await ledger.reopen('sapp1');
    await ledger.append('sapp1', [
      graded(failed('kettle-02', 0, 'app_error')),
      graded(answered('kettle-01', 2)),
    ]);
    expect(await ledger.finish('sapp1', closing({ plannedTrialsPerCase: 3 }))).toMatchObject({
      failed: 3,
      appErrors: 2,
      plannedTrialsPerCase: 3,
    });
    expect((await ledger.results('sapp1')).cases.map((c) => c.plannedTrials)).toEqual([3, 1]);
    await ledger.close();
  });
});
