// The story of production offline: two weeks of traffic through the real intake, a silent change, a rollback, and what is left.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { secretMask } from '../../base/index.ts';
import { DAY_MS } from '../../core/observation.ts';
import type { ProductionDemo } from '../../core/production-demo.ts';
import { openLedger } from '../../ledger/index.ts';
import { Mt19937 } from '../../stats/index.ts';
import { decisionsJob } from '../decisions/decisions.ts';
import { ObservationIntake } from '../observe/intake.ts';
import { lineRules } from '../observe/line-rules.ts';
import { linesOf } from '../observe/line-stream.ts';
import { foldAll, openProduction } from '../observe/open-production.ts';
import { residueJob } from '../residue/residue.ts';
import { timelineJob } from '../timeline/timeline.ts';
import {
  DEMO_FEATURE,
  type DemoTimes,
  demoTimes,
  demoTraffic,
  RESTORED,
  WITHDRAWN,
} from './production-traffic.ts';

export interface ProductionDemoInput {
  /** Where the ledger goes; created. */
  readonly outDir: string;
  readonly seed: number;
  readonly now: Date;
}

/** Plays the story; every number was counted in this run. */
export async function playProduction({ outDir, seed, now }: ProductionDemoInput): Promise<ProductionDemo> {
  await mkdir(outDir, { recursive: true });
  const db = join(outDir, 'production.db');
  for (const file of [db, `${db}-wal`, `${db}-shm`]) await rm(file, { force: true });
  const times = demoTimes(now);
  const production = await openProduction(db);
  try {
    const taken = await takeTraffic(production, times, seed);
    await foldAll(production);
    const { first, start, change, rollback, end } = times;
    const store = await openLedger(db);
    try {
      const timeline = await timelineJob({ store }, production, {
        ...{ feature: DEMO_FEATURE, since: new Date(start), until: new Date(end) },
      });
      const { counts } = await decisionsJob(
        { store, mask: secretMask([]), clock: { now: () => now } },
        production,
        {
          feature: DEMO_FEATURE,
          release: WITHDRAWN,
          cwd: outDir,
          since: new Date(change),
          unmarked: false,
          limit: 1,
        },
      );
      const { verdict, signals } = await residueJob(production, {
        feature: DEMO_FEATURE,
        rollback: new Date(rollback),
        change: new Date(change),
        now,
        settleMs: DAY_MS,
        margin: 0.02,
      });
      const iso = (ms: number): string => new Date(ms).toISOString();
      return {
        feature: DEMO_FEATURE,
        db,
        observations: taken.observations.added,
        outcomes: taken.outcomes.added,
        first: iso(first),
        ...{ start: iso(start), change: iso(change), rollback: iso(rollback), end: iso(end) },
        ...{ withdrawn: WITHDRAWN, restored: RESTORED },
        moves: timeline.order.flatMap((moved) => {
          const found = timeline.items.find(
            ({ at, move }) => at === moved.at && move?.signal === moved.signal,
          )?.move;
          return found == null ? [] : [{ ...moved, move: found }];
        }),
        decisions: counts,
        residue: { verdict, signals },
      };
    } finally {
      await store.close();
    }
  } finally {
    await production.close();
  }
}

async function takeTraffic(
  production: Awaited<ReturnType<typeof openProduction>>,
  times: DemoTimes,
  seed: number,
): ReturnType<ObservationIntake['takeLines']> {
  const rules = await lineRules({
    environment: {},
    redact: [],
    projectStore: undefined,
    store: 'outputs',
    sample: 1,
    pricesFile: undefined,
    now: () => times.end,
  });
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    const encoder = new TextEncoder();
    const rng = { quiet: new Mt19937(seed + 1), story: new Mt19937(seed) };
    for (const row of demoTraffic(times, rng)) yield encoder.encode(`${JSON.stringify(row)}\n`);
  }
  return new ObservationIntake(production, rules).takeLines(linesOf(bytes()), null, undefined);
}
