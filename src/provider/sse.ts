// Server-sent events of a whole reply, each with the time at which it had arrived.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import { excerpt, NotJson } from './not-json.ts';

/** How far a body had come when: characters, and a `performance.now()` reading. */
export interface Arrival {
  readonly chars: number;
  readonly at: number;
}

/** One event with JSON data. */
export interface StreamEvent {
  /** The name of the event; `message` when it has none. */
  readonly name: string;
  readonly data: JsonObject;
  /** When its end had arrived; undefined where times were not taken. */
  readonly at: number | undefined;
}

/** The events of a text. Comments (pings), `[DONE]` and a last event without its end are left out. Throws `NotJson`. */
export function readEvents(text: string, arrivals: readonly Arrival[] = []): StreamEvent[] {
  const events: StreamEvent[] = [];
  let from = 0;
  let arrived = 0;
  const ends = /\r\n\r\n|\n\n|\r\r/g;
  for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
    const event = readEvent(text.slice(from, end.index));
    from = ends.lastIndex;
    if (event === undefined) continue;
    while (arrived < arrivals.length && (arrivals[arrived]?.chars ?? 0) < end.index) arrived++;
    events.push({ ...event, at: arrivals[arrived]?.at });
  }
  return events;
}

function readEvent(block: string): Omit<StreamEvent, 'at'> | undefined {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const value = /^(event|data): ?(.*)$/s.exec(line);
    if (value?.[1] === 'event') name = value[2] ?? '';
    if (value?.[1] === 'data') data.push(value[2] ?? '');
  }
  const text = data.join('\n').trim();
  if (text === '' || text === '[DONE]') return undefined;
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    throw new NotJson(`an event of the stream is not JSON: ${excerpt(text)}`);
  }
  return isJsonObject(value) ? { name, data: value } : undefined;
}
