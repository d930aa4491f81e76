// Anthropic Messages: requests in, replies, errors and the models catalogue out (@anthropic-ai/sdk 1.11 types).

import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import { ANTHROPIC_API_VERSION } from '../core/release.ts';
import type { AskedRequest, OfferedTool, OutputDemand } from './asked-request.ts';
import { contentText, number, objects, text, tokenCount, turnTexts } from './asked-request.ts';
import { type Happening, idEnd, loopState } from './history.ts';
import type { Reply } from './reply.ts';
import type { SimulatedModel } from './scenario.ts';
import { isOut, lifecycle, publishedRetirement, type Resolution } from './timeline.ts';
import {
  type ReadRequest,
  type Rejection,
  type ReplyFault,
  type Stamp,
  strictSchemaProblem,
  unknownKeys,
  type WireReply,
} from './wire.ts';

type Served = Extract<Resolution, { kind: 'served' }>;

const KEYS = new Set(
  `max_tokens messages model cache_control container diagnostics inference_geo metadata output_config service_tier speed
  stop_sequences stream system thinking tool_choice tools user_profile_id workspace_id temperature top_p top_k`.split(
    /\s+/,
  ),
);
/** Reads a `POST /v1/messages` body under the API version the caller named. */
export function readMessages(body: JsonObject, version: string | undefined): ReadRequest {
  if (version === undefined) return reject('anthropic-version: header is required');
  const model = text(body['model']);
  if (model === undefined || model === '') return reject('model: Field required');
  if (!Array.isArray(body['messages'])) return reject('messages: Field required');
  const messages = objects(body['messages']);
  if (messages.length === 0) return reject('messages: at least one message is required');
  const maxOutputTokens = number(body['max_tokens']);
  if (maxOutputTokens === undefined) return reject('max_tokens: Field required');
  if (maxOutputTokens < 1) return reject('max_tokens: must be greater than or equal to 1');
  const [stranger] = unknownKeys(body, KEYS);
  if (stranger !== undefined) return reject(`${stranger}: Extra inputs are not permitted`);
  if (body['stream'] === true) return reject('stream: not supported by this simulator');
  for (const [i, message] of messages.entries()) {
    if (message['role'] !== 'user' && message['role'] !== 'assistant') {
      return reject(
        `messages.${i}.role: Unexpected role "${String(message['role'])}". Allowed roles are "user" or "assistant".`,
      );
    }
  }
  if (version >= ANTHROPIC_API_VERSION) {
    for (const param of ['temperature', 'top_p', 'top_k']) {
      if (body[param] !== undefined)
        return reject(`${param}: not supported with anthropic-version ${version}`);
    }
    if (messages.at(-1)?.['role'] === 'assistant') {
      return reject(
        'messages: the final message must come from the user; prefilling the reply is not supported',
      );
    }
  }
  const tools = objects(body['tools']).flatMap((tool): OfferedTool[] => {
    const name = text(tool['name']);
    return name === undefined
      ? []
      : [{ name, schema: isJsonObject(tool['input_schema']) ? tool['input_schema'] : null }];
  });
  const demand = outputDemand(body, tools);
  if (demand !== null && 'status' in demand) return { rejection: demand };
  const system = contentText(body['system']);
  const choice = isJsonObject(body['tool_choice']) ? body['tool_choice']['type'] : undefined;
  return {
    asked: {
      wire: 'messages',
      model,
      ...turnTexts([
        ...(system === '' ? [] : [{ role: 'system', text: system }]),
        ...messages.map((m) => ({ role: String(m['role']), text: contentText(m['content']) })),
      ]),
      tools,
      toolsAllowed: choice !== 'none',
      loop: loopState(messages.flatMap(happeningsOf)),
      temperature: number(body['temperature']),
      outputSchema: demand,
      maxOutputTokens,
      stop: Array.isArray(body['stop_sequences'])
        ? (body['stop_sequences'] as readonly JsonValue[]).map(String)
        : [],
      choices: 1,
      body,
    },
  };
}

