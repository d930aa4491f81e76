// What a run may use: calls at once, attempts, time and money.

import { LastgoodError } from '../base/index.ts';

export interface RunLimits {
  /** Calls in flight at once, over all providers; rate limits lower it per route while they last. */
  readonly concurrency: number;
  /** Attempts per trial; 1 = no retries. Attempts while the service is down, or that it refuses for load, do not count. */
  readonly maxAttempts: number;
  readonly attemptTimeoutMs: number;
  /** From a trial's first attempt over all its retries and waits, outages left out. */
  readonly trialTimeoutMs: number;
  /** How long a service that is down is waited for before the run stops. */
  readonly outageMs: number;
  /** From the run's start; null = none. */
  readonly deadlineMs: number | null;
  /** Attempts over the whole run, retries included; null = no limit. */
  readonly maxCalls: number | null;
  /** US dollars over the whole run; null = no limit. */
  readonly maxCostUsd: number | null;
}

/** Throws `RUN_LIMIT_INVALID`, naming the limit, on anything that is not a positive number (a count: a positive integer). */
export function checkLimits(limits: RunLimits): void {
  const check = (key: keyof RunLimits, kind: 'count' | 'amount'): void => {
    const value = limits[key];
    if (value === null && (key === 'deadlineMs' || key === 'maxCalls' || key === 'maxCostUsd')) return;
    const fine = typeof value === 'number' && value > 0 && (kind === 'amount' || Number.isInteger(value));
    if (fine && Number.isFinite(value)) return;
    throw new LastgoodError({
      code: 'RUN_LIMIT_INVALID',
      message: `a run's ${key} must be a positive ${kind === 'count' ? 'whole number' : 'number'}, got ${value}`,
      where: { key },
    });
  };
  check('concurrency', 'count');
  check('maxAttempts', 'count');
  check('attemptTimeoutMs', 'amount');
  check('trialTimeoutMs', 'amount');
  check('outageMs', 'amount');
  check('deadlineMs', 'amount');
  check('maxCalls', 'count');
  check('maxCostUsd', 'amount');
}

/** A cost limit that could not be kept, since nothing has a price. */
export function costUnknown(): LastgoodError {
  return new LastgoodError({
    code: 'COST_UNKNOWN',
    message: 'a cost limit is set, but there are no prices, so it could not be kept; nothing was run',
    hint: 'name a price file (--prices FILE, or `prices:` in lastgood.yaml), or limit the number of calls instead (--max-calls)',
  });
}
