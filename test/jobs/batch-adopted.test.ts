// A process that ends after the service took a batch and before its id was stored: the batch is found again, among others of its size.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { batchScenario, endAllBatches, type Wire, writeBatchWorld } from '../../bench/run/batch-world.ts';
import { SILENT } from '../../src/base/index.ts';
import { loadAssignment } from '../../src/engine/arms/assignment.ts';
import { resumeRun, runSuite } from '../../src/engine/arms/run-suite.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { startSimulator } from '../../src/simulator/index.ts';

const SETTINGS = { batch: true, batchPollMs: 5, preflight: false } as const;
const CASES = 12;

async function world(wire: Wire) {
  const simulator = await startSimulator({ scenario: batchScenario({ errored: 0, expired: 0, polls: 1 }) });
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-adopted-'));
  onTestFinished(async () => {
    await simulator.close();
    await rm(folder, { recursive: true, force: true });
  });
  await writeBatchWorld(folder, { cases: CASES, wire, simulator });
  const open = (db: string): Promise<Workplace> =>
    openWorkplace({
      db: join(folder, db),
      environment: { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' },
      progress: SILENT,
      version: '0',
      node: process.versions.node,
      platform: 'test',
      signal: new AbortController().signal,
      hardSignal: new AbortController().signal,
    });
  const assignment = await loadAssignment({
    suite: join(folder, 'suite.yaml'),
    release: join(folder, 'release.yaml'),
  });
  return { simulator, open, assignment };
}

/** The process "dies" when the id of a batch is about to be stored. */
function dyingWith(work: Workplace): Workplace {
  const store = new Proxy(work.store, {
    get(target, name) {
      if (name !== 'keepRecord') {
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (record: Parameters<typeof target.keepRecord>[0]) => {
        if (record.body['state'] === 'submitted') throw new Error('killed');
        return target.keepRecord(record);
      };
    },
  });
  return { ...work, store };
}

describe.each(['responses', 'messages'] as const)('on %s', (wire) => {
  it('is resumed without paying for it again', async () => {
    const { simulator, open, assignment } = await world(wire);
    const first = await open('ledger.db');
    await expect(runSuite(dyingWith(first), assignment, SETTINGS)).rejects.toThrow('killed');
    const [left] = await first.store.list();
    await first.store.close();

    // Somebody else's batch of the same size.
    const other = await open('other.db');
    await runSuite(other, assignment, SETTINGS);
    await other.store.close();

    const second = await open('ledger.db');
    const { summary, report } = await resumeRun(second, left?.id ?? '', { batchPollMs: 5 });
    expect(summary).toMatchObject({ state: 'finished', answered: CASES, validity: 'valid' });
    expect(report.stoppedBy).toBeNull();
    await endAllBatches(simulator);
    expect(simulator.stats().answered).toBe(2 * CASES);
    expect(await second.store.records('provider-batch', summary.suite)).toHaveLength(3);
    await second.store.close();
  });
});