/** Results come in the user's turns, before what the user says. */
function happeningsOf(message: JsonObject): Happening[] {
  const { role, content } = message;
  if (typeof content === 'string') return role === 'user' ? [{ kind: 'user', text: content }] : [];
  return objects(content).flatMap((part): Happening[] => {
    if (part['type'] === 'tool_result') return [{ kind: 'result' }];
    if (part['type'] === 'tool_use') return [{ kind: 'call', id: text(part['id']) ?? '' }];
    if (role !== 'user' || part['type'] !== 'text') return [];
    return [{ kind: 'user', text: text(part['text']) ?? '' }];
  });
}

function reject(message: string): ReadRequest {
  return { rejection: { status: 400, message } };
}

function outputDemand(body: JsonObject, tools: readonly OfferedTool[]): OutputDemand | Rejection | null {
  const config = isJsonObject(body['output_config']) ? body['output_config'] : {};
  const format = config['format'];
  if (isJsonObject(format) && format['type'] === 'json_schema') {
    const { schema } = format;
    if (!isJsonObject(schema)) return { status: 400, message: 'output_config.format.schema: Field required' };
    if (strictSchemaProblem(schema, false) !== null) {
      return {
        status: 400,
        message:
          "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
      };
    }
    return { channel: 'text', schema };
  }
  const choice = isJsonObject(body['tool_choice']) ? body['tool_choice'] : {};
  const name = choice['type'] === 'any' && tools.length === 1 ? tools[0]?.name : text(choice['name']);
  if (choice['type'] !== 'tool' && choice['type'] !== 'any') return null;
  const tool = tools.find((t) => t.name === name);
  if (tool !== undefined)
    return { channel: 'tool', tool: tool.name, schema: tool.schema ?? { type: 'object' } };
  if (choice['type'] === 'any') return null;
  return { status: 400, message: `tool_choice: Tool '${String(name)}' not found in provided tools` };
}

/** Headers the real service sends with every reply, limits included. */
export function anthropicHeaders(stamp: Stamp): Record<string, string> {
  const reset = `${new Date(stamp.now + 60_000).toISOString().slice(0, 19)}Z`;
  const headers: Record<string, string> = {
    'request-id': `req_${stamp.hex.slice(0, 24)}`,
    'anthropic-organization-id': '00000000-0000-4000-8000-000000000000',
  };
  const limits = {
    requests: stamp.requestsPerMinute,
    tokens: stamp.tokensPerMinute,
    'input-tokens': stamp.tokensPerMinute,
    'output-tokens': stamp.tokensPerMinute,
  };
  for (const [what, limit] of Object.entries(limits)) {
    const left = what === 'requests' ? Math.max(0, limit - stamp.inFlight) : limit;
    headers[`anthropic-ratelimit-${what}-limit`] = String(limit);
    headers[`anthropic-ratelimit-${what}-remaining`] = String(left);
    headers[`anthropic-ratelimit-${what}-reset`] = reset;
  }
  return headers;
}

const STOP_REASON = {
  stop: 'end_turn',
  'stop-sequence': 'stop_sequence',
  refusal: 'refusal',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
} as const satisfies Record<Reply['finish'], string>;

/** A reply of `POST /v1/messages`. */
export function messagesReply(asked: AskedRequest, served: Served, reply: Reply, stamp: Stamp): JsonObject {
  const content: JsonObject[] = [];
  if (reply.text !== '') content.push({ type: 'text', text: reply.text, citations: null });
  for (const [i, call] of reply.toolCalls.entries()) {
    content.push({
      type: 'tool_use',
      id: `toolu_${stamp.hex.slice(0, 22)}${idEnd(i, reply.path)}`,
      name: call.name,
      input: call.args,
      caller: { type: 'direct' },
    });
  }
  return {
    id: `msg_${stamp.hex.slice(0, 24)}`,
    type: 'message',
    role: 'assistant',
    model: served.servedId,
    content,
    container: null,
    diagnostics: null,
    stop_reason: STOP_REASON[reply.finish],
    stop_details:
      reply.refusal === null ? null : { type: 'refusal', category: null, explanation: reply.refusal },
    stop_sequence: reply.stoppedAt,
    usage: {
      input_tokens: tokenCount(asked.wholeText),
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: reply.outputTokens,
      output_tokens_details: null,
      server_tool_use: null,
      service_tier: 'standard',
      speed: null,
      inference_geo: null,
    },
  };
}

