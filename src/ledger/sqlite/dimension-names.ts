// Names that production rows share: releases, templates, models. Each feature has a limited number of each.

import type { Database, Statement } from 'better-sqlite3';
import { OTHER_VALUE } from '../../core/observation.ts';
import { MOST_VALUES, type NameKind, NONE } from '../model/observation-row.ts';

/** Names to ids and back on one connection. */
export class DimensionNames {
  readonly #find: Statement<[number, string, string], number>;
  readonly #count: Statement<[number, string], number>;
  readonly #add: Statement<[number, string, string], number>;
  readonly #value: Statement<[number], string>;
  readonly #ids = new Map<string, number>();
  readonly #values = new Map<number, string>();
  /** Kinds that had too many values since the last look. */
  readonly crowded = new Set<string>();

  constructor(db: Database) {
    this.#find = db
      .prepare<[number, string, string], number>(
        'SELECT id FROM dimension WHERE feature = ? AND kind = ? AND value = ?',
      )
      .pluck();
    this.#count = db
      .prepare<[number, string], number>('SELECT count(*) FROM dimension WHERE feature = ? AND kind = ?')
      .pluck();
    this.#add = db
      .prepare<[number, string, string], number>(
        'INSERT INTO dimension (feature, kind, value) VALUES (?, ?, ?) RETURNING id',
      )
      .pluck();
    this.#value = db.prepare<[number], string>('SELECT value FROM dimension WHERE id = ?').pluck();
  }

  /** Of a feature's own name; undefined = it has no rows. */
  feature(name: string): number | undefined {
    return this.#known(NONE, 'feature', name);
  }

  /** Adds the name where it is new. Inside a write transaction. */
  featureOf(name: string): number {
    return this.feature(name) ?? this.#new(NONE, 'feature', name);
  }

  /** The same of a name within a feature; one too many counts as `(other)`. */
  idOf(feature: number, kind: NameKind, name: string | null | undefined): number {
    if (name === null || name === undefined) return NONE;
    const known = this.#known(feature, kind, name);
    if (known !== undefined) return known;
    if ((this.#count.get(feature, kind) ?? 0) < MOST_VALUES) return this.#new(feature, kind, name);
    this.crowded.add(kind);
    return this.#known(feature, kind, OTHER_VALUE) ?? this.#new(feature, kind, OTHER_VALUE);
  }

  /** null for a name that was not given. */
  valueOf(id: number): string | null {
    if (id === NONE) return null;
    let value = this.#values.get(id);
    if (value === undefined) {
      value = this.#value.get(id) ?? OTHER_VALUE;
      this.#values.set(id, value);
    }
    return value;
  }

  /** After a transaction that was rolled back, or when another connection may have changed names. */
  forget(): void {
    this.#ids.clear();
    this.#values.clear();
  }

  #known(feature: number, kind: NameKind, name: string): number | undefined {
    const key = `${feature} ${kind} ${name}`;
    const cached = this.#ids.get(key);
    if (cached !== undefined) return cached;
    const id = this.#find.get(feature, kind, name);
    if (id !== undefined) this.#ids.set(key, id);
    return id;
  }

  #new(feature: number, kind: NameKind, name: string): number {
    const id = this.#add.get(feature, kind, name) as number;
    this.#ids.set(`${feature} ${kind} ${name}`, id);
    return id;
  }
}
