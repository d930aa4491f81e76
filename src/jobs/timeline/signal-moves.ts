// Which signals left their usual level within a timeline, how far, and in which templates.

import type { MoveFacts, TimelineItem } from '../../core/index.ts';
import { HOUR_MS, type WindowCounts } from '../../core/observation.ts';
import type { SignalValue } from '../../core/signals.ts';
import {
  type CountedAnswers,
  findMoves,
  hasOtherBase,
  type SignalMove,
  type WatchedMonitor,
  watchSignal,
} from '../../monitor/drift/index.ts';
import { type EventsOnly, eventsOnly, signalsOf } from '../../monitor/signal-values.ts';
import { addCounts, NANO } from '../../monitor/window-counts.ts';
import { type Hours, windowsOf } from './hours.ts';
import type { MoveRefiner } from './refine-moves.ts';

/** Lengths of windows that are tried, in hours: the shortest in which the time before shows what is usual. */
const WINDOW_HOURS = [1, 6, 24] as const;
/** Templates that are listed with a move, and the answers each needs on both sides. */
const MOST_TEMPLATES = 5;
const LEAST_ANSWERS = 50;

export interface SignalMoves {
  readonly items: readonly TimelineItem[];
  readonly judged: readonly { readonly signal: string; readonly windowHours: number }[];
  readonly unjudged: readonly {
    readonly signal: string;
    readonly why: 'history' | 'few-answers' | 'other-base';
  }[];
}

/** Signals of which something is known in these counts. */
export function knownSignals(total: WindowCounts, only: EventsOnly): readonly SignalValue[] {
  return signalsOf(total, only).filter((s) => s.value !== null && s.signal !== 'count');
}

export async function signalMoves(hours: Hours, refiner: MoveRefiner): Promise<SignalMoves> {
  const total: WindowCounts = new Map();
  for (const { counts } of hours.windows) addCounts(total, counts);
  const known = knownSignals(total, eventsOnly(total));
  const { usualFrom } = hours;
  if (usualFrom === null)
    return {
      ...{ items: [], judged: [] },
      unjudged: known.map(({ signal }) => ({ signal, why: 'history' as const })),
    };
  const items: TimelineItem[] = [];
  const judged: { signal: string; windowHours: number }[] = [];
  const unjudged: { signal: string; why: 'few-answers' | 'other-base' }[] = [];
  const bySpan = new Map<number, readonly CountedAnswers[]>(
    WINDOW_HOURS.map((h) => [h, windowsOf(hours.windows, h)]),
  );
  for (const value of known) {
    const { signal } = value;
    const found = movesOf(value, { hours, usualFrom, bySpan, signals: known.length });
    if (typeof found === 'string') {
      unjudged.push({ signal, why: found });
      continue;
    }
    const { watched } = found;
    judged.push({ signal, windowHours: watched.windowHours });
    const windows = bySpan.get(watched.windowHours) ?? [];
    const refined: SignalMove[] = [];
    for (const move of found.moves) refined.push(await refiner.refine(move, watched, windows));
    for (const move of withoutBeginnings(refined)) items.push(...itemsOf(value, move, hours, usualFrom));
  }
  return { items, judged, unjudged };
}

/** A stretch in which the next one proves to have begun is that one's first window, moved in part. */
function withoutBeginnings(moves: readonly SignalMove[]): readonly SignalMove[] {
  return moves.filter((move, i) => {
    const next = moves[i + 1];
    return next === undefined || move.end === null || next.start >= move.end;
  });
}

interface Look {
  readonly hours: Hours;
  readonly usualFrom: number;
  readonly bySpan: ReadonlyMap<number, readonly CountedAnswers[]>;
  readonly signals: number;
}

