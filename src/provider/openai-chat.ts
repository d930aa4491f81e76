// Chat Completions, OpenAI's and that of the many servers that speak it: our request as its body, its reply as ours.

import type { Message } from '../core/conversation.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { ProviderRequest, Usage } from '../core/provider.ts';
import type { BuiltBody, Reading } from './api-call.ts';
import type { Problem } from './failure.ts';
import { badReply } from './failure.ts';
import type { ParamPlaces } from './wire-params.ts';
import { placeParams, withFields } from './wire-params.ts';
import {
  compact,
  disclosedText,
  isStrictSchema,
  readToolCalls,
  readToolChoice,
  stopReasonOf,
  usageOf,
  withCallIds,
} from './wire-words.ts';

const PLACES: ParamPlaces = {
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
  const body = compact({
    model,
    messages: withCallIds(request.messages).map(chatMessage),
    tools: request.tools?.map((tool) => ({
      type: 'function',
      function: compact({
        name: tool.name,
        description: tool.description,
        parameters: tool.parameters,
        strict: tool.strict,
      }),
    })),
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
  });
  return { body: withFields(body, placed.fields), refusable: placed.refusable, dropped: placed.dropped };
}

function chatMessage(message: Message): JsonObject {
  return compact({
    role: message.role,
    content: message.content === '' && message.toolCalls?.length ? null : message.content,
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
  const message = isJsonObject(choice) ? choice['message'] : undefined;
  if (!isJsonObject(choice) || !isJsonObject(message))
    return badReply('the completion has no message in "choices"', 200);
  const toolCalls = readToolCalls(message['tool_calls']);
  if (toolCalls === undefined) return badReply('the completion has tool calls that cannot be read', 200);
  const refusal = disclosedText(message['refusal']);
  const stopReason = stopReasonOf(choice['finish_reason']);
  return {
    output: {
      text: contentText(message['content']),
      toolCalls,
      ...(refusal === null ? {} : { refusal }),
    },
    stopReason: refusal !== null && stopReason === 'stop' ? 'refusal' : stopReason,
    served: {
      model: disclosedText(data['model']),
      systemFingerprint: disclosedText(data['system_fingerprint']),
      serviceTier: disclosedText(data['service_tier']),
      region: headers.get('x-ms-region'),
    },
    usage: chatUsage(data['usage']),
  };
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
    cachedInputTokens: isJsonObject(into) ? into['cached_tokens'] : undefined,
    cacheWriteTokens: isJsonObject(into) ? into['cache_write_tokens'] : undefined,
    reasoningTokens: isJsonObject(out) ? out['reasoning_tokens'] : undefined,
  });
}
