// Graders for JSON answers: json and json-schema.

import type { GraderSpec } from '../core/grader-spec.ts';
import type { JsonObject } from '../core/json.ts';
import { duplicateKey, readJson } from './json-text.ts';
import { type Mark, mark, type Subject, unmeasured } from './mark.ts';
import { patternCost } from './pattern-cost.ts';
import { HARMLESS_STEPS, PATTERN_DEADLINE_MS } from './pattern-graders.ts';
import { quote, shown } from './quote.ts';
import { schemaPatterns, schemaProblem } from './schema-check.ts';
import type { WorkerPool } from './worker-pool.ts';

type Options<T extends GraderSpec['type']> = Extract<GraderSpec, { type: T }>['options'];

export function gradeJson(options: Options<'json'>, subject: Subject): Mark {
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
): Promise<Mark> {
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
  const answer = await workers.run(
    { kind: 'schema', schema, value: read.value },
    PATTERN_DEADLINE_MS,
    signal,
  );
  switch (answer.kind) {
    case 'value':
      return schemaMark(answer.value as string | null);
    case 'deadline':
      return unmeasured(
        'grader_error',
        `the JSON Schema's patterns took longer than ${PATTERN_DEADLINE_MS} ms and were cut off`,
      );
    case 'error':
    case 'died':
      return unmeasured('grader_error', `the JSON Schema cannot be used: ${answer.message}`);
    case 'cancelled':
      return unmeasured('grader_error', 'cancelled before the JSON Schema was checked');
  }
}

function schemaMark(problem: string | null): Mark {
  return problem === null
    ? mark(true, 'the output is JSON that fits the schema')
    : mark(false, `the JSON does not fit the schema ${problem}`);
}

function isHarmless(schema: JsonObject, length: number): boolean {
  // Each pattern may run on every string of the output; together those are no longer than the output.
  return schemaPatterns(schema).every((pattern) => patternCost(pattern, 'u', length) <= HARMLESS_STEPS);
}
