// A rollout from the command line: started on conditions, stepped through its stages, rolled back by its gates, held by what is missing.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FlagState } from '../../src/jobs/flag/flag-state.ts';
import { flagAnswer } from '../../src/jobs/flag/read-flag.ts';
import { episodesOf } from '../../src/jobs/nightly/episodes.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { lastgood } from '../cli/lastgood.ts';
import { atHalf, gate, healthy, rolloutWorld, SIGNED, WAIVED } from './rollout-world.ts';

async function episodes(dir: string) {
  const ledger = await openLedger(join(dir, 'ledger.db'));
  const found = await episodesOf(ledger);
  await ledger.close();
  return found;
}

async function webhook() {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(text) as Record<string, unknown>);
      response.end('ok');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

test('it starts only on conditions, and each one that is waived stays on record', async () => {
  const w = await rolloutWorld();
  const refused = await w.rollout('start', ...SIGNED);
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('ROLLOUT_NOT_READY') });
  expect(refused.stderr).toContain('--waive suite --waive target --waive drill');
  expect(await w.flag('ai.rollout.percent')).toBeUndefined();
  const started = await w.rollout('start', ...SIGNED, ...WAIVED);
  expect(started).toMatchObject({ code: 0, json: { status: 'running', percent: 10, stage: 0, by: 'ada' } });
  expect(started.json.waived).toHaveLength(4);
  expect(started.json.waived[1]).toMatchObject({
    by: 'ada',
    why: 'version 2',
    detail: expect.stringContaining('never compared'),
  });
  expect(await w.flag('ai.rollout.percent')).toBe(10);
  // A tenth of the users gets the candidate, by the same flag answer that tags observations.
  const log = await openShippingLog(join(w.dir, 'ledger.db'));
  onTestFinished(() => log.close());
  const state = await new FlagState(log).now();
  const given = Array.from({ length: 100 }, (_, i) => {
    const context = { targetingKey: `user-${i}`, properties: { feature: 'desk' } };
    const answer = flagAnswer(state, 'ai.release', { environment: 'production', context, now: new Date() });
    return answer.ok ? answer.variant : null;
  });
  expect(new Set(given)).toEqual(new Set(Object.values(w.fingerprint)));
  expect(await w.rollout('start', ...SIGNED, ...WAIVED)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('ROLLOUT_RUNNING'),
  });
  expect((await w.rollout('promote', ...SIGNED)).stderr).toContain('ROLLOUT_STATE');
});

test('it climbs to 100%, holds without data, and promoting points the feature to the candidate', async () => {
  const w = await rolloutWorld();
  await w.rollout('start', ...SIGNED, ...WAIVED);
  const empty = await w.rollout('step');
  expect(empty.json).toMatchObject({ stage: 0, looks: 1, holds: expect.stringContaining('missing data') });
  await healthy(w, 240, 2160);
  const few = await w.rollout('step');
  expect(few.json).toMatchObject({ stage: 0, holds: '240 of 250 requests of the candidate', looks: 1 });
  // A step that finds nothing new changes nothing.
  const again = await w.rollout('step');
  expect((await w.rollout('status')).json).toEqual(few.json);
  expect(again.json.percent).toBe(10);
  await healthy(w, 20, 180);
  expect((await w.rollout('step')).json).toMatchObject({ stage: 1, percent: 50 });
  expect(await w.flag('ai.rollout.percent')).toBe(50);
  await healthy(w, 300, 300);
  expect((await w.rollout('step')).json).toMatchObject({ stage: 2, percent: 100 });
  await w.answers('candidate', { n: 100 });
  expect(await w.rollout('step')).toMatchObject({ code: 0, json: { status: 'complete' } });
  expect((await w.rollout('promote', ...SIGNED)).stderr).toContain('REGISTRY_DOUBTFUL');
  const promoted = await w.rollout('promote', ...SIGNED, '--override', 'shown in production');
  expect(promoted.json).toMatchObject({ status: 'promoted', by: 'ada' });
  expect(await w.flag('ai.release', '--key', 'user-1')).toBe(w.fingerprint.candidate);
  expect(await w.flag('ai.rollout.percent')).toBe(0);
  const replay = await w.cli('rollout', 'replay', 'desk', '--json');
  expect(replay).toMatchObject({ code: 0, json: { agrees: true, ignored: 0 } });
});

