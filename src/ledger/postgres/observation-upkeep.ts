// Retention of production answers on a server. Windows keep their counts; rows and texts go, by the rules of SQLite's ledger.

import type { ObservationPruned, ObservationRetention } from '../model/observation-row.ts';
import type { Connection, Queries } from './connection.ts';
import { withConnection } from './open-ledger.ts';

/** Rows of one transaction: others write between them. */
const ROWS = 5000;

interface OldRow {
  readonly no: number;
  readonly at: number;
  readonly key: Buffer;
  /** It is in its windows; a row that is not yet stays. */
  readonly counted: boolean;
}

/** Removes what the rules call old, in steps that let others write. */
export function pruneServerObservations(
  place: string,
  retention: ObservationRetention,
): Promise<ObservationPruned> {
  return withConnection(place, (connection) => pruneRows(connection, retention));
}

async function pruneRows(
  connection: Connection,
  { textsBefore, rowsBefore, dryRun }: ObservationRetention,
): Promise<ObservationPruned> {
  if (rowsBefore !== null && !dryRun)
    // Before anything goes: an answer that is sent again afterwards would count twice.
    await connection.observing((queries) =>
      queries.rows('UPDATE lg.observation_state SET horizon = greatest(horizon, $1)', [
        Math.floor(rowsBefore),
      ]),
    );
  const before = Math.floor(Math.max(textsBefore ?? 0, rowsBefore ?? 0));
  const pruned = { texts: 0, observations: 0 };
  const features = await connection.single.rows<{ id: number }>(
    "SELECT id FROM lg.dimension WHERE kind = 'feature' ORDER BY id",
  );
  for (const { id } of features) {
    let last: Pick<OldRow, 'at' | 'no'> | undefined = { at: -1, no: 0 };
    while (last !== undefined) {
      const { at, no }: Pick<OldRow, 'at' | 'no'> = last;
      const page = (queries: Queries): Promise<PrunedPage> =>
        prunePage(queries, [id, at, no, before], { rowsBefore, dryRun });
      const step: PrunedPage = await (dryRun ? connection.read(page) : connection.observing(page));
      pruned.texts += step.texts;
      pruned.observations += step.observations;
      last = step.last;
    }
  }
  if (rowsBefore !== null && !dryRun)
    // Outcomes whose answers never came.
    await connection.observing((queries) =>
      queries.rows(
        'DELETE FROM lg.outcome c WHERE c.at < $1 AND NOT EXISTS (SELECT 1 FROM lg.observation o WHERE o.key = c.key)',
        [Math.floor(rowsBefore)],
      ),
    );
  return pruned;
}

type PrunedPage = ObservationPruned & { readonly last: OldRow | undefined };

async function prunePage(
  queries: Queries,
  page: readonly [feature: number, at: number, no: number, before: number],
  { rowsBefore, dryRun }: Pick<ObservationRetention, 'rowsBefore' | 'dryRun'>,
): Promise<PrunedPage> {
  const rows = await queries.rows<OldRow>(
    `SELECT no, at, key, no <= (SELECT folded_to FROM lg.observation_state)
            AND NOT EXISTS (SELECT 1 FROM lg.outcome_change h WHERE h.no = o.no) AS counted
     FROM lg.observation o WHERE feature = $1 AND (at, no) > ($2, $3) AND at < $4 ORDER BY at, no LIMIT ${ROWS}`,
    page,
  );
  const last = rows.at(-1);
  if (last === undefined) return { texts: 0, observations: 0, last };
  const gone = rows.filter((row) => rowsBefore !== null && row.at < rowsBefore && row.counted);
  const numbers = rows.map(({ no }) => no);
  if (dryRun) {
    const [found] = await queries.rows<{ n: number }>(
      'SELECT count(*) AS n FROM lg.observation_text WHERE no = ANY($1::bigint[])',
      [numbers],
    );
    return { texts: found?.n ?? 0, observations: gone.length, last };
  }
  await queries.rows('DELETE FROM lg.observation_vector WHERE no = ANY($1::bigint[])', [numbers]);
  const texts = await queries.rows<{ no: number }>(
    'DELETE FROM lg.observation_text WHERE no = ANY($1::bigint[]) RETURNING no',
    [numbers],
  );
  const finals = await queries.rows<{ key: Buffer }>(
    'UPDATE lg.outcome SET final_text = NULL WHERE key = ANY($1::bytea[]) AND final_text IS NOT NULL RETURNING key',
    [rows.map(({ key }) => key)],
  );
  const byKey = new Map(rows.map(({ key, no }) => [key.toString('hex'), no]));
  const without = new Set([
    ...texts.map(({ no }) => no),
    ...finals.map(({ key }) => byKey.get(key.toString('hex'))),
  ]);
  if (gone.length > 0) {
    await queries.rows('DELETE FROM lg.outcome WHERE key = ANY($1::bytea[])', [gone.map(({ key }) => key)]);
    await queries.rows('DELETE FROM lg.observation WHERE no = ANY($1::bigint[])', [gone.map(({ no }) => no)]);
  }
  return { texts: without.size, observations: gone.length, last };
}
