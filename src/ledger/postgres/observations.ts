// The observation store on PostgreSQL: batches in, windows brought up to date in steps, pages out.

import type { JsonObject } from '../../base/json.ts';
import {
  type BatchResult,
  type CountedWindow,
  DAY_MS,
  HOUR_MS,
  type MeasuredAnswer,
  type Observation,
  type ObservationBatch,
  type ObservationFeature,
  type ObservationStore,
  type StoredObservation,
  type StoredState,
  type WindowQuery,
  type WindowRules,
} from '../../core/observation.ts';
import { keyOf, measuredOf, measuresOf, partsOf } from '../model/observation-row.ts';
import { factsOf, parseBody } from '../model/outcome-body.ts';
import { countsText, days, parseCounts, WindowChanges, type WindowPlace } from '../model/window-changes.ts';
import type { Connection, Queries } from './connection.ts';
import { DimensionNames } from './dimension-names.ts';
import {
  addObservations,
  type CountedRow,
  countedAfter,
  featuresOf,
  measuredPage,
  pageOf,
  type RowPage,
  readState,
  type StoredRow,
  takeChanged,
  vectorCount,
  vectorsOf,
} from './observation-rows.ts';
import { OutcomeBatch } from './outcome-rows.ts';
import { columns } from './suites.ts';

const [ROWS_PER_PAGE, VECTORS_PER_PAGE, WINDOWS_PER_PAGE, MEASURED_PER_PAGE] = [200, 500, 500, 2000];

interface WindowRow extends WindowPlace {
  readonly start: number;
  readonly counts: string;
}

/** Observations on a PostgreSQL server. */
export class PostgresObservations implements ObservationStore {
  readonly #connection: Connection;
  readonly #rules: WindowRules;
  readonly #names = new DimensionNames();

  constructor(connection: Connection, rules: WindowRules) {
    this.#connection = connection;
    this.#rules = rules;
  }

  add({ observations, outcomes }: ObservationBatch): Promise<BatchResult> {
    return this.#write(async (queries) => {
      const { horizon, foldedTo, salt } = await readState(queries);
      // Of two with one id in a batch the first one counts.
      const fresh = new Map<string, Observation>();
      for (const o of observations) {
        const key = keyOf(o.id).toString('hex');
        if (o.at >= horizon && !fresh.has(key)) fresh.set(key, o);
      }
      const added = await addObservations(queries, this.#names, salt, [...fresh.values()]);
      const batch = await OutcomeBatch.read(queries, [
        ...[...fresh].filter(([key]) => added.has(key)).map(([, { id }]) => id),
        ...outcomes.map(({ id }) => id),
      ]);
      const seen = observations.map((o): StoredState => {
        if (o.at < horizon) return 'expired';
        const key = keyOf(o.id).toString('hex');
        if (!added.has(key) || fresh.get(key) !== o) return 'known';
        batch.measure(o, this.#rules);
        return 'added';
      });
      const news = outcomes.map((o): StoredState => {
        if (o.at < horizon) return 'expired';
        return batch.merge(o, foldedTo, this.#rules) ? 'added' : 'known';
      });
      await batch.write(queries);
      return { observations: seen, outcomes: news, crowded: [...this.#names.crowded] };
    });
  }

  fold(most: number): Promise<number> {
    return this.#write(async (queries) => {
      const { foldedTo } = await readState(queries);
      const changes = new WindowChanges();
      const fresh = await countedAfter(queries, foldedTo, most);
      const corrected = await takeChanged(queries, most - fresh.length);
      await this.#names.know(
        queries,
        [...fresh, ...corrected].map(({ served }) => served),
      );
      for (const row of fresh) this.#count(changes, row, row.body, 1);
      const last = fresh.at(-1);
      if (last !== undefined) await queries.rows('UPDATE lg.observation_state SET folded_to = $1', [last.no]);
      for (const row of corrected) {
        this.#count(changes, row, row.before, -1);
        this.#count(changes, row, row.body, 1);
      }
      await apply(queries, HOUR_MS, changes);
      await apply(queries, DAY_MS, days(changes));
      return fresh.length + corrected.length;
    });
  }

