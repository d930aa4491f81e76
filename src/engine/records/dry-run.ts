// What a dry run writes to: it reads the ledger, keeps its own writes in memory, and sees them as if they were stored.

import type { LedgerRecord, ShippingChange, ShippingStore, SnapshotStore } from '../../core/index.ts';
import { changedMeanwhile } from '../../ledger/model/shipping-refusal.ts';

/** Decisions go into memory. They are numbered and refused as the log itself would do it. */
export function dryShipping(log: ShippingStore): ShippingStore {
  const added: ShippingChange[] = [];
  const changes = async (after: number): Promise<readonly ShippingChange[]> => [
    ...(await log.changes(after)),
    ...added.filter((c) => c.no > after),
  ];
  const generation = async (): Promise<number> => added.at(-1)?.no ?? log.generation();
  return {
    changes,
    generation,
    append: async (change, newest) => {
      const { kind, feature, environment, name } = change;
      const same = (c: ShippingChange): boolean =>
        c.kind === kind && c.feature === feature && c.environment === environment && c.name === name;
      if (newest !== undefined && ((await changes(0)).findLast(same)?.no ?? 0) !== newest)
        throw changedMeanwhile(change);
      const made = { ...change, no: (await generation()) + 1 };
      added.push(made);
      return made;
    },
    close: () => log.close(),
  };
}

const WRITES: readonly string[] = [
  ...(['begin', 'append', 'regrade', 'finish', 'reopen', 'join', 'bless'] as const),
  ...(['keepImportedBlessings', 'keepVerdict', 'keepVectors'] as const),
] satisfies readonly (keyof SnapshotStore)[];

/** Records go into memory. Runs and blessings are read from the ledger, and an attempt to write them is a defect. */
export function dryLedger(store: SnapshotStore): SnapshotStore {
  const added: LedgerRecord[] = [];
  const own: Pick<SnapshotStore, 'keepRecord' | 'records'> = {
    keepRecord: async (record) => {
      added.push(record);
    },
    records: async (kind, suite) => [
      ...(await store.records(kind, suite)),
      ...added.filter((r) => r.kind === kind && (suite === undefined || r.suite === suite)),
    ],
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === 'keepRecord' || name === 'records') return own[name];
      if (WRITES.includes(String(name)))
        return () => {
          throw new Error(`a dry run must not call ${String(name)} of the ledger`);
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
