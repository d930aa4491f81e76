// OpenAI's Responses API: our request as its body, its reply as ours.

import type { Message, Output, ToolCall } from '../core/conversation.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { ProviderRequest, Usage } from '../core/provider.ts';
import type { BuiltBody, Reading } from './api-call.ts';
import type { Problem } from './failure.ts';
import { badReply, infraProblem } from './failure.ts';
import type { ParamPlaces } from './wire-params.ts';
import { placeParams, withFields } from './wire-params.ts';
import {
  compact,
  disclosedText,
  isStrictSchema,
  parsedArgs,
  readToolChoice,
  splitSystem,
  stopReasonOf,
  usageOf,
  withCallIds,
} from './wire-words.ts';

const PLACES: ParamPlaces = {
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

/** The body of `POST /responses`. Nothing is stored at OpenAI. */
export function responsesBody(
  model: string,
  request: ProviderRequest,
  refused: ReadonlySet<string>,
): BuiltBody {
  const placed = placeParams(request.params, PLACES, refused);
  const { system, rest } = splitSystem(request.messages);
  // A conversation of nothing but a system turn still needs an input.
  const alone = rest.length === 0;
  const body = compact({
    model,
    instructions: alone ? undefined : system,
    input: withCallIds(alone ? request.messages : rest).flatMap(inputItems),
    tools: request.tools?.map((tool) =>
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
  });
  return {
    body: withFields(body, placed.fields),
    refusable: new Map([...placed.refusable, ['store', 'store']]),
    dropped: refused.has('store') ? [...placed.dropped, 'store'] : placed.dropped,
  };
}

function inputItems(message: Message): JsonObject[] {
  if (message.role === 'tool')
    return [{ type: 'function_call_output', call_id: message.toolCallId ?? '', output: message.content }];
  const calls = (message.toolCalls ?? []).map((call) => ({
    type: 'function_call',
    call_id: call.id ?? '',
    name: call.name,
    arguments: typeof call.args === 'string' ? call.args : JSON.stringify(call.args),
  }));
  const said =
    message.content === '' && calls.length > 0 ? [] : [{ role: message.role, content: message.content }];
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

/** Errors inside a reply of status 200 that another attempt may not meet. */
const PASSING_ERRORS = new Set(['server_error', 'vector_store_timeout']);

/** What a response object says. */
export function readResponse(data: JsonObject, headers: Headers): Reading | Problem {
  const status = data['status'];
  if (status === 'failed') return failedResponse(data['error']);
  const items = data['output'];
  if (!Array.isArray(items)) return badReply('the response has no "output" list', 200);
  if (status === 'cancelled' || status === 'queued' || status === 'in_progress')
    return badReply(`the response came back with status "${status}"`, 200);
  const output = outputOf(items as readonly JsonValue[]);
  const details = data['incomplete_details'];
  const reason = isJsonObject(details) ? details['reason'] : undefined;
  return {
    output,
    stopReason:
      status === 'incomplete'
        ? stopReasonOf(reason)
        : output.refusal !== undefined
          ? 'refusal'
          : output.toolCalls.length > 0
            ? 'tool_calls'
            : 'stop',
    served: {
      model: disclosedText(data['model']),
      systemFingerprint: disclosedText(data['system_fingerprint']),
      serviceTier: disclosedText(data['service_tier']),
      region: headers.get('x-ms-region'),
    },
    usage: responsesUsage(data['usage']),
  };
}

function failedResponse(error: JsonValue | undefined): Problem {
  const code = isJsonObject(error) && typeof error['code'] === 'string' ? error['code'] : 'unknown';
  const message = isJsonObject(error) && typeof error['message'] === 'string' ? error['message'] : '';
  const said = `the response failed: ${code} ${message}`.trim();
  if (code === 'rate_limit_exceeded') return infraProblem('rate_limited', said, { retryable: true });
  if (PASSING_ERRORS.has(code)) return infraProblem('server_error', said, { retryable: true });
  if (/policy|invalid_prompt/.test(code)) return infraProblem('content_filter', said);
  return infraProblem('bad_request', said);
}

function outputOf(items: readonly JsonValue[]): Output {
  const texts: string[] = [];
  const refusals: string[] = [];
  const toolCalls: ToolCall[] = [];
  for (const item of items) {
    if (!isJsonObject(item)) continue;
    if (item['type'] === 'function_call' && typeof item['name'] === 'string') {
      const id = item['call_id'];
      toolCalls.push({
        ...(typeof id === 'string' ? { id } : {}),
        name: item['name'],
        args: parsedArgs(typeof item['arguments'] === 'string' ? item['arguments'] : ''),
      });
    }
    const content = item['type'] === 'message' ? item['content'] : undefined;
    for (const part of Array.isArray(content) ? (content as readonly JsonValue[]) : []) {
      if (!isJsonObject(part)) continue;
      if (typeof part['text'] === 'string') texts.push(part['text']);
      if (typeof part['refusal'] === 'string') refusals.push(part['refusal']);
    }
  }
  return {
    text: texts.join(''),
    toolCalls,
    ...(refusals.length === 0 ? {} : { refusal: refusals.join('') }),
  };
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
