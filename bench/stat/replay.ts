// Bit for bit: the same seed must give the same comparison, down to the last digit.

import { canonicalJson } from '../../src/base/json.ts';
import { compareIn } from './lastgood.ts';
import { worldOfRep } from './score.ts';

/** Runs one world twice and says whether both comparisons are the same text. */
export function replaysExactly(seed: number): boolean {
  const once = (): string =>
    canonicalJson(
      JSON.parse(
        JSON.stringify(
          compareIn(worldOfRep({ profile: 'hard', cases: 100, scenario: 'mixed' }, 0, seed), 'deep', true),
        ),
      ),
    );
  const first = once();
  return once() === first;
}
