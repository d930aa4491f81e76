// Ways to ask for JSON of a given shape, from the strictest down: what a server refuses is not asked of it again.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import type { ProviderRequest } from '../core/provider.ts';
import type { Problem } from './failure.ts';

export type OutputForm = 'json_schema' | 'json_object' | 'tool' | 'text';

/** What calls have taught about one server and model: shared by all providers of one job, whenever they are opened. */
export interface ServerFacts {
  /** Body paths that it refuses. */
  readonly refused: Set<string>;
  /** Names of the cap on output tokens that it refuses, with the ones it takes. */
  readonly renamed: Map<string, string>;
  /** Number of the form in use, among those of the API. */
  form: number;
  /** An answer came in that form: a later refusal is about something else. */
  formTaken: boolean;
}

function newServerFacts(): ServerFacts {
  return { refused: new Set(), renamed: new Map(), form: 0, formTaken: false };
}

/** The facts under a key of one job, new ones where there are none. */
export function factsOf(known: Map<string, ServerFacts> | undefined, key: readonly unknown[]): ServerFacts {
  const name = JSON.stringify(key);
  const found = known?.get(name) ?? newServerFacts();
  known?.set(name, found);
  return found;
}

/** The request in this form. `json_object` is a field of the body, which the API's own path says. */
export function inForm(
  request: ProviderRequest,
  form: OutputForm,
): { readonly request: ProviderRequest; readonly jsonObject: boolean } {
  const { outputSchema: schema, ...rest } = request;
  if (schema === undefined || form === 'json_schema') return { request, jsonObject: false };
  if (form !== 'tool') return { request: rest, jsonObject: form === 'json_object' };
  const tool = { name: schema.name, description: 'Report the result.', parameters: schema.schema };
  return { request: { ...rest, tools: [tool], toolChoice: schema.name }, jsonObject: false };
}

/** How APIs name the place of the schema when they refuse it. */
const SCHEMA_PLACE = /text\.format|response_format|output_config|output_format|json_schema|invalid schema/i;

/** A refusal of the release's schema, with what in it APIs commonly refuse; any other problem as it is. */
export function namingSchema(problem: Problem, { outputSchema: asked }: ProviderRequest): Problem {
  if (asked === undefined || problem.code !== 'bad_request' || !SCHEMA_PLACE.test(problem.message))
    return problem;
  const reasons = commonlyRefused(asked.schema);
  const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
  return { ...problem, message: `the API refuses the release's output.schema${why}: ${problem.message}` };
}

function commonlyRefused(schema: JsonObject): string[] {
  const open = openObject(schema, 'the schema');
  return [
    ...(schema['type'] === 'object' ? [] : ['its root is not of type object']),
    ...(open === null ? [] : [`${open} is an object without additionalProperties: false`]),
  ];
}

/** Where the first object stands that may have other properties. */
function openObject(schema: JsonValue | undefined, place: string): string | null {
  if (!isJsonObject(schema)) return null;
  if (schema['type'] === 'object' && schema['additionalProperties'] !== false) return place;
  for (const key of ['properties', '$defs', 'definitions']) {
    const named = schema[key];
    for (const [name, child] of Object.entries(isJsonObject(named) ? named : {})) {
      const found = openObject(child, `${key}.${name}`);
      if (found !== null) return found;
    }
  }
  for (const key of ['items', 'anyOf', 'allOf']) {
    const below = schema[key];
    for (const child of Array.isArray(below) ? (below as readonly JsonValue[]) : [below]) {
      const found = openObject(child, `${key} of ${place}`);
      if (found !== null) return found;
    }
  }
  return null;
}

/** The body with its cap on output tokens under the names that the server takes. */
export function withCapNames(body: JsonObject, renamed: ReadonlyMap<string, string>): JsonObject {
  if (renamed.size === 0) return body;
  const out: Record<string, JsonValue | undefined> = {};
  for (const [name, value] of Object.entries(body)) out[renamed.get(name) ?? name] = value;
  return out as JsonObject;
}
