// What is in force, kept up to date from the log: reading it again costs one number while nothing changed.

import type { ShippingChange, ShippingStore } from '../../core/index.ts';
import { flagsOf } from '../../rollout/flags.ts';
import { registryOf } from '../../rollout/registry.ts';
import type { ServedState } from '../../rollout/serve-flags.ts';

export interface ShippingState extends ServedState {
  readonly changes: readonly ShippingChange[];
  /** ISO time of the newest change; null for none. */
  readonly changedAt: string | null;
}

export class FlagState {
  readonly #store: Pick<ShippingStore, 'changes' | 'generation'>;
  #state: ShippingState = { changes: [], flags: [], places: [], generation: 0, changedAt: null };
  #reading: Promise<void> = Promise.resolve();

  constructor(store: Pick<ShippingStore, 'changes' | 'generation'>) {
    this.#store = store;
  }

  /** What is in force now. Throws as the ledger does. */
  async now(): Promise<ShippingState> {
    if ((await this.#store.generation()) !== this.#state.generation) {
      // One after another: two readers must not add the same changes twice.
      this.#reading = this.#reading.catch(() => {}).then(() => this.#read());
      await this.#reading;
    }
    return this.#state;
  }

  async #read(): Promise<void> {
    const fresh = await this.#store.changes(this.#state.generation);
    const last = fresh.at(-1);
    if (last === undefined) return;
    const changes = [...this.#state.changes, ...fresh];
    this.#state = {
      changes,
      flags: flagsOf(changes),
      places: registryOf(changes),
      generation: last.no,
      changedAt: last.at,
    };
  }
}
