// Names of features and environments, as they may be stored and served.

import { LastgoodError } from '../../base/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** With `every` the feature may be `EVERY_FEATURE`. Throws `BAD_OPTION`. */
export function checkName<T extends { readonly feature: string; readonly environment: string }>(
  named: T,
  { every = false }: { readonly every?: boolean } = {},
): T {
  for (const what of ['feature', 'environment'] as const)
    if (!NAME.test(named[what]) && !(every && what === 'feature' && named[what] === EVERY_FEATURE))
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `the name of ${what === 'feature' ? 'a feature' : 'an environment'} has up to 64 lower-case letters, digits, dots, dashes and underscores, not ${JSON.stringify(named[what].slice(0, 80))}`,
      });
  return named;
}
