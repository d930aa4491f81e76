// Every page of a server over the world of the pages: it answers, and its twin in JSON says what its published schema says.

import { expect } from 'vitest';
import type { FeatureView, FlagsView, GuardOverview, Overview, RolloutsView } from '../../src/core/index.ts';
import type { RolloutReport } from '../../src/core/rollout.ts';
import { HOSTILE } from '../report/hostile.ts';
import { expectPublished } from './page-twins.ts';
import type { PagesWorld } from './pages-world.ts';
import type { Running } from './running.ts';

export async function expectEveryPage(world: PagesWorld, server: Running): Promise<void> {
  const get = async <T>(schema: Parameters<typeof expectPublished>[0], path: string): Promise<T> => {
    const answer = await fetch(`${server.url}/api${path}`);
    const body = await answer.json();
    expect([path, answer.status, answer.status === 200 ? null : body]).toEqual([path, 200, null]);
    expectPublished(schema, body);
    const page = await fetch(server.url + (path === '/overview' ? '/' : path));
    expect([path, page.status, page.headers.get('content-type')]).toEqual([
      path,
      200,
      'text/html; charset=utf-8',
    ]);
    expect(await page.text(), path).toContain('</html>');
    return body as T;
  };
  const overview = await get<Overview>('overview', '/overview');
  const of = (name: string) => overview.features.find((f) => f.feature === name);
  expect(of(HOSTILE[0])).toMatchObject({ state: 'stopped', current: null, lastGood: null, rollout: null });
  // The release in force fell; the one before it is the newest that is known to be good, by its newest run.
  expect(of('refunds')).toMatchObject({
    state: 'alert',
    current: { release: HOSTILE[3] },
    lastGood: { release: HOSTILE[1], snapshot: world.nights[6]?.id, passRate: 1 },
    episodes: [{ kind: 'nightly', of: 'refund-bot' }],
    stops: [{ agent: HOSTILE[2] }],
    pendingApprovals: 2,
    rollout: { status: 'running', percent: 1, stage: 0, stages: 4 },
  });
  const guard = await get<GuardOverview>('guard', '/guard');
  expect([guard.stops.length, guard.pending.length, guard.decisions.length]).toEqual([2, 2, HOSTILE.length]);
  await get('registry', '/registry');
  expect(await get('snapshots', '/snapshots?suite=refund-bot')).toMatchObject({ kind: 'list', more: false });
  expect(await get('snapshot', `/snapshots/${world.bad}`)).toMatchObject({ snapshot: { id: world.bad } });
  expect(await get('comparison', `/compare?a=${world.good}&b=${world.bad}`)).toMatchObject({
    verdict: 'regressed',
    candidate: { id: world.bad },
  });
  const feature = await get<FeatureView>('feature', '/features/refunds?since=7d');
  expect(feature.signals?.groups[0]?.observations).toBe(288);
  expect(feature.changes.map((c) => c.kind)).toEqual([
    ...['pointer', 'pointer', 'deprecation', 'flag', 'flag-test', 'stop'],
  ]);
  expect(feature.events).toMatchObject([{ kind: 'provider-notice' }]);
  const { flags, changes } = await get<FlagsView>('flags', '/flags');
  expect(flags).toMatchObject([{ key: 'ai.action.mode', feature: 'refunds', rules: [{ percent: 20 }] }]);
  expect(changes.map((c) => c.kind)).toEqual(['flag', 'flag-test']);
  const { rollouts, others } = await get<RolloutsView>('rollouts', '/rollouts');
  expect([rollouts.map((r) => r.feature), others]).toEqual([['refunds'], [HOSTILE[0]]]);
  const rollout = await get<RolloutReport>('rollout', '/rollouts/refunds');
  expect(rollout).toEqual(rollouts[0]);
  const [schema, latency, cost] = rollout.gates;
  expect(schema?.sinceStart.candidate).toMatchObject({ n: 240, value: 0, interval: [0, expect.any(Number)] });
  expect(schema?.sinceStart.difference.interval?.[1]).toBeGreaterThan(0);
  expect([latency?.limit, cost?.sinceStart.candidate.interval]).toEqual([2400, null]);
  expectPublished('session', await (await fetch(`${server.url}/api/session`)).json());
  for (const [path, status] of [
    ['/features/unknown', 404],
    ['/rollouts/unknown', 404],
    ['/features/refunds?since=0d', 400],
    ['/features/refunds?since=93d', 400],
    ['/snapshots/sssss', 400],
    ['/compare?a=latest', 400],
  ] as const) {
    const answer = await fetch(`${server.url}/api${path}`);
    expect([path, answer.status]).toEqual([path, status]);
    expectPublished('api-error', await answer.json());
  }
}
