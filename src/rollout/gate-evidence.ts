// The evidence of one gate: e-processes by start and by size of the harm, learnt block by block.

import type { ArmCounts, GateBlock, RolloutGateSpec } from '../core/rollout.ts';
import { logMixture, twoArmLogE } from '../stats/two-arm-evidence.ts';

export const NOTHING: ArmCounts = { n: 0, hits: 0, sum: 0 };

/** Shares: the smallest harm of the ticket, twice and four times as much, and half of all. Most of the bet is on the smallest. */
const SHARE_WEIGHTS = [0.5, 0.25, 0.15, 0.1];
/** Means: parts of the capital that are bet. */
const BETS = [0.25, 0.5, 0.9];
const CALL_WEIGHTS = { share: SHARE_WEIGHTS, ratio: [1 / 3, 1 / 3, 1 / 3] };
/** By units: means are tested against the smallest harm, twice and four times as much. */
export const UNIT_WEIGHTS = { share: SHARE_WEIGHTS, ratio: [0.5, 0.3, 0.2] };
/** Fewer tasks of the candidate wait for the next block: a mean of one task says little. */
const SMALLEST_MEAN_BLOCK = 5;
/** The control's history is worth at most this many calls as a guess of its rate. */
const MOST_HISTORY = 2000;

/** Calls that the past is worth beside the rate of a block. */
const PAST_WORTH = 500;

export interface GateEvidence {
  /** ln of the capital by start (one for each stage) and alternative. A stage that has not begun has none. */
  readonly capital: readonly (readonly number[])[];
  /** What is too little for a block of its own. */
  readonly carry: { readonly candidate: ArmCounts; readonly control: ArmCounts };
  /** The control since the start. */
  readonly control: ArmCounts;
}

export const NO_EVIDENCE: GateEvidence = {
  capital: [],
  carry: { candidate: NOTHING, control: NOTHING },
  control: NOTHING,
};

export function addArms(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { n: a.n + b.n, hits: a.hits + b.hits, sum: a.sum + b.sum };
}

/** Has the signal of a gate an anytime-valid test? Others act by the literal rule. */
export function isTested({ rule, measure }: RolloutGateSpec): boolean {
  return rule.kind !== 'count' && !(measure.kind === 'ratio' && rule.kind === 'above');
}

/** Learns one block. `stage` = the present one: its e-process begins with this block where it has none. */
export function learnBlock(
  gate: RolloutGateSpec,
  before: GateEvidence,
  { candidate, control }: Pick<GateBlock, 'candidate' | 'control'>,
  stage: number,
): GateEvidence {
  const block = {
    candidate: addArms(before.carry.candidate, candidate),
    control: addArms(before.carry.control, control),
  };
  if (!isTested(gate) || !isWhole(gate, block)) return { ...before, carry: block };
  const steps =
    gate.measure.kind === 'ratio' ? meanSteps(gate, before, block) : shareSteps(gate, before, block);
  const capital = Array.from({ length: stage + 1 }, (_, start) =>
    steps.map((step, i) => (before.capital[start]?.[i] ?? 0) + step),
  );
  return {
    capital,
    carry: { candidate: NOTHING, control: NOTHING },
    control: addArms(before.control, block.control),
  };
}

/** Replaces what the units of a stage say: it was counted anew since the stage began. */
export function learnUnits(before: GateEvidence, logs: readonly number[], stage: number): GateEvidence {
  const capital = Array.from({ length: Math.max(stage + 1, before.capital.length) }, (_, i) =>
    i === stage ? logs : (before.capital[i] ?? logs.map(() => 0)),
  );
  return { ...before, capital };
}

/** ln of the e-value: the mean over all stages of the ladder. A stage that has not begun counts as 1. */
export function logEValue(
  gate: RolloutGateSpec,
  { capital }: GateEvidence,
  stages: number,
  { share, ratio }: typeof UNIT_WEIGHTS = CALL_WEIGHTS,
): number {
  const weights = gate.measure.kind === 'ratio' ? ratio : share;
  const logs = Array.from({ length: stages }, (_, start) => {
    const begun = capital[start];
    return begun === undefined ? 0 : logMixture(begun, weights);
  });
  return logMixture(logs, new Array<number>(stages).fill(1 / stages));
}

