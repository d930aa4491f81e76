// Snapshot rows: begun, counted while trials come in, closed once; and the summaries that lists are made of.

import type { Database, Statement } from 'better-sqlite3';
import { LastgoodError } from '../../base/errors.ts';
import { canonicalJson, type JsonObject, type JsonValue } from '../../base/json.ts';
import type {
  GradedTrial,
  NewSnapshot,
  SnapshotClosing,
  SnapshotQuery,
  SnapshotSummary,
} from '../../core/snapshot.ts';
import { ASKED_NOBODY, hasUnknownCost } from '../../core/trial.ts';
import { wellFormed } from '../model/share-long-texts.ts';
import { FIRST_SKIPPED_OUTCOME } from '../model/trial-outcomes.ts';
import type { Replacement } from './replacements.ts';
import { RUN_AGAIN } from './run-again.ts';
import { SUMMARY, type SummaryRow, summaryOf } from './snapshot-summary.ts';
import type { TrialTally } from './trials.ts';

/** What writing methods need to know of a snapshot. */
export interface SnapshotKey {
  readonly no: number;
  readonly suite: number;
  readonly state: SnapshotSummary['state'];
}

const NEWEST_FIRST = 'ORDER BY s.started_ms DESC, s.no DESC';

/** A step of the trial was answered: attempts that are a number are one that was. */
const HAS_ANSWER = `((typeof(attempts) = 'integer' AND attempts >= 0) OR (typeof(attempts) = 'text' AND EXISTS (
  SELECT 1 FROM json_each(attempts) a WHERE a.value ->> 'outcome' = 'answered')))`;

/** `hasUnknownCost`, in SQL. Attempts of which one failed are kept as JSON. */
const UNKNOWN_COST = `(outcome = 1 AND cost_usd IS NULL) OR (outcome <> 1 AND cost_usd IS NULL AND ${HAS_ANSWER}) OR (typeof(attempts) = 'text' AND EXISTS (
  SELECT 1 FROM json_each(attempts) a WHERE coalesce(a.value ->> 'httpStatus', 0) < 400
    AND a.value ->> 'outcome' NOT IN (${['answered', ...ASKED_NOBODY].map((code) => `'${code}'`).join(', ')})))`;

/** Everything that counts, from the trials themselves and in their order, so that the numbers do not depend on who finished first. */
const RECOUNT = `
  UPDATE snapshot SET (trials, answered, failed, app_errors, skipped, ungraded, calls, cost_usd, cost_unknown, judge_usd, judge_unknown) = (
    SELECT count(*), count(*) FILTER (WHERE outcome = 1), count(*) FILTER (WHERE outcome BETWEEN 2 AND ${FIRST_SKIPPED_OUTCOME - 1}),
           count(*) FILTER (WHERE outcome = 2),
           count(*) FILTER (WHERE outcome >= ${FIRST_SKIPPED_OUTCOME}), count(*) FILTER (WHERE outcome = 1 AND ungraded IS NOT NULL),
           coalesce(sum(calls), 0), total(cost_usd), count(*) FILTER (WHERE ${UNKNOWN_COST}),
           total(judge_usd), count(*) FILTER (WHERE judge_usd IS NULL)
    FROM trial WHERE trial.snapshot = @no),
  (graded_cases, pass_share_sum, score_mean_sum) = (
    SELECT count(*), total(share), total(mean)
    FROM (SELECT avg(pass) AS share, avg(score) AS mean FROM trial
          WHERE trial.snapshot = @no AND pass IS NOT NULL GROUP BY case_no))
  WHERE no = @no`;

/** Of cases with several trials; those with one need no sum, see migration 4. */
const ROLL_UP = `
  WITH several (case_no) AS (SELECT case_no FROM trial WHERE snapshot = @no GROUP BY case_no HAVING count(*) > 1)
  INSERT INTO rollup (snapshot, case_no, grader, scored, passed, ungraded, score_sum)
  SELECT snapshot, case_no, 0, count(pass), coalesce(sum(pass), 0), count(*) - count(pass), total(score)
  FROM trial WHERE snapshot = @no AND outcome = 1 AND case_no IN several GROUP BY case_no
  UNION ALL
  SELECT t.snapshot, t.case_no, g.grader, count(g.pass), coalesce(sum(g.pass), 0), count(*) - count(g.pass), total(g.score)
  FROM trial t JOIN grade g ON g.grading = t.grading WHERE t.snapshot = @no AND t.case_no IN several GROUP BY t.case_no, g.grader`;

