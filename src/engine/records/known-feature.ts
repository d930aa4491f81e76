// Is there anything of a feature, and what could a mistyped name mean?

import { LastgoodError } from '../../base/errors.ts';
import { didYouMean } from '../../base/index.ts';
import type { ObservationStore } from '../../core/index.ts';

/** Throws `NO_FEATURE` for a feature without observations. */
export async function mustExist(store: ObservationStore, feature: string): Promise<void> {
  const known = (await store.features()).map((f) => f.feature);
  if (known.includes(feature)) return;
  const guess = didYouMean(feature, known);
  throw new LastgoodError({
    code: 'NO_FEATURE',
    message: `there are no observations of the feature ${JSON.stringify(feature)}`,
    hint:
      guess === undefined
        ? known.length === 0
          ? 'send some first: lastgood observe FILE --feature NAME'
          : `known features: ${known.slice(0, 10).join(', ')}`
        : `did you mean ${guess}?`,
    exitCode: 2,
  });
}
