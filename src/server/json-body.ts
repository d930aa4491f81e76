// A small JSON object as the body of a request.

import { isDeeperThan, isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import type { AppContext } from './app.ts';
import { HttpError } from './http-error.ts';
import { withWholeBody } from './request-body.ts';

const MOST_JSON_BYTES = 64 * 1024;
const DEEPEST = 10;

/**
 * An empty body is an empty object. Throws `HttpError` 415 for another content type (which a page of another origin may send without
 * asking first), 413, or 400.
 */
export async function jsonBody(c: AppContext): Promise<JsonObject> {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new HttpError(415, 'the content type must be application/json');
  const value = await withWholeBody(c.env.incoming, MOST_JSON_BYTES, async (body) => parsed(body));
  if (!isJsonObject(value)) throw new HttpError(400, 'the body must be one JSON object');
  if (isDeeperThan(value, DEEPEST))
    throw new HttpError(400, `the body has more than ${DEEPEST} lists and maps inside each other`);
  return value;
}

function parsed(body: Uint8Array): JsonValue {
  if (body.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as JsonValue;
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
}
