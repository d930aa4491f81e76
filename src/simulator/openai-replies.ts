// Replies and errors in the shapes the OpenAI API gives them (openai SDK 7.55 types).

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { AskedRequest } from './asked-request.ts';
import { tokenCount } from './asked-request.ts';
import { base64Vector, embed } from './embedding.ts';
import { idEnd } from './history.ts';
import type { Reply } from './reply.ts';
import type { SimulatedModel } from './scenario.ts';
import { isOut, isRetired, publishedRetirement, type Resolution } from './timeline.ts';
import type { Rejection, ReplyFault, Stamp, WireReply } from './wire.ts';

type Served = Extract<Resolution, { kind: 'served' }>;

/** Headers the real service sends with every reply, limits included. */
export function openaiHeaders(stamp: Stamp): Record<string, string> {
  const left = Math.max(0, stamp.requestsPerMinute - stamp.inFlight);
  return {
    'x-request-id': `req_${stamp.hex.slice(0, 32)}`,
    'openai-version': '2020-10-01',
    'openai-processing-ms': '1',
    'x-ratelimit-limit-requests': String(stamp.requestsPerMinute),
    'x-ratelimit-remaining-requests': String(left),
    'x-ratelimit-reset-requests': `${Math.ceil(60_000 / stamp.requestsPerMinute)}ms`,
    'x-ratelimit-limit-tokens': String(stamp.tokensPerMinute),
    'x-ratelimit-remaining-tokens': String(stamp.tokensPerMinute),
    'x-ratelimit-reset-tokens': '0s',
  };
}

/** A reply of `POST /v1/responses`. */
export function responsesReply(asked: AskedRequest, served: Served, reply: Reply, stamp: Stamp): JsonObject {
  const { body } = asked;
  const cut = reply.finish === 'length';
  const inputTokens = tokenCount(asked.wholeText);
  const content: JsonObject =
    reply.refusal === null
      ? { type: 'output_text', text: reply.text, annotations: [], logprobs: [] }
      : { type: 'refusal', refusal: reply.refusal };
  const status = cut ? 'incomplete' : 'completed';
  const output: JsonObject[] = reply.toolCalls.map((call, i) => ({
    type: 'function_call',
    id: `fc_${stamp.hex.slice(0, 30)}${i}`,
    call_id: `call_${stamp.hex.slice(0, 22)}${idEnd(i, reply.path)}`,
    name: call.name,
    arguments: JSON.stringify(call.args),
    status: 'completed',
  }));
  if (output.length === 0) {
    output.push({
      type: 'message',
      id: `msg_${stamp.hex.slice(0, 32)}`,
      role: 'assistant',
      status,
      content: [content],
    });
  }
  const text = (body['text'] ?? {}) as JsonObject;
  return {
    id: `resp_${stamp.hex.slice(0, 48)}`,
    object: 'response',
    created_at: Math.floor(stamp.now / 1000),
    status,
    background: false,
    error: null,
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    model: served.servedId,
    output,
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: null,
    reasoning: body['reasoning'] ?? { effort: null, summary: null },
    service_tier: 'default',
    store: body['store'] ?? true,
    temperature: body['temperature'] ?? 1,
    text: { format: text['format'] ?? { type: 'text' }, verbosity: text['verbosity'] ?? 'medium' },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body['tools'] ?? [],
    top_p: body['top_p'] ?? 1,
    truncation: body['truncation'] ?? 'disabled',
    usage: {
      input_tokens: inputTokens,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: reply.outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: inputTokens + reply.outputTokens,
    },
    user: null,
    metadata: body['metadata'] ?? {},
    access_programs: null,
  };
}

const FINISH_REASON = {
  stop: 'stop',
  'stop-sequence': 'stop',
  refusal: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
} as const satisfies Record<Reply['finish'], string>;

