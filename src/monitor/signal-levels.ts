// The level of a signal as a sum over a number, so that periods and arms can be compared and added.

import type { SignalLevel, SignalMeasure } from '../core/applied-rollback.ts';
import type { WindowCounts } from '../core/observation.ts';
import { bucketOf } from '../stats/log-histogram.ts';
import { type EventsOnly, signalsOf, USER_EVENTS } from './signal-values.ts';
import { NANO } from './window-counts.ts';

interface SignalKind {
  readonly kind: SignalMeasure['kind'];
  readonly sum: string;
  readonly n: string;
  /** Direction of a move for the worse; `both` where that is unknown. */
  readonly bad: 'up' | 'down' | 'both';
}

const share = (sum: string, n = `${sum}.n`, bad: SignalKind['bad'] = 'up'): SignalKind => ({
  ...{ kind: 'share', sum, n, bad },
});
const mean = (name: string, bad: SignalKind['bad'] = 'up'): SignalKind => ({
  ...{ kind: 'mean', sum: `${name}.s`, n: `${name}.n`, bad },
});

const KINDS: Readonly<Record<string, SignalKind>> = {
  errors: share('failed', 'n'),
  'schema-failures': share('schema'),
  blocks: share('blocked'),
  refusals: share('refusal'),
  'output-tokens': mean('tokens', 'both'),
  'cost-per-call': mean('cost'),
  'cost-per-completed': { kind: 'mean', sum: 'completed.cost', n: 'completed', bad: 'up' },
  edits: share('edited'),
  'edit-distance': mean('edit'),
  'review-rejection': share('rejected'),
  completion: share('completed', 'completed.n', 'down'),
};
const QUANTILES = /^(length|latency)\.p(50|95)$/;
/** Summed in billionths of a dollar. */
const IN_NANO = new Set(['cost.s', 'completed.cost']);

function kindOf(signal: string, only: EventsOnly): SignalKind | null {
  const event = USER_EVENTS.find(([name]) => name === signal)?.[1];
  if (event !== undefined) return share(event, only.has(event) ? 'n' : `${event}.n`);
  if (signal.startsWith('judge-score:')) return mean(`score/${signal.slice('judge-score:'.length)}`, 'down');
  if (signal.startsWith('kpi:')) return mean(`kpi/${signal.slice('kpi:'.length)}`, 'both');
  const quantile = QUANTILES.exec(signal);
  if (quantile !== null) {
    const name = quantile[1] as string;
    return { kind: 'above', sum: name, n: `${name}.n`, bad: name === 'latency' ? 'up' : 'both' };
  }
  return Object.hasOwn(KINDS, signal) ? (KINDS[signal] ?? null) : null;
}

/**
 * How a signal is read. A quantile becomes the share of values above the usual one. null = it has no such level, or the usual time
 * does not show it.
 */
export function measureOf(signal: string, usual: WindowCounts, only: EventsOnly): SignalMeasure | null {
  const found = kindOf(signal, only);
  if (found === null) return null;
  const { kind, sum, n } = found;
  // What was spent on tasks of unknown price is unknown, not 0.
  if (sum === 'completed.cost' && (usual.get('completed.unpriced') ?? 0) > 0) return null;
  if (kind !== 'above') return { kind, sum, n, limit: null };
  const limit = signalsOf(usual, only).find((s) => s.signal === signal)?.value ?? null;
  return limit === null ? null : { kind, sum, n, limit };
}

export function isWorse(signal: string, moved: 'up' | 'down'): boolean {
  const bad = kindOf(signal, new Set())?.bad ?? 'both';
  return bad === 'both' || bad === moved;
}

/** Costs in dollars. */
export function levelOf({ kind, sum, n, limit }: SignalMeasure, counts: WindowCounts): SignalLevel {
  const at = (name: string): number => counts.get(name) ?? 0;
  if (kind !== 'above') return { n: at(n), sum: IN_NANO.has(sum) ? at(sum) / NANO : at(sum) };
  const highest = bucketOf(limit ?? 0);
  let above = 0;
  for (const [key, hits] of counts)
    if (key.startsWith(`${sum}:`) && Number(key.slice(sum.length + 1)) > highest) above += hits;
  return { n: at(n), sum: above };
}
