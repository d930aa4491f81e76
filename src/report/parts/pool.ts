// The baseline's pool in words: which stored runs count together, and which are left out, with the reasons.

import { count, percent } from '../../base/numbers.ts';
import type { Comparison, LeftOutRun } from '../../core/comparison.ts';

/** Snapshots named for one reason; the rest of them is counted. */
const NAMED = 3;

/** One sentence about the pool; null where the arms were run together, so that there is none. */
export function poolText({ pool, baseline }: Comparison): string | null {
  if (pool === undefined) return null;
  const { runs, leftOut } = pool;
  const out = leftOut.length === 0 ? '' : `; ${count(leftOut.length, 'run')} left out`;
  if (runs.length === 1) return `a single run: no other run of its release counts${out}`;
  return `${count(runs.length, 'run')} of the baseline's release, ${percent(baseline.passRate)} together (this run ${percent(pool.ownPassRate)})${out}`;
}

/** Is there more to say of the pool than that the baseline is one run? */
export function hasPool({ pool }: Comparison): boolean {
  return pool !== undefined && pool.runs.length + pool.leftOut.length > 1;
}

/** `2 runs (s1, s2): its night was in alarm`, one for each reason. */
export function leftOutTexts(leftOut: readonly LeftOutRun[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { snapshot, reason } of leftOut)
    byReason.set(reason, [...(byReason.get(reason) ?? []), snapshot]);
  return [...byReason].map(([reason, ids]) => {
    const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
    return `${count(ids.length, 'run')} (${ids.slice(0, NAMED).join(', ')}${more}): ${reason}`;
  });
}
