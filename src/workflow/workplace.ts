// Everything a job needs from outside, handed in once from the top.

import type {
  Clock,
  Env,
  Prices,
  Progress,
  Rng,
  SecretMask,
  SnapshotEnvironment,
  SnapshotStore,
} from '../core/index.ts';

export interface Workplace {
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly env: Env;
  readonly mask: SecretMask;
  readonly progress: Progress;
  /** null = no price file: every cost is unknown. */
  readonly prices: Prices | null;
  readonly environment: SnapshotEnvironment;
  /** Graceful: nothing new is started, calls in flight finish. */
  readonly signal: AbortSignal;
  /** At once: calls in flight are dropped. */
  readonly hardSignal: AbortSignal;
}
