// A trial on its way: its attempts so far, and the three ways it can end.

import { type JsonObject, wellFormed } from '../base/index.ts';
import { seconds } from '../base/numbers.ts';
import { hasConversation } from '../core/case-conversation.ts';
import type {
  Answered,
  Attempt,
  Failure,
  Persona,
  ProviderReply,
  ProviderRequest,
  SkipCause,
  ToolCall,
  TrajectoryEntry,
  Trial,
  Usage,
} from '../core/index.ts';
import type { CallEnd, Cut } from './call.ts';
import type { CallQueue } from './call-queues.ts';
import { Conversation } from './conversation.ts';
import type { Job } from './plan.ts';
import { renderRequest } from './render-request.ts';
import type { RunOptions } from './run-options.ts';

export class OpenTrial {
  readonly job: Job;
  /** The queue of whoever is asked next. */
  lane: CallQueue;
  request: ProviderRequest | null = null;
  /** Of a case with turns or tools. */
  private conversation: Conversation | null = null;
  /** Calls off the wait for the next attempt. */
  callOffWait: (() => void) | null = null;
  private readonly attempts: Attempt[] = [];
  private started: { readonly ms: number; readonly lostMs: number } | null = null;
  /** Attempts that do not count: those while the service was down, and those of earlier steps of the conversation. */
  private forgiven = 0;
  /** Attempts at the step that is being made. */
  private ofStep = 0;
  private sent: JsonObject | null = null;
  private costUsd: number | null = 0;

  constructor(job: Job, lane: CallQueue) {
    this.job = job;
    this.lane = lane;
  }

  /** Renders the first request. Throws what `renderRequest` throws. */
  open({ stream }: { readonly stream: boolean }): void {
    const { release, case: c, trial } = this.job;
    const rendered = renderRequest(release, c, trial);
    const request = stream ? { ...rendered, stream: true } : rendered;
    this.conversation = hasConversation(c) ? new Conversation(c, release, request) : null;
    this.request = this.conversation?.request ?? request;
  }

  /** The request of a trial of one call, made anew each time. Throws what `renderRequest` throws. */
  rendered(): ProviderRequest {
    return renderRequest(this.job.release, this.job.case, this.job.trial);
  }

  get attemptCount(): number {
    return this.attempts.length;
  }

  /** Attempts at the step that is being made; of a trial of one call, all of them. */
  get attemptsOfStep(): number {
    return this.ofStep;
  }

  /** Attempts that count against the limit. */
  get countedAttempts(): number {
    return this.attempts.length - this.forgiven;
  }

  /** The last attempt says nothing about the trial: it does not count. Gives the trial. */
  forgive(): this {
    this.forgiven++;
    return this;
  }

  /** Milliseconds since the first attempt at this step started, outages of the service left out. */
  elapsedMs(nowMs: number): number {
    const lostMs = this.lane.throttle.outage.lostMs(nowMs);
    this.started ??= { ms: nowMs, lostMs };
    return nowMs - this.started.ms - (lostMs - this.started.lostMs);
  }

  /** Logs an attempt; `costUsd` null = unknown, and then the trial's cost is. */
  log(attempt: Attempt, costUsd: number | null, sent: JsonObject | undefined): void {
    this.attempts.push(attempt);
    this.ofStep++;
    this.costUsd = this.costUsd === null || costUsd === null ? null : this.costUsd + costUsd;
    if (sent !== undefined && this.persona === null) this.sent = sent;
  }

  /** Takes an answer in. True: it is a step of a conversation that goes on, and the next request stands ready. */
  goesOn(reply: Answered): boolean {
    if (this.conversation?.take(reply) !== true) return false;
    this.request = this.conversation.request;
    // Each step has its own attempts and its own time.
    this.forgiven = this.attempts.length;
    this.ofStep = 0;
    this.started = null;
    return true;
  }

  /** Who is called next for the trial: its own release, or the one that plays the user. */
  asked({ personaOf }: Pick<RunOptions, 'personaOf'>): Pick<Job, 'release' | 'provider'> {
    if (this.persona === null) return this.job;
    if (personaOf === undefined) throw new Error('a case has a simulated user, and nothing plays it');
    return personaOf(this.persona);
  }

  /** Who plays the user, where the next request is for them. */
  get persona(): Persona | null {
    const asked = this.conversation?.asked;
    return asked?.who === 'user' ? asked.persona : null;
  }

  answered(last: Answered): Trial {
    const reply = this.conversation === null ? withHostedResults(last) : this.conversation.answer();
    if (reply === null) return this.failed(USER_SILENT);
    return {
      ...this.base(),
      status: 'answered',
      output: wellFormed(reply.output as unknown as JsonObject) as unknown as typeof reply.output,
      stopReason: reply.stopReason,
      served: reply.served,
      usage: keptUsage(reply.usage),
      latencyMs: reply.latencyMs,
      costUsd: this.costUsd,
      droppedParams: reply.droppedParams ?? [],
    };
  }

