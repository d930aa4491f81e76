// The exam: what outputs were graded with. Two snapshots are comparable case by case where this is the same.

import { canonicalJson, contentHash, type JsonObject, SortedHash } from '../base/json.ts';
import { needsEmbedder, needsJudge } from './grader-spec.ts';
import type { Case, Suite } from './suite.ts';

/** Raised by hand whenever a change in grader code can change a grade; part of every exam. */
export const GRADER_CODE_VERSION = 1;

export interface Examiner {
  /** Fingerprint of the judge's release; null without a judge. */
  readonly judge: string | null;
  /** Fingerprint of the embedder's release; null without one. */
  readonly embedder: string | null;
}

/** What one case's outputs are graded with, part by part, so that a difference can be named. */
export interface CaseExam {
  readonly contentHash: string;
  readonly gradersHash: string;
  /** Judge fingerprint where the case asks one, else null. */
  readonly judge: string | null;
  readonly embedder: string | null;
  readonly graderCode: number;
}

export function caseExam(c: Case, examiner: Examiner): CaseExam {
  // In the order of the canonical form, which then need not sort them.
  return {
    contentHash: c.contentHash,
    embedder: c.graders.some(needsEmbedder) ? examiner.embedder : null,
    graderCode: GRADER_CODE_VERSION,
    gradersHash: c.gradersHash,
    judge: c.graders.some(needsJudge) ? examiner.judge : null,
  };
}

/** Which examiners the graders of these cases ask; the cases are gone through once at most. */
export function examinersAsked(cases: Iterable<Pick<Case, 'graders'>>): {
  readonly judge: boolean;
  readonly embedder: boolean;
} {
  let [judge, embedder] = [false, false];
  for (const { graders } of cases) {
    judge ||= graders.some(needsJudge);
    embedder ||= graders.some(needsEmbedder);
    if (judge && embedder) break;
  }
  return { judge, embedder };
}

/** Which parts of the exam differ, in words; empty = same exam. */
export function examDifferences(a: CaseExam, b: CaseExam): string[] {
  const parts: string[] = [];
  if (a === b) return parts;
  if (a.contentHash !== b.contentHash) parts.push('case content');
  if (a.gradersHash !== b.gradersHash) parts.push('graders');
  if (a.judge !== b.judge) parts.push('judge');
  if (a.embedder !== b.embedder) parts.push('embedder');
  if (a.graderCode !== b.graderCode) parts.push('grader code version');
  return parts;
}

/** The fingerprint of an exam whose cases come one at a time. */
export class ExamHasher {
  readonly #cases = new SortedHash();
  #embedder: string | null = null;

  /** A case's id and what its outputs are graded with. */
  add(id: string, exam: CaseExam): void {
    this.#cases.add(id, `${canonicalJson(id)}:"${contentHash(exam as unknown as JsonObject)}"`);
    this.#embedder ??= exam.embedder;
  }

  hex(judge: string | null): string {
    // The canonical form of `{ cases, embedder, graderCode, judge }`. An embedder that only feeds the embedding channel gives no grade, so it
    // is no part of the exam.
    const rest = canonicalJson({ embedder: this.#embedder, graderCode: GRADER_CODE_VERSION, judge });
    return this.#cases.hex('{"cases":{', `},${rest.slice(1)}`);
  }
}

/** Fingerprint of the whole exam, order of cases aside. */
export function examFingerprint(suite: Pick<Suite, 'cases'>, examiner: Examiner): string {
  const hasher = new ExamHasher();
  for (const c of suite.cases) hasher.add(c.id, caseExam(c, examiner));
  return hasher.hex(examiner.judge);
}
