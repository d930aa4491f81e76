// What a run may cost before a single call is made: upper bounds, and "unknown" where there is none.

import { layerText, type Message, type ProviderRequest, type Release, type Usage } from '../core/index.ts';
import type { Job } from './plan.ts';
import { renderRequest } from './render-request.ts';

export interface RunEstimate {
  /** Calls when every first attempt answers. */
  readonly calls: number;
  /** Calls when every trial needs all its attempts. */
  readonly callsUpper: number;
  /** null = cannot be bounded from here (the user's own application makes its own prompts). */
  readonly inputTokensUpper: number | null;
  /** null = the release sets no `max-output-tokens`. */
  readonly outputTokensUpper: number | null;
  /** US dollars for one answered call per trial; null = a price or a token bound is unknown. Refused attempts are free, a lost one may be billed on top. */
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
  'Upper bounds: a token stands for at least one UTF-8 byte, so input is bounded by its bytes (real use is about a quarter of it in English) and output by max-output-tokens.';

/** Renders every distinct request once and adds up the bounds. Makes no call. Throws what `renderRequest` throws. */
export function estimateRun(
  jobs: Iterable<Job>,
  options: {
    costOf(model: string | null, usage: Usage | null): number | null;
    /** Default 1. */
    readonly maxAttempts?: number | undefined;
  },
): RunEstimate {
  const known = new Map<Release, Map<string, CallBound>>();
  let calls = 0;
  let input: number | null = 0;
  let output: number | null = 0;
  let cost: number | null = 0;
  let dearest: number | null = 0;
  for (const job of jobs) {
    calls++;
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
    dearest = dearest === null || call.costUsd === null ? null : Math.max(dearest, call.costUsd);
  }
  return {
    calls,
    callsUpper: calls * (options.maxAttempts ?? 1),
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
}

const FREE: CallBound = { inputTokens: 0, outputTokens: 0, costUsd: 0 };
const UNKNOWN: CallBound = { inputTokens: null, outputTokens: null, costUsd: null };

function boundCall(
  job: Job,
  costOf: (model: string | null, usage: Usage | null) => number | null,
): CallBound {
  const { route, params } = job.release.layers;
  if (route.provider === 'replay') return FREE;
  if (route.provider !== 'openai' && route.provider !== 'anthropic') return UNKNOWN;
  const inputTokens = inputTokensBound(renderRequest(job.release, job.case, job.trial));
  const limit = params?.['max-output-tokens'];
  const outputTokens = typeof limit === 'number' ? limit : null;
  const model = layerText(route, 'model') ?? null;
  const costUsd = outputTokens === null ? null : costOf(model, { inputTokens, outputTokens });
  return { inputTokens, outputTokens, costUsd };
}

/** The most input tokens of a request: byte-level BPE, which these APIs use, never makes a token of less than one byte. */
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
