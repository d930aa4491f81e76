// The parts of a message in each API's own form: texts, images, files, and marks for the prompt cache.

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { CacheMark, Media, Message, Part } from '../core/conversation.ts';
import { dataUrl, isStored, textOfFile } from '../core/media.ts';

/** Content for `POST /responses`: the text, or a list of parts. The texts of an assistant are its outputs. */
export function responsesContent(message: Message): JsonValue {
  const { parts, role, content } = message;
  if (parts === undefined) return content;
  const type = role === 'assistant' ? 'output_text' : 'input_text';
  return parts.map((part): JsonObject => {
    const mark = breakpoint(part.cache);
    if ('text' in part) return { type, text: part.text, ...mark };
    const { media, detail } = part;
    if (media.kind === 'image')
      return { type: 'input_image', image_url: addressOf(media), detail: detail ?? 'auto', ...mark };
    const file = isStored(media)
      ? { filename: nameOf(media), file_data: dataUrl(media) }
      : { file_url: media.url };
    return { type: 'input_file', ...file, ...mark };
  });
}

/** Content for `POST /chat/completions`. */
export function chatContent({ parts, content }: Message): JsonValue {
  if (parts === undefined) return content;
  return parts.map((part): JsonObject => {
    const mark = breakpoint(part.cache);
    if ('text' in part) return { type: 'text', text: part.text, ...mark };
    const { media, detail } = part;
    if (media.kind === 'image')
      return {
        type: 'image_url',
        image_url: { url: addressOf(media), ...(detail === undefined ? {} : { detail }) },
        ...mark,
      };
    // Refused before the run: this API takes no address.
    if (!isStored(media)) return { type: 'text', text: media.url, ...mark };
    const format = { 'audio/wav': 'wav', 'audio/mpeg': 'mp3' }[media.type];
    return format === undefined
      ? { type: 'file', file: { filename: nameOf(media), file_data: dataUrl(media) }, ...mark }
      : { type: 'input_audio', input_audio: { data: media.data, format }, ...mark };
  });
}

/** Blocks for `POST /v1/messages`. */
export function messageBlocks(message: Message): JsonObject[] {
  const { parts = [{ text: message.content }] } = message;
  return parts.map((part: Part): JsonObject => {
    const mark = part.cache === undefined ? {} : { cache_control: cacheControl(part.cache) };
    if ('text' in part) return { type: 'text', text: part.text, ...mark };
    const { media } = part;
    const title = media.kind === 'file' && media.name !== undefined ? { title: media.name } : {};
    return {
      type: media.kind === 'image' ? 'image' : 'document',
      source: sourceOf(media),
      ...title,
      ...mark,
    };
  });
}

/** The system text as Anthropic takes it: a list of blocks where one of them has a mark for the cache. */
export function systemBlocks(messages: readonly Message[]): JsonValue | undefined {
  if (messages.length === 0) return undefined;
  if (messages.every(({ parts }) => parts === undefined))
    return messages.map(({ content }) => content).join('\n\n');
  return messages.flatMap(messageBlocks);
}

function sourceOf(media: Media): JsonObject {
  if (!isStored(media)) return { type: 'url', url: media.url };
  const text = textOfFile(media);
  return text === null
    ? { type: 'base64', media_type: media.type, data: media.data }
    : { type: 'text', media_type: 'text/plain', data: text };
}

function cacheControl(mark: CacheMark): JsonObject {
  return { type: 'ephemeral', ...(mark === true ? {} : { ttl: mark }) };
}

/** OpenAI's mark; its services also cache by themselves. */
function breakpoint(mark: CacheMark | undefined): JsonObject {
  if (mark === undefined) return {};
  return { prompt_cache_breakpoint: { mode: 'explicit', ...(mark === true ? {} : { ttl: mark }) } };
}

function addressOf(media: Media): string {
  return isStored(media) ? dataUrl(media) : media.url;
}

/** The APIs want a name for the bytes of a file. */
function nameOf({ name, type }: Media & { readonly type: string }): string {
  return name ?? `file.${type === 'text/plain' ? 'txt' : (type.split('/')[1] ?? 'bin')}`;
}
