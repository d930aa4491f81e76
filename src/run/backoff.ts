// How long a failed trial waits before it is tried again.

import type { Rng } from '../base/index.ts';

const FIRST_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** A service may ask for hours; past this its answer is a failure, not a reason to wait. */
export const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * Milliseconds before the next attempt, after `attempts` (≥ 1) have failed: exponential from 0.5 s to 30 s, of which the
 * upper half is drawn ("equal jitter"), and never sooner than the service asked, up to 60 s, with a tenth of spread on top.
 * A `retry-after` of 0 is no licence to hammer: the backoff still holds.
 */
export function retryDelayMs(attempts: number, retryAfterMs: number | undefined, rng: Rng): number {
  const ceiling = Math.min(LONGEST_BACKOFF_MS, FIRST_MS * 2 ** Math.min(attempts - 1, 16));
  const draw = rng.next();
  const backoff = ceiling * (0.5 + draw / 2);
  if (retryAfterMs === undefined || !(retryAfterMs > 0)) return backoff;
  const asked = Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
  return Math.max(backoff, asked * (1 + draw / 10));
}
