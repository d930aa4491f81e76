// Where a release's params go in an API's request body, which have no place there, and which the API has refused.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import { NOT_PARAMS } from '../core/params.ts';

/** One API's places: the params' names (kebab-case) to dotted paths in the body; null = the API has nothing like it. */
export type ParamPlaces = Readonly<Record<string, string | null>>;

export interface PlacedParams {
  /** Body path and value, in the params' order. */
  readonly fields: readonly (readonly [path: string, value: JsonValue])[];
  /** Path to the param's name as the release spells it, for those an API may refuse. */
  readonly refusable: ReadonlyMap<string, string>;
  /** Params that are not sent, as the release spells them. */
  readonly dropped: readonly string[];
}

/**
 * Places the params. Names may be written with `-` or `_`; a name without a known place goes to the body as it is (with `_`).
 * A `null` or an empty list asks for nothing and is left out without being counted as dropped.
 */
export function placeParams(
  params: JsonObject,
  places: ParamPlaces,
  refused: ReadonlySet<string>,
): PlacedParams {
  // A release's params are one object for all its calls, and mostly nothing of them is refused.
  if (refused.size > 0) return placed(params, places, refused);
  if (known?.params !== params || known.places !== places)
    known = { params, places, placed: placed(params, places, refused) };
  return known.placed;
}

let known: {
  readonly params: JsonObject;
  readonly places: ParamPlaces;
  readonly placed: PlacedParams;
} | null = null;

function placed(params: JsonObject, places: ParamPlaces, refused: ReadonlySet<string>): PlacedParams {
  const fields: [string, JsonValue][] = [];
  const refusable = new Map<string, string>();
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(params).flatMap(reasoningSettings)) {
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    const kebab = name.replaceAll('_', '-').toLowerCase();
    const path = Object.hasOwn(places, kebab) ? places[kebab] : name.replaceAll('-', '_');
    if (path === null || path === undefined || NOT_PARAMS.has(path) || refused.has(path)) {
      dropped.push(name);
      continue;
    }
    fields.push([path, value]);
    // A cap on length is never given up: the answer would be another one, and the bill too.
    if (!path.startsWith('max_')) refusable.set(path, name);
  }
  return { fields, refusable, dropped };
}

/** `reasoning: { effort, summary }` as settings of their own. A map with other keys is some server's, and goes as it is. */
function reasoningSettings([name, value]: [string, JsonValue | undefined]): [
  string,
  JsonValue | undefined,
][] {
  if (name !== 'reasoning' || !isJsonObject(value)) return [[name, value]];
  const keys = Object.keys(value);
  if (!keys.every((key) => key === 'effort' || key === 'summary')) return [[name, value]];
  return keys.map((key) => [`reasoning.${key}`, value[key]]);
}

/** The body with each field at its path; objects at the same path are merged. */
export function withFields(
  body: JsonObject,
  fields: readonly (readonly [path: string, value: JsonValue])[],
): JsonObject {
  let out = body;
  for (const [path, value] of fields) out = withField(out, path.split('.'), value);
  return out;
}

function withField(body: JsonObject, steps: readonly string[], value: JsonValue): JsonObject {
  const [step, ...rest] = steps;
  if (step === undefined) return body;
  const present = body[step];
  if (rest.length === 0) {
    const merged = isJsonObject(present) && isJsonObject(value) ? { ...present, ...value } : value;
    return { ...body, [step]: merged };
  }
  return { ...body, [step]: withField(isJsonObject(present) ? present : {}, rest, value) };
}

/** How APIs say that a parameter itself, not its value, is what they refuse. Read only to resend a call that cost nothing. */
const REFUSES =
  /not (?:supported|permitted|allowed|recogni[sz]ed)|unsupported|(?:does|do) not support|no longer (?:supported|accepted|available)|deprecated|unrecognized|unknown (?:parameter|field|argument|name)|unexpected keyword|extra.?(?:inputs|fields|forbidden)/i;

/** Where even a refused value means that the parameter is fixed for this model. */
const FIXED = new Set([
  'temperature',
  'top_p',
  'top_k',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'stream',
  'stream_options',
]);

/** The path of the parameter that a 400 or 422 names, if we sent it and may leave it out; undefined otherwise. */
export function refusedPath(
  refusal: {
    readonly status: number | undefined;
    readonly code?: string | null | undefined;
    readonly param?: string | null | undefined;
    readonly message: string;
  },
  refusable: ReadonlyMap<string, string>,
): string | undefined {
  if (refusal.status !== 400 && refusal.status !== 422) return undefined;
  const paths = [...refusable.keys()];
  if (refusal.param) {
    const named = paths.find(
      (path) =>
        path === refusal.param || path.split('.')[0] === refusal.param || refusal.param === leaf(path),
    );
    if (named === undefined) return undefined;
    if (refusal.code === 'unsupported_parameter' || refusal.code === 'unknown_parameter') return named;
    if (refusal.code === 'unsupported_value') return FIXED.has(named) ? named : undefined;
    return REFUSES.test(refusal.message) ? named : undefined;
  }
  if (!REFUSES.test(refusal.message)) return undefined;
  return paths.find((path) =>
    [path, leaf(path)].some((name) =>
      new RegExp(`(?:^|[\\s\`'"])${name.replaceAll('.', '\\.')}(?:$|[\\s\`'":,])`).test(refusal.message),
    ),
  );
}

function leaf(path: string): string {
  return path.split('.').at(-1) ?? path;
}
