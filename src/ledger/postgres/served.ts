// Who served trials: model, system fingerprint, tier and region, once for all trials that say the same.

import type { JsonObject } from '../../base/json.ts';
import type { Served } from '../../core/provider.ts';
import type { GradedTrial } from '../../core/snapshot.ts';
import type { Queries } from './connection.ts';
import { damagedTables } from './server-error.ts';
import { storedJson } from './stored-text.ts';
import { type ServedIdentity, servedIdentity } from './trial-rows.ts';

export class ServedNames {
  readonly #shown: string;
  readonly #ids = new Map<string, number>();
  readonly #identities = new Map<number, ServedIdentity>();

  constructor(shown: string) {
    this.#shown = shown;
  }

  /** What was read before may have been taken out by now. */
  forget(): void {
    this.#ids.clear();
    this.#identities.clear();
  }

  /** Makes sure that who served these trials has an id. Outside the transaction of the trials: a row without a reference says nothing. */
  async prepare(queries: Queries, rows: readonly GradedTrial[]): Promise<void> {
    const fresh = new Set<string>();
    for (const { trial } of rows) {
      if (trial.status !== 'answered') continue;
      const key = servedKey(trial.served);
      if (!this.#ids.has(key)) fresh.add(key);
    }
    if (fresh.size === 0) return;
    await queries.rows(
      'INSERT INTO lg.served (key) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING',
      [[...fresh].sort()],
    );
    const found = await queries.rows<{ id: number; key: string }>(
      'SELECT id, key FROM lg.served WHERE key = ANY($1)',
      [[...fresh]],
    );
    for (const { id, key } of found) this.#ids.set(key, id);
  }

  /** False where `prepare` must be called again. */
  knows(rows: readonly GradedTrial[]): boolean {
    return rows.every(({ trial }) => trial.status !== 'answered' || this.#ids.has(servedKey(trial.served)));
  }

  /** After `prepare`. */
  idOf({ trial }: GradedTrial): number | null {
    return trial.status === 'answered' ? (this.#ids.get(servedKey(trial.served)) as number) : null;
  }

  /** Throws `LEDGER_CORRUPT` where one is not there. */
  async read(queries: Queries, ids: readonly (number | null)[]): Promise<void> {
    const missing = new Set<number>();
    for (const id of ids) if (id !== null && !this.#identities.has(id)) missing.add(id);
    if (missing.size === 0) return;
    const found = await queries.rows<{ id: number; key: string }>(
      'SELECT id, key FROM lg.served WHERE id = ANY($1::int[])',
      [[...missing]],
    );
    for (const { id, key } of found) {
      this.#identities.set(id, JSON.parse(key) as ServedIdentity);
      missing.delete(id);
    }
    for (const id of missing) throw damagedTables(this.#shown, `served ${id} is not there`);
  }

  /** After `read`. */
  of(id: number | null): ServedIdentity | null {
    return id === null ? null : (this.#identities.get(id) as ServedIdentity);
  }
}

function servedKey(served: Served): string {
  return storedJson(servedIdentity(served) as unknown as JsonObject);
}
