// Liquid templates of prompts, bodies and messages: strict, repeatable, and without any way out to disk, clock, chance or JavaScript objects.

import { Liquid, type Template } from 'liquidjs';
import { LastgoodError } from './errors.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** A compiled text: the text itself where it holds nothing to fill in. */
export type TextTemplate =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'liquid';
      readonly parts: Template[];
      readonly key: string;
      /** Literal text and names of variables in turn, where the template is nothing more than that. */
      readonly plain: readonly string[] | null;
    };

/** Whose template it is and what fills it; only for error messages. */
export interface TemplatePlace {
  readonly file: string | null;
  /** e.g. `prompt.messages[0].content`. */
  readonly key: string;
}

/** What a template is filled for; only for error messages. */
export interface TemplateUse {
  readonly caseId: string;
  readonly file: string | null;
  /** Who asks (default: the release's template). */
  readonly asker?: string | undefined;
}

/** Filling one text takes well under a millisecond; a loop of 10⁹ rounds takes as long as it is let. */
const LONGEST_MS = 2000;
/** Characters and list items that one filling may make: more than any model reads. */
const MOST_MADE = 16e6;

const engine = newEngine({ lenientIf: false });
/** Of values: `default` and `if` may ask for what a case does not have, so that one body serves cases of several kinds. */
const valueEngine = newEngine({ lenientIf: true });

/** Compiles one text. Throws `TEMPLATE_SYNTAX`. */
export function compileText(text: string, place: TemplatePlace): TextTemplate {
  if (!text.includes('{{') && !text.includes('{%')) return { kind: 'literal', text };
  return { kind: 'liquid', parts: parsed(engine, text, place), key: place.key, plain: plainParts(text) };
}

function parsed(liquid: Liquid, text: string, place: TemplatePlace): Template[] {
  try {
    return liquid.parse(text);
  } catch (error) {
    throw new LastgoodError({
      code: 'TEMPLATE_SYNTAX',
      message: `the template cannot be read: ${plainMessage(error)}`,
      where: { file: place.file ?? undefined, key: place.key },
      hint: 'it is a Liquid template: {{ variable }}, {% if %}, {% for %}; wrap text that holds literal braces in {% raw %} … {% endraw %}',
    });
  }
}

/**
 * Fills a template. Texts go in as they are (no HTML escaping); lists and maps as JSON.
 * Throws `TEMPLATE_VARIABLE_MISSING` for a variable the case does not have (null counts as had), `TEMPLATE_LIMIT` for a text
 * without end, `TEMPLATE_FAILED` for the rest.
 */
export function fillText(template: TextTemplate, vars: JsonObject, about: TemplateUse): string {
  if (template.kind === 'literal') return template.text;
  const filled = template.plain === null ? null : fillPlain(template.plain, vars);
  if (filled !== null) return filled;
  try {
    return engine.renderSync(template.parts, vars) as string;
  } catch (error) {
    throw notFilled(error, template.key, vars, about);
  }
}

/** A compiled text of a JSON value: one that is a single output becomes what it names, with its type. */
export type ValueTemplate =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'value'; readonly output: string; readonly key: string }
  | { readonly kind: 'text'; readonly parts: Template[]; readonly key: string };

/** One output and nothing else. */
const WHOLE = /^\{\{-?((?:(?!\{\{|\}\})[\s\S])*?)-?\}\}$/;

/** Compiles one text of a JSON value. Throws `TEMPLATE_SYNTAX`. */
export function compileValue(text: string, place: TemplatePlace): ValueTemplate {
  if (!text.includes('{{') && !text.includes('{%')) return { kind: 'literal', text };
  const parts = parsed(valueEngine, text, place);
  const output = WHOLE.exec(text)?.[1];
  return output === undefined
    ? { kind: 'text', parts, key: place.key }
    : { kind: 'value', output, key: place.key };
}

/** Fills a text of a JSON value. Throws what `fillText` throws; `vars` are those that an error names. */
export function fillValue(
  template: ValueTemplate,
  scope: JsonObject,
  about: TemplateUse & { readonly vars: JsonObject },
): JsonValue {
  if (template.kind === 'literal') return template.text;
  try {
    return template.kind === 'text'
      ? String(valueEngine.renderSync(template.parts, scope))
      : ((valueEngine.evalValueSync(template.output, scope) as JsonValue | undefined) ?? null);
  } catch (error) {
    throw notFilled(error, template.key, about.vars, about);
  }
}

