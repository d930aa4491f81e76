// Anthropic's Messages API: our request as its body, its reply as ours.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Message, ToolCall } from '../core/conversation.ts';
import type { ProviderRequest, Usage } from '../core/provider.ts';
import { ANTHROPIC_API_VERSION, ANTHROPIC_MAX_OUTPUT_TOKENS } from '../core/release.ts';
import type { BuiltBody, Reading } from './api-call.ts';
import type { Problem } from './failure.ts';
import { hostedResultsOf } from './hosted-tools.ts';
import { noAnswer, unreadable } from './reply-error.ts';
import type { ParamPlaces } from './wire-params.ts';
import { placeParams, withFields } from './wire-params.ts';
import { messageBlocks, systemBlocks } from './wire-parts.ts';
import {
  citationsOf,
  compact,
  disclosedText,
  readToolChoice,
  stopReasonOf,
  streamDropped,
  streamFields,
  usageOf,
  withCallIds,
} from './wire-words.ts';

/** What one route's bodies have in common. */
export interface MessagesRoute {
  readonly model: string;
  readonly apiVersion: string;
  /** Sent as `inference_geo`. */
  readonly region: string | undefined;
}

const PLACES: ParamPlaces = {
  'reasoning.effort': 'output_config.effort',
  'reasoning.summary': null,
  'max-output-tokens': 'max_tokens',
  'max-completion-tokens': 'max_tokens',
  'max-tokens': 'max_tokens',
  stop: 'stop_sequences',
  effort: 'output_config.effort',
  'reasoning-effort': 'output_config.effort',
  // Handled with the tools.
  'parallel-tool-calls': 'tool_choice.parallel',
  seed: null,
  n: null,
  // Of embeddings.
  dimensions: null,
  verbosity: null,
  'frequency-penalty': null,
  'presence-penalty': null,
  'logit-bias': null,
  logprobs: null,
  'top-logprobs': null,
};
const WITHOUT_SAMPLING: ParamPlaces = { ...PLACES, temperature: null, 'top-p': null, 'top-k': null };

/** The body of `POST /v1/messages`. Versions are dates, so they compare as text. */
export function messagesBody(
  route: MessagesRoute,
  request: ProviderRequest,
  refused: ReadonlySet<string>,
): BuiltBody {
  const current = route.apiVersion >= ANTHROPIC_API_VERSION;
  const placed = placeParams(request.params, current ? WITHOUT_SAMPLING : PLACES, refused);
  const parallel = placed.fields.find(([path]) => path === 'tool_choice.parallel')?.[1];
  const { system, rest } = systemApart(request.messages, current);
  const stream = streamFields(request.stream, refused);
  const body = compact({
    model: route.model,
    max_tokens: ANTHROPIC_MAX_OUTPUT_TOKENS,
    system,
    messages: turns(withCallIds(rest)),
    tools: request.tools?.map(
      (tool) =>
        tool.hosted ??
        compact({
          name: tool.name,
          description: tool.description,
          input_schema: tool.parameters ?? { type: 'object', properties: {} },
        }),
    ),
    tool_choice: toolChoice(request.toolChoice, parallel === false && request.tools !== undefined),
    output_config:
      request.outputSchema === undefined
        ? undefined
        : { format: { type: 'json_schema', schema: request.outputSchema.schema } },
    inference_geo: route.region,
    ...stream.fields,
  });
  const fields = placed.fields
    .filter(([path]) => path !== 'tool_choice.parallel')
    .map(([path, value]): readonly [string, JsonValue] =>
      path === 'stop_sequences' && typeof value === 'string' ? [path, [value]] : [path, value],
    );
  const refusable = new Map([...stream.refusable, ...placed.refusable]);
  refusable.delete('tool_choice.parallel');
  return {
    body: withFields(body, fields),
    refusable,
    dropped: [...placed.dropped, ...streamDropped(request.stream, refused)],
  };
}

/** Later system turns stay where they are in the version that has them; the older one has a single system text. */
function systemApart(messages: readonly Message[], current: boolean) {
  const plain = messages.map((message) =>
    message.role === 'developer' ? { ...message, role: 'system' as const } : message,
  );
  const first = plain.findIndex(({ role }) => role !== 'system');
  const lead = first === -1 ? plain : plain.slice(0, first);
  if (current) return { system: systemBlocks(lead), rest: plain.slice(lead.length) };
  const all = plain.filter((message) => message.role === 'system');
  return { system: systemBlocks(all), rest: plain.filter((message) => message.role !== 'system') };
}

/** Turns of one role in a row become one turn: the API wants user and assistant to alternate. */
function turns(messages: readonly Message[]): JsonObject[] {
  const out: { role: string; blocks: JsonObject[] }[] = [];
  for (const message of messages) {
    const role = message.role === 'tool' ? 'user' : message.role;
    const last = out.at(-1);
    if (last !== undefined && last.role === role) last.blocks.push(...blocks(message));
    else out.push({ role, blocks: blocks(message) });
  }
  return out.map(({ role, blocks: parts }) => {
    const [only] = parts;
    // A block with a mark for the cache is more than its text.
    const plain = parts.length === 1 && only?.['type'] === 'text' && only['cache_control'] === undefined;
    return { role, content: plain ? (only['text'] ?? '') : parts };
  });
}