/** A reply of `POST /v1/chat/completions`, one choice per given reply. */
export function chatReply(
  asked: AskedRequest,
  served: Served,
  replies: readonly Reply[],
  stamp: Stamp,
): JsonObject {
  const promptTokens = tokenCount(asked.wholeText);
  const completionTokens = replies.reduce((sum, r) => sum + r.outputTokens, 0);
  return {
    id: `chatcmpl-${stamp.hex.slice(0, 29)}`,
    object: 'chat.completion',
    created: Math.floor(stamp.now / 1000),
    model: served.servedId,
    choices: replies.map((reply, index) => ({
      index,
      message: {
        role: 'assistant',
        content: reply.refusal !== null || reply.toolCalls.length > 0 ? null : reply.text,
        refusal: reply.refusal,
        annotations: [],
        ...(reply.toolCalls.length > 0 && {
          tool_calls: reply.toolCalls.map((call, i) => ({
            id: `call_${stamp.hex.slice(0, 22)}${index}${idEnd(i, reply.path)}`,
            type: 'function',
            function: { name: call.name, arguments: JSON.stringify(call.args) },
          })),
        }),
      },
      logprobs: null,
      finish_reason: FINISH_REASON[reply.finish],
    })),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    service_tier: 'default',
    ...(served.systemFingerprint !== null && { system_fingerprint: served.systemFingerprint }),
  };
}

/** A reply of `POST /v1/embeddings`. */
export function embeddingsReply(body: JsonObject, served: Served): JsonObject | Rejection {
  const { input } = body;
  const list =
    Array.isArray(input) && typeof input[0] !== 'number' ? (input as readonly JsonValue[]) : [input];
  const texts = list.map((item) => (Array.isArray(item) ? item.join(' ') : item));
  if (!texts.every((t): t is string => typeof t === 'string' && t !== '') || texts.length === 0) {
    return { status: 400, message: "Invalid 'input': input cannot be an empty string.", param: 'input' };
  }
  const dimensions = typeof body['dimensions'] === 'number' ? body['dimensions'] : served.model.dimensions;
  const version = served.version ?? served.model.id;
  const tokens = texts.reduce((sum, t) => sum + tokenCount(t), 0);
  return {
    object: 'list',
    data: texts.map((t, index) => {
      const vector = embed(t, dimensions, version);
      return {
        object: 'embedding',
        index,
        embedding: body['encoding_format'] === 'base64' ? base64Vector(vector) : vector,
      };
    }),
    model: served.servedId,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** The error body of the OpenAI API. */
export function openaiError(
  rejection: Rejection,
  type = 'invalid_request_error',
): Pick<WireReply, 'status' | 'body'> {
  const { status, message, param, code } = rejection;
  return { status, body: { error: { message, type, param: param ?? null, code: code ?? null } } };
}

/** 404 for an id nobody knows, or one that is retired. */
export function openaiNoModel(id: string, retired: boolean): Pick<WireReply, 'status' | 'body'> {
  const message = retired
    ? `The model \`${id}\` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations`
    : `The model \`${id}\` does not exist or you do not have access to it.`;
  return openaiError({ status: 404, message, code: 'model_not_found' });
}

/** Faults that come as HTTP errors. OpenAI says "overloaded" with a 503. */
export function openaiFault(kind: ReplyFault, model: string): Pick<WireReply, 'status' | 'body'> {
  switch (kind) {
    case 'rateLimit':
      return openaiError(
        {
          status: 429,
          message: `Rate limit reached for ${model} in organization org-simulated on requests per min (RPM).`,
          code: 'rate_limit_exceeded',
        },
        'requests',
      );
    case 'quota':
      return openaiError(
        {
          status: 429,
          message: 'You exceeded your current quota, please check your plan and billing details.',
          code: 'insufficient_quota',
        },
        'insufficient_quota',
      );
    case 'overloaded':
      return openaiError(
        { status: 503, message: 'The engine is currently overloaded, please try again later.' },
        'server_error',
      );
    case 'serverError':
      return openaiError(
        { status: 500, message: 'The server had an error while processing your request. Sorry about that!' },
        'server_error',
      );
  }
}

/** An entry of `GET /v1/models`. */
export function openaiModel(model: SimulatedModel, now: number, id = model.id): JsonObject {
  return {
    id,
    object: 'model',
    created: Math.floor(Date.parse(model.created ?? '2026-01-01') / 1000),
    owned_by: 'lastgood-simulator',
    shutdown_date: publishedRetirement(model, now)?.slice(0, 10) ?? null,
  };
}

/** `GET /v1/models`: what is served now. Retired models are gone. */
export function openaiModelList(models: readonly SimulatedModel[], now: number): JsonObject {
  const listed = models.filter((m) => m.provider === 'openai' && isOut(m, now) && !isRetired(m, now));
  return { object: 'list', data: listed.map((m) => openaiModel(m, now)) };
}
