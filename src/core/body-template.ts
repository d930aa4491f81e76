// Filling the body of an http route from a trial: Liquid in every string of a JSON value.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import { compileValue, fillValue } from '../base/template.ts';
import type { ProviderRequest } from './provider.ts';

/** A body with its places filled. Throws `TEMPLATE_VARIABLE_MISSING` or `TEMPLATE_FAILED`. */
export type BodyTemplate = (request: ProviderRequest) => JsonValue;

/** Where the body stands. */
interface BodyPlace {
  readonly file: string | null;
  readonly key: string;
}

/**
 * Compiles the strings of a JSON value. A string that is one whole output, `{{ ticket }}`, becomes the value itself with its type;
 * an output inside other text becomes text, lists and maps as JSON. Keys are taken as they are. Throws `TEMPLATE_SYNTAX`.
 */
export function bodyTemplate(body: JsonValue, place: BodyPlace): BodyTemplate {
  const fill = compiled(body, place);
  return (request) => fill(scopeOf(request), request);
}

type Fill = (scope: JsonObject, request: ProviderRequest) => JsonValue;

/**
 * What a template may name: the case's variables as in prompts, the same under `vars`, and what the trial asks. A variable of the
 * case hides a part of the trial that has its name; that part is under `request` all the same.
 */
function scopeOf(request: ProviderRequest): JsonObject {
  const of = (role: string) => request.messages.filter((message) => message.role === role);
  const asked: JsonObject = {
    messages: request.messages as unknown as JsonValue,
    system: of('system')
      .map((message) => message.content)
      .join('\n\n'),
    prompt: of('user').at(-1)?.content ?? '',
    params: request.params,
    case_id: request.caseId,
    trial: request.trial,
  };
  return { ...asked, request: asked, ...request.vars, vars: request.vars };
}

function compiled(value: JsonValue, place: BodyPlace): Fill {
  if (typeof value === 'string') {
    const template = compileValue(value, place);
    return (scope, { caseId, vars }) => fillValue(template, scope, { caseId, file: place.file, vars });
  }
  if (Array.isArray(value)) {
    const parts = (value as readonly JsonValue[]).map((item, i) =>
      compiled(item, { ...place, key: `${place.key}.${i}` }),
    );
    return (scope, request) => parts.map((part) => part(scope, request));
  }
  if (isJsonObject(value)) {
    const parts = Object.entries(value).flatMap(([key, item]) =>
      item === undefined ? [] : [[key, compiled(item, { ...place, key: `${place.key}.${key}` })] as const],
    );
    return (scope, request) => Object.fromEntries(parts.map(([key, part]) => [key, part(scope, request)]));
  }
  return () => value;
}
