// Finding the snapshot a reference means.

import type { Database } from 'better-sqlite3';
import { LastgoodError } from '../../base/errors.ts';
import type { SnapshotSummary } from '../../core/snapshot.ts';
import { ambiguous, notFound, parseReference, type Reference } from '../model/reference.ts';
import type { RecordTables } from './records.ts';
import type { Seals } from './seals.ts';
import type { SnapshotTables } from './snapshots.ts';

export interface ResolveContext {
  readonly suite?: string | undefined;
  readonly now: Date;
}

/** One more than errors list, so that they can say that there are more. */
const CANDIDATES = 6;

export function resolveReference(
  db: Database,
  { snapshots, records, seals }: { snapshots: SnapshotTables; records: RecordTables; seals: Seals },
  ref: string,
  context: ResolveContext,
): SnapshotSummary {
  const reference = parseReference(ref, context.now);
  seals.checkTables();
  const suite = context.suite;
  const ofSuite = suite === undefined ? '1' : 'u.name = ?';
  const suiteValues = suite === undefined ? [] : [suite];
  const within = suite === undefined ? '' : ` of suite "${suite}"`;
  // What the ledger measured itself goes before what came out of files, however new they say they are.
  const newest = (
    where: string,
    values: readonly (string | number)[],
    offset = 0,
  ): SnapshotSummary | undefined => {
    const some = (imported: 0 | 1, limit: number, from: number): SnapshotSummary[] =>
      snapshots.summaries(
        `${where} AND ${ofSuite} AND s.imported = ${imported}`,
        [...values, ...suiteValues],
        limit,
        from,
      );
    const [measured] = some(0, 1, offset);
    return measured ?? some(1, 1, offset === 0 ? 0 : offset - some(0, offset, 0).length)[0];
  };
  const known = (): SnapshotSummary[] => snapshots.summaries(ofSuite, suiteValues, CANDIDATES);
  const finishedRun = `s.state = 'finished' AND s.purpose = 'run'`;

  switch (reference.kind) {
    case 'id':
      return byPrefix(snapshots, ref, reference);
    case 'latest': {
      const found = newest(finishedRun, [], reference.back);
      if (found) return found;
      const why =
        reference.back === 0
          ? `there is no finished run${within}`
          : `there are not that many finished runs${within}`;
      throw notFound(ref, why, known(), 3);
    }
    case 'at': {
      const found = newest(`${finishedRun} AND s.validity = 'valid' AND s.started_ms <= ?`, [reference.ms]);
      if (found) return found;
      const moment = new Date(reference.ms).toISOString();
      throw notFound(ref, `there is no valid finished run${within} at or before ${moment}`, known(), 3);
    }
    case 'label': {
      const found = newest(
        `s.state = 'finished' AND EXISTS (SELECT 1 FROM json_each(s.labels) l WHERE l.key = ? AND l.value = ?)`,
        [reference.key, reference.value],
      );
      if (found) return found;
      throw notFound(ref, `no finished snapshot${within} has this label`, known(), 2);
    }
    case 'baseline': {
      const name = suite ?? onlySuite(db, ref);
      const id = name === undefined ? undefined : records.blessings(name).at(-1)?.snapshot;
      const found = id === undefined ? undefined : snapshots.summaries('s.id = ?', [id])[0];
      if (found) return found;
      const whose = name === undefined ? '' : ` of suite "${name}"`;
      throw notFound(ref, `no snapshot${whose} is blessed yet`, known(), 3);
    }
  }
}

function byPrefix(
  snapshots: SnapshotTables,
  ref: string,
  { prefix }: Extract<Reference, { kind: 'id' }>,
): SnapshotSummary {
  // Ids are letters and digits, all of which sort before `~`.
  const found = snapshots.summaries('s.id >= ? AND s.id < ?', [prefix, `${prefix}~`], CANDIDATES);
  const exact = found.find((s) => s.id === prefix);
  const only = found.length === 1 ? found[0] : undefined;
  const chosen = exact ?? only;
  if (chosen) return chosen;
  if (found.length > 1)
    throw ambiguous(ref, `${found.length >= CANDIDATES ? 'many' : found.length} snapshots`, found);
  throw notFound(ref, 'no id starts like this', snapshots.summaries('1', [], CANDIDATES), 2);
}

/** The suite that is meant when none is named: the only one there is. */
function onlySuite(db: Database, ref: string): string | undefined {
  const names = db
    .prepare<[], string>(
      'SELECT DISTINCT u.name FROM suite u WHERE EXISTS (SELECT 1 FROM snapshot s WHERE s.suite = u.id) ORDER BY u.name',
    )
    .pluck()
    .all();
  if (names.length <= 1) return names[0];
  throw new LastgoodError({
    code: 'REF_AMBIGUOUS',
    message: `"${ref}" needs a suite: this ledger has ${names.length}, among them ${names
      .slice(0, 5)
      .map((n) => `"${n}"`)
      .join(', ')}.`,
    hint: 'name the suite',
  });
}