  failed(failure: Pick<Failure, 'cause' | 'code' | 'message'>): Trial {
    const tried = this.ofStep > 1 ? ` (after ${this.ofStep} attempts)` : '';
    return {
      ...this.base(),
      ...this.paid(),
      status: 'failed',
      cause: failure.cause,
      code: failure.code,
      message: `${failure.message}${tried}`,
    };
  }

  skipped(cause: SkipCause, message: string): Trial {
    return { ...this.base(), ...this.paid(), status: 'skipped', cause, message };
  }

  /** What the answered steps of a conversation without an end have cost. */
  private paid(): { readonly costUsd?: number | null } {
    return this.attempts.some(({ outcome }) => outcome === 'answered') ? { costUsd: this.costUsd } : {};
  }

  private base() {
    const { job, attempts, sent } = this;
    return { caseId: job.case.id, trial: job.trial, attempts, sent };
  }
}

/** A conversation without a word of the user says nothing of the release. */
const USER_SILENT = {
  cause: 'infra_error',
  code: 'simulated_user_silent',
  message: 'the simulated user wrote no message',
} as const;

let lastTime = { ms: Number.NaN, iso: '' };

/** Many attempts start in one millisecond. */
function isoTime(ms: number): string {
  if (ms !== lastTime.ms) lastTime = { ms, iso: new Date(ms).toISOString() };
  return lastTime.iso;
}

/** A reply as one line of the trial's log. */
export function attemptOf(startedMs: number, tookMs: number, reply: ProviderReply): Attempt {
  const startedAt = isoTime(startedMs);
  if (reply.kind === 'answered') {
    const { firstTokenMs, served } = reply;
    return {
      startedAt,
      latencyMs: reply.latencyMs ?? tookMs,
      ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
      outcome: 'answered',
      requestId: served.requestId,
    };
  }
  const { code: outcome, httpStatus, requestId, message } = reply;
  return { startedAt, latencyMs: tookMs, outcome, httpStatus, requestId, message };
}

/** An attempt we ended ourselves, as the failure it amounts to. */
export function cutFailure(why: Cut, limitMs: number, tookMs: number): Failure {
  const sentences: Record<Cut, string> = {
    attempt_timeout: `no answer within the attempt's ${seconds(limitMs)}`,
    trial_timeout: `no answer within the trial's time, of which ${seconds(limitMs)} were left`,
    deadline: "the call was cut off at the run's deadline",
    cancelled: 'the call was cut off because the run was cancelled',
  };
  return {
    kind: 'failed',
    cause: 'timeout',
    code: why,
    message: sentences[why],
    retryable: why === 'attempt_timeout',
    fatal: false,
    latencyMs: tookMs,
  };
}

/** A provider that broke its contract, as a failure of the infrastructure. */
function defectFailure(provider: string, message: string, tookMs: number): Failure {
  return {
    kind: 'failed',
    cause: 'infra_error',
    code: 'provider_defect',
    message: `the provider ${provider} broke off with an error of its own: ${message}`,
    retryable: false,
    fatal: false,
    latencyMs: tookMs,
  };
}

/** The end of a call as the reply that it amounts to. */
export function replyOf(end: CallEnd, provider: string, timeoutMs: number, tookMs: number): ProviderReply {
  if (end.kind === 'reply') return end.reply;
  if (end.kind === 'cut') return cutFailure(end.why, timeoutMs, tookMs);
  return defectFailure(provider, end.message, tookMs);
}

/** A single reply with what tools gave back that the service ran itself: it is read as a conversation. */
function withHostedResults(reply: Answered): Answered {
  const { hostedResults, output } = reply;
  if (hostedResults === undefined) return reply;
  const ids = new Map(output.toolCalls.map((call, i) => [call, `call_${i + 1}`]));
  const calls = output.toolCalls.map((call) => ({ ...call, id: ids.get(call) }));
  const idOf = (call: ToolCall): string | undefined =>
    ids.get(call) ?? ids.get(output.toolCalls.find(({ id }) => id !== undefined && id === call.id) ?? call);
  const trajectory: TrajectoryEntry[] = [
    {
      turn: 1,
      role: 'assistant',
      content: output.text,
      toolCalls: calls,
      ...(output.refusal === undefined ? {} : { refusal: output.refusal }),
    },
    ...hostedResults.map(
      ({ call, content, error }): TrajectoryEntry => ({
        turn: 1,
        role: 'tool',
        content,
        toolCallId: idOf(call),
        name: call.name,
        ...(error === undefined ? {} : { error }),
      }),
    ),
  ];
  return { ...reply, output: { ...output, trajectory } };
}

/** What a trial keeps of token counts: what only the price of a call depends on is not read back from the ledger. */
function keptUsage(usage: Usage | null): Usage | null {
  if (usage?.cacheWriteHourTokens === undefined) return usage;
  const { cacheWriteHourTokens: _hour, ...kept } = usage;
  return kept;
}
