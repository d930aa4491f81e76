// The cases of a snapshot with their exams: facts without content, and what each case's outputs are graded with.

import type { JsonValue } from '../../base/json.ts';
import type { CaseExam } from '../../core/exam.ts';
import type { CaseResult, TrialResult } from '../../core/snapshot.ts';
import type { Case } from '../../core/suite.ts';

/**
 * The exams of all cases as one small value: the distinct (judge, embedder, grader code) triples, the triple of each case in
 * suite order, and in full only what does not follow from the case itself.
 */
export interface ExamBook {
  readonly kinds: readonly (readonly [judge: string | null, embedder: string | null, graderCode: number])[];
  readonly cases: readonly number[];
  readonly own: Readonly<Record<string, readonly [contentHash: string, gradersHash: string]>>;
}

/** Writes the exam book of a suite, case by case in its order. */
export class ExamBookWriter {
  readonly #kinds = new Map<string, number>();
  readonly #rows: number[] = [];
  readonly #own: Record<string, readonly [string, string]> = {};

  add(c: Case, exam: CaseExam): void {
    const { contentHash, gradersHash, judge, embedder, graderCode } = exam;
    if (contentHash !== c.contentHash || gradersHash !== c.gradersHash)
      this.#own[String(this.#rows.length)] = [contentHash, gradersHash];
    const kind = JSON.stringify([judge, embedder, graderCode]);
    let n = this.#kinds.get(kind);
    if (n === undefined) {
      n = this.#kinds.size;
      this.#kinds.set(kind, n);
    }
    this.#rows.push(n);
  }

  book(): ExamBook {
    return { kinds: [...this.#kinds.keys()].map((k) => JSON.parse(k)), cases: this.#rows, own: this.#own };
  }
}

export function examOf(
  book: ExamBook,
  facts: Pick<CaseFacts, 'caseNo' | 'id' | 'contentHash' | 'gradersHash'>,
): CaseExam {
  const kind = book.kinds[book.cases[facts.caseNo] ?? -1];
  if (kind === undefined) throw new Error(`the ledger has no exam for case "${facts.id}"`);
  const [judge, embedder, graderCode] = kind;
  const [contentHash, gradersHash] = book.own[String(facts.caseNo)] ?? [facts.contentHash, facts.gradersHash];
  return { contentHash, gradersHash, judge, embedder, graderCode };
}

/** An exam book as the JSON value it is stored as. */
export function examBookJson(book: ExamBook): JsonValue {
  return book as unknown as JsonValue;
}

/** What comparisons need of a case, without its content. */
export interface CaseFacts {
  readonly caseNo: number;
  readonly id: string;
  readonly tags: readonly string[];
  readonly group: string | null;
  readonly critical: boolean;
  readonly trials: number;
  readonly minPassRate: number | null;
  readonly contentHash: string;
  readonly gradersHash: string;
}

/** A case with what its outputs are graded with. */
export interface ExaminedFacts {
  readonly facts: CaseFacts;
  readonly exam: CaseExam;
}

/** The cases with their trials. `most`: trials that were planned for each at most. */
export function caseResults(
  cases: readonly ExaminedFacts[],
  trials: ReadonlyMap<number, readonly TrialResult[]>,
  most: number,
): CaseResult[] {
  return cases.map(({ facts, exam }) => ({
    id: facts.id,
    tags: facts.tags,
    group: facts.group,
    critical: facts.critical,
    minPassRate: facts.minPassRate,
    exam,
    plannedTrials: Math.min(facts.trials, most),
    trials: trials.get(facts.caseNo) ?? [],
  }));
}

/** The cases that are there, in the order of the ids, each with its number. */
export function numbered(
  caseIds: string | readonly string[],
  numbers: ReadonlyMap<string, number>,
): (readonly [id: string, caseNo: number])[] {
  const ids = typeof caseIds === 'string' ? [caseIds] : caseIds;
  return ids.flatMap((id) => {
    const caseNo = numbers.get(id);
    return caseNo === undefined ? [] : [[id, caseNo] as const];
  });
}
