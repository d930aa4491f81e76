// Single cases at night: those that look worse are given fresh trials, and only those trials can raise an alarm.

import { examDifferences } from '../core/exam.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import { ratePredictive } from '../stats/empirical-bayes.ts';
import { fisherLess } from '../stats/fisher.ts';
import { bh } from '../stats/multiple-testing.ts';
import { tallyOf } from './arm.ts';
import { NIGHT_LEVELS, type NightCase, type NightEvidence } from './night-levels.ts';
import { settingsOf } from './options.ts';
import type { PairedCase } from './pairing.ts';
import { CasePrior, screenDrops } from './screen.ts';

/** Weight of ignorance in the prior behind an alarm on a single case. */
const PRIOR_DOUBT = 0.1;

/** The flagged cases with what their fresh trials say, given everything seen of them before (so that picking them does no harm). */
export function lookAtCases(
  e: NightEvidence,
  tonight: SnapshotResults,
  pairs: readonly PairedCase[],
): NightCase[] {
  const prior = new CasePrior(pairs);
  const { seed } = settingsOf(e.baseline.summary, tonight.summary, e);
  const byId = new Map(pairs.map((pair) => [pair.id, pair]));
  const { flagged } = screenDrops(pairs, prior, seed);
  const rows = flagged.flatMap((id) => {
    const pair = byId.get(id);
    if (pair === undefined) return [];
    const batches = (e.fresh ?? []).filter(
      (c) => c.id === id && examDifferences(c.exam, pair.exam).length === 0,
    );
    const tallies = batches.map((batch) => tallyOf(batch, e.policy.appError));
    const passed = tallies.reduce((sum, t) => sum + t.passed, 0);
    const trials = tallies.reduce((sum, t) => sum + t.graded, 0);
    const p = trials === 0 ? null : freshP(pair, { passed, trials }, prior);
    const last = tallies.at(-1);
    // The last batch is made later than the first: a case that only fails in a bad hour passes it.
    const pLast =
      tallies.length < 2 || last === undefined || last.graded === 0
        ? 1
        : freshP(pair, { passed: last.passed, trials: last.graded }, prior);
    return [{ pair, fresh: trials === 0 ? null : { passed, trials }, p, pLast }];
  });
  const measured = rows.filter((r) => r.p !== null);
  const q = new Map(
    bh(measured.map((r) => r.p ?? 1)).map((value, i) => [measured[i]?.pair.id ?? '', value] as const),
  );
  return rows.map(({ pair, fresh, p, pLast }) => {
    const adjusted = p === null ? null : p * rows.length;
    const listed = (q.get(pair.id) ?? 1) <= e.policy.alphaList;
    return {
      id: pair.id,
      baseline: { passed: pair.baseline.passed, trials: pair.baseline.graded },
      tonight: { passed: pair.candidate.passed, trials: pair.candidate.graded },
      fresh,
      p,
      q: q.get(pair.id) ?? null,
      outcome:
        adjusted === null
          ? 'suspected'
          : adjusted <= NIGHT_LEVELS.caseAlarm && pLast * rows.length <= NIGHT_LEVELS.caseMore
            ? 'alarm'
            : listed
              ? 'listed'
              : 'cleared',
    };
  });
}

/** p of the fresh passes: predictive under the suite's prior; Fisher's against the baseline where the suite is too small for a prior. */
function freshP(
  { baseline, candidate }: PairedCase,
  fresh: { passed: number; trials: number },
  prior: CasePrior,
): number {
  if (!prior.trusted)
    return fisherLess({ xA: baseline.passed, kA: baseline.graded, xB: fresh.passed, kB: fresh.trials }).p;
  const history = { x: baseline.passed + candidate.passed, k: baseline.graded + candidate.graded };
  return ratePredictive(doubted(prior.prior), history, { x: fresh.passed, k: fresh.trials }).pLess;
}

/**
 * The prior mixed with a tenth of ignorance (equal weight on every rate): a suite of some dozen cases says too little about rare
 * rates for odds of one in ten thousand, and with few baseline trials the fitted prior alone raises false alarms.
 */
function doubted(prior: CasePrior['prior']): CasePrior['prior'] {
  const ignorance = PRIOR_DOUBT / prior.weights.length;
  return { ...prior, weights: prior.weights.map((w) => (1 - PRIOR_DOUBT) * w + ignorance) };
}

/** Cases that need fresh trials: the first batch at once, the second one later, in another hour. */
export function casesWanted(
  cases: readonly NightCase[],
  fresh: readonly CaseResult[],
): { readonly now: readonly string[]; readonly later: readonly string[] } {
  const batches = (id: string): number => fresh.filter((c) => c.id === id).length;
  return {
    now: cases.flatMap(({ id }) => (batches(id) === 0 ? [id] : [])),
    later: cases.flatMap(({ id, p }) =>
      batches(id) === 1 && p !== null && p * cases.length <= NIGHT_LEVELS.caseMore ? [id] : [],
    ),
  };
}
