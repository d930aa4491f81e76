// What is to be run, loaded and checked before the first call: suite, release, judge, embedder.

import { throwAll, type Warning } from '../../base/index.ts';
import { type Case, programsOf, type Release, type Suite } from '../../core/index.ts';
import { loadRelease } from '../../release/load-release.ts';
import { releaseWarnings } from '../../release/release-warnings.ts';
import { checkRequests } from '../../run/render-request.ts';
import { filterCases } from '../../suite/filter-cases.ts';
import { loadSuite } from '../../suite/load-suite.ts';
import type { KnownPrograms } from '../examiners/known-programs.ts';
import { loadExaminers } from '../examiners/load-examiners.ts';

export interface Assignment {
  readonly suite: Suite;
  readonly release: Release;
  readonly judge: Release | null;
  readonly embedder: Release | null;
  /** Graders outside this process that may run: those of the suite's file. Without them they give no grade. */
  readonly programs?: KnownPrograms | undefined;
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
  /** Gets what is no error in suite and release but hardly meant. */
  readonly onWarning?: ((warning: Warning) => void) | undefined;
}): Promise<Assignment> {
  const whole = await loadSuite(input.suite, input);
  const suite = input.filter === undefined ? whole : filterCases(whole, input.filter);
  const release = await loadRelease(input.release);
  const { judge, embedder } = await loadExaminers(suite, input.judge);
  if (input.onWarning !== undefined)
    for (const loaded of [release, judge])
      if (loaded !== null) for (const warning of releaseWarnings(loaded)) input.onWarning(warning);
  throwAll(checkRequests(suite.cases, release));
  return { suite, release, judge, embedder, programs: programsOf(suite.cases) };
}
