// Snapshot rows: begun, closed once, and the summaries that lists are made of. What a running one comes to is counted from its trials.

import { LastgoodError } from '../../base/errors.ts';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import type { LayerName } from '../../core/release.ts';
import type {
  Finding,
  NewSnapshot,
  SnapshotClosing,
  SnapshotEnvironment,
  SnapshotPurpose,
  SnapshotQuery,
  SnapshotSummary,
  Validity,
} from '../../core/snapshot.ts';
import { FIRST_SKIPPED_OUTCOME } from '../model/trial-outcomes.ts';
import type { Queries } from './connection.ts';
import { givenText, storedJson, storedText } from './stored-text.ts';
import type { ServedIdentity } from './trial-rows.ts';

/** What writing methods need to know of a snapshot. */
export interface SnapshotKey {
  readonly no: number;
  readonly suite: number;
  readonly state: SnapshotSummary['state'];
}

/** What the trials of a snapshot come to. */
interface Counts {
  readonly trials: number;
  readonly answered: number;
  readonly failed: number;
  readonly appErrors: number;
  readonly skipped: number;
  readonly ungraded: number;
  readonly calls: number;
  readonly costUsd: number;
  readonly costUnknown: number;
  readonly judgeUsd: number;
  readonly judgeUnknown: number;
  readonly gradedCases: number;
  readonly passShareSum: number;
  readonly scoreMeanSum: number;
  readonly served: readonly (readonly [
    model: string | null,
    systemFingerprint: string | null,
    simulated: boolean,
  ])[];
}

interface SummaryRow {
  readonly no: number;
  readonly id: string;
  readonly purpose: string;
  readonly suite_name: string;
  readonly suite_hash: string;
  readonly cases: number;
  readonly release_name: string;
  readonly fingerprint: string;
  readonly layer_hashes: string;
  readonly pinned: boolean;
  readonly exam: string;
  readonly judge: string | null;
  readonly embedder: string | null;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly state: string;
  readonly validity: string;
  readonly validity_reasons: string;
  readonly findings: string;
  readonly planned_trials: number;
  readonly trials_per_case: number | null;
  readonly seed: number;
  readonly labels: string;
  readonly environment: string;
  readonly imported: boolean;
  readonly counts: string | null;
}

const SUMMARY = `
  SELECT s.no, s.id, s.purpose, u.name AS suite_name, u.hash AS suite_hash, u.cases, r.name AS release_name, r.fingerprint, r.layer_hashes,
         r.pinned, s.exam, j.fingerprint AS judge, e.fingerprint AS embedder, s.started_at, s.finished_at, s.state, s.validity,
         s.validity_reasons, s.findings, s.planned_trials, s.trials_per_case, s.seed, s.labels, s.environment, s.imported, s.counts
  FROM lg.snapshot s JOIN lg.suite u ON u.id = s.suite JOIN lg.release r ON r.id = s.release
       LEFT JOIN lg.release j ON j.id = s.judge LEFT JOIN lg.release e ON e.id = s.embedder`;

// Sums of money are of decimals, so that they do not depend on the order in which trials came in; those of shares go by case.
const COUNTS = `
  SELECT count(*) AS trials, count(*) FILTER (WHERE outcome = 1) AS answered,
         count(*) FILTER (WHERE outcome BETWEEN 2 AND ${FIRST_SKIPPED_OUTCOME - 1}) AS failed,
         count(*) FILTER (WHERE outcome = 2) AS "appErrors", count(*) FILTER (WHERE outcome >= ${FIRST_SKIPPED_OUTCOME}) AS skipped,
         count(*) FILTER (WHERE outcome = 1 AND ungraded IS NOT NULL) AS ungraded, coalesce(sum(calls), 0) AS calls,
         coalesce(sum(cost_usd::numeric), 0)::float8 AS "costUsd", count(*) FILTER (WHERE cost_unknown) AS "costUnknown",
         coalesce(sum(judge_usd::numeric), 0)::float8 AS "judgeUsd", count(*) FILTER (WHERE judge_usd IS NULL) AS "judgeUnknown",
         (SELECT json_build_array(count(*), coalesce(sum(share ORDER BY case_no), 0), coalesce(sum(mean ORDER BY case_no), 0))
          FROM (SELECT case_no, sum(pass::int)::float8 / count(*) AS share, sum(score ORDER BY trial) / count(*) AS mean
                FROM lg.trial WHERE snapshot = $1 AND pass IS NOT NULL GROUP BY case_no) c) AS graded,
         (SELECT coalesce(array_agg(d.key), '{}') FROM lg.served d
          WHERE d.id IN (SELECT DISTINCT served FROM lg.trial WHERE snapshot = $1)) AS served
  FROM lg.trial WHERE snapshot = $1`;

