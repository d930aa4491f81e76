// What skipped trials say of the reason why a shared run stopped.

import type { Failure } from '../../core/index.ts';
import type { SharedStop } from '../../core/shared-run.ts';
import type { Stop } from '../../run/index.ts';

export function stopWords({ by, failure }: SharedStop): Stop {
  switch (by) {
    case 'cancelled':
      return { by, cause: 'cancelled', message: 'the run was cancelled before this trial was done' };
    case 'deadline':
      return { by, cause: 'deadline', message: "the run's deadline passed before this trial was done" };
    case 'max-calls':
      return { by, cause: 'budget', message: 'the limit of calls (--max-calls) was reached' };
    case 'max-cost':
      return { by, cause: 'budget', message: 'the limit of cost (--max-cost) was reached' };
    case 'fatal':
      return {
        by,
        cause: 'cancelled',
        message: `not run: the run stopped with a failure that no other call can escape: ${failureOf({ by, failure })?.message ?? ''}`,
      };
  }
}

/** The failure that stopped the run; null where it was something else. */
export function failureOf({ failure }: SharedStop): Failure | null {
  return failure as unknown as Failure | null;
}
