// The trajectory that an application or a recording tells: a list of messages, in OpenAI's spelling or ours.

import type { JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Output, TrajectoryEntry } from '../core/conversation.ts';
import { jsonText, readToolCalls } from './wire-words.ts';

/**
 * The messages after the last one of the user, or all of them where the whole conversation is recorded; undefined where the value is no
 * list of messages. System turns are left out: they are the release's.
 */
export function readTrajectory(
  value: JsonValue | undefined,
  part: 'reply' | 'whole',
): readonly TrajectoryEntry[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const entries: TrajectoryEntry[] = [];
  for (const item of value as readonly JsonValue[]) {
    const entry = readEntry(item, entries);
    if (entry === undefined) return undefined;
    if (entry !== null) entries.push(entry);
  }
  return part === 'whole' ? entries : entries.slice(entries.findLastIndex(({ role }) => role === 'user') + 1);
}

/** Null for a message that is no part of it. */
function readEntry(item: JsonValue, before: readonly TrajectoryEntry[]): TrajectoryEntry | null | undefined {
  if (!isJsonObject(item)) return undefined;
  const { role, content, turn, refusal, name } = item;
  if (role === 'system' || role === 'developer') return null;
  if (role !== 'user' && role !== 'assistant' && role !== 'tool') return undefined;
  const calls = readToolCalls(item['toolCalls'] ?? item['tool_calls']);
  if (calls === undefined) return undefined;
  const answers = item['toolCallId'] ?? item['tool_call_id'];
  return {
    turn: typeof turn === 'number' && Number.isInteger(turn) && turn > 0 ? turn : (before.at(-1)?.turn ?? 1),
    role,
    content: contentText(content),
    ...(calls.length === 0 ? {} : { toolCalls: calls }),
    ...(typeof refusal === 'string' ? { refusal } : {}),
    ...(typeof answers === 'string' ? { toolCallId: answers } : {}),
    ...(role === 'tool' ? toolName(name, answers, before) : {}),
    ...(item['error'] === true || item['is_error'] === true ? { error: true } : {}),
  };
}

/** Results often name only the call they answer. */
function toolName(
  name: JsonValue | undefined,
  answers: JsonValue | undefined,
  before: readonly TrajectoryEntry[],
): { readonly name?: string } {
  if (typeof name === 'string') return { name };
  const call = before.flatMap(({ toolCalls = [] }) => toolCalls).findLast(({ id }) => id === answers);
  return call === undefined ? {} : { name: call.name };
}

function contentText(content: JsonValue | undefined): string {
  if (content === undefined || content === null) return '';
  if (!Array.isArray(content)) return jsonText(content);
  return (content as readonly JsonValue[])
    .map((part) => (isJsonObject(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .join('');
}

/** The output with the way to it: its last message is the answer, and its calls are those that were made. */
export function withTrajectory(output: Output, trajectory: readonly TrajectoryEntry[] | undefined): Output {
  if (trajectory === undefined || trajectory.length === 0) return output;
  const { text, toolCalls } = output;
  const last = trajectory.at(-1) as TrajectoryEntry;
  const ended = last.role === 'assistant' && (last.content === text || text === '');
  const made = trajectory.flatMap((entry) => entry.toolCalls ?? []);
  return {
    ...output,
    text: text === '' && last.role === 'assistant' ? last.content : text,
    toolCalls: toolCalls.length > 0 ? toolCalls : made,
    trajectory: ended ? trajectory : [...trajectory, { turn: last.turn, role: 'assistant', content: text }],
  };
}
