// The same runs in a file and on PostgreSQL: every command prints the same JSON.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noPostgres, type PostgresServer, startPostgres } from '../ledger/postgres-server.ts';
import { json, lastgoodHere, type Outcome, temporaryFolder } from './lastgood.ts';

describe.skipIf(noPostgres !== null)('a ledger on PostgreSQL and one in a file', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  it('give the same JSON for the same ledger, and for the same commands', async () => {
    await using dir = await temporaryFolder();
    await lastgoodHere(['init', 'desk'], { cwd: dir.path });
    const cwd = join(dir.path, 'desk');
    await worseRelease(cwd);
    const on = (db: string, ...args: string[]): Promise<Outcome> =>
      lastgoodHere([...args, '--db', db], { cwd, env: { LASTGOOD_WHO: 'ann' } });
    const places = ['first.db', server.fresh()] as const;
    // The same commands: ids, times and durations differ, and nothing else.
    for (const args of [
      ['run', '--quiet', '--json'],
      ['run', '--quiet', '--json'],
      ['bless', 'latest', '--by', 'ann', '--why', 'read by hand', '--json'],
      ['run', 'first-suite', '--release', 'releases/worse.yaml', '--quiet', '--json'],
      ['check', 'first-suite', '--release', 'releases/worse.yaml', '--quiet', '--json'],
      ['nightly', 'first-suite', '--release', 'releases/worse.yaml', '--quiet', '--json'],
      ['rollback', 'first-suite', '--quiet', '--json'],
      ['history', 'first-suite', '--json'],
      ['status', '--json'],
      ['observe', 'answers.jsonl', '--feature', 'desk', '--json'],
      ['event', 'add', '--kind', 'note', '--text', 'a provider notice', '--json'],
      ['stop', 'desk', '--by', 'ann', '--why', 'a test', '--json'],
      ['token', 'add', 'app', '--role', 'read', '--json'],
      ['forget', 'Jupiter', '--substring', '--yes', '--json'],
      ['list', '--json'],
    ]) {
      const [file, remote] = [await on(places[0], ...args), await on(places[1], ...args)];
      expect(remote.code, args.join(' ')).toBe(file.code);
      const told = DRAWN.includes(args[0] ?? '') ? outline : shape;
      expect(told(remote.stdout), args.join(' ')).toEqual(told(file.stdout));
    }
    // One ledger in both: nothing differs.
    const copy = 'copy.db';
    expect((await lastgoodHere(['db', 'copy', places[1], copy, '--quiet'], { cwd })).code).toBe(0);
    const { snapshots } = json<{ snapshots: { id: string; release: string }[] }>(
      await on(copy, 'list', '--json'),
    );
    const [worse, good] = ['worse', 'recorded'].map(
      (name) => snapshots.filter(({ release }) => release === name).at(-1)?.id ?? '',
    ) as [string, string];
    for (const args of [
      ['list'],
      ['show', worse],
      ['show', worse, '--case', 'capital-of-france'],
      ['diff', good, worse],
      ['history', 'first-suite'],
      ['baseline', 'first-suite'],
      ['event', 'list'],
      ['signals', 'desk'],
      ['timeline', 'desk', '--since', '7d'],
      ['decisions', 'desk', '--release', 'worse'],
      ['flag', 'history', 'desk'],
      ['approvals', 'list'],
      ['guard', 'log'],
      ['token', 'list'],
    ]) {
      const [file, remote] = [await on(copy, ...args, '--json'), await on(places[1], ...args, '--json')];
      // The order of keys is no part of JSON.
      const parts = ({ code, stdout, stderr }: Outcome): unknown => [code, JSON.parse(stdout), stderr];
      expect(parts(remote), args.join(' ')).toEqual(parts(file));
      expect(file.code, `${args.join(' ')}: ${file.stderr}`).toBeLessThan(2);
    }
  });
});

/** A release that answers a third of the cases wrongly. */
async function worseRelease(cwd: string): Promise<void> {
  const recorded = await readFile(join(cwd, 'suites/first-suite/recorded.jsonl'), 'utf8');
  const lines = recorded
    .trim()
    .split('\n')
    .map((line, i) => (i % 3 === 0 ? JSON.stringify({ ...JSON.parse(line), output: 'No idea.' }) : line));
  await writeFile(join(cwd, 'suites/first-suite/worse.jsonl'), `${lines.join('\n')}\n`);
  const release = await readFile(join(cwd, 'releases/recorded.yaml'), 'utf8');
  await writeFile(
    join(cwd, 'releases/worse.yaml'),
    release.replace('recorded.jsonl', 'worse.jsonl').replace('name: recorded', 'name: worse'),
  );
  const now = Date.now();
  const answers = Array.from({ length: 60 }, (_, n) =>
    JSON.stringify({
      ...{ id: `o${n}`, at: new Date(now - n * 600_000).toISOString(), feature: 'desk' },
      ...{ release: n % 2 === 0 ? 'worse' : 'recorded', template: `t${n % 3}`, output: `Answer ${n}.` },
      ...{ latency_ms: 100 + n, cost_usd: 0.001 * n },
    }),
  );
  await writeFile(join(cwd, 'answers.jsonl'), answers.join('\n'));
}

/** Names of numbers that measure this machine, or how a ledger keeps its rows. */
const OWN = /[mM]s$|[bB]ytes$|^(seed|p|q|p[A-Z]\w*|rows|token|perMinute)$/;

/** Which cases they confirm with fresh trials is drawn with a seed of the ids. */
const DRAWN = ['nightly', 'rollback', 'history', 'status'];

/** The names of JSON, two deep, with the kinds of their values. */
function outline(text: string): unknown {
  const of = (value: unknown, depth: number): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && depth > 0
      ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, of(child, depth - 1)]))
      : typeof value;
  return of(JSON.parse(text), 2);
}

/** JSON with ids, times and durations put in one form. */
function shape(text: string): unknown {
  const names = new Map<string, string>();
  const named = (found: string): string => {
    const name = names.get(found) ?? `id${names.size}`;
    names.set(found, name);
    return name;
  };
  const walk = (value: unknown, key: string): unknown => {
    if (OWN.test(key)) return typeof value;
    if (typeof value === 'string')
      return (
        value
          .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?/g, 'TIME')
          .replaceAll(/\bs[0-9a-z]{11}\b/g, named)
          .replaceAll(/first\.db|postgres:\S*/g, 'LEDGER')
          .replaceAll(/\b\d+(\.\d+)? m?s\b/g, 'DURATION')
          // Drawn with a seed of the two ids.
          .replaceAll(/p = [\d.]+/g, 'P')
      );
    // Sums of floats may differ in their last digits.
    if (typeof value === 'number') return Number(value.toPrecision(6));
    if (Array.isArray(value)) return value.map((item) => walk(item, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([k, child]) => [k, walk(child, k)]));
  };
  return walk(JSON.parse(text), '');
}
