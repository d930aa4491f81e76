// Liquid templates of a prompt layer: strict, repeatable, and without any way out to disk, clock, chance or JavaScript objects.

import { Liquid, type Template } from 'liquidjs';
import { type JsonObject, LastgoodError } from '../core/index.ts';

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

const engine = newEngine();

/** Compiles one text of the prompt layer. Throws `TEMPLATE_SYNTAX`. */
export function compileText(text: string, place: TemplatePlace): TextTemplate {
  if (!text.includes('{{') && !text.includes('{%')) return { kind: 'literal', text };
  try {
    return { kind: 'liquid', parts: engine.parse(text), key: place.key, plain: plainParts(text) };
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
 * Throws `TEMPLATE_VARIABLE_MISSING` for a variable the case does not have (null counts as had), `TEMPLATE_FAILED` for the rest.
 */
export function fillText(
  template: TextTemplate,
  vars: JsonObject,
  about: { readonly caseId: string; readonly file: string | null },
): string {
  if (template.kind === 'literal') return template.text;
  const filled = template.plain === null ? null : fillPlain(template.plain, vars);
  if (filled !== null) return filled;
  try {
    return engine.renderSync(template.parts, vars) as string;
  } catch (error) {
    const where = { file: about.file ?? undefined, caseId: about.caseId, key: template.key };
    const variable = missingVariable(error);
    if (variable !== null) {
      const given = Object.keys(vars);
      throw new LastgoodError({
        code: 'TEMPLATE_VARIABLE_MISSING',
        message: `the release's template asks for "${variable}", which the case's vars do not have (they have ${given.length === 0 ? 'none' : given.map((v) => `"${v}"`).join(', ')})`,
        where,
        hint: `add "${variable}" to the case's vars (null where there is nothing to say) or correct the template`,
      });
    }
    throw new LastgoodError({
      code: 'TEMPLATE_FAILED',
      message: `the template could not be filled: ${plainMessage(error)}`,
      where,
    });
  }
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

function newEngine(): Liquid {
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    // A prompt that changed with its machine's zone or language would not be the one its fingerprint names.
    timezoneOffset: 0,
    locale: 'en-US',
    // The default looks partials up in the working directory: text that no fingerprint covers.
    templates: {},
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