type CountsRow = Omit<Counts, 'gradedCases' | 'passShareSum' | 'scoreMeanSum' | 'served'> & {
  readonly graded: readonly [number, number, number];
  readonly served: readonly string[];
};

/** What summaries are looked up by. */
export interface SummaryFilter {
  readonly suite?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly purposes?: readonly string[] | undefined;
  readonly state?: string | undefined;
  readonly validity?: string | undefined;
  readonly imported?: boolean | undefined;
  /** Started at or before. */
  readonly untilMs?: number | undefined;
  readonly id?: string | undefined;
  readonly idPrefix?: string | undefined;
  /** What the labels hold as text. */
  readonly labels?: string | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

export class SnapshotTables {
  readonly #begun: (generation: number) => void;

  /** `begun` is given the generation of the ledger whenever a snapshot is looked up: most reading and writing begins with that. */
  constructor(begun: (generation: number) => void = () => {}) {
    this.#begun = begun;
  }

  /** Throws `SNAPSHOT_UNKNOWN`. `lock`: nobody ends or reopens it until the transaction is over. */
  async key(queries: Queries, id: string, lock?: 'share' | 'update'): Promise<SnapshotKey> {
    const [row] = await queries.rows<SnapshotKey & { readonly generation: number }>(
      `SELECT no, suite, state, (SELECT generation FROM lg.upkeep) AS generation
       FROM lg.snapshot WHERE id = $1 ${lock === undefined ? '' : `FOR ${lock}`}`,
      [id],
    );
    if (row !== undefined) {
      const { generation, ...key } = row;
      this.#begun(generation);
      return key;
    }
    throw new LastgoodError({
      code: 'SNAPSHOT_UNKNOWN',
      message: `There is no snapshot ${id} in this ledger.`,
      hint: '`lastgood list` shows what there is',
    });
  }

  /** The key of a snapshot that may be written to. Throws `SNAPSHOT_FINISHED` or `SNAPSHOT_INTERRUPTED`. */
  async writableKey(queries: Queries, id: string, lock: 'share' | 'update'): Promise<SnapshotKey> {
    const key = await this.key(queries, id, lock);
    if (key.state === 'finished') throw finished(id);
    if (key.state === 'interrupted')
      throw new LastgoodError({
        code: 'SNAPSHOT_INTERRUPTED',
        message: `Snapshot ${id} was interrupted and is closed.`,
        hint: `resume it with \`lastgood run … --resume ${id}\``,
      });
    return key;
  }

  async examBook(queries: Queries, no: number): Promise<Buffer> {
    const [row] = await queries.rows<{ exam_book: Buffer }>(
      'SELECT exam_book FROM lg.snapshot WHERE no = $1',
      [no],
    );
    return (row as { exam_book: Buffer }).exam_book;
  }

  /** Ids of its releases; null = it has none in that role. */
  async releaseIds(
    queries: Queries,
    no: number,
  ): Promise<{ subject: number; judge: number | null; embedder: number | null }> {
    const [row] = await queries.rows<{ subject: number; judge: number | null; embedder: number | null }>(
      'SELECT release AS subject, judge, embedder FROM lg.snapshot WHERE no = $1',
      [no],
    );
    return row as { subject: number; judge: number | null; embedder: number | null };
  }

