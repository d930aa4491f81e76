// The command line on a PostgreSQL ledger: every command that opens one.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noPostgres, PG_PASSWORD, type PostgresServer, startPostgres } from '../ledger/postgres-server.ts';
import { json, lastgood, lastgoodHere, type Outcome, temporaryFolder } from './lastgood.ts';

const SUITE = 'first-suite';

describe.skipIf(noPostgres !== null)('on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  it('runs, reads, blesses, checks, rolls back and keeps nights; the password is printed nowhere', async () => {
    await using dir = await temporaryFolder();
    expect((await lastgoodHere(['init', 'desk'], { cwd: dir.path })).code).toBe(0);
    const cwd = join(dir.path, 'desk');
    const address = server.fresh();
    const said: string[] = [];
    const here = async (...args: string[]): Promise<Outcome> => {
      const outcome = await lastgoodHere(args, { cwd, env: { LASTGOOD_DB: address } });
      said.push(outcome.stdout, outcome.stderr);
      return outcome;
    };
    expect((await here('run', '--quiet')).code).toBe(0);
    // A process of its own ends, and leaves no connection open.
    expect((await lastgood(['run', '--quiet'], { cwd, env: { LASTGOOD_DB: address } })).code).toBe(0);
    const [newest, oldest] = json<{ snapshots: { id: string }[] }>(await here('list', '--json')).snapshots;
    expect(newest?.id).not.toBe(oldest?.id);
    expect((await here('show', 'latest')).code).toBe(0);
    expect((await here('diff', 'latest~1', 'latest')).code).toBe(0);
    expect((await here('bless', oldest?.id ?? '', '--by', 'ann', '--why', 'the Friday release')).code).toBe(
      0,
    );
    expect((await here('check', SUITE, '--quiet')).code).toBeLessThan(2);
    expect((await here('nightly', '--quiet')).code).toBeLessThan(2);
    expect((await here('history', SUITE)).code).toBe(0);
    // There is nothing to go back to yet.
    expect([3, 5]).toContain((await here('rollback', SUITE, '--quiet')).code);
    expect((await here('doctor')).stdout).toContain('newest snapshot');
    expect((await here('nightly', '--print-schedule', 'crontab', '--db', address)).stdout).toContain(
      'postgres://',
    );

    const stats = await here('db', 'stats');
    expect(stats.stdout).toMatch(/in \d+ snapshots and \d+ trials \(schema \d+\)\n/);
    const check = await here('db', 'check');
    expect(check.stdout).toContain('sound');
    expect(json(await here('db', 'prune', '--keep-last', '0', '--json'))).toMatchObject({
      ...{ kind: 'db-prune', dryRun: false, production: { texts: 0, observations: 0 } },
    });
    expect((await here('db', 'check')).code).toBe(0);

    const line = {
      id: 'a1',
      at: new Date().toISOString(),
      feature: 'desk',
      output: 'A refund.',
      latency_ms: 12,
    };
    await writeFile(join(cwd, 'answers.jsonl'), `${JSON.stringify(line)}\n`);
    expect((await here('observe', 'answers.jsonl')).code).toBe(0);
    expect(JSON.stringify(json(await here('signals', 'desk', '--json')))).toContain('"desk"');
    expect((await here('flag', 'list')).code).toBeLessThan(4);
    expect((await here('approvals', 'list')).code).toBe(0);
    expect((await here('token', 'add', 'app', '--role', 'observe')).code).toBe(0);
    expect((await here('token', 'list')).stdout).toContain('app');
    expect((await here('db', 'prune', '--observation-days', '9')).code).toBe(0);
    await here('export', 'latest');
    const forget = ['forget', 'the Friday release', '--substring'];
    expect((await here(...forget)).stderr).toContain('FORGET_NOT_CONFIRMED');
    expect(json(await here(...forget, '--dry-run', '--json'))).toMatchObject({ dryRun: true, rows: 1 });
    expect((await here(...forget, '--yes')).code).toBe(0);
    const [file = ''] = await readdir(join(cwd, 'snapshots'));
    // It takes it out of the exports of the project, too.
    expect((await here('forget', 'Paris', '--substring', '--yes')).stdout).toContain(file);
    expect(await readFile(join(cwd, 'snapshots', file), 'utf8')).not.toContain('Paris');
    expect((await here('db', 'check')).stdout).toContain('sound');
    expect(said.join('\n')).not.toContain(PG_PASSWORD);
    expect(said.join('\n')).not.toContain(encodeURIComponent(PG_PASSWORD));
    expect(await readdir(cwd)).not.toContain('postgres:');
    expect((await readdir(join(cwd, 'snapshots')).catch(() => [])).filter((f) => f.endsWith('.db'))).toEqual(
      [],
    );
  });

  it('copies a ledger there and back, and exports the same bytes from each', async () => {
    await using dir = await temporaryFolder();
    expect((await lastgoodHere(['init', 'desk'], { cwd: dir.path })).code).toBe(0);
    const cwd = join(dir.path, 'desk');
    const here = (...args: string[]) => lastgoodHere(args, { cwd });
    await here('run', '--quiet');
    await here('run', '--quiet');
    await here('bless', 'latest', '--by', 'ann', '--why', 'the Friday release');
    await here('diff', 'latest~1', 'latest');
    const [home, server_, back] = ['snapshots/lastgood.db', server.fresh(), 'back.db'];
    const first = await here('db', 'copy', home, server_, '--quiet');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('copied and verified 2 snapshots');
    expect(json(await here('db', 'copy', home, server_, '--json', '--quiet'))).toMatchObject({
      ...{ kind: 'db-copy', copied: 0, there: 2, blessings: 0, records: 0 },
    });
    expect(json(await here('db', 'copy', server_, back, '--json', '--quiet'))).toMatchObject({
      ...{ copied: 2, there: 0, blessings: 1 },
    });
    const bytes: string[] = [];
    for (const [n, db] of [home, server_, back].entries()) {
      await here('export', 'latest', '--db', db, '--dir', `out${n}`);
      const [file = ''] = await readdir(join(cwd, `out${n}`));
      bytes.push(await readFile(join(cwd, `out${n}`, file), 'utf8'));
    }
    expect(bytes[0]).toContain('the Friday release');
    expect(bytes[1]).toBe(bytes[0]);
    expect(bytes[2]).toBe(bytes[0]);
    expect((await here('db', 'copy', home, home)).stderr).toContain('COPY_SAME');
    expect((await here('db', 'copy', 'nowhere.db', server_)).stderr).toContain('LEDGER_MISSING');
  });
});
