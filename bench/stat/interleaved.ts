// `lastgood compare` where runs share sessions: both arms interleaved, fresh trials of what looks worse, one comparison.

import { type CompareOptions, compareSnapshots, flagCases } from '../../src/compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  resolvePolicy,
  type SnapshotResults,
} from '../../src/core/index.ts';
import { TIERS, type Tier } from '../../src/engine/comparison/compare-plan.ts';
import { leftOpen } from '../../src/engine/comparison/ladder.ts';
import type { Mt19937 } from '../../src/stats/index.ts';
import { type Change, type Marks, markOf, policyFileOf, truthOf } from './check-changes.ts';
import { REPLICATES } from './lastgood.ts';
import { FALLEN_SCORE, type SessionProcess, SessionWorld, type SuiteShape } from './session-worlds.ts';
import { indexOf, merge } from './snapshots.ts';

export interface InterleavedCell {
  readonly process: SessionProcess;
  readonly shape: SuiteShape;
  readonly cases: number;
  readonly change: Change;
  readonly tier: Tier;
  /** Instead of the tier's trials a case and arm. */
  readonly trials?: number | undefined;
  readonly marks?: Marks | undefined;
  /** Each arm has its own mood of every group, another one for the fresh trials. Nothing in the model of sessions allows for it. */
  readonly moodsApart?: boolean | undefined;
}

/** A suite of which two releases are compared as often as `compare` is called. */
export interface ComparedSuite {
  compare(trials?: number, drop?: number): { readonly comparison: Comparison; readonly calls: number };
}

/** Days between two batches that do not share moods. */
const BATCH_APART = 0.06;

export function suiteToCompare(cell: InterleavedCell, rng: Mt19937): ComparedSuite {
  const world = new SessionWorld(cell, rng);
  const policy = resolvePolicy(policyFileOf(cell.marks, undefined, world.rates));
  const truth = truthOf(cell.change, world.rates, policy.margin, cell.process, rng);
  const score = cell.change === 'score' ? FALLEN_SCORE : undefined;
  const { confirmTrials } = TIERS[cell.tier];
  let day = 0;
  return {
    compare(trials = cell.trials ?? TIERS[cell.tier].trials, drop = 0) {
      day = Math.floor(day) + 1;
      let calls = 0;
      const candidate = drop === 0 ? truth.candidate : lowered(truth.candidate, drop);
      const mark = (s: SnapshotResults): SnapshotResults => ({
        ...s,
        cases: s.cases.map((c) => markOf(cell.marks, c, indexOf(c.id), truth.stored)),
      });
      const both = (k: number, cases?: readonly number[]) => {
        calls += 2 * k * (cases?.length ?? cell.cases);
        if (cell.moodsApart === true) day += BATCH_APART;
        const pair = world.runInterleaved(
          { at: day, trials: k, cases, moodsApart: cell.moodsApart },
          { rates: truth.baseline },
          { rates: candidate, score },
        );
        return { baseline: mark(pair.baseline), candidate: mark(pair.candidate) };
      };
      const { baseline, candidate: other } = both(trials);
      const options: CompareOptions = {
        policy,
        seed: 1,
        replicates: REPLICATES,
        interleaved: true,
        tier: cell.tier,
      };
      const flagged = flagCases(baseline, other, options).flagged.map(indexOf);
      const batches = flagged.length === 0 ? [] : [both(confirmTrials, flagged)];
      const judged = (): Comparison => {
        const of = (arm: 'baseline' | 'candidate'): readonly CaseResult[] =>
          batches.length === 0 ? [] : merge(batches.map((batch) => batch[arm])).cases;
        const confirmation = { baseline: of('baseline'), candidate: of('candidate') };
        return compareSnapshots(baseline, other, { ...options, confirmation, callsSpent: calls });
      };
      const first = judged();
      // As `lastgood compare`: what the first batch left open gets a second one.
      const open = leftOpen(first).map(indexOf);
      if (open.length === 0) return { comparison: first, calls };
      batches.push(both(confirmTrials, open));
      return { comparison: judged(), calls };
    },
  };
}

/** A uniform drop of this size. */
export function lowered(rates: Float64Array, drop: number): Float64Array {
  const mean = rates.reduce((sum, p) => sum + p, 0) / rates.length;
  return rates.map((p) => p * Math.max(0, 1 - drop / mean));
}
