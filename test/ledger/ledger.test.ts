// The SQLite ledger keeps the contract of every snapshot store, and what only it promises: what is stored once, what never changes.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { contentHash } from '../../src/base/json.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { anyObject, anyTrial } from './any-trial.ts';
import { storeContract } from './contract.ts';
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
  ungraded,
  VALID,
} from './world.ts';

for (const { name, threadFromRows } of [
  { name: 'the SQLite ledger', threadFromRows: undefined },
  { name: 'the SQLite ledger, written by its thread', threadFromRows: 0 },
])
  storeContract(name, async () => {
    const folder = await temporaryFolder();
    const path = join(folder.path, 'snapshots', 'lastgood.db');
    const store = await openLedger(path, { threadFromRows });
    return {
      store,
      reopen: () => openLedger(path),
      dispose: async () => {
        await store.close();
        await folder[Symbol.asyncDispose]();
      },
    };
  });

describe('what is stored once', () => {
  it('keeps 365 unchanged nights of 100 cases without a second copy of anything but the nights', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const suite = refundSuite(Array.from({ length: 100 }, (_, i) => refundCase(`ticket-${i}`)));
    const rows = suite.cases.map((c) => graded(answered(c.id)));
    const night = async (n: number): Promise<void> => {
      const id = `snight${String(n).padStart(3, '0')}`;
      await ledger.begin(
        newSnapshot(id, suite, { startedAt: new Date(Date.UTC(2026, 0, 1 + n)).toISOString() }),
      );
      await ledger.append(id, rows);
      await ledger.finish(id, VALID);
    };
    const raw = new Database(path, { readonly: true });
    const sizes = () =>
      Object.fromEntries(
        [
          'content',
          'document',
          'case_version',
          'suite',
          'suite_case',
          'release',
          'grading',
          'grade',
          'word',
          'served',
        ].map((table) => [table, raw.prepare(`SELECT count(*) FROM ${table}`).pluck().get()]),
      );
    await night(0);
    const first = sizes();
    for (let n = 1; n < 365; n++) await night(n);
    expect(sizes()).toEqual(first);
    expect(first).toMatchObject({
      case_version: 100,
      suite: 1,
      suite_case: 100,
      release: 1,
      grading: 1,
      grade: 2,
      served: 1,
    });
    expect(raw.prepare('SELECT count(*) FROM trial').pluck().get()).toBe(36_500);
    raw.close();
    await ledger.close();
  });

  it('stores of an edited suite only the case that was edited', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const cases = Array.from({ length: 20 }, (_, i) => refundCase(`ticket-${i}`));
    await ledger.begin(newSnapshot('sbefore0', refundSuite(cases)));
    const edited = [refundCase('ticket-0', { expected: 'no refund' }), ...cases.slice(1)].map((c, i) => ({
      ...c,
      where: { file: 'moved.jsonl', line: i + 40 },
    }));
    await ledger.begin(newSnapshot('safter00', refundSuite(edited)));
    const raw = new Database(path, { readonly: true });
    expect(raw.prepare('SELECT count(*) FROM case_version').pluck().get()).toBe(21);
    raw.close();
    expect(await ledger.suiteOf('safter00')).toEqual(refundSuite(edited));
    expect(await ledger.suiteOf('sbefore0')).toEqual(refundSuite(cases));
    await ledger.close();
  });

  it('files an output under the hash of its content', async () => {
    await using folder = await temporaryFolder();
    const ledger = await openLedger(join(folder.path, 'lastgood.db'));
    const plain = { text: 'A refund is on its way.', toolCalls: [] };
    const impostor = { text: JSON.stringify(plain), toolCalls: [] };
    const calling = { text: '', toolCalls: [{ name: 'refund', args: { order: 1 } }] };
    await ledger.begin(newSnapshot('shashes0', refundSuite([refundCase('ticket', { trials: 3 })])));
    const outputs = [plain, impostor, calling];
    // A request body that is, byte for byte, what one of the outputs is: the same content in another role.
    await ledger.append(
      'shashes0',
      outputs.map((output, trial) =>
        graded(answered('ticket', trial, { output, sent: plain as unknown as JsonObject })),
      ),
    );
    const { cases } = await ledger.results('shashes0');
    expect(cases[0]?.trials.map((t) => t.outputHash)).toEqual(
      outputs.map((o) => contentHash(o as unknown as JsonValue)),
    );
    const stored = await collect(ledger.trials('shashes0'));
    expect(stored.map((t) => t.trial.status === 'answered' && t.trial.output)).toEqual(outputs);
    expect(stored.map((t) => t.trial.sent)).toEqual([plain, plain, plain]);
    await ledger.close();
  });
});