  #count(changes: WindowChanges, row: CountedRow, body: string | null, sign: 1 | -1): void {
    const counts = this.#rules.counts({
      measures: measuresOf(row),
      servedModel: this.#names.valueOf(row.served),
      outcome: factsOf(parseBody(body)),
    });
    changes.add(row.at, row, counts, sign);
  }

  async *windows({ feature, from, to, span }: WindowQuery): AsyncIterable<CountedWindow> {
    const queries = this.#connection.single;
    const id = await this.#names.feature(queries, feature);
    if (id === undefined) return;
    for (const part of partsOf(from, to, span)) {
      let after = [part.from, -1, -1, -1, -1];
      for (;;) {
        const rows = await queries.rows<WindowRow>(
          `SELECT feature, start, release, variant, template, segment, counts FROM lg.observation_window
           WHERE feature = $1 AND span = $2 AND start < $3 AND (start, release, variant, template, segment) > ($4, $5, $6, $7, $8)
           ORDER BY start, release, variant, template, segment LIMIT ${WINDOWS_PER_PAGE}`,
          [id, part.spanMs, part.to, ...after],
        );
        await this.#know(queries, rows);
        for (const row of rows)
          yield {
            ...{ start: row.start, spanMs: part.spanMs },
            ...{ dimensions: this.#dimensions(row), counts: parseCounts(row.counts) },
          };
        const last = rows.at(-1);
        if (last === undefined || rows.length < WINDOWS_PER_PAGE) break;
        after = [last.start, last.release, last.variant, last.template, last.segment];
      }
    }
  }

  async *vectors(
    query: Omit<WindowQuery, 'span'> & { readonly most: number },
  ): ReturnType<ObservationStore['vectors']> {
    const queries = this.#connection.single;
    let every = 0;
    for await (const row of this.#pages(query, VECTORS_PER_PAGE, async (page) => {
      every ||= Math.ceil((await vectorCount(queries, page.feature, query.from, query.to)) / query.most);
      return vectorsOf(queries, page, every);
    }))
      yield {
        dimensions: this.#dimensions(row),
        vector: new Int8Array(row.vector.buffer, row.vector.byteOffset, row.vector.length),
      };
  }

  async *observations(query: Omit<WindowQuery, 'span'>): AsyncIterable<StoredObservation> {
    const queries = this.#connection.single;
    for await (const row of this.#pages(query, ROWS_PER_PAGE, async (page) => {
      const rows = await pageOf(queries, page);
      await this.#names.know(
        queries,
        rows.flatMap((r) => [r.model, r.served, r.stop_reason, r.action_mode]),
      );
      return rows;
    }))
      yield this.#stored(row);
  }

  async *measured(query: Omit<WindowQuery, 'span'>): AsyncIterable<readonly MeasuredAnswer[]> {
    const queries = this.#connection.single;
    for await (const rows of this.#wholePages(query, MEASURED_PER_PAGE, async (page) => {
      const found = await measuredPage(queries, page);
      await this.#names.know(
        queries,
        found.map((r) => r.served),
      );
      return found;
    }))
      yield rows.map((row) => ({
        ...measuredOf(row),
        dimensions: this.#dimensions(row),
        servedModel: this.#names.valueOf(row.served),
      }));
  }

  /** Rows by (time, number). */
  async *#pages<R extends WindowPlace & { readonly at: number; readonly no: number }>(
    query: Omit<WindowQuery, 'span'>,
    rows: number,
    read: (page: RowPage) => Promise<readonly R[]>,
  ): AsyncIterable<R> {
    for await (const page of this.#wholePages(query, rows, read)) yield* page;
  }

  async *#wholePages<R extends WindowPlace & { readonly at: number; readonly no: number }>(
    { feature, from, to }: Omit<WindowQuery, 'span'>,
    rows: number,
    read: (page: RowPage) => Promise<readonly R[]>,
  ): AsyncIterable<readonly R[]> {
    const id = await this.#names.feature(this.#connection.single, feature);
    if (id === undefined) return;
    let [at, no] = [from, 0];
    for (;;) {
      const page = await read({ feature: id, at, no, to, rows });
      await this.#know(this.#connection.single, page);
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      [at, no] = [last.at, last.no];
    }
  }

  features(): Promise<readonly ObservationFeature[]> {
    return featuresOf(this.#connection.single);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #know(queries: Queries, rows: readonly Omit<WindowPlace, 'feature'>[]): Promise<void> {
    return this.#names.know(
      queries,
      rows.flatMap(({ release, variant, template, segment }) => [release, variant, template, segment]),
    );
  }

  #dimensions(row: Omit<WindowPlace, 'feature'>): CountedWindow['dimensions'] {
    const name = (id: number): string | null => this.#names.valueOf(id);
    return {
      release: name(row.release),
      variant: name(row.variant),
      template: name(row.template),
      segment: name(row.segment),
    };
  }

  #stored(row: StoredRow): StoredObservation {
    const name = (id: number): string | null => this.#names.valueOf(id);
    return {
      id: row.id,
      idAsSent: keyOf(row.id).equals(row.key),
      at: row.at,
      dimensions: this.#dimensions(row),
      model: name(row.model),
      servedModel: name(row.served),
      stopReason: name(row.stop_reason),
      actionMode: name(row.action_mode),
      tags: row.tags === null ? [] : (JSON.parse(row.tags) as string[]),
      measures: measuresOf(row),
      outcome: factsOf(parseBody(row.body)),
      texts: row.rest === null ? null : { output: row.output, rest: JSON.parse(row.rest) as JsonObject },
      finalText: row.final_text,
    };
  }

  /** One batch at a time, whoever brings it: numbers are then committed in their order, and no row is counted before one that is to come. */
  async #write<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    try {
      return await this.#connection.observing((queries) => {
        this.#names.begin();
        return work(queries);
      });
    } catch (error) {
      this.#names.forget();
      throw error;
    }
  }
}

