// Simulated traffic of a feature and its candidate: users call in sessions, and what one user gets hangs together.

import type { ArmCounts, RolloutArm } from '../../src/core/rollout.ts';
import { NOTHING } from '../../src/rollout/gate-evidence.ts';
import { Draws, normalTail } from './draws.ts';

export interface World {
  readonly name: string;
  readonly perDay: number;
  /** Relative size of the daily wave. */
  readonly wave: number;
  /** Chance that an incident of two hours begins in a minute: all rates of both arms are four times as high. */
  readonly incidents: number;
  /** People who come back; null = every session is a new user. */
  readonly users: number | null;
  /** Standard deviation of the logarithm of how much a user calls. */
  readonly heavy: number;
  /** Part of the traffic that is one user. */
  readonly whale: number;
  /** Mean calls of a session. */
  readonly session: number;
  /** Correlation of any two calls of a user, in every signal. */
  readonly icc: number;
  /** Part of the calls of a session that have the outcome of its first call. */
  readonly sameOutcome: number;
  /** Rates at the end of 100 hours over those at the start, and half of that for costs. */
  readonly drift: number;
  /** Mean hours until a review is known. */
  readonly reviewHours: number;
  /** Chance that an answer with a wrong schema is asked for again at once. */
  readonly retry: number;
  /** Exponent of the tail of costs; null = log-normal. */
  readonly costTail: number | null;
  /** Do observations name their user? */
  readonly named: boolean;
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

export const CALM: Omit<World, 'name'> = {
  ...{ perDay: 25_000, wave: 0.5, incidents: 0, users: null, heavy: 0, whale: 0, session: 1, icc: 0 },
  ...{ sameOutcome: 0, drift: 1, reviewHours: 0, retry: 0, costTail: null, named: true },
  rates: { schema: 0.001, rejected: 0.1, blocked: 0.005 },
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
const REVIEWED = 0.3;
const COMPLETED = 0.8;
export const APPROVED_USD = 0.012;
const Z95 = 1.6448536269514722;
const LIMIT = Math.LN2 / SPREAD + Z95;

/** One call as both arms would have answered it. */
interface User {
  readonly name: string;
  readonly place: number;
  readonly schema: number;
  readonly blocked: number;
  readonly rejected: number;
  readonly more: Readonly<Record<'schema' | 'blocked' | 'rejected', number>>;
  /** In standard deviations. */
  readonly slow: number;
  readonly cost: number;
}

/** What one call adds to each gate, in the order of `SIGNALS`. */
export interface Call {
  readonly unit: string;
  readonly arm: RolloutArm;
  readonly counts: readonly ArmCounts[];
  /** Minute in which it was answered. */
  readonly minute: number;
}

export type Totals = Readonly<Record<RolloutArm, ArmCounts>>;
export interface Minute {
  readonly calls: Readonly<Record<RolloutArm, number>>;
  readonly signals: readonly Totals[];
  /** What became known: calls, and reviews of earlier ones. */
  readonly news: readonly Call[];
}

/** Draws the minutes of one rollout. */
export class Traffic {
  readonly #world: World;
  readonly #fault: Fault;
  readonly #draws: Draws;
  readonly #known = new Map<number, User>();
  readonly #late = new Map<number, Call[]>();
  #cumulative: Float64Array | null = null;
  #minute = 0;
  #incidentUntil = -1;
  #next = 0;

  constructor(world: World, fault: Fault, seed: number) {
    this.#world = world;
    this.#fault = fault;
    this.#draws = new Draws(seed);
    if (world.users !== null) this.#cumulative = this.#sizes(world.users);
  }

  #sizes(users: number): Float64Array {
    const { heavy, whale } = this.#world;
    const sizes = Float64Array.from({ length: users }, () => Math.exp(heavy * this.#draws.normal()));
    const all = sizes.reduce((a, b) => a + b, 0);
    if (whale > 0) sizes[0] = (all * whale) / (1 - whale);
    let sum = 0;
    return sizes.map((size) => {
      sum += size;
      return sum;
    });
  }

  next(percent: number): Minute {
    const { perDay, wave, incidents, session } = this.#world;
    const mean = (perDay / 1440 / session) * (1 + wave * Math.sin((2 * Math.PI * this.#minute) / 1440));
    if (this.#minute > this.#incidentUntil && this.#draws.uniform() < incidents)
      this.#incidentUntil = this.#minute + 120;
    const news: Call[] = this.#late.get(this.#minute) ?? [];
    this.#late.delete(this.#minute);
    const answered: Call[] = [];
    for (let i = this.#draws.poisson(mean); i > 0; i--) this.#session(percent, answered);
    this.#minute++;
    return total([...news, ...answered], answered);
  }

  /** The control alone, seven days before the start: calls and hits by signal. */
  history(): readonly ArmCounts[] {
    const { perDay, rates } = this.#world;
    const n = perDay * 7;
    const share = (of: number, rate: number): ArmCounts => ({ n: of, hits: Math.round(of * rate), sum: 0 });
    return [
      share(n, rates.schema),
      share(n, normalTail(LIMIT)),
      { n, hits: n * COMPLETED, sum: n * COMPLETED * APPROVED_USD },
      share(n * REVIEWED, rates.rejected),
      share(n, rates.blocked),
    ];
  }

  #pick(): User {
    if (this.#cumulative === null) return this.#user();
    const all = this.#cumulative;
    const at = this.#draws.uniform() * (all[all.length - 1] as number);
    let [low, high] = [0, all.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((all[middle] as number) > at) high = middle;
      else low = middle + 1;
    }
    let user = this.#known.get(low);
    if (user === undefined) {
      user = this.#user();
      this.#known.set(low, user);
    }
    return user;
  }

  #user(): User {
    const { icc, rates } = this.#world;
    const f = this.#fault;
    const beyond = (rate: number, harm: number): number => (harm - rate) / (1 - rate);
    const rate = (mean: number): number => this.#draws.userRate(Math.max(0, mean), icc);
    return {
      name: `u${this.#next++}`,
      place: this.#draws.uniform() * 100,
      schema: rate(rates.schema),
      blocked: rate(rates.blocked),
      rejected: rate(rates.rejected),
      more: {
        schema: rate(f.schema === undefined ? 0 : beyond(rates.schema, f.schema)),
        blocked: rate(f.blocksTimes === undefined ? 0 : beyond(rates.blocked, rates.blocked * f.blocksTimes)),
        rejected: rate(
          f.rejectedMore === undefined ? 0 : beyond(rates.rejected, rates.rejected + f.rejectedMore),
        ),
      },
      slow: icc === 0 ? 0 : this.#draws.normal() * Math.sqrt(icc),
      cost: icc === 0 ? 1 : this.#costFactor(icc),
    };
  }

  /** Log-normal of mean 1 that has this part of the variance of a task's cost. */
  #costFactor(part: number): number {
    const variance = Math.log(1 + COST_SPREAD ** 2) * part;
    return Math.exp(this.#draws.normal() * Math.sqrt(variance) - variance / 2);
  }

  #session(percent: number, into: Call[]): void {
    const { session, sameOutcome, retry } = this.#world;
    const user = this.#pick();
    const arm: RolloutArm = user.place < percent ? 'candidate' : 'control';
    let first: Outcome | null = null;
    for (let i = this.#draws.geometric(session); i > 0; i--) {
      let outcome: Outcome =
        first !== null && this.#draws.uniform() < sameOutcome ? first : this.#answer(user, arm);
      first ??= outcome;
      this.#put(user.name, arm, outcome, into);
      for (let again = 0; outcome.failed && again < 3 && this.#draws.uniform() < retry; again++) {
        outcome = this.#answer(user, arm);
        this.#put(user.name, arm, outcome, into);
      }
    }
  }

  #answer(user: User, arm: RolloutArm): Outcome {
    const { drift, icc, costTail } = this.#world;
    const draws = this.#draws;
    const isBad = arm === 'candidate';
    const grown = 1 + (drift - 1) * Math.min(1, this.#minute / 6000);
    const factor = (this.#minute <= this.#incidentUntil ? 4 : 1) * grown;
    const happens = (rate: number, more: number): boolean =>
      draws.uniform() < Math.min(0.95, rate * factor) || (isBad && more > 0 && draws.uniform() < more);
    const shift = isBad ? Math.log(this.#fault.latencyTimes ?? 1) / SPREAD : 0;
    const slow =
      user.slow +
      draws.normal() * Math.sqrt(1 - icc) +
      shift +
      (factor === 1 ? 0 : Math.log(factor) / SPREAD / 4);
    const cost =
      APPROVED_USD *
      COMPLETED *
      (isBad ? (this.#fault.costTimes ?? 1) : 1) *
      (1 + (grown - 1) / 2) *
      user.cost *
      (costTail === null
        ? this.#costFactor(1 - icc)
        : ((costTail - 1) / costTail) * (1 - draws.uniform()) ** (-1 / costTail));
    return {
      failed: happens(user.schema, user.more.schema),
      blocked: happens(user.blocked, user.more.blocked),
      slow: slow > LIMIT,
      completed: draws.uniform() < COMPLETED,
      cost,
      rejected: draws.uniform() >= REVIEWED ? null : happens(user.rejected, user.more.rejected),
    };
  }

  #put(unit: string, arm: RolloutArm, o: Outcome, into: Call[]): void {
    const { reviewHours } = this.#world;
    const share = (hit: boolean): ArmCounts => (hit ? HIT : MISS);
    const review = o.rejected === null ? NOTHING : share(o.rejected);
    const isLate = o.rejected !== null && reviewHours > 0;
    const counts = [
      share(o.failed),
      share(o.slow),
      { n: 1, hits: o.completed ? 1 : 0, sum: o.cost },
      isLate ? NOTHING : review,
      share(o.blocked),
    ];
    into.push({ unit, arm, counts, minute: this.#minute });
    if (!isLate) return;
    const due = this.#minute + 1 + Math.floor(-Math.log(1 - this.#draws.uniform()) * reviewHours * 60);
    const later = this.#late.get(due) ?? [];
    this.#late.set(due, later);
    later.push({ unit, arm, counts: [NOTHING, NOTHING, NOTHING, review, NOTHING], minute: this.#minute });
  }
}

interface Outcome {
  readonly failed: boolean;
  readonly blocked: boolean;
  readonly slow: boolean;
  readonly completed: boolean;
  readonly cost: number;
  /** null = not reviewed. */
  readonly rejected: boolean | null;
}

const HIT: ArmCounts = { n: 1, hits: 1, sum: 0 };
const MISS: ArmCounts = { n: 1, hits: 0, sum: 0 };

function total(news: readonly Call[], answered: readonly Call[]): Minute {
  const calls = { candidate: 0, control: 0 };
  for (const { arm } of answered) calls[arm] += 1;
  const signals = SIGNALS.map(() => ({
    candidate: { n: 0, hits: 0, sum: 0 },
    control: { n: 0, hits: 0, sum: 0 },
  }));
  for (const { arm, counts } of news)
    counts.forEach((c, i) => {
      const into = (signals[i] as (typeof signals)[number])[arm];
      into.n += c.n;
      into.hits += c.hits;
      into.sum += c.sum;
    });
  return { calls, signals, news };
}
