// Limits on calls that several processes share: each call is admitted before it starts, and reported when it has ended.

import type { Stop } from './tally.ts';
import type { Throttle, ThrottledCall, ThrottledReply } from './throttle.ts';

export interface CallAdmission {
  /** Resolves when a call to this service may start; with a reason where none may start any more. */
  take(service: string): Promise<Stop | null>;
  /** A call that was admitted has ended. `costUsd` null = unknown, and perhaps billed. */
  end(service: string, call: { readonly costUsd: number | null; readonly reply: ThrottledReply }): void;
  /** What was admitted did not start. */
  unused(service: string): void;
}

/** When a call starts, how long its trial may still take, and its turn where it had to wait for one. */
export interface CallStart {
  readonly startMs: number;
  readonly leftMs: number;
  readonly turn: ThrottledCall | null;
}

interface AskingTrial {
  readonly nowMs: number;
  /** The service that the trial asks; null = the trial has ended meanwhile. */
  open(): { readonly key: string; readonly throttle: Throttle } | null;
  /** Makes the call where it may be made, and begins its turn then. */
  go(stop: Stop | null, turn: ThrottledCall): void;
  fail(error: unknown): void;
}

/**
 * The trial keeps its slot, and its turn in this process's own throttle, while the shared limits are asked: no other trial takes them
 * meanwhile.
 */
export function askFirst(
  admission: CallAdmission,
  slots: { begin(): void; end(): void },
  trial: AskingTrial,
): void {
  let service: ReturnType<AskingTrial['open']>;
  try {
    service = trial.open();
  } catch (error) {
    trial.fail(error);
    return;
  }
  if (service === null) return;
  const { key, throttle } = service;
  slots.begin();
  const turn = throttle.reserve(trial.nowMs);
  const go = (stop: Stop | null): void => {
    trial.go(stop, turn);
    if (!turn.begun) {
      throttle.unused(turn);
      if (stop === null) admission.unused(key);
    }
    slots.end();
  };
  admission.take(key).then(go, (error: unknown) => {
    throttle.unused(turn);
    trial.fail(error);
    slots.end();
  });
}
