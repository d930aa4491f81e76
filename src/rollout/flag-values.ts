// Which values a flag may have, and how values and conditions are written.

import { FLAG_OPERATORS, type FlagCondition, type FlagOperator, type FlagType } from '../core/flag.ts';
import { AI_FLAGS, type FlagValue } from '../core/ticket.ts';

/** Bounds of one flag, so that an evaluation stays short. */
export const FLAG_LIMITS = { rules: 50, conditions: 10, values: 100, text: 256 } as const;

const KEY = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const PROPERTY = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;

/** What is wrong with the value of one of the six flags, or with an `ai.*` flag that does not exist; null = nothing. */
export function flagProblem(flag: string, value: unknown): string | null {
  if (!(flag in AI_FLAGS))
    return flag.startsWith('ai.')
      ? `unknown flag; the ai.* flags are ${Object.keys(AI_FLAGS).join(', ')}`
      : null;
  const kind = AI_FLAGS[flag as keyof typeof AI_FLAGS];
  if (kind === 'boolean') return typeof value === 'boolean' ? null : 'true or false';
  if (kind === 'percent')
    return typeof value === 'number' && value >= 0 && value <= 100 ? null : 'a number from 0 to 100';
  if (typeof value !== 'string') return 'a text';
  return kind === null || (kind as readonly string[]).includes(value) ? null : `one of ${kind.join(', ')}`;
}

/** The type that one of the six flags has; null for any other. */
export function typeOfAiFlag(flag: string): FlagType | null {
  if (!(flag in AI_FLAGS)) return null;
  const kind = AI_FLAGS[flag as keyof typeof AI_FLAGS];
  return kind === 'boolean' ? 'boolean' : kind === 'percent' ? 'number' : 'string';
}

export function isFlagKey(key: string): boolean {
  return KEY.test(key);
}

/** `true` and `false`, decimal numbers, else the text; of a known type the text must be one of it, or undefined comes back. */
export function flagValue(text: string, type: FlagType | null): FlagValue | undefined {
  const isNumber = /^-?\d{1,15}(\.\d{1,15})?$/.test(text);
  switch (type) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'number':
      return isNumber ? Number(text) : undefined;
    case 'string':
      return text;
    case null:
      return text === 'true' ? true : text === 'false' ? false : isNumber ? Number(text) : text;
  }
}

/** `input-length>2000`, `tier=pro,team`; null where it is not a condition. */
export function parseCondition(text: string): FlagCondition | null {
  // Longer operators first: `>=` begins with `>`.
  const operators = (Object.keys(FLAG_OPERATORS) as FlagOperator[]).sort((a, b) => b.length - a.length);
  let found: { readonly at: number; readonly operator: FlagOperator } | null = null;
  for (const operator of operators) {
    const at = text.indexOf(operator);
    if (at > 0 && (found === null || at < found.at)) found = { at, operator };
  }
  if (found === null) return null;
  const property = text.slice(0, found.at).trim();
  const written = text.slice(found.at + found.operator.length).split(',');
  const ordered = found.operator.startsWith('>') || found.operator.startsWith('<');
  const values = written.map((v) => flagValue(v.trim(), ordered ? 'number' : null));
  const fits =
    PROPERTY.test(property) &&
    (!ordered || values.length === 1) &&
    values.length <= FLAG_LIMITS.values &&
    values.every((v) => v !== undefined && v !== '' && String(v).length <= FLAG_LIMITS.text);
  return fits ? { property, operator: found.operator, values: values as FlagValue[] } : null;
}

/** As `parseCondition` reads it. */
export function conditionText({ property, operator, values }: FlagCondition): string {
  return `${property}${operator}${values.join(',')}`;
}
