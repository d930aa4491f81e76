// Bisecting over layers with the real statistics: independent causes, ends that moved, budgets, and what needs no run.

import { expect, test } from 'vitest';
import type { Release } from '../../src/core/index.ts';
import { bisectLayers } from '../../src/jobs/bisect/bisect.ts';
import { bisectText } from '../../src/report/text/bisect-text.ts';
import { botRelease, nights } from './nights.ts';

const steady = botRelease('steady', { params: { temperature: 0 }, tools: { choice: 'auto' } });
const NEW_PROMPT = { system: 'Answer kindly.', messages: [{ role: 'user', content: '{{ q }}' }] };
const changed = botRelease('changed', {
  prompt: NEW_PROMPT,
  params: { temperature: 0.7 },
  tools: { choice: 'none' },
  automation: { mode: 'draft' },
});
const kind = (r: Release): boolean => JSON.stringify(r.layers.prompt).includes('kindly');
const hot = (r: Release): boolean => r.layers.params?.['temperature'] === 0.7;

async function goodAndBad(rate: (index: number, night: number, r: Release) => number) {
  const world = await nights({ cases: 24, rate });
  const good = await world.night(steady);
  const bad = await world.night(changed);
  return { world, good, bad, request: { suite: 'refund-bot', good, bad } };
}

test('two layers that each break other cases: both are the cause, and both must be put back', async () => {
  const { world, request } = await goodAndBad((i, _, r) =>
    (kind(r) && i < 6) || (hot(r) && i >= 6 && i < 12) ? 0.05 : 0.98,
  );
  const report = await bisectLayers(world.work, request);
  expect(report).toMatchObject({
    outcome: 'found',
    layersChanged: ['prompt', 'params', 'tools', 'automation'],
  });
  expect(report.cause?.layers).toEqual(['prompt', 'params']);
  expect(report.cure?.layers).toEqual(['prompt', 'params']);
  expect(report.cause?.reason).toContain('a part of');
  expect(report.tests.some((t) => t.outcome === 'partly')).toBe(true);
  expect(report.tests.every((t) => t.calls > 0 && t.snapshots.length > 0)).toBe(true);
  expect(report.callsSpent).toBe(report.tests.reduce((n, t) => n + t.calls, 0));
  const purposes = await world.work.store.list({ suite: 'refund-bot', purposes: ['bisect'] });
  expect(purposes.length).toBe(report.tests.reduce((n, t) => n + t.snapshots.length, 0));
  expect(bisectText(report)).toContain('prompt + params');
});

test('the good release that is not good any more stops the search: no layer is blamed for the provider', async () => {
  const { world, request } = await goodAndBad((i, night, r) =>
    i < 8 && (kind(r) || night >= 2) ? 0.05 : 0.98,
  );
  // The world turns before the bisection begins.
  await world.night(steady);
  const report = await bisectLayers(world.work, request);
  expect(report).toMatchObject({ outcome: 'moved', cause: null, cure: null });
  expect(report.reason).toContain('no longer good');
  expect(report.tests.length).toBe(2);
});

test('a bad release that is good again leaves nothing to bisect', async () => {
  const { world, request } = await goodAndBad((i, night, r) => (i < 8 && kind(r) && night < 2 ? 0.05 : 0.98));
  await world.night(steady);
  expect(await bisectLayers(world.work, request)).toMatchObject({ outcome: 'moved', cause: null });
});

test('nothing regressed, or no layer differs: said without a single call', async () => {
  const { world, good, bad } = await goodAndBad(() => 0.95);
  expect(await bisectLayers(world.work, { suite: 'refund-bot', good, bad })).toMatchObject({
    outcome: 'nothing',
    callsSpent: 0,
  });
  const drifting = await nights({ cases: 24, rate: (i, night) => (i < 8 && night > 0 ? 0.05 : 0.98) });
  const a = await drifting.night(steady);
  const b = await drifting.night(steady);
  const same = await bisectLayers(drifting.work, { suite: 'refund-bot', good: a, bad: b });
  expect(same).toMatchObject({ outcome: 'nothing', layersChanged: [], callsSpent: 0 });
  expect(same.reason).toContain('provider-side drift suspected');
});

test('the plan is told without a call, the price is unknown rather than 0, and a budget is never overspent', async () => {
  const { world, request } = await goodAndBad((i, _, r) => (kind(r) && i < 8 ? 0.05 : 0.98));
  const plan = await bisectLayers(world.work, { ...request, dryRun: true });
  expect(plan).toMatchObject({ outcome: 'planned', callsSpent: 0, plan: { costUsd: null } });
  const calls = plan.plan?.calls ?? { least: 0, most: 0 };
  expect(calls.least).toBeGreaterThan(0);
  expect(calls.least).toBeLessThan(calls.most);
  expect(bisectText(plan)).toContain('cost unknown');
  const short = await bisectLayers(world.work, { ...request, settings: { maxCalls: 70 } });
  expect(short.outcome).toBe('inconclusive');
  expect(short.callsSpent).toBeLessThanOrEqual(70);
  const whole = await bisectLayers(world.work, request);
  expect(whole).toMatchObject({
    outcome: 'found',
    cause: { layers: ['prompt'] },
    cure: { layers: ['prompt'] },
  });
  expect(whole.callsSpent).toBeLessThanOrEqual(calls.most);
});
