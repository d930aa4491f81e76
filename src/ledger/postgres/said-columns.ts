// Columns of a PostgreSQL ledger in which words of people and models may stand, and how a text is taken out of each.

import { numberedMark, type TextCleaner } from '../model/text-cleaner.ts';
import type { Queries } from './connection.ts';
import type { ChangedRows } from './replace-content.ts';
import { givenText, storedText } from './stored-text.ts';

/** Whose rows they are, and the column with their number. */
type Owner = readonly [kind: keyof ChangedRows, column: string];

/**
 * `plain` is a text, `json` JSON text. `name` tells rows apart: different names stay different. `key` may be there once, so it always gets a
 * mark of its own; `json-key` is that in JSON.
 */
type Kind = 'plain' | 'json' | 'name' | 'key' | 'json-key';

interface SaidColumn {
  readonly table: string;
  readonly column: string;
  readonly kind: Kind;
  readonly owner?: Owner;
  /** Rows in which the column holds words of the program. */
  readonly unless?: string;
}

const TRIAL: Owner = ['snapshots', 'snapshot'];
const CASE: Owner = ['cases', 'id'];

/** All other columns hold what this program made: ids, hashes, times, states. Names of suites stay: snapshots are found by them. */
export const SAID_COLUMNS: readonly SaidColumn[] = [
  ...['labels', 'environment', 'validity_reasons', 'findings'].map(
    (column): SaidColumn => ({ table: 'snapshot', column, kind: 'json', owner: ['snapshots', 'no'] }),
  ),
  { table: 'release', column: 'name', kind: 'plain', owner: ['releases', 'id'] },
  { table: 'suite_case', column: 'place', kind: 'json', owner: ['suites', 'suite'] },
  { table: 'case_version', column: 'case_id', kind: 'name', owner: CASE },
  { table: 'case_version', column: 'tags', kind: 'json', owner: CASE },
  { table: 'case_version', column: 'grp', kind: 'name', owner: CASE },
  { table: 'served', column: 'key', kind: 'json-key', owner: ['served', 'id'] },
  { table: 'trial', column: 'message', kind: 'plain', owner: TRIAL },
  { table: 'trial', column: 'attempts', kind: 'json', owner: TRIAL },
  { table: 'trial', column: 'request_id', kind: 'plain', owner: TRIAL },
  { table: 'trial', column: 'dropped_params', kind: 'json', owner: TRIAL },
  // Causes of this program are lower-case words.
  { table: 'trial', column: 'code', kind: 'plain', owner: TRIAL, unless: "code ~ '^[a-z_]*$'" },
  {
    ...{ table: 'trial', column: 'stop_reason', kind: 'plain', owner: TRIAL },
    unless: "NOT starts_with(stop_reason, 'other:')",
  },
  { table: 'blessing', column: 'by_whom', kind: 'plain', owner: TRIAL },
  { table: 'blessing', column: 'why', kind: 'plain', owner: TRIAL },
  { table: 'blessing', column: 'overrode', kind: 'json', owner: TRIAL },
  { table: 'imported_blessing', column: 'by_whom', kind: 'plain', owner: TRIAL },
  { table: 'imported_blessing', column: 'why', kind: 'plain', owner: TRIAL },
  { table: 'imported_blessing', column: 'overrode', kind: 'json', owner: TRIAL },
  { table: 'record', column: 'body', kind: 'json' },
  { table: 'verdict', column: 'body', kind: 'json' },
  { table: 'dimension', column: 'value', kind: 'key' },
  { table: 'observation', column: 'id', kind: 'plain' },
  { table: 'observation', column: 'tags', kind: 'json' },
  { table: 'observation_text', column: 'output', kind: 'plain' },
  { table: 'observation_text', column: 'rest', kind: 'json' },
  { table: 'observation_window', column: 'counts', kind: 'json' },
  { table: 'outcome', column: 'body', kind: 'json' },
  { table: 'outcome', column: 'final_text', kind: 'plain' },
  { table: 'outcome_change', column: 'before', kind: 'json' },
  { table: 'access_token', column: 'name', kind: 'key' },
  { table: 'shipping_change', column: 'by_whom', kind: 'plain' },
  { table: 'shipping_change', column: 'why', kind: 'plain' },
  { table: 'shipping_change', column: 'body', kind: 'json' },
  { table: 'guard_decision', column: 'agent', kind: 'plain' },
  { table: 'guard_decision', column: 'key', kind: 'plain' },
  { table: 'guard_decision', column: 'reason', kind: 'plain' },
  { table: 'approval', column: 'agent', kind: 'plain' },
  { table: 'approval', column: 'key', kind: 'plain' },
  { table: 'approval_answer', column: 'by_whom', kind: 'plain' },
  { table: 'approval_answer', column: 'why', kind: 'plain' },
];

