// A fall so far outside what runs of one release differ by that it needs no control: the same bounds at night and in a check.

import { CaseRates, caseRatePrior } from '../stats/mean-change.ts';
import { rateOf } from './arm.ts';
import { type Evidence, meanDelta } from './evidence.ts';
import type { PairedCase } from './pairing.ts';
import { type Sessions, sessionNoise } from './sessions.ts';

/** A fall of this share and this many standard deviations. A bad hour that halves a fifth of the cases takes 10 points. */
const COLLAPSE = { deviations: 8, drop: 0.25 } as const;

export function isCollapse(delta: number, sd: number): boolean {
  return delta <= -COLLAPSE.drop && delta <= -COLLAPSE.deviations * sd;
}

/** A collapse that convicts without a control takes at least two fifths of the passes, and is this surprising on trial noise alone. */
const CONVICTION = { lost: 0.4, p: 1e-3 } as const;
/**
 * Fewer stored runs than `runs` do not show how much runs differ. Then only a suite that passed at least `healthy` can collapse, and by
 * so many deviations of a suite whose cases move in undeclared blocks of ten. Where that makes fewer than three blocks, `lost` is
 * the least share of the passes.
 */
const FEW_RUNS = { runs: 3, healthy: 0.8, deviations: 3.5, block: 10, lost: 0.8 } as const;

/**
 * Did the whole suite collapse against the stored runs, so far that no control is needed? The deviation is that of an unchanged
 * release, from the stored runs alone; with few of them it is easily too small, so that the exact p has a bound of its own.
 */
export function collapsed(pairs: readonly PairedCase[], sessions: Sessions, { suite }: Evidence): boolean {
  const noise = sessionNoise(sessions.suite, sessions);
  const session = noise.variances.reduce((sum, v, i) => sum + v * (noise.weights[i] ?? 0), 0);
  const delta = meanDelta(pairs);
  const before = pairs.reduce((sum, { baseline }) => sum + rateOf(baseline), 0) / pairs.length;
  const few = sessions.days.length < FEW_RUNS.runs;
  const blocks = few ? FEW_RUNS.deviations * Math.sqrt(blockVariance(pairs) + session) : 0;
  if (few && (before < FEW_RUNS.healthy || delta > -blocks)) return false;
  const lost = few && pairs.length <= 2 * FEW_RUNS.block ? FEW_RUNS.lost : CONVICTION.lost;
  return (
    isCollapse(delta, Math.sqrt(unchangedVariance(pairs) + session)) &&
    delta <= -lost * before &&
    suite.less <= CONVICTION.p
  );
}

/**
 * Variance of the mean change if each case repeated one outcome through a whole run, together with the other cases of its block: that
 * looks like cases that never vary, and one stored run cannot tell the two apart.
 */
function blockVariance(pairs: readonly PairedCase[]): number {
  const rates = new CaseRates(
    caseRatePrior(pairs.map(({ baseline }) => ({ x: baseline.passed, k: baseline.graded }))),
  );
  const blocks = new Map<string, number>();
  for (const [i, { group, baseline }] of pairs.entries()) {
    const block = group === null ? `block ${Math.floor(i / FEW_RUNS.block)}` : `group ${group}`;
    const { variance } = rates.moments(baseline.passed, baseline.graded);
    blocks.set(block, (blocks.get(block) ?? 0) + Math.sqrt(2 * variance));
  }
  let sum = 0;
  for (const together of blocks.values()) sum += together * together;
  return sum / (pairs.length * pairs.length);
}

/** Trial variance of the mean change of an unchanged release. Cases of a declared group are taken to move together wholly. */
function unchangedVariance(pairs: readonly PairedCase[]): number {
  const rates = new CaseRates(
    caseRatePrior(pairs.map(({ baseline }) => ({ x: baseline.passed, k: baseline.graded }))),
  );
  const groups = new Map<string, number>();
  let sum = 0;
  for (const { group, baseline, candidate } of pairs) {
    const own = rates.moments(baseline.passed, baseline.graded).variance;
    const variance = own / baseline.graded + own / candidate.graded;
    if (group === null) sum += variance;
    else groups.set(group, (groups.get(group) ?? 0) + Math.sqrt(variance));
  }
  for (const together of groups.values()) sum += together * together;
  return sum / (pairs.length * pairs.length);
}
