// Reads verdicts out of a judge's reply: tolerant of wrapping, intolerant of anything that leaves the verdict in doubt.

import { canonicalJson, isJsonObject, type JsonObject, type JsonValue, wellFormed } from '../base/json.ts';
import type { Answered } from '../core/provider.ts';
import { duplicateKey } from './json-text.ts';
import { type AskedCriterion, VERDICT_SCHEMA_NAME, verdictWords } from './judge-prompt.ts';
import { quote } from './quote.ts';

/** The judge's word on one criterion. */
export interface Ruling {
  readonly id: string;
  readonly reason: string;
  /** `yes`, `no` or `not-applicable`, or one of the criterion's own choices. */
  readonly verdict: string;
}

export type ReadReply =
  | { readonly kind: 'ok'; readonly rulings: readonly Ruling[] }
  | { readonly kind: 'malformed'; readonly problem: string };

// A reply is a few hundred tokens long; these bounds keep a runaway one from costing more than a moment.
const LONGEST_REPLY = 200_000;
const MOST_STARTS = 400;

/**
 * Reads a judge's reply. Accepted: the JSON object alone, in a code fence, among prose, inside another object, or as a JSON
 * string. Refused: no object that fits, two that differ, a key twice, an id unknown, missing or twice, and an object that
 * stands in the candidate's own text (`echoed`): a verdict that the candidate wrote is none.
 */
export function readReply(
  reply: Pick<Answered, 'output' | 'stopReason'>,
  criteria: readonly AskedCriterion[],
  candidate: string,
): ReadReply {
  if (reply.stopReason === 'refusal' || reply.stopReason === 'content_filter' || reply.output.refusal) {
    return malformed('the judge refused to answer');
  }
  // Where the provider was forced into a tool, its arguments are the structured channel and the text is chatter.
  const call = reply.output.toolCalls.find((c) => c.name === VERDICT_SCHEMA_NAME);
  const text =
    call === undefined
      ? reply.output.text
      : typeof call.args === 'string'
        ? call.args
        : JSON.stringify(call.args);
  if (text.trim() === '') return malformed('the reply is empty');
  if (text.length > LONGEST_REPLY) return malformed(`the reply is ${text.length} characters long`);

  const found = objectsIn(text);
  const fitting: { rulings: readonly Ruling[]; source: string }[] = [];
  let nearest: string | null = null;
  for (const { source, value } of found) {
    const read = rulingsOf(value, criteria);
    if (typeof read === 'string') nearest ??= read;
    else fitting.push({ rulings: read, source });
  }
  const first = fitting[0];
  if (first === undefined) {
    return malformed(
      nearest ??
        (found.length > 0 ? 'the JSON has no "criteria"' : 'the reply holds no complete JSON object'),
    );
  }
  const different = new Set(fitting.map((f) => canonicalJson(wellFormed(f.rulings as unknown as JsonValue))));
  if (different.size > 1) return malformed('the reply holds two different verdicts');
  if (isEcho(first, candidate)) return malformed('the verdict is copied from the candidate text');
  return { kind: 'ok', rulings: first.rulings };
}

function malformed(problem: string): ReadReply {
  return { kind: 'malformed', problem };
}

interface FoundObject {
  readonly value: JsonObject;
  readonly source: string;
}

/** Every complete JSON object that has `criteria`, outermost first; one without is searched inside. */
function objectsIn(text: string): FoundObject[] {
  const whole = parse(text.replace(/^\uFEFF/, '').trim());
  if (typeof whole === 'string') return objectsIn(whole);
  const found: FoundObject[] = [];
  let starts = 0;
  for (let at = text.indexOf('{'); at >= 0 && starts < MOST_STARTS; at = text.indexOf('{', at + 1)) {
    starts++;
    const end = endOfObject(text, at);
    if (end === null) continue;
    const source = text.slice(at, end);
    const value = parse(source);
    if (!isJsonObject(value) || !Object.hasOwn(value, 'criteria')) continue;
    found.push({ value: duplicateKey(source) === null ? value : { criteria: null }, source });
    at = end - 1;
  }
  return found;
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Index after the brace that closes the object opened at `start`; null when it is never closed. */
function endOfObject(text: string, start: number): number | null {
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{') depth++;
    else if (c === '}' && --depth === 0) return i + 1;
  }
  return null;
}

/** The rulings of an object that answers every id exactly once; a text is why it does not. */
export function rulingsOf(
  value: JsonObject,
  criteria: readonly AskedCriterion[],
): readonly Ruling[] | string {
  const ids = criteria.map((c) => c.id);
  const list = value['criteria'];
  if (!Array.isArray(list)) return '"criteria" is not a list, or a key is duplicated';
  const rulings = new Map<string, Ruling>();
  for (const item of list as readonly JsonValue[]) {
    if (!isJsonObject(item)) return 'an entry of "criteria" is not an object';
    const { id, reason } = item;
    const asked = criteria.find((c) => c.id === id);
    if (typeof id !== 'string' || asked === undefined) return `unknown criterion ${quote(String(id), 40)}`;
    const verdict =
      asked.choices === undefined ? verdictOf(item['verdict']) : choiceOf(item['verdict'], asked);
    if (rulings.has(id)) return `the criterion ${quote(id, 40)} is answered twice`;
    if (typeof reason !== 'string') return `the criterion ${quote(id, 40)} has no reason`;
    if (verdict === null)
      return `the verdict on ${quote(id, 40)} is none of ${verdictWords(asked).join(', ')}`;
    rulings.set(id, { id, reason: reason.toWellFormed(), verdict });
  }
  const missing = ids.filter((id) => !rulings.has(id));
  if (missing.length > 0) return `no verdict on ${missing.map((id) => quote(id, 40)).join(', ')}`;
  return ids.map((id) => rulings.get(id) as Ruling);
}

/** One of the criterion's own choices, whatever its case. */
function choiceOf(value: JsonValue | undefined, { choices = [] }: AskedCriterion): string | null {
  if (typeof value !== 'string') return null;
  const word = value.trim().toLowerCase();
  return choices.find((c) => c.choice.toLowerCase() === word)?.choice ?? null;
}

/** The verdict's word, in the spellings models are seen to use; scores and degrees are not verdicts. */
function verdictOf(value: JsonValue | undefined): 'yes' | 'no' | 'not-applicable' | null {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'string') return null;
  const word = value.trim().toLowerCase().replace(/[.!]$/, '');
  if (word === 'yes' || word === 'true') return 'yes';
  if (word === 'no' || word === 'false') return 'no';
  return /^(?:n\/?a|not[ _-]?applicable)$/.test(word) ? 'not-applicable' : null;
}

/** Did the candidate write this verdict itself? White space and escapes aside, or by its reasons when the keys were put in another order. */
function isEcho(
  found: { readonly rulings: readonly Ruling[]; readonly source: string },
  candidate: string,
): boolean {
  if (!candidate.includes('verdict')) return false;
  const squashed = squash(candidate);
  if (squashed.includes(squash(found.source))) return true;
  // A short reason may stand in any text by chance; as the value of a "reason" it does not.
  return found.rulings.every(({ reason }) => {
    const bare = squash(reason);
    return squashed.includes(bare.length >= 8 ? bare : `reason:${bare}`);
  });
}

/** White space, escapes and quotation marks aside. */
function squash(text: string): string {
  return text.replace(/[\s\\"'`]+/g, '');
}
