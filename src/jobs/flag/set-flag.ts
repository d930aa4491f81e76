// Setting a flag: for everybody, or for a part of the traffic. The log keeps each definition whole.

import { isDeepStrictEqual } from 'node:util';
import { didYouMean, type JsonObject, LastgoodError } from '../../base/index.ts';
import { RELEASE_FLAG } from '../../core/flag.ts';
import {
  AI_FLAGS,
  type Flag,
  type FlagCondition,
  type FlagDefinition,
  type FlagRule,
  type FlagType,
  type FlagValue,
  type ShippingStore,
} from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { signed } from '../../engine/records/signature.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import {
  FLAG_LIMITS,
  flagProblem,
  flagValue,
  isFlagKey,
  parseCondition,
  typeOfAiFlag,
} from '../../rollout/flag-values.ts';
import { flagsOf } from '../../rollout/flags.ts';
import { checkName } from '../registry/names.ts';

export interface FlagRequest {
  readonly key: string;
  readonly feature: string;
  readonly environment: string;
  /** As it was typed. */
  readonly value: string;
  readonly type?: FlagType | undefined;
  /** Conditions as they were typed; empty = every request. */
  readonly when: readonly string[];
  readonly percent?: number | undefined;
  /** What the rest gets where the flag is new. */
  readonly otherwise?: string | undefined;
  /** Place in the log of the definition that the decision is based on, 0 = there was none; absent = whatever it is now. */
  readonly seen?: number | undefined;
  readonly by?: string | undefined;
  readonly why?: string | undefined;
}

export interface FlagSet {
  readonly flag: Flag;
  /** null = it is new. */
  readonly before: FlagDefinition | null;
}

/** Throws `FLAG_KEY`, `FLAG_VALUE`, `FLAG_CONDITION`, `FLAG_LIMIT` or `SHIPPING_CHANGED`. */
export async function setFlag(
  work: Pick<Workplace, 'mask' | 'clock'>,
  shipping: ShippingStore,
  request: FlagRequest,
): Promise<FlagSet> {
  const { feature, environment } = checkName(request, { every: true });
  const key = checkKey(request.key);
  const { by, why } = signed(work.mask, { ...request, command: `flag set ${key} ${request.value}` });
  const before = newestOf(flagsOf(await shipping.changes(0)), { key, feature, environment });
  const definition = work.mask.json(
    definitionOf(request, before ?? null) as unknown as JsonObject,
  ) as unknown as FlagDefinition;
  const at = work.clock.now().toISOString();
  const change = await shipping.append(
    {
      ...{ kind: 'flag', feature, environment, name: key, at, by, why },
      body: definition as unknown as JsonObject,
    },
    request.seen ?? before?.no ?? 0,
  );
  const place = { key, feature, environment, no: change.no, at, by, why };
  return { flag: { ...definition, ...place }, before: before ?? null };
}

/** The same flag of the same feature; no fallback to the flag of every feature. */
export function newestOf(
  flags: readonly Flag[],
  { key, feature, environment }: Pick<Flag, 'key' | 'feature' | 'environment'>,
): Flag | undefined {
  return flags.find((f) => f.key === key && f.feature === feature && f.environment === environment);
}

function checkKey(key: string): string {
  const problem =
    key === RELEASE_FLAG
      ? 'it follows the registry: lastgood registry set FEATURE RELEASE'
      : flagProblem(key, null);
  const isUnknown = key.startsWith('ai.') && !(key in AI_FLAGS);
  if (isFlagKey(key) && !isUnknown) return key;
  const near = didYouMean(key, Object.keys(AI_FLAGS));
  throw new LastgoodError({
    code: 'FLAG_KEY',
    message: `${JSON.stringify(key.slice(0, 100))} cannot be set: ${isUnknown ? problem : 'a key has up to 100 lower-case letters, digits, dots, dashes and underscores'}`,
    hint: near === undefined ? undefined : `did you mean ${near}?`,
  });
}

function definitionOf(request: FlagRequest, before: FlagDefinition | null): FlagDefinition {
  const type = typeOf(request, before);
  const value = typedValue(request.key, request.value, type);
  const when = request.when.map((text) => conditionOf(text));
  if (when.length > FLAG_LIMITS.conditions)
    throw limit(`${when.length} conditions`, `${FLAG_LIMITS.conditions}`);
  // On-call must be able to rely on it: a value for everybody leaves no rule behind that says otherwise.
  if (when.length === 0 && request.percent === undefined) return { type, value, rules: [] };
  const rest = restOf(request, before, type, value);
  const rule: FlagRule = { when, percent: request.percent ?? null, value };
  const alike = (r: FlagRule): boolean => r.value === value && isDeepStrictEqual(r.when, when);
  const rules = before?.rules ?? [];
  const next = rules.some(alike) ? rules.map((r) => (alike(r) ? rule : r)) : [rule, ...rules];
  if (next.length > FLAG_LIMITS.rules) throw limit(`${next.length} rules`, `${FLAG_LIMITS.rules}`);
  return { type, value: rest, rules: next };
}

function typeOf({ key, value, type }: FlagRequest, before: FlagDefinition | null): FlagType {
  const fixed = typeOfAiFlag(key) ?? before?.type ?? type;
  if (fixed !== undefined && type !== undefined && fixed !== type)
    throw new LastgoodError({
      code: 'FLAG_VALUE',
      message: `${key} is a ${fixed} flag, and its type cannot become ${type}: applications read it as a ${fixed}`,
      hint: 'use another key',
    });
  return fixed ?? (typeof flagValue(value, null) as FlagType);
}

function typedValue(key: string, text: string, type: FlagType): FlagValue {
  const value = flagValue(text, type);
  const problem =
    value === undefined
      ? `a ${type}, because ${key} is a ${type} flag`
      : text.length > FLAG_LIMITS.text
        ? `at most ${FLAG_LIMITS.text} characters`
        : flagProblem(key, value);
  if (value !== undefined && problem === null) return value;
  throw new LastgoodError({
    code: 'FLAG_VALUE',
    message: `${key} cannot be ${JSON.stringify(text.slice(0, 100))}; expected ${problem}`,
    hint: 'lastgood flag list shows the flags with their types',
  });
}

function restOf(
  { key, otherwise }: FlagRequest,
  before: FlagDefinition | null,
  type: FlagType,
  value: FlagValue,
): FlagValue {
  if (otherwise !== undefined) return typedValue(key, otherwise, type);
  if (before !== null) return before.value;
  if (typeof value === 'boolean') return !value;
  throw new LastgoodError({
    code: 'FLAG_VALUE',
    message: `${key} is new, and nothing says what all other requests get`,
    hint: `add --else VALUE, or set it for everybody first: lastgood flag set ${key} VALUE`,
  });
}

function conditionOf(text: string): FlagCondition {
  const condition = parseCondition(text);
  if (condition !== null) return condition;
  throw new LastgoodError({
    code: 'FLAG_CONDITION',
    message: `${JSON.stringify(text.slice(0, 200))} is not a condition; expected PROPERTY, an operator (=, !=, >, >=, <, <=, ^= begins with, $= ends with) and values`,
    hint: '--when "input-length>2000", --when "tier=pro,team"; patterns are not supported',
  });
}

function limit(has: string, most: string): LastgoodError {
  return new LastgoodError({
    code: 'FLAG_LIMIT',
    message: `a flag would have ${has}, expected at most ${most}: each request goes through all of them`,
    hint: 'decide by a segment that your application sends',
  });
}

/** The flags of one feature, or those of every feature where none is named. */
export function featureName(asked: string | undefined): string {
  return asked ?? EVERY_FEATURE;
}
