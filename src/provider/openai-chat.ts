// Chat Completions, OpenAI's and that of the many servers that speak it: our request as its body, its reply as ours.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Message, ToolCall } from '../core/conversation.ts';
import type { ProviderRequest, Usage } from '../core/provider.ts';
import type { BuiltBody, Reading } from './api-call.ts';
import type { Problem } from './failure.ts';
import { badReply } from './failure.ts';
import { errorOf, noAnswer, reportedProblem, unreadable } from './reply-error.ts';
import type { ParamPlaces } from './wire-params.ts';
import { placeParams, withFields } from './wire-params.ts';
import { chatContent } from './wire-parts.ts';
import {
  citationsOf,
  compact,
  disclosedText,
  isStrictSchema,
  logprobsOf,
  readToolCalls,
  readToolChoice,
  statedCostUsd,
  stopReasonOf,
  streamDropped,
  streamFields,
  toolErrorText,
  usageOf,
  withCallIds,
} from './wire-words.ts';

const PLACES: ParamPlaces = {
  'reasoning.effort': 'reasoning_effort',
  'reasoning.summary': null,
  'max-output-tokens': 'max_completion_tokens',
  'max-completion-tokens': 'max_completion_tokens',
  // For servers that only know the old name.
  'max-tokens': 'max_tokens',
  effort: 'reasoning_effort',
  'stop-sequences': 'stop',
  // One answer a trial; more would be paid for and thrown away.
  n: null,
  // Of embeddings.
  dimensions: null,
};

/** The body of `POST /chat/completions`. */
export function chatBody(model: string, request: ProviderRequest, refused: ReadonlySet<string>): BuiltBody {
  const placed = placeParams(request.params, PLACES, refused);
  const stream = streamFields(request.stream, refused, { include_usage: true });
  const body = compact({
    model,
    messages: withCallIds(request.messages).map((message) => chatMessage(message, request.messages)),
    tools: request.tools?.map(
      (tool) =>
        tool.hosted ?? {
          type: 'function',
          function: compact({
            name: tool.name,
            description: tool.description,
            parameters: tool.parameters,
            strict: tool.strict,
          }),
        },
    ),
    tool_choice: toolChoice(request.toolChoice),
    response_format:
      request.outputSchema === undefined
        ? undefined
        : {
            type: 'json_schema',
            json_schema: {
              name: request.outputSchema.name,
              schema: request.outputSchema.schema,
              strict: isStrictSchema(request.outputSchema.schema),
            },
          },
    ...stream.fields,
  });
  return {
    body: withFields(body, placed.fields),
    refusable: new Map([...stream.refusable, ...placed.refusable]),
    dropped: [...placed.dropped, ...streamDropped(request.stream, refused)],
  };
}

function chatMessage(message: Message, all: readonly Message[]): JsonObject {
  if (isJsonObject(message.native)) return sentBack(message.native, all);
  return compact({
    role: message.role,
    content:
      message.error === true
        ? toolErrorText(message.content)
        : message.content === '' && message.toolCalls?.length
          ? null
          : chatContent(message),
    name: message.name,
    tool_call_id: message.role === 'tool' ? message.toolCallId : undefined,
    tool_calls: message.toolCalls?.length
      ? message.toolCalls.map((call) => ({
          id: call.id ?? '',
          type: 'function',
          function: {
            name: call.name,
            arguments: typeof call.args === 'string' ? call.args : JSON.stringify(call.args),
          },
        }))
      : undefined,
  });
}

/** The reply as it came. Of conversations without tools, older services refuse what was reasoned, and newer ones ignore it. */
function sentBack(native: JsonObject, all: readonly Message[]): JsonObject {
  if (all.some(({ role }) => role === 'tool')) return native;
  return Object.fromEntries(Object.entries(native).filter(([key]) => !REASONING.includes(key)));
}

