// The simulated judge: finds criteria and candidate text in a judge prompt, decides by the scenario's rules, and errs as often as it is told to.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import type { Draws } from './draws.ts';
import type { Fact, JudgeRules } from './scenario.ts';
import { fillSchema } from './schema-fill.ts';

/** What a judge prompt asks. */
export interface JudgeTask {
  readonly criteria: readonly { readonly id: string; readonly ask: string }[];
  readonly candidate: string;
  /** The random words the prompt marks its blocks with; different in every call. */
  readonly nonces: readonly string[];
}

type Answer = 'yes' | 'no' | 'not-applicable';

/**
 * Reads a judge prompt: a line `CRITERIA`, followed by a JSON array of `{id, ask}`, and the candidate between the lines
 * `BEGIN <nonce>` and `END <nonce>` (punctuation around them is allowed). Null when the prompt is not one.
 */
export function readJudgePrompt(prompt: string): JudgeTask | null {
  const { blocks, outside } = takeBlocks(prompt);
  const block = blocks.at(-1);
  if (block === undefined) return null;
  // Blocks go first: a candidate that carries a CRITERIA section of its own must not be believed.
  const heading = /^[^\S\n]*[#<*\s]*CRITERIA[>*:\s]*$/m.exec(outside);
  if (heading === null) return null;
  const list = firstArray(outside.slice(heading.index + heading[0].length));
  const criteria = (list ?? []).filter(isJsonObject).flatMap((item) => {
    const { id, ask } = item;
    return typeof id === 'string' ? [{ id, ask: typeof ask === 'string' ? ask : id }] : [];
  });
  if (criteria.length === 0) return null;
  return { criteria, candidate: block.text, nonces: blocks.map((b) => b.nonce) };
}

function takeBlocks(prompt: string): { blocks: { nonce: string; text: string }[]; outside: string } {
  const blocks: { nonce: string; text: string }[] = [];
  // Most prompts ask for no judgement.
  if (!prompt.includes('BEGIN')) return { blocks, outside: prompt };
  let outside = '';
  let rest = prompt;
  for (;;) {
    const begin = /^[^\w\n]*BEGIN[^\S\n]+(?:\w+[^\S\n]+)?([0-9a-f]{16,})[^\w\n]*$/m.exec(rest);
    const nonce = begin?.[1];
    if (begin === null || nonce === undefined) return { blocks, outside: outside + rest };
    const body = rest.slice(begin.index + begin[0].length + 1);
    const end = new RegExp(`^[^\\w\\n]*END[^\\S\\n]+(?:\\w+[^\\S\\n]+)?${nonce}[^\\w\\n]*$`, 'm').exec(body);
    if (end === null) return { blocks, outside: outside + rest };
    blocks.push({ nonce, text: body.slice(0, Math.max(0, end.index - 1)) });
    outside += rest.slice(0, begin.index);
    rest = body.slice(end.index + end[0].length);
  }
}

/** The first complete JSON array in a text. */
function firstArray(text: string): readonly JsonValue[] | null {
  const start = text.indexOf('[');
  if (start < 0) return null;
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '[') depth++;
    else if (c === ']' && --depth === 0) {
      try {
        return JSON.parse(text.slice(start, i + 1)) as readonly JsonValue[];
      } catch {
        return null;
      }
    }
  }
  return null;
}

/** True when every condition of a rule holds for the text. */
function factHolds(fact: Fact, text: string): boolean {
  const low = text.toLowerCase();
  const has = (part: string): boolean => low.includes(part.toLowerCase());
  return (
    (fact.textContains === undefined || [fact.textContains].flat().some(has)) &&
    (fact.textContainsAll === undefined || fact.textContainsAll.every(has)) &&
    (fact.textLacks === undefined || ![fact.textLacks].flat().some(has)) &&
    (fact.regex === undefined || new RegExp(fact.regex, 'iu').test(text)) &&
    (fact.regexLacks === undefined || !new RegExp(fact.regexLacks, 'iu').test(text)) &&
    (fact.maxChars === undefined || text.length <= fact.maxChars) &&
    (fact.minChars === undefined || text.length >= fact.minChars)
  );
}

