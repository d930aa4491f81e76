// The trials of a snapshot: added in one statement a batch, in the place of what a resume or a regrade replaces, and read page by page.

import { LastgoodError } from '../../base/errors.ts';
import type { JsonObject } from '../../base/json.ts';
import type { Output } from '../../core/conversation.ts';
import type { Grade } from '../../core/grade.ts';
import type { GradedTrial, TrialResult } from '../../core/snapshot.ts';
import type { Attempt } from '../../core/trial.ts';
import { SealHash } from '../model/seal-hash.ts';
import type { Queries } from './connection.ts';
import type { ContentReader, ContentWriter, DocumentRow } from './content.ts';
import { ServedNames } from './served.ts';
import { damagedTables } from './server-error.ts';
import { storedJson } from './stored-text.ts';
import { columns } from './suites.ts';
import {
  attemptsOf,
  RESULT_COLUMNS,
  type ResultRow,
  type ServedIdentity,
  TRIAL_COLUMNS,
  type TrialRow,
  trialCells,
  trialResult,
  wholeTrial,
} from './trial-rows.ts';

/** What is appended to, and how: `resume` and `regrade` take what stands in a trial's place out first. */
export interface Appending {
  readonly snapshotNo: number;
  readonly snapshotId: string;
  readonly kind: 'append' | 'resume' | 'regrade';
  readonly isDraft: (caseNo: number) => boolean;
  /** A trial that is there stays as it is, and its second row is dropped: several processes may have made it. */
  readonly keepsFirst: boolean;
}

export interface NumberedTrial {
  readonly caseNo: number;
  readonly row: GradedTrial;
}

const NAMES = Object.keys(TRIAL_COLUMNS) as (keyof typeof TRIAL_COLUMNS)[];

const GIVEN = `SELECT $1::bigint, * FROM unnest(${NAMES.map((name, i) => `$${i + 2}::${TRIAL_COLUMNS[name]}[]`).join(', ')})`;

const INSERT = `INSERT INTO lg.trial (snapshot, ${NAMES.join(', ')}) ${GIVEN}
  ON CONFLICT DO NOTHING RETURNING case_no, trial`;

/** What is known of a trial's calls. Who grades made none, and may not know of those that an earlier run made. */
const OF_CALLS: readonly string[] = ['calls', 'started_ms', 'attempts', 'cost_unknown'];

// Found through the primary key whatever the planner thinks of the table: a run grows it faster than statistics are renewed.
const REGRADE = `INSERT INTO lg.trial AS t (snapshot, ${NAMES.join(', ')}) ${GIVEN}
  ON CONFLICT (snapshot, case_no, trial) DO UPDATE SET ${NAMES.map((name) =>
    OF_CALLS.includes(name)
      ? `${name} = CASE WHEN t.attempts LIKE '[%' THEN t.${name} ELSE excluded.${name} END`
      : `${name} = excluded.${name}`,
  ).join(', ')}
  WHERE t.outcome = 1 AND t.ungraded IS NOT NULL RETURNING case_no, trial`;

const TAKE_OUT = `
  DELETE FROM lg.trial t USING unnest($2::int[], $3::int[]) AS w (case_no, trial)
  WHERE t.snapshot = $1 AND t.case_no = w.case_no AND t.trial = w.trial AND t.run_again RETURNING t.*`;

/** Whole trials with all they refer to, but for the texts of requests. */
const WHOLE = `
  SELECT t.*, (SELECT generation FROM lg.upkeep) AS generation, o.body AS output_body, o.sha256 IS NOT NULL AS output_there, g.body AS grades_body, d.shape, d.parts
  FROM lg.trial t LEFT JOIN lg.content o ON o.sha256 = t.output LEFT JOIN lg.content g ON g.sha256 = t.grades
       LEFT JOIN lg.document d ON d.sha256 = t.sent
  WHERE t.snapshot = $1 AND t.case_no = ANY($2::int[]) ORDER BY t.case_no, t.trial`;

interface WholeRow extends TrialRow {
  readonly generation: number;
  readonly output_body: Buffer | null;
  readonly output_there: boolean;
  readonly grades_body: Buffer | null;
  readonly shape: string | null;
  readonly parts: Buffer | null;
}

/** Trials read per statement. */
const TRIALS_PER_PAGE = 20_000;

