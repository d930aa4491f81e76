// A run through a batch API with errored and expired requests, killed twice and resumed: it must end like a run of single calls, at half its cost.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import {
  batchScenario,
  endAllBatches,
  outcomeOf,
  runChild,
  type Wire,
  writeBatchWorld,
} from './batch-world.ts';
import { unfinished } from './chaos-books.ts';

export interface BatchOutcome {
  readonly cases: number;
  readonly kills: number;
  /** Requests that the service answered, and so billed, for the run of batches. */
  readonly billed: number;
  readonly costUsd: number | null;
  readonly liveUsd: number | null;
  readonly seconds: number;
  /** What is wrong; empty = as a run of single calls. */
  readonly problems: readonly string[];
}

const SHARES = { errored: 0.02, expired: 0.01, polls: 2 };

export async function batchRun(world: {
  readonly cases: number;
  readonly wire: Wire;
}): Promise<BatchOutcome> {
  const simulator = await startSimulator({ scenario: batchScenario(SHARES) });
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-batch-'));
  try {
    const run = await writeBatchWorld(folder, { ...world, simulator });
    const problems: string[] = [];
    const startedMs = performance.now();
    const db = join(folder, 'batch.db');
    const kills = await killedTwice(folder, { run, db, simulator, problems });
    const seconds = (performance.now() - startedMs) / 1000;
    await endAllBatches(simulator);
    const billed = simulator.stats().answered;
    if (billed !== world.cases) problems.push(`${billed} answers were paid for ${world.cases} cases`);
    simulator.reset();
    const liveDb = join(folder, 'live.db');
    const live = await runChild(folder, [...run, '--db', liveDb]);
    if (live.code !== 0) problems.push(`the run of single calls ended with ${live.code}: ${live.stderr}`);
    const [batch, single] = [await outcomeOf(db), await outcomeOf(liveDb)];
    for (const [key, result] of single.results)
      if (batch.results.get(key) !== result)
        problems.push(`${key}: ${batch.results.get(key)}, not ${result}`);
    if (batch.results.size !== single.results.size) problems.push(`${batch.results.size} results`);
    const [costUsd, liveUsd] = [batch.costUsd, single.costUsd];
    if (costUsd === null || liveUsd === null || Math.abs(costUsd / liveUsd - 0.5) > 1e-6)
      problems.push(`it cost ${costUsd}, and single calls ${liveUsd}`);
    return { cases: world.cases, kills, billed, costUsd, liveUsd, seconds, problems };
  } finally {
    await simulator.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Once as soon as the service has the first batch, and once while its results are read. Gives how often it was killed. */
async function killedTwice(
  folder: string,
  world: {
    readonly run: readonly string[];
    readonly db: string;
    readonly simulator: Simulator;
    readonly problems: string[];
  },
): Promise<number> {
  const { db, simulator } = world;
  const seen = (test: (path: string) => boolean): number =>
    Object.entries(simulator.stats().byPath).reduce((n, [path, count]) => n + (test(path) ? count : 0), 0);
  const moments = [
    () => seen((path) => /^\/v1\/(messages\/)?batches$/.test(path)) > 0,
    () => seen((path) => /(content|results)$/.test(path)) > 0,
  ];
  let kills = 0;
  for (let start = 0; start < 6; start++) {
    const id = start === 0 ? null : unfinished(db);
    const args = id === null ? [...world.run, '--batch'] : ['--resume', id];
    const end = await runChild(folder, [...args, '--batch-poll', '100ms', '--db', db], moments[kills]);
    if (end.wasKilled) {
      kills++;
      continue;
    }
    if (end.code !== 0) world.problems.push(`it ended with ${end.code}: ${end.stderr}`);
    return kills;
  }
  world.problems.push('it never came to an end');
  return kills;
}

if (import.meta.main) {
  const cases = Number(process.argv[2] ?? 10_000);
  for (const wire of ['responses', 'messages'] as const) {
    const { problems, ...outcome } = await batchRun({ cases, wire });
    console.log(`${wire}: ${JSON.stringify(outcome)}`);
    for (const problem of problems.slice(0, 10)) console.log(`  WRONG ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
  }
}