interface CaseShare {
  readonly graded: number;
  readonly passed: number;
  readonly score: number;
}

const NOTHING_GRADED: CaseShare = { graded: 0, passed: 0, score: 0 };

const MOST_SHARES_HELD = 200_000;

export class SnapshotTables {
  readonly #db: Database;
  readonly #key: Statement<[string], SnapshotKey>;
  readonly #add: Statement<unknown[]>;
  readonly #count: Statement<[JsonObject]>;
  readonly #addServed: Statement<[number, number]>;
  readonly #caseShare: Statement<[number, number], CaseShare>;
  readonly #recount: Statement<[{ no: number }]>;
  readonly #rollUp: Statement<[{ no: number }]>;
  readonly #close: Statement<[JsonObject]>;
  #shares: {
    readonly no: number;
    readonly version: number;
    readonly byCase: Map<number, CaseShare>;
  } | null = null;

  constructor(db: Database) {
    this.#db = db;
    this.#key = db.prepare('SELECT no, suite, state FROM snapshot WHERE id = ?');
    this.#add = db.prepare(
      `INSERT INTO snapshot (id, purpose, suite, release, judge, embedder, exam, exam_book, started_at, started_ms,
                             planned_trials, seed, labels, environment, imported)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#count = db.prepare(
      `UPDATE snapshot SET trials = trials + @trials, answered = answered + @answered, failed = failed + @failed, app_errors = app_errors + @appErrors,
         skipped = skipped + @skipped, ungraded = ungraded + @ungraded, calls = calls + @calls,
         cost_usd = cost_usd + @costUsd, cost_unknown = cost_unknown + @costUnknown,
         judge_usd = judge_usd + @judgeUsd, judge_unknown = judge_unknown + @judgeUnknown,
         graded_cases = graded_cases + @gradedCases, pass_share_sum = pass_share_sum + @passShare,
         score_mean_sum = score_mean_sum + @scoreMean
       WHERE no = @no`,
    );
    this.#addServed = db.prepare('INSERT OR IGNORE INTO snapshot_served (snapshot, served) VALUES (?, ?)');
    this.#caseShare = db.prepare(
      `SELECT count(pass) AS graded, total(pass) AS passed, total(score) AS score
       FROM trial WHERE snapshot = ? AND case_no = ? AND pass IS NOT NULL`,
    );
    this.#recount = db.prepare(RECOUNT);
    this.#rollUp = db.prepare(ROLL_UP);
    this.#close = db.prepare(
      `UPDATE snapshot SET finished_at = @finishedAt, state = @state, validity = @validity, validity_reasons = @reasons,
         findings = @findings, trials_per_case = @trialsPerCase WHERE no = @no`,
    );
  }

  /** Throws `SNAPSHOT_UNKNOWN`. */
  key(id: string): SnapshotKey {
    const key = this.#key.get(id);
    if (key !== undefined) return key;
    throw new LastgoodError({
      code: 'SNAPSHOT_UNKNOWN',
      message: `There is no snapshot ${id} in this ledger.`,
      hint: '`lastgood list` shows what there is',
    });
  }

  /** Content id of its exam book. */
  examBook(no: number): number {
    return this.#db
      .prepare<[number], number>('SELECT exam_book FROM snapshot WHERE no = ?')
      .pluck()
      .get(no) as number;
  }

  /** Ids of its releases; null = it has none in that role. */
  releaseIds(no: number): { subject: number; judge: number | null; embedder: number | null } {
    const sql = 'SELECT release AS subject, judge, embedder FROM snapshot WHERE no = ?';
    return this.#db
      .prepare<[number], { subject: number; judge: number | null; embedder: number | null }>(sql)
      .get(no) as { subject: number; judge: number | null; embedder: number | null };
  }

  /** The key of a snapshot that may be written to. Throws `SNAPSHOT_FINISHED` or `SNAPSHOT_INTERRUPTED`. */
  writableKey(id: string): SnapshotKey {
    const key = this.key(id);
    if (key.state === 'finished') throw finished(id);
    if (key.state === 'interrupted') {
      throw new LastgoodError({
        code: 'SNAPSHOT_INTERRUPTED',
        message: `Snapshot ${id} was interrupted and is closed.`,
        hint: `resume it with \`lastgood run … --resume ${id}\``,
      });
    }
    return key;
  }

  add(
    snapshot: NewSnapshot,
    ids: {
      readonly suite: number;
      readonly release: number;
      readonly judge: number | null;
      readonly embedder: number | null;
      readonly exam: string;
      readonly examBook: number;
    },
  ): void {
    if (this.#key.get(snapshot.id) !== undefined) {
      throw new LastgoodError({
        code: 'SNAPSHOT_EXISTS',
        message: `There already is a snapshot ${snapshot.id} in this ledger.`,
      });
    }
    this.#add.run(
      snapshot.id,
      snapshot.purpose,
      ids.suite,
      ids.release,
      ids.judge,
      ids.embedder,
      ids.exam,
      ids.examBook,
      snapshot.startedAt,
      Date.parse(snapshot.startedAt),
      snapshot.plannedTrials,
      snapshot.seed,
      json(snapshot.labels),
      json(snapshot.environment as unknown as JsonObject),
      snapshot.imported === true ? 1 : 0,
    );
  }

  /**
   * Adds trials through `add` and keeps the snapshot's counters in step by what changes. `replace` makes room for a trial first and tells
   * what was in its place. Inside a write transaction.
   */
  countIn(
    no: number,
    rows: readonly { readonly caseNo: number; readonly row: GradedTrial }[],
    add: (caseNo: number, row: GradedTrial) => TrialTally,
    replace?: (caseNo: number, row: GradedTrial) => Replacement | undefined,
  ): void {
    const shares = this.#sharesOf(no);
    const means = { gradedCases: 0, passShare: 0, scoreMean: 0 };
    const sums = { trials: 0, answered: 0, failed: 0, appErrors: 0, skipped: 0, ungraded: 0, calls: 0 };
    const money = { costUsd: 0, costUnknown: 0, judgeUsd: 0, judgeUnknown: 0 };
    const served = new Set<number>();
    for (const { caseNo, row: given } of rows) {
      const replacement = replace?.(caseNo, given);
      const { row, was } = replacement ?? { row: given, was: undefined };
      // What is replaced was ungraded, so the case's shares do not know it.
      const before = shares.get(caseNo) ?? this.#caseShare.get(no, caseNo) ?? NOTHING_GRADED;
      const tally = add(caseNo, row);
      const { graded } = tally;
      const after =
        graded === null
          ? before
          : {
              graded: before.graded + 1,
              passed: before.passed + (graded.pass ? 1 : 0),
              score: before.score + graded.score,
            };
      shares.set(caseNo, after);
      means.gradedCases += (after.graded > 0 ? 1 : 0) - (before.graded > 0 ? 1 : 0);
      means.passShare += after.passed / (after.graded || 1) - before.passed / (before.graded || 1);
      means.scoreMean += after.score / (after.graded || 1) - before.score / (before.graded || 1);
      sums.trials++;
      sums[tally.status]++;
      if (row.trial.status === 'failed' && row.trial.cause === 'app_error') sums.appErrors++;
      sums.calls += row.trial.attempts.length;
      if (row.trial.status === 'answered') {
        if (tally.ungraded) sums.ungraded++;
      }
      if (hasUnknownCost(row.trial)) money.costUnknown++;
      if (row.judgeCostUsd === null) money.judgeUnknown++;
      const costUsd = row.trial.costUsd ?? 0;
      // Trial by trial, so that what stays the same leaves no trace of rounding.
      money.costUsd += costUsd - (was?.costUsd ?? 0);
      money.judgeUsd += (row.judgeCostUsd ?? 0) - (was?.judgeUsd ?? 0);
      if (tally.servedId !== null) served.add(tally.servedId);
      if (was === undefined) continue;
      sums.trials--;
      sums[was.status]--;
      if (was.status === 'answered') sums.ungraded--;
      sums.calls -= was.calls;
      if (was.costUnknown) money.costUnknown--;
      if (was.judgeUsd === null) money.judgeUnknown--;
    }
    for (const id of served) this.#addServed.run(no, id);
    this.#count.run({ no, ...sums, ...money, ...means });
  }

  /** Must follow a rolled-back transaction. */
  forget(): void {
    this.#shares = null;
  }

  /** Inside a write transaction. */
  close(no: number, closing: SnapshotClosing): void {
    this.#recount.run({ no });
    this.#rollUp.run({ no });
    this.#close.run({
      no,
      finishedAt: closing.finishedAt,
      state: closing.state,
      validity: closing.validity,
      reasons: json(closing.validityReasons),
      findings: json(closing.findings as unknown as JsonValue),
      trialsPerCase: closing.plannedTrialsPerCase ?? null,
    });
  }

  /** Inside a write transaction. Throws `SNAPSHOT_FINISHED`. */
  reopen(id: string): void {
    const { no, state } = this.key(id);
    if (state === 'finished') throw finished(id);
    this.#db
      .prepare(
        `UPDATE snapshot SET state = 'running', finished_at = NULL, validity = 'invalid', validity_reasons = '[]', findings = '[]',
           trials_per_case = NULL, seal = NULL, texts_seal = NULL
         WHERE no = ?`,
      )
      .run(no);
    this.#shares = null;
    this.#db.prepare('DELETE FROM rollup WHERE snapshot = ?').run(no);
    // Those that something was called for stay until they are run again: their calls may be on the bill.
    this.#db.prepare(`DELETE FROM trial WHERE snapshot = ? AND calls = 0 AND ${RUN_AGAIN}`).run(no);
    this.#recount.run({ no });
  }

  list(query: SnapshotQuery): SnapshotSummary[] {
    const conditions: [sql: string, values: readonly string[]][] = [];
    if (query.suite !== undefined) conditions.push(['u.name = ?', [query.suite]]);
    if (query.fingerprint !== undefined) conditions.push(['r.fingerprint = ?', [query.fingerprint]]);
    if (query.purposes !== undefined)
      conditions.push([`s.purpose IN (${query.purposes.map(() => '?').join(', ')})`, query.purposes]);
    const where = conditions.map(([sql]) => sql).join(' AND ') || '1';
    const values = conditions.flatMap(([, v]) => v);
    return this.summaries(where, values, query.limit ?? -1);
  }

  /** Of a snapshot that is there. */
  summary(id: string): SnapshotSummary {
    const summary = this.summaries('s.id = ?', [id])[0];
    if (summary === undefined) throw new Error(`snapshot ${id} has no suite or release row`);
    return summary;
  }

  /** Summaries newest first; `where` is SQL over `s` (snapshot), `u` (suite) and `r` (release). */
  summaries(where: string, values: readonly (string | number)[], limit = -1, offset = 0): SnapshotSummary[] {
    return this.#db
      .prepare<unknown[], SummaryRow>(`${SUMMARY} WHERE ${where} ${NEWEST_FIRST} LIMIT ? OFFSET ?`)
      .all(...values, limit, offset)
      .map(summaryOf);
  }

  /** What is graded of the cases of the snapshot in hand: reading it anew with every trial takes the square of a case's trials. */
  #sharesOf(no: number): Map<number, CaseShare> {
    // Raised by whatever another connection does to the file.
    const version = this.#db.pragma('data_version', { simple: true }) as number;
    const held = this.#shares;
    if (held?.no !== no || held.version !== version || held.byCase.size > MOST_SHARES_HELD)
      this.#shares = { no, version, byCase: new Map() };
    return (this.#shares as NonNullable<typeof held>).byCase;
  }
}

function finished(id: string): LastgoodError {
  return new LastgoodError({
    code: 'SNAPSHOT_FINISHED',
    message: `Snapshot ${id} is finished and never changes.`,
    hint: 'make a new one with `lastgood run`',
  });
}

function json(value: JsonValue): string {
  return canonicalJson(wellFormed(value));
}
