// Builds snapshots for comparison tests: a case is a word, one letter a trial.

import type { CompareOptions } from '../../src/compare/index.ts';
import type { CaseExam } from '../../src/core/exam.ts';
import type { PolicyFile } from '../../src/core/policy.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import type { CaseResult, SnapshotResults, SnapshotSummary, TrialResult } from '../../src/core/snapshot.ts';
import { Mt19937 } from '../../src/stats/rng.ts';

/** p = passed, f = failed its graders, j = judge_error, o = no_output, a = app_error, i = infra_error, t = timeout, b = skipped for the budget, - = never run. */
export type TrialLetter = 'p' | 'f' | 'j' | 'o' | 'a' | 'i' | 't' | 'b' | '-';

export interface CaseSketch {
  readonly id: string;
  /** One letter a planned trial. */
  readonly trials: string;
  readonly tags?: readonly string[];
  readonly group?: string;
  readonly critical?: boolean;
  readonly minPassRate?: number;
  readonly exam?: Partial<CaseExam>;
  /** Per answered trial; the last one repeats. */
  readonly lengths?: readonly number[];
  readonly latencies?: readonly number[];
  readonly costs?: readonly (number | null)[];
  readonly scores?: readonly number[];
  /** The same answer in every trial; by default answers differ from trial to trial. */
  readonly answer?: string;
  readonly refused?: boolean;
}

const EXAM: CaseExam = {
  contentHash: 'content',
  gradersHash: 'graders',
  judge: null,
  embedder: null,
  graderCode: 1,
};

function pick<T>(list: readonly T[] | undefined, at: number): T | undefined {
  return list?.[Math.min(at, list.length - 1)];
}

function trialResult(sketch: CaseSketch, letter: string, trial: number): TrialResult {
  const lost = {
    trial,
    pass: null,
    score: null,
    ungraded: [],
    length: null,
    latencyMs: null,
    costUsd: null,
    outputTokens: null,
    refusal: null,
    stopReason: null,
    servedModel: null,
    systemFingerprint: null,
    outputHash: null,
  } as const;
  const failed = { a: 'app_error', i: 'infra_error', t: 'timeout' } as const;
  if (letter === 'a' || letter === 'i' || letter === 't')
    return { ...lost, status: 'failed', cause: failed[letter] };
  if (letter === 'b') return { ...lost, status: 'skipped', cause: 'budget' };
  const graded = letter === 'p' || letter === 'f';
  const cost = pick(sketch.costs, trial);
  return {
    ...lost,
    status: 'answered',
    cause: null,
    pass: graded ? letter === 'p' : null,
    score: graded ? (pick(sketch.scores, trial) ?? (letter === 'p' ? 1 : 0)) : null,
    ungraded: letter === 'j' ? ['judge_error'] : letter === 'o' ? ['no_output'] : [],
    length: pick(sketch.lengths, trial) ?? 120,
    latencyMs: pick(sketch.latencies, trial) ?? 800,
    costUsd: cost === undefined ? 0.001 : cost,
    refusal: sketch.refused ?? false,
    stopReason: 'stop',
    servedModel: 'refund-model-2026-03-01',
    outputHash: sketch.answer ?? `${sketch.id}-${trial}-${letter}`,
  };
}

export function caseResult(sketch: CaseSketch): CaseResult {
  const letters = [...sketch.trials];
  return {
    id: sketch.id,
    tags: sketch.tags ?? [],
    group: sketch.group ?? null,
    critical: sketch.critical ?? false,
    minPassRate: sketch.minPassRate ?? null,
    exam: { ...EXAM, ...sketch.exam },
    plannedTrials: letters.length,
    trials: letters.flatMap((letter, trial) => (letter === '-' ? [] : [trialResult(sketch, letter, trial)])),
  };
}

/** A finished, valid snapshot of the refund bot. */
export function snapshot(
  id: string,
  cases: readonly CaseSketch[],
  differences: Partial<SnapshotSummary> = {},
): SnapshotResults {
  const results = cases.map(caseResult);
  return {
    summary: {
      id,
      purpose: 'run',
      suite: 'refund-bot',
      suiteHash: 'suite',
      release: 'refund-bot',
      fingerprint: 'f1',
      layerHashes: { route: 'r1', prompt: 'p1' },
      exam: 'exam',
      judge: null,
      embedder: null,
      startedAt: '2026-03-15T02:00:00.000Z',
      finishedAt: '2026-03-15T02:10:00.000Z',
      state: 'finished',
      validity: 'valid',
      validityReasons: [],
      findings: [],
      cases: results.length,
      plannedTrials: results.reduce((n, c) => n + c.plannedTrials, 0),
      trials: results.reduce((n, c) => n + c.trials.length, 0),
      answered: 0,
      failed: 0,
      skipped: 0,
      ungraded: 0,
      passRate: null,
      meanScore: null,
      calls: 0,
      costUsd: null,
      judgeCostUsd: null,
      servedModels: ['refund-model-2026-03-01'],
      systemFingerprints: [null],
      simulated: false,
      pinned: true,
      labels: {},
      seed: 1,
      environment: { lastgood: '0.1.0', node: '24.21.0', platform: 'linux' },
      ...differences,
    },
    cases: results,
  };
}

/** `count` cases of one theme that all went the same way: `refund-000`, `refund-001`, … */
export function block(
  theme: string,
  count: number,
  trials: string,
  more: Omit<CaseSketch, 'id' | 'trials'> = {},
): CaseSketch[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${theme}-${String(i).padStart(3, '0')}`,
    trials,
    ...more,
  }));
}

/** Options with a policy written as in a suite file. */
export function options(policy: PolicyFile = {}, more: Omit<CompareOptions, 'policy'> = {}): CompareOptions {
  return { policy: resolvePolicy(policy), ...more };
}

export interface Population {
  readonly cases: number;
  readonly trials: number;
  readonly tags?: readonly string[];
}

/** True pass rates of a suite in which most cases nearly always pass and some are hard. */
export function trueRates(count: number, rng: Mt19937): number[] {
  return Array.from({ length: count }, () => {
    const u = rng.next();
    return u < 0.6 ? 0.9 + rng.next() * 0.1 : u < 0.85 ? 0.4 + rng.next() * 0.5 : rng.next() * 0.3;
  });
}

/** One night: every case's trials drawn from its true rate. */
export function night(
  rates: readonly number[],
  { trials, tags = [] }: Omit<Population, 'cases'>,
  rng: Mt19937,
): CaseSketch[] {
  return rates.map((rate, i) => ({
    id: `case-${String(i).padStart(5, '0')}`,
    trials: Array.from({ length: trials }, () => (rng.next() < rate ? 'p' : 'f')).join(''),
    tags: tags.length === 0 ? [] : [tags[i % tags.length] ?? ''],
  }));
}

export { Mt19937 };
