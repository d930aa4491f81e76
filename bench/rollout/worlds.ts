// Simulated traffic of a feature and its candidate: what each arm answers in a minute.

import type { ArmCounts } from '../../src/core/rollout.ts';
import { Mt19937 } from '../../src/stats/rng.ts';

export interface World {
  readonly name: string;
  readonly perDay: number;
  /** Relative size of the daily wave. */
  readonly wave: number;
  /** Chance that an incident of two hours begins in a minute: all rates of both arms are four times as high. */
  readonly incidents: number;
  /** Calls that one user makes in a row, all with the same outcome. */
  readonly burst: number;
  readonly rates: { readonly schema: number; readonly rejected: number; readonly blocked: number };
}

export interface Fault {
  readonly name: string;
  readonly gate: Signal | null;
  readonly schema?: number;
  readonly rejectedMore?: number;
  readonly latencyTimes?: number;
  readonly costTimes?: number;
  readonly blocksTimes?: number;
}

export const SIGNALS = [
  'schema-failures',
  'latency.p95',
  'cost-per-completed',
  'review-rejection',
  'blocks',
] as const;
export type Signal = (typeof SIGNALS)[number];

const calm: World = {
  name: '200,000 a day',
  ...{ perDay: 200_000, wave: 0, incidents: 0, burst: 1 },
  rates: { schema: 0.001, rejected: 0.1, blocked: 0.005 },
};
export const TUNE_WORLDS: readonly World[] = [
  { ...calm, name: 'tune: 100,000 a day', perDay: 100_000 },
  {
    ...calm,
    name: 'tune: 500,000 a day, wave',
    perDay: 500_000,
    wave: 0.5,
    rates: { schema: 0.0015, rejected: 0.15, blocked: 0.01 },
  },
];
export const JUDGE_WORLDS: readonly World[] = [
  { ...calm, name: '200,000 a day, daily wave', wave: 0.7 },
  {
    ...calm,
    name: '1,000,000 a day',
    perDay: 1_000_000,
    rates: { schema: 0.0005, rejected: 0.2, blocked: 0.003 },
  },
  { ...calm, name: '200,000 a day, incidents of both arms', wave: 0.5, incidents: 1 / 1440 },
  { ...calm, name: '50,000 a day', perDay: 50_000, rates: { schema: 0.001, rejected: 0.05, blocked: 0.01 } },
];
/** Outside what the method promises: the calls of one user are not independent. */
export const BURST_WORLD: World = {
  ...calm,
  name: '200,000 a day, users of 5 calls with one outcome',
  burst: 5,
};

export const UNCHANGED: Fault = { name: 'unchanged', gate: null };
export const FAULTS: readonly Fault[] = [
  { name: 'schema failures 2%', gate: 'schema-failures', schema: 0.02 },
  { name: 'rejection +5 points', gate: 'review-rejection', rejectedMore: 0.05 },
  { name: 'p95 × 2.5', gate: 'latency.p95', latencyTimes: 2.5 },
  { name: 'cost × 1.4', gate: 'cost-per-completed', costTimes: 1.4 },
  { name: 'blocks × 2', gate: 'blocks', blocksTimes: 2 },
];

/** Latencies are log-normal with this standard deviation of the logarithm. */
const SPREAD = 0.6;
/** Standard deviation of the cost of a task over its mean. */
export const COST_SPREAD = 0.7;
const REVIEWED = 0.1;
const COMPLETED = 0.8;
export const APPROVED_USD = 0.012;
const Z95 = 1.6448536269514722;

export type Minute = Readonly<Record<Signal, ArmCounts>> & { readonly calls: number };

/** Draws the minutes of one rollout. */
export class Traffic {
  readonly #world: World;
  readonly #fault: Fault;
  readonly #rng: Mt19937;
  #minute = 0;
  #incidentUntil = -1;
  #factor = 1;

  constructor(world: World, fault: Fault, seed: number) {
    this.#world = world;
    this.#fault = fault;
    this.#rng = new Mt19937(seed);
  }

