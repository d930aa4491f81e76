// Single cases at night: those that look worse are given fresh trials, and only those trials can raise an alarm.

import { examDifferences } from '../core/exam.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import { ratePredictive } from '../stats/empirical-bayes.ts';
import { fisherLess } from '../stats/fisher.ts';
import { bh } from '../stats/multiple-testing.ts';
import { tallyOf } from './arm.ts';
import { NIGHT_LEVELS, type NightCase, type NightEvidence } from './night-evidence.ts';
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
    const helpings = (e.fresh ?? []).filter(
      (c) => c.id === id && examDifferences(c.exam, pair.exam).length === 0,
    );
    let passed = 0;
    let trials = 0;
    for (const helping of helpings) {
      const tally = tallyOf(helping, e.policy.appError);
      passed += tally.passed;
      trials += tally.graded;
    }
    const p = trials === 0 ? null : freshP(pair, { passed, trials }, prior);
    return [{ pair, helpings: helpings.length, fresh: trials === 0 ? null : { passed, trials }, p }];
  });
  const measured = rows.filter((r) => r.p !== null);
  const q = new Map(
    bh(measured.map((r) => r.p ?? 1)).map((value, i) => [measured[i]?.pair.id ?? '', value] as const),
  );
  return rows.map(({ pair, helpings, fresh, p }) => {
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
          : helpings >= 2 && adjusted <= NIGHT_LEVELS.caseAlarm
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

/** Cases that need (more) fresh trials. */
export function casesWanted(cases: readonly NightCase[], fresh: readonly CaseResult[]): string[] {
  return cases.flatMap(({ id, p }) => {
    const helpings = fresh.filter((c) => c.id === id).length;
    if (helpings === 0) return [id];
    return helpings === 1 && p !== null && p * cases.length <= NIGHT_LEVELS.caseMore ? [id] : [];
  });
}
