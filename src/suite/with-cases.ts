// The same suite with another choice of cases: another plan, so another hash, but the same exam for each case that stays.

import type { CaseList } from '../core/case-list.ts';
import type { Suite } from '../core/suite.ts';
import { suiteHash } from './suite-hash.ts';

/** The suite with exactly these cases. */
export function withCases(suite: Suite, cases: CaseList): Suite {
  return { ...suite, cases, hash: suiteHash({ ...suite, cases }) };
}
