// The cases of a snapshot as comparisons see them: facts, exam and trials, without content.

import type { CaseExam } from '../../core/exam.ts';
import type { CaseResult, TrialResult } from '../../core/snapshot.ts';

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