const ERROR_TYPE: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  404: 'not_found_error',
  413: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
};

/** The error body of the Anthropic API. */
export function anthropicError(
  status: number,
  message: string,
  stamp: Stamp,
): Pick<WireReply, 'status' | 'body'> {
  const error = { type: ERROR_TYPE[status] ?? 'api_error', message };
  return { status, body: { type: 'error', error, request_id: `req_${stamp.hex.slice(0, 24)}` } };
}

/** Faults that come as HTTP errors. */
export function anthropicFault(kind: ReplyFault, stamp: Stamp): Pick<WireReply, 'status' | 'body'> {
  switch (kind) {
    case 'rateLimit':
      return anthropicError(
        429,
        "This request would exceed your organization's rate limit. Please try again later.",
        stamp,
      );
    case 'quota':
      return anthropicError(402, 'Your credit balance is too low to access the Anthropic API.', stamp);
    case 'overloaded':
      return anthropicError(529, 'Overloaded', stamp);
    case 'serverError':
      return anthropicError(500, 'Internal server error', stamp);
  }
}

const yes: JsonObject = { supported: true };
const no: JsonObject = { supported: false };

/** An entry of the models catalogue. */
export function anthropicModel(model: SimulatedModel, now: number): JsonObject {
  const stage = lifecycle(model, now);
  const iso = (date: string | null | undefined): string | null =>
    date ? new Date(date).toISOString() : null;
  const words = model.id.split('-').filter((word) => !/^\d{8}$/.test(word));
  return {
    type: 'model',
    id: model.id,
    display_name: words.map((w) => w.charAt(0).toUpperCase() + w.slice(1)).join(' '),
    created_at: iso(model.created ?? '2026-01-01'),
    lifecycle: stage,
    deprecated_at: stage === 'active' ? null : iso(model.deprecated ?? model.retires),
    retires_at: stage === 'active' ? null : iso(publishedRetirement(model, now)),
    line: null,
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    capabilities: {
      batch: no,
      citations: no,
      code_execution: no,
      context_management: {
        supported: false,
        clear_thinking_20251015: no,
        clear_tool_uses_20250919: no,
        compact_20260112: no,
      },
      effort: { supported: false, low: no, medium: no, high: no, xhigh: no, max: no },
      image_input: no,
      pdf_input: no,
      server_tools: { supported: false, code_execution: no, web_search: no },
      structured_outputs: yes,
      thinking: { supported: false, types: { adaptive: no, between_tools: no, disabled: yes, enabled: no } },
    },
  };
}

/** `GET /v1/models`, newest first; retired models stay as the record of their retirement. */
export function anthropicModelList(
  models: readonly SimulatedModel[],
  now: number,
  query: URLSearchParams,
): JsonObject {
  const stages = [...query.getAll('lifecycle'), ...query.getAll('lifecycle[]')];
  const listed = models
    .filter((m) => m.provider === 'anthropic' && isOut(m, now))
    .filter((m) => stages.length === 0 || stages.includes(lifecycle(m, now)))
    .sort((a, b) => Date.parse(b.created ?? '2026-01-01') - Date.parse(a.created ?? '2026-01-01'));
  const after = query.get('after_id');
  const before = query.get('before_id');
  const limit = Math.max(1, Number(query.get('limit') ?? 20) || 20);
  const start = after === null ? 0 : listed.findIndex((m) => m.id === after) + 1;
  const end =
    before === null
      ? listed.length
      : Math.max(
          0,
          listed.findIndex((m) => m.id === before),
        );
  const page =
    before === null ? listed.slice(start, start + limit) : listed.slice(Math.max(0, end - limit), end);
  const more = before === null ? start + limit < listed.length : end - limit > 0;
  return {
    data: page.map((m) => anthropicModel(m, now)),
    has_more: more,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}
