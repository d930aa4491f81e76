// The guard in an agent: asks before every action, and learns of a stop while one runs.

import {
  ActionStopped,
  ApprovalDenied,
  ApprovalPending,
  GuardRefused,
  GuardUnreachable,
  RateLimited,
} from './errors.ts';
import { followEvents, pause } from './event-stream.ts';

export interface GuardOptions {
  /** Of `lastgood serve`, such as `http://127.0.0.1:7411`. */
  readonly url: string;
  readonly feature: string;
  /** With the role `observe`. */
  readonly token?: string | undefined;
  /** Name of this agent, so that it can be stopped alone. */
  readonly agent?: string | undefined;
  /** Log actions and execute none. */
  readonly dryRun?: boolean | undefined;
  /** What happens until the server was reached once; after that its ticket decides. Default `closed`. */
  readonly fail?: 'closed' | 'open' | undefined;
  /** How long an answer may take, in ms. Default 2000. */
  readonly timeoutMs?: number | undefined;
}

export interface GuardAction {
  /** Its kind, as the ticket names it, such as `refund`. */
  readonly action: string;
  /** How much is at stake, in the unit of the ticket's thresholds. */
  readonly impact?: number | undefined;
  /** Which one, such as the id of the order. An approval belongs to it. */
  readonly key: string;
  /** How long to wait for a person, in ms. Default 0: throw `ApprovalPending`. */
  readonly waitMs?: number | undefined;
}

/** What became of an action that was not refused. */
export type GuardResult<T> =
  | { readonly executed: true; readonly value: T }
  | { readonly executed: false; readonly reason: string };

export interface Guard {
  /**
   * Executes the function if nothing is against it. Throws a `GuardError` where it was not executed, and what the function throws. The
   * signal aborts when a person stops the agent while the function runs.
   */
  act<T>(action: GuardAction, execute: (signal: AbortSignal) => Promise<T> | T): Promise<GuardResult<T>>;
  /** Throws `ActionStopped` where a stop is in force; for steps that are not actions. */
  check(): void;
  /** Aborts at the next stop. A new one is made when the stop ends. */
  readonly signal: AbortSignal;
  /** Why it is stopped; null = it is not. */
  readonly stopped: string | null;
  /** Resolves when the present state is known; rejects after the timeout. */
  ready(): Promise<void>;
  close(): void;
}

interface State {
  readonly stop: { readonly by: string; readonly at: string; readonly why: string } | null;
  readonly fail: 'closed' | 'open';
  readonly approveAbove: Readonly<Record<string, number>>;
  readonly generation: number;
}

interface Decision {
  readonly no: number;
  readonly outcome: string;
  readonly reason: string;
  readonly approval: string | null;
}

interface LateAction {
  readonly action: string;
  readonly key: string;
  readonly agent: string | null;
  readonly impact: number | null;
  readonly at: number;
}

const POLL_MS = 500;
const MOST_LATE = 10_000;
const LATE_BATCH = 200;

/** Connects at once and in the background; `act` asks for itself, so it needs no waiting. */
export function connectGuard(options: GuardOptions): Guard {
  return new HttpGuard(options);
}

class HttpGuard implements Guard {
  readonly #options: GuardOptions;
  readonly #base: string;
  readonly #end = new AbortController();
  #stop = new AbortController();
  #state: State | null = null;
  #late: LateAction[] = [];
  #lost = 0;
  #sending: Promise<void> | null = null;
  #known: (() => void)[] = [];

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#base = `${options.url.replace(/\/+$/, '')}/v1/guard/${encodeURIComponent(options.feature)}`;
    const agent = options.agent === undefined ? '' : `?agent=${encodeURIComponent(options.agent)}`;
    void followEvents({
      url: `${this.#base}/events${agent}`,
      headers: () => this.#headers(),
      onData: (data) => this.#take(data as State),
      signal: this.#end.signal,
    });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get stopped(): string | null {
    const stop = this.#state?.stop ?? null;
    return stop === null ? null : `stopped by ${stop.by} at ${stop.at}: ${stop.why}`;
  }

  check(): void {
    if (this.stopped !== null) throw new ActionStopped(this.stopped);
  }

