// What a reply that should be JSON holds instead: its content type and its beginning.

/** An excerpt is cut where its secrets are masked; this only keeps that quick for replies of many megabytes. */
const LONGEST_EXCERPT = 100_000;

/** Thrown for a reply that does not parse; the message names its type and shows its beginning. */
export class NotJson extends SyntaxError {}

/** The value of a JSON text. Throws `NotJson`. */
export function parseReply(text: string, contentType: string | null): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotJson(notJson(text, contentType));
  }
}

/** The content type and the beginning of a reply that is not JSON. */
function notJson(text: string, contentType: string | null): string {
  const type = mediaType(contentType) ?? 'no content type';
  return text.trim() === ''
    ? `the reply is empty (${type}), expected JSON`
    : `the reply is not JSON (${type}): ${excerpt(text)}`;
}

/** `text/html` of `text/html; charset=utf-8`. */
export function mediaType(contentType: string | null | undefined): string | undefined {
  return contentType?.split(';')[0]?.trim().toLowerCase() || undefined;
}

/** The beginning of a text on one line. */
export function excerpt(text: string): string {
  return text.slice(0, LONGEST_EXCERPT).replace(/\s+/g, ' ').trim();
}
