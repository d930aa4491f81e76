// What a gate counts in the windows of production, and how its signal is tested.

import { LastgoodError } from '../../base/index.ts';
import type { WindowCounts } from '../../core/observation.ts';
import type { ArmCounts, GateMeasure, RolloutGateSpec } from '../../core/rollout.ts';
import type { RolloutGate } from '../../core/ticket.ts';
import { eventsOnly, signalsOf } from '../../monitor/signal-values.ts';
import { NANO } from '../../monitor/window-counts.ts';
import { bucketOf } from '../../stats/log-histogram.ts';

/** Yes-or-no signals by the name of their count. */
const SHARES: Readonly<Record<string, string>> = {
  errors: 'failed',
  'schema-failures': 'schema',
  blocks: 'blocked',
  refusals: 'refusal',
  edits: 'edited',
  overrides: 'overridden',
  dismissals: 'dismissed',
  retries: 'retried',
  restarts: 'restarted',
  abandonment: 'abandoned',
  'manual-path': 'manual_path',
  'review-rejection': 'rejected',
  complaints: 'complaint',
  completion: 'completed',
};
const QUANTILES = /^(length|latency)\.p(50|95)$/;
/** A quantile of fewer says nothing about the one after it. */
const FEWEST_HISTORY = 100;

/** A gate of the ticket with its measure and reference. `history` = the control in the seven days before. Throws `ROLLOUT_GATE`. */
export function prepareGate(gate: RolloutGate, history: WindowCounts): RolloutGateSpec {
  const { signal, rule } = gate;
  const of = rule.kind === 'times' ? rule.of : null;
  const quantile = QUANTILES.exec(signal);
  if (quantile !== null) return prepareQuantile(gate, history, Number(quantile[2]) / 100);
  const share = SHARES[signal];
  if (share !== undefined) {
    if (typeof of === 'object' && of !== null) throw unreadable(gate, 'an approved price is for costs');
    const all = share === 'failed' || eventsOnly(history).has(share);
    const measure: GateMeasure = { kind: 'share', of: all ? 'all' : 'known' };
    const known = countGate({ ...gate, measure }, history);
    const reference = of === 'control-7d' && known.n > 0 ? known.hits / known.n : null;
    return { ...gate, measure, history: known, reference };
  }
  const bounded = signal === 'edit-distance' || signal.startsWith('judge-score:');
  if (signal.startsWith('kpi:'))
    throw unreadable(gate, 'nothing says whether more of a KPI is better or worse');
  const fits = rule.kind === 'times' || (bounded && rule.kind === 'worse-by');
  if (!fits) throw unreadable(gate, `${signal} takes times with of${bounded ? ', or worse-by' : ''}`);
  const measure: GateMeasure = { kind: 'ratio', bounded };
  const known = countGate({ ...gate, measure }, history);
  if (of === 'control-7d' && known.hits === 0) throw noHistory(gate, known.n);
  const reference =
    of === 'control-7d'
      ? known.sum / known.hits
      : typeof of === 'object' && of !== null
        ? of.approvedUsd
        : null;
  return { ...gate, measure, history: known, reference };
}

function prepareQuantile(gate: RolloutGate, history: WindowCounts, q: number): RolloutGateSpec {
  const { signal, rule } = gate;
  if (rule.kind !== 'times' || typeof rule.of === 'object')
    throw unreadable(gate, `${signal} takes times with of: control or control-7d`);
  const past = signalsOf(history, new Set()).find((s) => s.signal === signal);
  if (past === undefined || past.value === null || past.n < FEWEST_HISTORY)
    throw noHistory(gate, past?.n ?? 0);
  const measure: GateMeasure = { kind: 'quantile', q, limit: rule.times * past.value };
  return { ...gate, measure, history: countGate({ ...gate, measure }, history), reference: null };
}

function unreadable({ signal }: RolloutGate, why: string): LastgoodError {
  return new LastgoodError({
    code: 'ROLLOUT_GATE',
    message: `the gate of ${signal} cannot be read: ${why}`,
    hint: 'change its rule in the ticket',
  });
}

function noHistory({ signal }: RolloutGate, n: number): LastgoodError {
  return new LastgoodError({
    code: 'ROLLOUT_GATE',
    message: `the gate of ${signal} compares with the control's seven days before the start, of which ${n} observations are known, expected at least ${FEWEST_HISTORY}`,
    hint: 'send observations of the control first: lastgood observe, or POST /v1/observations',
    exitCode: 3,
  });
}

/** What one gate counts. */
export function countGate(
  { signal, measure }: Pick<RolloutGateSpec, 'signal' | 'measure'>,
  counts: WindowCounts,
): ArmCounts {
  const at = (name: string): number => counts.get(name) ?? 0;
  if (measure.kind === 'quantile') {
    const name = signal.slice(0, signal.indexOf('.'));
    const limit = bucketOf(measure.limit);
    let hits = 0;
    for (const [key, count] of counts)
      if (key.startsWith(`${name}:`) && Number(key.slice(name.length + 1)) > limit) hits += count;
    return { n: at(`${name}.n`), hits, sum: 0 };
  }
  if (measure.kind === 'share') {
    const name = SHARES[signal] as string;
    const n = measure.of === 'all' ? at('n') : at(`${name}.n`);
    return { n, hits: signal === 'completion' ? n - at(name) : at(name), sum: 0 };
  }
  return ratioCounts(signal, at);
}

function ratioCounts(signal: string, at: (name: string) => number): ArmCounts {
  if (signal === 'cost-per-completed') {
    // Tasks of unknown price are left out, with their part of the completed ones: an unknown price is not 0.
    const ended = at('completed.n');
    const priced = ended - at('completed.unpriced');
    const hits = ended === 0 ? 0 : (at('completed') * priced) / ended;
    return { n: priced, hits, sum: at('completed.cost') / NANO };
  }
  if (signal === 'cost-per-call') return mean(at('cost.n'), at('cost.s') / NANO);
  if (signal === 'output-tokens') return mean(at('tokens.n'), at('tokens.s'));
  if (signal === 'edit-distance') return mean(at('edit.n'), at('edit.s'));
  const name = `score/${signal.slice('judge-score:'.length)}`;
  // A lower score is worse.
  return mean(at(`${name}.n`), at(`${name}.n`) - at(`${name}.s`));
}

const mean = (n: number, sum: number): ArmCounts => ({ n, hits: n, sum });
