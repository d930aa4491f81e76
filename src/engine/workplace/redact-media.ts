// Redaction of cases with images and files: rules work on texts, and would break base64 without seeing what it says.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/index.ts';

/** Applies the rules to everything but the bytes of files, which stay as they are. Names and addresses are texts like all others. */
export function withMediaAside(content: JsonObject, redact: (value: JsonObject) => JsonObject): JsonObject {
  const aside: JsonObject[] = [];
  const redacted = redact(
    mapMedia(content, (media) => {
      aside.push(media);
      // The hash and the size are no text of anybody, and say which bytes belong here.
      const { data: _data, sha256: _sha256, bytes: _bytes, type: _type, ...said } = media;
      return { ...said, aside: aside.length - 1 };
    }),
  );
  return mapMedia(redacted, ({ aside: n, ...said }) => {
    const media = typeof n === 'number' ? aside[n] : undefined;
    if (media === undefined) return said;
    const { data, sha256, bytes, type } = media;
    return { ...media, ...said, ...(data === undefined ? {} : { data, sha256, bytes, type }) };
  });
}

/** Replaces the files in the parts of messages and turns. */
function mapMedia(content: JsonObject, change: (media: JsonObject) => JsonObject): JsonObject {
  const ofPart = (part: JsonValue): JsonValue =>
    isJsonObject(part) && isJsonObject(part['media']) ? { ...part, media: change(part['media']) } : part;
  const ofMessage = (said: JsonValue): JsonValue =>
    isJsonObject(said) && Array.isArray(said['parts'])
      ? { ...said, parts: (said['parts'] as readonly JsonValue[]).map(ofPart) }
      : said;
  const changed: Record<string, JsonValue> = {};
  for (const key of ['messages', 'turns']) {
    const list = content[key];
    if (Array.isArray(list)) changed[key] = (list as readonly JsonValue[]).map(ofMessage);
  }
  return { ...content, ...changed };
}
