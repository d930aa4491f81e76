// Errors inside replies of HTTP status 200: what a body reports, and what a reply that is no answer holds.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Output } from '../core/conversation.ts';
import type { StopReason } from '../core/provider.ts';
import type { Problem } from './failure.ts';
import { apiProblem, badReply, infraProblem } from './failure.ts';
import { excerpt } from './not-json.ts';

/** Words for a problem that another attempt may not meet. */
const PASSING = new Set(['server_error', 'vector_store_timeout', 'timeout', 'api_error', 'internal_error']);
const LIMITED = new Set(['rate_limit_exceeded', 'rate_limit_error', 'rate_limited']);
const REFUSED_CONTENT = /policy|invalid_prompt|content_filter|moderation/;

/** The error that a body reports at `error`; undefined when it reports none. */
export function errorOf(data: JsonObject): JsonValue | undefined {
  const error = data['error'];
  return isError(error) ? error : undefined;
}

/** Whether a value in the place of an error is one: empty texts, lists and objects are none. */
export function isError(error: JsonValue | undefined): error is JsonValue {
  const says = (value: JsonValue | undefined): boolean =>
    value !== undefined && value !== null && value !== false && value !== '' && value !== 0;
  if (Array.isArray(error)) return error.length > 0;
  return isJsonObject(error) ? Object.values(error).some(says) : says(error);
}

/** The text of a reported error: its message, else the whole of it. */
export function errorText(error: JsonValue): string {
  if (typeof error === 'string') return error;
  if (!isJsonObject(error)) return JSON.stringify(error);
  const message = error['message'] ?? error['msg'] ?? error['detail'];
  const inner = isJsonObject(message) ? message['message'] : message;
  return typeof inner === 'string' && inner !== '' ? inner : JSON.stringify(error);
}

/** Words of APIs for an answer that was broken off on their side. */
const BROKEN_OFF = new Set([
  'error',
  'abort',
  'aborted',
  'cancelled',
  'canceled',
  'failed',
  'timeout',
  'network_error',
  'insufficient_system_resource',
]);

/** Whether a reason is one for which there is no answer. */
export function isBrokenOff(word: JsonValue | undefined): word is string {
  return typeof word === 'string' && BROKEN_OFF.has(word.toLowerCase());
}

/**
 * Why what came back is no answer, although it has the form of one: the provider broke it off, or nothing is in it and the
 * reason it ended is missing or unknown. `word` is the API's own reason.
 */
export function noAnswer(
  word: JsonValue | undefined,
  reason: StopReason,
  output: Output,
): Problem | undefined {
  if (isBrokenOff(word)) {
    const code = word === 'insufficient_system_resource' ? 'overloaded' : 'server_error';
    const message = `the provider broke the answer off with reason "${word}"`;
    return infraProblem(code, message, { retryable: true, httpStatus: 200 });
  }
  const empty = output.text.trim() === '' && output.toolCalls.length === 0 && output.refusal === undefined;
  if (!empty) return undefined;
  if (reason === 'unknown') return badReply('the reply has no content and no reason why it ended', 200);
  if (reason === 'tool_calls' || reason.startsWith('other:'))
    return badReply(`the reply has no content and ended with reason "${String(word)}"`, 200);
  return undefined;
}

/**
 * A reported error as the failure it is. It may be tried again unless its own code says that no attempt can succeed. A status
 * alone never ends the run: gateways pass on what one of several services said about one request.
 */
export function reportedProblem(error: JsonValue, what: string): Problem {
  const fields = isJsonObject(error) ? error : {};
  const codes = [fields['code'], fields['type'], fields['status']].filter(
    (code) => (typeof code === 'string' && code !== '') || typeof code === 'number',
  );
  const text = errorText(error);
  const first = codes[0] === undefined || text.includes(String(codes[0])) ? '' : `${codes[0]} `;
  const problem = classified(
    codes.map((code) => String(code).toLowerCase()),
    `${what}: ${first}${text}`,
  );
  return { ...problem, httpStatus: 200 };
}

function classified(words: readonly string[], message: string): Problem {
  const passing = { retryable: true };
  const says = (test: (word: string) => boolean): boolean => words.some(test);
  if (says((word) => LIMITED.has(word))) return infraProblem('rate_limited', message, passing);
  if (says((word) => PASSING.has(word))) return infraProblem('server_error', message, passing);
  if (says((word) => REFUSED_CONTENT.test(word))) return infraProblem('content_filter', message);
  const status = words.map(Number).find((n) => n >= 400 && n < 600);
  // A word that says what was wrong with the request: another attempt would send the same.
  if (status === undefined && says((word) => /^invalid_|^image_|_image$/.test(word)))
    return infraProblem('bad_request', message);
  const { fatal } = apiProblem({ status: 500, words, message });
  return { ...apiProblem({ status: status ?? 500, words, message }), fatal };
}

/** A reply that is no answer, with an excerpt of what it holds instead. */
export function unreadable(what: string, data: JsonValue): Problem {
  return badReply(`${what}: ${excerpt(JSON.stringify(data))}`, 200);
}
