// The provider batches of one piece of work, as records of the ledger: what was submitted is never submitted twice.

import type { JsonObject } from '../../base/index.ts';
import type { LedgerRecord } from '../../core/index.ts';
import type { BatchBook, OpenBatch } from '../../core/provider-batch.ts';
import type { Workplace } from '../workplace/workplace.ts';

const KIND = 'provider-batch';

/** Whose batches they are. */
export interface BatchScope {
  /** Not an id alone: a record that names a snapshot by its id keeps it from being pruned. */
  readonly scope: string;
  readonly suite: string;
}

/** The calls of a snapshot's subject. */
export function runScope(snapshotId: string): string {
  return `run ${snapshotId}`;
}

/** The book of one scope. Records are append-only, so the newest of a key counts. */
export function batchBook(
  { store, clock }: Pick<Workplace, 'store' | 'clock'>,
  { scope, suite }: BatchScope,
): BatchBook {
  const keep = (body: JsonObject): Promise<void> =>
    store.keepRecord({
      kind: KIND,
      suite,
      at: clock.now().toISOString(),
      body: { run: scope, ...body },
    });
  return {
    open: () => openBatches(store, { scope, suite }),
    planned: ({ key, plannedAt, requests, trials }) =>
      keep({ key, state: 'planned', plannedAt: plannedAt.toISOString(), requests, trials }),
    submitted: (key, batchId) => keep({ key, state: 'submitted', batchId }),
    settled: (key) => keep({ key, state: 'settled' }),
  };
}

/** The batches of a scope whose results are not all stored, in the order in which they were planned. */
async function openBatches(
  store: Workplace['store'],
  { scope, suite }: BatchScope,
): Promise<readonly OpenBatch[]> {
  const open = new Map<string, OpenBatch>();
  for (const record of await store.records(KIND, suite))
    if (record.body['run'] === scope) apply(open, record);
  return [...open.values()].sort((a, b) => a.plannedAt.getTime() - b.plannedAt.getTime());
}

function apply(open: Map<string, OpenBatch>, { body }: LedgerRecord): void {
  const { key, state, plannedAt, requests, trials, batchId } = body;
  if (typeof key !== 'string') return;
  if (state === 'settled') open.delete(key);
  const known = open.get(key);
  if (state === 'submitted' && known !== undefined && typeof batchId === 'string')
    open.set(key, { ...known, batchId });
  if (state !== 'planned' || typeof requests !== 'number' || typeof trials !== 'string') return;
  open.set(key, { key, plannedAt: new Date(String(plannedAt)), batchId: null, requests, trials });
}
