// Who scores production answers: a judge release with a rubric or a ready-made question, and the series that its scores form.

import { resolve } from 'node:path';
import { quote } from '../../base/document.ts';
import { contentHash, type JsonObject, LastgoodError, shortHash } from '../../base/index.ts';
import { GRADER_CODE_VERSION } from '../../core/exam.ts';
import { graderContent, needsEmbedder } from '../../core/grader-spec.ts';
import type { GraderSpec, Release } from '../../core/index.ts';
import type { AnswerExaminer } from '../../core/judged-answers.ts';
import { READY_JUDGES, type ReadyJudgeName } from '../../core/ready-judges.ts';
import { findReleaseFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { needsExpected } from '../../suite/expected.ts';
import { judgeOptions } from '../../suite/judge-question.ts';
import { readRubricFile } from '../../suite/rubric-file.ts';

export interface ExaminerInput {
  readonly judge: string;
  /** Exactly one of the two. */
  readonly rubric: string | undefined;
  readonly question: string | undefined;
  readonly cwd: string;
}

export interface LoadedExaminer {
  readonly judge: Release;
  readonly spec: GraderSpec;
  readonly about: AnswerExaminer;
}

export async function loadExaminer(input: ExaminerInput): Promise<LoadedExaminer> {
  const { rubric, question, cwd } = input;
  if ((rubric === undefined) === (question === undefined))
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: `name exactly one of --rubric and --question, not ${rubric === undefined ? 'neither' : 'both'}`,
      hint: `write --rubric FILE, or --question with one of ${usable().join(', ')}`,
    });
  const spec =
    rubric === undefined ? readyQuestion(question as string) : await rubricOf(resolve(cwd, rubric));
  const judge = await loadRelease(await findReleaseFile(input.judge, cwd));
  const { name, fingerprint } = judge;
  const id = contentHash({
    judge: fingerprint,
    question: graderContent(spec),
    graderCode: GRADER_CODE_VERSION,
  });
  return {
    judge,
    spec,
    about: { id, judge: { name, fingerprint }, question: rubric ?? (question as string) },
  };
}

/** Ready-made questions that look at nothing but the question and the answer. */
function usable(): string[] {
  return Object.values(READY_JUDGES).flatMap(({ name, needs }) => (needs.length === 0 ? [name] : []));
}

function readyQuestion(name: string): GraderSpec {
  if (!usable().includes(name)) {
    const needs = Object.hasOwn(READY_JUDGES, name)
      ? READY_JUDGES[name as ReadyJudgeName].needs[0]
      : undefined;
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message:
        needs === undefined
          ? `there is no ready-made question ${quote(name)}`
          : `the question ${quote(name)} needs ${needs === 'expected' ? 'an expected answer' : 'sources'}, and a production answer has none`,
      hint: `--question takes one of ${usable().join(', ')}; --rubric FILE asks your own`,
    });
  }
  const read = (): never => {
    throw new Error('a ready-made question reads no file');
  };
  return {
    ...{ id: name, type: 'judge', negate: false, weight: 1, required: true },
    options: judgeOptions({ use: name }, read, () => ({})),
  } as unknown as GraderSpec;
}

async function rubricOf(file: string): Promise<GraderSpec> {
  const spec = await readRubricFile(file);
  const unfit = (id: string, why: string): LastgoodError =>
    new LastgoodError({
      code: 'SUITE_BAD_CRITERION',
      message: `the criterion ${quote(id)} ${why}`,
      where: { file, key: 'criteria' },
      hint: 'ask the judge instead (`ask`), or check something that the answer alone shows',
    });
  for (const criterion of spec.options.criteria) {
    if (criterion.kind !== 'check') continue;
    const { check, id } = criterion;
    if (needsExpected(check)) throw unfit(id, 'needs an expected answer, and a production answer has none');
    if (needsEmbedder(check) || check.type === 'command' || check.type === 'http')
      throw unfit(id, `checks with \`${check.type}\`, which cannot be used on production answers`);
  }
  return spec;
}

const KIND = 'answer-judging';
/** A series belongs to a feature, which is in the body: there `forget` reaches its name. */
const EVERY_SUITE = '*';

/** Claims a name for an examiner. Throws `JUDGE_SERIES` where the name's scores come from another one. */
export async function claimSeries(
  work: Pick<Workplace, 'store' | 'clock' | 'mask'>,
  series: { readonly feature: string; readonly name: string; readonly examiner: AnswerExaminer },
): Promise<void> {
  const { feature, name, examiner } = series;
  if (await isClaimed(work, series)) return;
  const body = work.mask.json({ feature, name, examiner: { ...examiner, judge: { ...examiner.judge } } });
  await work.store.keepRecord({
    kind: KIND,
    suite: EVERY_SUITE,
    at: work.clock.now().toISOString(),
    body: body as JsonObject,
  });
  // Of two that claim at once, the one whose record comes first in the ledger goes on.
  await isClaimed(work, series);
}

/** Has this examiner the name already? Throws `JUDGE_SERIES` where another one has it. */
export async function isClaimed(
  work: Pick<Workplace, 'store'>,
  { feature, name, examiner }: { feature: string; name: string; examiner: AnswerExaminer },
): Promise<boolean> {
  const records = await work.store.records(KIND, EVERY_SUITE);
  const mine = records.filter(({ body }) => body['feature'] === feature && body['name'] === name);
  const first = mine[0];
  if (first === undefined) return false;
  const known = first.body['examiner'] as unknown as AnswerExaminer;
  if (known.id === examiner.id) return true;
  const what =
    known.judge.fingerprint === examiner.judge.fingerprint
      ? `another question (${known.question} as it was then)`
      : `another judge (${known.judge.name} ${shortHash(known.judge.fingerprint)}, question ${known.question})`;
  throw otherSeries(name, `its scores come from ${what}, since ${first.at.slice(0, 10)}`);
}

/** Scores of two examiners under one name would be one signal. */
export function otherSeries(name: string, why: string): LastgoodError {
  return new LastgoodError({
    code: 'JUDGE_SERIES',
    message: `judge-score:${name} cannot be continued: ${why}`,
    hint: `start a new series under another name, such as --as ${name}-2, and point the monitor at it`,
  });
}
