// A ledger with everything that the pages show: nights of a suite, releases in force, flags, stops, approvals, and hostile texts everywhere.

import type { PointedRelease, SnapshotSummary } from '../../src/core/index.ts';
import { openGuardLog } from '../../src/jobs/guard/open-guard.ts';
import { ObservationIntake } from '../../src/jobs/observe/intake.ts';
import { lineRules } from '../../src/jobs/observe/line-rules.ts';
import { foldAll, openProduction } from '../../src/jobs/observe/open-production.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { incidentWorld } from '../jobs/incident-world.ts';
import { HOSTILE } from '../report/hostile.ts';
import { loggedRollout } from './logged-rollout.ts';

export interface PagesWorld {
  readonly db: string;
  /** Oldest first. */
  readonly nights: readonly SnapshotSummary[];
  readonly good: string;
  readonly bad: string;
}

const ENVIRONMENT = 'production';
export const HOSTILE_TEXT = HOSTILE.slice(0, 14).join(' ');

/** The feature `refunds` has everything; one with a hostile name is stopped. `ledger`: its place, a file in the folder by default. */
export async function pagesWorld(folder: string, ledger?: string): Promise<PagesWorld> {
  const { store, db, nights } = await incidentWorld(folder, HOSTILE_TEXT, ledger);
  const good = nights[5] as SnapshotSummary;
  const bad = nights[9] as SnapshotSummary;
  await store.bless({
    snapshot: good.id,
    suite: good.suite,
    by: HOSTILE[0],
    why: HOSTILE[2],
    at: good.startedAt,
    overrode: [],
  });
  await store.keepRecord({
    kind: 'episode',
    suite: good.suite,
    at: bad.startedAt,
    body: {
      id: `ep-${bad.id}`,
      suite: good.suite,
      series: 'night',
      status: 'open',
      openedAt: bad.startedAt,
      reason: HOSTILE[3],
      nights: 2,
    },
  });
  await store.keepRecord({
    kind: 'event',
    suite: good.suite,
    at: new Date(Date.now() - 3_600_000).toISOString(),
    body: { kind: 'provider-notice', text: HOSTILE[6], ref: HOSTILE[10] },
  });
  await store.close();
  await ship(db, [good, bad]);
  await loggedRollout(db, {
    ...{ feature: 'refunds', environment: ENVIRONMENT, suite: good.suite, looks: 6 },
    control: { release: HOSTILE[1], fingerprint: good.fingerprint },
    candidate: { release: HOSTILE[3], fingerprint: bad.fingerprint },
    text: HOSTILE_TEXT.slice(0, 400),
  });
  await guard(db);
  await observe(db);
  return { db, nights, good: good.id, bad: bad.id };
}

async function ship(db: string, [good, bad]: readonly [SnapshotSummary, SnapshotSummary]): Promise<void> {
  const log = await openShippingLog(db);
  const change = (more: object, i: number) =>
    log.append({
      ...{
        kind: 'flag',
        feature: 'refunds',
        environment: ENVIRONMENT,
        name: '',
        by: 'ada',
        why: HOSTILE[i % 15] ?? '',
        body: {},
      },
      ...{ at: new Date(Date.now() - 7_200_000 + 60_000 * i).toISOString() },
      ...more,
    });
  const pointer = (s: SnapshotSummary, release: string): PointedRelease => ({
    ...{
      release,
      fingerprint: s.fingerprint,
      layerHashes: s.layerHashes,
      provider: 'replay',
      model: HOSTILE[8],
    },
    ...{ suite: s.suite, snapshot: s.id, overrode: [HOSTILE[9]] },
  });
  await change({ kind: 'pointer', body: { ...pointer(good, HOSTILE[1]) } }, 1);
  await change({ kind: 'pointer', body: { ...pointer(bad, HOSTILE[3]) } }, 2);
  await change(
    {
      kind: 'deprecation',
      name: good.fingerprint,
      body: { release: HOSTILE[1], until: '2099-01-01T00:00:00.000Z', message: HOSTILE[5] },
    },
    3,
  );
  const rule = {
    when: [{ property: 'segment', operator: '=', values: [HOSTILE[0], HOSTILE[6]] }],
    percent: 20,
  };
  const mode = { type: 'string', value: HOSTILE[4], rules: [{ ...rule, value: HOSTILE[7] }] };
  await change({ name: 'ai.action.mode', body: mode }, 4);
  const drill = { outcome: 'failed', reason: HOSTILE[11] };
  await change({ kind: 'flag-test', name: 'ai.action.mode', body: drill }, 4);
  await change({ kind: 'stop', name: HOSTILE[2], by: HOSTILE[7], body: { stopped: true } }, 5);
  await change({ kind: 'stop', feature: HOSTILE[0], by: HOSTILE[1], body: { stopped: true } }, 6);
  await log.close();
}

async function guard(db: string): Promise<void> {
  const log = await openGuardLog(db);
  const now = Date.now() - 60_000;
  for (const [i, text] of HOSTILE.entries()) {
    const action = {
      feature: 'refunds',
      environment: ENVIRONMENT,
      agent: text,
      action: text,
      key: text,
      impact: 500,
    };
    await log.decide(action, { now: now + i, newId: `a_${i}` }, () =>
      i < 2
        ? { outcome: 'approval-pending', reason: text, ask: { above: 100 } }
        : { outcome: 'allowed', reason: text },
    );
  }
  await log.close();
}

/** Three days of answers: on the last one they are longer, slower and fail more often. */
async function observe(db: string): Promise<void> {
  const store = await openProduction(db);
  const rules = await lineRules({
    ...{
      environment: {},
      redact: [],
      projectStore: undefined,
      store: 'numbers',
      sample: 1,
      pricesFile: undefined,
    },
  });
  async function* lines() {
    for (let i = 0; i < 288; i++) {
      const late = i >= 192;
      const row = {
        id: `o${i}`,
        feature: 'refunds',
        at: new Date(Date.now() - (288 - i) * 900_000).toISOString(),
        template: HOSTILE[i % 12],
        output: 'word '.repeat(late ? 40 : 20 + (i % 5)),
        latency_ms: late ? 2400 + i : 800 + i,
        ...(i % (late ? 6 : 40) === 0 ? { error: 'timeout' } : {}),
      };
      yield { line: i + 1, text: JSON.stringify(row) };
    }
  }
  await new ObservationIntake(store, rules).takeLines(lines(), 'observation', undefined);
  await foldAll(store);
  await store.close();
}
