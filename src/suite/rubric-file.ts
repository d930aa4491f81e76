// A rubric in a file of its own: what stands under `rubric:` in a suite.

import { readDocument, whereIn } from '../base/document.ts';
import { checkShape } from '../base/document-check.ts';
import { LastgoodError, throwAll } from '../base/errors.ts';
import type { JsonObject } from '../base/json.ts';
import { GRADERS } from '../core/grader-catalogue.ts';
import { type GraderSpec, needsJudge } from '../core/grader-spec.ts';
import { readText } from './case-rows.ts';
import { graderFiles } from './grader-files.ts';
import { finishOptions } from './graders.ts';
import { collectProblems } from './problems.ts';

export type RubricSpec = Extract<GraderSpec, { type: 'rubric' }>;

/** The rubric with every default filled in. Throws LastgoodError(s), also for one that asks no judge. */
export async function readRubricFile(path: string): Promise<RubricSpec> {
  const document = readDocument(
    readText(path, () => ({ file: path })),
    path,
    'SUITE',
  );
  const checked = checkShape(GRADERS.rubric.options, document.value, { document, family: 'SUITE' });
  if (!checked.ok) {
    throwAll(checked.errors);
    throw new Error('a shape that does not fit has errors');
  }
  const reading = { files: graderFiles(), problems: collectProblems() };
  const options = finishOptions('rubric', checked.value as JsonObject, { document, path: [] }, reading);
  reading.problems.add(...(await reading.files.compileErrors()));
  reading.problems.throwIfAny();
  const spec = {
    ...{ id: 'rubric', type: 'rubric', negate: false, weight: 1, required: true },
    options,
  } as unknown as RubricSpec;
  if (!needsJudge(spec))
    throw new LastgoodError({
      code: 'SUITE_BAD_CRITERION',
      message: 'no criterion of the rubric asks a judge',
      where: whereIn(document, ['criteria'], 'key'),
      hint: 'write at least one criterion with `ask`',
    });
  return spec;
}