/** What comparisons do not read. */
const TEXT_COLUMNS = `case_no, trial, judge_usd, request_id, usage, dropped_params, sent, grades, code, message, calls, started_ms, attempts,
  cost_unknown::int, run_again::int`;

export class TrialTables {
  readonly #reader: ContentReader;
  readonly #shown: string;
  readonly #served: ServedNames;

  readonly #begun: (generation: number) => void;

  /** `begun` is given the generation of the ledger whenever whole trials are read. */
  constructor(reader: ContentReader, shown: string, begun: (generation: number) => void = () => {}) {
    this.#reader = reader;
    this.#shown = shown;
    this.#begun = begun;
    this.#served = new ServedNames(shown);
  }

  /** What was read before may have been taken out by now. */
  forget(): void {
    this.#served.forget();
  }

  /** Inside a write transaction, after `prepareServed`. Throws `TRIAL_EXISTS`. */
  async add(
    queries: Queries,
    writer: ContentWriter,
    to: Appending,
    rows: readonly NumberedTrial[],
  ): Promise<void> {
    // A batch may bring a trial and then another in its place.
    for (const some of eachOnce(rows)) {
      let there = await this.#insert(queries, writer, to, some);
      if (there.length > 0 && to.kind === 'resume')
        there = await this.#insert(queries, writer, to, await this.#inTheirPlace(queries, to, there));
      const [twice] = there;
      if (twice === undefined || to.keepsFirst) continue;
      throw new LastgoodError({
        code: 'TRIAL_EXISTS',
        message: `Snapshot ${to.snapshotId} already has trial ${twice.row.trial.trial} of this case.`,
        where: { caseId: twice.row.trial.caseId },
      });
    }
  }

