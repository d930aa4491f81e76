// Finding the snapshot a reference means.

import { LastgoodError } from '../../base/errors.ts';
import type { SnapshotSummary } from '../../core/snapshot.ts';
import { ambiguous, notFound, parseReference } from '../model/reference.ts';
import type { Queries } from './connection.ts';
import type { RecordTables } from './records.ts';
import type { SnapshotTables, SummaryFilter } from './snapshots.ts';
import { givenText } from './stored-text.ts';

/** One more than errors list, so that they can say that there are more. */
const CANDIDATES = 6;
/** Snapshots with a label that are looked at: the text of another label may only look like it. */
const LABELLED = 100;

export async function resolveReference(
  queries: Queries,
  { snapshots, records }: { readonly snapshots: SnapshotTables; readonly records: RecordTables },
  ref: string,
  context: { readonly suite?: string | undefined; readonly now: Date },
): Promise<SnapshotSummary> {
  const reference = parseReference(ref, context.now);
  const { suite } = context;
  const within = suite === undefined ? '' : ` of suite "${suite}"`;
  const some = (filter: SummaryFilter): Promise<SnapshotSummary[]> =>
    snapshots.summaries(queries, { suite, ...filter });
  // What the ledger measured itself goes before what came out of files, however new they say they are.
  const newest = async (filter: SummaryFilter, back = 0): Promise<SnapshotSummary | undefined> => {
    const [measured] = await some({ ...filter, imported: false, limit: 1, offset: back });
    if (measured !== undefined) return measured;
    const before = back === 0 ? 0 : (await some({ ...filter, imported: false, limit: back })).length;
    return (await some({ ...filter, imported: true, limit: 1, offset: back - before }))[0];
  };
  const known = (): Promise<SnapshotSummary[]> => some({ limit: CANDIDATES });
  const finishedRun: SummaryFilter = { state: 'finished', purposes: ['run'] };

  switch (reference.kind) {
    case 'id':
      return byPrefix(queries, snapshots, ref, reference.prefix);
    case 'latest': {
      const found = await newest(finishedRun, reference.back);
      if (found) return found;
      const why =
        reference.back === 0
          ? `there is no finished run${within}`
          : `there are not that many finished runs${within}`;
      throw notFound(ref, why, await known(), 3);
    }
    case 'at': {
      const found = await newest({ ...finishedRun, validity: 'valid', untilMs: reference.ms });
      if (found) return found;
      const moment = new Date(reference.ms).toISOString();
      throw notFound(ref, `there is no valid finished run${within} at or before ${moment}`, await known(), 3);
    }
    case 'label': {
      const { key, value } = reference;
      const labels = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
      for (const imported of [false, true]) {
        const found = await some({ state: 'finished', labels, imported, limit: LABELLED });
        const labelled = found.find((s) => s.labels[key] === value);
        if (labelled) return labelled;
      }
      throw notFound(ref, `no finished snapshot${within} has this label`, await known(), 2);
    }
    case 'baseline': {
      const name = suite ?? (await onlySuite(queries, ref));
      const id = name === undefined ? undefined : (await records.blessings(queries, name)).at(-1)?.snapshot;
      const found = id === undefined ? undefined : (await snapshots.summaries(queries, { id }))[0];
      if (found) return found;
      const whose = name === undefined ? '' : ` of suite "${name}"`;
      throw notFound(ref, `no snapshot${whose} is blessed yet`, await known(), 3);
    }
  }
}

async function byPrefix(
  queries: Queries,
  snapshots: SnapshotTables,
  ref: string,
  idPrefix: string,
): Promise<SnapshotSummary> {
  const [exact] = await snapshots.summaries(queries, { id: idPrefix });
  if (exact !== undefined) return exact;
  const found = await snapshots.summaries(queries, { idPrefix, limit: CANDIDATES });
  const only = found.length === 1 ? found[0] : undefined;
  if (only) return only;
  if (found.length > 1)
    throw ambiguous(ref, `${found.length >= CANDIDATES ? 'many' : found.length} snapshots`, found);
  throw notFound(ref, 'no id starts like this', await snapshots.summaries(queries, { limit: CANDIDATES }), 2);
}

/** The suite that is meant when none is named: the only one there is. */
async function onlySuite(queries: Queries, ref: string): Promise<string | undefined> {
  const rows = await queries.rows<{ name: string }>(
    'SELECT DISTINCT u.name FROM lg.suite u WHERE EXISTS (SELECT 1 FROM lg.snapshot s WHERE s.suite = u.id) ORDER BY u.name',
  );
  const names = rows.map(({ name }) => givenText(name));
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
