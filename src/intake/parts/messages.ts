// Conversations of every dialect as the messages of a case, and replies as recordings.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { literalText } from '../../base/template-text.ts';
import type { FoundRecording, Place } from './found.ts';
import { type Losses, quoted } from './losses.ts';

interface Site {
  readonly losses: Losses;
  readonly place: Place;
}

const ROLES: Readonly<Record<string, string>> = {
  system: 'system',
  developer: 'developer',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  ai: 'assistant',
  model: 'assistant',
  tool: 'tool',
  function: 'tool',
};

/** What is read of a message: its text and its tool calls, and results of tools that stand in it. */
interface Parts {
  readonly text: string;
  readonly calls: JsonObject[];
  readonly results: { readonly id: string | undefined; readonly text: string }[];
  readonly refusal: string | undefined;
}

/** The messages of a case. Text that looks like a template is written so that it is none. */
export function readMessages(value: JsonValue | undefined, site: Site): JsonObject[] | null {
  if (typeof value === 'string') return value === '' ? null : [{ role: 'user', content: literalText(value) }];
  if (isJsonObject(value) && Array.isArray(value['messages']))
    return readMessages(value['messages'] as JsonValue, site);
  if (!Array.isArray(value)) return null;
  let list = value as readonly JsonValue[];
  // LangChain's batches: a list of conversations, of which a record has one.
  if (list.length === 1 && Array.isArray(list[0])) list = list[0] as readonly JsonValue[];
  const out: JsonObject[] = [];
  for (const raw of list) {
    const message = unwrapped(raw);
    if (!isJsonObject(message)) {
      if (typeof raw === 'string') out.push({ role: 'user', content: literalText(raw) });
      else site.losses.dropped('message', 'it is not a map', site.place);
      continue;
    }
    out.push(...messageOf(message, site));
  }
  return out.length === 0 ? null : out;
}

/** LangChain wraps a message in its class: `{ id: [..., "HumanMessage"], kwargs }`, or `{ type: "human", data }`. */
function unwrapped(raw: JsonValue): JsonValue {
  if (!isJsonObject(raw)) return raw;
  const kwargs = raw['kwargs'];
  const id = raw['id'];
  if (isJsonObject(kwargs) && Array.isArray(id)) {
    const name = String(id.at(-1))
      .replace(/Message(Chunk)?$/, '')
      .toLowerCase();
    return { role: name, ...kwargs };
  }
  if (isJsonObject(raw['data']) && typeof raw['type'] === 'string')
    return { role: raw['type'], ...(raw['data'] as JsonObject) };
  if (
    raw['role'] === undefined &&
    typeof raw['type'] === 'string' &&
    raw['content'] !== undefined &&
    ROLES[raw['type']] !== undefined
  )
    return { ...raw, role: raw['type'] };
  return raw;
}

function messageOf(message: JsonObject, site: Site): JsonObject[] {
  const given = message['role'];
  // Items of the Responses API stand in the list on their own.
  if (given === undefined && message['type'] === 'function_call')
    return [{ role: 'assistant', 'tool-calls': [callOf(message)] as JsonValue }];
  if (given === undefined && message['type'] === 'function_call_output')
    return [
      toolResult(
        textOf(message['call_id']),
        textOf(message['output']) ?? JSON.stringify(message['output'] ?? ''),
      ),
    ];
  const role = typeof given === 'string' && Object.hasOwn(ROLES, given) ? ROLES[given] : undefined;
  if (role === undefined) {
    site.losses.dropped(`message of role ${quoted(String(given))}`, 'the role is not known', site.place);
    return [];
  }
  const parts = partsOf(message, site);
  if (role === 'tool') {
    const id = textOf(message['tool_call_id']) ?? textOf(message['tool-call-id']) ?? parts.results[0]?.id;
    const text = parts.text === '' ? (parts.results[0]?.text ?? '') : parts.text;
    return [toolResult(id, text)];
  }
  const results = parts.results.map(({ id, text }) => toolResult(id, text));
  if (results.length > 0 && parts.text === '' && parts.calls.length === 0) return results;
  const own: JsonObject = {
    role,
    ...(parts.text === '' && parts.calls.length > 0 ? {} : { content: literalText(parts.text) }),
    ...(parts.calls.length > 0 ? { 'tool-calls': parts.calls } : {}),
  };
  return [...results, own];
}

function toolResult(id: string | undefined, text: string): JsonObject {
  return { role: 'tool', ...(id === undefined ? {} : { 'tool-call-id': id }), content: literalText(text) };
}

