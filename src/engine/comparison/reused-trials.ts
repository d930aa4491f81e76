// Going on with an undecided comparison: its trials are taken over into the new snapshots, so that none is paid twice.

import { LastgoodError } from '../../base/index.ts';
import type { CaseResult, GradedTrial, SnapshotStore } from '../../core/index.ts';
import type { ErrorBudget } from './repeated-comparisons.ts';

/** An earlier comparison whose trials are still there. */
export interface TakenOver {
  readonly baseline: string;
  readonly candidate: string;
  /** Rounds it was judged on. */
  readonly trials: number;
  /** Cases whose fresh trials looked worse still. */
  readonly suspects: readonly string[];
  /** Fresh trials of cases that looked worse, by arm. */
  readonly fresh: { readonly baseline: readonly CaseResult[]; readonly candidate: readonly CaseResult[] };
}

/** What can be taken over; null when nothing is continued, or its snapshots are gone or say nothing. */
export async function takenOver(
  store: SnapshotStore,
  standing: ErrorBudget,
  now: Date,
): Promise<TakenOver | null> {
  const last = standing.earlier.at(-1);
  if (standing.role !== 'continued' || last === undefined) return null;
  try {
    for (const id of [last.baseline, last.candidate]) {
      const { state, validity } = await store.resolve(id, { now });
      if (state === 'running' || validity === 'invalid') return null;
    }
    const fresh: { baseline: CaseResult[]; candidate: CaseResult[] } = { baseline: [], candidate: [] };
    for (const { fresh: ids } of last.rungs) {
      if (ids === null) continue;
      fresh.candidate.push(...(await store.results(ids.candidate)).cases);
      if (ids.baseline !== null) fresh.baseline.push(...(await store.results(ids.baseline)).cases);
    }
    const { baseline, candidate, trials } = last;
    return { baseline, candidate, trials, suspects: last.rungs.at(-1)?.suspects ?? [], fresh };
  } catch (error) {
    if (error instanceof LastgoodError) return null;
    throw error;
  }
}

const BATCH = 100;

/** Copies the trials of one snapshot with a number below `below` into another; skipped ones are run again instead. */
export async function copyTrials(
  store: SnapshotStore,
  from: string,
  to: string,
  below: number,
): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  let batch: GradedTrial[] = [];
  for await (const row of store.trials(from)) {
    if (row.trial.status === 'skipped' || row.trial.trial >= below) continue;
    batch.push(row);
    if (batch.length < BATCH) continue;
    await store.append(to, batch);
    batch = [];
  }
  if (batch.length > 0) await store.append(to, batch);
  return store.doneTrials(to);
}

/** Trials of the same cases put together, case by case. */
export function joined(parts: readonly (readonly CaseResult[])[]): CaseResult[] {
  const byId = new Map<string, CaseResult>();
  for (const c of parts.flat()) {
    const before = byId.get(c.id);
    byId.set(
      c.id,
      before === undefined
        ? c
        : {
            ...c,
            plannedTrials: before.plannedTrials + c.plannedTrials,
            trials: [...before.trials, ...c.trials],
          },
    );
  }
  return [...byId.values()];
}
