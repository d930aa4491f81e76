// promptfoo's assertions as graders: which type is which, and why the others are dropped.

import { readDocument } from '../../base/document.ts';
import { LastgoodError } from '../../base/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { quoted } from '../parts/losses.ts';
import { type Asked, type Body, type CaseNeeds, isPattern, listOf, textValue } from './asked.ts';
import { javascriptGrader } from './code.ts';
import type { Mapped, MappedAssertion, MappedSet } from './combine.ts';
import { factuality, rubric, similar } from './judged.ts';
import { checkModule, ownCheck } from './own-checks.ts';
import { documentOf, filePathOf, readNamed, rendered, Site } from './site.ts';

const KEYS = new Set([
  'type',
  'value',
  'threshold',
  'weight',
  'metric',
  'provider',
  'rubricPrompt',
  'transform',
  'contextTransform',
  'config',
]);
const SET_KEYS = new Set(['type', 'assert', 'threshold', 'weight', 'metric']);

/** The assertions of a test; null where one was dropped (reported). */
export function readAssertions(list: readonly JsonValue[], site: Site, given: Given): (Mapped | null)[] {
  return list.flatMap((raw, i): (Mapped | null)[] => {
    const at = site.at(i);
    if (typeof raw === 'string' && raw.startsWith('file://')) return readAssertionFile(raw, at, given);
    if (!isJsonObject(raw) || typeof raw['type'] !== 'string') {
      at.dropped('assertion', 'it is not a map with a type');
      return [null];
    }
    return [raw['type'] === 'assert-set' ? readSet(raw, at, given) : readAssertion(raw, at, given)];
  });
}

/** A list of assertions in a YAML file. */
function readAssertionFile(ref: string, site: Site, given: Given): (Mapped | null)[] {
  const what = `assertions ${quoted(ref)}`;
  const path = filePathOf(ref) as string;
  if (!/\.ya?ml$/i.test(path)) {
    site.dropped(what, 'assertions are taken from YAML files');
    return [null];
  }
  const file = readNamed(path, site, what);
  const document = file === null ? null : documentOf(file.text, file.file, site, what);
  if (document === null) return [null];
  if (!Array.isArray(document.value)) {
    site.dropped(what, 'the file is not a list of assertions');
    return [null];
  }
  return readAssertions(document.value as readonly JsonValue[], new Site(site.reading, document), given);
}

type Given = { readonly vars: JsonObject; readonly needs: CaseNeeds; readonly csv: boolean };

function readSet(raw: JsonObject, site: Site, given: Given): MappedSet | null {
  site.keys(raw, SET_KEYS, 'assert-set ');
  const list = raw['assert'];
  if (!Array.isArray(list)) {
    site.dropped('assert-set', 'it has no list of assertions');
    return null;
  }
  const parts = readAssertions(list as readonly JsonValue[], site.at('assert'), given);
  const set = parts.flatMap((part): (MappedAssertion | null)[] => {
    if (part === null || !('set' in part)) return [part];
    part.site.dropped('assert-set in an assert-set', 'promptfoo knows one level only');
    return [null];
  });
  const weight = numberAt(raw, 'weight', site, 'assert-set');
  const threshold = numberAt(raw, 'threshold', site, 'assert-set');
  site.mapped();
  return { set, threshold, weight: weight ?? 1, metric: metricOf(raw, given.vars, site), site };
}

