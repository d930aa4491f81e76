// What the ledger does not take in: impossible snapshots, and baselines that are none.

import { LastgoodError } from '../../base/errors.ts';
import type { Blessing, NewSnapshot, SnapshotSummary } from '../../core/snapshot.ts';

/** Throws for a snapshot that no caller may make: a defect of the program, not of its user. */
export function checkNew(snapshot: NewSnapshot): void {
  if (!/^s[0-9a-z]{3,31}$/.test(snapshot.id))
    throw new TypeError(`"${snapshot.id}" is not a snapshot id: s and 3 to 31 lower-case letters or digits`);
  if (!Number.isFinite(Date.parse(snapshot.startedAt)))
    throw new TypeError(`startedAt of snapshot ${snapshot.id} is not an ISO time: ${snapshot.startedAt}`);
  const ids = new Set<string>();
  for (const c of snapshot.suite.cases) ids.add(c.id);
  if (ids.size !== snapshot.suite.cases.length)
    throw new TypeError(`suite "${snapshot.suite.name}" has two cases with one id`);
}

/** Why a snapshot cannot be a baseline, in words; null when it can. */
function blessingRefusal(summary: SnapshotSummary, blessing: Blessing): string | null {
  if (summary.suite !== blessing.suite)
    return `it is one of suite "${summary.suite}", not "${blessing.suite}"`;
  if (summary.state !== 'finished') return `it is ${summary.state}, not finished`;
  if (summary.validity === 'invalid')
    return `it is invalid (${summary.validityReasons.join('; ') || 'no reason kept'})`;
  return null;
}

/** Throws `BLESSING_REFUSED` for what cannot be a baseline. */
export function checkBlessing(summary: SnapshotSummary, blessing: Blessing): void {
  const refusal = blessingRefusal(summary, blessing);
  if (refusal === null) return;
  throw new LastgoodError({
    code: 'BLESSING_REFUSED',
    message: `Snapshot ${blessing.snapshot} cannot be a baseline: ${refusal}.`,
  });
}
