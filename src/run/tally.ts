// What a run adds up to, over all and per arm, in memory that does not grow with the run.

import type { Failure, Trial } from '../core/index.ts';

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
}

/** Why no further trial was started; `judge-limit`: all were, but the judge's own budget did not last for all of them. */
export type StopCause = 'cancelled' | 'deadline' | 'max-calls' | 'max-cost' | 'judge-limit' | 'fatal';

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

  /** One attempt; `costUsd` null = it may have been billed and nobody says how much. */
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
    for (const param of trial.droppedParams) keep(this.droppedParams, param);
  }

  get done(): number {
    return this.counts.answered + this.counts.failed + this.counts.skipped;
  }

  get failed(): number {
    return this.counts.failed;
  }

  report(): RunCounts {
    return {
      trials: this.done,
      ...this.counts,
      costUsd: this.unpricedCalls > 0 ? null : this.knownCostUsd,
      knownCostUsd: this.knownCostUsd,
      droppedParams: [...this.droppedParams],
      servedModels: [...this.servedModels],
      systemFingerprints: [...this.systemFingerprints],
    };
  }
}

function keep<T>(values: Set<T>, value: T): void {
  if (values.size < KEPT_VALUES) values.add(value);
}
