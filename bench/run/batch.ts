// Batches with errored and expired requests, killed again and again and continued: they must end like single calls, at half the cost.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import {
  type BatchWorld,
  batchScenario,
  type ChildEnd,
  endAllBatches,
  type Outcome,
  outcomeOf,
  runChild,
  writeBatchWorld,
} from './batch-world.ts';
import { unfinished } from './chaos-books.ts';

export interface BatchOutcome {
  readonly cases: number;
  readonly kills: number;
  /** Requests that the service answered, and so billed, for the batches. */
  readonly billed: number;
  readonly usd: number | null;
  readonly liveUsd: number | null;
  readonly seconds: number;
  /** Most memory of a process, in MB. */
  readonly peakMb: number;
  readonly livePeakMb: number;
}

/** What a world of batches came to, beside single calls. */
export interface BatchReport {
  readonly run: BatchOutcome;
  /** The same answers judged afresh; null without a judge. */
  readonly regrade: BatchOutcome | null;
  /** What is wrong; empty = like single calls. */
  readonly problems: readonly string[];
}

const SHARES = { errored: 0.02, expired: 0.01, polls: 2 };
const BATCH = ['--batch', '--batch-poll', '100ms'];

export async function batchWorld(world: BatchWorld): Promise<BatchReport> {
  const simulator = await startSimulator({ scenario: batchScenario(SHARES) });
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-batch-'));
  try {
    const named = await writeBatchWorld(folder, { ...world, simulator });
    const bench = new Bench(folder, world, simulator);
    const run = await bench.run(named);
    const regrade = world.judged === true ? await bench.regrade() : null;
    return { run, regrade, problems: bench.problems };
  } finally {
    await simulator.close();
    await rm(folder, { recursive: true, force: true });
  }
}

class Bench {
  readonly problems: string[] = [];
  private readonly folder: string;
  private readonly world: BatchWorld;
  private readonly simulator: Simulator;
  private readonly batchDb: string;
  private readonly liveDb: string;

  constructor(folder: string, world: BatchWorld, simulator: Simulator) {
    this.folder = folder;
    this.world = world;
    this.simulator = simulator;
    this.batchDb = join(folder, 'batch.db');
    this.liveDb = join(folder, 'live.db');
  }

  async run(named: readonly string[]): Promise<BatchOutcome> {
    const { cases, judged } = this.world;
    const begin = ['run', ...named, '--no-preflight', ...BATCH, '--db', this.batchDb];
    const resume = ['run', '--resume', '', '--no-preflight', '--batch-poll', '100ms', '--db', this.batchDb];
    const moments = [this.submitted(), this.answered(cases), ...(judged ? [this.answered(1.5 * cases)] : [])];
    return this.measured('run', judged === true ? 2 * cases : cases, {
      moments: [...moments, this.fetched()],
      args: () => {
        const id = unfinished(this.batchDb);
        return id === null ? begin : resume.map((word) => (word === '' ? id : word));
      },
      live: ['run', ...named, '--no-preflight', '--db', this.liveDb],
    });
  }

  /** The answers of the runs, judged afresh: by batches in the one ledger, by single calls in the other. */
  async regrade(): Promise<BatchOutcome> {
    const args = ['regrade', 'latest', '--fresh', ...BATCH, '--db', this.batchDb];
    return this.measured('regrade', this.world.cases, {
      moments: [this.submitted(), this.fetched()],
      args: () => args,
      live: ['regrade', 'latest', '--fresh', '--db', this.liveDb],
    });
  }