/** Columns with rules of their own, in forget-text.ts. */
export const OTHER_SAID_COLUMNS: readonly (readonly [table: string, column: string])[] = [
  ['content', 'body'],
  ['document', 'shape'],
  // Counted anew where a served model had another name.
  ['snapshot', 'counts'],
];

const ROWS = 500;

/** True where one of the forms ($1) stands in a column of text. */
export const WITHIN = (column: string): string =>
  `EXISTS (SELECT 1 FROM unnest($1::text[]) AS f (form) WHERE position(f.form IN ${column}) > 0)`;

/** The forms as they stand in stored text. */
export function storedForms(cleaner: TextCleaner): string[] {
  return [...new Set(cleaner.forms.map(storedText))];
}

/** Takes the text out of every column, and says how many rows changed and how many values hold it as a part. */
export async function cleanColumns(
  queries: Queries,
  cleaner: TextCleaner,
  changed: ChangedRows,
  /** Tables in which something changed. */
  touched: Set<string>,
): Promise<{ readonly rows: number; readonly partial: number }> {
  const sum = { rows: 0, partial: 0 };
  for (const said of SAID_COLUMNS) {
    const { rows, partial } = await cleanColumn(queries, cleaner, said, changed);
    sum.rows += rows;
    sum.partial += partial;
    if (rows > 0) touched.add(said.table);
  }
  return sum;
}

async function cleanColumn(
  queries: Queries,
  cleaner: TextCleaner,
  { table, column, kind, owner, unless }: SaidColumn,
  changed: ChangedRows,
): Promise<{ rows: number; partial: number }> {
  const clean = cleaning(cleaner, kind);
  const forms = storedForms(cleaner);
  const but = unless === undefined ? '' : `AND NOT (${unless})`;
  let rows = 0;
  let after = '(0,0)';
  for (;;) {
    const found = await queries.rows<{ place: string; value: string }>(
      `SELECT ctid::text AS place, ${column} AS value FROM lg.${table}
       WHERE ctid > $2::tid AND ${WITHIN(column)} ${but} ORDER BY ctid LIMIT ${ROWS}`,
      [forms, after],
    );
    const hits = found
      .map(({ place, value }) => ({ place, value, cleaned: clean(value) }))
      .filter(({ value, cleaned }) => value !== cleaned);
    rows += hits.length;
    const owners = await queries.rows<{ owner: number | null }>(
      `UPDATE lg.${table} x SET ${column} = m.value FROM unnest($1::tid[], $2::text[]) AS m (place, value) WHERE x.ctid = m.place
       RETURNING ${owner === undefined ? 'NULL' : `x.${owner[1]}`} AS owner`,
      [hits.map(({ place }) => place), hits.map(({ cleaned }) => cleaned)],
    );
    if (owner !== undefined) for (const row of owners) changed[owner[0]].add(row.owner as number);
    const last = found.at(-1);
    if (last === undefined || found.length < ROWS) break;
    after = last.place;
  }
  const [left] = await queries.rows<{ n: number }>(
    `SELECT count(*) AS n FROM lg.${table} WHERE ${WITHIN(column)} ${but}`,
    [forms],
  );
  return { rows, partial: left?.n ?? 0 };
}

/** A stored value to the one without the text. */
function cleaning(cleaner: TextCleaner, kind: Kind): (value: string) => string {
  if (kind === 'json') return (value) => cleaner.json(value);
  if (kind === 'json-key') return (value) => cleaner.json(value, numberedMark());
  const plain = (value: string, mark?: string): string => storedText(cleaner.plain(givenText(value), mark));
  if (kind === 'plain') return (value) => plain(value);
  if (kind === 'key') return (value) => plain(value, numberedMark());
  const names = new Map<string, string>();
  return (value) => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const cleaned = plain(value, numberedMark());
    names.set(value, cleaned);
    return cleaned;
  };
}
