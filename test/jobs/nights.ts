// Nights of a small suite in a real ledger: a scripted provider answers, and the clock moves a day between two runs.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type JsonObject, SILENT, secretMask } from '../../src/base/index.ts';
import { fingerprintLayers, type Layers, type Release, type Suite } from '../../src/core/index.ts';
import { runSuite } from '../../src/engine/arms/run-suite.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { blessSnapshot } from '../../src/jobs/baseline/bless.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { filterCases, loadSuite } from '../../src/suite/index.ts';

const DAY_MS = 86_400_000;

export interface Nights {
  readonly work: Workplace;
  readonly suite: Suite;
  /** Runs the suite on the next day; returns the snapshot's id. */
  night(release: Release, filter?: string): Promise<string>;
  bless(id: string): Promise<void>;
}

/** A release of the kettle shop's refund bot. */
export function botRelease(name: string, more: JsonObject = {}): Release {
  const layers = {
    route: { provider: 'openai', model: 'gpt-kettle-2026-01-10' },
    prompt: { system: 'Answer.', messages: [{ role: 'user', content: '{{ q }}' }] },
    ...more,
  } as unknown as Layers;
  return {
    name,
    file: null,
    layers,
    ...fingerprintLayers(layers),
    pin: { state: 'pinned', reason: 'dated' },
    dependents: [],
    paths: {},
  };
}

/** `rate` is the chance that case `index` passes on night `night` (from 0) under a release; `served` the model it names. */
export async function nights(world: {
  readonly cases: number;
  readonly trials?: number;
  readonly rate: (index: number, night: number, release: Release) => number;
  readonly served?: (night: number) => string | null;
}): Promise<Nights> {
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-nights-'));
  const file = join(folder, 'suite.yaml');
  await writeFile(
    file,
    JSON.stringify({
      name: 'refund-bot',
      trials: world.trials ?? 3,
      cases: Array.from({ length: world.cases }, (_, i) => ({
        id: `case-${String(i).padStart(3, '0')}`,
        tags: [i % 2 === 0 ? 'refund' : 'delivery'],
        vars: { q: `question ${i}` },
        grade: [{ equals: 'yes' }],
      })),
    }),
  );
  const store = await openLedger(join(folder, 'ledger.db'));
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const rng = new Mt19937(11);
  let night = -1;
  let now = Date.parse('2026-03-01T03:00:00Z');
  const never = new AbortController().signal;
  const work: Workplace = {
    store,
    clock: { now: () => new Date(now++) },
    rng,
    env: () => undefined,
    mask: secretMask([]),
    progress: SILENT,
    prices: null,
    environment: { lastgood: 'test', node: 'test', platform: 'test' },
    signal: never,
    hardSignal: never,
    providerFor: async (release) => ({
      name: 'scripted',
      call: async (request) => ({
        kind: 'answered',
        output: {
          text: rng.next() < world.rate(Number(request.caseId.slice(5)), night, release) ? 'yes' : 'no',
          toolCalls: [],
        },
        stopReason: 'stop',
        served: {
          model: world.served?.(night) ?? null,
          systemFingerprint: null,
          serviceTier: null,
          region: null,
          requestId: null,
        },
        usage: null,
        latencyMs: 1,
        sent: {},
      }),
    }),
  };
  const suite = await loadSuite(file);
  return {
    work,
    suite,
    night: async (release, filter) => {
      night++;
      now += DAY_MS;
      const cases = filter === undefined ? suite : filterCases(suite, filter);
      return (await runSuite(work, { suite: cases, release, judge: null, embedder: null })).summary.id;
    },
    bless: async (ref) => {
      await blessSnapshot(work, { ref, by: 'ada', why: 'read by hand' });
    },
  };
}