function notFilled(error: unknown, key: string, vars: JsonObject, about: TemplateUse): LastgoodError {
  const where = { file: about.file ?? undefined, caseId: about.caseId, key };
  const asker = about.asker ?? "the release's template";
  const variable = missingVariable(error)?.replace(/^vars\./, '') ?? null;
  if (variable === null && isCutOff(error)) {
    return new LastgoodError({
      code: 'TEMPLATE_LIMIT',
      message: `${about.asker ?? 'the template'} was cut off: filling it takes more than ${LONGEST_MS / 1000} s or makes more than ${MOST_MADE / 1e6} million characters or list items`,
      where,
      hint: 'shorten its loops and ranges',
    });
  }
  if (variable === null) {
    const message = `${about.asker ?? 'the template'} could not be filled: ${plainMessage(error)}`;
    return new LastgoodError({ code: 'TEMPLATE_FAILED', message, where });
  }
  const given = Object.keys(vars);
  return new LastgoodError({
    code: 'TEMPLATE_VARIABLE_MISSING',
    message: `${asker} asks for "${variable}", which the case's vars do not have (they have ${given.length === 0 ? 'none' : given.map((v) => `"${v}"`).join(', ')})`,
    where,
    hint: `add "${variable}" to the case's vars (null where there is nothing to say) or correct the template`,
  });
}

const PLAIN_VARIABLE = /\{\{[ \t]*([A-Za-z_]\w*)[ \t]*\}\}/;
/** Names that are values of the language itself. */
const LIQUID_VALUES = new Set(['true', 'false', 'nil', 'null', 'empty', 'blank']);

function plainParts(text: string): readonly string[] | null {
  const parts = text.split(PLAIN_VARIABLE);
  const plain = parts.every((part, n) => (n % 2 === 0 ? !/\{[{%]/.test(part) : !LIQUID_VALUES.has(part)));
  return plain ? parts : null;
}

/** The commonest template by far, texts put in their places, costs a tenth of what Liquid takes; null for anything that is not that. */
function fillPlain(parts: readonly string[], vars: JsonObject): string | null {
  let text = parts[0] as string;
  for (let n = 1; n < parts.length; n += 2) {
    const name = parts[n] as string;
    const value = Object.hasOwn(vars, name) ? vars[name] : undefined;
    if (typeof value !== 'string') return null;
    text += value + (parts[n + 1] as string);
  }
  return text;
}

function newEngine({ lenientIf }: { readonly lenientIf: boolean }): Liquid {
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf,
    ownPropertyOnly: true,
    // A prompt that changed with its machine's zone or language would not be the one its fingerprint names.
    timezoneOffset: 0,
    locale: 'en-US',
    // The default looks partials up in the working directory: text that no fingerprint covers.
    templates: {},
    renderLimit: LONGEST_MS,
    memoryLimit: MOST_MADE,
    outputEscape: (value: unknown): string =>
      typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as string),
  });
  for (const tag of ['include', 'render', 'layout', 'block']) {
    liquid.registerTag(tag, {
      parse() {
        throw new Error(`{% ${tag} %} is not available: a prompt layer holds its whole text`);
      },
      render() {},
    });
  }
  liquid.registerFilter('sample', () => {
    throw new Error('the filter "sample" draws at random; every trial must send the same request');
  });
  for (const [name, filter] of Object.entries(liquid.filters)) {
    if (!name.startsWith('date') || typeof filter !== 'function') continue;
    liquid.registerFilter(name, function (value: unknown, ...args: unknown[]) {
      if (value === 'now' || value === 'today')
        throw new Error(`the filter "${name}" may not ask for "${value}"; give the time as a variable`);
      return filter.call(this, value, ...args);
    });
  }
  return liquid;
}

function isCutOff(error: unknown): boolean {
  return /^(template render|memory alloc) limit exceeded/.test(plainMessage(error));
}

/** The variable's name where the error says that one is missing. */
function missingVariable(error: unknown): string | null {
  const original = (error as { originalError?: { variableName?: unknown } } | null)?.originalError;
  return typeof original?.variableName === 'string' ? original.variableName : null;
}

/** Liquid's own sentence with its position in words and without the excerpt. */
function plainMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? text).replace(
    /, line:(\d+), col:(\d+)$/,
    ' (line $1, column $2 of the text)',
  );
}
