// A streamed reply put together to the reply that would have come whole, and when the first of its answer was there.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import { mediaType, parseReply } from './not-json.ts';
import { errorOf } from './reply-error.ts';
import type { Arrival, StreamEvent } from './sse.ts';
import { readEvents } from './sse.ts';
import { parsedArgs } from './wire-words.ts';

/** Thrown for a stream that ended before the answer did. */
export class StreamCut extends Error {
  constructor() {
    super('the stream ended before the answer did');
  }
}

/** A reply's value, and the time when the first of its text or of a tool call had arrived. */
export interface ReadReply {
  readonly data: unknown;
  readonly headers: Headers;
  readonly firstTokenAt?: number | undefined;
}

/** The whole reply of a stream; undefined when it was cut. `done`: the stream said that it is at its end. */
export type Assemble = (events: readonly StreamEvent[], done: boolean) => Assembled | undefined;

interface Assembled {
  readonly data: JsonObject;
  readonly firstTokenAt: number | undefined;
}

/** What an SDK hands back of a call: enough of a `Response`, with the times of its parts where they were taken. */
export interface TimedResponse extends Pick<Response, 'headers' | 'text'> {
  readonly arrivals?: readonly Arrival[] | undefined;
}

/** Reads a reply, streamed or not: a server may answer either way, whatever was asked. Throws `NotJson` or `StreamCut`. */
export async function readReply(response: TimedResponse, assemble: Assemble): Promise<ReadReply> {
  const { headers } = response;
  const body = await response.text();
  const type = headers.get('content-type');
  if (mediaType(type) !== 'text/event-stream') return { data: parseReply(body, type), headers };
  const events = readEvents(body, response.arrivals);
  const error = events.find(
    ({ name, data }) => name === 'error' || data['type'] === 'error' || errorOf(data),
  );
  if (error !== undefined) return { data: { error: errorOf(error.data) ?? error.data }, headers };
  const whole = assemble(events, /^data: ?\[DONE\]/m.test(body));
  if (whole === undefined) throw new StreamCut();
  return { ...whole, headers };
}

const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
const listOf = (value: JsonValue | undefined): readonly JsonValue[] =>
  Array.isArray(value) ? (value as readonly JsonValue[]) : [];

/** A call of a tool whose parts come one by one. */
interface GrowingCall {
  readonly index: number | undefined;
  id: JsonValue | undefined;
  name: string;
  args: string;
  custom: boolean;
  /** What a service adds to the call and wants back with its result. */
  extra: JsonObject;
}

/** Chunks of Chat Completions as one completion: the first choice of each. */
export const assembleChat: Assemble = (events, done) => {
  let firstTokenAt: number | undefined;
  let head: JsonObject = {};
  let usage: JsonValue | undefined;
  let finish: JsonValue | undefined;
  let content = '';
  let refusal = '';
  let reasoning = '';
  let error: JsonValue | undefined;
  const calls: GrowingCall[] = [];
  const details: JsonObject[] = [];
  const annotations: JsonValue[] = [];
  const logprobs: JsonValue[] = [];
  for (const { data, at } of events) {
    // Later chunks may leave out these fields.
    for (const key of ['id', 'model', 'system_fingerprint', 'service_tier'])
      if (data[key] !== undefined && data[key] !== null) head = { ...head, [key]: data[key] };
    usage = data['usage'] ?? usage;
    const choice = Array.isArray(data['choices']) ? (data['choices'] as readonly JsonValue[])[0] : undefined;
    if (!isJsonObject(choice)) continue;
    finish = choice['finish_reason'] ?? finish;
    error ??= errorOf(choice);
    const delta = isJsonObject(choice['delta']) ? choice['delta'] : {};
    const said = text(delta['content']) + text(delta['refusal']);
    const parts = listOf(delta['tool_calls']);
    content += text(delta['content']);
    refusal += text(delta['refusal']);
    reasoning += text(delta['reasoning_content']);
    for (const piece of listOf(delta['reasoning_details']))
      if (isJsonObject(piece)) growDetail(details, piece);
    annotations.push(...listOf(delta['annotations']));
    if (isJsonObject(choice['logprobs'])) logprobs.push(...listOf(choice['logprobs']['content']));
    for (const part of parts) if (isJsonObject(part)) grow(calls, part);
    if (said !== '' || parts.length > 0) firstTokenAt ??= at;
  }
  if (finish === undefined && error === undefined && !done) return undefined;
  const message = {
    role: 'assistant',
    content,
    refusal: refusal === '' ? null : refusal,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    ...(annotations.length === 0 ? {} : { annotations }),
    tool_calls: calls.map(({ id, name, args, custom, extra }) =>
      custom
        ? { id, type: 'custom', custom: { name, input: args } }
        : { id, type: 'function', function: { name, arguments: args }, ...extra },
    ),
  };
  const choice = {
    index: 0,
    finish_reason: finish ?? null,
    error: error ?? null,
    message,
    ...(logprobs.length === 0 ? {} : { logprobs: { content: logprobs } }),
  };
  return { data: { ...head, choices: [choice as JsonValue], usage: usage ?? null }, firstTokenAt };
};

