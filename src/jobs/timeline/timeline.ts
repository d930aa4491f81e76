// lastgood timeline: signals, releases, events and episodes of a feature on one time axis, and the order in which signals moved.

import { LastgoodError } from '../../base/errors.ts';
import type {
  FeatureTimeline,
  ObservationStore,
  OrderedMove,
  ShippingStore,
  TimelineItem,
  TimelineSeries,
} from '../../core/index.ts';
import { DAY_MS, HOUR_MS, type WindowCounts } from '../../core/observation.ts';
import { mustExist } from '../../engine/records/known-feature.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { eventsOnly, signalsOf } from '../../monitor/signal-values.ts';
import { addCounts } from '../../monitor/window-counts.ts';
import { type Hours, readHours } from './hours.ts';
import { MoveRefiner } from './refine-moves.ts';
import { knownSignals, signalMoves } from './signal-moves.ts';
import { SOURCES } from './sources.ts';

export interface TimelineInput {
  readonly feature: string;
  readonly suite?: string | undefined;
  /** Pointers, flags and stops; absent = they are left out. */
  readonly shipping?: Pick<ShippingStore, 'changes'> | undefined;
  /** How far back from the end, or since when. */
  readonly since: number | Date;
  readonly until: Date;
}

/** Up to this long the series has hours, beyond it days. */
const HOURLY_MS = 8 * DAY_MS;
const LONGEST_MS = 92 * DAY_MS;

/** Windows must be up to date. Throws `NO_FEATURE` or `SINCE_RANGE`. */
export async function timelineJob(
  { store }: Pick<Workplace, 'store'>,
  observations: ObservationStore,
  input: TimelineInput,
): Promise<FeatureTimeline> {
  const { feature } = input;
  const { from, to } = timesOf(input);
  const hours = await readHours(observations, feature, from, to);
  if (hours.windows.length === 0) await mustExist(observations, feature);
  const moves = await signalMoves(hours, new MoveRefiner(observations, feature, to));
  const context = { store, feature, suite: input.suite ?? null, hours, shipping: input.shipping ?? null };
  const others: TimelineItem[] = [];
  for (const source of SOURCES) others.push(...(await source(context)));
  const items = [...moves.items, ...others]
    .filter(({ at }) => Date.parse(at) >= from && Date.parse(at) <= to)
    // Of one time, what may have caused the others first.
    .sort(
      (a, b) =>
        Date.parse(a.at) - Date.parse(b.at) || Number(a.source === 'signal') - Number(b.source === 'signal'),
    );
  const order = orderOf(items);
  const firstAt = latestStart(items, order[0]);
  return {
    ...{ schemaVersion: 1, kind: 'timeline', feature, from: iso(from), to: iso(to) },
    observations: [...hours.series.values()].reduce((sum, c) => sum + (c.get('n') ?? 0), 0),
    ...{ items, order },
    before: items.flatMap(({ at, source }, i) =>
      firstAt !== null && CAUSES.has(source) && Date.parse(at) <= firstAt && Date.parse(at) > firstAt - DAY_MS
        ? [i]
        : [],
    ),
    usualSince: hours.usualFrom === null ? null : iso(hours.usualFrom),
    ...{ judged: moves.judged, unjudged: moves.unjudged },
    ...seriesOf(hours),
  };
}

/** The latest time at which the first move may have begun; null without any. */
function latestStart(items: readonly TimelineItem[], first: OrderedMove | undefined): number | null {
  const move = items.find((item) => item.move !== null && item.at === first?.at)?.move;
  return move == null ? null : Date.parse(move.latest);
}

/** What may have made signals move. */
const CAUSES = new Set(['release', 'served-model', 'event', 'shipping']);
const iso = (ms: number): string => new Date(ms).toISOString();

/** The first move of each signal, the earliest first. */
function orderOf(items: readonly TimelineItem[]): readonly OrderedMove[] {
  const first = new Map<string, TimelineItem>();
  for (const item of items)
    if (item.move !== null && !first.has(item.move.signal)) first.set(item.move.signal, item);
  const moves = [...first.values()];
  return moves.map(({ at, move }, i) => {
    const before = moves[i - 1]?.move ?? null;
    return {
      ...{ signal: move?.signal ?? '', at },
      uncertain: before !== null && move !== null && move.earliest <= before.latest,
    };
  });
}

/** Whole hours; the one that is under way is not judged. */
function timesOf({ since, until }: TimelineInput): { readonly from: number; readonly to: number } {
  const to = Math.floor(until.getTime() / HOUR_MS) * HOUR_MS;
  const start = typeof since === 'number' ? to - since : since.getTime();
  const from = Math.floor(start / HOUR_MS) * HOUR_MS;
  if (from >= to || to - from > LONGEST_MS)
    throw new LastgoodError({
      code: 'SINCE_RANGE',
      message: 'a timeline spans an hour to 92 days, and --since lies before its end',
      hint: 'write --since 24h, --since 7d, or --since 2026-05-12 --until 2026-05-14',
    });
  return { from, to };
}

function seriesOf({ from, to, series }: Hours): Pick<FeatureTimeline, 'starts' | 'series'> {
  const stepMs = to - from <= HOURLY_MS ? HOUR_MS : DAY_MS;
  const steps = new Map<number, WindowCounts>();
  const total: WindowCounts = new Map();
  for (const [start, counts] of series) {
    const step = Math.floor(start / stepMs) * stepMs;
    const into = steps.get(step) ?? new Map<string, number>();
    steps.set(step, into);
    addCounts(into, counts);
    addCounts(total, counts);
  }
  const only = eventsOnly(total);
  const first = Math.floor(from / stepMs) * stepMs;
  const starts = Array.from({ length: Math.ceil((to - first) / stepMs) }, (_, i) => first + i * stepMs);
  const values = starts.map(
    (start) => new Map(signalsOf(steps.get(start) ?? new Map(), only).map((s) => [s.signal, s.value])),
  );
  return {
    starts: starts.map(iso),
    series: knownSignals(total, only).map(
      ({ signal, unit }): TimelineSeries => ({
        ...{ signal, unit },
        values: values.map((v) => v.get(signal) ?? null),
      }),
    ),
  };
}
