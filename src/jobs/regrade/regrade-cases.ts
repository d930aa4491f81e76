// Which cases of a snapshot can be graded again by another suite file, or by their own.

import { LastgoodError } from '../../base/index.ts';
import type { Case, SnapshotStore, SnapshotSummary, Suite } from '../../core/index.ts';
import { consentToGraders } from '../../engine/workplace/consent.ts';
import { caseContentHash } from '../../suite/suite-hash.ts';
import { withCases } from '../../suite/with-cases.ts';
import type { RegradeInput } from './regrade.ts';

/** A case that could not be taken over, and why. */
export interface LeftOut {
  readonly caseId: string;
  readonly why: 'content changed' | 'not in the suite any more' | 'new in the suite, never run';
}

/** The cases that can be graded again, with the new suite's graders and the old run's number of trials. */
export async function takeOver(
  store: SnapshotStore,
  { source, suite: wanted, keepOthers = false }: Pick<RegradeInput, 'source' | 'suite' | 'keepOthers'>,
): Promise<{ suite: Suite; leftOut: LeftOut[] }> {
  if (wanted === undefined) {
    const suite = await store.suiteOf(source.id);
    await consentToGraders(suite);
    return { suite, leftOut: [] };
  }
  if (wanted.name !== source.suite) {
    throw new LastgoodError({
      code: 'REGRADE_OTHER_SUITE',
      message: `the outputs are those of suite "${source.suite}", the graders those of "${wanted.name}"`,
      where: { file: wanted.file ?? undefined },
    });
  }
  const stored = await store.caseOutlines(source.id);
  const now = new Map(wanted.cases.map((c) => [c.id, c]));
  const others = keepOthers
    ? (await store.suiteOf(source.id)).cases.filter((c) => now.get(c.id)?.contentHash !== c.contentHash)
    : [];
  const kept = new Map(others.map((c) => [c.id, c]));
  const before = new Set(stored.map((c) => c.id));
  const leftOut: LeftOut[] = [];
  const cases: Case[] = [];
  for (const old of stored) {
    const fresh = now.get(old.id);
    const other = kept.get(old.id);
    if (other !== undefined) cases.push(other);
    else if (fresh === undefined) leftOut.push({ caseId: old.id, why: 'not in the suite any more' });
    else if (fresh.contentHash !== old.contentHash) leftOut.push({ caseId: old.id, why: 'content changed' });
    else cases.push(fresh.trials === old.trials ? fresh : { ...fresh, trials: old.trials });
  }
  for (const c of wanted.cases)
    if (!before.has(c.id) && !keepOthers) leftOut.push({ caseId: c.id, why: 'new in the suite, never run' });
  if (cases.length === 0) {
    throw new LastgoodError({
      code: 'REGRADE_NOTHING',
      message: `no case of the stored run has the same content in the suite file (${leftOut.length} looked at), so none of its outputs can be graded`,
      hint: 'run the suite instead',
      exitCode: 3,
    });
  }
  // The order of the cases is no part of the hash.
  const same = cases.length === wanted.cases.length && cases.every((c) => now.get(c.id) === c);
  return { suite: same ? { ...wanted, cases } : withCases(wanted, cases), leftOut };
}

/** Answers are graded against the case they were given to, or not at all: its stored text may have been redacted, withheld or forgotten. */
export async function refuseAltered(
  store: SnapshotStore,
  source: SnapshotSummary,
  { cases }: Suite,
): Promise<void> {
  // What was forgotten with its answers is not graded anyway.
  const gone = await store.removedOutputs(source.id);
  const isAltered = (c: Case): boolean => caseContentHash(c) !== c.contentHash && !gone.has(c.id);
  const altered = cases.reduce((n, c) => n + (isAltered(c) ? 1 : 0), 0);
  if (altered === 0) return;
  throw new LastgoodError({
    code: 'REGRADE_CASES_ALTERED',
    message: `${altered} of the ${cases.length} cases in ${source.id} are not stored as they were asked (redacted, withheld, masked or forgotten), so grading against them would be another exam than it says`,
    hint: 'pass the suite file: --suite FILE; cases whose content is the same are taken from it',
    exitCode: 3,
  });
}
