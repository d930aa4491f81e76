// What a run may cost before a single call is made: upper bounds, and "unknown" where there is none.

import { hasConversation, type Persona } from '../core/case-conversation.ts';
import {
  ANTHROPIC_MAX_OUTPUT_TOKENS,
  type CannedTool,
  type Case,
  isModelApi,
  type Message,
  type PricedModel,
  type ProviderRequest,
  pricedModel,
  type Release,
  type Usage,
  wireApiOf,
} from '../core/index.ts';
import { mediaOf } from '../core/media.ts';
import { outputCap } from '../core/params.ts';
import { callBounds, stepsAsked, turnsAsked } from './conversation.ts';
import type { Job } from './plan.ts';
import { renderRequest } from './render-request.ts';
import { userRequest } from './simulated-user.ts';

export interface RunEstimate {
  /** Calls when every first attempt answers; a case with tools is counted with one reply a turn. */
  readonly calls: number;
  /** Calls when every trial needs all its attempts, and every case with tools all its steps. */
  readonly callsUpper: number;
  /** null = cannot be bounded from here (the user's own application makes its own prompts). */
  readonly inputTokensUpper: number | null;
  /** null = the release sets no `max-output-tokens`. */
  readonly outputTokensUpper: number | null;
  /** US dollars for one answered call per trial, and for all steps of a conversation; null = a price or a token bound is unknown. Refused attempts are free, a lost one may be billed on top. */
  readonly costUpperUsd: number | null;
  /** The dearest single call, US dollars; null like `costUpperUsd`. */
  readonly callCostUpperUsd: number | null;
  /** How the bounds were made, for people. */
  readonly note: string;
}

// What an API adds around the text is not published to the token; these are generous.
const TOKENS_PER_MESSAGE = 16;
const TOKENS_PER_REQUEST = 32;
/** The tool-use instructions some APIs put in front when tools are defined. */
const TOKENS_FOR_TOOLS = 1024;

const NOTE =
  'Upper bounds: a token has at least one UTF-8 byte, so input is bounded by its bytes (real use is about a quarter of it in English) and output by max-output-tokens. Attempts while the service is down come on top; --max-calls limits all. Cases with tools count max-steps replies to each turn, each with one call of every canned result; a simulated user counts all its messages.';

/** Renders every distinct request once and adds up the bounds. Makes no call. Throws what `renderRequest` throws. */
export function estimateRun(
  jobs: Iterable<Job>,
  options: {
    costOf(model: PricedModel, usage: Usage | null): number | null;
    /** Default 1. */
    readonly maxAttempts?: number | undefined;
  },
): RunEstimate {
  const known = new Map<Release, Map<string, CallBound>>();
  let calls = 0;
  let steps = 0;
  let input: number | null = 0;
  let output: number | null = 0;
  let cost: number | null = 0;
  let dearest: number | null = 0;
  for (const job of jobs) {
    const bounds = callBounds(job.release, job.case);
    calls += bounds.least;
    steps += bounds.most;
    let byCase = known.get(job.release);
    if (byCase === undefined) {
      byCase = new Map();
      known.set(job.release, byCase);
    }
    let call = byCase.get(job.case.id);
    if (call === undefined) {
      call = boundCall(job, options.costOf);
      byCase.set(job.case.id, call);
    }
    input = plus(input, call.inputTokens);
    output = plus(output, call.outputTokens);
    cost = plus(cost, call.costUsd);
    dearest = dearest === null || call.dearestUsd === null ? null : Math.max(dearest, call.dearestUsd);
  }
  return {
    calls,
    callsUpper: steps * (options.maxAttempts ?? 1),
    inputTokensUpper: input,
    outputTokensUpper: output,
    costUpperUsd: cost,
    callCostUpperUsd: dearest,
    note: NOTE,
  };
}

interface CallBound {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly costUsd: number | null;
  /** Of the dearest single call. */
  readonly dearestUsd: number | null;
}

const FREE: CallBound = { inputTokens: 0, outputTokens: 0, costUsd: 0, dearestUsd: 0 };
const UNKNOWN: CallBound = { inputTokens: null, outputTokens: null, costUsd: null, dearestUsd: null };

function boundCall(job: Job, costOf: (model: PricedModel, usage: Usage | null) => number | null): CallBound {
  const { route } = job.release.layers;
  if (route.provider === 'replay') return FREE;
  if (!isModelApi(route.provider)) return UNKNOWN;
  const inputTokens = boundedInput(renderRequest(job.release, job.case, job.trial));
  const outputTokens = outputCap(job.release, job.case);
  const model = pricedModel(route, null);
  if (hasConversation(job.case)) return boundConversation(job, { inputTokens, outputTokens }, costOf);
  const costUsd =
    outputTokens === null || inputTokens === null ? null : costOf(model, { inputTokens, outputTokens });
  return { inputTokens, outputTokens, costUsd, dearestUsd: costUsd };
}

