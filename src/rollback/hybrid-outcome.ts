// The oracle of a bisection: do a hybrid's fresh trials look like what was good, like what is bad, or in between?

import { probability } from '../base/numbers.ts';
import type { CaseResult } from '../core/index.ts';
import { stratifiedExact } from '../stats/index.ts';
import type { OracleOutcome } from './delta-debug.ts';
import { type PassCounts, tally } from './regression.ts';

/** One-sided level of each of the two tests; a search asks about a handful of hybrids. */
const ORACLE_ALPHA = 0.01;
/** Share of the way from bad to good from which (and up to which) a hybrid counts as cured (as still broken). */
const CURED = 0.75;
const BROKEN = 0.25;

/** Tallies by case id. */
export type Tallies = ReadonlyMap<string, PassCounts>;

export interface HybridOutcome {
  readonly outcome: OracleOutcome;
  readonly passed: number;
  readonly trials: number;
  /** Cases of the probe that mostly pass. */
  readonly recovered: number;
  /** (rate - bad) / (good - bad) of the mean case pass rates; null when good and bad do not differ. */
  readonly recovery: number | null;
  readonly pWorseThanGood: number;
  readonly pBetterThanBad: number;
  readonly reason: string;
}

/** Sums the trials of several runs, case by case. */
export function pooledTallies(runs: readonly (readonly CaseResult[])[], ids: readonly string[]): Tallies {
  const wanted = new Set(ids);
  const sums = new Map<string, PassCounts>();
  for (const cases of runs) {
    for (const c of cases) {
      if (!wanted.has(c.id)) continue;
      const t = tally(c);
      const before = sums.get(c.id) ?? { passed: 0, trials: 0 };
      sums.set(c.id, { passed: before.passed + t.passed, trials: before.trials + t.trials });
    }
  }
  return sums;
}

/**
 * Exact stratified tests (conditional Cochran–Mantel–Haenszel) of the hybrid against both ends, and how far it recovered.
 * `good`: better than bad, not shown worse than good, and most of the way there; `bad`: the mirror; `partly`: different from both.
 */
export function hybridOutcome(hybrid: Tallies, good: Tallies, bad: Tallies): HybridOutcome {
  const ids = [...hybrid].filter(([, t]) => t.trials > 0).map(([id]) => id);
  const passed = ids.reduce((n, id) => n + (hybrid.get(id)?.passed ?? 0), 0);
  const trials = ids.reduce((n, id) => n + (hybrid.get(id)?.trials ?? 0), 0);
  const recovered = ids.filter((id) => rateOf(hybrid.get(id)) > 0.5).length;
  const pWorseThanGood = testAgainst(good, hybrid, ids).pLess;
  const pBetterThanBad = testAgainst(bad, hybrid, ids).pGreater;
  const [now, then, broken] = [meanRate(hybrid, ids), meanRate(good, ids), meanRate(bad, ids)];
  const recovery = then - broken < 1e-9 ? null : (now - broken) / (then - broken);
  const worse = pWorseThanGood <= ORACLE_ALPHA;
  const better = pBetterThanBad <= ORACLE_ALPHA;
  const outcome: OracleOutcome =
    trials === 0 || recovery === null
      ? 'inconclusive'
      : worse && better
        ? 'partly'
        : better && recovery >= CURED
          ? 'good'
          : worse && recovery <= BROKEN
            ? 'bad'
            : 'inconclusive';
  const reason = `passes ${passed} of ${trials} trials (${recovered} of ${ids.length} cases mostly pass); worse than good p = ${probability(pWorseThanGood)}, better than bad p = ${probability(pBetterThanBad)}`;
  return { outcome, passed, trials, recovered, recovery, pWorseThanGood, pBetterThanBad, reason };
}

function testAgainst(
  reference: Tallies,
  hybrid: Tallies,
  ids: readonly string[],
): { pLess: number; pGreater: number } {
  const strata = ids.flatMap((id) => {
    const a = reference.get(id);
    const b = hybrid.get(id);
    return a === undefined || b === undefined || a.trials === 0 || b.trials === 0
      ? []
      : [{ xA: a.passed, kA: a.trials, xB: b.passed, kB: b.trials }];
  });
  return strata.length === 0 ? { pLess: 1, pGreater: 1 } : stratifiedExact(strata);
}

function rateOf(t: PassCounts | undefined): number {
  return t === undefined || t.trials === 0 ? 0 : t.passed / t.trials;
}

function meanRate(tallies: Tallies, ids: readonly string[]): number {
  const known = ids.filter((id) => (tallies.get(id)?.trials ?? 0) > 0);
  return known.length === 0 ? 0 : known.reduce((sum, id) => sum + rateOf(tallies.get(id)), 0) / known.length;
}
