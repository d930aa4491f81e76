// The worlds a harness is tried in: what every case's true pass rate is before and after, and what a call then returns.

import { sha256 } from '../../src/base/json.ts';
import { Mt19937, seedFrom } from '../../src/stats/index.ts';
import { beta, choose, normal } from './draws.ts';

/** How hard the suite is: the distribution of true pass rates over its cases. */
export type Profile = 'mature' | 'hard' | 'flaky';

const BETA: Readonly<Record<Profile, readonly [a: number, b: number]>> = {
  mature: [2, 0.25],
  hard: [0.8, 0.4],
  flaky: [4, 2],
};

export type Scenario =
  | 'unchanged'
  | 'shock-interleaved'
  | 'shock-back-to-back'
  | 'improve'
  | 'uniform-5'
  | 'uniform-10'
  | 'at-margin'
  | 'broken'
  | 'category'
  | 'mixed'
  | 'verbosity'
  | 'judge-drift';

export type ArmName = 'baseline' | 'candidate';

/** What one call returned, graded. */
export interface Outcome {
  readonly pass: boolean;
  readonly score: number;
  /** Characters of the answer; null in worlds that do not measure it. */
  readonly length: number | null;
  readonly latencyMs: number | null;
  /** Of the answer; drawn when asked for. */
  embedding(): Float64Array;
  /** Which judge graded it. */
  readonly judge: string;
  /** The same stored answer graded by the judge of today; no call. */
  regrade(): Outcome;
}

/** All a harness may use: call an arm on a case. Every call is counted. */
export interface World {
  readonly cases: number;
  /** Category of each case, 0 to 7. */
  readonly category: Int32Array;
  /** For whatever the harness draws itself. */
  readonly seed: number;
  readonly arms: Readonly<Record<ArmName, string>>;
  run(arm: ArmName, index: number): Outcome;
  readonly calls: () => number;
}

/** A world with its truth, which the harness does not see. */
export interface KnownWorld extends World {
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** True drop of at least 0.2. */
  readonly regressed: readonly boolean[];
}

export const CATEGORIES = 8;
const SENSITIVITY = 0.97;
const SPECIFICITY = 0.95;
const DRIFTED_SENSITIVITY = 0.9;
/** Standard deviation of a session's shock on the logit of a category. */
const SHOCK = 0.3;
const REGRESSED_FROM = 0.2;
const EMBEDDING_SIZE = 64;
/** What the judge shows of a drop of 1 in the true rate. */
export const JUDGE_SLOPE = SENSITIVITY + SPECIFICITY - 1;

export interface WorldPlan {
  readonly profile: Profile;
  readonly cases: number;
  readonly scenario: Scenario;
  /** Give lengths and latencies too; off where nobody looks, for speed. */
  readonly channels: boolean;
}

/** A stream that depends on nothing but the benchmark's seed and the names of what is drawn. */
export function streamOf(seed: number, ...names: readonly (string | number)[]): Mt19937 {
  return new Mt19937(seedFrom(sha256(`${seed}|${names.join('|')}`)));
}

/** True pass rates of a suite. */
export function trueRates(profile: Profile, n: number, rng: Mt19937): Float64Array {
  const [a, b] = BETA[profile];
  return Float64Array.from({ length: n }, () => beta(a, b, rng));
}

export function categoriesOf(n: number): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => Math.floor((CATEGORIES * i) / n));
}

function mean(values: Float64Array): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

/** A drop of `points` in the mean true rate, the same share of every case's rate. */
export function uniformDrop(before: Float64Array, points: number): Float64Array {
  const factor = Math.max(0, 1 - points / mean(before));
  return before.map((p) => p * factor);
}

/** max(2, 3 %) of the cases that passed at least 7 times in 10 now fail 19 times in 20. */
export function breakSome(before: Float64Array, rates: Float64Array, rng: Mt19937): Float64Array {
  const after = rates.slice();
  const healthy = [...before.keys()].filter((i) => (before[i] ?? 0) >= 0.7);
  const count = Math.min(healthy.length, Math.max(2, Math.round(0.03 * before.length)));
  for (const at of choose(healthy.length, count, rng)) after[healthy[at] ?? 0] = 0.05;
  return after;
}

/** The candidate's true rates. */
function changed(scenario: Scenario, before: Float64Array, category: Int32Array, rng: Mt19937): Float64Array {
  switch (scenario) {
    case 'unchanged':
    case 'shock-interleaved':
    case 'shock-back-to-back':
    case 'verbosity':
    case 'judge-drift':
      return before.slice();
    case 'improve': {
      const share = 0.05 / (1 - mean(before));
      return before.map((p) => Math.min(1, p + (1 - p) * share));
    }
    case 'uniform-5':
      return uniformDrop(before, 0.05);
    case 'at-margin':
      // As the judge sees it: exactly the margin.
      return uniformDrop(before, 0.05 / JUDGE_SLOPE);
    case 'uniform-10':
      return uniformDrop(before, 0.1);
    case 'broken':
      return breakSome(before, before, rng);
    case 'category': {
      const hit = Math.floor(CATEGORIES * rng.next());
      return before.map((p, i) => (category[i] === hit ? 0.6 * p : p));
    }
    case 'mixed': {
      const better = before.slice();
      for (const i of choose(before.length, Math.floor(before.length / 2), rng))
        better[i] = (better[i] ?? 0) + 0.3 * (1 - (better[i] ?? 0));
      return breakSome(before, better, rng);
    }
  }
}

