// Names that production rows share: releases, templates, models. Each feature has a limited number of each.

import { OTHER_VALUE } from '../../core/observation.ts';
import { MOST_VALUES, type NameKind, NONE } from '../model/observation-row.ts';
import type { Queries } from './connection.ts';
import { givenText, storedText } from './stored-text.ts';

interface NameRow {
  readonly id: number;
  readonly feature: number;
  readonly kind: string;
  readonly value: string;
}

/** Names to ids and back. A name that is there stays as it is, so what was read stays good. */
export class DimensionNames {
  readonly #ids = new Map<string, number>();
  readonly #values = new Map<number, string>();
  readonly #counts = new Map<string, number>();
  readonly #read = new Set<number>();
  /** Kinds that had too many values since the last look. */
  readonly crowded = new Set<string>();

  /** Of a feature's own name; undefined = it has no rows. */
  async feature(queries: Queries, given: string): Promise<number | undefined> {
    const key = keyOf(NONE, 'feature', given.toWellFormed());
    if (!this.#ids.has(key)) await this.#readAll(queries, NONE);
    return this.#ids.get(key);
  }

  /** Adds the name where it is new. Holding the lock `observe`. */
  async featureOf(queries: Queries, name: string): Promise<number> {
    return (await this.feature(queries, name)) ?? this.#add(queries, NONE, 'feature', name.toWellFormed());
  }

  /** The same of a name within a feature; one too many counts as `(other)`. */
  async idOf(
    queries: Queries,
    feature: number,
    kind: NameKind,
    given: string | null | undefined,
  ): Promise<number> {
    if (given === null || given === undefined) return NONE;
    const name = given.toWellFormed();
    const known = this.#ids.get(keyOf(feature, kind, name));
    if (known !== undefined) return known;
    if (!this.#read.has(feature)) {
      await this.#readAll(queries, feature);
      return this.idOf(queries, feature, kind, name);
    }
    if ((this.#counts.get(`${feature} ${kind}`) ?? 0) < MOST_VALUES)
      return this.#add(queries, feature, kind, name);
    this.crowded.add(kind);
    return this.#ids.get(keyOf(feature, kind, OTHER_VALUE)) ?? this.#add(queries, feature, kind, OTHER_VALUE);
  }

  /** null for a name that was not given. All names of the feature must have been read. */
  valueOf(id: number): string | null {
    return id === NONE ? null : (this.#values.get(id) ?? OTHER_VALUE);
  }

  /** Reads the names that rows have and that are not known here. */
  async know(queries: Queries, ids: Iterable<number>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => id !== NONE && !this.#values.has(id));
    if (missing.length === 0) return;
    this.#keep(
      await queries.rows<NameRow>(
        'SELECT id, feature, kind, value FROM lg.dimension WHERE id = ANY($1::int[])',
        [missing],
      ),
      false,
    );
  }

  /** Before each batch: another process may have added names since. */
  begin(): void {
    this.#read.clear();
    this.crowded.clear();
  }

  /** After a batch that was taken back: so were its names. */
  forget(): void {
    this.#ids.clear();
    this.#values.clear();
    this.#read.clear();
  }

  async #readAll(queries: Queries, feature: number): Promise<void> {
    for (const key of this.#counts.keys()) if (key.startsWith(`${feature} `)) this.#counts.delete(key);
    this.#keep(
      await queries.rows<NameRow>('SELECT id, feature, kind, value FROM lg.dimension WHERE feature = $1', [
        feature,
      ]),
      true,
    );
    this.#read.add(feature);
  }

  #keep(rows: readonly NameRow[], counted: boolean): void {
    for (const { id, feature, kind, value } of rows) {
      const name = givenText(value);
      this.#values.set(id, name);
      if (!counted) continue;
      this.#ids.set(keyOf(feature, kind, name), id);
      const count = `${feature} ${kind}`;
      this.#counts.set(count, (this.#counts.get(count) ?? 0) + 1);
    }
  }

  async #add(queries: Queries, feature: number, kind: string, name: string): Promise<number> {
    const [row] = await queries.rows<NameRow>(
      `INSERT INTO lg.dimension (feature, kind, value) VALUES ($1, $2, $3) RETURNING id, feature, kind, value`,
      [feature, kind, storedText(name)],
    );
    this.#keep([row as NameRow], true);
    return (row as NameRow).id;
  }
}

function keyOf(feature: number, kind: string, name: string): string {
  return `${feature} ${kind} ${name}`;
}
