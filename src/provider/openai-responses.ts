// OpenAI's Responses API: our request as its body, its reply as ours.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Message, Output, ToolCall } from '../core/conversation.ts';
import type { HostedResult, ProviderRequest, Usage } from '../core/provider.ts';
import type { BuiltBody, Reading } from './api-call.ts';
import type { Problem } from './failure.ts';
import { badReply } from './failure.ts';
import { itemResult } from './hosted-tools.ts';
import { unreadable } from './reply-error.ts';
import type { ParamPlaces } from './wire-params.ts';
import { placeParams, withFields } from './wire-params.ts';
import { responsesContent } from './wire-parts.ts';
import {
  citationsOf,
  compact,
  disclosedText,
  isStrictSchema,
  logprobsOf,
  readToolChoice,
  splitSystem,
  statedCostUsd,
  stopReasonOf,
  streamDropped,
  streamFields,
  toolCall,
  toolErrorText,
  usageOf,
  withCallIds,
} from './wire-words.ts';

const PLACES: ParamPlaces = {
  'reasoning.effort': 'reasoning.effort',
  'reasoning.summary': 'reasoning.summary',
  thinking: null,
  'max-output-tokens': 'max_output_tokens',
  'max-tokens': 'max_output_tokens',
  'max-completion-tokens': 'max_output_tokens',
  'reasoning-effort': 'reasoning.effort',
  effort: 'reasoning.effort',
  verbosity: 'text.verbosity',
  // Chat Completions has these, Responses never had.
  stop: null,
  'stop-sequences': null,
  seed: null,
  'top-k': null,
  'frequency-penalty': null,
  'presence-penalty': null,
  'logit-bias': null,
  n: null,
  // Of embeddings.
  dimensions: null,
};

const REASONING = 'reasoning.encrypted_content';

/** The body of `POST /responses`. Nothing is stored at OpenAI. */
export function responsesBody(
  model: string,
  request: ProviderRequest,
  refused: ReadonlySet<string>,
): BuiltBody {
  const placed = placeParams(request.params, PLACES, refused);
  const stream = streamFields(request.stream, refused);
  const { system, rest } = splitSystem(request.messages);
  // A conversation of nothing but a system turn still needs an input.
  const alone = rest.length === 0;
  const body = compact({
    model,
    instructions: alone ? undefined : system,
    input: withCallIds(alone ? request.messages : rest).flatMap(inputItems),
    tools: request.tools?.map(
      (tool) =>
        tool.hosted ??
        compact({
          type: 'function',
          name: tool.name,
          description: tool.description,
          parameters: tool.parameters ?? { type: 'object', properties: {} },
          // The API's own default here is true, which refuses schemas that are fine elsewhere.
          strict: tool.strict ?? false,
        }),
    ),
    tool_choice: toolChoice(request.toolChoice),
    text:
      request.outputSchema === undefined
        ? undefined
        : {
            format: {
              type: 'json_schema',
              name: request.outputSchema.name,
              schema: request.outputSchema.schema,
              strict: isStrictSchema(request.outputSchema.schema),
            },
          },
    store: refused.has('store') ? undefined : false,
    // Nothing is stored there, so what was reasoned has to come along with the next request.
    include: request.conversation === true && !refused.has('include') ? [REASONING] : undefined,
    ...stream.fields,
  });
  return {
    body: withInclude(withFields(body, placed.fields), body['include']),
    refusable: new Map([
      ...stream.refusable,
      ...placed.refusable,
      ['store', 'store'],
      ...(request.conversation === true ? [['include', 'include'] as const] : []),
    ]),
    dropped: [
      ...placed.dropped,
      ...(refused.has('store') ? ['store'] : []),
      ...streamDropped(request.stream, refused),
    ],
  };
}

/** What the params ask to include stands beside what a conversation needs. */
function withInclude(body: JsonObject, needed: JsonValue | undefined): JsonObject {
  const { include } = body;
  if (!Array.isArray(needed) || !Array.isArray(include)) return body;
  return { ...body, include: [...new Set([...(include as readonly JsonValue[]), ...needed])] };
}

function inputItems(message: Message): JsonObject[] {
  if (Array.isArray(message.native)) return (message.native as readonly JsonValue[]).filter(isJsonObject);
  if (message.role === 'tool') {
    const output = message.error === true ? toolErrorText(message.content) : message.content;
    return [{ type: 'function_call_output', call_id: message.toolCallId ?? '', output }];
  }
  const calls = (message.toolCalls ?? []).map((call) => ({
    type: 'function_call',
    call_id: call.id ?? '',
    name: call.name,
    arguments: typeof call.args === 'string' ? call.args : JSON.stringify(call.args),
  }));
  const said =
    message.content === '' && calls.length > 0
      ? []
      : [{ role: message.role, content: responsesContent(message) }];
  return [...said, ...calls];
}

function toolChoice(value: JsonValue | undefined): JsonValue | undefined {
  const choice = readToolChoice(value);
  switch (choice?.kind) {
    case undefined:
      return undefined;
    case 'tool':
      return { type: 'function', name: choice.name };
    case 'native':
      return choice.value;
    case 'auto':
    case 'none':
    case 'required':
      return choice.kind;
  }
}

/** Reasons for which an incomplete response is the model's answer as far as it came; Chat Completions ends such answers alike. */
const CUT_SHORT = new Set<JsonValue | undefined>(['max_output_tokens', 'content_filter']);

