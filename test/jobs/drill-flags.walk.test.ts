// A drill that flips real flags on staging: read through a real server, set back whatever happens, and stored as what a rollout's start needs.

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import type { DrillReport } from '../../src/core/index.ts';
import type { TicketReadiness } from '../../src/core/ticket.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import { type FlipPlace, flipRelease } from '../../src/jobs/drill/flip-flags.ts';
import { ledgerReader } from '../../src/jobs/flag/test-flag.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { running } from '../server/running.ts';
import { BAD_PROMPT, type HelpDesk, helpDesk, openaiRelease } from './help-desk.ts';

const STAGING = ['--environment', 'staging', '--by', 'ada'];
const MESSAGE = [{ role: 'user', content: '{{ question }}' }];

async function desk(): Promise<HelpDesk> {
  const d = await helpDesk({
    releases: {
      desk: openaiRelease(),
      generous: openaiRelease({ prompt: { system: BAD_PROMPT, messages: MESSAGE } }),
    },
  });
  await d.write(
    'features/summary.yaml',
    stringify({
      feature: 'summary',
      control: { release: '../releases/desk.yaml' },
      candidate: { release: '../releases/generous.yaml' },
      suite: '../suite.yaml',
      stages: [{ percent: 100 }],
      gates: [
        Object.fromEntries([
          ['signal', 'complaints'],
          ['count', 3],
          ['then', 'freeze'],
        ]),
      ],
      'first-rollback': { restore: ['prompt'], flags: { 'ai.action.mode': 'draft' } },
    }),
  );
  await d.bless(await d.run('desk'));
  return d;
}

const state = async (d: HelpDesk) => ({
  registry: (await d.cli('registry', 'list', '--json')).json.entries.map(
    (e: { current: { fingerprint: string } }) => e.current.fingerprint,
  ),
  flags: (await d.cli('flag', 'list', '--json')).json.flags
    .filter((f: { key: string }) => f.key !== 'ai.rollout.percent')
    .map((f: { key: string; value: unknown; rules: unknown }) => [f.key, f.value, f.rules]),
});

test('it proves through the server that applications ask, and a rollout may start on it', async () => {
  const d = await desk();
  const server = await running({ db: join(d.dir, 'ledger.db'), environment: 'staging' });
  const drill = async (...more: string[]) =>
    d.cli<DrillReport>('drill', 'summary', ...STAGING, '--json', ...more);
  expect((await d.cli('drill', 'suite.yaml', '--environment', 'production', '--by', 'ada')).stderr).toContain(
    'it does not run in production',
  );
  expect((await d.cli('drill', 'suite.yaml', '--url', server.url)).stderr).toContain(
    '--url needs --environment',
  );
  expect(await drill()).toMatchObject({ code: 2, stderr: expect.stringContaining('REGISTRY_UNKNOWN') });
  await d.cli('registry', 'set', 'summary', 'desk', ...STAGING, '--why', 'as in production');
  // Nothing is run for a server that is not there.
  const away = await drill('--url', 'http://127.0.0.1:9');
  expect(away).toMatchObject({ code: 4, stderr: expect.stringContaining('SERVER_ANSWER') });

  const open = await drill('--url', server.url);
  expect(open).toMatchObject({ code: 3, json: { outcome: 'inconclusive' } });
  expect(open.json.flips?.tests).toMatchObject([{ flag: 'ai.release', outcome: 'passed' }]);
  expect(open.json.proofs[1]?.checks.find((c) => c.holds === null)?.detail).toContain('is not set there');

  await d.cli('flag', 'set', 'ai.tools.enabled', 'true', ...STAGING, '--why', 'x');
  await d.cli('flag', 'set', 'ai.action.mode', 'auto', '--feature', 'summary', ...STAGING, '--why', 'x');
  const before = await state(d);
  const passed = await drill('--url', server.url);
  expect(passed.code, passed.stdout).toBe(0);
  expect(passed.json).toMatchObject({
    ...{ outcome: 'passed', releaseFrom: 'registry of staging' },
    flips: { feature: 'summary', environment: 'staging', through: server.url },
  });
  expect(passed.json.flips?.tests.map((t) => [t.flag, t.value, t.outcome])).toEqual([
    ['ai.release', expect.stringMatching(/^[0-9a-f]{64}$/), 'passed'],
    ['ai.tools.enabled', false, 'passed'],
    ['ai.action.mode', 'draft', 'passed'],
  ]);
  expect(await state(d)).toEqual(before);
  const check = await d.cli<TicketReadiness>('ticket', 'check', 'summary', '--json');
  expect(check.json.checks.slice(3)).toMatchObject([
    { state: 'met' },
    { state: 'met', detail: expect.stringContaining('flags of staging flipped and restored') },
  ]);

  await d.cli('registry', 'set', 'summary', 'generous', ...STAGING, '--why', 'x', '--override', 'a test');
  expect((await d.cli('drill', 'summary', ...STAGING, '--release', 'releases/desk.yaml')).stderr).toContain(
    'but the drill is of',
  );
});

test('a release that does not come back is a failure, and staging points again to what it pointed to', async () => {
  const d = await desk();
  await d.cli('registry', 'set', 'summary', 'desk', ...STAGING, '--why', 'x');
  const db = join(d.dir, 'ledger.db');
  const signal = new AbortController().signal;
  const work = await openWorkplace({
    ...{ db, root: d.dir, environment: {}, version: 'test', node: 'test', platform: 'linux' },
    ...{ signal, hardSignal: signal, mustExist: true },
    progress: { warn() {}, step() {}, done() {}, note() {} } as never,
  });
  const shipping = await openShippingLog(db);
  onTestFinished(async () => {
    await shipping.close();
    await work.store.close();
  });
  const before = await state(d);
  const real = ledgerReader(shipping, 'staging', work.clock);
  const place = (read: FlipPlace['read']): FlipPlace => ({
    ...{ shipping, feature: 'summary', environment: 'staging', read, through: 'a cache', limitMs: 80 },
    ...{ by: 'ada', why: 'a test', ticket: null, cwd: d.dir },
  });
  await d.run('generous');
  await d.cli('registry', 'set', 'summary', 'generous', ...STAGING, '--why', 'x', '--override', 'a test');
  await d.cli('registry', 'set', 'summary', 'desk', ...STAGING, '--why', 'x', '--override', 'a test');
  // A cache that keeps what it served first.
  const kept = new Map<string, Awaited<ReturnType<typeof real>>>();
  const stuck = await flipRelease(
    work,
    place(async (key, targetingKey, feature) => {
      const answer = kept.get(targetingKey) ?? (await real(key, targetingKey, feature));
      kept.set(targetingKey, answer);
      return answer;
    }),
  );
  expect(stuck).toMatchObject({ check: { holds: false }, test: { outcome: 'failed', flippedMs: null } });
  expect(await state(d)).toEqual(before);
  // A server that fails in the middle.
  let asked = 0;
  const broken = flipRelease(
    work,
    place(async (...args) => {
      asked++;
      if (asked > 30) throw new Error('the server is gone');
      return real(...args);
    }),
  );
  await expect(broken).rejects.toThrow('the server is gone');
  expect(await state(d)).toEqual(before);
});
