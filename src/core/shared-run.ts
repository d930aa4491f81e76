// A run whose trials several processes share: its batches, its limits, and who works on it.

import type { JsonObject } from '../base/json.ts';

/** Why no further trial of a shared run is started. */
export interface SharedStop {
  readonly by: 'cancelled' | 'deadline' | 'max-calls' | 'max-cost' | 'fatal';
  /** The failure that no other call can escape, as JSON; null for any other reason. */
  readonly failure: JsonObject | null;
}

/** Trial number `trial` of the cases from `from` to before `to`, as far as they have so many trials and are not done. */
export interface TrialBatch {
  readonly trial: number;
  readonly from: number;
  readonly to: number;
}

export interface TakenBatch extends TrialBatch {
  readonly job: string;
  /** How many processes had it before. */
  readonly retries: number;
}

/** A batch that no process could finish, and why. */
export interface BatchSetAside extends TrialBatch {
  readonly job: string;
  readonly reason: string;
}

/** Who is called: the release that is run, who grades its answers, or who embeds them for the channel. Each has a budget of its own. */
export type CallRole = 'subject' | 'judge' | 'embedder';

/** What calls in one role may come to, over all workers; null = no limit. */
export interface CallBudget {
  readonly maxCalls: number | null;
  readonly maxCostUsd: number | null;
  /** Upper bound of one call's cost; null = not known, so the first calls go one by one until one has a price. */
  readonly callBoundUsd: number | null;
}

/** Which limit keeps a role from being called: its number of calls, its cost, or an answer whose cost cannot be known. */
export type BudgetReached = 'calls' | 'cost' | 'unpriced';

/** What calls in one role have come to. */
export interface SpentBudget {
  readonly calls: number;
  /** What ended calls cost, as far as it is known. */
  readonly knownCostUsd: number;
  readonly unpricedCalls: number;
  readonly reached: BudgetReached | null;
  /** Whether a call was asked for that the limit forbade. */
  readonly refused: boolean;
}

export interface NewSharedRun {
  readonly id: string;
  /** What workers run it with. */
  readonly settings: JsonObject;
  readonly subject: CallBudget;
  readonly judge: CallBudget;
  /** Calls a second to each service, over all workers; null = as many as it takes. */
  readonly callsPerSecond: number | null;
  /** Calls in flight to each service, over all workers; null = as many as the workers make. */
  readonly callsAtOnce: number | null;
}

export interface SharedRunState {
  readonly stop: SharedStop | null;
  readonly subject: SpentBudget;
  readonly judge: SpentBudget;
  /** Batches that a process holds. */
  readonly held: number;
  /** Batches that wait. */
  readonly waiting: number;
  readonly rows: number;
  readonly failed: number;
  readonly workers: number;
  readonly refusals: readonly { readonly worker: string; readonly reason: string }[];
  readonly droppedParams: readonly string[];
}

/** Where a run is shared out: the side of the process that started it. */
export interface RunSharing {
  /** Makes the queue of a run anew. Nothing of it is taken before `start`. */
  open(run: NewSharedRun): Promise<void>;
  add(runId: string, batches: readonly TrialBatch[]): Promise<void>;
  start(runId: string): Promise<void>;
  /** The first reason stands. */
  stop(runId: string, stop: SharedStop): Promise<void>;
  state(runId: string): Promise<SharedRunState>;
  /** Gives back what dead processes hold. */
  freeHeld(runId: string): Promise<void>;
  setAside(runId: string): Promise<readonly BatchSetAside[]>;
  settleAside(runId: string, job: string): Promise<void>;
  /** Takes the run off the queue for good. */
  end(runId: string): Promise<void>;
  close(): Promise<void>;
}

/** What a worker asks before it calls, and says of the calls that have ended. */
export interface CallRequest {
  readonly run: string;
  readonly role: CallRole;
  readonly service: string;
  readonly wanted: number;
  readonly ended: number;
  /** Of the ended: those that never started. */
  readonly unused: number;
  /** Known cost of the ended calls, and the most that one of them cost. */
  readonly spentUsd: number;
  readonly dearestUsd: number;
  /** Of the ended: what was kept in hand for those whose cost is known. */
  readonly releasedUsd: number;
  /** Of the ended: those of unknown cost. What was kept in hand for them stays charged. */
  readonly unpriced: number;
  /** Of those: the ones that were answered. */
  readonly blind: number;
  /** Calls that began since the grant of this `window`, and how many of those were refused for their rate. */
  readonly window: number;
  readonly started: number;
  readonly refused: number;
}

export interface CallGrant {
  readonly granted: number;
  /** Kept in hand for each granted call. */
  readonly reservedUsd: number;
  /** When the first may start, and how far apart the others. */
  readonly delayMs: number;
  readonly gapMs: number;
  /** What the next question waits for, where not all were granted. */
  readonly waitMs: number;
  /** Of what is learnt from refusals: a new number begins a new count. */
  readonly window: number;
  readonly stop: SharedStop | null;
  /** Once a limit is reached, no further call is granted. */
  readonly reached: BudgetReached | null;
}

/** What the headers of a reply, or a refusal, say of a service's limit. */
export interface ServiceLimit {
  readonly service: string;
  /** Refill rate in calls; `none` = there is room for more than the rate known so far; null = not said. */
  readonly perSecond: number | 'none' | null;
  /** No call before so many milliseconds from now. */
  readonly pauseMs: number;
}

/** The side of a worker. */
export interface RunTaking {
  readonly worker: string;
  /** Runs that are started and not stopped, oldest first. */
  runs(): Promise<readonly { readonly id: string; readonly settings: JsonObject }[]>;
  take(runId: string, most: number): Promise<readonly TakenBatch[]>;
  done(runId: string, job: string): Promise<void>;
  /** For another process, as if it had not been taken. */
  giveBack(runId: string, batch: TakenBatch): Promise<void>;
  /** Could not be finished here. */
  fail(runId: string, job: string, reason: string): Promise<void>;
  /** Says that this process is alive; gives the reason why the run has stopped, if it has. */
  beat(runId: string, jobs: readonly string[]): Promise<SharedStop | null>;
  refuse(runId: string, reason: string): Promise<void>;
  dropped(runId: string, params: readonly string[]): Promise<void>;
  stop(runId: string, stop: SharedStop): Promise<void>;
  admit(request: CallRequest): Promise<CallGrant>;
  limited(limit: ServiceLimit): Promise<void>;
  /** Of these cases: which have their trial of this number, and whether it waits for its grades. */
  there(runId: string, batch: TrialBatch): Promise<ReadonlyMap<number, 'done' | 'ungraded'>>;
  close(): Promise<void>;
}
