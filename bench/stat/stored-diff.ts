// `lastgood diff` where runs share sessions: two stored runs of different times, with the stored pool of the earlier one.

import { compareSnapshots } from '../../src/compare/index.ts';
import { type Comparison, resolvePolicy } from '../../src/core/index.ts';
import type { Mt19937 } from '../../src/stats/index.ts';
import { type Change, truthOf } from './check-changes.ts';
import { lowered } from './interleaved.ts';
import { REPLICATES } from './lastgood.ts';
import { type SessionProcess, SessionWorld, type SuiteShape } from './session-worlds.ts';

export interface DiffCell {
  readonly process: SessionProcess;
  readonly shape: SuiteShape;
  readonly cases: number;
  readonly change: Change;
  /** Runs of the baseline's release, and trials of each. */
  readonly storedRuns: number;
  readonly storedTrials: number;
  /** Of the candidate's run. */
  readonly trials: number;
}

/** A suite with its baseline's stored runs. Each call of `diff` is one more run of a candidate, a day later. */
export interface StoredSuite {
  diff(trials?: number, drop?: number): { readonly comparison: Comparison; readonly calls: number };
}

export function suiteToDiff(cell: DiffCell, rng: Mt19937): StoredSuite {
  const world = new SessionWorld(cell, rng);
  const policy = resolvePolicy(undefined);
  const truth = truthOf(cell.change, world.rates, policy.margin, cell.process, rng);
  const runs = Array.from({ length: cell.storedRuns }, (_, at) =>
    world.run({ at, trials: cell.storedTrials, rates: truth.stored }),
  );
  const stored = runs.at(-1);
  if (stored === undefined) throw new RangeError('a diff needs a baseline');
  let at = runs.length;
  return {
    diff(trials = cell.trials, drop = 0) {
      const rates = drop === 0 ? truth.candidate : lowered(truth.candidate, drop);
      const candidate = world.run({ at, trials, rates, release: 'release-b' });
      at += 1;
      const comparison = compareSnapshots(stored, candidate, {
        policy,
        seed: 1,
        replicates: REPLICATES,
        pool: runs.slice(0, -1),
        interleaved: false,
      });
      return { comparison, calls: trials * cell.cases };
    },
  };
}