test('schema failures roll it back: 0%, the flags of the ticket, an episode, the webhook, and who did it', async () => {
  const w = await rolloutWorld();
  const hook = await webhook();
  expect((await w.cli('rollout', 'step')).stdout).toBe('No rollout is under way in production.\n');
  await atHalf(w);
  const all = await w.cli<{ rollouts: { feature: string }[] }>('rollout', 'step', '--json');
  expect(all).toMatchObject({ code: 0, json: { rollouts: [{ feature: 'desk', percent: 50 }] } });
  await w.answers('candidate', { n: 400, failures: 12 });
  await w.answers('control', { n: 400 });
  const step = await w.rollout('step', '--webhook', hook.url);
  expect(step).toMatchObject({
    code: 1,
    json: { status: 'rolled-back', percent: 0, by: 'gate schema-failures', pending: [] },
  });
  expect(step.json.gates[0]).toMatchObject({ fired: true, literal: 'red', candidate: { n: 400 } });
  expect(await w.flag('ai.rollout.percent')).toBe(0);
  expect(await w.flag('ai.action.mode')).toBe('draft');
  expect(await w.flag('ai.release', '--key', 'user-1')).toBe(w.fingerprint.control);
  // The suite has no run and no night, and its episode is listed all the same.
  const status = await w.cli('status');
  expect(status.stdout).toMatch(/^rollout {3}desk in production {2}a gate acted .*: schema-failures/m);
  expect((await w.cli('status', '--json')).json.rollouts).toMatchObject([
    { feature: 'desk', suite: 'help-desk' },
  ]);
  expect(hook.bodies).toHaveLength(1);
  expect(hook.bodies[0]).toMatchObject({ event: 'rollout.rolled-back', feature: 'desk', percent: 0 });
  expect(await episodes(w.dir)).toMatchObject([
    { status: 'open', reason: expect.stringContaining('schema-failures') },
  ]);
  const history = await w.cli<{ changes: { by: string; why: string }[] }>(
    'flag',
    'history',
    'ai.rollout.percent',
    '--json',
  );
  expect(history.json.changes.at(-1)).toMatchObject({
    by: 'gate schema-failures',
    why: expect.stringContaining('rollout ro-'),
  });
  // Once more: nothing is done twice.
  expect((await w.rollout('step', '--webhook', hook.url)).json.history).toEqual(step.json.history);
  expect(hook.bodies).toHaveLength(1);
  expect((await w.rollout('resume', ...SIGNED)).stderr).toContain('ROLLOUT_STATE');
  const next = await w.rollout('start', ...SIGNED, ...WAIVED);
  expect(next).toMatchObject({ code: 0, json: { status: 'running', percent: 10 } });
  expect(await episodes(w.dir)).toMatchObject([{ status: 'superseded' }]);
});

test('a slower candidate is rolled back, but not where the control is as slow: then it holds', async () => {
  const w = await rolloutWorld();
  await atHalf(w);
  await w.answers('candidate', { n: 300, latency: 3000 });
  await w.answers('control', { n: 300, latency: 3000 });
  const both = await w.rollout('step');
  expect(both.json).toMatchObject({
    status: 'running',
    percent: 50,
    holds: expect.stringContaining('latency.p95'),
  });
  await w.answers('candidate', { n: 300, latency: 3000 });
  await w.answers('control', { n: 300 });
  expect((await w.rollout('step')).json).toMatchObject({ status: 'rolled-back', by: 'gate latency.p95' });
});

test('a gate that disables a segment serves it the control, and counts it no more after the resume', async () => {
  const blocks = gate('disable-segment', { signal: 'blocks', over: '100 calls', times: 2, of: 'control' });
  const w = await rolloutWorld({ gates: [blocks] });
  await w.rollout('start', ...SIGNED, ...WAIVED);
  const blocked = (share: number) => ({ more: (i: number) => ({ blocked: i % 100 < share }) });
  await w.answers('control', { n: 2000, segment: 'pro', ...blocked(2) });
  await w.answers('candidate', { n: 200, segment: 'pro', ...blocked(2) });
  await w.answers('control', { n: 2000, segment: 'beta', ...blocked(2) });
  await w.answers('candidate', { n: 200, segment: 'beta', ...blocked(20) });
  const step = await w.rollout('step');
  expect(step.json).toMatchObject({ status: 'paused', percent: 10, disabled: ['beta'] });
  expect(await w.flag('ai.rollout.percent', '--context', 'segment=beta')).toBe(0);
  expect(await w.flag('ai.rollout.percent', '--context', 'segment=pro')).toBe(10);
  expect((await w.rollout('resume', ...SIGNED)).json).toMatchObject({
    status: 'running',
    disabled: ['beta'],
  });
  expect(await w.flag('ai.rollout.percent', '--context', 'segment=beta')).toBe(0);
  await w.answers('candidate', { n: 300, segment: 'beta', ...blocked(50) });
  await w.answers('control', { n: 2700, segment: 'pro', ...blocked(2) });
  await w.answers('candidate', { n: 300, segment: 'pro', ...blocked(2) });
  expect((await w.rollout('step')).json).toMatchObject({ status: 'running', percent: 50 });
});

