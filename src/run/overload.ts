// Which failures mean "too much at once".

import type { Failure } from '../core/index.ts';

/** The service refused for load, not for anything in the request. */
export function isRefusal(failure: Failure): boolean {
  if (failure.fatal) return false;
  return failure.code === 'rate_limited' || failure.code === 'overloaded' || failure.httpStatus === 429;
}
