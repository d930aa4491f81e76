// What a file claims is worked out again where it can be: measures, every grade that needs no judge, and how far the run can be trusted.

import { type SecretMask, secretMask } from '../../base/index.ts';
import {
  type Case,
  type Grade,
  type GradedTrial,
  type GraderSpec,
  isRemoved,
  needsEmbedder,
  needsJudge,
  resolvePolicy,
  type Validity,
} from '../../core/index.ts';
import { createTrialGrader, measureTrial, type TrialGrader } from '../../grade/index.ts';
import { type ExaminedLine, type ImportCheck, importRefusal } from '../../ledger/index.ts';
import { judgeValidity } from '../../run/index.ts';

/** What could be worked out again, and what has to be taken as it is said. */
export interface Recomputed {
  /** Grades that came out again. */
  readonly confirmed: number;
  /** Grades of judges, embedders and code, and of answers and cases that the file does not have. */
  readonly asTold: number;
}

const BETTER: readonly Validity[] = ['invalid', 'degraded', 'valid'];

/**
 * A check of a file before it is imported. Nothing it brings is run: no code, no judge, no embedder. `onCounted` learns how much of it was
 * confirmed. The check rejects with `IMPORT_INVALID` and the line of the first claim that does not come out again.
 */
export function importCheck(signal: AbortSignal, onCounted?: (recomputed: Recomputed) => void): ImportCheck {
  return async (file) => {
    const grader = deterministicGrader(secretMask([]));
    const counts = { confirmed: 0, asTold: 0 };
    const totals = { planned: 0, answered: 0, failed: 0, appErrors: 0, skipped: 0, ungraded: 0 };
    const { closing, suite } = file.header;
    const most = closing.plannedTrialsPerCase ?? Number.POSITIVE_INFINITY;
    try {
      for (const examined of file.examined()) {
        totals.planned += closing.plannedTrialsPerCase ?? examined.case.trials;
        const due = Math.min(examined.case.trials, most);
        if (closing.state === 'finished' && closing.validity === 'valid' && examined.trials.length < due)
          throw importRefusal(
            `case "${examined.case.id}" has ${examined.trials.length} of ${due} trials, and the run is called valid`,
            examined.line,
          );
        for (const { row, line } of examined.trials) {
          count(totals, row, examined.case.graders.length === 0);
          await checkTrial(grader, examined, row, line, counts, signal);
        }
      }
    } finally {
      await grader.close();
    }
    const { validity } = judgeValidity({ ...totals, policy: resolvePolicy(suite.policy as never) });
    if (BETTER.indexOf(closing.validity) > BETTER.indexOf(validity))
      throw importRefusal(`it calls itself ${closing.validity}, and its trials make it ${validity}`, 1);
    onCounted?.(counts);
  };
}

/** Makes no call and runs no code. */
function deterministicGrader(mask: SecretMask): TrialGrader {
  return createTrialGrader({
    ...{ judge: null, embedder: null, verdicts: null, mask },
    costOf: () => null,
    nonce: () => '0'.repeat(32),
  });
}

function count(
  totals: { answered: number; failed: number; appErrors: number; skipped: number; ungraded: number },
  { trial, grades }: GradedTrial,
  draft: boolean,
): void {
  totals[trial.status]++;
  if (trial.status === 'failed' && trial.cause === 'app_error') totals.appErrors++;
  const lost = grades.some((g) => g.status === 'ungraded' && g.required);
  if (!draft && trial.status === 'answered' && (lost || grades.every((g) => g.status === 'ungraded')))
    totals.ungraded++;
}

async function checkTrial(
  grader: TrialGrader,
  { case: c, altered }: ExaminedLine,
  row: GradedTrial,
  line: number,
  counts: { confirmed: number; asTold: number },
  signal: AbortSignal,
): Promise<void> {
  const { trial, measures, grades } = row;
  const refused = (why: string): Error =>
    importRefusal(`trial ${trial.trial} of case "${c.id}" ${why}`, line);
  if (trial.status !== 'answered') {
    if (measures.length !== null || measures.refusal !== null)
      throw refused('was not answered, and is measured');
    return;
  }
  const gone = isRemoved(trial);
  if (!gone) {
    const due = measureTrial(trial);
    if (measures.length !== due.length || measures.refusal !== due.refusal)
      throw refused(`does not measure what its line says: ${JSON.stringify(due)}`);
  }
  // Graders that are not whole cannot be held against their grades.
  if (altered.includes('graders')) {
    counts.asTold += grades.length;
    return;
  }
  if (grades.length !== c.graders.length)
    throw refused(`has ${grades.length} grades for ${c.graders.length} graders`);
  for (const [i, spec] of c.graders.entries()) checkGrader(spec, grades[i] as Grade, refused);
  const known = gone || altered.includes('content') ? [] : c.graders.filter(isDeterministic);
  counts.asTold += grades.length - known.length;
  if (known.length === 0) return;
  const again = await grader.gradeTrial({ ...c, graders: known } as Case, trial, signal);
  for (const due of again.grades) {
    const said = grades.find((g) => g.graderId === due.graderId) as Grade;
    // Nothing was measured there: then because a run was cut off, now because this machine took too long.
    if (said.status === 'ungraded' && said.cause !== 'no_output') counts.asTold++;
    else if (due.status === 'ungraded' && due.cause === 'grader_error') counts.asTold++;
    else if (same(said, due)) counts.confirmed++;
    else
      throw refused(
        `is graded ${gradeWords(said)} by "${due.graderId}", and the answer in the file gives ${gradeWords(due)}`,
      );
  }
}

function checkGrader(spec: GraderSpec, grade: Grade, refused: (why: string) => Error): void {
  const type = spec.negate ? `not-${spec.type}` : spec.type;
  if (
    grade.graderId !== spec.id ||
    grade.graderType !== type ||
    grade.required !== spec.required ||
    grade.weight !== spec.weight
  )
    throw refused(`has a grade of "${grade.graderId}" where the case has the grader "${spec.id}"`);
}

/** Does it come out again without a judge, an embedder or code that the file brings? */
function isDeterministic(spec: GraderSpec): boolean {
  if (needsJudge(spec) || needsEmbedder(spec) || spec.type === 'javascript') return false;
  return (
    spec.type !== 'rubric' ||
    spec.options.criteria.every((c) => c.kind === 'check' && isDeterministic(c.check))
  );
}

function same(a: Grade, b: Grade): boolean {
  if (a.status === 'ungraded' || b.status === 'ungraded') return a.status === b.status;
  return a.pass === b.pass && Math.abs(a.score - b.score) < 1e-9;
}

function gradeWords(grade: Grade): string {
  return grade.status === 'ungraded'
    ? `nothing (${grade.cause})`
    : `${grade.score} (${grade.pass ? 'passed' : 'failed'})`;
}