test('a person who turns the flag is not overruled, and wrong shares hold', async () => {
  const w = await rolloutWorld();
  await w.rollout('start', ...SIGNED, ...WAIVED);
  await w.cli('flag', 'set', 'ai.rollout.percent', '2', '--feature', 'desk', '--by', 'bo', '--why', 'INC-9');
  expect((await w.rollout('step')).json).toMatchObject({
    status: 'paused',
    percent: 2,
    by: 'bo',
    reason: 'INC-9',
  });
  expect(await w.flag('ai.rollout.percent')).toBe(2);
  expect((await w.rollout('resume', ...SIGNED)).json).toMatchObject({ status: 'running', percent: 10 });
  await healthy(w, 900, 2100);
  expect((await w.rollout('step')).json).toMatchObject({
    ...{ status: 'running', percent: 10, holds: expect.stringContaining('sample-ratio mismatch') },
  });
  expect((await w.rollout('abort', ...SIGNED)).json).toMatchObject({ status: 'aborted', percent: 0 });
  expect(await w.flag('ai.rollout.percent')).toBe(0);
});

test('the plan says which stage finds what, and a gate that cannot be read is refused', async () => {
  const w = await rolloutWorld({
    stages: [{ percent: 1, for: '4h' }, { percent: 20, for: '24h' }, { percent: 100 }],
  });
  interface Plan {
    firstPercent: number;
    stages: { calls: number; gates: { signal: string; calls: number; finds: boolean; reads: boolean }[] }[];
  }
  const plan = (n: number) =>
    w.cli<Plan>('rollout', 'plan', 'desk', '--requests-per-day', String(n), '--json');
  const small = (await plan(1000)).json;
  expect(small.stages[0]?.calls).toBeCloseTo(1.67, 1);
  expect(small.stages[0]?.gates.map((g) => [g.finds, g.reads])).toEqual([
    [false, false],
    [false, false],
  ]);
  const large = (await plan(1_000_000)).json;
  expect(large.stages[0]?.gates.map((g) => [g.finds, g.reads])).toEqual([
    [true, true],
    [true, true],
  ]);
  expect(large.firstPercent).toBe(1);
  expect(small.firstPercent ?? 100).toBeGreaterThan(10);
  const kpi = gate('pause', { signal: 'kpi:revenue', over: '100 calls', above: '1%' });
  const other = await rolloutWorld({ gates: [kpi] });
  expect((await other.rollout('start', ...SIGNED, ...WAIVED)).stderr).toContain('ROLLOUT_GATE');
});

test('a server steps the rollouts that are under way by itself', async () => {
  const w = await rolloutWorld();
  await atHalf(w);
  const hook = await webhook();
  const port = [
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--step-every',
    '1s',
    '--db',
    'ledger.db',
    '--webhook',
    hook.url,
  ];
  let child = 0;
  const serving = lastgood(['serve', ...port], {
    cwd: w.dir,
    onStart: (pid) => {
      child = pid;
    },
  });
  await w.answers('candidate', { n: 400, failures: 12 });
  await w.answers('control', { n: 400 });
  await expect.poll(() => w.flag('ai.rollout.percent'), { timeout: 20_000, interval: 300 }).toBe(0);
  await expect.poll(() => hook.bodies.length, { timeout: 20_000, interval: 100 }).toBe(1);
  process.kill(child, 'SIGTERM');
  await serving;
  expect((await w.rollout('status')).json).toMatchObject({
    status: 'rolled-back',
    by: 'gate schema-failures',
  });
}, 30_000);
