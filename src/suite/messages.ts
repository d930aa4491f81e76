// A case's conversation, from the spellings data files use to ours, with its variables filled in.

import { type DocumentPath, quote, type TextDocument, whereIn } from '../base/document.ts';
import { type ErrorWhere, LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { compileText, fillText } from '../base/template.ts';
import { isTemplate } from '../base/template-text.ts';
import type { Turn } from '../core/case-conversation.ts';
import type { Message, Part, ToolCall } from '../core/conversation.ts';
import { partsText } from '../core/media.ts';
import { type PartFields, readPart } from '../core/part-schema.ts';
import type { MessageFields, MessagePart } from './case-schema.ts';
import type { UnreadTurn } from './conversation.ts';

/** A message whose parts still have to be filled and read. */
type UnreadMessage = Message & { readonly unread?: readonly PartFields[] };

/** Text parts are joined, an absent content is empty text, both spellings of tool calls are read. */
export function readMessages(fields: readonly MessageFields[]): UnreadMessage[] {
  return fields.map((m) => {
    const calls = m['tool-calls'] ?? m.tool_calls ?? undefined;
    const callId = m['tool-call-id'] ?? m.tool_call_id;
    const unread = Array.isArray(m.content) ? unreadParts(m.content) : undefined;
    return {
      role: m.role,
      content: contentOf(m),
      ...(unread === undefined ? {} : { unread }),
      ...(calls === undefined || calls.length === 0 ? {} : { toolCalls: calls.map(readCall) }),
      ...(callId === undefined ? {} : { toolCallId: callId }),
      ...(m.name === undefined ? {} : { name: m.name }),
    };
  });
}

/** A reply that only refuses has its text apart. */
function contentOf({ content, refusal }: MessageFields): string {
  if (typeof content === 'string') return content;
  if (content === undefined || content === null) return refusal ?? '';
  return content.map(textOfPart).join('');
}

function textOfPart(part: MessagePart): string {
  if ('text' in part) return part.text;
  return 'refusal' in part ? part.refusal : '';
}

/** Undefined where all parts are texts of an API, which are one text. */
function unreadParts(parts: readonly MessagePart[]): PartFields[] | undefined {
  if (parts.every((part) => 'type' in part && ('text' in part || 'refusal' in part))) return undefined;
  return parts.map((part): PartFields => {
    if (!('type' in part)) return 'refusal' in part ? { text: textOfPart(part) } : (part as PartFields);
    switch (part.type) {
      case 'image_url':
        return {
          image: part.image_url.url,
          ...(part.image_url.detail === undefined ? {} : { detail: part.image_url.detail }),
        };
      case 'input_image':
        return { image: part.image_url, ...(part.detail === undefined ? {} : { detail: part.detail }) };
      case 'file':
        return apiFile(part.file);
      case 'input_file':
        return apiFile(part);
      default:
        return { text: textOfPart(part) };
    }
  });
}

function apiFile(file: {
  readonly filename?: string | undefined;
  readonly file_data?: string | undefined;
  readonly file_url?: string | undefined;
}): PartFields {
  return {
    file: file.file_url ?? file.file_data ?? '',
    ...(file.filename === undefined ? {} : { name: file.filename }),
  };
}

/** Where a case's messages stand, for its files and for errors. */
export interface FillSite {
  readonly document: TextDocument;
  readonly path: DocumentPath;
  readonly caseId: string;
}

/**
 * Fills `{{ name }}` in the messages with the case's variables, and reads the files that they name. Texts without an output of a
 * name or a tag stay as they are. Throws `TEMPLATE_SYNTAX`, `TEMPLATE_VARIABLE_MISSING`, `TEMPLATE_LIMIT`, `TEMPLATE_FAILED`, `SUITE_BAD_CASE`
 * and what `readPart` throws.
 */
export function fillMessages(
  messages: readonly UnreadMessage[],
  vars: JsonObject,
  site: FillSite,
): readonly Message[] {
  if (!messages.some((m) => m.unread !== undefined || isTemplate(m.content))) return messages;
  return messages.map(({ unread, ...m }, i) => {
    const fill = filler(vars, site, `messages[${i}].content`, 'a message of the case');
    if (unread === undefined) return isTemplate(m.content) ? { ...m, content: fill(m.content) } : m;
    const parts = readParts(
      unread,
      m.role,
      { ...site, path: [...site.path, 'messages', i, 'content'] },
      fill,
    );
    return { ...m, content: partsText(parts), parts };
  });
}

function readParts(
  unread: readonly PartFields[],
  role: Message['role'],
  site: FillSite,
  fill: (text: string) => string,
): Part[] {
  return unread.map((fields, i) => {
    const at = { ...site, path: [...site.path, i] };
    if (role !== 'user' && !('text' in fields))
      throw new LastgoodError({
        code: 'SUITE_BAD_CASE',
        message: `a message of the role ${quote(role)} has a file, which APIs only take from the user`,
        where: whereIn(at.document, at.path, 'value', at.caseId),
        hint: 'put it into a message of the user',
      });
    return readPart(fields, at, fill);
  });
}

function filler(vars: JsonObject, site: FillSite, key: string, asker: string): (text: string) => string {
  const { file } = site.document;
  return (text) => {
    if (!isTemplate(text)) return text;
    return fillText(
      compileText(text, { file, key }),
      { vars, ...vars },
      { caseId: site.caseId, file, asker },
    );
  };
}

/** The same in the user's turns. Throws what `fillMessages` throws. */
export function fillTurns(turns: readonly UnreadTurn[], vars: JsonObject, site: FillSite): readonly Turn[] {
  return turns.map((turn, i): Turn => {
    const fill = filler(vars, site, `turns[${i}]`, 'a turn of the case');
    if ('simulate' in turn) {
      const { simulate } = turn;
      const prompt = { ...simulate.layers.prompt, system: fill(String(simulate.layers.prompt?.['system'])) };
      return { ...turn, simulate: { ...simulate, layers: { ...simulate.layers, prompt } } };
    }
    if (!('key' in turn)) return { user: fill(turn.user) };
    const parts = readParts(turn.user, 'user', { ...site, path: [...site.path, 'turns', i, turn.key] }, fill);
    return { user: partsText(parts), parts };
  });
}

/** Errors of templates, with the way to write braces that are text. */
export function withRawHint(error: LastgoodError, where: ErrorWhere): LastgoodError {
  const { code, message } = error;
  if (code === 'TEMPLATE_LIMIT') {
    const { hint } = error;
    return new LastgoodError({ code, message, where: { ...where, key: error.where?.key }, hint });
  }
  const hint =
    'messages of a case are filled with its vars; text that holds such braces goes between {% raw %} and {% endraw %}';
  return new LastgoodError({ code, message, where: { ...where, key: error.where?.key }, hint });
}

function readCall(call: NonNullable<MessageFields['tool-calls']>[number]): ToolCall {
  const id = call.id === undefined ? {} : { id: call.id };
  if ('function' in call)
    return { ...id, name: call.function.name, args: parsedArguments(call.function.arguments) };
  if ('custom' in call) return { ...id, name: call.custom.name, args: parsedArguments(call.custom.input) };
  return { ...id, name: call.name, args: (call.args ?? {}) as JsonValue };
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