describe('any trial', () => {
  it('comes back as it went in', async () => {
    await using folder = await temporaryFolder();
    const ledger = await openLedger(join(folder.path, 'lastgood.db'));
    const suite = refundSuite([refundCase('ticket')]);
    let n = 0;
    await fc.assert(
      fc.asyncProperty(anyTrial, anyObject, async (row, meta) => {
        const id = `sany${String(n++).padStart(5, '0')}`;
        const own = n % 3 === 0 ? refundSuite([refundCase('ticket', { meta })]) : suite;
        await ledger.begin(newSnapshot(id, own));
        await ledger.append(id, [row]);
        expect(await collect(ledger.trials(id))).toEqual([row]);
        expect(await ledger.suiteOf(id)).toEqual(own);
      }),
      { numRuns: 200 },
    );
    await ledger.close();
  });
});

describe('a finished snapshot', () => {
  it('cannot be changed with SQL either', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    await ledger.begin(newSnapshot('slocked0', refundSuite([refundCase('ticket', { trials: 3 })])));
    await ledger.append('slocked0', [graded(answered('ticket')), graded(failed('ticket', 1))]);
    const raw = new Database(path);
    expect(() => raw.exec('UPDATE trial SET pass = 0')).toThrow('a trial never changes');
    await ledger.finish('slocked0', VALID);
    await ledger.bless({
      snapshot: 'slocked0',
      suite: 'refund-bot',
      by: 'ann',
      why: 'good',
      at: '2026-03-16',
      overrode: [],
    });
    const copyTrial = `INSERT INTO trial SELECT snapshot, case_no, 2, outcome, pass, score, ungraded, length, refusal, latency_ms, cost_usd,
      judge_usd, stop_reason, served, request_id, usage_known, input_tokens, output_tokens, cached_tokens, cache_write_tokens,
      reasoning_tokens, dropped_params, output, sent, grading, code, message, calls, started_ms, attempts FROM trial LIMIT 1`;
    for (const sql of [
      'UPDATE trial SET pass = 0',
      'DELETE FROM trial',
      copyTrial,
      copyTrial.replace('INSERT', 'INSERT OR REPLACE'),
      'UPDATE grade SET score = 1',
      'DELETE FROM grade',
      "UPDATE snapshot SET validity = 'degraded'",
      "UPDATE snapshot SET state = 'running'",
      'DELETE FROM snapshot',
      "UPDATE content SET body = 'better'",
      'UPDATE rollup SET passed = 9',
      'DELETE FROM rollup',
      "UPDATE blessing SET by_whom = 'bob'",
      'DELETE FROM blessing',
    ])
      expect(() => raw.exec(sql), sql).toThrow(/never changes|is not deleted|only added/);
    raw.close();
    await ledger.close();
  });

  it('is counted right while it runs, whoever appends and whatever is refused', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const other = await openLedger(path);
    const row = (trial: number, pass: boolean) =>
      graded(answered('ticket-1', trial), [scored('names-refund', pass)]);
    const passRate = async (): Promise<unknown> => (await ledger.list())[0]?.passRate;
    await ledger.begin(newSnapshot('scounted', refundSuite([refundCase('ticket-1', { trials: 5 })])));
    await ledger.append('scounted', [row(0, true)]);
    await expect(ledger.append('scounted', [row(1, false), row(0, true)])).rejects.toThrow(
      'already has trial',
    );
    expect(await passRate()).toBe(1);
    await ledger.append('scounted', [row(1, true)]);
    await other.append('scounted', [row(2, false), row(3, false)]);
    await ledger.append('scounted', [row(4, false)]);
    expect(await passRate()).toBeCloseTo(2 / 5, 12);
    expect((await ledger.finish('scounted', VALID)).passRate).toBe(2 / 5);
    await ledger.close();
    await other.close();
  });

  it('is rolled up alike whether a case has one trial or several, and keeps rows only for several', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const suite = refundSuite(['one', 'two', 'lost', 'open', 'bare'].map((id) => refundCase(id)));
    const grades = [scored('names-refund', true), scored('short', false)];
    const row = (id: string, trial = 0, given = grades) => graded(answered(id, trial), given);
    for (const id of ['srolled1', 'srunning']) {
      await ledger.begin(newSnapshot(id, suite));
      await ledger.append(id, [
        row('one'),
        row('two'),
        row('two', 1, [ungraded('names-refund'), scored('short', true)]),
        graded(failed('lost')),
        row('open', 0, [ungraded('names-refund'), scored('short', true)]),
        row('bare', 0, []),
      ]);
    }
    await ledger.finish('srolled1', VALID);
    const raw = new Database(path, { readonly: true });
    const rows = (sql: string) => raw.prepare(sql).raw().all();
    const seen = rows(
      'SELECT snapshot, case_id, grader, scored, passed, ungraded, score_sum FROM v_rollups ORDER BY 2, 3',
    );
    expect(seen).toEqual(
      rows(`SELECT snapshot, case_id, NULL, count(pass), total(pass), count(*) - count(pass), total(score)
            FROM v_trials WHERE status = 'answered' AND snapshot = 'srolled1' GROUP BY 2
            UNION ALL
            SELECT snapshot, case_id, grader, count(pass), total(pass), count(*) - count(pass), total(score)
            FROM v_grades WHERE snapshot = 'srolled1' GROUP BY 2, 3 ORDER BY 2, 3`),
    );
    expect(seen).toHaveLength(4 + 3 * 2);
    expect(rows('SELECT count(*) FROM rollup')).toEqual([[3]]);
    raw.close();
    await ledger.close();
  });

  it('is rolled up per case and grader, and open to SQL through views', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const suite = refundSuite([refundCase('ticket-1', { trials: 2 }), refundCase('ticket-2')]);
    await ledger.begin(newSnapshot('sviews00', suite));
    await ledger.append('sviews00', [
      graded(answered('ticket-1'), [scored('names-refund', true), scored('short', false)]),
      graded(answered('ticket-1', 1), [scored('names-refund', true), scored('short', true)]),
      graded(failed('ticket-2')),
    ]);
    await ledger.finish('sviews00', closing({ state: 'interrupted', validity: 'degraded' }));
    const raw = new Database(path, { readonly: true });
    const all = (sql: string) => raw.prepare(sql).all();
    expect(
      all('SELECT case_id, grader, scored, passed, ungraded, score_sum FROM v_rollups ORDER BY grader'),
    ).toEqual([
      { case_id: 'ticket-1', grader: null, scored: 2, passed: 1, ungraded: 0, score_sum: 1.5 },
      { case_id: 'ticket-1', grader: 'names-refund', scored: 2, passed: 2, ungraded: 0, score_sum: 2 },
      { case_id: 'ticket-1', grader: 'short', scored: 2, passed: 1, ungraded: 0, score_sum: 1 },
    ]);
    expect(all('SELECT id, suite, state, trials, pass_rate, cost_usd FROM v_snapshots')).toEqual([
      {
        id: 'sviews00',
        suite: 'refund-bot',
        state: 'interrupted',
        trials: 3,
        pass_rate: 0.5,
        cost_usd: 0.001,
      },
    ]);
    expect(
      all(
        'SELECT case_id, trial, status, cause, pass, started_at, output FROM v_trials ORDER BY case_id, trial',
      ),
    ).toEqual([
      {
        case_id: 'ticket-1',
        trial: 0,
        status: 'answered',
        cause: null,
        pass: 0,
        started_at: '2026-03-15T02:00:01.250Z',
        output: 'A refund is on its way.',
      },
      {
        case_id: 'ticket-1',
        trial: 1,
        status: 'answered',
        cause: null,
        pass: 1,
        started_at: '2026-03-15T02:00:01.250Z',
        output: 'A refund is on its way.',
      },
      {
        case_id: 'ticket-2',
        trial: 0,
        status: 'failed',
        cause: 'infra_error',
        pass: null,
        started_at: '2026-03-15T02:00:01.000Z',
        output: null,
      },
    ]);
    expect(all('SELECT count(*) AS n, sum(pass) AS passed FROM v_grades')).toEqual([{ n: 4, passed: 3 }]);
    expect(all('SELECT case_id, planned_trials FROM v_cases ORDER BY 1')).toEqual([
      { case_id: 'ticket-1', planned_trials: 2 },
      { case_id: 'ticket-2', planned_trials: 1 },
    ]);
    raw.close();
    // Resumed, the rollup is made again at the end.
    await ledger.reopen('sviews00');
    await ledger.finish('sviews00', VALID);
    await ledger.close();
  });
});

