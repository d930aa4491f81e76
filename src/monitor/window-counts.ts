// What one production answer adds to its window: exact counts and sums, and buckets for quantiles.

import { type CountedObservation, OUTCOME_FLAGS, type WindowCounts } from '../core/observation.ts';
import { bucketOf } from '../stats/log-histogram.ts';

/** Costs are summed in billionths of a dollar: sums of whole numbers are exact, and can be taken back. */
export const NANO = 1e9;

/**
 * Counts by name. `X` = how many are true, `X.n` = of how many it is known, `X.s` = their sum, `X.q` = the sum of their squares,
 * `X:B` = how many fall into bucket B.
 */
export function countsOf({ measures: m, servedModel, outcome }: CountedObservation): WindowCounts {
  const counts: WindowCounts = new Map([['n', 1]]);
  const put = (name: string, value: number): void => {
    if (value !== 0) counts.set(name, value);
  };
  const known = (name: string, value: boolean | null | undefined): void => {
    if (value === null || value === undefined) return;
    counts.set(`${name}.n`, 1);
    if (value) counts.set(name, 1);
  };
  const bucket = (name: string, value: number | null): void => {
    if (value === null) return;
    counts.set(`${name}.n`, 1);
    counts.set(`${name}:${bucketOf(value)}`, 1);
  };
  const total = (name: string, value: number): void => {
    counts.set(`${name}.n`, 1);
    put(`${name}.s`, value);
    put(`${name}.q`, value * value);
  };
  if (m.failed) counts.set('failed', 1);
  known('schema', m.schemaValid === null ? null : !m.schemaValid);
  known('blocked', m.blocked);
  known('refusal', m.refusal);
  bucket('length', m.length);
  bucket('latency', m.latencyMs);
  if (m.outputTokens !== null) total('tokens', m.outputTokens);
  const nano = m.costUsd === null ? null : Math.round(m.costUsd * NANO);
  if (nano !== null) {
    counts.set('cost.n', 1);
    put('cost.s', nano);
  }
  if (servedModel !== null) counts.set(`served:${servedModel}`, 1);
  if (outcome === null) return counts;
  counts.set('outcome', 1);
  if (outcome.edited !== undefined) {
    known('edited', outcome.edited > 0);
    total('edit', outcome.edited);
  }
  for (const flag of OUTCOME_FLAGS) known(flag, outcome.flags[flag]);
  if (outcome.flags.completed !== undefined) {
    // The price of what was tried counts towards what was completed.
    if (nano === null) counts.set('completed.unpriced', 1);
    else put('completed.cost', nano);
  }
  known('rejected', outcome.review === undefined ? null : outcome.review === 'rejected');
  for (const [name, value] of Object.entries(outcome.kpi)) total(`kpi/${name}`, value);
  for (const [name, value] of Object.entries(outcome.scores)) total(`score/${name}`, value);
  return counts;
}

/** Adds counts to others; a name that comes to 0 goes. */
export function addCounts(into: WindowCounts, more: ReadonlyMap<string, number>): void {
  for (const [name, value] of more) into.set(name, (into.get(name) ?? 0) + value);
}