/** What a response object says. */
export function readResponse(data: JsonObject, headers: Headers): Reading | Problem {
  const { status, output: items, incomplete_details: details } = data;
  const reason = isJsonObject(details) ? details['reason'] : undefined;
  const cut = status === 'incomplete' && CUT_SHORT.has(reason);
  if (status === undefined || status === null) return unreadable('the response has no status', data);
  if (status !== 'completed' && !cut) {
    const why = typeof reason === 'string' ? ` (${reason})` : '';
    return badReply(`the response came back with status "${String(status)}"${why}`, 200);
  }
  if (!Array.isArray(items)) return unreadable('the response has no "output" list', data);
  const { output, pendingCalls, hostedResults } = readOutput(items as readonly JsonValue[]);
  return {
    output,
    stopReason: cut
      ? stopReasonOf(reason)
      : output.refusal !== undefined
        ? 'refusal'
        : pendingCalls.length > 0
          ? 'tool_calls'
          : 'stop',
    served: {
      model: disclosedText(data['model']),
      systemFingerprint: disclosedText(data['system_fingerprint']),
      serviceTier: disclosedText(data['service_tier']),
      region: headers.get('x-ms-region'),
    },
    usage: responsesUsage(data['usage']),
    costUsd: statedCostUsd(data['usage']),
    ...nativeOf(items as readonly JsonValue[]),
    ...(hostedResults.length === 0 ? {} : { hostedResults }),
    ...(pendingCalls.length === output.toolCalls.length ? {} : { pendingCalls }),
  };
}

/** What a model asked for, and how it ended: with calls the caller has to run, or not. */
interface ReadOutput {
  readonly hostedResults: readonly HostedResult[];
  readonly output: Output;
  readonly pendingCalls: readonly ToolCall[];
}

function nativeOf(items: readonly JsonValue[]): { readonly native?: readonly JsonValue[] } {
  const native = items.filter(isSentBack);
  return native.length === 0 ? {} : { native };
}

/** Reasoning that did not come in a form to be sent back is nothing the service could find again. */
function isSentBack(item: JsonValue): boolean {
  if (!isJsonObject(item)) return false;
  return item['type'] !== 'reasoning' || typeof item['encrypted_content'] === 'string';
}

function readOutput(items: readonly JsonValue[]): ReadOutput {
  const texts: string[] = [];
  const refusals: string[] = [];
  const citations: JsonValue[] = [];
  const hostedResults: HostedResult[] = [];
  const logprobs: JsonValue[] = [];
  const toolCalls: ToolCall[] = [];
  const pendingCalls: ToolCall[] = [];
  for (const item of items) {
    if (!isJsonObject(item)) continue;
    const call = callOf(item);
    if (call !== undefined) {
      toolCalls.push(call);
      if (!isHosted(item)) pendingCalls.push(call);
      const result = itemResult(item);
      if (result !== null) hostedResults.push({ call, ...result });
    }
    const content = item['type'] === 'message' ? item['content'] : undefined;
    for (const part of Array.isArray(content) ? (content as readonly JsonValue[]) : []) {
      if (!isJsonObject(part)) continue;
      if (typeof part['text'] === 'string') texts.push(part['text']);
      if (typeof part['refusal'] === 'string') refusals.push(part['refusal']);
      if (Array.isArray(part['annotations']))
        citations.push(...(part['annotations'] as readonly JsonValue[]));
      if (Array.isArray(part['logprobs'])) logprobs.push(...(part['logprobs'] as readonly JsonValue[]));
    }
  }
  const refusal = refusals.length === 0 ? {} : { refusal: refusals.join('') };
  return {
    output: {
      text: texts.join(''),
      toolCalls,
      ...refusal,
      ...citationsOf(citations),
      ...logprobsOf(logprobs),
    },
    pendingCalls,
    hostedResults,
  };
}

/** Tools that the service runs itself before it answers. */
const HOSTED = new Set([
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'mcp_call',
  'tool_search_call',
]);

function isHosted(item: JsonObject): boolean {
  return HOSTED.has(String(item['type']));
}

/** Fields of a call that are no arguments: ids, states and results. */
const NOT_ASKED = /^(type|id|call_id|status|name|result|results|output|outputs|error)$|_id$|^pending_/;

/**
 * The call that an item makes: of a function, of a custom tool or of any other kind, hosted tools
 * included, which are named by their type (`web_search_call` is `web_search`).
 */
function callOf(item: JsonObject): ToolCall | undefined {
  const { type, name, call_id: id } = item;
  if (typeof type !== 'string') return undefined;
  if (type === 'custom_tool_call' && typeof name === 'string') return toolCall(id, name, item['input']);
  const kind = /^(.+)_call$/.exec(type)?.[1] ?? (type === 'mcp_approval_request' ? type : undefined);
  if (kind === undefined) return undefined;
  if (typeof name === 'string' && item['arguments'] !== undefined)
    return toolCall(id, name, item['arguments']);
  const asked = Object.entries(item).filter(([key, value]) => !NOT_ASKED.test(key) && value !== undefined);
  return toolCall(id, typeof name === 'string' ? name : kind, Object.fromEntries(asked));
}

function responsesUsage(usage: JsonValue | undefined): Usage | null {
  if (!isJsonObject(usage)) return null;
  const into = usage['input_tokens_details'];
  const out = usage['output_tokens_details'];
  return usageOf({
    inputTokens: usage['input_tokens'],
    outputTokens: usage['output_tokens'],
    cachedInputTokens: isJsonObject(into) ? into['cached_tokens'] : undefined,
    cacheWriteTokens: isJsonObject(into) ? into['cache_write_tokens'] : undefined,
    reasoningTokens: isJsonObject(out) ? out['reasoning_tokens'] : undefined,
  });
}