const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Text, tool calls and results of a message in any dialect; what is something else is reported. */
export function partsOf(message: JsonObject, site: Site): Parts {
  const texts: string[] = [];
  const calls: JsonObject[] = [];
  const results: { id: string | undefined; text: string }[] = [];
  let refusal = textOf(message['refusal']);
  const content = message['content'] ?? message['parts'] ?? message['contents'];
  if (typeof content === 'string') texts.push(content);
  else if (Array.isArray(content))
    for (const part of content as readonly JsonValue[]) {
      if (typeof part === 'string') {
        texts.push(part);
        continue;
      }
      if (!isJsonObject(part)) continue;
      const type =
        typeof part['type'] === 'string' ? part['type'] : part['text'] !== undefined ? 'text' : 'unknown';
      switch (type) {
        case 'text':
        case 'input_text':
        case 'output_text':
          texts.push(textOf(part['text']) ?? textOf(part['content']) ?? '');
          break;
        case 'refusal':
          refusal ??= textOf(part['refusal']);
          break;
        case 'tool_use':
        case 'tool_call':
        case 'function_call':
          calls.push(callOf(part));
          break;
        case 'tool_result':
        case 'tool_call_response': {
          const result = part['content'] ?? part['response'] ?? part['result'] ?? '';
          results.push({
            id: textOf(part['tool_use_id']) ?? textOf(part['id']),
            text:
              typeof result === 'string'
                ? result
                : Array.isArray(result)
                  ? partsOf({ content: result }, site).text
                  : JSON.stringify(result),
          });
          break;
        }
        case 'thinking':
        case 'redacted_thinking':
        case 'reasoning':
        case 'compaction':
          site.losses.dropped(`message part ${quoted(type)}`, 'thinking is not sent again', site.place);
          break;
        default:
          site.losses.dropped(
            `message part ${quoted(type)}`,
            'only text and tool calls are taken',
            site.place,
          );
      }
    }
  else if (isJsonObject(content)) texts.push(JSON.stringify(content));
  const listed =
    message['tool_calls'] ??
    message['tool-calls'] ??
    (message['additional_kwargs'] as JsonObject | undefined)?.['tool_calls'];
  if (Array.isArray(listed))
    for (const call of listed as readonly JsonValue[]) {
      const parsed = typeof call === 'string' ? jsonOf(call) : call;
      if (isJsonObject(parsed)) calls.push(callOf(parsed));
    }
  return { text: texts.join(''), calls, results, refusal };
}

function callOf(call: JsonObject): JsonObject {
  const source = isJsonObject(call['function']) ? call['function'] : call;
  const id = textOf(call['id']) ?? textOf(call['call_id']);
  const name = textOf(source['name']) ?? textOf(call['function']) ?? 'unknown';
  const args = source['arguments'] ?? source['args'] ?? source['input'] ?? {};
  return {
    ...(id === undefined ? {} : { id }),
    name,
    args: typeof args === 'string' ? (jsonOf(args) ?? args) : args,
  };
}

/** JSON in a text; undefined where it is none. */
export function jsonOf(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** What a reply message says, as fields of a recording. */
export function replyOf(message: JsonObject, site: Site): Pick<FoundRecording, 'output' | 'toolCalls'> {
  const { text, calls, refusal } = partsOf(message, site);
  return {
    output: text === '' && refusal !== undefined ? refusal : text,
    ...(calls.length > 0 ? { toolCalls: calls } : {}),
  };
}

/** A conversation that ends with the assistant's answer: what was asked, and the answer. */
export function splitAnswer(
  value: JsonValue | undefined,
  site: Site,
): { asked: JsonObject[] | null; answer: JsonObject | null } {
  if (!Array.isArray(value)) return { asked: readMessages(value, site), answer: null };
  const list = value as readonly JsonValue[];
  const last = unwrapped(list.at(-1) ?? null);
  const isAnswer = isJsonObject(last) && ROLES[String(last['role'])] === 'assistant';
  return isAnswer
    ? { asked: readMessages(list.slice(0, -1), site), answer: last }
    : { asked: readMessages(list, site), answer: null };
}

const USAGE: Readonly<Record<string, readonly string[]>> = {
  input_tokens: ['input_tokens', 'prompt_tokens', 'input', 'promptTokens', 'prompt', 'inputTokens'],
  output_tokens: [
    'output_tokens',
    'completion_tokens',
    'output',
    'completionTokens',
    'completion',
    'outputTokens',
  ],
  cached_input_tokens: [
    'cached_input_tokens',
    'cached_tokens',
    'cache_read_input_tokens',
    'input_cached_tokens',
    'input_tokens_cache_read',
    'cached',
  ],
  cache_write_tokens: ['cache_creation_input_tokens', 'cache_write_tokens', 'input_tokens_cache_write'],
  reasoning_tokens: ['reasoning_tokens', 'output_reasoning_tokens', 'reasoning'],
};

/** Token counts under any usual name. */
export function usageOf(value: JsonValue | undefined): JsonObject | undefined {
  if (!isJsonObject(value)) return undefined;
  const flat: JsonObject = {
    ...(isJsonObject(value['prompt_tokens_details']) ? value['prompt_tokens_details'] : {}),
    ...(isJsonObject(value['input_tokens_details']) ? value['input_tokens_details'] : {}),
    ...(isJsonObject(value['completion_tokens_details']) ? value['completion_tokens_details'] : {}),
    ...(isJsonObject(value['output_tokens_details']) ? value['output_tokens_details'] : {}),
    ...value,
  };
  const out: Record<string, number> = {};
  for (const [name, words] of Object.entries(USAGE)) {
    const found = words
      .map((w) => flat[w])
      .find((n) => typeof n === 'number' && Number.isFinite(n) && n >= 0);
    if (typeof found === 'number') out[name] = found;
  }
  return Object.keys(out).length === 0 ? undefined : out;
}

/** Milliseconds between two ISO times; a time without a zone is UTC. */
export function millisBetween(start: JsonValue | undefined, end: JsonValue | undefined): number | undefined {
  const [a, b] = [timeOf(start), timeOf(end)];
  return a === undefined || b === undefined || b < a ? undefined : b - a;
}

function timeOf(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  const text = value.replace(' ', 'T').replace(/(\.\d{3})\d+/, '$1');
  const time = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** The moment of a time, to the millisecond; a time without a zone is UTC. */
export function momentOf(value: JsonValue | undefined): string | undefined {
  const time = timeOf(value);
  return time === undefined ? undefined : new Date(time).toISOString();
}

/** The day of a time, for `source.at`. */
export function dayOf(value: JsonValue | undefined): string | undefined {
  const time = timeOf(value);
  return time === undefined ? undefined : new Date(time).toISOString().slice(0, 10);
}
