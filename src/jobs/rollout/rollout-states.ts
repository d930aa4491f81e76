// States of rollouts for a reader that asks again and again: only what is new in a log is replayed.

import type { SnapshotStore } from '../../core/index.ts';
import type { LoggedRolloutEvent } from '../../core/rollout.ts';
import { replayRollout } from '../../rollout/rollout-machine.ts';
import type { RolloutState } from '../../rollout/rollout-state.ts';
import { logOf, ROLLOUT_RECORD, type RolloutPlace } from './rollout-log.ts';

export class RolloutStates {
  readonly #store: Pick<SnapshotStore, 'records' | 'recordCount'>;
  readonly #states = new Map<string, RolloutState | null>();
  /** Records that were replayed. */
  #records = 0;

  constructor(store: Pick<SnapshotStore, 'records' | 'recordCount'>) {
    this.#store = store;
  }

  /** The newest rollout of a feature; null = none was started. */
  async of(place: RolloutPlace): Promise<RolloutState | null> {
    await this.#read();
    return this.#states.get(logOf(place)) ?? null;
  }

  /** The newest rollout of each feature, in order of the features. */
  async all(environment: string): Promise<readonly RolloutState[]> {
    await this.#read();
    return [...this.#states.values()]
      .flatMap((state) => (state?.spec.environment === environment ? [state] : []))
      .sort((a, b) => (a.spec.feature < b.spec.feature ? -1 : 1));
  }

  /** Logs are only added to, so what was replayed stays true. */
  async #read(): Promise<void> {
    const there = await this.#store.recordCount(ROLLOUT_RECORD);
    if (there === this.#records) return;
    if (there < this.#records) {
      // Another ledger took this one's place.
      this.#states.clear();
      this.#records = 0;
    }
    const fresh = await this.#store.records(ROLLOUT_RECORD, undefined, this.#records);
    const logs = new Map<string, LoggedRolloutEvent[]>();
    for (const { suite, body } of fresh) {
      const log = logs.get(suite) ?? [];
      logs.set(suite, log);
      log.push(body as unknown as LoggedRolloutEvent);
    }
    for (const [log, events] of logs)
      this.#states.set(log, replayRollout(events, undefined, this.#states.get(log) ?? null));
    this.#records += fresh.length;
  }
}
