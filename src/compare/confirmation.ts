// Fresh trials of flagged cases: the only evidence on which a single case is called regressed for certain.

import { examDifferences } from '../core/exam.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult } from '../core/snapshot.ts';
import { additivePermutation } from '../stats/additive-permutation.ts';
import { ratePredictive } from '../stats/empirical-bayes.ts';
import { fisherLess, type TwoArms } from '../stats/fisher.ts';
import { bh } from '../stats/multiple-testing.ts';
import { stratifiedExact } from '../stats/stratified-exact.ts';
import type { ArmTally } from './arm.ts';
import { tallyOf } from './arm.ts';
import { groupUnits } from './groups.ts';
import type { Confirmation } from './options.ts';
import type { PairedCase } from './pairing.ts';
import type { CasePrior } from './screen.ts';
import { CASE_LOOKS_WORSE } from './undecided.ts';

interface PassCount {
  readonly passed: number;
  readonly trials: number;
}

/** What the fresh trials of one case say. */
export interface FreshTest {
  readonly baseline: PassCount;
  readonly candidate: PassCount;
  /** One-sided p of a drop; null when the fresh trials gave no grade on a side that was run. */
  readonly p: number | null;
  /** Benjamini–Hochberg over all cases that were confirmed. */
  readonly q: number | null;
  /** Confirmed as regressed: q at or below the policy's rate for single cases. It fails the gate. */
  readonly listed: boolean;
}

export interface Confirmed {
  readonly tests: ReadonlyMap<string, FreshTest>;
  /** Cases that were given fresh trials in earnest. */
  readonly tested: number;
  /** The most certain one. */
  readonly best: { readonly id: string; readonly p: number; readonly q: number } | null;
  readonly listed: readonly string[];
  /** All of them as one set, on their first batch; null where the baseline's arm was not run. */
  readonly together: Together | null;
}

/** The flagged cases as one set: several that are each too uncertain can still be worse together. */
interface Together {
  readonly cases: number;
  readonly baseline: PassCount;
  readonly candidate: PassCount;
  /** One-sided p, stratified by case; exact, or by permutation where groups are declared. */
  readonly p: number;
}

/** Fresh trials an arm of the first batch; more of them are a second batch, for cases the first left open. */
const FIRST_BATCH = 8;
/** Of the rate for single cases, what the first batch may spend; the second has the rest. */
export const FIRST_SHARE = 0.4;

/** Any seed will do; a fixed one makes the same trials give the same p. */
const SET_SEED = 1;

const NO_TRIALS: ArmTally = {
  passed: 0,
  graded: 0,
  scoreSum: 0,
  planned: 0,
  missing: {},
  missingTotal: 0,
};

function freshTallies(
  cases: readonly CaseResult[],
  pairs: ReadonlyMap<string, PairedCase>,
  appError: Policy['appError'],
): Map<string, ArmTally> {
  const tallies = new Map<string, ArmTally>();
  for (const result of cases) {
    const pair = pairs.get(result.id);
    // Another exam would make them another measurement.
    if (pair !== undefined && examDifferences(pair.exam, result.exam).length === 0)
      tallies.set(result.id, tallyOf(result, appError));
  }
  return tallies;
}

/**
 * One-sided p of the fresh candidate trials. Both arms fresh: Fisher's exact on the fresh trials alone. Candidate only
 * (a stored baseline): predictive p given everything seen before, which stays valid although the case was picked on it.
 */
function freshP(
  pair: PairedCase,
  baseline: ArmTally | null,
  candidate: ArmTally,
  prior: CasePrior,
): number | null {
  if (candidate.graded === 0) return null;
  if (baseline !== null) {
    if (baseline.graded === 0) return null;
    const { passed: xA, graded: kA } = baseline;
    return fisherLess({ xA, kA, xB: candidate.passed, kB: candidate.graded }).p;
  }
  const history = {
    x: pair.baseline.passed + pair.candidate.passed,
    k: pair.baseline.graded + pair.candidate.graded,
  };
  return ratePredictive(prior.cautious, history, { x: candidate.passed, k: candidate.graded }).pLess;
}

/**
 * Tests every case that was given fresh trials. Cases are confirmed by Benjamini–Hochberg at the rate for single cases: when nothing
 * changed that is also the chance of confirming any. Each p is first divided by the share its batch may spend, because a case is
 * given the second batch on the strength of the first. `twoArms`: without fresh trials of the baseline's release nothing is confirmed.
 */