function blocks(message: Message): JsonObject[] {
  if (Array.isArray(message.native)) return (message.native as readonly JsonValue[]).filter(isJsonObject);
  if (message.role === 'tool')
    return [
      {
        type: 'tool_result',
        tool_use_id: message.toolCallId ?? '',
        content: message.content,
        ...(message.error === true ? { is_error: true } : {}),
      },
    ];
  const uses = (message.toolCalls ?? []).map((call) => ({
    type: 'tool_use',
    id: call.id ?? '',
    name: call.name,
    input: isJsonObject(call.args) ? call.args : { value: call.args },
  }));
  return message.content === '' && uses.length > 0 ? uses : [...messageBlocks(message), ...uses];
}

function toolChoice(value: JsonValue | undefined, oneAtATime: boolean): JsonValue | undefined {
  const choice = readToolChoice(value);
  const single = oneAtATime ? { disable_parallel_tool_use: true } : {};
  switch (choice?.kind) {
    case undefined:
      return oneAtATime ? { type: 'auto', ...single } : undefined;
    case 'tool':
      return { type: 'tool', name: choice.name, ...single };
    case 'native':
      return choice.value;
    case 'none':
      return { type: 'none' };
    case 'auto':
      return { type: 'auto', ...single };
    case 'required':
      return { type: 'any', ...single };
  }
}

/** What a message says. */
export function readMessage(data: JsonObject): Reading | Problem {
  const content = data['content'];
  if (!Array.isArray(content)) return unreadable('the message has no "content" list', data);
  const texts: string[] = [];
  const toolCalls: ToolCall[] = [];
  const pendingCalls: ToolCall[] = [];
  const citations: JsonValue[] = [];
  for (const block of content as readonly JsonValue[]) {
    if (!isJsonObject(block)) continue;
    if (block['type'] === 'text' && typeof block['text'] === 'string') texts.push(block['text']);
    if (block['type'] === 'text' && Array.isArray(block['citations']))
      citations.push(...(block['citations'] as readonly JsonValue[]));
    // `tool_use`, and the tools that the service runs itself: `server_tool_use`, `mcp_tool_use`.
    if (/^(\w+_)?tool_use$/.test(String(block['type'])) && typeof block['name'] === 'string') {
      const { id } = block;
      const call = {
        ...(typeof id === 'string' ? { id } : {}),
        name: block['name'],
        args: block['input'] ?? {},
      };
      toolCalls.push(call);
      if (block['type'] === 'tool_use') pendingCalls.push(call);
    }
  }
  const usage = data['usage'];
  const counts = isJsonObject(usage) ? usage : {};
  const details = data['stop_details'];
  const refusal = isJsonObject(details) ? disclosedText(details['explanation']) : null;
  const stopReason = stopReasonOf(data['stop_reason']);
  const output = {
    text: texts.join(''),
    toolCalls,
    ...(stopReason === 'refusal' && refusal !== null ? { refusal } : {}),
    ...citationsOf(citations),
  };
  const missing = noAnswer(data['stop_reason'], stopReason, output);
  if (missing !== undefined) return missing;
  return {
    output,
    stopReason,
    served: {
      model: disclosedText(data['model']),
      systemFingerprint: null,
      serviceTier: disclosedText(counts['service_tier']),
      region: disclosedText(counts['inference_geo']),
    },
    usage: messageUsage(counts),
    ...nativeOf(content as readonly JsonValue[]),
    ...hostedResultsOf(content as readonly JsonValue[], toolCalls),
    ...(pendingCalls.length === toolCalls.length ? {} : { pendingCalls }),
  };
}

/** The blocks as they came, thinking and its signatures included; the API takes no empty text back. */
function nativeOf(content: readonly JsonValue[]): { readonly native?: readonly JsonValue[] } {
  const native = content.filter(
    (block) => !(isJsonObject(block) && block['type'] === 'text' && block['text'] === ''),
  );
  return native.length === 0 ? {} : { native };
}

/** The API counts cached input apart from `input_tokens`; our input is all of it. */
function messageUsage(usage: JsonObject): Usage | null {
  const input = usage['input_tokens'];
  const read = usage['cache_read_input_tokens'];
  const written = usage['cache_creation_input_tokens'];
  const count = (n: JsonValue | undefined): number => (typeof n === 'number' ? n : 0);
  const details = usage['output_tokens_details'];
  const creation = usage['cache_creation'];
  return usageOf({
    inputTokens: typeof input === 'number' ? input + count(read) + count(written) : undefined,
    outputTokens: usage['output_tokens'],
    cachedInputTokens: read,
    cacheWriteTokens: written,
    cacheWriteHourTokens: isJsonObject(creation)
      ? creation['ephemeral_1h_input_tokens'] || undefined
      : undefined,
    reasoningTokens: isJsonObject(details) ? details['thinking_tokens'] : undefined,
  });
}
