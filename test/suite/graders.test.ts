import { expect, test } from 'vitest';
import { GRADER_TYPES, GRADERS } from '../../src/core/grader-catalogue.ts';
import { oneCase, suiteOf } from './world.ts';

async function graders(grade: string, expected = '') {
  const files = oneCase(grade);
  const suite = await suiteOf({
    ...files,
    'suite.yaml': `${files['suite.yaml']}    ${expected}\n`,
    'grader.mjs': 'export const strict = () => true;\n',
    'schemas/a.yaml': 'type: object\n',
  });
  return suite.cases.at(0)?.graders ?? [];
}

/** For every grader that has one: a shorthand value and the options it stands for. */
const SHORTHANDS: Record<string, [string, object]> = {
  equals: ['yes', { value: 'yes' }],
  'one-of': ['[a, b]', { values: ['a', 'b'] }],
  contains: ['refund', { value: 'refund' }],
  icontains: ['refund', { value: 'refund' }],
  'contains-all': ['[a, b]', { values: ['a', 'b'] }],
  'contains-any': ['[a, b]', { values: ['a', 'b'] }],
  'starts-with': ['Dear', { value: 'Dear' }],
  matches: ['"a+"', { pattern: 'a+' }],
  number: ['3.5', { value: 3.5 }],
  'json-schema': ['{ type: array, items: {} }', { schema: { type: 'array', items: {} } }],
  'max-length': ['9', { value: 9 }],
  'min-length': ['0', { value: 0 }],
  'max-words': ['9', { value: 9 }],
  'no-code-fence': ['true', { value: true }],
  refusal: ['false', { value: false }],
  'tool-called': ['refund', { name: 'refund' }],
  'tool-not-called': ['refund', { name: 'refund' }],
  trajectory: ['[lookup, refund]', { calls: ['lookup', 'refund'] }],
  'max-steps': ['3', { value: 3 }],
  latency: ['2000', { 'max-ms': 2000 }],
  cost: ['0.01', { 'max-usd': 0.01 }],
};

test.each(Object.entries(SHORTHANDS))(
  '%s has its shorthand, and the `not-` form where it makes sense',
  async (type, [value, options]) => {
    expect(await graders(`[{ ${type}: ${value} }]`)).toMatchObject([
      { type, id: type, negate: false, weight: 1, required: true, options },
    ]);
    if (GRADERS[type as keyof typeof GRADERS].negatable) {
      expect(await graders(`[{ not-${type}: ${value} }]`)).toMatchObject([
        { type, id: `not-${type}`, negate: true, options },
      ]);
    }
  },
);

test('the graders without such a test here are those that need more than a value', () => {
  const others = GRADER_TYPES.filter((type) => !(type in SHORTHANDS));
  expect(others).toEqual(['extract', 'json', 'similar', 'javascript', 'command', 'http', 'rubric', 'judge']);
});

test('common options stand beside the own ones and are taken out of them', async () => {
  expect(
    await graders('[{ contains: { value: a, ignore-case: true, id: kind, weight: 3, required: false } }]'),
  ).toEqual([
    {
      type: 'contains',
      id: 'kind',
      negate: false,
      weight: 3,
      required: false,
      options: { value: 'a', 'ignore-case': true },
    },
  ]);
});

test('graders that need nothing may stand alone, with `expected` too', async () => {
  expect(
    await graders('[json, not-json, no-code-fence, equals, number, { contains: }]', 'expected: "7"'),
  ).toMatchObject([
    { id: 'json', options: {} },
    { id: 'not-json', negate: true },
    { id: 'no-code-fence' },
    { id: 'equals', options: {} },
    { id: 'number', options: { value: 7 } },
    { id: 'contains', options: {} },
  ]);
});

test('ids that are not given are made unique, around those that are', async () => {
  const found = await graders(
    '[contains: a, contains: b, { contains: { value: c, id: contains-2 } }, not-contains: d, contains: e]',
  );
  expect(found.map((g) => g.id)).toEqual([
    'contains',
    'contains-3',
    'contains-2',
    'not-contains',
    'contains-4',
  ]);
});

test('a schema may stand in a file, inline, or beside options; a schema with a key called id or required is still a schema', async () => {
  const found = await graders(
    '[json-schema: schemas/a.yaml, { json-schema: { schema: schemas/a.yaml, allow-fence: true, weight: 2 } }, { json-schema: { required: [team], type: object } }]',
  );
  expect(found.map((g) => [g.weight, g.options])).toEqual([
    [1, { schema: { type: 'object' } }],
    [2, { schema: { type: 'object' }, 'allow-fence': true }],
    [1, { schema: { required: ['team'], type: 'object' } }],
  ]);
});

test('schemas of draft 2020-12 and formats are understood', async () => {
  expect(
    await graders(
      '[{ json-schema: { $schema: "https://json-schema.org/draft/2020-12/schema", prefixItems: [{ type: string, format: date }], unevaluatedItems: false } }]',
    ),
  ).toHaveLength(1);
});

test('a module may name its export and take a configuration', async () => {
  const [grader] = await graders(
    '[{ javascript: { file: grader.mjs, export: strict, config: { max: 3 }, timeout-ms: 50 } }]',
  );
  expect(grader?.options).toMatchObject({
    export: 'strict',
    config: { max: 3 },
    timeoutMs: 50,
    sourceHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
});

test('a rubric may have a threshold; its checks may stand alone or be negated and see `expected`', async () => {
  const [rubric] = await graders(
    '[{ rubric: { threshold: 0.5, criteria: [{ id: a, check: json }, { id: b, check: { not-contains: x }, weight: 2, must: true }, { id: c, check: { number: { tolerance: 1 } } }] } }]',
    'expected: "12"',
  );
  expect(rubric?.options).toEqual({
    threshold: 0.5,
    criteria: [
      {
        kind: 'check',
        id: 'a',
        weight: 1,
        must: false,
        check: { type: 'json', negate: false, id: 'json', weight: 1, required: true, options: {} },
      },
      {
        kind: 'check',
        id: 'b',
        weight: 2,
        must: true,
        check: {
          type: 'contains',
          negate: true,
          id: 'not-contains',
          weight: 1,
          required: true,
          options: { value: 'x' },
        },
      },
      {
        kind: 'check',
        id: 'c',
        weight: 1,
        must: false,
        check: {
          type: 'number',
          negate: false,
          id: 'number',
          weight: 1,
          required: true,
          options: { tolerance: 1, value: 12 },
        },
      },
    ],
  });
});
