// Adding trials to a snapshot: each to its case, once, in the place of what a resume or a regrade replaces.

import { LastgoodError } from '../../base/errors.ts';
import type { GradedTrial } from '../../core/snapshot.ts';
import { type Places, placelessTrial } from '../model/portable-paths.ts';
import { sqliteCode } from './database-error.ts';
import type { LastCases } from './last-cases.ts';
import type { Replacement, Replacements } from './replacements.ts';
import type { SnapshotTables } from './snapshots.ts';
import type { TrialTables, TrialTally } from './trials.ts';

export class TrialAppender {
  readonly #snapshots: SnapshotTables;
  readonly #lastCases: LastCases;
  readonly #trials: TrialTables;
  readonly #replacements: Replacements;
  readonly #places: Places;

  constructor(
    snapshots: SnapshotTables,
    lastCases: LastCases,
    trials: TrialTables,
    replacements: Replacements,
    places: Places,
  ) {
    this.#snapshots = snapshots;
    this.#lastCases = lastCases;
    this.#trials = trials;
    this.#replacements = replacements;
    this.#places = places;
  }

  /** Inside a write transaction. Throws `CASE_UNKNOWN` or `TRIAL_EXISTS`. */
  append(snapshotId: string, rows: readonly GradedTrial[], kind: 'append' | 'resume' | 'regrade'): void {
    const { no, suite } = this.#snapshots.writableKey(snapshotId);
    const numbers = this.#lastCases.numbersOf(suite);
    const numbered = rows.map((row) => {
      const caseNo = numbers.get(row.trial.caseId);
      if (caseNo !== undefined) return { caseNo, row };
      throw new LastgoodError({
        code: 'CASE_UNKNOWN',
        message: `Snapshot ${snapshotId} has no such case.`,
        where: { caseId: row.trial.caseId },
      });
    });
    const add = (caseNo: number, row: GradedTrial): TrialTally => {
      try {
        // Only a draft may have an answer without grades and still not count as ungraded.
        const draft = row.grades.length === 0 && this.#lastCases.draftsOf(suite).has(caseNo);
        return this.#trials.add(no, caseNo, { row: placelessTrial(row, this.#places.text), draft });
      } catch (error) {
        if (sqliteCode(error) !== 'SQLITE_CONSTRAINT_PRIMARYKEY') throw error;
        throw new LastgoodError({
          code: 'TRIAL_EXISTS',
          message: `Snapshot ${snapshotId} already has trial ${row.trial.trial} of this case.`,
          where: { caseId: row.trial.caseId },
        });
      }
    };
    const replace = (caseNo: number, row: GradedTrial): Replacement | undefined =>
      kind === 'regrade'
        ? this.#replacements.ofUngraded(no, caseNo, row)
        : this.#replacements.ofRunAgain(no, caseNo, row);
    this.#snapshots.countIn(no, numbered, add, kind === 'append' ? undefined : replace);
  }
}
