// The parts of a comparison that only count: arms, coverage, case counts, generality, and notes about the snapshots themselves.

import { count, probability } from '../base/numbers.ts';
import type {
  ArmSummary,
  CaseDelta,
  Comparison,
  ComparisonPool,
  Coverage,
  LeftOutRun,
} from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import type { SnapshotResults, SnapshotSummary } from '../core/snapshot.ts';
import { clusteredMean, clusterSignFlip, FEW_CLUSTERS } from '../stats/clustered-mean.ts';
import { rateOf, tallyOf } from './arm.ts';
import type { Availability } from './availability.ts';
import { deltasOf } from './evidence.ts';
import type { PairedCase, Pairing } from './pairing.ts';
import { armRate } from './slices.ts';

/** What could be compared, and what was lost. */
export function coverageOf(pairing: Pairing, availability: Availability): Coverage {
  const ids = (state: string): string[] => pairing.unpaired.filter((c) => c.state === state).map((c) => c.id);
  const lists = {
    added: ids('added'),
    removed: ids('removed'),
    edited: ids('edited'),
    ungraded: ids('ungraded'),
  };
  const paired = pairing.paired.length;
  const lost = Object.entries(lists)
    .filter(([, list]) => list.length > 0)
    .map(([state, list]) => `${list.length} ${state}`);
  const total = paired + pairing.unpaired.length;
  const sentence = `${paired} of ${count(total, 'case')} compared${lost.length === 0 ? '' : `; ${lost.join(', ')}`}`;
  return {
    paired,
    ...lists,
    missing: { baseline: availability.baseline, candidate: availability.candidate },
    sentence,
  };
}

/** One arm over the compared cases. */
export function armSummary(
  summary: SnapshotSummary,
  pairs: readonly PairedCase[],
  arm: 'baseline' | 'candidate',
): ArmSummary {
  const rate = pairs.length === 0 ? null : armRate(pairs, arm);
  let scores = 0;
  for (const pair of pairs) scores += pair[arm].scoreSum / pair[arm].graded;
  const { id, release, fingerprint, exam, startedAt, validity, validityReasons, simulated, imported } =
    summary;
  return {
    id,
    release,
    fingerprint,
    exam,
    startedAt,
    validity,
    validityReasons,
    simulated,
    ...(imported === true ? { imported } : {}),
    passRate: rate?.passRate ?? null,
    meanScore: pairs.length === 0 ? null : scores / pairs.length,
    cases: pairs.length,
    trials: rate?.trials ?? 0,
    passed: rate?.passed ?? 0,
    spent: {
      calls: summary.calls,
      costUsd: summary.costUsd,
      ...(summary.unpricedTrials === undefined
        ? {}
        : { knownCostUsd: summary.knownCostUsd ?? 0, unpricedTrials: summary.unpricedTrials }),
      judgeCostUsd: summary.judgeCostUsd,
      ...(summary.unpricedJudgings === undefined
        ? {}
        : { knownJudgeCostUsd: summary.knownJudgeCostUsd ?? 0, unpricedJudgings: summary.unpricedJudgings }),
      judge: summary.judge,
    },
  };
}

/** Would it hold for other cases like these? Cases of one group count as one observation. */
export function generalise(
  pairs: readonly PairedCase[],
  seed: number,
): Comparison['overall']['generalisation'] {
  const d = [...deltasOf(pairs)];
  // A case without a group stands for itself, and is its own key.
  const clusters = pairs.map((pair): unknown => pair.group ?? pair);
  const count = new Set(clusters).size;
  if (count < FEW_CLUSTERS) {
    const { pTwoSided } = clusterSignFlip(d, clusters, { seed });
    const note = `too few clusters (${count}) for an interval; sign-flip p = ${probability(pTwoSided)}`;
    return { interval: null, clusters: count, note };
  }
  const { lo95, hi95 } = clusteredMean(d, clusters);
  return { interval: lo95 === null || hi95 === null ? null : [lo95, hi95], clusters: count, note: null };
}

/** Cases per verdict. */
export function countsOf(cases: readonly CaseDelta[]): Comparison['counts'] {
  const counts: Record<keyof Comparison['counts'], number> = {
    regressed: 0,
    improved: 0,
    unchanged: 0,
    inconclusive: 0,
    added: 0,
    removed: 0,
    edited: 0,
    ungraded: 0,
  };
  for (const { verdict } of cases) counts[verdict] += 1;
  return counts;
}

/** What a reader must know of the snapshots before believing a number. */
export function snapshotNotes(baseline: SnapshotSummary, candidate: SnapshotSummary): string[] {
  const notes: string[] = [];
  for (const [arm, summary] of [
    ['baseline', baseline],
    ['candidate', candidate],
  ] as const) {
    if (summary.validity === 'degraded')
      notes.push(`the ${arm} snapshot is degraded: ${summary.validityReasons.join('; ')}`);
    if (summary.simulated) notes.push(`the ${arm}'s answers come from a simulator or a recording`);
  }
  return notes;
}

/** The runs that make up the baseline, and what its own run shows of the compared cases. */
export function poolOf(
  baseline: SnapshotResults,
  { paired, pooled }: Pairing,
  { appError }: Pick<Policy, 'appError'>,
  leftOut: readonly LeftOutRun[] = [],
): ComparisonPool {
  // In the order of the pairs: the order of the cases must not change the last digit.
  const byId = new Map(baseline.cases.map((c) => [c.id, c]));
  const own = paired.flatMap(({ id }) => {
    const found = byId.get(id);
    const tally = found === undefined ? null : tallyOf(found, appError);
    return tally === null || tally.graded === 0 ? [] : [tally];
  });
  return {
    runs: [baseline.summary.id, ...pooled.map((run) => run.summary.id)],
    ownPassRate: own.length === 0 ? null : own.reduce((sum, tally) => sum + rateOf(tally), 0) / own.length,
    leftOut,
  };
}

/** What the baseline was pooled from. */
export function poolingNotes(pairing: Pairing): string[] {
  if (pairing.pooled.length === 0) return [...pairing.poolNotes];
  return [
    `the baseline is pooled over ${pairing.pooled.length + 1} snapshots of its fingerprint`,
    ...pairing.poolNotes,
  ];
}
