// The observation store on SQLite: batches in, windows brought up to date in steps, pages out.

import type { Transaction } from 'better-sqlite3';
import type { JsonObject } from '../../base/json.ts';
import type {
  BatchResult,
  CountedWindow,
  MeasuredAnswer,
  ObservationBatch,
  ObservationFeature,
  ObservationStore,
  StoredObservation,
  StoredState,
  WindowQuery,
  WindowRules,
} from '../../core/observation.ts';
import { keyOf, measuredOf, measuresOf, NONE, partsOf } from '../model/observation-row.ts';
import { factsOf, parseBody } from '../model/outcome-body.ts';
import { parseCounts, WindowChanges, type WindowPlace } from '../model/window-changes.ts';
import { unreadable, withPatience } from './database-error.ts';
import { DimensionNames } from './dimension-names.ts';
import { type CountedRow, ObservationRows, type StoredRow } from './observation-rows.ts';
import { mustBeSameFile, type OpenLedgerFile } from './open.ts';
import { OutcomeRows } from './outcome-rows.ts';
import { WindowTable } from './window-table.ts';

const [ROWS_PER_PAGE, VECTORS_PER_PAGE, MEASURED_PER_PAGE] = [200, 500, 2000];

/** Observations on an open ledger file. */
export class SqliteObservations implements ObservationStore {
  readonly #file: OpenLedgerFile;
  readonly #rules: WindowRules;
  readonly #transaction: Transaction<(work: () => unknown) => unknown>;
  readonly #names: DimensionNames;
  readonly #rows: ObservationRows;
  readonly #outcomes: OutcomeRows;
  readonly #windows: WindowTable;
  #version = -1;

  constructor(file: OpenLedgerFile, rules: WindowRules) {
    this.#file = file;
    this.#rules = rules;
    const { db } = file;
    this.#transaction = db.transaction((work: () => unknown) => {
      // Another connection may have renamed what is cached.
      const version = db.pragma('schema_version', { simple: true }) as number;
      if (version !== this.#version) this.#names.forget();
      this.#version = version;
      return work();
    });
    this.#names = new DimensionNames(db);
    this.#rows = new ObservationRows(db, this.#names);
    this.#outcomes = new OutcomeRows(db);
    this.#windows = new WindowTable(db);
  }

  add({ observations, outcomes }: ObservationBatch): Promise<BatchResult> {
    return this.#write(() => {
      const { horizon, foldedTo } = this.#rows.state();
      this.#names.crowded.clear();
      const seen = observations.map((o): StoredState => {
        if (o.at < horizon) return 'expired';
        const no = this.#rows.add(o);
        if (no === null) return 'known';
        const output = o.texts?.output;
        if (typeof output === 'string') this.#outcomes.measure(o.id, output, this.#rules);
        return 'added';
      });
      const news = outcomes.map((o): StoredState => {
        if (o.at < horizon) return 'expired';
        return this.#outcomes.merge(o, foldedTo, this.#rules) ? 'added' : 'known';
      });
      return { observations: seen, outcomes: news, crowded: [...this.#names.crowded] };
    });
  }

  fold(most: number): Promise<number> {
    return this.#write(() => {
      const { foldedTo } = this.#rows.state();
      const changes = new WindowChanges();
      const fresh = this.#rows.countedAfter(foldedTo, most);
      for (const row of fresh) this.#count(changes, row, row.body, 1);
      const last = fresh.at(-1);
      if (last !== undefined) this.#rows.setFoldedTo(last.no);
      const corrected = this.#rows.changed(most - fresh.length);
      for (const row of corrected) {
        this.#count(changes, row, row.before, -1);
        this.#count(changes, row, row.body, 1);
        this.#rows.settle(row.no);
      }
      this.#windows.apply(changes);
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
    const id = await this.#read(() => this.#names.feature(feature));
    if (id === undefined) return;
    for (const part of partsOf(from, to, span)) {
      const pages = this.#windows.pages(id, part.spanMs, part.from, part.to)[Symbol.iterator]();
      for (;;) {
        const page = await this.#read(() => {
          const { value, done } = pages.next();
          return done === true
            ? null
            : value.map((row: WindowPlace & { start: number; counts: string }) => ({
                start: row.start,
                spanMs: part.spanMs,
                dimensions: this.#dimensions(row),
                counts: parseCounts(row.counts),
              }));
        });
        if (page === null) break;
        yield* page;
      }
    }
  }

  async *vectors(
    query: Omit<WindowQuery, 'span'> & { readonly most: number },
  ): ReturnType<ObservationStore['vectors']> {
    let every = 0;
    for await (const row of this.#pages(query, (id, after, no) => {
      every ||= Math.ceil(this.#rows.vectorCount(id, query.from, query.to) / query.most);
      return this.#rows.vectors(id, after, no, query.to, every, VECTORS_PER_PAGE);
    }))
      yield {
        dimensions: this.#dimensions(row),
        vector: new Int8Array(row.vector.buffer, row.vector.byteOffset, row.vector.length),
      };
  }

  async *observations(query: Omit<WindowQuery, 'span'>): AsyncIterable<StoredObservation> {
    for await (const row of this.#pages(query, (id, after, no) =>
      this.#rows.page(id, after, no, query.to, ROWS_PER_PAGE),
    ))
      yield this.#stored(row);
  }

  async *measured(query: Omit<WindowQuery, 'span'>): AsyncIterable<readonly MeasuredAnswer[]> {
    for await (const rows of this.#wholePages(query, (id, after, no) =>
      this.#rows.measured(id, after, no, query.to, MEASURED_PER_PAGE),
    ))
      yield rows.map((row) => ({
        ...measuredOf(row),
        dimensions: this.#dimensions(row),
        servedModel: this.#names.valueOf(row.served),
      }));
  }

  /** Rows by (time, number), in pages that let others use the connection between them. */
  async *#pages<R extends { readonly at: number; readonly no: number }>(
    query: Omit<WindowQuery, 'span'>,
    page: (id: number, at: number, no: number) => readonly R[],
  ): AsyncIterable<R> {
    for await (const rows of this.#wholePages(query, page)) yield* rows;
  }

  async *#wholePages<R extends { readonly at: number; readonly no: number }>(
    { feature, from }: Omit<WindowQuery, 'span'>,
    page: (id: number, at: number, no: number) => readonly R[],
  ): AsyncIterable<readonly R[]> {
    const id = await this.#read(() => this.#names.feature(feature));
    if (id === undefined) return;
    let [at, no] = [from, 0];
    for (;;) {
      const rows = await this.#read(() => page(id, at, no));
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows;
      [at, no] = [last.at, last.no];
    }
  }

  features(): Promise<readonly ObservationFeature[]> {
    return this.#read(() => this.#rows.features());
  }

  async close(): Promise<void> {
    if (this.#file.db.open) this.#file.db.close();
  }

  #dimensions(row: Omit<WindowPlace, 'feature'>): CountedWindow['dimensions'] {
    const { release, variant, template, segment } = row;
    const name = (id: number): string | null => (id === NONE ? null : this.#names.valueOf(id));
    return {
      release: name(release),
      variant: name(variant),
      template: name(template),
      segment: name(segment),
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

  #read<T>(work: () => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => {
      try {
        return this.#transaction.deferred(work) as T;
      } catch (error) {
        throw unreadable(error, this.#file.path);
      }
    });
  }

  #write<T>(work: () => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => {
      try {
        return this.#transaction.immediate(() => {
          mustBeSameFile(this.#file);
          return work();
        }) as T;
      } catch (error) {
        this.#names.forget();
        throw error;
      }
    });
  }
}
