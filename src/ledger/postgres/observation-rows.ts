// Rows of production answers: how they are written, a batch a statement, and read in pages.

import type { Observation, ObservationFeature } from '../../core/observation.ts';
import { bit, keyOf, type MeasureColumns, NANO, pseudonym } from '../model/observation-row.ts';
import type { WindowPlace } from '../model/window-changes.ts';
import type { Queries } from './connection.ts';
import type { DimensionNames } from './dimension-names.ts';
import { givenText, storedText, storedTextOrNull } from './stored-text.ts';
import { columns } from './suites.ts';

/** A row as windows count it. */
export interface CountedRow extends WindowPlace, MeasureColumns {
  readonly no: number;
  readonly at: number;
  readonly served: number;
  /** Of its outcome. */
  readonly body: string | null;
}

/** A row with everything that was kept. */
export interface StoredRow extends CountedRow {
  readonly key: Buffer;
  readonly id: string;
  readonly model: number;
  readonly stop_reason: number;
  readonly action_mode: number;
  readonly tags: string | null;
  readonly output: string | null;
  readonly rest: string | null;
  readonly final_text: string | null;
}

/** A row with who it was given to. */
export interface MeasuredRow extends CountedRow {
  readonly key: Buffer;
  readonly user: Buffer | null;
  readonly session: Buffer | null;
}

export type VectorRow = WindowPlace & { readonly at: number; readonly no: number; readonly vector: Buffer };

export interface ObservationState {
  readonly foldedTo: number;
  readonly horizon: number;
  readonly salt: Buffer;
}

/** A time of one feature, read from after a row on. */
export interface RowPage {
  readonly feature: number;
  readonly at: number;
  readonly no: number;
  readonly to: number;
  readonly rows: number;
}

const COLUMNS: Readonly<Record<string, string>> = {
  ...{
    key: 'bytea',
    id: 'text',
    at: 'bigint',
    feature: 'int',
    release: 'int',
    variant: 'int',
    template: 'int',
  },
  ...{ segment: 'int', region: 'int', model: 'int', served: 'int', system: 'int', stop_reason: 'int' },
  ...{
    action_mode: 'int',
    session: 'bytea',
    '"user"': 'bytea',
    tags: 'text',
    failed: 'smallint',
    length: 'float8',
  },
  ...{
    refusal: 'smallint',
    schema_valid: 'smallint',
    blocked: 'smallint',
    latency_ms: 'float8',
    cost: 'bigint',
  },
  ...{ input_tokens: 'float8', output_tokens: 'float8', tool_calls: 'float8' },
};

const INSERT = `INSERT INTO lg.observation (${Object.keys(COLUMNS).join(', ')})
  SELECT * FROM unnest(${Object.values(COLUMNS)
    .map((type, i) => `$${i + 1}::${type}[]`)
    .join(', ')}) ON CONFLICT DO NOTHING RETURNING no, key`;

const COUNTED = `o.no, o.at, o.feature, o.release, o.variant, o.template, o.segment, o.served, o.failed, o.length, o.refusal,
  o.schema_valid, o.blocked, o.latency_ms, o.cost, o.input_tokens, o.output_tokens, o.tool_calls`;

export async function readState(queries: Queries): Promise<ObservationState> {
  const [state] = await queries.rows<ObservationState>(
    'SELECT folded_to AS "foldedTo", horizon, salt FROM lg.observation_state',
  );
  return state as ObservationState;
}

/** Adds those that are not known; their numbers by the hex of their keys. No key may be there twice. */
export async function addObservations(
  queries: Queries,
  names: DimensionNames,
  salt: Buffer,
  given: readonly Observation[],
): Promise<ReadonlyMap<string, number>> {
  if (given.length === 0) return new Map();
  const rows: unknown[][] = [];
  for (const o of given) rows.push(await rowOf(queries, names, salt, o));
  const added = await queries.rows<{ no: number; key: Buffer }>(INSERT, columns(rows));
  const numbers = new Map(added.map(({ no, key }) => [key.toString('hex'), no]));
  const fresh = given.flatMap((o, i) => {
    const no = numbers.get(keyOf(o.id).toString('hex'));
    return no === undefined ? [] : [{ o, no, feature: (rows[i] as unknown[])[3] as number }];
  });
  const texts = fresh.flatMap(({ o, no }) =>
    o.texts === null ? [] : [[no, storedTextOrNull(o.texts.output), JSON.stringify(o.texts.rest)]],
  );
  if (texts.length > 0)
    await queries.rows(
      'INSERT INTO lg.observation_text (no, output, rest) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])',
      columns(texts),
    );
  const vectors = fresh.flatMap(({ o, no, feature }) =>
    o.vector === null ? [] : [[no, feature, o.at, Buffer.from(o.vector)]],
  );
  if (vectors.length > 0)
    await queries.rows(
      `INSERT INTO lg.observation_vector (no, feature, at, vector)
       SELECT * FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::bytea[])`,
      columns(vectors),
    );
  return numbers;
}