/** What a perfect judge would say. */
export function truth(rules: JudgeRules, ask: string, candidate: string): { answer: Answer; why: string } {
  const rule = rules.criteria
    .filter((r) => ask.toLowerCase().includes(r.ask.toLowerCase()))
    .sort((a, b) => b.ask.length - a.ask.length)[0];
  if (rule === undefined)
    return { answer: rules.otherwise, why: 'The scenario has no rule for this question' };
  if (rule.notApplicableWhen && factHolds(rule.notApplicableWhen, candidate)) {
    return { answer: 'not-applicable', why: 'The question does not apply to this text' };
  }
  return factHolds(rule.yesWhen, candidate)
    ? { answer: 'yes', why: 'The text shows it' }
    : { answer: 'no', why: 'The text does not show it' };
}

/** The judge's reply as JSON that fits `schema` (null: the plain `{criteria: [{id, reason, verdict}]}`). */
export function judgeReply(
  task: JudgeTask,
  schema: JsonObject | null,
  rules: JudgeRules,
  { sensitivity, specificity, noise }: { sensitivity: number; specificity: number; noise: number },
  draws: Draws,
): JsonObject {
  const rulings = task.criteria.map(({ id, ask }) => {
    const { answer, why } = truth(rules, ask, task.candidate);
    // Both numbers are always drawn: a verdict does not depend on how the ones before it came out.
    const [first, second] = [draws.uniform(), draws.uniform()];
    let said = answer;
    if (answer === 'yes' && first >= sensitivity) said = 'no';
    if (answer === 'no' && first >= specificity) said = 'yes';
    if (said !== 'not-applicable' && second < noise) said = said === 'yes' ? 'no' : 'yes';
    return { id, reason: `${said === answer ? why : 'On balance it reads that way'}: ${ask}`, verdict: said };
  });
  return schema === null ? { criteria: rulings } : fitRulings(rulings, schema, draws);
}

type SimulatedRuling = { id: string; reason: string; verdict: Answer };

/** Puts the rulings where the schema has an array of objects; whatever else it asks for is filled in at random. */
function fitRulings(rulings: readonly SimulatedRuling[], schema: JsonObject, draws: Draws): JsonObject {
  const filled = fillSchema(schema, draws);
  const reply: Record<string, JsonValue | undefined> = isJsonObject(filled) ? { ...filled } : {};
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const list = Object.entries(properties).find(([, p]) => isJsonObject(p) && p['type'] === 'array');
  if (list !== undefined) {
    const items = (list[1] as JsonObject)['items'];
    reply[list[0]] = rulings.map((ruling) => fitRuling(ruling, isJsonObject(items) ? items : {}, draws));
    return reply;
  }
  // One property per criterion id, or a single verdict at the top.
  for (const ruling of rulings) {
    const own = properties[ruling.id];
    if (isJsonObject(own))
      reply[ruling.id] = isJsonObject(own['properties'])
        ? fitRuling(ruling, own, draws)
        : said(ruling.verdict, own);
    else if (rulings.length === 1) Object.assign(reply, fitRuling(ruling, schema, draws));
  }
  return reply;
}

function fitRuling(ruling: SimulatedRuling, item: JsonObject, draws: Draws): JsonObject {
  const properties = isJsonObject(item['properties'])
    ? item['properties']
    : { id: {}, reason: {}, verdict: {} };
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const node = isJsonObject(property) ? property : {};
      if (/^(id|criterion|criterion_id|name)$/i.test(name)) return [name, ruling.id];
      if (/reason|explanation|rationale|why|evidence/i.test(name)) return [name, ruling.reason];
      if (/verdict|answer|pass|met|value/i.test(name)) return [name, said(ruling.verdict, node)];
      return [name, fillSchema(node, draws)];
    }),
  );
}

/** A verdict in the words the schema allows. */
function said(verdict: Answer, node: JsonObject): JsonValue {
  if (node['type'] === 'boolean') return verdict !== 'no';
  const words = Array.isArray(node['enum']) ? (node['enum'] as readonly JsonValue[]) : [];
  if (words.length === 0 || words.includes(verdict)) return verdict;
  const like = verdict === 'no' ? /^(no|fail|false|not[ _-]met)/i : /^(yes|pass|true|met)/i;
  return words.find((word) => like.test(String(word))) ?? words[0] ?? verdict;
}
