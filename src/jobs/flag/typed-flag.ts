// Percentage and type of a flag as they come out of a form.

import { LastgoodError } from '../../base/index.ts';
import { FLAG_TYPES, type FlagType, flagTypeOf, percentOf } from '../../core/flag.ts';

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
    message: `${JSON.stringify(text.slice(0, 100))} cannot be the ${what} of a flag; expected ${expected}`,
  });
}
