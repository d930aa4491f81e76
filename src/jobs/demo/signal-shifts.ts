// When the level of each signal of the demo's two weeks changed most, by change-point detection on blocks of six hours.

import { HOUR_MS, type ObservationStore, type WindowCounts } from '../../core/observation.ts';
import type { SignalShift } from '../../core/production-demo.ts';
import type { SignalValue } from '../../core/signals.ts';
import { eventsOnly, signalsOf } from '../../monitor/signal-values.ts';
import { addCounts } from '../../monitor/window-counts.ts';
import { changePointL2, changePointPenalty } from '../../stats/index.ts';

const BLOCK_MS = 6 * HOUR_MS;
/** Days have a rhythm of their own, so the usual penalty is raised. */
const PENALTY = 3;
/** Of the level before: smaller shifts are not worth a line. */
const LEAST_SHIFT = 0.02;

/** The largest shift of each signal, earliest first; signals whose level did not change are left out. */
export async function signalShifts(
  store: ObservationStore,
  query: { readonly feature: string; readonly from: number; readonly to: number },
): Promise<readonly SignalShift[]> {
  const blocks: WindowCounts[] = [];
  for await (const { start, counts } of store.windows({ ...query, span: 'hour' })) {
    const slot = Math.floor((start - query.from) / BLOCK_MS);
    blocks[slot] ??= new Map();
    addCounts(blocks[slot] as WindowCounts, counts);
  }
  const only = eventsOnly(...blocks);
  const series = blocks.map((counts) => signalsOf(counts, only));
  return (series[0] ?? [])
    .filter(({ signal }) => signal !== 'count')
    .flatMap(({ signal }): SignalShift[] => {
      const values = series.map((block) => block.find((s) => s.signal === signal));
      const shift = largestShift(values);
      return shift === null
        ? []
        : [{ ...shift, at: new Date(query.from + shift.block * BLOCK_MS).toISOString() }];
    })
    .sort((a, b) => a.block - b.block || (a.signal < b.signal ? -1 : 1));
}

function largestShift(values: readonly (SignalValue | undefined)[]): Omit<SignalShift, 'at'> | null {
  const known = values.flatMap((v) => (v === undefined || v.value === null ? [] : [v.value]));
  const first = values[0];
  if (first === undefined || known.length < values.length) return null;
  const { changePoints } = changePointL2(known, {
    penalty: PENALTY * changePointPenalty(known),
    minSegment: 4,
  });
  const mean = (from: number, to: number): number =>
    known.slice(from, to).reduce((sum, v) => sum + v, 0) / (to - from);
  const levels = changePoints.map((block, i) => {
    const before = mean(changePoints[i - 1] ?? 0, block);
    const after = mean(block, changePoints[i + 1] ?? known.length);
    return { block, before, after, size: Math.abs(after - before) };
  });
  const largest = levels.reduce<(typeof levels)[number] | null>(
    (a, b) => (a === null || b.size > a.size ? b : a),
    null,
  );
  if (largest === null || largest.size < LEAST_SHIFT * Math.abs(largest.before)) return null;
  const { signal, unit, lagging } = first;
  const { block, before, after } = largest;
  return { signal, unit, lagging, block, before, after };
}