/** Every step's request holds the replies and the tool results of all steps before it, and so does what a simulated user is shown. */
function boundConversation(
  { release, case: c, trial }: Job,
  opening: { readonly inputTokens: number | null; readonly outputTokens: number | null },
  costOf: (model: PricedModel, usage: Usage) => number | null,
): CallBound {
  const { inputTokens: opened, outputTokens: perReply } = opening;
  const turns = turnsAsked(release, c);
  // Images and documents are counted by each model in its own way.
  const withMedia = turns.some((turn) => 'user' in turn && turn.parts !== undefined);
  if (perReply === null || opened === null || withMedia) return UNKNOWN;
  const steps = stepsAsked(release, c);
  const results = (c.tools ?? []).reduce((n, tool) => n + TOKENS_PER_MESSAGE + resultBytes(tool), 0);
  const model = pricedModel(release.layers.route, null);
  let request = opened;
  let sum = FREE;
  const call = (of: PricedModel, inputTokens: number, outputTokens: number): void => {
    const usd = costOf(of, { inputTokens, outputTokens });
    sum = {
      inputTokens: plus(sum.inputTokens, inputTokens),
      outputTokens: plus(sum.outputTokens, outputTokens),
      costUsd: plus(sum.costUsd, usd),
      dearestUsd: sum.dearestUsd === null || usd === null ? null : Math.max(sum.dearestUsd, usd),
    };
  };
  const replies = (): void => {
    for (let step = 0; step < steps; step++) {
      call(model, request, perReply);
      request += TOKENS_PER_MESSAGE + perReply + results;
    }
  };
  // A case without turns asks the release once.
  if (turns.length === 0) replies();
  for (const [i, turn] of turns.entries()) {
    if ('user' in turn) {
      // The first message is part of the opening.
      if (i > 0) request += TOKENS_PER_MESSAGE + bytes(turn.user);
      replies();
      continue;
    }
    const cap = personaCap(turn.simulate);
    if (cap === null) return UNKNOWN;
    const own = inputTokensBound(userRequest(turn.simulate, [], { caseId: c.id, trial }));
    for (let message = 0; message < turn.maxTurns; message++) {
      call(pricedModel(turn.simulate.layers.route, null), own + request, cap);
      request += TOKENS_PER_MESSAGE + cap;
      replies();
    }
  }
  return sum;
}

/**
 * The most tokens that a judge is shown of a trial, where a reply has at most `perReply`: the answer, or the whole conversation. null = a
 * simulated user may write any length.
 */
export function transcriptTokensBound(release: Release, c: Case, perReply: number): number | null {
  if (!hasConversation(c)) return perReply;
  let said = 0;
  for (const turn of turnsAsked(release, c)) {
    const most = 'user' in turn ? bytes(turn.user) : personaCap(turn.simulate);
    if (most === null) return null;
    said += ('user' in turn ? 1 : turn.maxTurns) * (TOKENS_PER_MESSAGE + most);
  }
  const results = (c.tools ?? []).reduce((n, tool) => n + TOKENS_PER_MESSAGE + resultBytes(tool), 0);
  return said + callBounds(release, c).most * (TOKENS_PER_MESSAGE + perReply + results);
}

/** The most tokens of a message that this persona writes; null = it sets no limit. */
function personaCap({ layers: { route, params = {} } }: Persona): number | null {
  const cap = params['max-output-tokens'];
  if (typeof cap === 'number') return cap;
  return wireApiOf(route) === 'messages' ? ANTHROPIC_MAX_OUTPUT_TOKENS : null;
}

/** The longest answer of a canned tool. */
function resultBytes(tool: CannedTool): number {
  const answers = 'sequence' in tool ? tool.sequence : [tool];
  return Math.max(...answers.map((answer) => bytes(JSON.stringify(answer))));
}

/**
 * The most input tokens of a request: byte-level BPE, which these APIs use, never makes a token of less than one byte. Null with an image
 * or a document, which each model counts in its own way.
 */
function boundedInput(request: ProviderRequest): number | null {
  return mediaOf(request.messages).length > 0 ? null : inputTokensBound(request);
}

/** The same for a request of nothing but text. */
export function inputTokensBound(request: ProviderRequest): number {
  let tokens = TOKENS_PER_REQUEST;
  for (const message of request.messages) tokens += TOKENS_PER_MESSAGE + messageBytes(message);
  if (request.tools !== undefined && request.tools.length > 0)
    tokens += TOKENS_FOR_TOOLS + bytes(JSON.stringify(request.tools));
  if (request.outputSchema !== undefined) tokens += bytes(JSON.stringify(request.outputSchema));
  return tokens;
}

function messageBytes(message: Message): number {
  const calls = message.toolCalls === undefined ? 0 : bytes(JSON.stringify(message.toolCalls));
  return bytes(message.content) + bytes(message.name ?? '') + bytes(message.toolCallId ?? '') + calls;
}

function bytes(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}
