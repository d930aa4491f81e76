// A case's conversation, from the spellings data files use to ours.

import type { Message, ToolCall } from '../core/conversation.ts';
import type { JsonValue } from '../core/json.ts';
import type { MessageFields } from './case-schema.ts';

/** Text parts are joined, an absent content is empty text, both spellings of tool calls are read. */
export function readMessages(fields: readonly MessageFields[]): Message[] {
  return fields.map((m) => {
    const calls = m['tool-calls'] ?? m.tool_calls ?? undefined;
    const callId = m['tool-call-id'] ?? m.tool_call_id;
    return {
      role: m.role,
      content:
        typeof m.content === 'string' ? m.content : (m.content ?? []).map((part) => part.text).join(''),
      ...(calls === undefined || calls.length === 0 ? {} : { toolCalls: calls.map(readCall) }),
      ...(callId === undefined ? {} : { toolCallId: callId }),
      ...(m.name === undefined ? {} : { name: m.name }),
    };
  });
}

function readCall(call: NonNullable<MessageFields['tool-calls']>[number]): ToolCall {
  const id = call.id === undefined ? {} : { id: call.id };
  return 'function' in call
    ? { ...id, name: call.function.name, args: parsedArguments(call.function.arguments) }
    : { ...id, name: call.name, args: (call.args ?? {}) as JsonValue };
}

/** Recorded calls carry their arguments as JSON text. */
function parsedArguments(value: unknown): JsonValue {
  if (typeof value !== 'string') return (value ?? {}) as JsonValue;
  try {
    return JSON.parse(value) as JsonValue;
  } catch {
    return value;
  }
}