  /** Writes rows; gives those in whose place another row stands. */
  async #insert(
    queries: Queries,
    writer: ContentWriter,
    to: Appending,
    rows: readonly NumberedTrial[],
  ): Promise<readonly NumberedTrial[]> {
    const cells = rows.map(({ caseNo, row }) =>
      trialCells(
        row,
        { caseNo, draft: row.grades.length === 0 && to.isDraft(caseNo), served: this.#served.idOf(row) },
        writer,
      ),
    );
    await writer.flush(queries);
    const added = await queries.rows<{ case_no: number; trial: number }>(
      to.kind === 'regrade' ? REGRADE : INSERT,
      [to.snapshotNo, ...columns(cells.map((row) => NAMES.map((name) => row[name])))],
    );
    if (added.length === rows.length) return [];
    const written = new Set(added.map((row) => `${row.case_no} ${row.trial}`));
    return rows.filter(({ caseNo, row }) => !written.has(`${caseNo} ${row.trial.trial}`));
  }

  /** Takes out what is to be run again, and gives the rows as they are to be stored: what was called for it stays on the books. */
  async #inTheirPlace(
    queries: Queries,
    { snapshotNo }: Appending,
    rows: readonly NumberedTrial[],
  ): Promise<readonly NumberedTrial[]> {
    const out = await queries.rows<TrialRow>(TAKE_OUT, [
      snapshotNo,
      rows.map(({ caseNo }) => caseNo),
      rows.map(({ row }) => row.trial.trial),
    ]);
    const was = new Map(out.map((row) => [`${row.case_no} ${row.trial}`, row]));
    const sents = await this.#sentsOf(queries, out);
    return rows.map(({ caseNo, row }) => {
      const old = was.get(`${caseNo} ${row.trial.trial}`);
      return { caseNo, row: old === undefined ? row : runAgain(old, row, sents.get(old)) };
    });
  }

  /** What was sent before, by row. */
  async #sentsOf(queries: Queries, rows: readonly TrialRow[]): Promise<ReadonlyMap<TrialRow, JsonObject>> {
    const keys = rows.flatMap(({ sent }) => (sent === null ? [] : [sent]));
    const found = await queries.rows<DocumentRow>(
      'SELECT sha256, shape, parts FROM lg.document WHERE sha256 = ANY($1)',
      [keys],
    );
    const values = await this.#reader.documents(queries, found);
    const byKey = new Map(found.map(({ sha256 }, i) => [sha256.toString('hex'), values[i] as JsonObject]));
    const sents = new Map<TrialRow, JsonObject>();
    for (const row of rows) {
      if (row.sent === null) continue;
      const sent = byKey.get(row.sent.toString('hex'));
      if (sent === undefined) throw this.#lost(row, 'request');
      sents.set(row, sent);
    }
    return sents;
  }

  /** Whole trials of some cases, in order. */
  async ofCases(
    queries: Queries,
    snapshotNo: number,
    cases: ReadonlyMap<number, string>,
  ): Promise<GradedTrial[]> {
    const rows = await queries.rows<WholeRow>(WHOLE, [snapshotNo, [...cases.keys()]]);
    if (rows[0] !== undefined) this.#begun(rows[0].generation);
    const withSent = rows.filter((row) => row.sent !== null);
    const lost = withSent.find((row) => row.shape === null);
    if (lost !== undefined) throw this.#lost(lost, 'request');
    const sents = await this.#reader.documents(
      queries,
      withSent.map((row) => ({ sha256: row.sent, shape: row.shape, parts: row.parts }) as DocumentRow),
    );
    const sentOf = new Map(withSent.map((row, i) => [row, sents[i] as JsonObject]));
    await this.#served.read(
      queries,
      rows.map(({ served }) => served),
    );
    return rows.map((row) =>
      wholeTrial(row, cases.get(row.case_no) as string, {
        sent: sentOf.get(row) ?? null,
        output: this.#outputOf(row),
        grades: this.#gradesOf(row),
        served: this.#served.of(row.served),
      }),
    );
  }

  #outputOf(row: WholeRow): Output | null {
    if (row.output === null) return null;
    if (!row.output_there) throw this.#lost(row, 'answer');
    return (this.#reader.value(row.output, row.output_body)?.json ?? null) as Output | null;
  }

  #gradesOf(row: WholeRow): readonly Grade[] {
    if (row.grades === null) return [];
    const value = this.#reader.value(row.grades, row.grades_body);
    if (value === null) throw this.#lost(row, 'list of grades');
    return value.json as unknown as readonly Grade[];
  }

  #lost(row: TrialRow, what: string): LastgoodError {
    return damagedTables(
      this.#shown,
      `the ${what} of trial ${row.trial} of case ${row.case_no} is not there`,
    );
  }

  /** What comparisons see, by case number; and its digest. */
  async results(
    queries: Queries,
    snapshotNo: number,
  ): Promise<{ readonly byCase: Map<number, TrialResult[]>; readonly digest: Buffer }> {
    const byCase = new Map<number, TrialResult[]>();
    const digest = await this.#eachResult(queries, snapshotNo, (row) => {
      const served = this.#served.of(row[12]);
      const result = trialResult(row, served);
      const trials = byCase.get(row[0]);
      if (trials === undefined) byCase.set(row[0], [result]);
      else trials.push(result);
    });
    return { byCase, digest };
  }

  /** The digest of `results` alone. */
  digest(queries: Queries, snapshotNo: number): Promise<Buffer> {
    return this.#eachResult(queries, snapshotNo, () => {});
  }

  async #eachResult(queries: Queries, snapshotNo: number, each: (row: ResultRow) => void): Promise<Buffer> {
    const seal = new SealHash();
    const seen = new Map<number, ServedIdentity>();
    for await (const rows of this.#pages<ResultRow>(queries, RESULT_COLUMNS, snapshotNo)) {
      await this.#served.read(
        queries,
        rows.map((row) => row[12]),
      );
      for (const row of rows) {
        const [, , , pass, , , , refusal] = row;
        const numbers = [...row] as (number | string | null)[];
        numbers[3] = pass === null ? null : Number(pass);
        numbers[7] = refusal === null ? null : Number(refusal);
        seal.row(numbers);
        if (row[12] !== null) seen.set(row[12], this.#served.of(row[12]) as ServedIdentity);
        each(row);
      }
    }
    for (const [id, served] of [...seen].sort(([a], [b]) => a - b))
      seal.row([id, storedJson(served as unknown as JsonObject)]);
    return seal.digest();
  }

  /** What comparisons do not read of the trials, as a digest. */
  async sealTexts(queries: Queries, snapshotNo: number, into: SealHash): Promise<void> {
    for await (const rows of this.#pages<(number | string | null | Buffer)[]>(
      queries,
      TEXT_COLUMNS,
      snapshotNo,
    ))
      for (const row of rows) into.row(row);
  }

  async *#pages<T extends readonly unknown[]>(
    queries: Queries,
    wanted: string,
    snapshotNo: number,
  ): AsyncGenerator<T[]> {
    let [caseNo, trial] = [-1, -1];
    for (;;) {
      const rows = await queries.arrays<T>(
        `SELECT ${wanted} FROM lg.trial WHERE snapshot = $1 AND (case_no, trial) > ($2::int, $3::int)
         ORDER BY case_no, trial LIMIT ${TRIALS_PER_PAGE}`,
        [snapshotNo, caseNo, trial],
      );
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < TRIALS_PER_PAGE) return;
      [caseNo, trial] = [last[0] as number, last[1] as number];
    }
  }

  /** Numbers of the cases that have trials, in suite order. */
  async caseNos(queries: Queries, snapshotNo: number): Promise<number[]> {
    const rows = await queries.arrays<[number]>(
      'SELECT DISTINCT case_no FROM lg.trial WHERE snapshot = $1 ORDER BY case_no',
      [snapshotNo],
    );
    return rows.map(([no]) => no);
  }

  /** Trial numbers by case number: all, those that a resumed run does not run again, or those whose answers are gone. */
  async numbers(
    queries: Queries,
    snapshotNo: number,
    which: 'there' | 'done' | 'removed',
  ): Promise<ReadonlyMap<number, ReadonlySet<number>>> {
    const byCase = new Map<number, Set<number>>();
    const rows = await queries.arrays<[number, number]>(NUMBERS[which], [snapshotNo]);
    for (const [caseNo, trial] of rows) {
      const trials = byCase.get(caseNo);
      if (trials === undefined) byCase.set(caseNo, new Set([trial]));
      else trials.add(trial);
    }
    return byCase;
  }

  /** Makes sure that who served these trials has an id, outside the transaction of the trials. */
  prepareServed(queries: Queries, rows: readonly GradedTrial[]): Promise<void> {
    return this.#served.prepare(queries, rows);
  }

  /** False where `prepareServed` must be called again. */
  knowsServed(rows: readonly GradedTrial[]): boolean {
    return this.#served.knows(rows);
  }
}

