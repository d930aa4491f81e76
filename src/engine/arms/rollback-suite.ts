// Parts of a suite for probes and proofs: some of its cases, or other numbers of trials. The exam of each case stays the same.

import { type CaseList, mapCases, type Suite } from '../../core/index.ts';
import { suiteHash } from '../../suite/suite-hash.ts';

/** Only the cases named, each with its own number of trials. */
export function withTrialsOf(suite: Suite, trials: ReadonlyMap<string, number>): Suite {
  return rehashed(
    suite,
    mapCases(
      suite.cases.filter((c) => (trials.get(c.id) ?? 0) > 0),
      (c) => ({ ...c, trials: trials.get(c.id) ?? 0 }),
    ),
  );
}

/** Only the named cases, each with `trials` trials. */
export function onlyCases(suite: Suite, ids: readonly string[], trials: number): Suite {
  const wanted = new Set(ids);
  return rehashed(
    suite,
    mapCases(
      suite.cases.filter((c) => wanted.has(c.id)),
      (c) => ({ ...c, trials }),
    ),
  );
}

function rehashed(suite: Suite, cases: CaseList): Suite {
  return { ...suite, cases, hash: suiteHash({ ...suite, cases }) };
}
