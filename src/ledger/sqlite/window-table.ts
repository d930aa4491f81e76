// Windows: additive counts of the answers of one hour or day that share all dimensions.

import type { Database, Statement } from 'better-sqlite3';
import { DAY_MS, HOUR_MS, type WindowCounts } from '../../core/observation.ts';
import {
  countsText,
  days,
  parseCounts,
  type WindowChanges,
  type WindowPlace,
} from '../model/window-changes.ts';

export interface WindowRow extends WindowPlace {
  readonly start: number;
  readonly counts: string;
}

const SPANS = [HOUR_MS, DAY_MS] as const;
const PLACE =
  'feature = ? AND span = ? AND start = ? AND release = ? AND variant = ? AND template = ? AND segment = ?';
type Place = [number, number, number, number, number, number, number];

/** The table on one connection. */
export class WindowTable {
  readonly #get: Statement<Place, { no: number; counts: string }>;
  readonly #add: Statement<[...Place, string]>;
  readonly #set: Statement<[string, number]>;
  readonly #page: Statement<number[], WindowRow>;

  constructor(db: Database) {
    this.#get = db.prepare(`SELECT no, counts FROM observation_window WHERE ${PLACE}`);
    this.#add = db.prepare(
      'INSERT INTO observation_window (feature, span, start, release, variant, template, segment, counts) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#set = db.prepare('UPDATE observation_window SET counts = ? WHERE no = ?');
    this.#page = db.prepare(
      `SELECT feature, start, release, variant, template, segment, counts FROM observation_window
       WHERE feature = ? AND span = ? AND start < ? AND (start, release, variant, template, segment) > (?, ?, ?, ?, ?)
       ORDER BY start, release, variant, template, segment LIMIT ?`,
    );
  }

  /** Adds to the hours and to the days they lie in. Inside a write transaction. */
  apply(changes: WindowChanges): void {
    for (const span of SPANS) {
      const bySpan = span === HOUR_MS ? changes : days(changes);
      for (const { at, place, counts } of bySpan.all.values()) this.#change(span, at, place, counts);
    }
  }

  #change(span: number, start: number, p: WindowPlace, more: WindowCounts): void {
    const place: Place = [p.feature, span, start, p.release, p.variant, p.template, p.segment];
    const known = this.#get.get(...place);
    if (known === undefined) {
      this.#add.run(...place, countsText(more));
      return;
    }
    const counts = parseCounts(known.counts);
    for (const [name, count] of more) counts.set(name, (counts.get(name) ?? 0) + count);
    this.#set.run(countsText(counts), known.no);
  }

  /** Windows from `from` to `to` (not included) in pages, in order of time. */
  *pages(
    feature: number,
    span: number,
    from: number,
    to: number,
    rows = 500,
  ): Iterable<readonly WindowRow[]> {
    let after = [from, -1, -1, -1, -1];
    for (;;) {
      const page = this.#page.all(feature, span, to, ...after, rows);
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < rows) return;
      after = [last.start, last.release, last.variant, last.template, last.segment];
    }
  }
}
