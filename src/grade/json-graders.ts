// Graders for JSON answers: json and json-schema.

import type { JsonObject } from '../base/json.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { type GraderResult, mark, type Subject, unmeasured } from './grader-result.ts';
import { duplicateKey, readJson } from './json-text.ts';
import { patternCost } from './pattern-cost.ts';
import { HARMLESS_STEPS } from './pattern-graders.ts';
import { quote, shown } from './quote.ts';
import { schemaPatterns, schemaProblem } from './schema-check.ts';
import { schemaSteps } from './schema-cost.ts';
import type { WorkerPool } from './worker-pool.ts';

/** A fresh worker loads the validator and compiles the schema within it, on a busy machine. */
const SCHEMA_DEADLINE_MS = 10_000;

type Options<T extends GraderSpec['type']> = Extract<GraderSpec, { type: T }>['options'];

export function gradeJson(options: Options<'json'>, subject: Subject): GraderResult {
  const read = readJson(subject.text, { allowFence: options['allow-fence'] === true });
  if (read.kind === 'bad') return mark(false, `${read.problem}; found ${shown(subject.text, 40)}`);
  if (options['unique-keys'] === true) {
    const twice = duplicateKey(read.text);
    if (twice !== null) return mark(false, `the key ${quote(twice)} stands twice in one object`);
  }
  return mark(true, 'the output is one JSON value');
}

export async function gradeJsonSchema(
  options: Options<'json-schema'>,
  subject: Subject,
  workers: WorkerPool,
  signal: AbortSignal,
): Promise<GraderResult> {
  const read = readJson(subject.text, { allowFence: options['allow-fence'] === true });
  if (read.kind === 'bad') return mark(false, `${read.problem}; found ${shown(subject.text, 40)}`);
  const { schema } = options;
  if (isHarmless(schema, subject.text.length)) {
    try {
      return schemaMark(await schemaProblem(schema, read.value));
    } catch (error) {
      return unmeasured('grader_error', `the JSON Schema cannot be used: ${(error as Error).message}`);
    }
  }
  const answer = await workers.run({ kind: 'schema', schema, value: read.value }, SCHEMA_DEADLINE_MS, signal);
  switch (answer.kind) {
    case 'value':
      return schemaMark(answer.value as string | null);
    case 'deadline':
      return unmeasured(
        'grader_error',
        `checking the JSON Schema took longer than ${SCHEMA_DEADLINE_MS / 1000} s and was cut off`,
      );
    case 'error':
      // So deep that it cannot even be handed to the worker.
      if (/Maximum call stack/.test(answer.message)) return schemaMark('it is nested too deeply to check');
      return unmeasured('grader_error', `the JSON Schema cannot be used: ${answer.message}`);
    case 'died':
      return unmeasured('grader_error', `the JSON Schema cannot be used: ${answer.message}`);
    case 'cancelled':
      return unmeasured('grader_error', 'cancelled before the JSON Schema was checked');
  }
}

function schemaMark(problem: string | null): GraderResult {
  return problem === null
    ? mark(true, 'the output is JSON that fits the schema')
    : mark(false, `the JSON does not fit the schema ${problem}`);
}

function isHarmless(schema: JsonObject, length: number): boolean {
  // Each pattern may run on every string of the output; together those are no longer than the output.
  if (schemaSteps(schema, length) > HARMLESS_STEPS) return false;
  return schemaPatterns(schema).every((pattern) => patternCost(pattern, 'u', length) <= HARMLESS_STEPS);
}