  async ready(): Promise<void> {
    if (this.#state !== null) return;
    const known = new Promise<void>((resolve) => this.#known.push(resolve));
    const late = pause(this.#timeoutMs, this.#end.signal, true);
    await Promise.race([known, late]);
    if (this.#state === null) throw new GuardUnreachable(`${this.#options.url} does not answer`);
  }

  close(): void {
    this.#end.abort();
  }

  async act<T>(
    action: GuardAction,
    execute: (signal: AbortSignal) => Promise<T> | T,
  ): Promise<GuardResult<T>> {
    const decision = await this.#decide(action);
    switch (decision.outcome) {
      case 'allowed':
        return { executed: true, value: await this.#run(decision, execute) };
      case 'unreachable':
        return { executed: true, value: await this.#runLate(action, execute) };
      case 'dry-run':
        return { executed: false, reason: decision.reason };
      case 'stopped':
        throw new ActionStopped(decision.reason);
      case 'rate-limited':
        throw new RateLimited(decision.reason);
      case 'approval-pending':
        throw new ApprovalPending(decision.approval ?? '', action.key, decision.reason);
      case 'approval-denied':
        throw new ApprovalDenied(decision.approval, decision.reason);
      default:
        throw new GuardRefused(
          200,
          `the server answers ${JSON.stringify(decision.outcome)}, which is not known here`,
        );
    }
  }

  /** Asks again while it waits for a person. */
  async #decide(action: GuardAction): Promise<Decision> {
    const until = Date.now() + (action.waitMs ?? 0);
    for (;;) {
      const decision = await this.#ask(action);
      if (decision.outcome !== 'approval-pending' || Date.now() >= until) return decision;
      await pause(Math.min(POLL_MS, Math.max(1, until - Date.now())), this.#end.signal, true);
      if (this.#end.signal.aborted) return decision;
    }
  }

  async #ask({ action, impact, key }: GuardAction): Promise<Decision> {
    const { agent, dryRun } = this.#options;
    const body = { action, key, impact: impact ?? null, agent: agent ?? null, dryRun: dryRun === true };
    try {
      const decision = (await this.#post('/act', body)) as Decision;
      void this.#sendLate();
      return decision;
    } catch (error) {
      if (!(error instanceof GuardUnreachable)) throw error;
      return this.#alone(action, impact, error);
    }
  }

  /** The server does not answer: what is known decides. A stop that was seen stays, and what a person must approve is not done. */
  #alone(action: string, impact: number | undefined, error: GuardUnreachable): Decision {
    this.check();
    const fail = this.#state?.fail ?? this.#options.fail ?? 'closed';
    if (fail === 'closed') throw error;
    if (this.#options.dryRun === true)
      return { no: 0, outcome: 'dry-run', reason: 'the agent runs dry', approval: null };
    const limits = this.#state?.approveAbove ?? {};
    const above = Object.hasOwn(limits, action) ? limits[action] : undefined;
    if (above !== undefined && (impact === undefined || impact > above))
      throw new GuardUnreachable(`${error.message}, and above ${above} a person must approve`, {
        cause: error,
      });
    return { no: 0, outcome: 'unreachable', reason: error.message, approval: null };
  }

  async #run<T>({ no }: Decision, execute: (signal: AbortSignal) => Promise<T> | T): Promise<T> {
    let succeeded = false;
    try {
      // A stop may have come in while the permission was on its way.
      this.check();
      const value = await execute(this.#stop.signal);
      succeeded = true;
      return value;
    } finally {
      // The action is done, whether or not this arrives: without it the log says that its end is not known.
      await this.#post('/end', { decision: no, succeeded }).catch(() => {});
    }
  }

  async #runLate<T>(
    { action, key, impact }: GuardAction,
    execute: (signal: AbortSignal) => Promise<T> | T,
  ): Promise<T> {
    const entry = { action, key, impact: impact ?? null, agent: this.#options.agent ?? null, at: Date.now() };
    if (this.#late.length < MOST_LATE) this.#late.push(entry);
    else this.#lost++;
    return execute(this.#stop.signal);
  }

  /** Hands in what was executed while the server did not answer. */
  async #sendLate(): Promise<void> {
    if (this.#late.length === 0 || this.#sending !== null) return;
    this.#sending = (async () => {
      while (this.#late.length > 0) {
        const batch = this.#late.slice(0, LATE_BATCH);
        const lost = this.#lost;
        await this.#post('/late', { actions: batch, lost });
        this.#lost -= lost;
        this.#late = this.#late.slice(batch.length);
      }
    })();
    await this.#sending.catch(() => {});
    this.#sending = null;
  }

  #take(state: State): void {
    const was = this.#state?.stop ?? null;
    this.#state = state;
    if (state.stop !== null) this.#stop.abort(new ActionStopped(this.stopped ?? 'stopped'));
    else if (was !== null) this.#stop = new AbortController();
    for (const resolve of this.#known.splice(0)) resolve();
    void this.#sendLate();
  }

  async #post(path: string, body: object): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#base}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...this.#headers() },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      text = await response.text();
    } catch (cause) {
      throw new GuardUnreachable(`${this.#options.url} does not answer`, { cause });
    }
    if (response.ok) return parsed(text, this.#options.url);
    if (response.status >= 500 || response.status === 429)
      throw new GuardUnreachable(`${this.#options.url} answers with status ${response.status}`);
    throw new GuardRefused(
      response.status,
      messageOf(text) ?? `the server answers with status ${response.status}`,
    );
  }

  #headers(): Record<string, string> {
    const { token } = this.#options;
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 2000;
  }
}

function parsed(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GuardUnreachable(`${url} answers with something else than JSON: is it lastgood?`, { cause });
  }
}

function messageOf(text: string): string | null {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    return typeof error?.message === 'string' ? error.message : null;
  } catch {
    return null;
  }
}