function readAssertion(raw: JsonObject, site: Site, given: Given): MappedAssertion | null {
  const type = raw['type'] as string;
  const what = `assert type ${quoted(type)}`;
  site.keys(raw, KEYS, 'assertion ');
  const inverse = type.startsWith('not-');
  const base = inverse ? type.slice('not-'.length) : type;
  if (raw['transform'] !== undefined) {
    site.dropped(what, 'it grades what its `transform` makes of the answer, which is code');
    return null;
  }
  const asked: Asked = { type, base, inverse, raw, site, ...given };
  const body = bodyOf(asked);
  if (typeof body === 'string') {
    site.dropped(what, body);
    return null;
  }
  if (body === null) return null;
  for (const key of ['provider', 'rubricPrompt', 'contextTransform'] as const)
    if (raw[key] !== undefined)
      site.at(key).dropped(`assertion key ${quoted(key)}`, "the suite's judge and its own prompt are used");
  const weight = numberAt(raw, 'weight', site, what) ?? 1;
  if (weight < 0) {
    site.dropped(what, 'its weight is negative');
    return null;
  }
  site.mapped();
  return { ...body, weight, metric: metricOf(raw, given.vars, site), site };
}

const NO_GRADER = 'there is no grader for it here';

/** The grader of an assertion; a text says why there is none; null = reported already. */
function bodyOf(asked: Asked): Body | string | null {
  const { base, inverse, raw, site } = asked;
  const name = (grader: string): string => (inverse ? `not-${grader}` : grader);
  switch (base) {
    case 'equals':
      return equals(asked, name('equals'));
    case 'contains':
    case 'icontains':
    case 'starts-with': {
      const value = textValue(asked, base !== 'starts-with');
      return typeof value === 'string'
        ? { grader: name(base), options: { value } }
        : value === null
          ? null
          : 'promptfoo takes only a text that is not empty here';
    }
    case 'contains-any':
    case 'contains-all':
    case 'icontains-any':
    case 'icontains-all':
      return listOf(asked, name(base.replace(/^i/, '')), base.startsWith('i'));
    case 'regex': {
      const pattern = textValue(asked, false);
      if (pattern === null) return null;
      if (pattern === undefined) return 'it has no expression';
      if (!isPattern(pattern))
        return `${quoted(pattern)} is not a regular expression; promptfoo fails it always`;
      return { grader: name('matches'), options: { pattern } };
    }
    case 'is-json':
    case 'contains-json':
      return jsonBody(asked, name);
    case 'word-count':
    case 'levenshtein':
    case 'finish-reason':
    case 'tool-call-f1':
      return ownCheck(asked);
    case 'latency':
    case 'cost':
      return budget(asked);
    case 'is-refusal':
      site.approximated(
        'assert type "is-refusal"',
        "lastgood's own list of phrases; an empty answer is not a refusal",
      );
      return { grader: 'refusal', options: { value: !inverse } };
    case 'llm-rubric':
    case 'g-eval':
    case 'model-graded-closedqa':
      return rubric(asked);
    case 'answer-relevance':
      asked.needs.judge = true;
      if (inverse) return 'a judge is asked for what should be, not for the opposite';
      site.approximated('assert type "answer-relevance"', `a question to the judge instead of embeddings`);
      return { grader: null, options: {}, ask: 'Does the answer address the question that was asked?' };
    case 'factuality':
      return factuality(asked);
    case 'context-faithfulness':
      if (inverse) return 'a judge has no `not-` form';
      if (asked.vars['context'] === undefined) return 'the test has no variable `context`';
      asked.needs.judge = true;
      site.approximated(
        'assert type "context-faithfulness"',
        'the ready-made judge `groundedness` on `context`',
      );
      return { grader: 'judge', options: { use: 'groundedness', context: 'context' } };
    case 'similar':
    case 'similar:cosine':
      return similar(asked);
    case 'javascript':
      return javascriptGrader(raw, { site, vars: asked.vars, inverse });
    case 'python':
    case 'ruby':
      return `${base} code is not taken; write a \`command\` grader`;
    case 'select-best':
    case 'max-score':
      return 'it compares the outputs of several providers; `judge prefer` and `compare` do that here';
    case 'human':
      return 'people label outputs here with `judge calibrate`';
    case 'webhook':
      return 'another protocol; write an `http` grader';
    case 'moderation':
    case 'guardrails':
    case 'classifier':
    case 'pi':
    case 'search-rubric':
    case 'agent-rubric':
      return 'it needs a service that has no equal here';
    default:
      return NO_GRADER;
  }
}

