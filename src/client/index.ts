// lastgood/client: the guard of an agent. No dependency; Node 18 or newer.

export {
  ActionStopped,
  ApprovalDenied,
  ApprovalPending,
  GuardError,
  type GuardErrorCode,
  GuardRefused,
  GuardUnreachable,
  RateLimited,
} from './errors.ts';
export { connectGuard, type Guard, type GuardAction, type GuardOptions, type GuardResult } from './guard.ts';
