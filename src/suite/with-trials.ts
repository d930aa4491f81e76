// The same suite with another number of trials: another plan, so another hash, but the same exam.

import { mapCases } from '../core/case-list.ts';
import type { Suite } from '../core/suite.ts';
import { suiteHash } from './suite-hash.ts';

/** Every case gets `trials` trials. */
export function withTrials(suite: Suite, trials: number): Suite {
  const cases = mapCases(suite.cases, (c) => ({ ...c, trials }));
  return { ...suite, cases, hash: suiteHash({ ...suite, cases }) };
}
