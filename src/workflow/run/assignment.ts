// What is to be run, loaded and checked before the first call: suite, release, judge, embedder.

import { type Case, type Release, type Suite, throwAll } from '../../core/index.ts';
import { loadRelease } from '../../release/load-release.ts';
import { checkRequests } from '../../run/render-request.ts';
import { filterCases } from '../../suite/filter-cases.ts';
import { loadSuite } from '../../suite/load-suite.ts';
import { loadExaminers } from '../judge/load-examiners.ts';

export interface Assignment {
  readonly suite: Suite;
  readonly release: Release;
  readonly judge: Release | null;
  readonly embedder: Release | null;
}

/** Loads the files a run names. Everything that can be wrong in them is an error here, before any call. */
export async function loadAssignment(input: {
  readonly suite: string;
  readonly release: string;
  readonly filter?: string | undefined;
  /** Release file of another judge than the suite's. */
  readonly judge?: string | undefined;
  /** Gets the cases while they are read, see `loadSuite`. */
  readonly onCases?: ((cases: readonly Case[]) => void) | undefined;
}): Promise<Assignment> {
  const whole = await loadSuite(input.suite, input.onCases);
  const suite = input.filter === undefined ? whole : filterCases(whole, input.filter);
  const release = await loadRelease(input.release);
  const { judge, embedder } = await loadExaminers(suite, input.judge);
  throwAll(checkRequests(suite.cases, release));
  return { suite, release, judge, embedder };
}
