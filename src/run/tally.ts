// What a run adds up to, over all and per arm, in memory that does not grow with the run.

import {
  type Failure,
  mayBeBilled,
  type PricedModel,
  type ProviderReply,
  pricedModel,
  type Release,
  type SkipCause,
  type Trial,
  type Usage,
} from '../core/index.ts';

/** Counts of a run or of one arm of it. */
export interface RunCounts {
  /** Trials that ended: answered + failed + skipped. */
  readonly trials: number;
  readonly answered: number;
  readonly failed: number;
  readonly skipped: number;
  /** Of the failed: the user's own application, the provider or network, no answer in time. */
  readonly appErrors: number;
  readonly infraErrors: number;
  readonly timeouts: number;
  /** Attempts started, retries included. */
  readonly calls: number;
  /** US dollars over all attempts; null = unknown for at least one that may have been billed. */
  readonly costUsd: number | null;
  /** The part that is known: a lower bound. */
  readonly knownCostUsd: number;
  /** Parameters the API refused, distinct. */
  readonly droppedParams: readonly string[];
  /** Distinct served model ids; null = not disclosed. */
  readonly servedModels: readonly (string | null)[];
  readonly systemFingerprints: readonly (string | null)[];
  /** Times to the first token of streamed answers, within 2 percent; absent when none was streamed. */
  readonly firstToken?: FirstTokenTimes | undefined;
}

export interface FirstTokenTimes {
  readonly answers: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Why no further trial was started; `judge-limit`: all were, but the judge's own budget did not last for all of them. */
export type StopCause = 'cancelled' | 'deadline' | 'max-calls' | 'max-cost' | 'judge-limit' | 'fatal';

/** Why nothing more is started, and what the trials skipped for it say. */
export interface Stop {
  readonly by: StopCause;
  readonly cause: SkipCause;
  readonly message: string;
}

export interface RunReport extends RunCounts {
  /** null = it came to its end. */
  readonly stoppedBy: StopCause | null;
  /** The failure after which no other call could have succeeded. */
  readonly fatal: Failure | null;
  /** The same counts per `Job.arm`. */
  readonly byArm: Readonly<Record<string, RunCounts>>;
}

/** Distinct values kept per list: a provider that names a new model on every call must not fill the memory. */
const KEPT_VALUES = 50;

export class Tally {
  private readonly counts = {
    answered: 0,
    failed: 0,
    skipped: 0,
    appErrors: 0,
    infraErrors: 0,
    timeouts: 0,
    calls: 0,
  };
  private knownCostUsd = 0;
  private unpricedCalls = 0;
  private readonly droppedParams = new Set<string>();
  private readonly servedModels = new Set<string | null>();
  private readonly systemFingerprints = new Set<string | null>();
  private readonly firstTokens = new Times();

  /** One attempt; `costUsd` null = it may have been billed for an unknown amount. */
  call(costUsd: number | null): void {
    this.counts.calls++;
    if (costUsd === null) this.unpricedCalls++;
    else this.knownCostUsd += costUsd;
  }

  trial(trial: Trial): void {
    this.counts[trial.status]++;
    if (trial.status === 'failed') {
      if (trial.cause === 'app_error') this.counts.appErrors++;
      else if (trial.cause === 'timeout') this.counts.timeouts++;
      else this.counts.infraErrors++;
    }
    if (trial.status !== 'answered') return;
    keep(this.servedModels, trial.served.model);
    keep(this.systemFingerprints, trial.served.systemFingerprint);
    this.firstTokens.add(trial.attempts.at(-1)?.firstTokenMs);
    for (const param of trial.droppedParams) keep(this.droppedParams, param);
  }

  /** Trials that were run. */
  get done(): number {
    return this.counts.answered + this.counts.failed;
  }

  get skipped(): number {
    return this.counts.skipped;
  }

  /** What the calls have cost so far, and whether the cost of some is unknown. */
  get cost(): { readonly costUsd: number; readonly costPartial: boolean } {
    return { costUsd: this.knownCostUsd, costPartial: this.unpricedCalls > 0 };
  }

  get failed(): number {
    return this.counts.failed;
  }

  report(): RunCounts {
    return {
      trials: this.done + this.skipped,
      ...this.counts,
      costUsd: this.unpricedCalls > 0 ? null : this.knownCostUsd,
      knownCostUsd: this.knownCostUsd,
      droppedParams: [...this.droppedParams],
      servedModels: [...this.servedModels],
      systemFingerprints: [...this.systemFingerprints],
      ...(this.firstTokens.count === 0 ? {} : { firstToken: this.firstTokens.summary() }),
    };
  }
}

/** A histogram of times whose bins grow with the time: quantiles in memory that does not. */
class Times {
  private readonly bins = new Map<number, number>();
  count = 0;

  add(ms: number | undefined): void {
    if (ms === undefined) return;
    const bin = Math.round(Math.log(Math.max(1, ms)) * BINS_PER_E);
    this.bins.set(bin, (this.bins.get(bin) ?? 0) + 1);
    this.count++;
  }

  summary(): FirstTokenTimes {
    return { answers: this.count, p50Ms: this.quantile(0.5), p95Ms: this.quantile(0.95) };
  }

  private quantile(q: number): number {
    let left = Math.max(1, Math.ceil(q * this.count));
    for (const [bin, n] of [...this.bins].sort(([a], [b]) => a - b)) {
      left -= n;
      if (left <= 0) return Math.exp(bin / BINS_PER_E);
    }
    return Number.NaN;
  }
}

/** Bins for each factor of e: neighbours are 2 percent apart. */
const BINS_PER_E = 50;

function keep<T>(values: Set<T>, value: T): void {
  if (values.size < KEPT_VALUES) values.add(value);
}

/** What one call has cost, in US dollars; null = unknown, and possibly billed. */
export function costOfReply(
  reply: ProviderReply,
  release: Release,
  costOf: (model: PricedModel, usage: Usage | null, tier: string | null) => number | null,
): number | null {
  if (reply.kind === 'failed') return mayBeBilled(reply) ? null : 0;
  if (reply.costUsd !== undefined) return reply.costUsd;
  const model = pricedModel(release.layers.route, reply.served.model);
  return costOf(model, reply.usage, reply.served.serviceTier);
}

/** The tally of one arm, made when it is first asked for. */
export function tallyOf(arms: Map<string, Tally>, arm: string): Tally {
  let tally = arms.get(arm);
  if (tally === undefined) {
    tally = new Tally();
    arms.set(arm, tally);
  }
  return tally;
}
