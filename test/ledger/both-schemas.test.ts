// A table that one ledger gets, the other gets too, or it is said here why not.

import { expect, it } from 'vitest';
import { GUARD, PRODUCTION, TOKENS } from '../../src/ledger/model/ledger-rows.ts';
import { MIGRATIONS as POSTGRES } from '../../src/ledger/postgres/migrations.ts';
import { MIGRATIONS as SQLITE } from '../../src/ledger/sqlite/migrations.ts';

/** Kept in another way on PostgreSQL. */
const ONLY_SQLITE: Readonly<Record<string, string>> = {
  word: 'texts stand in the rows',
  snapshot_served: 'read from the trials',
  grading: 'grades are content',
  grade: 'grades are content',
  rollup: 'views there add up trials and grades',
  maintenance: 'a setting of the transaction there',
  sealed: 'the server keeps its pages whole',
};
const ONLY_POSTGRES: Readonly<Record<string, string>> = { upkeep: 'SQLite has a schema version for that' };

function tables(migrations: readonly { readonly sql: string }[], start: RegExp): Set<string> {
  const found = new Set<string>();
  for (const { sql } of migrations) for (const [, name = ''] of sql.matchAll(start)) found.add(name);
  return found;
}

it('both ledgers have the same tables, but for those that are named', () => {
  const sqlite = tables(SQLITE, /CREATE TABLE (?:IF NOT EXISTS )?(\w+)/g);
  const postgres = tables(POSTGRES, /CREATE TABLE lg\.(\w+)/g);
  expect(postgres.size).toBeGreaterThan(20);
  expect([...sqlite].filter((t) => !postgres.has(t)).sort()).toEqual(Object.keys(ONLY_SQLITE).sort());
  expect([...postgres].filter((t) => !sqlite.has(t)).sort()).toEqual(Object.keys(ONLY_POSTGRES).sort());
});

/** Snapshots and what is said of them, and what a ledger keeps for itself. */
const NOT_BY_ROWS =
  'blessing case_version content document embedding grade grading imported_blessing maintenance observation_state record release rollup sealed served shipping_change snapshot snapshot_served suite suite_case trial upkeep verdict word'.split(
    ' ',
  );

it('a copy of a ledger knows every table of both', () => {
  const known = new Set([...NOT_BY_ROWS, ...[...PRODUCTION, ...GUARD, TOKENS].map(({ name }) => name)]);
  const all = new Set([
    ...tables(SQLITE, /CREATE TABLE (\w+)/g),
    ...tables(POSTGRES, /CREATE TABLE lg\.(\w+)/g),
  ]);
  expect([...all].sort()).toEqual([...known].sort());
});
