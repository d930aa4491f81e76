// What the demo of a rollout shows: each step as it happens, and everything that was counted.

import type { RolloutReport } from './rollout.ts';

/** Something that happened. `at` is ISO time of the clock, because nothing of this demo is dated. */
export type RolloutDemoBeat =
  | {
      readonly kind: 'start';
      readonly url: string;
      /** Package that reads the flags; null = it is not installed, and flags are read over plain OFREP. */
      readonly sdk: string | null;
    }
  | {
      readonly kind: 'offline';
      readonly at: string;
      readonly control: string;
      readonly candidate: string;
      /** Of the comparison. */
      readonly verdict: string;
      /** Pass rates from 0 to 1. */
      readonly passRate: Readonly<Record<'control' | 'candidate', number | null>>;
      readonly drill: string;
    }
  | {
      readonly kind: 'started';
      readonly at: string;
      readonly conditions: number;
      readonly met: number;
      readonly percent: number;
    }
  | {
      readonly kind: 'advanced';
      readonly at: string;
      readonly from: number;
      readonly to: number;
      readonly answers: AnswerCounts;
    }
  | {
      readonly kind: 'fault';
      readonly at: string;
      /** Of the candidate's answers, from 0 to 1. */
      readonly share: number;
    }
  | { readonly kind: 'rolled-back'; readonly rollback: DemoRollback; readonly report: RolloutReport }
  /** `actionMode`: the flag `ai.action.mode` as an application reads it after the rollback. */
  | { readonly kind: 'agent'; readonly at: string; readonly actionMode: string }
  | { readonly kind: 'stopped'; readonly stop: DemoStop; readonly agent: AgentCounts }
  | { readonly kind: 'end'; readonly project: string; readonly keepsOpen: string | null };

/** Answers of the simulated application. */
export interface AnswerCounts {
  readonly control: number;
  readonly candidate: number;
  /** Users who got an answer of the candidate that breaks its schema. */
  readonly usersHarmed: number;
  readonly users: number;
}

export interface DemoRollback {
  readonly at: string;
  readonly reason: string;
  /** The gate. */
  readonly by: string;
  /** From the first bad answer to the decision, ms. */
  readonly afterFaultMs: number;
  /** From the decision to the last user who was given the candidate; 0 = none was after it. */
  readonly lastCandidateMs: number;
  readonly answers: AnswerCounts;
}

/** What became of the actions of the simulated agent. */
export interface AgentCounts {
  readonly executed: number;
  /** Logged and not executed: a dry run. */
  readonly drafted: number;
  /** A person must approve them. */
  readonly waiting: number;
  readonly rateLimited: number;
  readonly stopped: number;
}

export interface DemoStop {
  readonly at: string;
  readonly by: string;
  readonly why: string;
  /** From the recorded stop to the signal in the running action, ms. */
  readonly reachedMs: number;
  /** Where the long action was cut off. */
  readonly step: number;
  readonly steps: number;
  /** Actions that were asked for after the stop, and how many of them started. */
  readonly refused: number;
  readonly startedAfter: number;
}

export interface RolloutDemo {
  readonly feature: string;
  readonly project: string;
  readonly db: string;
  readonly sdk: string | null;
  /** The start conditions, as `ticket check` has them. */
  readonly conditions: { readonly all: number; readonly met: number };
  /** Null where the gate did not act in time. */
  readonly rollback: DemoRollback | null;
  readonly stop: DemoStop | null;
  readonly agent: AgentCounts;
  readonly answers: AnswerCounts;
  readonly report: RolloutReport;
}