/** Adds a session's shock to the logits, one draw a category. */
function shocked(rates: Float64Array, category: Int32Array, shocks: Float64Array): Float64Array {
  return rates.map((p, i) => {
    const held = Math.min(1 - 1e-9, Math.max(1e-9, p));
    const logit = Math.log(held / (1 - held)) + (shocks[category[i] ?? 0] ?? 0);
    return 1 / (1 + Math.exp(-logit));
  });
}

function drawShocks(rng: Mt19937): Float64Array {
  return Float64Array.from({ length: CATEGORIES }, () => SHOCK * normal(rng));
}

/** The truth about both arms, from which a world's calls are drawn. */
export interface Truth {
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** Rates at which the calls of this session pass; the truth itself unless the hour of the day shook them. */
  readonly rates?: Readonly<Record<ArmName, Float64Array>>;
  readonly lengths?: { readonly typical: Float64Array; readonly candidateFactor: number } | undefined;
  /** Is the candidate graded by another judge than the baseline? */
  readonly judgeDrifted?: boolean;
  /** Graded by checks that never err, instead of by a judge. */
  readonly exactGrades?: boolean;
}

/** The world in which these rates are true. */
export function worldOf(truth: Truth, rng: Mt19937): KnownWorld {
  const { before, after, lengths, judgeDrifted = false, exactGrades = false } = truth;
  const rates = truth.rates ?? { baseline: before, candidate: after };
  let calls = 0;

  const outcome = (
    good: boolean,
    judge: 'old' | 'new',
    measures: Pick<Outcome, 'length' | 'latencyMs'>,
  ): Outcome => {
    const sensitivity = judge === 'new' && judgeDrifted ? DRIFTED_SENSITIVITY : SENSITIVITY;
    const pass = exactGrades ? good : rng.next() < (good ? sensitivity : 1 - SPECIFICITY);
    return {
      pass,
      score: pass ? 1 : 0,
      ...measures,
      judge: judgeDrifted ? judge : 'old',
      embedding: () => Float64Array.from({ length: EMBEDDING_SIZE }, () => normal(rng)),
      regrade: () => outcome(good, 'new', measures),
    };
  };
  const measure = (arm: ArmName, index: number): Pick<Outcome, 'length' | 'latencyMs'> => {
    if (lengths === undefined) return { length: null, latencyMs: null };
    const factor = arm === 'candidate' ? lengths.candidateFactor : 1;
    const length = factor * Math.exp((lengths.typical[index] ?? 5) + 0.25 * normal(rng));
    return { length: Math.max(1, Math.round(length)), latencyMs: 800 * Math.exp(0.4 * normal(rng)) };
  };

  return {
    cases: before.length,
    category: categoriesOf(before.length),
    before,
    after,
    regressed: Array.from(before, (p, i) => p - (after[i] ?? 0) >= REGRESSED_FROM),
    seed: rng.uint32(),
    arms: { baseline: 'release-a', candidate: 'release-b' },
    calls: () => calls,
    run(arm, index) {
      calls += 1;
      const good = rng.next() < (rates[arm][index] ?? 0);
      return outcome(good, arm === 'candidate' ? 'new' : 'old', measure(arm, index));
    },
  };
}

/** Draws one world. The same stream gives the same world and, called in the same order, the same outcomes. */
export function drawWorld({ profile, cases: n, scenario, channels }: WorldPlan, rng: Mt19937): KnownWorld {
  const category = categoriesOf(n);
  const before = trueRates(profile, n, rng);
  const after = changed(scenario, before, category, rng);
  const lengths = channels
    ? {
        typical: Float64Array.from({ length: n }, () => 5 + 0.8 * normal(rng)),
        candidateFactor: scenario === 'verbosity' ? 1.2 : 1,
      }
    : undefined;
  const truth = { before, after, lengths, judgeDrifted: scenario === 'judge-drift' };
  if (scenario !== 'shock-interleaved' && scenario !== 'shock-back-to-back') return worldOf(truth, rng);
  // In one session both arms live through the same hour; back to back each has its own.
  const first = drawShocks(rng);
  const second = scenario === 'shock-interleaved' ? first : drawShocks(rng);
  const rates = { baseline: shocked(before, category, first), candidate: shocked(after, category, second) };
  return worldOf({ ...truth, rates }, rng);
}
