// Filling a request body from a trial: Liquid in every string of a JSON value.

import { Liquid } from 'liquidjs';
import { LastgoodError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { ProviderRequest } from '../core/provider.ts';

/** A body with its places filled. Throws when a variable is not there. */
export type BodyTemplate = (request: ProviderRequest) => JsonValue;

// Inherited members, files and unknown names are out of a template's reach. `default` and `if` may ask for what is not there.
const liquid = new Liquid({
  strictVariables: true,
  strictFilters: true,
  lenientIf: true,
  ownPropertyOnly: true,
  templates: {},
  relativeReference: false,
});

/** One output and nothing else. */
const WHOLE = /^\{\{-?((?:(?!\{\{|\}\})[\s\S])*?)-?\}\}$/;

/**
 * Compiles the strings of a JSON value. A string that is one whole output, `{{ vars.ticket }}`, becomes the value itself with its type;
 * an output inside other text becomes text (use the `json` filter for lists and objects). Keys are taken as they are.
 * Throws `LastgoodError` when a template does not parse.
 */
export function bodyTemplate(body: JsonValue, where: { file?: string; key: string }): BodyTemplate {
  const fill = compiled(body, where);
  return (request) => fill(scopeOf(request));
}

/** What a template may name. */
function scopeOf(request: ProviderRequest): JsonObject {
  const of = (role: string) => request.messages.filter((message) => message.role === role);
  return {
    vars: request.vars,
    messages: request.messages as unknown as JsonValue,
    system: of('system')
      .map((message) => message.content)
      .join('\n\n'),
    prompt: of('user').at(-1)?.content ?? '',
    params: request.params,
    case_id: request.caseId,
    trial: request.trial,
  };
}

function compiled(value: JsonValue, where: { file?: string; key: string }): (scope: JsonObject) => JsonValue {
  if (typeof value === 'string') return compiledText(value, where);
  if (Array.isArray(value)) {
    const parts = (value as readonly JsonValue[]).map((item, i) =>
      compiled(item, { ...where, key: `${where.key}.${i}` }),
    );
    return (scope) => parts.map((part) => part(scope));
  }
  if (isJsonObject(value)) {
    const parts = Object.entries(value).flatMap(([key, item]) =>
      item === undefined ? [] : [[key, compiled(item, { ...where, key: `${where.key}.${key}` })] as const],
    );
    return (scope) => Object.fromEntries(parts.map(([key, part]) => [key, part(scope)]));
  }
  return () => value;
}

function compiledText(text: string, where: { file?: string; key: string }): (scope: JsonObject) => JsonValue {
  if (!/\{\{|\{%/.test(text)) return () => text;
  let template: ReturnType<typeof liquid.parse>;
  try {
    template = liquid.parse(text);
  } catch (error) {
    throw new LastgoodError({
      code: 'ROUTE_TEMPLATE',
      message: `the template does not parse: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'outputs are written {{ vars.name }}; literal braces go between {% raw %} and {% endraw %}',
      where,
      cause: error,
    });
  }
  const whole = WHOLE.exec(text)?.[1];
  if (whole !== undefined)
    return (scope) => (liquid.evalValueSync(whole, scope) as JsonValue | undefined) ?? null;
  return (scope) => String(liquid.renderSync(template, scope));
}