async function rowOf(
  queries: Queries,
  names: DimensionNames,
  salt: Buffer,
  o: Observation,
): Promise<unknown[]> {
  const feature = await names.featureOf(queries, o.feature);
  const { dimensions: d, measures: m } = o;
  const ids: number[] = [];
  for (const [kind, name] of [
    ['release', d.release],
    ['variant', d.variant],
    ['template', d.template],
    ['segment', d.segment],
    ['region', o.region],
    ['model', o.model],
    ['served', o.servedModel],
    ['system', o.systemFingerprint],
    ['stop', o.stopReason],
    ['action', o.actionMode],
  ] as const)
    ids.push(await names.idOf(queries, feature, kind, name));
  return [
    ...[keyOf(o.id), storedText(o.shownId), o.at, feature, ...ids],
    o.session === null ? null : pseudonym(salt, o.session),
    o.user === null ? null : pseudonym(salt, o.user),
    o.tags.length === 0 ? null : JSON.stringify(o.tags),
    ...[Number(m.failed), m.length, bit(m.refusal), bit(m.schemaValid), bit(m.blocked), m.latencyMs],
    m.costUsd === null ? null : Math.round(m.costUsd * NANO),
    ...[m.inputTokens, m.outputTokens, m.toolCalls],
  ];
}

export function countedAfter(queries: Queries, no: number, most: number): Promise<CountedRow[]> {
  return queries.rows(
    `SELECT ${COUNTED}, c.body FROM lg.observation o LEFT JOIN lg.outcome c ON c.key = o.key WHERE o.no > $1 ORDER BY o.no LIMIT $2`,
    [no, most],
  );
}

/** Rows whose outcome changed after they were counted, with the outcome that was counted. They are changed no more. */
export async function takeChanged(
  queries: Queries,
  most: number,
): Promise<readonly (CountedRow & { readonly before: string | null })[]> {
  if (most <= 0) return [];
  const rows = await queries.rows<CountedRow & { readonly before: string | null }>(
    `SELECT ${COUNTED}, c.body, h.before FROM lg.outcome_change h JOIN lg.observation o ON o.no = h.no
     LEFT JOIN lg.outcome c ON c.key = o.key ORDER BY h.no LIMIT $1`,
    [most],
  );
  if (rows.length > 0)
    await queries.rows('DELETE FROM lg.outcome_change WHERE no = ANY($1::bigint[])', [
      rows.map(({ no }) => no),
    ]);
  return rows;
}

export async function pageOf(queries: Queries, page: RowPage): Promise<StoredRow[]> {
  const rows = await queries.rows<StoredRow>(
    `SELECT ${COUNTED}, c.body, o.key, o.id, o.model, o.stop_reason, o.action_mode, o.tags, t.output, t.rest, c.final_text
     FROM lg.observation o LEFT JOIN lg.outcome c ON c.key = o.key LEFT JOIN lg.observation_text t ON t.no = o.no
     WHERE o.feature = $1 AND (o.at, o.no) > ($2, $3) AND o.at < $4 ORDER BY o.at, o.no LIMIT $5`,
    [page.feature, page.at, page.no, page.to, page.rows],
  );
  return rows.map((row) => ({
    ...row,
    id: givenText(row.id),
    output: row.output === null ? null : givenText(row.output),
    final_text: row.final_text === null ? null : givenText(row.final_text),
  }));
}

export function measuredPage(queries: Queries, page: RowPage): Promise<MeasuredRow[]> {
  return queries.rows(
    `SELECT ${COUNTED}, c.body, o.key, o."user", o.session FROM lg.observation o LEFT JOIN lg.outcome c ON c.key = o.key
     WHERE o.feature = $1 AND (o.at, o.no) > ($2, $3) AND o.at < $4 ORDER BY o.at, o.no LIMIT $5`,
    [page.feature, page.at, page.no, page.to, page.rows],
  );
}

export async function vectorCount(
  queries: Queries,
  feature: number,
  from: number,
  to: number,
): Promise<number> {
  const [row] = await queries.rows<{ n: number }>(
    'SELECT count(*) AS n FROM lg.observation_vector WHERE feature = $1 AND at >= $2 AND at < $3',
    [feature, from, to],
  );
  return row?.n ?? 0;
}

/** One of `every` vectors, by a hash of its number: the same one as in SQLite's ledger. */
export function vectorsOf(queries: Queries, page: RowPage, every: number): Promise<VectorRow[]> {
  return queries.rows(
    `SELECT v.at, v.no, v.vector, o.feature, o.release, o.variant, o.template, o.segment
     FROM lg.observation_vector v JOIN lg.observation o ON o.no = v.no
     WHERE v.feature = $1 AND (v.at, v.no) > ($2, $3) AND v.at < $4 AND (((v.no * 2654435761) >> 8) % $5) = 0
     ORDER BY v.at, v.no LIMIT $6`,
    [page.feature, page.at, page.no, page.to, Math.max(1, every), page.rows],
  );
}

export async function featuresOf(queries: Queries): Promise<ObservationFeature[]> {
  const rows = await queries.rows<ObservationFeature>(
    `SELECT d.value AS feature, count(*) AS observations, min(o.at) AS first, max(o.at) AS last
     FROM lg.dimension d JOIN lg.observation o ON o.feature = d.id WHERE d.feature = 0 AND d.kind = 'feature'
     GROUP BY d.value ORDER BY d.value`,
  );
  return rows.map((row) => ({ ...row, feature: givenText(row.feature) }));
}
