// What a ladder can find before it starts, and what a log says afterwards.

import type { RolloutEvent, RolloutStatus } from './rollout.ts';

export interface GatePlan {
  readonly signal: string;
  /** Calls of the candidate until the evidence is expected to suffice, if the harm is the smallest of the ticket; null = no such test. */
  readonly calls: number | null;
  /** Calls of one user depend on each other: how many times as many are needed; 1 = independent. */
  readonly designEffect: number;
  /** Calls of the candidate until the literal rule can be read. */
  readonly ruleCalls: number;
  /** Both within the time of the stage. */
  readonly finds: boolean;
  readonly reads: boolean;
}

export interface StagePlan {
  readonly percent: number;
  readonly forMs: number | null;
  /** Calls of the candidate; null = the stage has no end. */
  readonly calls: number | null;
  readonly gates: readonly GatePlan[];
}

export interface RolloutPlan {
  readonly schemaVersion: 1;
  readonly kind: 'rollout-plan';
  readonly feature: string;
  readonly requestsPerDay: number;
  /** Smallest whole percentage at which the first stage finds all harms it has a test for, within its time; null = none does. */
  readonly firstPercent: number | null;
  readonly stages: readonly StagePlan[];
  /** What was assumed, because observations of the control are missing. */
  readonly assumed: readonly string[];
}

/** One event, and what was in force after it. */
export interface ReplayedEvent {
  readonly seq: number;
  readonly at: string;
  readonly by: string;
  readonly kind: RolloutEvent['kind'];
  readonly percent: number;
  readonly status: RolloutStatus;
}

export interface RolloutReplay {
  readonly schemaVersion: 1;
  readonly kind: 'rollout-replay';
  readonly id: string;
  readonly events: readonly ReplayedEvent[];
  /** Events of writers that lost a race, and of earlier rollouts. */
  readonly ignored: number;
  readonly percent: number;
  /** What `ai.rollout.percent` says; null = it is not set. */
  readonly flag: number | null;
  /** The flag is what the log asks for, and nothing is pending. */
  readonly agrees: boolean;
}
