// Reads single answers around the moves of a timeline, where they are still stored, to say when each began to the minute.

import type { ObservationStore } from '../../core/index.ts';
import { HOUR_MS, type WindowCounts } from '../../core/observation.ts';
import {
  type CountedAnswers,
  refineOnset,
  type SignalMove,
  type WatchedMonitor,
  watchSignal,
} from '../../monitor/drift/index.ts';
import { addCounts, countsOf } from '../../monitor/window-counts.ts';

const BIN_MS = 5 * 60_000;
/** Windows on either side that show the level before and after. */
const AROUND = 6;
/** Answers that are read for one timeline; what lies beyond keeps the time of its window. */
const MOST_ANSWERS = 60_000;

/** One for each timeline: it shares the limit of answers between the moves. */
export class MoveRefiner {
  readonly #store: ObservationStore;
  readonly #feature: string;
  readonly #to: number;
  #left = MOST_ANSWERS;

  constructor(store: ObservationStore, feature: string, to: number) {
    this.#store = store;
    this.#feature = feature;
    this.#to = to;
  }

  /** The move with its beginning to five minutes, or as it was. */
  async refine(
    move: SignalMove,
    watched: WatchedMonitor,
    windows: readonly CountedAnswers[],
  ): Promise<SignalMove> {
    const stepMs = watched.windowHours * HOUR_MS;
    const from = Math.max(watched.reference.from, move.earliest - AROUND * stepMs);
    const to = Math.min(this.#to, move.end ?? this.#to, move.latest + (1 + AROUND) * stepMs);
    const answers = windows.reduce(
      (sum, w) => sum + (w.start >= from && w.start < to ? (w.counts.get('n') ?? 0) : 0),
      0,
    );
    if (answers > this.#left) return move;
    this.#left -= answers;
    const usual = windows.filter((w) => w.start < watched.reference.to);
    const known = watchSignal(watched, usual)?.windows ?? [];
    // Read together with the usual, which has the limit of a p95 and knows whether silence means no.
    const both = watchSignal(watched, [...usual, ...(await this.#bins(from, to))])?.windows ?? [];
    const found = refineOnset({
      ...{ usual: known, bins: both.slice(known.length) },
      ...{ from: move.earliest - stepMs, to: move.latest + stepMs },
    });
    return found === null ? move : { ...move, ...found };
  }

  async #bins(from: number, to: number): Promise<readonly CountedAnswers[]> {
    const bins = new Map<string, { start: number; template: string | null; counts: WindowCounts }>();
    const rows = this.#store.observations({ feature: this.#feature, from, to });
    for await (const { at, dimensions, measures, servedModel, outcome } of rows) {
      const start = Math.floor(at / BIN_MS) * BIN_MS;
      const { template } = dimensions;
      const key = `${start} ${JSON.stringify([template])}`;
      const bin = bins.get(key) ?? { start, template, counts: new Map() };
      bins.set(key, bin);
      addCounts(bin.counts, countsOf({ measures, servedModel, outcome }));
    }
    return [...bins.values()];
  }
}