describe('who runs a snapshot', () => {
  it('holds it: nobody else resumes it until it has ended, or its process has', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const [runs, other] = [await openLedger(path), await openLedger(path)];
    await runs.begin(newSnapshot('sheld000', refundSuite([refundCase('ticket')])));
    await expect(other.reopen('sheld000')).rejects.toMatchObject({ code: 'SNAPSHOT_RUNNING', exitCode: 2 });
    await runs.reopen('sheld000');
    await runs.append('sheld000', [graded(answered('ticket'))]);

    await runs.finish('sheld000', closing({ state: 'interrupted' }));
    await other.reopen('sheld000');
    await expect(runs.reopen('sheld000')).rejects.toMatchObject({ code: 'SNAPSHOT_RUNNING' });
    await other.close();
    await runs.reopen('sheld000');
    expect(await runs.finish('sheld000', VALID)).toMatchObject({ state: 'finished', trials: 1 });
    await runs.close();
    expect(await readdir(folder.path)).toEqual(['lastgood.db']);
  });
});

describe('releases', () => {
  it('shares a long prompt between releases, requests and nights', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const suite = refundSuite([refundCase('ticket')]);
    for (const [n, model] of ['gpt-4o-2024-11-20', 'gpt-4o-2025-01-01'].entries()) {
      await ledger.begin(newSnapshot(`srelease${n}`, suite, { release: refundRelease(model) }));
      await ledger.append(`srelease${n}`, [graded(answered('ticket'))]);
    }
    const raw = new Database(path, { readonly: true });
    expect(
      raw.prepare("SELECT count(*) FROM content WHERE body LIKE '%You are the refund desk%'").pluck().get(),
    ).toBe(1);
    raw.close();
    await ledger.close();
  });
});