  /** Both arms at this percentage. */
  next(percent: number): { readonly candidate: Minute; readonly control: Minute } {
    const { perDay, wave, incidents } = this.#world;
    const mean = (perDay / 1440) * (1 + wave * Math.sin((2 * Math.PI * this.#minute) / 1440));
    if (this.#minute > this.#incidentUntil && this.#rng.next() < incidents)
      this.#incidentUntil = this.#minute + 120;
    this.#factor = this.#minute <= this.#incidentUntil ? 4 : 1;
    this.#minute++;
    return {
      candidate: this.#arm(this.#poisson((mean * percent) / 100), this.#fault),
      control: this.#arm(this.#poisson((mean * (100 - percent)) / 100), UNCHANGED),
    };
  }

  /** The control alone: seven days before the start. */
  history(): Minute {
    return this.#arm(Math.round(this.#world.perDay * 7), UNCHANGED);
  }

  #arm(calls: number, fault: Fault): Minute {
    const { rates } = this.#world;
    const up = (p: number): number => Math.min(0.9, p * this.#factor);
    const count = (n: number, p: number): ArmCounts => ({ n, hits: this.#hits(n, p), sum: 0 });
    const shift = Math.log(fault.latencyTimes ?? 1);
    const slow = normalTail(Z95 + (Math.LN2 - shift) / SPREAD);
    const completed = this.#hits(calls, COMPLETED);
    const perTask = APPROVED_USD * COMPLETED * (fault.costTimes ?? 1);
    return {
      calls,
      'schema-failures': count(calls, up(fault.schema ?? rates.schema)),
      'latency.p95': count(calls, up(slow)),
      'cost-per-completed': { n: calls, hits: completed, sum: this.#costs(calls, perTask) },
      'review-rejection': count(
        this.#binomial(calls, REVIEWED),
        Math.min(0.9, rates.rejected + (fault.rejectedMore ?? 0)),
      ),
      blocks: count(calls, up(rates.blocked * (fault.blocksTimes ?? 1))),
    };
  }

  #hits(n: number, p: number): number {
    const { burst } = this.#world;
    if (burst === 1) return this.#binomial(n, p);
    const whole = Math.floor(n / burst);
    return this.#binomial(whole, p) * burst + this.#binomial(n - whole * burst, p);
  }

  #costs(n: number, mean: number): number {
    const variance = Math.log(1 + COST_SPREAD ** 2);
    if (n > 60) return Math.max(0, n * mean + this.#normal() * COST_SPREAD * mean * Math.sqrt(n));
    let sum = 0;
    for (let i = 0; i < n; i++) sum += mean * Math.exp(this.#normal() * Math.sqrt(variance) - variance / 2);
    return sum;
  }

  #binomial(n: number, p: number): number {
    if (n <= 0 || p <= 0) return 0;
    const mean = n * p;
    if (n > 100 && mean > 40 && n - mean > 40)
      return Math.min(n, Math.max(0, Math.round(mean + this.#normal() * Math.sqrt(mean * (1 - p)))));
    // Distances between hits are geometric.
    let hits = 0;
    const log = Math.log1p(-p);
    for (let at = Math.floor(Math.log(1 - this.#rng.next()) / log); at < n; hits++)
      at += 1 + Math.floor(Math.log(1 - this.#rng.next()) / log);
    return hits;
  }

  #poisson(mean: number): number {
    if (mean <= 0) return 0;
    if (mean > 60) return Math.max(0, Math.round(mean + this.#normal() * Math.sqrt(mean)));
    let count = -1;
    for (let product = 1; product > Math.exp(-mean); count++) product *= this.#rng.next();
    return count;
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#rng.next())) * Math.cos(2 * Math.PI * this.#rng.next());
  }
}

/** P(Z > z), with an error below 1e-7 (Abramowitz & Stegun 26.2.17). */
export function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z >= 0 ? tail : 1 - tail;
}
