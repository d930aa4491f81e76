// Parameters of a request: what a release or a case may set, and what a case changes in those of the release.

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { ParamFields } from './params-schema.ts';
import type { Release } from './release.ts';
import type { Case } from './suite.ts';

/** Body fields that are not params: a param of that name would overwrite what the release's other layers say. */
export const NOT_PARAMS: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'input',
  'instructions',
  'system',
  'tools',
  'tool_choice',
  'stream',
  'response_format',
  'text.format',
  'output_config.format',
]);

/** `provider-options` beside the other params: both are fields of the request. `twins`: options that are also given by our name. */
export function flatParams({ 'provider-options': options = {}, ...named }: ParamFields): {
  readonly params: JsonObject;
  readonly twins: readonly string[];
} {
  const stop = typeof named.stop === 'string' ? [named.stop] : named.stop;
  const all = Object.entries({ ...named, stop, ...options });
  return {
    params: Object.fromEntries(all.filter(([, value]) => value !== undefined)) as JsonObject,
    twins: Object.keys(options).filter((key) => Object.hasOwn(named, key.replaceAll('_', '-'))),
  };
}

/** The cap on output tokens has several names, and a request has one cap. */
export function isOutputCap(name: string): boolean {
  return /^max[-_](output[-_]|completion[-_])?tokens$/.test(name);
}

/** The release's params with those of the case in their place. */
export function paramsOf(release: Release, { params: own }: Pick<Case, 'params'>): JsonObject {
  const common = release.layers.params ?? {};
  if (own === undefined) return common;
  const same = (a: string, b: string): boolean =>
    a.replaceAll('_', '-') === b.replaceAll('_', '-') || (isOutputCap(a) && isOutputCap(b));
  const names = Object.keys(own);
  const kept = Object.entries(common).filter(([name]) => !names.some((mine) => same(mine, name)));
  return { ...Object.fromEntries(kept), ...own };
}

/** The most tokens of one reply to the case; null where nothing limits them. */
export function outputCap(release: Release, c: Pick<Case, 'params'>): number | null {
  const cap: JsonValue | undefined = paramsOf(release, c)['max-output-tokens'];
  return typeof cap === 'number' ? cap : null;
}
