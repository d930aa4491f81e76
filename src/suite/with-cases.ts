// The same suite with another choice of cases: another plan, so another hash, but the same exam for each case that stays.

import type { Case, Suite } from '../core/suite.ts';
import { suiteHash } from './suite-hash.ts';

/** The suite with exactly these cases. */
export function withCases(suite: Suite, cases: readonly Case[]): Suite {
  return { ...suite, cases, hash: suiteHash({ ...suite, cases }) };
}
