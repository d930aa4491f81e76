// Grades as rows: each distinct list of grades is stored once and trials refer to it.

import type { Database, Statement } from 'better-sqlite3';
import type { JsonValue } from '../../base/json.ts';
import { canonicalJson } from '../../base/json.ts';
import type { Grade, UngradedCause } from '../../core/grade.ts';
import { wellFormed } from '../model/share-long-texts.ts';
import { type ContentTables, FIXED_PLAN, shortKeyOf } from './content.ts';
import { Guess } from './find-or-add.ts';

interface GradeRow {
  readonly grader: number;
  readonly type: number;
  readonly weight: number;
  readonly required: number;
  readonly pass: number | null;
  readonly score: number | null;
  readonly cause: number | null;
  readonly reason: string;
  readonly details: string | null;
}

export class GradingTables {
  readonly #content: ContentTables;
  readonly #find: Statement<[Buffer], number>;
  readonly #add: Statement<[Buffer], number>;
  readonly #new = new Guess();
  readonly #addGrade: Statement<unknown[]>;
  readonly #grades: Statement<[number], GradeRow>;

  constructor(db: Database, content: ContentTables) {
    this.#content = content;
    this.#find = db.prepare<[Buffer], number>('SELECT id FROM grading WHERE key = ?').pluck();
    this.#add = db
      .prepare<[Buffer], number>('INSERT INTO grading (key) VALUES (?) ON CONFLICT DO NOTHING RETURNING id')
      .pluck();
    this.#addGrade = db.prepare(
      `INSERT INTO grade (grading, no, grader, type, weight, required, pass, score, cause, reason, details)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#grades = db.prepare(
      `SELECT grader, type, weight, required, pass, score, cause, reason, details FROM grade WHERE grading = ${FIXED_PLAN} ORDER BY no`,
    );
  }

  /** Id of this list of grades. Inside a write transaction. */
  gradingId(grades: readonly Grade[]): number {
    const key = shortKeyOf(JSON.stringify(grades));
    return this.#new.idOf(
      () => this.#find.get(key),
      () => {
        const id = this.#add.get(key);
        if (id !== undefined) this.#addGrades(id, grades);
        return id;
      },
    );
  }

  #addGrades(id: number, grades: readonly Grade[]): void {
    grades.forEach((grade, no) => {
      const scored = grade.status === 'scored';
      this.#addGrade.run(
        id,
        no,
        this.#content.wordId(grade.graderId),
        this.#content.wordId(grade.graderType),
        grade.weight,
        grade.required ? 1 : 0,
        scored ? (grade.pass ? 1 : 0) : null,
        scored ? grade.score : null,
        scored ? null : this.#content.wordId(grade.cause),
        grade.reason.toWellFormed(),
        grade.details === undefined ? null : canonicalJson(wellFormed(grade.details)),
      );
    });
  }

  grades(id: number): Grade[] {
    return this.#grades.all(id).map((row): Grade => {
      const base = {
        graderId: this.#content.word(row.grader),
        graderType: this.#content.word(row.type),
        required: row.required === 1,
        weight: row.weight,
      };
      const details = row.details === null ? {} : { details: JSON.parse(row.details) as JsonValue };
      return row.cause === null
        ? {
            ...base,
            status: 'scored',
            score: row.score as number,
            pass: row.pass === 1,
            reason: row.reason,
            ...details,
          }
        : {
            ...base,
            status: 'ungraded',
            cause: this.#content.word(row.cause) as UngradedCause,
            reason: row.reason,
            ...details,
          };
    });
  }
}
