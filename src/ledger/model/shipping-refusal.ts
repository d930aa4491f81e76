// What the log of shipping refuses: a change that was decided on an older state.

import { LastgoodError } from '../../base/errors.ts';
import type { NewShippingChange } from '../../core/shipping.ts';

export function changedMeanwhile({ kind, feature, environment, name }: NewShippingChange): LastgoodError {
  const what = [kind, name, feature, environment].filter((part) => part !== '').join(' ');
  return new LastgoodError({
    code: 'SHIPPING_CHANGED',
    message: `another person changed this meanwhile (${what}), and nothing was written`,
    hint: 'read its history, then decide again',
    exitCode: 4,
  });
}
