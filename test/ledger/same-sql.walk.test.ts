// One SQL query reads a ledger in a file and its copy on PostgreSQL, and finds the same.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SILENT } from '../../src/base/index.ts';
import { copyJob } from '../../src/jobs/ledger/copy.ts';
import { openProduction } from '../../src/jobs/observe/open-production.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { observation, outcome } from './observation-world.ts';
import { plantedLedger } from './planted-ledger.ts';
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';
import {
  answered,
  failed,
  graded,
  newSnapshot,
  refundCase,
  refundSuite,
  scored,
  skipped,
  temporaryFolder,
  ungraded,
  VALID,
} from './world.ts';

const VIEWS = ['v_snapshots', 'v_cases', 'v_trials', 'v_grades', 'v_rollups', 'v_observations'];

describe.skipIf(noPostgres !== null)('the public views', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  it('have the same columns and the same rows in both, and the documented query runs on both', async () => {
    await using folder = await temporaryFolder();
    const [path, address] = [join(folder.path, 'a.db'), server.fresh()];
    await plantedLedger(path);
    const store = await openLedger(path);
    const suite = refundSuite([
      refundCase('several', { trials: 6, critical: true, minPassRate: 0.5 }),
      refundCase('draft', { graders: [] }),
      refundCase('failing', { trials: 2 }),
    ]);
    const text = 'nul \u0000, not one: \\u0000, \u0001 and "quotes"';
    await store.begin(newSnapshot('severalx', suite, { labels: { '"': '\u0000' }, imported: true }));
    await store.append('severalx', [
      graded(
        answered('several', 0, {
          ...{
            output: { text: 'A refund.', toolCalls: [] },
            usage: { inputTokens: 3, cachedInputTokens: 2 },
          },
          served: { ...answered('x').served, simulated: true },
        }),
      ),
      graded(answered('several', 1, { costUsd: null, usage: null }), [
        scored('names-refund', false),
        scored('short', true),
      ]),
      graded(
        answered('several', 2),
        [ungraded('judge'), scored('short', true, { reason: text, details: { text } })],
        {
          judgeCostUsd: null,
        },
      ),
      graded(failed('several', 3)),
      graded(skipped('several', 4)),
      graded(answered('draft'), []),
      graded(answered('failing'), [scored('names-refund', false)]),
    ]);
    await store.finish('severalx', VALID);
    await store.close();
    const production = await openProduction(path);
    await production.add({
      observations: [observation('o1', { measures: { costUsd: 0.1, blocked: true } }), observation('o2')],
      outcomes: [outcome('o1', { edited: 0.25 })],
    });
    await production.close();
    await copyJob({ from: path, to: address }, SILENT);
    // Running ones are not copied, but both are counted.
    for (const place of [path, address]) {
      const running = await openLedger(place);
      await running.begin(newSnapshot('srunning', suite));
      await running.append('srunning', [graded(answered('several', 0)), graded(failed('several', 1))]);
      await running.close();
    }

    const file = new Database(path, { readonly: true });
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      await client.query(`SET search_path = ${new URL(address).searchParams.get('schema')}`);
      for (const view of VIEWS) {
        const own = file.prepare<[], Record<string, unknown>>(`SELECT * FROM ${view}`).all();
        const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${view}`);
        expect(own.length, view).toBeGreaterThan(0);
        const names = Object.keys(own[0] as object);
        expect(
          Object.keys(rows[0] as object).filter((name) => name !== 'output_json'),
          view,
        ).toEqual(names);
        const shown = (all: readonly Record<string, unknown>[]): string[] =>
          all.map((row) => JSON.stringify(names.map((name) => plain(name, row[name])))).sort();
        expect(shown(rows), view).toEqual(shown(own));
      }
      const docs = await readFile(new URL('../../docs/ledger.md', import.meta.url), 'utf8');
      const [, query = ''] = /sqlite3 snapshots\/lastgood.db "([^"]+)"/.exec(docs) ?? [];
      const asked = query.replace(/snapshot = '\w+'/, "snapshot = 'severalx'");
      const found = file.prepare<[], object>(asked).all();
      expect(found).toEqual([
        { case_id: 'several', status: 'answered', score: 0.5 },
        { case_id: 'failing', status: 'answered', score: 0 },
      ]);
      expect((await client.query(asked)).rows).toEqual(found);
    } finally {
      await client.end();
      file.close();
    }
  });
});

/** Sums of floats may differ in their last digit, JSON in the order of keys; PostgreSQL shows U+0000 as U+FFFD, SQLite no hash as an empty text. */
function plain(name: string, value: unknown): unknown {
  if (name === 'output_hash' && value === '') return null;
  if (typeof value === 'number') return Number(value.toPrecision(12));
  if (typeof value !== 'string') return value;
  if (name === 'details' || name === 'environment') return sorted(JSON.parse(value));
  return value.replaceAll('\u0000', '\ufffd');
}

function sorted(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\u0000', '\ufffd');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, child]) => [key, sorted(child)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
