// Fresh trials of flagged cases: the only evidence on which a single case is called regressed for certain.

import { examDifferences } from '../core/exam.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult } from '../core/snapshot.ts';
import { ratePredictive } from '../stats/empirical-bayes.ts';
import { fisherLess } from '../stats/fisher.ts';
import { bh } from '../stats/multiple-testing.ts';
import type { ArmTally } from './arm.ts';
import { tallyOf } from './arm.ts';
import type { Confirmation } from './options.ts';
import type { PairedCase } from './pairing.ts';
import type { CasePrior } from './screen.ts';

export interface PassCount {
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
  /** On the list of regressed cases (q at or below the policy's rate). */
  readonly listed: boolean;
}

export interface Confirmed {
  readonly tests: ReadonlyMap<string, FreshTest>;
  /** Cases that were given fresh trials; the Bonferroni factor of the gate. */
  readonly tested: number;
  /** The most certain one. */
  readonly best: { readonly id: string; readonly p: number } | null;
  readonly listed: readonly string[];
}

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

/** Tests every case that was given fresh trials. */
export function confirmCases(
  pairs: readonly PairedCase[],
  confirmation: Confirmation | undefined,
  prior: CasePrior,
  policy: Policy,
): Confirmed {
  if (confirmation === undefined) return { tests: new Map(), tested: 0, best: null, listed: [] };
  const byId = new Map(pairs.map((pair) => [pair.id, pair]));
  const stored = confirmation.baseline.length === 0;
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
  const adjusted = bh(measured.map((row) => row.p ?? 1));
  const qOf = new Map(measured.map((row, i) => [row.id, adjusted[i] ?? 1]));
  const tests = new Map<string, FreshTest>();
  let best: Confirmed['best'] = null;
  for (const { id, baseline, candidate, p } of rows) {
    const q = qOf.get(id) ?? null;
    if (p !== null && (best === null || p < best.p)) best = { id, p };
    tests.set(id, {
      baseline: { passed: baseline?.passed ?? 0, trials: baseline?.graded ?? 0 },
      candidate: { passed: candidate.passed, trials: candidate.graded },
      p,
      q,
      listed: q !== null && q <= policy.alphaList,
    });
  }
  const listed = [...tests].filter(([, test]) => test.listed).map(([id]) => id);
  return { tests, tested: rows.length, best, listed };
}