export function confirmCases(
  pairs: readonly PairedCase[],
  confirmation: Confirmation | undefined,
  prior: CasePrior,
  policy: Policy,
  twoArms = false,
): Confirmed {
  if (confirmation === undefined)
    return { tests: new Map(), tested: 0, best: null, listed: [], together: null };
  const byId = new Map(pairs.map((pair) => [pair.id, pair]));
  const stored = !twoArms && confirmation.baseline.length === 0;
  const before = freshTallies(confirmation.baseline, byId, policy.appError);
  const after = freshTallies(confirmation.candidate, byId, policy.appError);
  const rows = [...after]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, candidate]) => {
      const pair = byId.get(id);
      if (pair === undefined) return [];
      const baseline = stored ? null : (before.get(id) ?? NO_TRIALS);
      return [{ id, baseline, candidate, p: freshP(pair, baseline, candidate, prior) }];
    });
  const measured = rows.filter((row) => row.p !== null);
  const adjusted = bh(
    measured.map(({ p, candidate }) =>
      Math.min(1, (p ?? 1) / (candidate.graded <= FIRST_BATCH ? FIRST_SHARE : 1 - FIRST_SHARE)),
    ),
  );
  const qOf = new Map(measured.map((row, i) => [row.id, adjusted[i] ?? 1]));
  const tests = new Map<string, FreshTest>();
  let best: Confirmed['best'] = null;
  for (const { id, baseline, candidate, p } of rows) {
    const q = qOf.get(id) ?? null;
    if (p !== null && q !== null && (best === null || q < best.q || (q === best.q && p < best.p)))
      best = { id, p, q };
    tests.set(id, {
      baseline: { passed: baseline?.passed ?? 0, trials: baseline?.graded ?? 0 },
      candidate: { passed: candidate.passed, trials: candidate.graded },
      p,
      q,
      listed: q !== null && q <= policy.alphaCase,
    });
  }
  const listed = [...tests].filter(([, test]) => test.listed).map(([id]) => id);
  const together = stored ? null : togetherOf(confirmation, byId, policy.appError);
  return { tests, tested: rows.length, best, listed, together };
}

/** A second batch is given on the strength of the first, so only the first speaks for the set. */
function togetherOf(
  confirmation: Confirmation,
  pairs: ReadonlyMap<string, PairedCase>,
  appError: Policy['appError'],
): Together | null {
  const first = (cases: readonly CaseResult[]): Map<string, ArmTally> =>
    freshTallies(
      cases.map((c) => ({ ...c, plannedTrials: 0, trials: c.trials.slice(0, FIRST_BATCH) })),
      pairs,
      appError,
    );
  const before = first(confirmation.baseline);
  const compared: PairedCase[] = [];
  const strata = [...first(confirmation.candidate)].flatMap(([id, b]) => {
    const a = before.get(id);
    const pair = pairs.get(id);
    if (a === undefined || pair === undefined || a.graded === 0 || b.graded === 0) return [];
    compared.push(pair);
    return [{ xA: a.passed, kA: a.graded, xB: b.passed, kB: b.graded }];
  });
  if (strata.length < 2) return null;
  const sum = (pick: (s: (typeof strata)[number]) => number): number =>
    strata.reduce((n, s) => n + pick(s), 0);
  return {
    cases: strata.length,
    baseline: { passed: sum((s) => s.xA), trials: sum((s) => s.kA) },
    candidate: { passed: sum((s) => s.xB), trials: sum((s) => s.kB) },
    p: setP(strata, groupUnits(compared)),
  };
}

/** One-sided p of a drop of the set: exact over its cases; where groups are declared, their labels are exchanged whole. */
function setP(strata: readonly TwoArms[], units: Int32Array | undefined): number {
  if (units === undefined) return stratifiedExact(strata).pLess;
  const scores = strata.map(({ kB }) => Float64Array.from({ length: kB + 1 }, (_, x) => x / kB));
  return additivePermutation(strata, [{ scores, weight: 1 }], { seed: SET_SEED, units }).less.globalP;
}

/** Fresh trials that look this bad, short of a confirmation, earn a case the second batch; so do those that leave the answer open. */
const OPEN_Q = 0.3;

/** Cases that the first batch left open: they get as many trials again, in both arms. */
export function openCases(
  tests: Iterable<readonly [string, Pick<FreshTest, 'p' | 'q' | 'listed' | 'candidate'>]>,
): string[] {
  return [...tests].flatMap(([id, { p, q, listed, candidate }]) => {
    const open = (q !== null && q <= OPEN_Q) || (p !== null && p <= CASE_LOOKS_WORSE);
    return !listed && open && candidate.trials <= FIRST_BATCH ? [id] : [];
  });
}

/** Candidate trials of a flagged case at or below this p keep it flagged. */
const SORT_P = 0.25;

/** What the candidate's own fresh trials say of a flagged case: enough to drop the suspicion, never enough to confirm it. */
export interface SortTest extends PassCount {
  readonly cleared: boolean;
}

/** Sorts flagged cases by fresh candidate trials, against what is stored of the baseline. */
export function sortTests(
  sorted: readonly CaseResult[],
  pairs: readonly PairedCase[],
  prior: CasePrior,
  { appError }: Pick<Policy, 'appError'>,
): Map<string, SortTest> {
  const byId = new Map(pairs.map((pair) => [pair.id, pair]));
  const tests = new Map<string, SortTest>();
  for (const [id, { passed, graded }] of freshTallies(sorted, byId, appError)) {
    const pair = byId.get(id);
    if (pair === undefined || graded === 0) continue;
    const { baseline } = pair;
    const { pLess } = ratePredictive(
      prior.cautious,
      { x: baseline.passed, k: baseline.graded },
      { x: passed, k: graded },
    );
    tests.set(id, { passed, trials: graded, cleared: pLess > SORT_P });
  }
  return tests;
}
