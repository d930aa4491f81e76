// Declared groups of cases share a run's mood: the group is what is exchanged and what varies, not the single case.

import { rateOf } from './arm.ts';
import type { PairedCase } from './pairing.ts';

/** The unit of each case for a permutation: its group's number, or -1 for a case without one; undefined when no case has a group. */
export function groupUnits(pairs: readonly PairedCase[]): Int32Array | undefined {
  if (!pairs.some((p) => p.group !== null)) return undefined;
  const numbers = new Map<string, number>();
  return Int32Array.from(pairs, ({ group }) => {
    if (group === null) return -1;
    const known = numbers.get(group) ?? numbers.size;
    numbers.set(group, known);
    return known;
  });
}

/**
 * Variance of the mean change that declared groups add to trial noise: the spread of the groups' summed changes, less what trials
 * explain. Changes of the groups themselves count as noise, so it errs on the careful side. 0 without groups.
 */
export function groupNoise(pairs: readonly PairedCase[], trialVariance: number): number {
  const sums = new Map<string, number>();
  let alone = 0;
  for (const { group, baseline, candidate } of pairs) {
    const change = rateOf(candidate) - rateOf(baseline);
    if (group === null) alone += 1;
    else sums.set(group, (sums.get(group) ?? 0) + change);
  }
  if (sums.size === 0) return 0;
  const n = pairs.length;
  const groups = sums.size;
  let squares = 0;
  for (const sum of sums.values()) squares += sum * sum;
  // Few groups leave their own variance uncertain.
  const few = groups < 2 ? 4 : groups / (groups - 1);
  return Math.max(0, (few * squares) / (n * n) - trialVariance * ((n - alone) / n));
}