const NUMBERS = {
  there: 'SELECT case_no, trial FROM lg.trial WHERE snapshot = $1',
  done: 'SELECT case_no, trial FROM lg.trial WHERE snapshot = $1 AND NOT run_again',
  removed: `SELECT t.case_no, t.trial FROM lg.trial t JOIN lg.content o ON o.sha256 = t.output WHERE t.snapshot = $1 AND o.body IS NULL`,
} as const;

/** The rows in lists in which each trial is once. */
function eachOnce(rows: readonly NumberedTrial[]): NumberedTrial[][] {
  const lists: { readonly seen: Set<string>; readonly rows: NumberedTrial[] }[] = [];
  for (const numbered of rows) {
    const key = `${numbered.caseNo} ${numbered.row.trial.trial}`;
    let list = lists.find(({ seen }) => !seen.has(key));
    if (list === undefined) {
      list = { seen: new Set(), rows: [] };
      lists.push(list);
    }
    list.seen.add(key);
    list.rows.push(numbered);
  }
  return lists.map((list) => list.rows);
}

/** A trial in the place of one whose calls stay on the books. */
function runAgain(old: TrialRow, row: GradedTrial, sentBefore: JsonObject | undefined): GradedTrial {
  const before = attemptsOf(old);
  const sent = row.trial.sent ?? sentBefore ?? null;
  const attempts = [...before, ...row.trial.attempts];
  return { ...row, trial: { ...row.trial, attempts, sent, ...paidBefore(row.trial.costUsd, old, before) } };
}

/** Steps of a conversation that were paid for before it was cut off are paid for still. */
function paidBefore(
  costUsd: number | null | undefined,
  old: TrialRow,
  before: readonly Attempt[],
): { readonly costUsd?: number | null } {
  if (!before.some(({ outcome }) => outcome === 'answered')) return {};
  if (old.cost_usd === null || costUsd === null) return { costUsd: null };
  return { costUsd: old.cost_usd + (costUsd ?? 0) };
}
