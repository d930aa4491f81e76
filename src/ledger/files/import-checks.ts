// What an exported file says of itself is checked against what it holds: every hash that can be computed again, and every number.

import { LastgoodError } from '../../base/errors.ts';
import { caseExam, ExamHasher, type Examiner, GRADER_CODE_VERSION } from '../../core/exam.ts';
import { forgottenLayers, type Release } from '../../core/release.ts';
import type { Case, Suite } from '../../core/suite.ts';
import { caseContentHash, gradersHash, SuiteHasher } from '../../core/suite-hash.ts';
import type { CaseLine, EndLine, SnapshotLine, TrialLine } from './export-format.ts';

const HASH = /^[0-9a-f]{64}$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Every layer has its hash and the hashes their fingerprint, except for those that the file says were forgotten. */
export function checkRelease(release: Release, line: number): void {
  const { name, forgotten = [], fingerprint } = release;
  if (CONTROL.test(name) || name.split(/[\\/]/).includes('..'))
    throw invalid(`the release's name ${JSON.stringify(name)} is none that a release can have`, line);
  for (const hash of [fingerprint, ...Object.values(release.layerHashes)])
    if (!HASH.test(hash ?? '')) throw invalid(`release "${name}" states something that is not a hash`, line);
  const missing = forgottenLayers(release);
  const undeclared = missing.filter((layer) => !forgotten.includes(layer));
  if (undeclared.length > 0)
    throw invalid(
      `the layers of release "${name}" do not have the fingerprint it states (${undeclared.join(', ')})`,
      line,
    );
  const declared = forgotten.find((layer) => !missing.includes(layer));
  if (declared !== undefined || new Set(forgotten).size !== forgotten.length)
    throw invalid(
      `the ${declared ?? forgotten[0]} layer of release "${name}" is called forgotten, and is whole`,
      line,
    );
}

/** A case has the hashes it states, except for what the file says was altered before it was stored. */
export function checkCase({ case: c, exam, altered = [] }: CaseLine, line: number): void {
  const asked = c as unknown as Case;
  for (const [part, stated, actual] of [
    ['content', c.contentHash, caseContentHash(asked)],
    ['graders', c.gradersHash, gradersHash(asked.graders)],
  ] as const) {
    if (!HASH.test(stated)) throw invalid(`the ${part} hash of case "${c.id}" is not a hash`, line);
    if (stated !== actual && !altered.includes(part))
      throw invalid(`the ${part} of case "${c.id}" does not have the hash it states`, line);
    if (stated === actual && altered.includes(part))
      throw invalid(`the ${part} of case "${c.id}" is called altered, and is whole`, line);
  }
  if (exam.graderCode < 1 || !Number.isInteger(exam.graderCode))
    throw invalid(`case "${c.id}" was graded by grader code ${exam.graderCode}, which there is not`, line);
  if (exam.graderCode > GRADER_CODE_VERSION)
    throw invalid(
      `case "${c.id}" was graded by grader code ${exam.graderCode}, this lastgood has ${GRADER_CODE_VERSION}`,
      line,
      'update lastgood to at least the version that exported it',
    );
  if (c.minPassRate !== null && (c.minPassRate < 0 || c.minPassRate > 1))
    throw invalid(`the pass rate asked of case "${c.id}" is not between 0 and 1`, line);
  if (c.trials < 1) throw invalid(`case "${c.id}" has no trials`, line);
  const ids = c.graders.map(({ id }) => id);
  // A draft has no graders; nothing is decided by it.
  if (new Set(ids).size !== ids.length) throw invalid(`case "${c.id}" has two graders of one id`, line);
}

/** Nothing of a trial is less than nothing. */
export function checkTrialNumbers({ trial, grades, judgeCostUsd }: TrialLine, line: number): void {
  const answered = trial.status === 'answered' ? trial : null;
  const numbers: readonly (readonly [string, number | null])[] = [
    ['costUsd', answered?.costUsd ?? null],
    ['latencyMs', answered?.latencyMs ?? null],
    ['judgeCostUsd', judgeCostUsd],
    ...trial.attempts.map(({ latencyMs }) => ['attempts.latencyMs', latencyMs] as const),
    ...grades.map(({ weight }) => ['grades.weight', weight] as const),
  ];
  for (const [key, value] of numbers)
    if (value !== null && value < 0)
      throw invalid(`"${key}" of a trial of case "${trial.caseId}" is negative`, line);
  if (answered === null && grades.length > 0)
    throw invalid(`a trial of case "${trial.caseId}" without an answer has grades`, line);
}

/** What the header says of all cases: the suite's hash, the exam and the number of trials. `altered`: what the end line says of them. */
export function checkWhole(
  header: SnapshotLine,
  cases: Iterable<CaseLine>,
  altered: NonNullable<EndLine['altered']>,
): void {
  const examiner: Examiner = {
    judge: header.judge?.fingerprint ?? null,
    embedder: header.embedder?.fingerprint ?? null,
  };
  const [suiteHasher, examHasher] = [new SuiteHasher(), new ExamHasher()];
  let planned = 0;
  for (const { case: c, exam, altered: parts = [] } of cases) {
    planned += c.trials;
    suiteHasher.add(c);
    examHasher.add(c.id, exam);
    if (
      exam.contentHash !== c.contentHash ||
      exam.gradersHash !== c.gradersHash ||
      !asks(c, exam, parts, examiner)
    )
      throw invalid(`the exam of case "${c.id}" is not that of its graders and examiners`);
  }
  if (planned !== header.plannedTrials)
    throw invalid(`it says that ${header.plannedTrials} trials were planned, its cases say ${planned}`, 1);
  for (const [part, same] of [
    ['suite', suiteHasher.hex(header.suite as unknown as Suite) === header.suite.hash],
    ['exam', examHasher.hex(examiner.judge) === header.exam],
  ] as const) {
    if (!HASH.test(part === 'suite' ? header.suite.hash : header.exam) || (!same && !altered.includes(part)))
      throw invalid(`the cases do not have the hash that the first line states for the ${part}`, 1);
    if (same && altered.includes(part)) throw invalid(`the ${part} is called altered, and is whole`);
  }
  if (Date.parse(header.closing.finishedAt) < Date.parse(header.startedAt))
    throw invalid('it ended before it began', 1);
}

/** Does the case's exam name the examiners that its graders ask? Graders that are not whole may have asked either. */
function asks(
  c: CaseLine['case'],
  exam: CaseLine['exam'],
  parts: NonNullable<CaseLine['altered']>,
  examiner: Examiner,
): boolean {
  const due = caseExam(c as unknown as Case, examiner);
  const free = parts.includes('graders');
  return (['judge', 'embedder'] as const).every(
    (role) => exam[role] === due[role] || (free && (exam[role] === null || exam[role] === examiner[role])),
  );
}

/** A file that is not taken, with the reason and its line. */
export function invalid(
  why: string,
  line?: number,
  remedy = 'export it again with `lastgood export`',
): LastgoodError {
  return new LastgoodError({
    code: 'IMPORT_INVALID',
    message: `This is not a complete exported snapshot: ${why}.`,
    hint: `${remedy}; nothing of it was imported`,
    where: { line },
  });
}
