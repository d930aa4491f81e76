// What a run is handed from outside.

import type { Clock, Progress, Rng } from '../base/index.ts';
import type { Failure, Persona, PricedModel, Trial, Usage } from '../core/index.ts';
import type { CallAdmission } from './admission.ts';
import type { RunLimits } from './limits.ts';
import type { Job } from './plan.ts';
import type { Timers } from './timers.ts';

/** What a run lets its `onTrial` do and know. */
export interface RunHandle {
  /** Fires when the run's deadline passes or its calls are dropped: grading must not outlast it. */
  readonly cutOff: AbortSignal;
  /** Nothing more is started: without what has failed here, the rest of the run would be paid for in vain. The first reason stands. */
  stop(failure: Failure): void;
}

export interface RunOptions {
  readonly limits: RunLimits;
  readonly clock: Clock;
  /** Spreads the retries. */
  readonly rng: Rng;
  /** Graceful: nothing new is started, calls in flight finish, the rest is skipped. */
  readonly signal: AbortSignal;
  /** Calls in flight are dropped too. */
  readonly hardSignal?: AbortSignal | undefined;
  /**
   * Called exactly once for every job. The run waits for it before it takes on more than it can hold, and stops when it
   * throws: calls in flight still finish and are handed over, then `runJobs` throws that error.
   */
  onTrial(job: Job, trial: Trial, run: RunHandle): Promise<void>;
  costOf(model: PricedModel, usage: Usage | null, tier: string | null): number | null;
  /** Whether calls can be priced at all; a cost limit needs it. */
  readonly priceKnown?: boolean | undefined;
  /** Upper bound of one call's cost in US dollars, known beforehand. */
  readonly bestKnownCost?: number | undefined;
  /** An error of the user's application is a result: however many there are, they do not stop the run. Default false. */
  readonly measuresAppErrors?: boolean | undefined;
  /** Asked before every call: limits that several processes share. */
  readonly admission?: CallAdmission | undefined;
  /** Hands over what makes the run read `jobs` again after it gave null. */
  onFeed?: ((more: () => void) => void) | undefined;
  /** What is known to forbid every call: the run stops before the first one. */
  readonly refused?: Failure | undefined;
  readonly progress: Progress;
  /** Ask for replies as streams, where the provider can. */
  readonly stream?: boolean | undefined;
  /** Spread the start of the jobs evenly over this long; needs `total` where `jobs` is no array. Default: all at once. */
  readonly spreadMs?: number | undefined;
  /** Jobs in all, where `jobs` is no array. */
  readonly total?: number | undefined;
  /** The release and provider of a persona that plays the user; needed by cases with simulated turns. */
  personaOf?(persona: Persona): Pick<Job, 'release' | 'provider'>;
  /** Default: Node's own. */
  readonly timers?: Timers | undefined;
}
