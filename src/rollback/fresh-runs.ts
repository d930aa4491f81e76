// Fresh trials of one candidate: several runs as one, and the short probe of the regressed cases.

import { probability } from '../base/numbers.ts';
import type { CaseResult, SnapshotResults } from '../core/index.ts';
import { examDifferences, type Reason, reason, statistic } from '../core/index.ts';
import { stratifiedExact } from '../stats/index.ts';
import { byId, type PassCounts, tally } from './regression.ts';

/** Levels at which a short probe of the regressed cases may refuse a candidate: alone, and where most of its trials fail too. */
const PROBE_ALPHA = 0.001;
const PROBE_ALPHA_FAILING = 0.01;

/** Trials of several runs of one release as one, every case that any of them has; the last run's summary, with the worst validity of them all. */
export function mergeRuns(runs: readonly SnapshotResults[]): SnapshotResults {
  const last = runs.at(-1);
  if (last === undefined) throw new RangeError('mergeRuns needs at least one run');
  const order = ['valid', 'degraded', 'invalid'] as const;
  const worst = Math.max(...runs.map((r) => order.indexOf(r.summary.validity)));
  const merged = new Map<string, CaseResult>();
  for (const c of runs.flatMap((run) => run.cases)) {
    const before = merged.get(c.id);
    const trials = [...(before?.trials ?? []), ...c.trials].map((t, trial) => ({ ...t, trial }));
    merged.set(c.id, { ...c, plannedTrials: (before?.plannedTrials ?? 0) + c.plannedTrials, trials });
  }
  return {
    summary: {
      ...last.summary,
      validity: order[worst] ?? 'invalid',
      validityReasons: [...new Set(runs.flatMap((r) => r.summary.validityReasons))],
    },
    cases: [...merged.values()],
  };
}

/** What a few fresh trials of the regressed cases alone say. They can only refuse: proof takes the whole suite. */
export type ProbeVerdict =
  | { readonly outcome: 'refused'; readonly detail: Reason }
  | { readonly outcome: 'go-on'; readonly detail: string };

/** Refuses when the probe is worse than the baseline pool on the probed cases beyond doubt; less doubt is needed where most of it fails. */
export function judgeProbe(input: {
  readonly fresh: SnapshotResults;
  readonly baselinePool: readonly SnapshotResults[];
}): ProbeVerdict {
  const pools = input.baselinePool.map(byId);
  const strata: { xA: number; kA: number; xB: number; kB: number }[] = [];
  for (const c of input.fresh.cases) {
    const b = tally(c);
    const a = pools
      .map((pool) => pool.get(c.id))
      .filter((p) => p !== undefined && examDifferences(p.exam, c.exam).length === 0)
      .map((p) => tally(p))
      .reduce<PassCounts>((sum, t) => ({ passed: sum.passed + t.passed, trials: sum.trials + t.trials }), {
        passed: 0,
        trials: 0,
      });
    if (a.trials > 0 && b.trials > 0) strata.push({ xA: a.passed, kA: a.trials, xB: b.passed, kB: b.trials });
  }
  const passed = strata.reduce((n, s) => n + s.xB, 0);
  const trials = strata.reduce((n, s) => n + s.kB, 0);
  const said = `passes ${passed} of ${trials} trials of ${strata.length} regressed case${strata.length === 1 ? '' : 's'}`;
  if (trials === 0) return { outcome: 'go-on', detail: 'nothing was graded' };
  const { pLess } = stratifiedExact(strata);
  return pLess <= (passed < trials / 2 ? PROBE_ALPHA_FAILING : PROBE_ALPHA)
    ? {
        outcome: 'refused',
        detail: reason`${said}, worse than the baseline${statistic(` (one-sided exact p = ${probability(pLess)})`)}`,
      }
    : { outcome: 'go-on', detail: said };
}
