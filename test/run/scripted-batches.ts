// A batch service in memory that does what a script says, and a ledger's book that survives a "killed" run.

import type { Failure, ProviderReply, ProviderRequest } from '../../src/core/index.ts';
import type { BatchApi, BatchBook, BatchState, OpenBatch } from '../../src/core/provider-batch.ts';
import { answer, failure } from './scripted-provider.ts';

interface Held {
  readonly id: string;
  readonly key: string;
  readonly ids: readonly string[];
  polls: number;
  isCancelled: boolean;
  readonly done: Set<string>;
}

export interface BatchScript {
  /** Of one request, by case and how often it was in a batch before; default: answered. */
  reply?(caseId: string, attempt: number): ProviderReply | undefined;
  /** Polls for which a batch is running (default 1). */
  readonly polls?: number;
  readonly limits?: BatchApi['limits'];
  /** Of a submission, by its number: a failure; `taken`: the service has it all the same. */
  refuse?(
    submission: number,
    size: number,
  ): { readonly failure: Failure; readonly taken: boolean } | undefined;
  /** A batch as a whole is refused after it was taken. */
  fail?(size: number): Failure | undefined;
  /** Of a poll. */
  trouble?(poll: number): Failure | undefined;
}

export const EXPIRED = failure({ code: 'batch_expired', retryable: true });
export const ERRORED = failure({ code: 'server_error', httpStatus: 500, retryable: true });

export class ScriptedBatches implements BatchApi {
  readonly limits: BatchApi['limits'];
  readonly keepsKey = true;
  readonly batches: Held[] = [];
  /** How often each request was executed, and so paid. */
  readonly executed = new Map<string, number>();
  submissions = 0;
  polls = 0;
  private readonly script: BatchScript;
  private readonly attempts = new Map<string, number>();

  constructor(script: BatchScript = {}) {
    this.script = script;
    this.limits = script.limits ?? { requests: 1000, bytes: 1_000_000 };
  }

  line(id: string, request: ProviderRequest): string {
    return JSON.stringify({ id, case: `${request.caseId}#${request.trial}` });
  }

  async submit(key: string, all: Iterable<string>): Promise<BatchState | Failure> {
    const lines = [...all];
    this.submissions++;
    const refused = this.script.refuse?.(this.submissions, lines.length);
    if (refused !== undefined && !refused.taken) return refused.failure;
    const held: Held = {
      id: `batch_${this.batches.length + 1}`,
      key,
      ids: lines,
      polls: 0,
      isCancelled: false,
      done: new Set(),
    };
    this.batches.push(held);
    return refused?.failure ?? this.stateOf(held);
  }

  async find(key: string): Promise<readonly BatchState[]> {
    return this.batches.filter((one) => one.key === key).map((one) => this.stateOf(one));
  }

  async state(id: string): Promise<BatchState | Failure> {
    const trouble = this.script.trouble?.(++this.polls);
    if (trouble !== undefined) return trouble;
    const held = this.held(id);
    held.polls++;
    return this.stateOf(held);
  }

  async cancel(id: string): Promise<BatchState> {
    const held = this.held(id);
    // Half of it was done by then.
    for (const line of held.ids.slice(0, Math.floor(held.ids.length / 2))) held.done.add(line);
    held.isCancelled = true;
    return this.stateOf(held);
  }

  async results(state: BatchState) {
    const held = this.held(state.id);
    const replies = new Map<string, ProviderReply | undefined>();
    for (const line of held.ids) {
      const { id, case: caseId } = JSON.parse(line) as { id: string; case: string };
      if (held.isCancelled && !held.done.has(line)) {
        replies.set(id, failure({ code: 'batch_cancelled', retryable: true }));
        continue;
      }
      const attempt = this.attempts.get(`${held.id} ${caseId}`) ?? this.attemptsOf(caseId);
      this.attempts.set(`${held.id} ${caseId}`, attempt);
      const reply = this.script.reply === undefined ? answer() : this.script.reply(caseId, attempt);
      if (reply?.kind === 'answered' && !this.executedIn.has(`${held.id} ${caseId}`)) {
        this.executedIn.add(`${held.id} ${caseId}`);
        this.executed.set(caseId, (this.executed.get(caseId) ?? 0) + 1);
      }
      if (reply !== undefined) replies.set(id, reply);
    }
    return { ids: new Set(replies.keys()), replyTo: (id: string) => replies.get(id) };
  }

  private readonly executedIn = new Set<string>();

  private attemptsOf(caseId: string): number {
    const n = [...this.attempts.keys()].filter((key) => key.endsWith(` ${caseId}`)).length;
    return n + 1;
  }

  private held(id: string): Held {
    const held = this.batches.find((one) => one.id === id);
    if (held === undefined) throw new Error(`there is no ${id}`);
    return held;
  }

  private stateOf(held: Held): BatchState {
    const failed = this.script.fail?.(held.ids.length);
    const total = held.ids.length;
    const base = { id: held.id, done: null, total, body: {} };
    if (failed !== undefined && held.polls > 0)
      return { ...base, word: 'failed', phase: 'failed', failure: failed };
    const ends = held.isCancelled || held.polls > (this.script.polls ?? 1);
    return { ...base, word: ends ? 'ended' : 'in_progress', phase: ends ? 'ended' : 'running' };
  }
}

export class MemoryBook implements BatchBook {
  readonly entries = new Map<string, OpenBatch>();
  /** Runs after a batch was noted as planned: a kill at the worst moment. */
  onPlanned: (() => void) | null = null;
  onSubmit: (() => void) | null = null;

  async open(): Promise<readonly OpenBatch[]> {
    return [...this.entries.values()];
  }

  async planned(batch: OpenBatch): Promise<void> {
    this.entries.set(batch.key, batch);
    this.onPlanned?.();
  }

  async submitted(key: string, batchId: string): Promise<void> {
    this.onSubmit?.();
    const known = this.entries.get(key);
    if (known !== undefined) this.entries.set(key, { ...known, batchId });
  }

  async settled(key: string): Promise<void> {
    this.entries.delete(key);
  }
}
