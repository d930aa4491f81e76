// The whole way of a rollback from the command line, on both ledgers: searched, proven, 10%, everybody, recovered.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppliedPlan } from '../../src/core/applied-rollback.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { noPostgres, type PostgresServer, startPostgres } from '../ledger/postgres-server.ts';
import { appliedWorld, QUICK, WHO } from './applied-world.ts';

const changes = async (db: string): Promise<number> => {
  const log = await openShippingLog(db);
  const n = await log.generation();
  await log.close();
  return n;
};

async function story(ledger: string | undefined): Promise<void> {
  const w = await appliedWorld({ decide: false, db: ledger });
  const db = ledger ?? join(w.dir, 'ledger.db');
  const before = await changes(db);
  const plan = async () => w.cli<AppliedPlan>('rollback', 'desk', '--apply', '--dry-run', '--json');
  const none = await plan();
  expect(none).toMatchObject({
    code: 3,
    json: { target: null, refusals: [{ code: 'ROLLBACK_UNVERIFIED' }] },
  });
  // A decision that no run proved is refused as well, and named.
  await w.cli('rollback', 'help-desk', '--no-verify');
  expect((await plan()).code).toBe(3);
  for (const wrong of [['--no-verify'], ['--write', 'plan'], ['--format', 'html']])
    expect(await w.apply(...WHO, ...wrong)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('BAD_OPTION'),
    });
  expect((await w.cli('rollback', 'help-desk', '--now')).stderr).toContain('--now needs --apply');
  expect((await w.apply()).stderr).toContain('WHO_AND_WHY');
  expect((await w.apply(...WHO, '--watch', 'schema-failure')).stderr).toContain(
    'did you mean schema-failures?',
  );
  expect((await w.cli('rollback', 'help-desk', '--apply', ...WHO)).stderr).toContain('REGISTRY_UNKNOWN');
  expect(await changes(db)).toBe(before);

  const started = await w.apply(...WHO, ...QUICK);
  expect(started).toMatchObject({
    code: 0,
    json: { status: 'running', percent: 10, by: 'ada', pending: [], target: { fingerprint: w.good } },
  });
  expect(started.json.signals).toMatchObject([{ signal: 'schema-failures', source: 'release' }]);
  expect(await w.flag('ai.rollout.percent')).toBe(10);
  expect(await w.flag('ai.action.mode')).toBe('draft');
  // The same flag answer that applications get: a tenth of the keys has the target.
  const served = await Promise.all(
    ['user-1', 'user-2', 'user-7', 'user-11'].map((key) => w.flag('ai.release', '--key', key)),
  );
  expect(new Set(served)).toEqual(new Set([w.good, w.bad]));
  // Nothing came in: it holds, and changes nothing.
  const now = await changes(db);
  expect(await w.apply()).toMatchObject({
    code: 0,
    json: { percent: 10, holds: expect.stringContaining('missing data') },
  });
  expect((await plan()).json).toMatchObject({ kind: 'applied-rollback', percent: 10 });
  expect(await changes(db)).toBe(now);
  expect((await w.cli('status')).stdout).toContain('rollback  desk in production  10% get desk since');
  expect(
    await w.cli(
      'rollout',
      'start',
      'desk',
      ...WHO,
      ...['ticket', 'suite', 'target', 'drill'].flatMap((c) => ['--waive', c]),
    ),
  ).toMatchObject({ code: 3, stderr: expect.stringContaining('ROLLBACK_RUNNING') });

  await w.answers(w.good, { n: 400, failures: 2 });
  await w.answers(w.bad, { n: 3600, failures: 280 });
  expect((await w.apply()).json).toMatchObject({ stage: 1, percent: 100, status: 'running' });
  expect(await w.inForce()).toBe(w.good);
  expect(await w.flag('ai.rollout.percent')).toBe(0);
  expect(await w.flag('ai.release', '--key', 'user-1')).toBe(w.good);
  await w.answers(w.good, { n: 4000, failures: 20 });
  // What serve and cron call steps it as well.
  const step = await w.cli('rollout', 'step', '--json');
  expect(step).toMatchObject({
    code: 0,
    json: { rollouts: [], rollbacks: [{ status: 'recovered', code: null }] },
  });
  // The same command once more changes nothing.
  const end = await changes(db);
  expect(await w.apply(...WHO)).toMatchObject({ code: 0, json: { status: 'recovered', by: 'rollout step' } });
  expect(await changes(db)).toBe(end);
  expect((await w.cli('rollback', 'status', 'desk')).stdout).toMatch(
    /^RECOVERED {2}rollback of desk in production: 100% get desk/,
  );
  expect((await w.cli('status')).stdout).not.toContain('rollback  desk');
  const history = await w.cli('registry', 'history', 'desk');
  expect(history.stdout).toContain('set desk aa3050cb0b41  by rollback desk --apply: rollback rb-');
}

async function webhook() {
  const events: unknown[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      events.push((JSON.parse(text) as { event: string }).event);
      response.end('ok');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { events, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

it('one command searches, proves and restores, on SQLite', () => story(undefined));

describe.skipIf(noPostgres !== null)('on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());
  it('does the same', () => story(server.fresh()));
});

it('stops when signals do not come back, and only a person continues or cancels', async () => {
  const w = await appliedWorld();
  const hook = await webhook();
  await w.fork('not-back');
  await w.apply(...WHO, ...QUICK);
  await w.answers(w.good, { n: 400, failures: 32 });
  await w.answers(w.bad, { n: 3600, failures: 280 });
  const held = await w.apply('--webhook', hook.url);
  expect(held).toMatchObject({
    code: 1,
    json: { status: 'held', code: 'ROLLBACK_NOT_RECOVERED', percent: 10 },
  });
  expect(hook.events).toEqual(['rollback.held']);
  expect(await w.inForce()).toBe(w.bad);
  expect(await w.cli('rollback', 'status', 'desk')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('NOT back'),
  });
  expect((await w.cli('status')).stdout).toContain('held at 10% [ROLLBACK_NOT_RECOVERED]');
  expect((await w.apply('--now')).stderr).toContain('WHO_AND_WHY');
  expect((await w.apply('--now', '--by', 'bo', '--why', 'users wait')).json).toMatchObject({
    percent: 100,
    by: 'bo',
  });
  expect(await w.inForce()).toBe(w.good);
  expect((await w.apply('--now', '--by', 'bo', '--why', 'x')).stderr).toContain('ROLLBACK_STATE');

  await w.fork('cancelled');
  await w.apply(...WHO);
  const cancelled = await w.cli('rollback', 'cancel', 'desk', '--by', 'bo', '--why', 'wrong one', '--json');
  expect(cancelled).toMatchObject({ code: 0, json: { status: 'cancelled', percent: 0, by: 'bo' } });
  expect(await w.flag('ai.rollout.percent')).toBe(0);
  expect(await w.flag('ai.release', '--key', 'user-1')).toBe(w.bad);
  expect((await w.cli('rollback', 'cancel', 'desk', ...WHO)).stderr).toContain('ROLLBACK_STATE');
  // It can be started again.
  expect((await w.apply(...WHO)).json).toMatchObject({ status: 'running', percent: 10 });
});
