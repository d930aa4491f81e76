// Graders without a `value` compare with the case's `expected`: checked here, before anything is run.

import { describeValue, quote } from '../base/document.ts';
import { type ErrorWhere, LastgoodError } from '../base/errors.ts';
import type { JsonValue } from '../base/json.ts';
import type { Criterion, GraderSpec, GraderType } from '../core/grader-spec.ts';

type Need = 'anything' | 'text' | 'number' | null;

/** True when any grader, or any check in a rubric, looks at `expected`. */
export function needsExpected(spec: GraderSpec): boolean {
  if (spec.type === 'rubric')
    return spec.options.criteria.some((c) => c.kind === 'check' && needsExpected(c.check));
  return needOf(spec) !== null;
}

/** Graders that look at nothing but the answer and their own options. Of any other it is assumed that they read `expected`. */
const READ_ONLY_THE_ANSWER: ReadonlySet<GraderType> = new Set([
  'equals',
  'extract',
  'contains',
  'icontains',
  'starts-with',
  'similar',
  'number',
  'one-of',
  'contains-all',
  'contains-any',
  'matches',
  'json',
  'json-schema',
  'max-length',
  'min-length',
  'max-words',
  'no-code-fence',
  'refusal',
  'tool-called',
  'tool-not-called',
  'trajectory',
  'max-steps',
  'latency',
  'cost',
]);

/** True when the grader is given the case's `expected`: it compares with it, shows it to a judge, or hands it to code. */
export function readsExpected(spec: GraderSpec): boolean {
  if (spec.type === 'rubric')
    return spec.options.criteria.some((c) => c.kind !== 'check' || readsExpected(c.check));
  return needOf(spec) !== null || !READ_ONLY_THE_ANSWER.has(spec.type);
}

/** The graders ready to run against `expected`, or errors. A number written as text (a CSV cell) becomes the grader's `value`. */
export function bindExpected(
  spec: GraderSpec,
  expected: JsonValue | undefined,
  where: () => ErrorWhere,
  report: (error: LastgoodError) => void,
): GraderSpec {
  if (spec.type === 'rubric') {
    const criteria = spec.options.criteria.map(
      (c): Criterion =>
        c.kind === 'check' ? { ...c, check: bindExpected(c.check, expected, where, report) } : c,
    );
    return { ...spec, options: { ...spec.options, criteria } };
  }
  const need = needOf(spec);
  if (need === null) return spec;
  const name = `${spec.negate ? 'not-' : ''}${spec.type}`;
  if (expected === undefined) {
    report(
      new LastgoodError({
        code: 'SUITE_NO_EXPECTED',
        message:
          spec.type === 'judge'
            ? `the judge ${quote(spec.options.name)} compares with \`expected\`, and the case has none`
            : `the grader ${quote(name)} has no \`value\` and the case has no \`expected\` to compare with`,
        where: where(),
        hint: `add \`expected\` to the case${spec.type === 'judge' ? '' : ', or a value to the grader'}`,
      }),
    );
    return spec;
  }
  if (need === 'text' && (typeof expected !== 'string' || expected === '')) {
    report(wrongKind(name, 'some text', expected, where));
    return spec;
  }
  if (need === 'number' && typeof expected !== 'number') {
    const value =
      typeof expected === 'string' && expected.trim() !== '' ? Number(expected) : Number.POSITIVE_INFINITY;
    if (Number.isFinite(value) && spec.type === 'number')
      return { ...spec, options: { ...spec.options, value } };
    report(wrongKind(name, 'a number', expected, where));
  }
  return spec;
}

function needOf(spec: GraderSpec): Need {
  switch (spec.type) {
    case 'equals':
    case 'extract':
      return spec.options.value === undefined ? 'anything' : null;
    case 'contains':
    case 'icontains':
    case 'starts-with':
    case 'similar':
      return spec.options.value === undefined ? 'text' : null;
    case 'number':
      return spec.options.value === undefined ? 'number' : null;
    case 'judge':
      return spec.options.needs.includes('expected') ? 'anything' : null;
    default:
      return null;
  }
}

function wrongKind(
  name: string,
  wanted: string,
  expected: JsonValue,
  where: () => ErrorWhere,
): LastgoodError {
  return new LastgoodError({
    code: 'SUITE_BAD_EXPECTED',
    message: `the grader ${quote(name)} compares with \`expected\` and needs ${wanted}, found ${describeValue(expected)}`,
    where: where(),
    hint: 'change `expected`, or give the grader a `value` of its own',
  });
}
