// Which stage can find what: how many calls a gate needs to act, and how many a stage brings.

import type { RolloutGateSpec, RolloutStage } from '../core/rollout.ts';
import type { GatePlan, StagePlan } from '../core/rollout-plan.ts';
import { controlShare, harmfulShares, isTested, NOTHING } from './gate-evidence.ts';

export interface PlannedGate {
  readonly gate: RolloutGateSpec;
  /** Of all calls, how many tell something about the signal. */
  readonly known: number;
  /** By stage: how many times the variance of independent calls. */
  readonly designEffects: readonly number[];
}

const DAY_MS = 86_400_000;
/** A task costs this much more or less than the mean (standard deviation over mean), where nothing is known. */
const SPREAD = 0.8;

export function planStages(
  stages: readonly RolloutStage[],
  gates: readonly PlannedGate[],
  { perDay, alpha }: { readonly perDay: number; readonly alpha: number },
): readonly StagePlan[] {
  const tested = gates.filter(({ gate }) => isTested(gate)).length;
  const compared = Math.max(1, stages.filter((s) => s.percent < 100).length);
  return stages.map(({ percent, forMs }, stage) => {
    const calls = forMs === null ? null : (perDay * percent * forMs) / 100 / DAY_MS;
    const planned = gates.map(({ gate, known, designEffects }): GatePlan => {
      const designEffect = designEffects[stage] ?? 1;
      const needed = Math.log((tested * compared * 2) / alpha) * designEffect;
      const growth = growthPerCall(gate, percent / 100);
      const forTest = growth === null || known === 0 ? null : Math.ceil(needed / growth / known);
      const ruleCalls = known === 0 ? Number.POSITIVE_INFINITY : Math.ceil((gate.over?.count ?? 20) / known);
      return {
        signal: gate.signal,
        calls: forTest,
        designEffect,
        ruleCalls,
        finds: forTest !== null && calls !== null && forTest <= calls,
        reads: calls !== null && ruleCalls <= calls,
      };
    });
    return { percent, forMs, calls, gates: planned };
  });
}

/** Expected growth of the ln of the capital with one known call of the candidate, under the smallest harm. null = there is no test. */
function growthPerCall(gate: RolloutGateSpec, share: number): number | null {
  if (!isTested(gate) || share >= 1) return null;
  if (gate.measure.kind === 'ratio') return meanGrowth(gate);
  const control = controlShare(gate, NOTHING);
  const harm = harmfulShares(gate, control)[0] as number;
  // Of the hits, how many fall to the candidate: with the harm, and without.
  const hits = share * harm + (1 - share) * control;
  return (hits / share) * divergence((share * harm) / hits, share);
}

function meanGrowth({ rule, history, reference }: RolloutGateSpec): number | null {
  const mean = reference ?? (history.hits === 0 ? null : history.sum / history.hits);
  const half =
    rule.kind === 'times'
      ? (rule.times - 1) / 2
      : rule.kind === 'worse-by' && mean
        ? rule.share / 2 / mean
        : null;
  if (half === null || half <= 0) return null;
  const edge = half / (1 + half);
  return edge ** 2 / 2 / (SPREAD ** 2 + edge ** 2);
}

/** Kullback-Leibler divergence of two shares. */
function divergence(p: number, q: number): number {
  return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
}
