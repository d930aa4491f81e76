// A flag as a person types it, at the command line or into a form.

import { LastgoodError } from '../../base/index.ts';
import { FLAG_TYPES, type FlagType } from '../../core/flag.ts';

/** A percentage from 0 to 100, with or without its sign; undefined where it is none. */
export function percentOf(text: string): number | undefined {
  const value = Number(text.trim().replace(/%$/, ''));
  return text.trim() !== '' && value >= 0 && value <= 100 ? value : undefined;
}

export function flagTypeOf(text: string): FlagType | undefined {
  return FLAG_TYPES.find((type) => type === text);
}

/** All conditions of a request: its segments, its regions, and whatever else must hold. */
export function typedConditions(typed: {
  readonly segment?: string | undefined;
  readonly region?: string | undefined;
  readonly when?: readonly string[] | undefined;
}): readonly string[] {
  const { segment, region, when = [] } = typed;
  return [
    ...(segment === undefined ? [] : [`segment=${segment}`]),
    ...(region === undefined ? [] : [`region=${region}`]),
    ...when,
  ];
}

/** Percentage and type of a form. Throws `FLAG_VALUE`. */
export function typedShare(typed: {
  readonly percent?: string | undefined;
  readonly type?: string | undefined;
}): { readonly percent: number | undefined; readonly type: FlagType | undefined } {
  const percent = typed.percent === undefined ? undefined : percentOf(typed.percent);
  const type = typed.type === undefined ? undefined : flagTypeOf(typed.type);
  if (typed.percent !== undefined && percent === undefined)
    throw refused('percentage', typed.percent, 'a number from 0 to 100');
  if (typed.type !== undefined && type === undefined)
    throw refused('type', typed.type, `one of ${FLAG_TYPES.join(', ')}`);
  return { percent, type };
}

function refused(what: string, text: string, expected: string): LastgoodError {
  return new LastgoodError({
    code: 'FLAG_VALUE',
    message: `${JSON.stringify(text.slice(0, 100))} is no ${what} of a flag; expected ${expected}`,
  });
}
