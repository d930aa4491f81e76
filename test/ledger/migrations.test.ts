// The schema: made fresh, opened again, brought up from every version that was ever released.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { exportSnapshot, openLedger } from '../../src/ledger/index.ts';
import { MIGRATIONS, SCHEMA_VERSION } from '../../src/ledger/sqlite/migrations.ts';
import { restoreSql, schemaOf } from './dump.ts';
import { answered, collect, graded, temporaryFolder, VALID } from './world.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures', import.meta.url));
const versions = (await readdir(FIXTURES)).filter((name) => name.startsWith('snapshot-schema-v')).sort();

/** Lines without what later formats added or left out: blessings, notes of what has no hash any more, commands of dependents. */
function sharedContent(lines: readonly string[]): unknown[] {
  return lines
    .map((line) =>
      JSON.parse(line, (key, value) =>
        ['schemaVersion', 'altered', 'check'].includes(key) ? undefined : value,
      ),
    )
    .filter((line) => line.kind !== 'blessing');
}

describe('the schema', () => {
  it('is numbered without gaps, and every version has its fixture', () => {
    expect(MIGRATIONS.map((m) => m.version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
    expect(versions).toEqual(MIGRATIONS.map((m) => `snapshot-schema-v${m.version}`));
  });

  it('is made once and found again', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await (await openLedger(path)).close();
    const fresh = schemaOf(path);
    await (await openLedger(path)).close();
    expect(schemaOf(path)).toEqual(fresh);
    const raw = new Database(path);
    expect(raw.prepare('SELECT version, name FROM migration').all()).toEqual(
      MIGRATIONS.map(({ version, name }) => ({ version, name })),
    );
    expect(raw.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(raw.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
    expect(
      fresh.filter((o) => o.type === 'table' && o.sql?.startsWith('CREATE TABLE') && !/STRICT/.test(o.sql)),
    ).toEqual([]);
    raw.close();
  });

  it('refuses values of the wrong type and references into nothing', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await (await openLedger(path)).close();
    const raw = new Database(path);
    raw.pragma('foreign_keys = ON');
    expect(() =>
      raw.exec("INSERT INTO record (kind, suite, at, body) VALUES ('a', 'b', 'c', X'00')"),
    ).toThrow('cannot store BLOB');
    expect(() =>
      raw.exec(
        "INSERT INTO blessing (snapshot, suite, by_whom, why, at, overrode) VALUES (99, '', '', '', '', '')",
      ),
    ).toThrow('FOREIGN KEY');
    raw.close();
  });

  it.each(versions)('%s comes up to date with everything in it', async (name) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const fixture = join(FIXTURES, name);
    restoreSql(await readFile(join(fixture, 'ledger.sql'), 'utf8'), path);
    const ledger = await openLedger(path);

    const freshPath = join(folder.path, 'fresh.db');
    await (await openLedger(freshPath)).close();
    expect(schemaOf(path)).toEqual(schemaOf(freshPath));

    for (const id of ['sfinished', 'sstopped1']) {
      const lines = await collect(exportSnapshot(ledger, id));
      const then = (await readFile(join(fixture, `${id}.snapshot.jsonl`), 'utf8')).trimEnd().split('\n');
      expect(sharedContent(lines)).toEqual(sharedContent(then));
    }
    expect(await ledger.list()).toMatchObject([
      {
        id: 'sstopped1',
        state: 'interrupted',
        trials: 2,
        skipped: 1,
        passRate: 1,
        pinned: true,
        imported: false,
      },
      {
        id: 'sfinished',
        state: 'finished',
        trials: 4,
        failed: 1,
        ungraded: 1,
        calls: 6,
        judgeCostUsd: null,
        simulated: true,
      },
    ]);
    const now = new Date('2026-03-20T00:00:00Z');
    expect(await ledger.resolve('baseline', { now })).toMatchObject({
      id: 'sfinished',
      labels: { branch: 'main' },
    });
    expect(await ledger.cachedVerdict('key-1')).toEqual({ yes: true });
    expect(await ledger.records('comparison')).toHaveLength(1);
    // Vectors came with version 3.
    const vectors = name < 'snapshot-schema-v3' ? [] : [{ embedder: 'e'.repeat(64), trials: 2 }];
    expect(await ledger.vectorCounts('sfinished')).toEqual(vectors);
    await ledger.reopen('sstopped1');
    await ledger.append('sstopped1', [graded(answered('kettle-02'))]);
    expect(await ledger.finish('sstopped1', VALID)).toMatchObject({ trials: 2, passRate: 1 });
    await ledger.close();
  });

  it('from 3 to 4: sums that were kept stay, and the view gives the same whether there are any', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    restoreSql(await readFile(join(FIXTURES, 'snapshot-schema-v3', 'ledger.sql'), 'utf8'), path);
    const sums =
      'SELECT snapshot, case_id, grader, scored, passed, ungraded, score_sum FROM v_rollups ORDER BY 1, 2, 3';
    const look = (sql: string): unknown[] => {
      const raw = new Database(path, { readonly: true });
      try {
        return raw.prepare(sql).all();
      } finally {
        raw.close();
      }
    };
    const before = look(sums);
    expect(before.length).toBeGreaterThan(0);
    const kept = look('SELECT * FROM rollup');
    await (await openLedger(path)).close();
    expect(look(sums)).toEqual(before);
    expect(look('SELECT * FROM rollup')).toEqual(kept);
    // Ended anew under version 4: fewer rows, the same sums.
    const ledger = await openLedger(path);
    await ledger.reopen('sstopped1');
    await ledger.finish('sstopped1', VALID);
    await ledger.close();
    expect(look('SELECT * FROM rollup').length).toBeLessThan(kept.length);
    expect(look(sums)).toEqual(before);
  });
});
