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

/** The trial keeps its slot while the limits are asked. `go` says whether its call has begun. */
export function askFirst(
  admission: CallAdmission,
  service: string,
  slots: { begin(): void; end(): void },
  trial: { go(stop: Stop | null): boolean; fail(error: unknown): void },
): void {
  slots.begin();
  const go = (stop: Stop | null): void => {
    if (!trial.go(stop) && stop === null) admission.unused(service);
    slots.end();
  };
  admission.take(service).then(go, (error: unknown) => {
    trial.fail(error);
    slots.end();
  });
}
