// Our own design as a harness: rounds of interleaved trials, the screen, eight fresh trials of what looks worse, one verdict.
// Everything that decides is the engine's own code; this file only calls the arms.

import { type CompareOptions, compareSnapshots, flagCases } from '../../src/compare/index.ts';
import {
  type Comparison,
  type PairedDelta,
  resolvePolicy,
  type SnapshotResults,
} from '../../src/core/index.ts';
import { looksAfter, stopsEarly, TIERS, type Tier } from '../../src/engine/comparison/compare-plan.ts';
import {
  isDecided,
  ladderRungs,
  leftOpen,
  onlyRung,
  type Rung,
  suspects,
} from '../../src/engine/comparison/ladder.ts';
import type { Harness } from './harness.ts';
import { caseOf, indexOf, snapshotOf } from './snapshots.ts';
import type { ArmName, Outcome, World } from './worlds.ts';

/** Permutations inside the benchmark; the program itself makes 9,999. */
export const REPLICATES = 499;

interface Arms {
  readonly baseline: Outcome[][];
  readonly candidate: Outcome[][];
}

/** One trial of every case in both arms, side by side. */
function round(world: World, arms: Arms): void {
  for (let i = 0; i < world.cases; i++) {
    arms.baseline[i]?.push(world.run('baseline', i));
    arms.candidate[i]?.push(world.run('candidate', i));
  }
}

/** Runs a comparison of a tier in a world. `looks`: stop early on overwhelming evidence, as the program does. */
export function compareIn(world: World, tier: Tier, looks: boolean): Comparison {
  const { trials } = TIERS[tier];
  const policy = resolvePolicy(undefined);
  const options: CompareOptions = {
    policy: looks ? onlyRung(policy, tier, trials, looksAfter(trials)).policy : policy,
    seed: world.seed,
    replicates: REPLICATES,
    interleaved: true,
    tier,
  };
  const lists = (): Outcome[][] => Array.from({ length: world.cases }, () => []);
  const arms: Arms = { baseline: lists(), candidate: lists() };
  const lookAt = new Set(looks ? looksAfter(trials) : []);
  const snapshots = () => ({
    a: snapshotOf('sbaseline', 'baseline', world, arms.baseline),
    b: snapshotOf('scandidate', 'candidate', world, arms.candidate),
  });
  for (let done = 1; done <= trials; done++) {
    round(world, arms);
    if (!lookAt.has(done)) continue;
    const { a, b } = snapshots();
    // A p of .001 needs a thousand permutations to show.
    if (stopsEarly(compareSnapshots(a, b, { ...options, replicates: 1999 }).overall.pRegression)) break;
  }
  const { a, b } = snapshots();
  return confirmIn(world, { a, b, options, again: [] }, new Map());
}

interface FreshTrials {
  readonly baseline: Outcome[];
  readonly candidate: Outcome[];
}

interface Screened {
  readonly a: SnapshotResults;
  readonly b: SnapshotResults;
  readonly options: CompareOptions;
  /** Cases to try again although they have fresh trials. */
  readonly again: readonly number[];
}

/** Compares with fresh trials of the flagged cases, and a second batch of those that the first left open, as `lastgood compare` does. */
function confirmIn(
  world: World,
  { a, b, options, again }: Screened,
  fresh: Map<number, FreshTrials>,
): Comparison {
  const attempt = (cases: Iterable<number>): Comparison => {
    for (const index of cases) {
      const tried = fresh.get(index) ?? { baseline: [], candidate: [] };
      for (let t = 0; t < TIERS.std.confirmTrials; t++) {
        tried.baseline.push(world.run('baseline', index));
        tried.candidate.push(world.run('candidate', index));
      }
      fresh.set(index, tried);
    }
    const confirmed = (arm: ArmName) => [...fresh].map(([f, tried]) => caseOf(world, f, tried[arm], true));
    return compareSnapshots(a, b, {
      ...options,
      confirmation: { baseline: confirmed('baseline'), candidate: confirmed('candidate') },
      callsSpent: world.calls(),
    });
  };
  const flagged = flagCases(a, b, options).flagged.map(indexOf);
  const first = attempt(new Set([...flagged.filter((f) => !fresh.has(f)), ...again]));
  const open = leftOpen(first).map(indexOf);
  return open.length === 0 ? first : attempt(open);
}

