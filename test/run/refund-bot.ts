// The world of the run tests: a bot that answers refund tickets.

import { contentHash, type JsonObject, type ProgressStep, type Warning } from '../../src/base/index.ts';
import {
  type Case,
  fingerprintLayers,
  type Layers,
  type Message,
  type Provider,
  type Release,
  type Trial,
} from '../../src/core/index.ts';
import {
  type Job,
  planJobs,
  type RunLimits,
  type RunOptions,
  type RunReport,
  runJobs,
} from '../../src/run/index.ts';
import type { TestTime } from './test-time.ts';

export function refundRelease(layers: Partial<Record<keyof Layers, JsonObject>> = {}): Release {
  const whole = {
    route: { provider: 'openai', model: 'triage-2026-03-01' },
    prompt: {
      system: 'You answer refund tickets.',
      messages: [{ role: 'user', content: '{{ ticket }}' }],
    },
    ...layers,
  } as unknown as Layers;
  return {
    name: 'refund-bot',
    file: 'releases/refund-bot.yaml',
    layers: whole,
    ...fingerprintLayers(whole),
    pin: { state: 'pinned', reason: 'dated' },
    dependents: [],
    paths: {},
  };
}

export function refundCase(
  id: string,
  own: { vars?: JsonObject; messages?: readonly Message[] | null; trials?: number } = {},
): Case {
  const vars = own.vars ?? { ticket: `ticket ${id}: where is my money?` };
  return {
    id,
    tags: ['refund'],
    group: null,
    critical: false,
    vars,
    messages: own.messages ?? null,
    expected: undefined,
    graders: [],
    trials: own.trials ?? 1,
    minPassRate: null,
    source: null,
    meta: {},
    contentHash: contentHash({ vars }),
    gradersHash: contentHash([]),
    where: { file: 'suites/refunds.yaml' },
  };
}

export function refundCases(n: number): Case[] {
  return Array.from({ length: n }, (_, i) => refundCase(`ticket-${i}`));
}

export function jobsOf(provider: Provider, cases: readonly Case[], trials?: number): Job[] {
  return planJobs({ cases, release: refundRelease(), provider, trials });
}

export const ROOMY: RunLimits = {
  concurrency: 4,
  maxAttempts: 4,
  attemptTimeoutMs: 60_000,
  trialTimeoutMs: 600_000,
  outageMs: 300_000,
  deadlineMs: null,
  maxCalls: null,
  maxCostUsd: null,
};

/** One run with everything it said. */
export interface WatchedRun {
  readonly delivered: { readonly job: Job; readonly trial: Trial }[];
  readonly warnings: Warning[];
  readonly steps: ProgressStep[];
  readonly finished: Promise<RunReport>;
}

export function watchRun(
  time: TestTime,
  jobs: Iterable<Job>,
  own: { limits?: Partial<RunLimits> } & Partial<Omit<RunOptions, 'limits'>> = {},
): WatchedRun {
  const delivered: WatchedRun['delivered'] = [];
  const warnings: Warning[] = [];
  const steps: ProgressStep[] = [];
  let drawn = 0;
  const finished = runJobs(jobs, {
    clock: time,
    timers: time,
    // Low-discrepancy, so that tests do not depend on a seed.
    rng: { next: () => (drawn++ * 0.618033988749895) % 1 },
    signal: new AbortController().signal,
    costOf: () => null,
    progress: { warn: (w) => warnings.push(w), step: (s) => steps.push(s) },
    ...own,
    limits: { ...ROOMY, ...own.limits },
    onTrial: async (job, trial, handle) => {
      delivered.push({ job, trial });
      await own.onTrial?.(job, trial, handle);
    },
  });
  return { delivered, warnings, steps, finished };
}

export function trialOf(run: WatchedRun, caseId: string, trial = 0): Trial {
  const found = run.delivered.filter((d) => d.job.case.id === caseId && d.job.trial === trial);
  if (found.length !== 1) throw new Error(`${caseId}#${trial} was delivered ${found.length} times`);
  return (found[0] as { trial: Trial }).trial;
}
