// The module of checks that promptfoo has and lastgood has no grader for; an import that needs one writes it beside the suite.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { quoted } from '../parts/losses.ts';
import type { Asked, Body } from './asked.ts';
import { CHECKS_SOURCE } from './checks-source.ts';
import { rendered } from './site.ts';

/** Checks that only promptfoo has, in a module that the import writes beside the suite. */
export function ownCheck(asked: Asked): Body | string | null {
  const { base, inverse, raw, vars, site, type } = asked;
  const value = raw['value'];
  const text = typeof value === 'string' ? rendered(value, vars, site, `assert type ${quoted(type)}`) : value;
  if (text === null) return null;
  const threshold = typeof raw['threshold'] === 'number' ? raw['threshold'] : undefined;
  switch (base) {
    case 'word-count': {
      const range = isJsonObject(text) ? text : { min: Number(text), max: Number(text) };
      const { min, max } = range as { min?: JsonValue; max?: JsonValue };
      const fits = (n: JsonValue | undefined): boolean =>
        n === undefined || (typeof n === 'number' && Number.isFinite(n));
      if (!fits(min) || !fits(max) || (min === undefined && max === undefined))
        return 'it has no number of words';
      if (!inverse && min === undefined && Number.isInteger(max) && (max as number) >= 0)
        return { grader: 'max-words', options: { value: max as number } };
      return checkModule(asked, 'wordCount', { inverse, ...range });
    }
    case 'levenshtein':
      if (typeof text !== 'string') return 'it has no text';
      return checkModule(asked, 'levenshtein', { inverse, value: text, threshold: threshold ?? 5 });
    case 'finish-reason': {
      if (typeof text !== 'string') return 'it has no reason';
      const reason = STOP_REASONS[text.toLowerCase()];
      if (reason === undefined) return `${quoted(text)} is none of promptfoo's finish reasons`;
      return checkModule(asked, 'finishReason', { inverse, value: reason });
    }
    default: {
      const names = Array.isArray(text)
        ? (text as readonly JsonValue[]).map(String)
        : typeof text === 'string'
          ? text
              .split(',')
              .map((t) => t.trim())
              .filter((t) => t !== '')
          : [];
      if (names.length === 0) return 'it names no tool';
      return checkModule(asked, 'toolCallF1', { inverse, value: names, threshold: threshold ?? 1 });
    }
  }
}

/** promptfoo's normalised finish reasons by the stop reasons here. */
const STOP_REASONS: Readonly<Record<string, string>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
};

/** A grader that calls one check of the module, which is then written beside the suite. */
export function checkModule(asked: Asked, name: string, config: JsonObject): Body {
  asked.site.reading.sink.add(CHECKS_FILE, CHECKS_SOURCE);
  return { grader: 'javascript', options: { file: CHECKS_FILE, export: name, config } };
}

const CHECKS_FILE = 'graders/promptfoo-checks.mjs';