function equals(asked: Asked, grader: string): Body | string | null {
  const value = asked.raw['value'];
  if (value === undefined) return 'it has no value';
  if (typeof value === 'object') {
    if (Array.isArray(value)) {
      const list: JsonValue[] = [];
      for (const item of value as readonly JsonValue[]) {
        const text =
          typeof item === 'string' ? rendered(item, asked.vars, asked.site, 'assert type "equals"') : item;
        if (text === null && item !== null) return null;
        list.push(text as JsonValue);
      }
      return { grader, options: { value: list } };
    }
    return { grader, options: { value } };
  }
  const text = typeof value === 'string' ? textValue(asked, false, true) : String(value);
  if (typeof text !== 'string') return null;
  return { grader, options: { value: text, trim: false } };
}

function jsonBody(asked: Asked, name: (grader: string) => string): Body | string | null {
  const { base, inverse } = asked;
  const schema = schemaOf(asked);
  if (typeof schema === 'string' || schema === null) return schema;
  if (base === 'is-json')
    return schema === undefined
      ? { grader: name('json'), options: {} }
      : { grader: name('json-schema'), options: { schema } };
  if (schema !== undefined) return 'no grader here holds a schema against a part of an answer';
  return checkModule(asked, 'containsJson', { inverse });
}

function schemaOf(asked: Asked): JsonObject | undefined | string | null {
  const { raw, vars, site, type } = asked;
  const what = `assert type ${quoted(type)}`;
  const value = raw['value'];
  if (value === undefined || value === null || value === '') return undefined;
  if (isJsonObject(value)) return value;
  if (typeof value !== 'string') return 'its schema is not a map';
  const path = filePathOf(value);
  let text: string | null;
  let file = site.document.file;
  if (path === null) text = rendered(value, vars, site, what);
  else if (/\.(m?[jt]s|cjs|py)(:\w+)?$/.test(path)) return 'its schema is made by code';
  else {
    const named = readNamed(path, site, what);
    text = named?.text ?? null;
    file = named?.file ?? file;
  }
  if (text === null) return null;
  try {
    const schema = readDocument(text, file, 'IMPORT').value;
    return isJsonObject(schema) ? schema : 'its schema is not a map';
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    return `its schema cannot be read: ${error.message.split('\n')[0]}`;
  }
}

function budget(asked: Asked): Body | string | null {
  const { base, inverse, raw, site } = asked;
  const threshold = raw['threshold'];
  if (typeof threshold !== 'number') return 'it has no threshold';
  if (inverse) return `\`${base}\` has no \`not-\` form`;
  if (threshold <= 0) return 'no answer is within a limit of 0';
  if (asked.csv && threshold === 0.75 && raw['implied'] === true)
    site.approximated(
      `assert type ${quoted(base)}`,
      `without a number in CSV promptfoo takes 0.75 ${base === 'cost' ? 'USD' : 'ms'}: check that this is meant`,
    );
  if (base === 'latency') return { grader: 'latency', options: { 'max-ms': threshold } };
  site.approximated('assert type "cost"', "priced by lastgood's price file; ungraded without one");
  return { grader: 'cost', options: { 'max-usd': threshold } };
}

function numberAt(raw: JsonObject, key: string, site: Site, what: string): number | undefined {
  const value = raw[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  site.at(key).dropped(`${key} of ${what}`, 'it is not a number');
  return undefined;
}

function metricOf(raw: JsonObject, vars: JsonObject, site: Site): string | undefined {
  const metric = raw['metric'];
  if (typeof metric !== 'string' || metric === '') return undefined;
  return rendered(metric, vars, site.at('metric'), 'assertion key "metric"')?.trim() || undefined;
}
