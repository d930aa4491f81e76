// States of rollouts for a reader that asks again and again: only what is new in a log is replayed.

import type { SnapshotStore } from '../../core/index.ts';
import type { LoggedRolloutEvent } from '../../core/rollout.ts';
import { replayRollout } from '../../rollout/rollout-machine.ts';
import type { RolloutState } from '../../rollout/rollout-state.ts';
import { logOf, ROLLOUT_RECORD, type RolloutPlace } from './rollout-log.ts';

interface Replayed {
  /** Events of the log that were replayed. */
  readonly events: number;
  readonly state: RolloutState | null;
}

export class RolloutStates {
  readonly #store: Pick<SnapshotStore, 'records' | 'recordCount'>;
  readonly #logs = new Map<string, Replayed>();
  #records = 0;

  constructor(store: Pick<SnapshotStore, 'records' | 'recordCount'>) {
    this.#store = store;
  }

  /** The newest rollout of a feature; null = none was started. */
  async of(place: RolloutPlace): Promise<RolloutState | null> {
    await this.#read();
    return this.#logs.get(logOf(place))?.state ?? null;
  }

  /** The newest rollout of each feature, in order of the features. */
  async all(environment: string): Promise<readonly RolloutState[]> {
    await this.#read();
    return [...this.#logs.values()]
      .flatMap(({ state }) => (state?.spec.environment === environment ? [state] : []))
      .sort((a, b) => (a.spec.feature < b.spec.feature ? -1 : 1));
  }

  /** A log is only added to, so what was replayed stays true. */
  async #read(): Promise<void> {
    if ((await this.#store.recordCount(ROLLOUT_RECORD)) === this.#records) return;
    const records = await this.#store.records(ROLLOUT_RECORD);
    const logs = new Map<string, LoggedRolloutEvent[]>();
    for (const { suite, body } of records) {
      const log = logs.get(suite) ?? [];
      logs.set(suite, log);
      log.push(body as unknown as LoggedRolloutEvent);
    }
    for (const [log, events] of logs) {
      const known = this.#logs.get(log) ?? { events: 0, state: null };
      const state = replayRollout(events.slice(known.events), undefined, known.state);
      this.#logs.set(log, { events: events.length, state });
    }
    this.#records = records.length;
  }
}