  /** Throws `SNAPSHOT_EXISTS`. */
  async add(
    queries: Queries,
    snapshot: NewSnapshot,
    ids: {
      readonly suite: number;
      readonly release: number;
      readonly judge: number | null;
      readonly embedder: number | null;
      readonly examBook: Buffer;
    },
  ): Promise<void> {
    const added = await queries.rows(
      `INSERT INTO lg.snapshot (id, purpose, suite, release, judge, embedder, exam, exam_book, started_at, started_ms, planned_trials, seed,
                                labels, environment, imported)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING RETURNING no`,
      [
        snapshot.id,
        snapshot.purpose,
        ids.suite,
        ids.release,
        ids.judge,
        ids.embedder,
        storedText(snapshot.exam),
        ids.examBook,
        snapshot.startedAt,
        Date.parse(snapshot.startedAt),
        snapshot.plannedTrials,
        snapshot.seed,
        storedJson(snapshot.labels),
        storedJson(snapshot.environment as unknown as JsonObject),
        snapshot.imported === true,
      ],
    );
    if (added.length === 1) return;
    throw new LastgoodError({
      code: 'SNAPSHOT_EXISTS',
      message: `There already is a snapshot ${snapshot.id} in this ledger.`,
    });
  }

  async close(queries: Queries, no: number, closing: SnapshotClosing): Promise<void> {
    await queries.rows(
      `UPDATE lg.snapshot SET finished_at = $2, state = $3, validity = $4, validity_reasons = $5, findings = $6, trials_per_case = $7, counts = $8
       WHERE no = $1`,
      [
        no,
        closing.finishedAt,
        // Sealed first; a finished row never changes.
        'interrupted',
        closing.validity,
        storedJson(closing.validityReasons),
        storedJson(closing.findings as unknown as JsonValue),
        closing.plannedTrialsPerCase ?? null,
        storedJson((await this.counts(queries, no)) as unknown as JsonObject),
      ],
    );
  }

  async seal(
    queries: Queries,
    no: number,
    seals: { readonly numbers: Buffer; readonly texts: Buffer },
    state: SnapshotClosing['state'],
  ): Promise<void> {
    await queries.rows('UPDATE lg.snapshot SET seal = $2, texts_seal = $3, state = $4 WHERE no = $1', [
      no,
      seals.numbers,
      seals.texts,
      state,
    ]);
  }

  /** Throws `SNAPSHOT_FINISHED`. */
  async reopen(queries: Queries, id: string): Promise<void> {
    const { no, state } = await this.key(queries, id, 'update');
    if (state === 'finished') throw finished(id);
    await queries.rows(
      `UPDATE lg.snapshot SET state = 'running', finished_at = NULL, validity = 'invalid', validity_reasons = '[]', findings = '[]',
         trials_per_case = NULL, counts = NULL, seal = NULL, texts_seal = NULL WHERE no = $1`,
      [no],
    );
    // Those that something was called for stay until they are run again: their calls may be on the bill.
    await queries.rows('DELETE FROM lg.trial WHERE snapshot = $1 AND calls = 0 AND run_again', [no]);
  }

  async counts(queries: Queries, no: number): Promise<Counts> {
    const [row] = await queries.rows<CountsRow>(COUNTS, [no]);
    const { graded, served, ...sums } = row as CountsRow;
    const [gradedCases, passShareSum, scoreMeanSum] = graded;
    return {
      ...sums,
      ...{ gradedCases, passShareSum, scoreMeanSum },
      served: served.map((key) => {
        const { model, systemFingerprint, simulated } = JSON.parse(key) as ServedIdentity;
        return [model, systemFingerprint, simulated === true] as const;
      }),
    };
  }

  list(queries: Queries, { suite, fingerprint, purposes, limit }: SnapshotQuery): Promise<SnapshotSummary[]> {
    return this.summaries(queries, { suite, fingerprint, purposes, limit });
  }

  /** Of a snapshot that is there. */
  async summary(queries: Queries, id: string): Promise<SnapshotSummary> {
    const [summary] = await this.summaries(queries, { id });
    if (summary === undefined) throw new Error(`snapshot ${id} has no suite or release row`);
    return summary;
  }

