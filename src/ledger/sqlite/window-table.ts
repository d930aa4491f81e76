// Windows: additive counts of the answers of one hour or day that share all dimensions.

import type { Database, Statement } from 'better-sqlite3';
import { DAY_MS, HOUR_MS, type WindowCounts } from '../../core/observation.ts';

/** Ids of a window's place, as its unique index has them. */
export interface WindowPlace {
  readonly feature: number;
  readonly release: number;
  readonly variant: number;
  readonly template: number;
  readonly segment: number;
}

export interface WindowRow extends WindowPlace {
  readonly start: number;
  readonly counts: string;
}

const SPANS = [HOUR_MS, DAY_MS] as const;
const PLACE =
  'feature = ? AND span = ? AND start = ? AND release = ? AND variant = ? AND template = ? AND segment = ?';
type Place = [number, number, number, number, number, number, number];

/** Counts that are gathered for windows before they are written. */
export class WindowChanges {
  readonly all = new Map<
    string,
    { readonly at: number; readonly place: WindowPlace; readonly counts: WindowCounts }
  >();

  /** `sign` -1 takes the counts back. */
  add(at: number, p: WindowPlace, counts: WindowCounts, sign: 1 | -1): void {
    const start = Math.floor(at / HOUR_MS) * HOUR_MS;
    const key = `${p.feature} ${start} ${p.release} ${p.variant} ${p.template} ${p.segment}`;
    let change = this.all.get(key);
    if (change === undefined) {
      change = { at: start, place: p, counts: new Map() };
      this.all.set(key, change);
    }
    for (const [name, count] of counts)
      change.counts.set(name, (change.counts.get(name) ?? 0) + sign * count);
  }
}

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

function days({ all }: WindowChanges): WindowChanges {
  const byDay = new WindowChanges();
  for (const { at, place, counts } of all.values()) {
    const start = Math.floor(at / DAY_MS) * DAY_MS;
    byDay.add(start, place, counts, 1);
  }
  return byDay;
}

export function parseCounts(text: string): WindowCounts {
  const list = JSON.parse(text) as (string | number)[];
  const counts: WindowCounts = new Map();
  for (let i = 0; i + 1 < list.length; i += 2) counts.set(list[i] as string, list[i + 1] as number);
  return counts;
}

/** Counts that came to 0 are left out. */
function countsText(counts: WindowCounts): string {
  const list: (string | number)[] = [];
  for (const [name, count] of counts) if (count !== 0) list.push(name, count);
  return JSON.stringify(list);
}