function toolChoice(value: JsonValue | undefined): JsonValue | undefined {
  const choice = readToolChoice(value);
  switch (choice?.kind) {
    case undefined:
      return undefined;
    case 'tool':
      return { type: 'function', function: { name: choice.name } };
    case 'native':
      return choice.value;
    case 'auto':
    case 'none':
    case 'required':
      return choice.kind;
  }
}

/** What a chat completion says. */
export function readChat(data: JsonObject, headers: Headers): Reading | Problem {
  const choice = Array.isArray(data['choices']) ? (data['choices'] as readonly JsonValue[])[0] : undefined;
  const error = isJsonObject(choice) ? errorOf(choice) : undefined;
  if (error !== undefined) return reportedProblem(error, 'the completion reports an error');
  const message = isJsonObject(choice) ? choice['message'] : undefined;
  if (!isJsonObject(choice) || !isJsonObject(message))
    return unreadable('the completion has no message in "choices"', data);
  const toolCalls = readToolCalls(message['tool_calls']);
  if (toolCalls === undefined) return badReply('the completion has tool calls that cannot be read', 200);
  const refusal = disclosedText(message['refusal']);
  const native = nativeMessage(message, toolCalls);
  const stopReason = stopReasonOf(choice['finish_reason']);
  const output = {
    text: contentText(message['content']),
    toolCalls,
    ...(refusal === null ? {} : { refusal }),
    ...citationsOf(message['annotations'] ?? data['citations']),
    ...logprobsOf(choice['logprobs']),
  };
  const missing = noAnswer(choice['finish_reason'], stopReason, output);
  if (missing !== undefined) return missing;
  return {
    output,
    stopReason: refusal !== null && stopReason === 'stop' ? 'refusal' : stopReason,
    served: {
      model: disclosedText(data['model']),
      systemFingerprint: disclosedText(data['system_fingerprint']),
      serviceTier: disclosedText(data['service_tier']),
      region: headers.get('x-ms-region'),
    },
    usage: chatUsage(data['usage']),
    costUsd: statedCostUsd(data['usage']),
    ...(native === undefined ? {} : { native }),
  };
}

/** What was reasoned. Services with thinking (DeepSeek, Kimi, OpenRouter) refuse a conversation with tool calls that comes back without it. */
const REASONING = ['reasoning_content', 'reasoning_details'];

/** Fields of a reply that services want back with the results: signatures in the calls, and what was reasoned. */
const SENT_BACK = ['role', 'content', 'tool_calls', ...REASONING];

/** The message as it came, where calls are to be answered or something was reasoned; undefined where ids have to be made up. */
function nativeMessage(message: JsonObject, calls: readonly ToolCall[]): JsonObject | undefined {
  if (calls.some(({ id }) => id === undefined || id === '')) return undefined;
  const reasoned = REASONING.some((key) => message[key] !== undefined && message[key] !== null);
  if (calls.length === 0 && (!reasoned || contentText(message['content']) === '')) return undefined;
  const kept = Object.fromEntries(
    SENT_BACK.flatMap((key) => (message[key] === undefined ? [] : [[key, message[key]]])),
  );
  return { content: null, ...kept, role: 'assistant' };
}

/** Some servers answer with a list of parts instead of text. */
function contentText(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as readonly JsonValue[])
    .map((part) => (isJsonObject(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .join('');
}

function chatUsage(usage: JsonValue | undefined): Usage | null {
  if (!isJsonObject(usage)) return null;
  const into = usage['prompt_tokens_details'];
  const out = usage['completion_tokens_details'];
  return usageOf({
    inputTokens: usage['prompt_tokens'],
    outputTokens: usage['completion_tokens'],
    // DeepSeek counts what its cache gave beside the prompt's tokens.
    cachedInputTokens:
      (isJsonObject(into) ? into['cached_tokens'] : undefined) ?? usage['prompt_cache_hit_tokens'],
    cacheWriteTokens: isJsonObject(into) ? into['cache_write_tokens'] : undefined,
    reasoningTokens: isJsonObject(out) ? out['reasoning_tokens'] : undefined,
  });
}
