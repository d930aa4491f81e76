// Anthropic's Messages API: our request as its body, its reply as ours.

import type { Message, ToolCall } from '../core/conversation.ts';
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
  readToolChoice,
  splitSystem,
  stopReasonOf,
  usageOf,
  withCallIds,
} from './wire-words.ts';

/** The API demands a limit; this is ours when the release sets none. */
export const DEFAULT_MAX_TOKENS = 4096;

/** The version the SDK speaks by default. It refuses sampling parameters. */
export const CURRENT_API_VERSION = '2026-10-21';

/** What one route's bodies have in common. */
export interface MessagesRoute {
  readonly model: string;
  readonly apiVersion: string;
  /** Sent as `inference_geo`. */
  readonly region: string | undefined;
}

const PLACES: ParamPlaces = {
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
  const current = route.apiVersion >= CURRENT_API_VERSION;
  const placed = placeParams(request.params, current ? WITHOUT_SAMPLING : PLACES, refused);
  const parallel = placed.fields.find(([path]) => path === 'tool_choice.parallel')?.[1];
  const { system, rest } = systemApart(request.messages, current);
  const body = compact({
    model: route.model,
    max_tokens: DEFAULT_MAX_TOKENS,
    system,
    messages: turns(withCallIds(rest)),
    tools: request.tools?.map((tool) =>
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
  });
  const fields = placed.fields
    .filter(([path]) => path !== 'tool_choice.parallel')
    .map(([path, value]): readonly [string, JsonValue] =>
      path === 'stop_sequences' && typeof value === 'string' ? [path, [value]] : [path, value],
    );
  const refusable = new Map(placed.refusable);
  refusable.delete('tool_choice.parallel');
  return { body: withFields(body, fields), refusable, dropped: placed.dropped };
}

/** Later system turns stay where they are in the version that has them; the older one has a single system text. */
function systemApart(messages: readonly Message[], current: boolean) {
  const plain = messages.map((message) =>
    message.role === 'developer' ? { ...message, role: 'system' as const } : message,
  );
  if (current) return splitSystem(plain);
  const all = plain.filter((message) => message.role === 'system');
  return {
    system: all.length === 0 ? undefined : all.map((message) => message.content).join('\n\n'),
    rest: plain.filter((message) => message.role !== 'system'),
  };
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
    const only = parts.length === 1 && parts[0]?.['type'] === 'text' ? parts[0]['text'] : undefined;
    return { role, content: only ?? parts };
  });
}

function blocks(message: Message): JsonObject[] {
  if (message.role === 'tool')
    return [{ type: 'tool_result', tool_use_id: message.toolCallId ?? '', content: message.content }];
  const uses = (message.toolCalls ?? []).map((call) => ({
    type: 'tool_use',
    id: call.id ?? '',
    name: call.name,
    input: isJsonObject(call.args) ? call.args : { value: call.args },
  }));
  return message.content === '' && uses.length > 0
    ? uses
    : [{ type: 'text', text: message.content }, ...uses];
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
  if (!Array.isArray(content)) return badReply('the message has no "content" list', 200);
  const texts: string[] = [];
  const toolCalls: ToolCall[] = [];
  for (const block of content as readonly JsonValue[]) {
    if (!isJsonObject(block)) continue;
    if (block['type'] === 'text' && typeof block['text'] === 'string') texts.push(block['text']);
    if (block['type'] === 'tool_use' && typeof block['name'] === 'string') {
      const id = block['id'];
      toolCalls.push({
        ...(typeof id === 'string' ? { id } : {}),
        name: block['name'],
        args: block['input'] ?? {},
      });
    }
  }
  const usage = data['usage'];
  const told = isJsonObject(usage) ? usage : {};
  const details = data['stop_details'];
  const refusal = isJsonObject(details) ? disclosedText(details['explanation']) : null;
  const stopReason = stopReasonOf(data['stop_reason']);
  return {
    output: {
      text: texts.join(''),
      toolCalls,
      ...(stopReason === 'refusal' && refusal !== null ? { refusal } : {}),
    },
    stopReason,
    served: {
      model: disclosedText(data['model']),
      systemFingerprint: null,
      serviceTier: disclosedText(told['service_tier']),
      region: disclosedText(told['inference_geo']),
    },
    usage: messageUsage(told),
  };
}

/** The API counts cached input apart from `input_tokens`; our input is all of it. */
function messageUsage(usage: JsonObject): Usage | null {
  const input = usage['input_tokens'];
  const read = usage['cache_read_input_tokens'];
  const written = usage['cache_creation_input_tokens'];
  const count = (n: JsonValue | undefined): number => (typeof n === 'number' ? n : 0);
  const details = usage['output_tokens_details'];
  return usageOf({
    inputTokens: typeof input === 'number' ? input + count(read) + count(written) : undefined,
    outputTokens: usage['output_tokens'],
    cachedInputTokens: read,
    cacheWriteTokens: written,
    reasoningTokens: isJsonObject(details) ? details['thinking_tokens'] : undefined,
  });
}
