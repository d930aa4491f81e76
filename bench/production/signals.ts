// How long `signals` takes on many observations: npm run bench:signals [observations] [days] (default 5,000,000 over 30 days).

import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Observation, Outcome } from '../../src/core/observation.ts';
import { foldAll, openProduction } from '../../src/jobs/observe/open-production.ts';
import { signalsJob } from '../../src/jobs/signals/signals.ts';

const [total = 5_000_000, days = 30] = process.argv.slice(2).map(Number);
const DAY = 86_400_000;
const now = new Date();
const path = join(tmpdir(), `lastgood-bench-signals-${process.pid}.db`);
const TEMPLATES = Array.from({ length: 10 }, (_, i) => `template-${i}`);
const SEGMENTS = ['free', 'pro', 'team'];

/** Spread over the days; lengths and latencies as skewed as real ones. */
function observation(i: number): Observation {
  const u = ((i * 2654435761) % 4294967296) / 4294967296;
  return {
    id: `observation-${i}`,
    shownId: `observation-${i}`,
    at: Math.floor(now.getTime() - days * DAY * (1 - i / total)),
    feature: 'triage',
    dimensions: {
      release: i < 0.6 * total ? 'r1' : 'r2',
      template: TEMPLATES[i % 10] as string,
      segment: SEGMENTS[i % 3] as string,
    },
    region: null,
    session: null,
    user: null,
    tags: [],
    model: 'm',
    servedModel: 'm-2026',
    systemFingerprint: null,
    stopReason: 'stop',
    actionMode: null,
    measures: {
      failed: i % 100 === 0,
      length: Math.round(200 * Math.exp(1.2 * (u - 0.3))),
      refusal: i % 77 === 0,
      schemaValid: i % 500 !== 0,
      blocked: false,
      latencyMs: 300 * Math.exp(2 * u),
      costUsd: 0.002 + u / 1000,
      inputTokens: 120,
      outputTokens: 60 + (i % 50),
      toolCalls: null,
    },
    texts: null,
    vector: i % 16 === 0 ? Int8Array.from({ length: 512 }, (_, d) => ((i * 31 + d * 17) % 255) - 127) : null,
  };
}

function outcome(i: number): Outcome {
  return {
    id: `observation-${i}`,
    at: now.getTime(),
    edited: (i % 20) / 20,
    flags: { overridden: i % 9 === 0, completed: i % 16 !== 0 },
    kpi: {},
    scores: {},
    finalText: null,
  };
}

const store = await openProduction(path);
try {
  const seconds = async (work: () => Promise<unknown>): Promise<string> => {
    const start = performance.now();
    const cpu = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(cpu);
    return `${((performance.now() - start) / 1000).toFixed(2)} s (CPU ${((user + system) / 1e6).toFixed(2)} s)`;
  };
  const stored = await seconds(async () => {
    for (let i = 0; i < total; i += 2000) {
      const ids = Array.from({ length: Math.min(2000, total - i) }, (_, k) => i + k);
      await store.add({
        observations: ids.map(observation),
        outcomes: ids.filter((n) => n % 5 === 0).map(outcome),
      });
      if (i % 100_000 === 0) await foldAll(store);
    }
  });
  const counted = await seconds(() => foldAll(store));
  process.stdout.write(
    `${total} observations over ${days} days: stored in ${stored}, rest counted in ${counted}\n`,
  );
  for (const [since, by] of [
    [days * DAY, null],
    [days * DAY, 'template'],
    [7 * DAY, null],
    [DAY, 'release'],
  ] as const) {
    let observations = 0;
    const took = await seconds(async () => {
      const report = await signalsJob(store, { feature: 'triage', now, since, by });
      observations = report.groups[0]?.observations ?? 0;
    });
    process.stdout.write(
      `signals --since ${since / DAY}d${by === null ? '' : ` --by ${by}`}: ${took} for ${observations} observations\n`,
    );
  }
  process.stdout.write(`memory: ${Math.round(process.memoryUsage().rss / 1e6)} MB\n`);
} finally {
  await store.close();
  for (const end of ['', '-wal', '-shm']) await rm(`${path}${end}`, { force: true });
}