  private async measured(
    what: string,
    expected: number,
    how: {
      readonly moments: readonly (() => boolean)[];
      readonly args: () => readonly string[];
      readonly live: readonly string[];
    },
  ): Promise<BatchOutcome> {
    const { cases } = this.world;
    this.simulator.reset();
    const startedMs = performance.now();
    const { kills, end, peakMb } = await this.killed(what, how);
    const seconds = (performance.now() - startedMs) / 1000;
    await endAllBatches(this.simulator);
    const billed = this.simulator.stats().answered;
    if (billed !== expected) this.problems.push(`${what}: ${billed} answers were paid, not ${expected}`);
    this.simulator.reset();
    const live = await runChild(this.folder, how.live);
    if (live.code !== 0)
      this.problems.push(`${what} by single calls ended with ${live.code}: ${live.stderr}`);
    const batch = await outcomeOf(this.batchDb, idIn(end));
    const single = await outcomeOf(this.liveDb, idIn(live));
    this.compare(what, batch, single);
    const [usd, liveUsd] =
      what === 'run' ? [costOf(batch), costOf(single)] : [batch.judgeCostUsd, single.judgeCostUsd];
    if (usd === null || liveUsd === null || Math.abs(usd / liveUsd - 0.5) > 1e-6)
      this.problems.push(`${what}: it cost ${usd}, and single calls ${liveUsd}`);
    return { cases, kills, billed, usd, liveUsd, seconds, peakMb, livePeakMb: live.peakMb };
  }

  private compare(what: string, batch: Outcome, single: Outcome): void {
    for (const [key, result] of single.results)
      if (batch.results.get(key) !== result)
        this.problems.push(`${what}, ${key}: ${batch.results.get(key)}, not ${result}`);
    if (batch.results.size !== single.results.size)
      this.problems.push(`${what}: ${batch.results.size} results`);
  }

  /** Starts it again after each kill. Gives how often it was killed, and its end. */
  private async killed(
    what: string,
    {
      args,
      moments,
    }: { readonly args: () => readonly string[]; readonly moments: readonly (() => boolean)[] },
  ): Promise<{ readonly kills: number; readonly end: ChildEnd | null; readonly peakMb: number }> {
    let kills = 0;
    let peakMb = 0;
    for (let start = 0; start < 8; start++) {
      const end = await runChild(this.folder, args(), moments[kills]);
      peakMb = Math.max(peakMb, end.peakMb);
      if (end.wasKilled) {
        kills++;
        continue;
      }
      if (end.code !== 0) this.problems.push(`${what}: it ended with ${end.code}: ${end.stderr}`);
      return { kills, end, peakMb };
    }
    this.problems.push(`${what}: it never came to an end`);
    return { kills, end: null, peakMb };
  }

  // When it is killed

  /** As soon as the service has a batch. */
  private submitted(): () => boolean {
    return () => this.seen((path) => /^\/v1\/(messages\/)?batches$/.test(path)) > 0;
  }

  /** When it has answered so many requests. */
  private answered(count: number): () => boolean {
    return () => this.simulator.stats().answered >= 0.9 * count;
  }

  /** When results are read that were not read before. */
  private fetched(): () => boolean {
    let before: number | null = null;
    return () => {
      const now = this.seen((path) => /(content|results)$/.test(path));
      before ??= now;
      return now > before;
    };
  }

  private seen(test: (path: string) => boolean): number {
    const counts = Object.entries(this.simulator.stats().byPath);
    return counts.reduce((n, [path, count]) => n + (test(path) ? count : 0), 0);
  }
}

function costOf({ costUsd, judgeCostUsd }: Outcome): number | null {
  return costUsd === null || judgeCostUsd === null ? null : costUsd + judgeCostUsd;
}

function idIn(end: ChildEnd | null): string | undefined {
  return end === null || end.stdout === '' ? undefined : JSON.parse(end.stdout).snapshot.id;
}

if (import.meta.main) {
  const cases = Number(process.argv[2] ?? 10_000);
  const padding = Number(process.argv[3] ?? 0);
  for (const wire of ['responses', 'messages'] as const) {
    const { problems, run, regrade } = await batchWorld({ cases, wire, judged: true, padding });
    console.log(`${wire} run: ${JSON.stringify(run)}`);
    console.log(`${wire} regrade: ${JSON.stringify(regrade)}`);
    for (const problem of problems.slice(0, 10)) console.log(`  WRONG ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
  }
}