/** Climbs the ladder in a world: trials and fresh trials are added to what there is, and each rung judges by its own rates. */
export function climbIn(world: World, rungs: readonly Rung[]): { comparison: Comparison; rung: Rung } {
  const lists = (): Outcome[][] => Array.from({ length: world.cases }, () => []);
  const arms: Arms = { baseline: lists(), candidate: lists() };
  const fresh = new Map<number, FreshTrials>();
  let suspected: readonly number[] = [];
  let done = 0;
  for (const [i, rung] of rungs.entries()) {
    for (; done < rung.trials; done++) round(world, arms);
    const options: CompareOptions = {
      policy: rung.policy,
      seed: world.seed,
      replicates: REPLICATES,
      interleaved: true,
      tier: rung.tier,
    };
    const a = snapshotOf('sbaseline', 'baseline', world, arms.baseline);
    const b = snapshotOf('scandidate', 'candidate', world, arms.candidate);
    const comparison = confirmIn(world, { a, b, options, again: suspected }, fresh);
    if (i === rungs.length - 1 || isDecided(comparison)) return { comparison, rung };
    suspected = suspects(comparison).map(indexOf);
  }
  throw new Error('a ladder has a last rung');
}

function isConfirmed(delta: Comparison['cases'][number]): delta is PairedDelta {
  return delta.verdict === 'regressed' && delta.evidence === 'confirmed';
}

function verdictOf(comparison: Comparison): ReturnType<Harness['judge']> {
  const { metrics } = comparison;
  return {
    alarm: comparison.verdict === 'regressed',
    verdict: comparison.verdict,
    cases: comparison.cases.filter(isConfirmed).map((delta) => indexOf(delta.id)),
    channels: [
      ...(metrics.length.verdict === 'shifted' ? ['length'] : []),
      ...(metrics.latencyMs.verdict === 'shifted' ? ['latency'] : []),
    ],
  };
}

function tierHarness(name: string, tier: Tier, looks: boolean): Harness {
  return { name, namesCases: true, judge: (world) => verdictOf(compareIn(world, tier, looks)) };
}

export const SMOKE = tierHarness('lastgood-smoke', 'smoke', false);
export const STD = tierHarness('lastgood-std', 'std', false);
export const DEEP = tierHarness('lastgood-deep', 'deep', false);
/** The tier as `lastgood compare` runs it, with its early looks. */
export const STD_LOOKS = tierHarness('lastgood-std-looks', 'std', true);
export const DEEP_LOOKS = tierHarness('lastgood-deep-looks', 'deep', true);

/** The ladder, from one trial to five. */
export const LADDER: Harness = {
  name: 'lastgood-ladder',
  namesCases: true,
  judge: (world) => verdictOf(climbIn(world, ladderRungs(resolvePolicy(undefined))).comparison),
};
/** The same rungs, each judged by the whole rates: what running one tier after the other until it is decided amounts to. */
export const CLIMB_UNCORRECTED: Harness = {
  name: 'tier after tier, uncorrected',
  namesCases: true,
  judge: (world) => {
    const policy = resolvePolicy(undefined);
    const rungs = ladderRungs(policy).map((rung) => ({ ...rung, policy }));
    return verdictOf(climbIn(world, rungs).comparison);
  },
};

/** Every answer of both arms graded by today's judge: what `lastgood regrade` makes of stored outputs. */
function withTodaysJudge(world: World): World {
  return { ...world, run: (arm, index) => world.run(arm, index).regrade() };
}

/** What the engine says when the judge changed between the arms and nothing was graded again. */
export const STD_OTHER_JUDGE: Harness = {
  name: 'lastgood-std, judge changed',
  namesCases: true,
  judge: (world) => verdictOf(compareIn(world, 'std', false)),
};
/** The same after the stored outputs were graded by one judge. */
export const STD_REGRADED: Harness = {
  name: 'lastgood-std, re-graded',
  namesCases: true,
  judge: (world) => verdictOf(compareIn(withTodaysJudge(world), 'std', false)),
};
