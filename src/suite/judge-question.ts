// The question a `judge` grader asks: a ready-made one by name, or the user's own from a file, with every default filled in.

import { z } from 'zod';
import { quote, readDocument } from '../base/document.ts';
import { checkShape } from '../base/document-check.ts';
import { type ErrorWhere, LastgoodError, throwAll } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import type { JudgeContext } from '../core/grader-spec.ts';
import { type JudgeQuestionnaire, READY_JUDGES, type ReadyJudgeName } from '../core/ready-judges.ts';
import { readText } from './case-rows.ts';

/** What a file with a question of the user's own looks like. */
const judgeFileSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1),
  about: z.string().optional(),
  ask: z.string().min(1).describe('the question, as the judge reads it'),
  choices: z
    .array(
      z.strictObject({
        choice: z
          .string()
          .regex(/^\S(.*\S)?$/)
          .describe('a word or two'),
        meaning: z.string().min(1).describe('when this is the right choice'),
        score: z.number().min(0).max(1),
      }),
    )
    .min(2),
  threshold: z.number().gt(0).max(1).optional().describe('least score to pass (default 1)'),
  needs: z.array(z.enum(['expected', 'context'])).optional(),
});

/** The question in a file. Throws LastgoodError(s). */
export function readJudgeFile(path: string, where: () => ErrorWhere): JudgeQuestionnaire {
  const document = readDocument(readText(path, where), path, 'SUITE');
  const checked = checkShape(judgeFileSchema, document.value, { document, family: 'SUITE' });
  if (!checked.ok) {
    throwAll(checked.errors);
    throw new Error('a shape that does not fit has errors');
  }
  const { about = '', ask, choices, name, needs = [], threshold = 1 } = checked.value;
  const words = choices.map((c) => c.choice.toLowerCase());
  const twice = words.find((word, i) => words.indexOf(word) !== i);
  const problem =
    twice !== undefined
      ? `the choice ${quote(twice)} is listed twice`
      : choices.every((c) => c.score >= threshold)
        ? 'every choice passes, so nothing could ever fail'
        : choices.every((c) => c.score < threshold)
          ? 'no choice reaches the threshold, so nothing could ever pass'
          : null;
  if (problem !== null)
    throw new LastgoodError({
      code: 'SUITE_BAD_JUDGE',
      message: problem,
      where: { file: path, key: 'choices' },
    });
  return { name, about, ask, choices, threshold, needs, kind: 'single' };
}

/** The normal form of a `judge` grader's options. Throws LastgoodError. */
export function judgeOptions(
  given: JsonObject,
  read: (path: string) => JudgeQuestionnaire,
  where: () => ErrorWhere,
): JsonObject {
  const { context, file, threshold, use } = given as {
    context?: JudgeContext;
    file?: string;
    threshold?: number;
    use?: ReadyJudgeName;
  };
  if ((use === undefined) === (file === undefined)) {
    throw new LastgoodError({
      code: 'SUITE_BAD_JUDGE',
      message: `a judge asks exactly one question: found ${use === undefined ? 'neither' : 'both'} \`use\` ${use === undefined ? 'nor' : 'and'} \`file\``,
      where: where(),
      hint: `write judge: NAME with one of ${Object.keys(READY_JUDGES).join(', ')}`,
    });
  }
  const question = use === undefined ? read(file as string) : READY_JUDGES[use];
  const needsContext = question.needs.includes('context');
  if (needsContext !== (context !== undefined)) {
    throw new LastgoodError({
      code: 'SUITE_BAD_JUDGE',
      message: needsContext
        ? `${quote(question.name)} judges against sources, and \`context\` does not say where they are`
        : `${quote(question.name)} looks at no sources, so \`context\` has no meaning`,
      where: where(),
      hint: needsContext
        ? `write judge: { use: ${question.name}, context: VARIABLE } for a variable of the case, or context: { from: answer } for what the application retrieved`
        : 'leave `context` out',
    });
  }
  const { about: _about, ...asked } = question;
  return {
    ...(asked as unknown as Record<string, JsonValue>),
    threshold: threshold ?? question.threshold,
    context: context === undefined ? null : typeof context === 'string' ? context : { ...context },
  };
}