function movesOf(
  value: SignalValue,
  { hours, usualFrom, bySpan, signals }: Look,
):
  | { readonly moves: readonly SignalMove[]; readonly watched: WatchedMonitor }
  | 'few-answers'
  | 'other-base' {
  for (const windowHours of WINDOW_HOURS) {
    // The usual ends where the first whole window of the timeline begins.
    const start = Math.floor(hours.from / (windowHours * HOUR_MS)) * windowHours * HOUR_MS;
    const watched: WatchedMonitor = {
      ...{ name: value.signal, signal: value.signal, by: 'template', segment: null, windowHours },
      ...{ direction: 'both', action: 'warn', settleHours: 0 },
      reference: { from: usualFrom, to: start },
      // Only scales what a value that was never seen could be.
      change: { kind: value.unit === 'share' ? 'points' : 'ratio', value: 0.01 },
    };
    const windows = bySpan.get(windowHours) ?? [];
    if (hasOtherBase(watched, windows)) return 'other-base';
    const signal = watchSignal(watched, windows);
    const found = signal === null ? null : findMoves(signal, hours.to, signals);
    if (found !== null) return { moves: found.moves, watched };
  }
  return 'few-answers';
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** A move, and its end where it ended. */
function itemsOf(value: SignalValue, move: SignalMove, hours: Hours, usualFrom: number): TimelineItem[] {
  const { signal } = value;
  const usual = (w: CountedAnswers): boolean => w.start >= usualFrom && w.start < hours.from;
  const within = (w: CountedAnswers): boolean =>
    w.start >= move.start && w.start < (move.end ?? Number.POSITIVE_INFINITY);
  const sides = (windows: readonly CountedAnswers[]): readonly [SignalValue, SignalValue] | null => {
    const [before, during] = [usual, within].map((side) => {
      const counts: WindowCounts = new Map();
      for (const w of windows) if (side(w)) addCounts(counts, w.counts);
      return counts;
    });
    const only = eventsOnly(before ?? new Map(), during ?? new Map());
    const [a, b] = [before, during].map((c) =>
      signalsOf(c ?? new Map(), only).find((s) => s.signal === signal),
    );
    return a === undefined || b === undefined ? null : [a, b];
  };
  const all = sides(hours.windows);
  const facts = moveFacts(value, move, all);
  const byTemplate = Map.groupBy(hours.windows, (w) => w.template);
  const templates = [...byTemplate].flatMap(([template, windows]) => {
    const pair = sides(windows);
    if (pair === null || pair.some((s) => s.value === null || s.n < LEAST_ANSWERS)) return [];
    return [{ template, from: pair[0].value ?? 0, to: pair[1].value ?? 0 }];
  });
  const size = (t: { from: number; to: number }): number =>
    value.unit === 'share' ? Math.abs(t.to - t.from) : Math.abs(Math.log((t.to || 1e-9) / (t.from || 1e-9)));
  const moved: MoveFacts = {
    ...facts,
    templates: templates.sort((a, b) => size(b) - size(a)).slice(0, MOST_TEMPLATES),
  };
  const item = { source: 'signal' as const, ref: null };
  return [
    { ...item, at: iso(move.start), kind: 'moved', text: signal, move: moved },
    ...(move.end === null ? [] : [{ ...item, at: iso(move.end), kind: 'back', text: signal, move: null }]),
  ];
}

function moveFacts(
  { signal, unit }: SignalValue,
  move: SignalMove,
  all: readonly [SignalValue, SignalValue] | null,
): Omit<MoveFacts, 'templates'> {
  // A p95 is watched as a share above the usual p95; readers want the p95 itself.
  const raw = signal.endsWith('.p95') && all !== null ? [all[0].value ?? 0, all[1].value ?? 0] : null;
  const factor = unit === 'usd' ? NANO : 1;
  return {
    signal,
    unit: signal.startsWith('judge-score:') || signal === 'edit-distance' ? 'score' : unit,
    from: raw?.[0] ?? move.from / factor,
    to: raw?.[1] ?? move.to / factor,
    ...{ earliest: iso(move.earliest), latest: iso(move.latest) },
    until: move.end === null ? null : iso(move.end),
    answers: move.answers,
  };
}