/** Adds counts to the windows of one length. */
async function apply(queries: Queries, span: number, { all }: WindowChanges): Promise<void> {
  if (all.size === 0) return;
  const places = [...all.values()].map(({ at, place: p, counts }) => ({
    counts,
    cells: [p.feature, span, at, p.release, p.variant, p.template, p.segment],
  }));
  const known = await queries.rows<WindowRow>(
    `SELECT w.feature, w.start, w.release, w.variant, w.template, w.segment, w.counts
     FROM unnest($1::int[], $2::int[], $3::bigint[], $4::int[], $5::int[], $6::int[], $7::int[])
            AS p (feature, span, start, release, variant, template, segment)
          JOIN lg.observation_window w USING (feature, span, start, release, variant, template, segment)`,
    columns(places.map(({ cells }) => cells)),
  );
  const before = new Map(
    known.map((w) => [
      [w.feature, span, w.start, w.release, w.variant, w.template, w.segment].join(' '),
      parseCounts(w.counts),
    ]),
  );
  const rows = places.map(({ cells, counts }) => {
    const sum = before.get(cells.join(' ')) ?? new Map<string, number>();
    for (const [name, count] of counts) sum.set(name, (sum.get(name) ?? 0) + count);
    return [...cells, countsText(sum)];
  });
  await queries.rows(
    `INSERT INTO lg.observation_window (feature, span, start, release, variant, template, segment, counts)
     SELECT * FROM unnest($1::int[], $2::int[], $3::bigint[], $4::int[], $5::int[], $6::int[], $7::int[], $8::text[])
     ON CONFLICT (feature, span, start, release, variant, template, segment) DO UPDATE SET counts = excluded.counts`,
    columns(rows),
  );
}
