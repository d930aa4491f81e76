// Marks that people put on decisions of production: appended to the ledger, never changed.

import type { JsonObject } from '../../base/json.ts';
import { DECISION_MARKS, type DecisionMark, type StoredMark } from '../../core/decisions.ts';
import type { SnapshotStore } from '../../core/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

const KIND = 'decision-mark';
/** Marks belong to a feature, which is in the body: there `forget` reaches its name. */
const EVERY_SUITE = '*';

/** Marks of a feature's decisions by the id of the decision, oldest first. */
export async function decisionMarks(
  store: SnapshotStore,
  feature: string,
): Promise<ReadonlyMap<string, readonly StoredMark[]>> {
  const found = new Map<string, StoredMark[]>();
  for (const { at, body } of await store.records(KIND)) {
    if (body['feature'] !== feature || !isMark(body['mark'])) continue;
    const id = String(body['id']);
    const mark = { mark: body['mark'], by: String(body['by']), why: String(body['why']), at };
    const before = found.get(id);
    if (before === undefined) found.set(id, [mark]);
    else before.push(mark);
  }
  return found;
}

function isMark(value: unknown): value is DecisionMark {
  return DECISION_MARKS.some((mark) => mark === value);
}

/** Appends one mark for each id. Secrets in the texts are masked. Returns the mark as it is kept. */
export async function keepMarks(
  work: Pick<Workplace, 'store' | 'mask' | 'clock'>,
  feature: string,
  ids: readonly string[],
  said: Omit<StoredMark, 'at'>,
): Promise<StoredMark> {
  const at = work.clock.now().toISOString();
  const clean = (text: string): string => work.mask.text(text.trim()).toWellFormed();
  const kept: StoredMark = { mark: said.mark, by: clean(said.by), why: clean(said.why), at };
  for (const id of ids) {
    const body: JsonObject = { feature, id, mark: kept.mark, by: kept.by, why: kept.why };
    await work.store.keepRecord({ kind: KIND, suite: EVERY_SUITE, at, body });
  }
  return kept;
}
