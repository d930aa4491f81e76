// Limits on calls that several processes share: each call is admitted before it starts, and reported when it has ended.

import type { Stop } from './tally.ts';
import type { ThrottledReply } from './throttle.ts';

export interface CallAdmission {
  /** Resolves when a call to this service may start; with a reason where none may start any more. */
  take(service: string): Promise<Stop | null>;
  /** A call that was admitted has ended. `costUsd` null = unknown, and perhaps billed. */
  end(service: string, call: { readonly costUsd: number | null; readonly reply: ThrottledReply }): void;
  /** What was admitted did not start. */
  unused(service: string): void;
}