/** Pieces of one detail have its place and type; texts grow, all else is as it came last. */
function growDetail(details: JsonObject[], piece: JsonObject): void {
  const at = details.findIndex(({ index, type }) => index === piece['index'] && type === piece['type']);
  const known = details[at];
  if (known === undefined) {
    details.push(piece);
    return;
  }
  const grown = Object.entries(piece).flatMap(([key, value]) => {
    if (value === null || value === undefined) return [];
    const grows = key === 'text' || key === 'summary' || key === 'data';
    return [[key, grows ? text(known[key]) + text(value) : value] as const];
  });
  details[at] = { ...known, ...Object.fromEntries(grown) };
}

function grow(calls: GrowingCall[], part: JsonObject): void {
  const { id } = part;
  const index = typeof part['index'] === 'number' ? part['index'] : undefined;
  const known = index === undefined ? calls.at(-1) : calls.findLast((call) => call.index === index);
  // Some servers send whole calls, all of them without a place or with the same.
  const other = known === undefined || (text(id) !== '' && known.id !== undefined && known.id !== id);
  const call: GrowingCall = other
    ? { index, id: undefined, name: '', args: '', custom: false, extra: {} }
    : known;
  if (other) calls.push(call);
  const source = [part['function'], part['custom']].find(isJsonObject) ?? {};
  if (text(id) !== '') call.id = id;
  if (isJsonObject(part['extra_content'])) call.extra = { extra_content: part['extra_content'] };
  call.custom ||= isJsonObject(part['custom']);
  call.name += text(source['name']);
  const args = source['arguments'] ?? source['input'];
  // Some servers send whole arguments as an object.
  call.args +=
    args === undefined || args === null ? '' : typeof args === 'string' ? args : JSON.stringify(args);
}

const ENDS = new Set(['response.completed', 'response.incomplete', 'response.failed', 'response.cancelled']);

/** Events of the Responses API: the last one has the whole response. */
export const assembleResponse: Assemble = (events) => {
  let whole: JsonObject | undefined;
  let firstTokenAt: number | undefined;
  const items: JsonValue[] = [];
  for (const { name, data, at } of events) {
    const type = text(data['type']) || name;
    if (ENDS.has(type) && isJsonObject(data['response'])) whole = data['response'];
    if (type === 'response.output_item.done' && data['item'] !== undefined) items.push(data['item']);
    if (/^response\.(output_text|refusal|function_call_arguments|custom_tool_call_input)\.delta$/.test(type))
      firstTokenAt ??= at;
  }
  if (whole === undefined) return undefined;
  const { output } = whole;
  // Some servers leave the output out of the last event, which repeats what was sent.
  const repeated = Array.isArray(output) && output.length > 0;
  return { data: repeated || items.length === 0 ? whole : { ...whole, output: items }, firstTokenAt };
};

/** Events of the Messages API as one message. */
export const assembleMessage: Assemble = (events) => {
  let message: JsonObject = {};
  let usage: JsonObject = {};
  let ended = false;
  let firstTokenAt: number | undefined;
  const blocks: { block: JsonObject; json: string }[] = [];
  const at = (index: JsonValue | undefined) => blocks[typeof index === 'number' ? index : blocks.length - 1];
  for (const { name, data, at: time } of events) {
    const type = text(data['type']) || name;
    const delta = isJsonObject(data['delta']) ? data['delta'] : {};
    if (type === 'message_start' && isJsonObject(data['message'])) message = data['message'];
    if (type === 'content_block_start' && isJsonObject(data['content_block'])) {
      blocks.push({ block: data['content_block'], json: '' });
      if (/tool_use$/.test(text(data['content_block']['type']))) firstTokenAt ??= time;
    }
    const growing = type === 'content_block_delta' ? at(data['index']) : undefined;
    if (growing !== undefined) {
      if (typeof delta['text'] === 'string') {
        growing.block = { ...growing.block, text: text(growing.block['text']) + delta['text'] };
        if (delta['text'] !== '') firstTokenAt ??= time;
      }
      growing.json += text(delta['partial_json']);
      for (const key of ['thinking', 'signature'])
        if (typeof delta[key] === 'string')
          growing.block = { ...growing.block, [key]: text(growing.block[key]) + delta[key] };
      if (delta['citation'] !== undefined)
        growing.block = {
          ...growing.block,
          citations: [...listOf(growing.block['citations']), delta['citation']],
        };
    }
    if (type === 'message_delta') message = { ...message, ...delta };
    if (isJsonObject(data['usage'])) usage = { ...usage, ...disclosed(data['usage']) };
    ended ||= type === 'message_stop' || (type === 'message_delta' && text(delta['stop_reason']) !== '');
  }
  if (!ended) return undefined;
  const content = blocks.map(({ block, json }) =>
    json === '' ? block : { ...block, input: parsedArgs(json) },
  );
  const first = isJsonObject(message['usage']) ? message['usage'] : {};
  return { data: { ...message, content, usage: { ...first, ...usage } }, firstTokenAt };
};

/** The counts of a usage; null means not disclosed. */
function disclosed(usage: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null));
}
