// Images and files of messages: their labels, their hashes, and what a stored request shows in their place.

import { createHash } from 'node:crypto';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import type { LinkedMedia, Media, Message, Part, StoredMedia } from './conversation.ts';

/** Bytes of all files in one request. APIs take 32 to 50 MB, and base64 adds a third. */
export const MOST_REQUEST_BYTES = 24 * 1024 * 1024;

/** Image types that OpenAI and Anthropic read. */
export const IMAGE_TYPES: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

export function isStored(media: Media): media is StoredMedia {
  return !isLinked(media);
}

function isLinked(media: Media): media is LinkedMedia {
  return 'url' in media;
}

/** One line for readers and judges: `[image lamp.png: image/png, 12.4 KB, sha256 3fa2c1d4e5f6]`. */
export function mediaLabel(media: Media): string {
  const named = media.name === undefined ? '' : ` ${media.name}`;
  if (isLinked(media)) return `[${media.kind}${named}: ${media.url}]`;
  return `[${media.kind}${named}: ${media.type}, ${sizeText(media.bytes)}, sha256 ${media.sha256.slice(0, 12)}]`;
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** A file in the form that OpenAI's APIs and browsers read. */
export function dataUrl({ type, data }: StoredMedia): string {
  return `data:${type};base64,${data}`;
}

/** The file of a `data:` address, which an image or a file of a release is kept as; a link for any other address. */
export function mediaAt(kind: Media['kind'], source: string, name: string | undefined): Media {
  const named = name === undefined ? {} : { name };
  const inline = DATA_URL.exec(source);
  if (inline === null) return { kind, url: source, ...named };
  const data = source.slice(inline[0].length);
  const bytes = Buffer.from(data, 'base64');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { kind, type: inline[1] as string, bytes: bytes.length, sha256, data, ...named };
}

const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+);base64,/;

/** A value as it may be shown: labels instead of `data:` addresses. */
export function withoutDataUrls<T extends JsonValue>(value: T): T {
  const walk = (v: JsonValue): JsonValue => {
    if (typeof v === 'string') return DATA_URL.test(v) ? mediaLabel(mediaAt('file', v, undefined)) : v;
    if (Array.isArray(v)) return (v as readonly JsonValue[]).map(walk);
    if (!isJsonObject(v)) return v;
    return Object.fromEntries(
      Object.entries(v).map(([key, child]) => [key, child === undefined ? child : walk(child)]),
    );
  };
  return walk(value) as T;
}

/** A message's parts in words, a line each. */
export function partsText(parts: readonly Part[]): string {
  return parts.map((part) => ('text' in part ? part.text : mediaLabel(part.media))).join('\n');
}

const hashes = new WeakMap<StoredMedia, string>();

/** The hash of the bytes that are there, which are not the stated ones where the ledger does not have them any more. */
export function bytesHash(media: StoredMedia): string {
  let hash = hashes.get(media);
  if (hash === undefined) {
    hash = createHash('sha256').update(Buffer.from(media.data, 'base64')).digest('hex');
    hashes.set(media, hash);
  }
  return hash;
}

/** Parts as a case version is hashed over: files by their bytes. An image's name is not sent, and does not count. */
export function hashedParts(parts: readonly Part[]): JsonValue {
  return parts.map((part): JsonObject => {
    if ('text' in part) return { ...part };
    const { media, ...rest } = part;
    const name = media.kind === 'file' && media.name !== undefined ? { name: media.name } : {};
    const content = isLinked(media) ? { url: media.url } : { sha256: bytesHash(media), type: media.type };
    return { ...rest, media: { kind: media.kind, ...name, ...content } };
  });
}

/** The files of a request. */
export function mediaOf(messages: readonly Pick<Message, 'parts'>[]): Media[] {
  return messages.flatMap(({ parts = [] }) => parts.flatMap((part) => ('text' in part ? [] : [part.media])));
}

/** A request body as it is stored: labels instead of the bytes of its files, in whatever form the API takes them. */
export function withoutMediaBytes<T extends JsonValue>(body: T, messages: readonly Message[]): T {
  const stored = mediaOf(messages).filter(isStored);
  if (stored.length === 0) return body;
  const forms = stored.flatMap((media) => {
    const label = mediaLabel(media);
    const plain = textOfFile(media);
    return [[dataUrl(media), label], [media.data, label], ...(plain === null ? [] : [[plain, label]])] as [
      string,
      string,
    ][];
  });
  const shown = (text: string): string => {
    const whole = forms.find(([form]) => form === text);
    if (whole !== undefined) return whole[1];
    // A body that was filled as a text holds them in the middle.
    return forms
      .filter(([form]) => form.length >= 64 && form.length < text.length)
      .reduce((said, [form, label]) => said.replaceAll(form, () => label), text);
  };
  const walk = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return shown(value);
    if (Array.isArray(value)) return (value as readonly JsonValue[]).map(walk);
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, child === undefined ? child : walk(child)]),
    );
  };
  return walk(body) as T;
}

/** Messages or turns for a report: their files without the bytes. */
export function withoutBytes<T extends object>(said: readonly T[]): readonly T[] {
  return said.map((one) => {
    if (!('parts' in one) || one.parts === undefined) return one;
    const parts = (one.parts as readonly Part[]).map((part) => {
      if ('text' in part) return part;
      const { data: _data, ...media } = part.media as StoredMedia;
      return { ...part, media };
    });
    return { ...one, parts };
  });
}

/** The content of a text file; null for any other. */
export function textOfFile({ kind, type, data }: StoredMedia): string | null {
  return kind === 'file' && type === 'text/plain' ? Buffer.from(data, 'base64').toString('utf8') : null;
}

/** True for an address that is passed on as it is. */
export function isWebAddress(source: string): boolean {
  return /^https?:\/\//i.test(source);
}