  /** Summaries newest first. */
  async summaries(queries: Queries, filter: SummaryFilter): Promise<SnapshotSummary[]> {
    const { sql, values } = where(filter);
    const rows = await queries.rows<SummaryRow>(
      `${SUMMARY} ${sql} ORDER BY s.started_ms DESC, s.no DESC LIMIT $1 OFFSET $2`,
      [filter.limit ?? null, filter.offset ?? 0, ...values],
    );
    const summaries: SnapshotSummary[] = [];
    for (const row of rows)
      summaries.push(
        summaryOf(
          row,
          row.counts === null ? await this.counts(queries, row.no) : (JSON.parse(row.counts) as Counts),
        ),
      );
    return summaries;
  }
}

/** Conditions in a fixed order, so that there are few different statements. */
function where(filter: SummaryFilter): { readonly sql: string; readonly values: readonly unknown[] } {
  const { suite, fingerprint, purposes, state, validity, imported, untilMs, id, idPrefix, labels } = filter;
  const conditions: (readonly [sql: string, value: unknown])[] = [
    ['u.name = ?', suite === undefined ? undefined : storedText(suite)],
    ['r.fingerprint = ?', fingerprint],
    ['s.purpose = ANY(?)', purposes],
    ['s.state = ?', state],
    ['s.validity = ?', validity],
    ['s.imported = ?', imported],
    ['s.started_ms <= ?', untilMs],
    ['s.id = ?', id],
    ['starts_with(s.id, ?)', idPrefix],
    ['position(? IN s.labels) > 0', labels],
  ];
  const given = conditions.filter(([, value]) => value !== undefined);
  if (given.length === 0) return { sql: '', values: [] };
  return {
    sql: `WHERE ${given.map(([sql], i) => sql.replace('?', `$${i + 3}`)).join(' AND ')}`,
    values: given.map(([, value]) => value),
  };
}

function finished(id: string): LastgoodError {
  return new LastgoodError({
    code: 'SNAPSHOT_FINISHED',
    message: `Snapshot ${id} is finished and never changes.`,
    hint: 'make a new one with `lastgood run`',
  });
}

function summaryOf(row: SummaryRow, counts: Counts): SnapshotSummary {
  const { costUsd, costUnknown, judgeUsd, judgeUnknown, gradedCases, passShareSum, scoreMeanSum, served } =
    counts;
  const { trials, answered, failed, appErrors, skipped, ungraded, calls } = counts;
  return {
    id: row.id,
    purpose: row.purpose as SnapshotPurpose,
    suite: givenText(row.suite_name),
    suiteHash: givenText(row.suite_hash),
    release: givenText(row.release_name),
    fingerprint: givenText(row.fingerprint),
    layerHashes: JSON.parse(row.layer_hashes) as Partial<Record<LayerName, string>>,
    exam: givenText(row.exam),
    judge: row.judge === null ? null : givenText(row.judge),
    embedder: row.embedder === null ? null : givenText(row.embedder),
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    state: row.state as SnapshotSummary['state'],
    validity: row.validity as Validity,
    validityReasons: JSON.parse(row.validity_reasons) as string[],
    findings: JSON.parse(row.findings) as Finding[],
    cases: row.cases,
    plannedTrials: row.planned_trials,
    ...{ trials, answered, failed, appErrors },
    ...(row.trials_per_case === null ? {} : { plannedTrialsPerCase: row.trials_per_case }),
    ...{ skipped, ungraded },
    passRate: gradedCases === 0 ? null : passShareSum / gradedCases,
    gradedCases,
    meanScore: gradedCases === 0 ? null : scoreMeanSum / gradedCases,
    calls,
    ...(costUnknown > 0
      ? { costUsd: null, knownCostUsd: costUsd, unpricedTrials: costUnknown }
      : { costUsd }),
    ...(judgeUnknown > 0
      ? { judgeCostUsd: null, knownJudgeCostUsd: judgeUsd, unpricedJudgings: judgeUnknown }
      : { judgeCostUsd: judgeUsd }),
    servedModels: distinct(served.map(([model]) => model)),
    systemFingerprints: distinct(served.map(([, fingerprint]) => fingerprint)),
    simulated: served.some(([, , simulated]) => simulated),
    imported: row.imported,
    pinned: row.pinned,
    labels: JSON.parse(row.labels) as Record<string, string>,
    seed: row.seed,
    environment: JSON.parse(row.environment) as SnapshotEnvironment,
  };
}

/** Each value once, in order, `null` (not disclosed) last. */
function distinct(values: readonly (string | null)[]): (string | null)[] {
  const texts = [...new Set(values.filter((v) => v !== null))].sort();
  return values.includes(null) ? [...texts, null] : texts;
}
