// Flags out of the log, and what a flag is for a request. Pure.

import type { Flag, FlagCondition, FlagContext, FlagDefinition, FlagReason } from '../core/flag.ts';
import { EVERY_FEATURE, type ShippingChange } from '../core/shipping.ts';
import type { FlagValue } from '../core/ticket.ts';
import { bucketOf } from './bucket.ts';

/** The newest definition of each flag, in order of key, feature and environment. */
export function flagsOf(changes: readonly ShippingChange[]): readonly Flag[] {
  const newest = new Map<string, Flag>();
  for (const { kind, feature, environment, name, body, no, at, by, why } of changes) {
    if (kind !== 'flag') continue;
    const definition = body as unknown as FlagDefinition;
    newest.set(JSON.stringify([name, feature, environment]), {
      ...{ key: name, feature, environment, no, at, by, why },
      ...{ type: definition.type, value: definition.value, rules: definition.rules },
    });
  }
  return [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, flag]) => flag);
}

/** A feature's own flag goes before one for every feature. */
export function flagFor(
  flags: readonly Flag[],
  place: { readonly key: string; readonly feature: string | null; readonly environment: string },
): Flag | undefined {
  const of = (feature: string): Flag | undefined =>
    flags.find((f) => f.key === place.key && f.feature === feature && f.environment === place.environment);
  return (place.feature === null ? undefined : of(place.feature)) ?? of(EVERY_FEATURE);
}

export type Evaluated =
  | { readonly value: FlagValue; readonly reason: FlagReason }
  | { readonly missing: 'targetingKey' };

/** The value of a flag for a request. A percentage needs a targeting key, because nothing else keeps a user where they are. */
export function evaluateFlag(
  flag: FlagDefinition & Pick<Flag, 'key' | 'feature'>,
  { targetingKey, properties }: FlagContext,
): Evaluated {
  let otherwise: FlagReason = 'STATIC';
  for (const rule of flag.rules) {
    if (rule.when.length > 0 && otherwise === 'STATIC') otherwise = 'TARGETING_MATCH';
    if (!rule.when.every((condition) => holds(condition, properties, targetingKey))) continue;
    if (rule.percent === null || rule.percent >= 100) return { value: rule.value, reason: 'TARGETING_MATCH' };
    if (rule.percent <= 0) continue;
    if (targetingKey === null) return { missing: 'targetingKey' };
    otherwise = 'SPLIT';
    if (bucketOf(bucketName(flag), targetingKey) < rule.percent)
      return { value: rule.value, reason: 'SPLIT' };
  }
  return { value: flag.value, reason: otherwise };
}

/** Flags of two features divide their traffic independently. */
function bucketName({ key, feature }: Pick<Flag, 'key' | 'feature'>): string {
  return feature === EVERY_FEATURE ? key : `${feature}/${key}`;
}

/** Is a request in the percentage that this flag's value is? For `ai.rollout.percent`, whose value is a percentage itself. */
export function inPercentage(
  flag: Pick<Flag, 'key' | 'feature'>,
  percent: number,
  targetingKey: string,
): boolean {
  return percent >= 100 || (percent > 0 && bucketOf(bucketName(flag), targetingKey) < percent);
}

function holds(
  { property, operator, values }: FlagCondition,
  properties: FlagContext['properties'],
  targetingKey: string | null,
): boolean {
  const own = Object.hasOwn(properties, property) ? properties[property] : undefined;
  const given = property === 'targetingKey' ? targetingKey : own;
  // A request can be in several segments at once.
  const all = Array.isArray(given) ? (given as readonly unknown[]) : [given];
  const texts = all.filter((v): v is string => typeof v === 'string');
  switch (operator) {
    case '=':
      return all.some((v) => values.some((w) => isSame(v, w)));
    case '!=':
      return !all.some((v) => values.some((w) => isSame(v, w)));
    case '^=':
      return texts.some((v) => values.some((w) => v.startsWith(String(w))));
    case '$=':
      return texts.some((v) => values.some((w) => v.endsWith(String(w))));
    case '>':
      return compare(given, values, (a, b) => a > b);
    case '>=':
      return compare(given, values, (a, b) => a >= b);
    case '<':
      return compare(given, values, (a, b) => a < b);
    case '<=':
      return compare(given, values, (a, b) => a <= b);
  }
}

/** On the command line `5` and `true` are a number and a truth value; an application may send them as texts. */
function isSame(given: unknown, wanted: FlagValue): boolean {
  return given === wanted || (typeof given === 'string' && given === String(wanted));
}

/** Only numbers are compared: nothing is made a number out of a text. */
function compare(
  given: unknown,
  [limit]: readonly FlagValue[],
  holdsFor: (a: number, b: number) => boolean,
): boolean {
  return typeof given === 'number' && typeof limit === 'number' && holdsFor(given, limit);
}
