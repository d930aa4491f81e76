// The prompt layer: texts of files written out, images and files as `data:` addresses, so that the fingerprint covers their bytes.

import { type DocumentPath, quote } from '../base/document.ts';
import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { isTemplate } from '../base/template-text.ts';
import { dataUrl, isStored, isWebAddress } from '../core/media.ts';
import { readPart } from '../core/part-schema.ts';
import type { Inliner } from './inline-files.ts';
import type { ReleaseFile, ReleasePart } from './release-schema.ts';

type Content = string | { file: string } | readonly ReleasePart[];

/** The layer as it is fingerprinted. Problems go to `inliner`. */
export async function promptLayer(
  prompt: ReleaseFile['prompt'],
  inliner: Inliner,
): Promise<JsonObject | undefined> {
  if (prompt === undefined) return undefined;
  const turn = async (role: string, content: Content, at: DocumentPath): Promise<JsonObject> => ({
    role,
    content: await contentLayer(role, content, at, inliner),
  });
  const messages: JsonObject[] = [];
  for (const [i, m] of (prompt.messages ?? []).entries()) {
    messages.push(await turn(m.role, m.content, ['prompt', 'messages', i, 'content']));
  }
  const examples: JsonObject[] = [];
  for (const [i, e] of (prompt.examples ?? []).entries()) {
    const at = ['prompt', 'examples', i];
    if ('role' in e) examples.push(await turn(e.role, e.content, [...at, 'content']));
    else {
      examples.push(await turn('user', e.user, [...at, 'user']));
      examples.push(await turn('assistant', e.assistant, [...at, 'assistant']));
    }
  }
  const { system } = prompt;
  return {
    ...(system === undefined
      ? {}
      : { system: await contentLayer('system', system, ['prompt', 'system'], inliner) }),
    // An empty list adds nothing to what is sent.
    ...(messages.length === 0 ? {} : { messages }),
    ...(examples.length === 0 ? {} : { examples }),
  };
}

async function contentLayer(
  role: string,
  content: Content,
  at: DocumentPath,
  inliner: Inliner,
): Promise<JsonValue> {
  if (typeof content === 'string' || !Array.isArray(content))
    return inliner.text(content as string | { file: string }, at);
  const parts: JsonObject[] = [];
  for (const [i, part] of (content as readonly ReleasePart[]).entries())
    parts.push(await partLayer(role, part, [...at, i], inliner));
  return parts;
}

async function partLayer(
  role: string,
  part: ReleasePart,
  at: DocumentPath,
  inliner: Inliner,
): Promise<JsonObject> {
  if ('text' in part) {
    const text = await inliner.text(part.text, [...at, 'text']);
    return { text, ...(part.cache === undefined ? {} : { cache: part.cache }) };
  }
  const key = 'image' in part ? 'image' : 'file';
  const source = 'image' in part ? part.image : part.file;
  const rest = Object.fromEntries(Object.entries(part).filter(([k, v]) => k !== key && v !== undefined));
  if (role !== 'user')
    inliner.fail(
      'RELEASE_BAD_VALUE',
      `a message of the role ${quote(role)} has a file, which APIs only take from the user`,
      at,
      'put it into a message of the user',
    );
  // An address is passed on; one with variables is filled for each case.
  if (isWebAddress(source) || isTemplate(source)) return { [key]: source, ...rest };
  try {
    const read = readPart(
      part as Parameters<typeof readPart>[0],
      { document: inliner.document, path: at },
      (text) => text,
    );
    const media = 'media' in read ? read.media : undefined;
    if (media === undefined || !isStored(media)) return {};
    const name = key === 'file' && media.name !== undefined ? { name: media.name } : {};
    return { [key]: dataUrl(media), ...name, ...rest };
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    inliner.add([error]);
    return {};
  }
}
