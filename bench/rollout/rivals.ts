// What else a canary may be judged by: the literal rule, tests of a fixed size, and the mixture SPRT.

import type { ArmCounts, RolloutGateSpec } from '../../src/core/rollout.ts';
import { normalTail } from './draws.ts';
import { COST_SPREAD } from './traffic.ts';

export interface Totals {
  readonly candidate: ArmCounts;
  readonly control: ArmCounts;
}

/** The first action of a rollout. */
export interface Act {
  readonly signal: string;
  /** Calls that the candidate had answered by then. */
  readonly exposed: number;
  readonly hours: number;
}

interface Place {
  readonly gates: number;
  readonly stages: number;
  readonly isStageEnd: boolean;
  readonly literal: string;
}

const ALPHA = 0.05;

/** Difference of the arms and its variance; costs are tested against the approved price, with their true spread. */
function difference(
  gate: RolloutGateSpec,
  { candidate: c, control: a }: Totals,
): { d: number; v: number } | null {
  if (gate.measure.kind === 'ratio') {
    const limit = gate.reference ?? 0;
    if (c.n < 20) return null;
    const mean = c.sum / c.n;
    return { d: mean - limit * 0.8, v: ((COST_SPREAD * mean) ** 2 + limit ** 2 * 0.16) / c.n };
  }
  if (c.n === 0 || a.n === 0) return null;
  const pooled = (c.hits + a.hits) / (c.n + a.n);
  const v = pooled * (1 - pooled) * (1 / c.n + 1 / a.n);
  return v === 0 ? null : { d: c.hits / c.n - a.hits / a.n, v };
}

const pOf = (found: { d: number; v: number } | null): number =>
  found === null ? 1 : normalTail(found.d / Math.sqrt(found.v));

/** The smallest harm of a gate, as a difference. */
function harm({ rule, measure, history, reference }: RolloutGateSpec): number {
  const share = history.hits / history.n;
  if (measure.kind === 'ratio') return (reference ?? 0) * 0.8 * 0.25;
  if (measure.kind === 'quantile') return 0.05 - share;
  if (rule.kind === 'above') return rule.share - share;
  return rule.kind === 'times' ? share : 0.05;
}

export const RIVALS = {
  'literal rule, each minute': (_gate: RolloutGateSpec, _totals: Totals, { literal }: Place) =>
    literal === 'red',
  'z-test p < 0.05, each minute': (gate: RolloutGateSpec, totals: Totals) =>
    pOf(difference(gate, totals)) < ALPHA,
  'z-test, Bonferroni, at stage ends': (
    gate: RolloutGateSpec,
    totals: Totals,
    { gates, stages, isStageEnd }: Place,
  ) => isStageEnd && pOf(difference(gate, totals)) < ALPHA / gates / stages,
  /** Johari et al. 2017 with the mixing variance at the smallest harm, Bonferroni over gates. */
  'mSPRT, Bonferroni, each minute': (gate: RolloutGateSpec, totals: Totals, { gates }: Place) => {
    const found = difference(gate, totals);
    if (found === null || found.d <= 0) return false;
    const { d, v } = found;
    const tau2 = harm(gate) ** 2;
    return 0.5 * Math.log(v / (v + tau2)) + (tau2 * d * d) / (2 * v * (v + tau2)) >= Math.log(gates / ALPHA);
  },
} as const;
export type RivalName = keyof typeof RIVALS;