/** Decided by sizes only, never by what was seen: else the choice of blocks would be evidence. */
function isWhole(
  gate: RolloutGateSpec,
  { candidate, control }: Pick<GateBlock, 'candidate' | 'control'>,
): boolean {
  if (gate.measure.kind !== 'ratio') return candidate.n > 0 && control.n > 0;
  return candidate.n >= SMALLEST_MEAN_BLOCK && (gate.reference !== null || control.n >= SMALLEST_MEAN_BLOCK);
}

/** Both arms meet the same hour, so what happens to both is no evidence. */
function shareSteps(
  gate: RolloutGateSpec,
  { control }: GateEvidence,
  block: Pick<GateBlock, 'candidate' | 'control'>,
): number[] {
  const past = controlShare(gate, control);
  const { n, hits } = addArms(block.candidate, block.control);
  // An incident that both arms share raises the rate of the block. The test is conditional on that rate, so the bet may follow it.
  const share = Math.max(past, (past * PAST_WORTH + hits) / (PAST_WORTH + n) / 3);
  return harmfulShares(gate, share).map((harm) =>
    twoArmLogE(block.candidate, block.control, oddsRatio(harm, share)),
  );
}

/** The control's rate, guessed from the past only: it sets how much is bet, not whether the bet is fair. 2% where nothing is known. */
export function controlShare({ history }: Pick<RolloutGateSpec, 'history'>, seen: ArmCounts): number {
  const worth = history.n === 0 ? 0 : Math.min(1, MOST_HISTORY / history.n);
  return (seen.hits + history.hits * worth + 0.5) / (seen.n + history.n * worth + 25);
}

function oddsRatio(harm: number, share: number): number {
  return (harm * (1 - share)) / (share * (1 - harm));
}

/** The smallest harmful share that the ticket names, given the control's, and larger ones. */
export function harmfulShares({ rule, measure }: RolloutGateSpec, control: number): number[] {
  const smallest =
    measure.kind === 'quantile'
      ? Math.max(1 - measure.q, 2 * control)
      : rule.kind === 'above'
        ? Math.max(rule.share, 2 * control)
        : rule.kind === 'times'
          ? rule.times * control
          : rule.kind === 'worse-by'
            ? control + rule.share
            : 2 * control;
  const harm = smallest - control;
  return [smallest, control + 2 * harm, control + 4 * harm, Math.max(0.5, smallest)].map((p) =>
    Math.min(p, 0.98),
  );
}

/** Bets against "not dearer than halfway to the harm". A cost is never below 0, so no bet can lose more than its part. */
function meanSteps(
  gate: RolloutGateSpec,
  { control: past }: GateEvidence,
  { candidate: c, control: a }: Pick<GateBlock, 'candidate' | 'control'>,
): number[] {
  const edge = meanEdge(gate, past, c, a);
  return BETS.map((bet) => Math.log1p(bet * edge));
}

/** At least -1, with a mean of at most 0 unless the candidate is worse by more than half the harm. */
function meanEdge(
  { rule, reference, measure, history }: RolloutGateSpec,
  past: ArmCounts,
  c: ArmCounts,
  a: ArmCounts,
): number {
  if (rule.kind === 'worse-by') {
    const half = rule.share / 2;
    const difference = c.sum / c.n - (reference ?? a.sum / a.n) - half;
    // Only what lies in [0, 1] can be bet on by a difference.
    return measure.kind === 'ratio' && measure.bounded ? Math.max(-1, difference / (1 + half)) : 0;
  }
  const halfway = 1 + ((rule.kind === 'times' ? rule.times : 1) - 1) / 2;
  if (reference !== null) {
    const limit = reference * halfway;
    return Math.max(-1, (c.sum / c.n - (limit * c.hits) / c.n) / limit);
  }
  const known = addArms(past, history);
  if (known.n === 0 || known.sum <= 0) return 0;
  // The control's block is cut off at twice its past mean, so that the stake is bounded.
  const most = (2 * known.sum) / known.n;
  const worst = halfway * most;
  return Math.max(
    -1,
    ((c.sum / c.n) * (a.hits / a.n) - halfway * Math.min(a.sum / a.n, most) * (c.hits / c.n)) / worst,
  );
}
