// Every deterministic grader over a table of outputs: what passes, what fails, what cannot be measured.

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { codePointLength } from '../../src/base/text.ts';
import type { Grade } from '../../src/core/grade.ts';
import { GRADER_TYPES, GRADERS } from '../../src/core/grader-catalogue.ts';
import type { GraderSpec } from '../../src/core/grader-spec.ts';
import type { AnsweredTrial } from '../../src/core/trial.ts';
import { createTrialGrader } from '../../src/grade/index.ts';
import { answer, context, grader, NEVER, outcome, ticket } from './support-desk.ts';

const trialGrader = createTrialGrader(context());
afterAll(() => trialGrader.close());

async function gradeOf(
  spec: GraderSpec,
  trial: AnsweredTrial | string,
  expected?: JsonValue,
): Promise<Grade> {
  const given = typeof trial === 'string' ? answer(trial) : trial;
  const graded = await trialGrader.gradeTrial(ticket([spec], { expected }), given, NEVER);
  return graded.grades[0] as Grade;
}

type Row = [type: string, options: JsonObject, output: string, wanted: string, expected?: JsonValue];

const TABLE: readonly Row[] = [
  // equals
  ['equals', { value: 'refund' }, 'refund', 'pass'],
  ['equals', { value: 'refund' }, '  refund\n', 'pass'],
  ['equals', { value: 'refund', trim: false }, 'refund\n', 'fail'],
  ['equals', { value: 'refund' }, 'Refund', 'fail'],
  ['equals', { value: 'refund', 'ignore-case': true }, 'REFUND', 'pass'],
  ['equals', {}, 'refund', 'pass', 'refund'],
  ['equals', {}, 'refund', 'grader_error'],
  ['equals', { value: '' }, '', 'pass'],
  ['equals', { value: 'x' }, '', 'fail'],
  ['equals', { value: 5 }, '5.0', 'pass'],
  ['equals', { value: 5 }, 'five', 'fail'],
  ['equals', { value: null }, 'null', 'pass'],
  ['equals', { value: null }, '', 'fail'],
  ['equals', { value: { a: [1, { b: true }] } }, '{"a": [1, {"b": true}]}', 'pass'],
  ['equals', { value: { a: 1, b: 2 } }, '{"b":2,"a":1}', 'pass'],
  ['equals', { value: { a: 1 } }, '{"a":1,"b":2}', 'fail'],
  ['equals', { value: { a: 1 } }, '{"__proto__":{"a":1}}', 'fail'],
  ['equals', { value: [1, 2] }, '[2,1]', 'fail'],
  ['equals', { value: { a: 1 } }, '[1]', 'fail'],
  ['equals', { value: 'caf\u00e9' }, 'cafe\u0301', 'fail'],
  ['equals', { value: 'ΟΔΟΣ', 'ignore-case': true }, 'οδος', 'pass'],
  ['equals', { value: 'STRASSE', 'ignore-case': true }, 'straße', 'pass'],
  ['not-equals', { value: 'refund' }, 'refund', 'fail'],
  ['not-equals', { value: 'refund' }, 'replace', 'pass'],
  ['not-equals', {}, 'refund', 'grader_error'],
  // one-of
  ['one-of', { values: ['refund', 'replace'] }, 'replace', 'pass'],
  ['one-of', { values: ['refund', 'replace'] }, 'replacement', 'fail'],
  ['one-of', { values: ['Refund'], 'ignore-case': true }, ' refund ', 'pass'],
  ['one-of', { values: ['refund'] }, '', 'fail'],
  ['not-one-of', { values: ['refund'] }, 'escalate', 'pass'],
  // contains and kin
  ['contains', { value: 'refund' }, 'We will refund you.', 'pass'],
  ['contains', { value: 'refund' }, 'We will Refund you.', 'fail'],
  ['contains', { value: 'refund', 'ignore-case': true }, 'We will Refund you.', 'pass'],
  ['contains', {}, 'It costs 42.', 'pass', 42],
  ['contains', {}, 'anything', 'grader_error', { a: 1 }],
  ['contains', {}, 'anything', 'grader_error', ''],
  ['contains', { value: '👩‍👩‍👧' }, 'a family 👩‍👩‍👧 here', 'pass'],
  ['contains', { value: 'x' }, '', 'fail'],
  ['not-contains', { value: 'as an AI' }, 'Dear Ana', 'pass'],
  ['icontains', { value: 'ΣΑΣ' }, 'μας και σας', 'pass'],
  ['not-icontains', { value: 'as an ai' }, 'As an AI, I…', 'fail'],
  ['contains-all', { values: ['refund', 'sorry'] }, 'sorry, refund', 'pass'],
  ['contains-all', { values: ['refund', 'sorry'] }, 'sorry', 'fail'],
  ['not-contains-all', { values: ['refund', 'sorry'] }, 'sorry', 'pass'],
  ['contains-any', { values: ['refund', 'sorry'] }, 'sorry', 'pass'],
  ['contains-any', { values: ['refund', 'sorry'] }, 'no', 'fail'],
  ['contains-any', { values: ['SORRY'], 'ignore-case': true }, 'sorry', 'pass'],
  ['not-contains-any', { values: ['refund', 'sorry'] }, 'sorry', 'fail'],
  ['starts-with', { value: 'Dear' }, 'Dear Ana', 'pass'],
  ['starts-with', { value: 'Dear' }, ' Dear Ana', 'fail'],
  ['starts-with', { value: 'DEAR', 'ignore-case': true }, 'dear Ana', 'pass'],
  ['not-starts-with', { value: 'Dear' }, '', 'pass'],
  // matches
  ['matches', { pattern: '^refund: \\d+$' }, 'refund: 12', 'pass'],
  ['matches', { pattern: '^b$', flags: 'm' }, 'a\nb\nc', 'pass'],
  ['matches', { pattern: 'REFUND', 'ignore-case': true }, 'refund', 'pass'],
  ['matches', { pattern: '^.$', flags: 'u' }, '😀', 'pass'],
  ['matches', { pattern: '^.$' }, '😀', 'fail'],
  ['matches', { pattern: '\\p{Lu}', flags: 'gu' }, 'xY', 'pass'],
  ['matches', { pattern: '(' }, 'x', 'grader_error'],
  ['matches', { pattern: 'a', flags: 'ii' }, 'a', 'grader_error'],
  ['matches', { pattern: '^$' }, '', 'pass'],
  ['not-matches', { pattern: 'as an? ai', flags: 'i' }, 'As an AI', 'fail'],
  ['not-matches', { pattern: '(' }, 'x', 'grader_error'],
  // extract
  [
    'extract',
    { pattern: '\\[(Yes|No)\\]', pick: 'last', 'ignore-case': true },
    'Maybe [yes]… so [No]',
    'pass',
    'no',
  ],
  ['extract', { pattern: '\\[(Yes|No)\\]', 'ignore-case': true }, 'Maybe [yes]… so [No]', 'fail', 'no'],
  ['extract', { pattern: '\\[(Yes|No)\\]' }, 'no brackets', 'fail', 'No'],
  ['extract', { pattern: '\\d+' }, 'room 12', 'pass', 12],
  ['extract', { pattern: 'x(\\d)?' }, 'x', 'pass', 'x'],
  ['extract', { pattern: '\\{.*\\}', value: { a: 1 } }, 'so: {"a": 1}.', 'pass'],
  ['extract', { pattern: '\\d+' }, '12', 'grader_error'],
  ['not-extract', { pattern: '\\w+', value: 'yes' }, 'no', 'pass'],
  // number
  ['number', { value: 1234.5 }, 'That makes 1,234.5 in all.', 'pass'],
  ['number', { value: -3 }, 'the answer is -3', 'pass'],
  ['number', { value: -3 }, 'the answer is \u22123', 'pass'],
  ['number', { value: 5 }, 'between 3-5', 'pass'],
  ['number', { value: 1000 }, '1e3', 'pass'],
  ['number', { value: 0.5 }, '.5', 'pass'],
  ['number', { value: 45 }, '45%', 'pass'],
  ['number', { value: 0.45 }, '45%', 'fail'],
  ['number', { value: 42 }, 'It is 42.', 'pass'],
  ['number', { value: 42 }, 'about 42kg', 'pass'],
  ['number', { value: 4 }, 'gpt4', 'fail'],
  ['number', { value: 1, pick: 'first' }, '1 then 2', 'pass'],
  ['number', { value: 2 }, '1 then 2', 'pass'],
  ['number', { value: 2, pick: 'only' }, '1 then 2', 'fail'],
  ['number', { value: 2, pick: 'only' }, 'just 2', 'pass'],
  ['number', { value: 1, tolerance: 0.1 }, '1.1', 'pass'],
  ['number', { value: 1, tolerance: 0.1 }, '1.11', 'fail'],
  ['number', { value: 200, 'relative-tolerance': 0.05 }, '209', 'pass'],
  ['number', { value: 200, 'relative-tolerance': 0.05 }, '211', 'fail'],
  ['number', { value: 1 }, '', 'fail'],
  ['number', { value: 1 }, 'NaN', 'fail'],
  ['number', { value: 1 }, '1e999', 'fail'],
  ['number', {}, '1,234', 'pass', '1,234'],
  ['number', {}, '12', 'grader_error', 'a dozen'],
  ['not-number', { value: 7 }, '8', 'pass'],
  // json
  ['json', {}, '{"a": 1}', 'pass'],
  ['json', {}, '\ufeff [1] \n', 'pass'],
  ['json', {}, '"text"', 'pass'],
  ['json', {}, '', 'fail'],
  ['json', {}, 'NaN', 'fail'],
  ['json', {}, '{"a": NaN}', 'fail'],
  ['json', {}, '{"a": 1,}', 'fail'],
  ['json', {}, "{'a': 1}", 'fail'],
  ['json', {}, '{"a":1} {"b":2}', 'fail'],
  ['json', {}, 'Here: {"a":1}', 'fail'],
  ['json', {}, '```json\n{"a":1}\n```', 'fail'],
  ['json', { 'allow-fence': true }, '```json\n{"a":1}\n```', 'pass'],
  ['json', { 'allow-fence': true }, '~~~\n{"a":1}\n~~~\n', 'pass'],
  ['json', { 'allow-fence': true }, 'Sure:\n```json\n{"a":1}\n```', 'fail'],
  ['json', { 'allow-fence': true }, '```json\n{"a":1}', 'fail'],
  ['json', {}, '{"a":1,"a":2}', 'pass'],
  ['json', { 'unique-keys': true }, '{"a":1,"a":2}', 'fail'],
  ['json', { 'unique-keys': true }, '{"a":{"b":1},"c":{"b":1}}', 'pass'],
  ['json', { 'unique-keys': true }, '[{"a":1},{"a":2}]', 'pass'],
  ['json', { 'unique-keys': true }, '{"a\\u0062":1,"ab":2}', 'fail'],
  ['json', { 'unique-keys': true }, '{"x":"a\\"b","y":["{",{"z":0}],"z":1}', 'pass'],
  ['not-json', {}, 'plain text', 'pass'],
  // json-schema
  ['json-schema', { schema: { type: 'object', required: ['label'] } }, '{"label":"refund"}', 'pass'],
  ['json-schema', { schema: { type: 'object', required: ['label'] } }, '{"Label":"refund"}', 'fail'],
  ['json-schema', { schema: { type: 'object' } }, 'not json', 'fail'],
  ['json-schema', { schema: { type: 'array' }, 'allow-fence': true }, '```\n[]\n```', 'pass'],
  ['json-schema', { schema: { type: 'nonsense' } }, '{}', 'grader_error'],
  ['json-schema', { schema: { $ref: 'https://example.com/no.json' } }, '{}', 'grader_error'],
  ['json-schema', { schema: { $async: true, type: 'object' } }, '[]', 'grader_error'],
  [
    'json-schema',
    { schema: { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'number' }] } },
    '["x"]',
    'fail',
  ],
  [
    'json-schema',
    {
      schema: { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'number' }] },
    },
    '["x"]',
    'fail',
  ],
  [
    'json-schema',
    { schema: { $schema: 'https://json-schema.org/draft/2019-09/schema', dependentRequired: { a: ['b'] } } },
    '{"a":1}',
    'fail',
  ],
  ['json-schema', { schema: { type: 'string', format: 'date' } }, '"2026-13-01"', 'fail'],
  ['json-schema', { schema: { type: 'string', pattern: '^(a|b)+$' } }, '"abab"', 'pass'],
  ['json-schema', { schema: { type: 'string', pattern: '^(a|b)+$' } }, '"abc"', 'fail'],
  ['not-json-schema', { schema: { type: 'object' } }, '[]', 'pass'],
  // shape
  ['max-length', { value: 3 }, 'a😀b', 'pass'],
  ['max-length', { value: 2 }, 'a😀b', 'fail'],
  ['max-length', { value: 0 }, '', 'pass'],
  ['min-length', { value: 3 }, 'a😀', 'fail'],
  ['min-length', { value: 2 }, 'a😀', 'pass'],
  ['max-words', { value: 3 }, 'one  two\nthree', 'pass'],
  ['max-words', { value: 3 }, 'one two three four', 'fail'],
  ['max-words', { value: 0 }, ' \n', 'pass'],
  ['no-code-fence', {}, 'print(1)', 'pass'],
  ['no-code-fence', {}, 'code: ```py\nprint(1)\n```', 'fail'],
  ['no-code-fence', {}, 'x\n~~~\ny\n~~~', 'fail'],
  ['no-code-fence', {}, 'about ~~~ 5', 'pass'],
];

describe('deterministic graders', () => {
  it.each(TABLE)('%s %j on %j: %s', async (type, options, output, wanted, expected) => {
    const grade = await gradeOf(grader(type, options), output, expected);
    expect(`${outcome(grade)} (${grade.reason})`).toBe(`${wanted} (${grade.reason})`);
    expect(grade.graderType).toBe(type);
    expect(grade.reason).not.toBe('');
  });

  it('has a row for every grader that needs nothing but the text, and for every not- form', () => {
    const elsewhere = [
      'refusal',
      // trajectory.test.ts
      'tool-called',
      'tool-not-called',
      'trajectory',
      'max-steps',
      'similar',
      'latency',
      'cost',
      'javascript',
      'command',
      'http',
      'rubric',
      'judge',
    ];
    const covered = new Set(TABLE.map(([type]) => type));
    for (const type of GRADER_TYPES.filter((t) => !elsewhere.includes(t))) {
      expect(covered, type).toContain(type);
      if (GRADERS[type].negatable) expect(covered, `not-${type}`).toContain(`not-${type}`);
    }
  });

  it('scores contains-all by the share found, and its not- form by 0 or 1', async () => {
    const values = ['refund', 'sorry', 'Ana', 'parcel'];
    expect(await gradeOf(grader('contains-all', { values }), 'sorry Ana')).toMatchObject({
      score: 0.5,
      pass: false,
    });
    expect(await gradeOf(grader('not-contains-all', { values }), 'sorry Ana')).toMatchObject({
      score: 1,
      pass: true,
    });
  });

  it('names the place where JSON does not fit its schema', async () => {
    const schema = { type: 'object', properties: { lines: { type: 'array', items: { type: 'number' } } } };
    const grade = await gradeOf(grader('json-schema', { schema }), '{"lines":[1,"two"]}');
    expect(grade.reason).toBe('the JSON does not fit the schema at "/lines/1": must be number');
  });

  it('carries name, weight and requirement of the grader into the grade', async () => {
    const spec = grader('contains', { value: 'x' }, { id: 'says-x', weight: 3, required: false });
    expect(await gradeOf(spec, 'x')).toMatchObject({
      graderId: 'says-x',
      weight: 3,
      required: false,
      score: 1,
    });
  });

  it('stays within a deadline and says so when a pattern backtracks without end', async () => {
    const evil = `${'a'.repeat(60)}!`;
    for (const type of ['matches', 'not-matches']) {
      const grade = await gradeOf(grader(type, { pattern: '^(a+)+$' }), evil);
      expect(outcome(grade)).toBe('grader_error');
      expect(grade.reason).toContain('cut off');
    }
    const schema = { type: 'string', pattern: '^(a+)+$' };
    expect(outcome(await gradeOf(grader('json-schema', { schema }), JSON.stringify(evil)))).toBe(
      'grader_error',
    );
    // The next pattern finds a fresh worker.
    expect(outcome(await gradeOf(grader('matches', { pattern: '^(a+)+!$' }), 'aa!'))).toBe('pass');
  });

  it('fails, and does not fall over, on JSON nested a hundred thousand deep', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const schema = { $defs: { n: { type: 'array', items: { $ref: '#/$defs/n' } } }, $ref: '#/$defs/n' };
    expect(outcome(await gradeOf(grader('equals', { value: { a: 1 } }), deep))).toBe('fail');
    expect(outcome(await gradeOf(grader('json', { 'unique-keys': true }), deep))).toBe('pass');
    const grade = await gradeOf(grader('json-schema', { schema }), deep);
    expect(grade.reason).toContain('nested too deeply');
    expect(outcome(grade)).toBe('fail');
  });

  it('grades an output of a million characters with every text grader', async () => {
    const big = `refund ${'x'.repeat(1_000_000)} [Yes] 42`;
    const all: [string, JsonObject, string][] = [
      ['equals', { value: 'refund' }, 'fail'],
      ['icontains', { value: 'REFUND' }, 'pass'],
      ['matches', { pattern: '\\[yes\\]', flags: 'i' }, 'pass'],
      ['matches', { pattern: 'x+ \\[Yes\\]' }, 'pass'],
      ['extract', { pattern: '\\[(Yes|No)\\]', pick: 'last', value: 'Yes' }, 'pass'],
      ['number', { value: 42 }, 'pass'],
      ['json', {}, 'fail'],
      ['max-length', { value: 1200 }, 'fail'],
      ['max-words', { value: 4 }, 'pass'],
      ['no-code-fence', {}, 'pass'],
      ['refusal', { value: false }, 'pass'],
    ];
    for (const [type, options, wanted] of all) {
      const grade = await gradeOf(grader(type, options), big);
      expect([type, outcome(grade)]).toEqual([type, wanted]);
      expect(JSON.stringify(grade).length).toBeLessThan(2000);
    }
  });

  it('writes reasons on one line of at most 200 characters, whatever the output', async () => {
    const specs = [
      grader('equals', { value: 'refund' }),
      grader('contains-any', { values: ['a'.repeat(300), 'b'] }),
      grader('extract', { pattern: '.+', value: 'x' }),
      grader('json', {}),
      grader('tool-called', { name: 'refund' }),
    ];
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 400 }), async (text) => {
        for (const spec of specs) {
          const { reason } = await gradeOf(spec, text);
          expect(codePointLength(reason)).toBeLessThanOrEqual(200);
          expect(reason).not.toMatch(/[\n\r\u0000-\u001f\u202a-\u202e\u2066-\u2069\u200b\ufeff]/);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('turns pass and fail round in the not- form, and nothing else', async () => {
    const options: Record<string, JsonObject> = {
      equals: { value: 'a' },
      contains: { value: 'a' },
      'one-of': { values: ['a', 'b'] },
      'contains-any': { values: ['a', 'b'] },
      'contains-all': { values: ['a', 'b'] },
      'starts-with': { value: 'a' },
      matches: { pattern: 'a|b' },
      number: { value: 1 },
      json: {},
    };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(options)),
        fc.string({ unit: fc.constantFrom('a', 'b', '1', ' ', '"') }),
        async (type, text) => {
          const plain = await gradeOf(grader(type, options[type]), text);
          const turned = await gradeOf(grader(`not-${type}`, options[type]), text);
          expect(plain.status === 'scored' && turned.status === 'scored' && plain.pass === !turned.pass).toBe(
            true,
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('graders of the trial', () => {
  const called = (calls: { name: string; args: JsonValue }[]): AnsweredTrial =>
    answer('', { output: { text: '', toolCalls: calls } });
  const refund = {
    name: 'refund',
    args: { order: 'A-1', amount: { value: 10, currency: 'EUR' }, lines: [1, 2] },
  };

  it.each<[JsonObject, { name: string; args: JsonValue }[], string]>([
    [{ name: 'refund' }, [refund], 'pass'],
    [{ name: 'refund' }, [], 'fail'],
    [{ name: 'refund' }, [{ name: 'Refund', args: {} }], 'fail'],
    [{ name: 'refund', args: { order: 'A-1' } }, [refund], 'pass'],
    [{ name: 'refund', args: { amount: { currency: 'EUR' } } }, [refund], 'pass'],
    [{ name: 'refund', args: { amount: { currency: 'USD' } } }, [refund], 'fail'],
    [{ name: 'refund', args: { lines: [1] } }, [refund], 'fail'],
    [{ name: 'refund', args: { lines: [1, 2] } }, [refund], 'pass'],
    [{ name: 'refund', args: { constructor: {} } }, [refund], 'fail'],
    [{ name: 'refund', args: { order: 'A-1' } }, [{ name: 'refund', args: '{order: A-1' }], 'fail'],
    [{ name: 'refund', times: 2 }, [refund], 'fail'],
    [{ name: 'refund', times: 2 }, [refund, refund], 'pass'],
    [{ name: 'refund', times: 0 }, [], 'pass'],
    [{ name: 'refund', times: 0 }, [refund], 'fail'],
  ])('tool-called %j on %j: %s', async (options, calls, wanted) => {
    expect(outcome(await gradeOf(grader('tool-called', options), called(calls)))).toBe(wanted);
  });

  it('grades latency and cost only where they are known', async () => {
    const slow = answer('x', { latencyMs: 900, costUsd: 0.02 });
    expect(outcome(await gradeOf(grader('latency', { 'max-ms': 900 }), slow))).toBe('pass');
    expect(outcome(await gradeOf(grader('latency', { 'max-ms': 899 }), slow))).toBe('fail');
    expect(outcome(await gradeOf(grader('cost', { 'max-usd': 0.02 }), slow))).toBe('pass');
    expect(outcome(await gradeOf(grader('cost', { 'max-usd': 0.01 }), slow))).toBe('fail');
    const unknown = answer('x', { latencyMs: null, costUsd: null });
    expect(outcome(await gradeOf(grader('latency', { 'max-ms': 900 }), unknown))).toBe('grader_error');
    expect(outcome(await gradeOf(grader('cost', { 'max-usd': 1 }), unknown))).toBe('grader_error');
  });

  it('grades answers that were cut off or stopped, and says so; an answer that was only paused is not one', async () => {
    const spec = grader('contains', { value: 'refund' });
    const cut = await gradeOf(spec, answer('We ref', { stopReason: 'length' }));
    expect(cut).toMatchObject({ status: 'scored', pass: false });
    expect(cut.reason).toContain('cut off');
    const filtered = await gradeOf(spec, answer('refund', { stopReason: 'content_filter' }));
    expect(filtered).toMatchObject({ status: 'scored', pass: true });
    expect(filtered.reason).toContain('content filter');
    const paused = await gradeOf(spec, answer('refund', { stopReason: 'other:pause_turn' }));
    expect(outcome(paused)).toBe('no_output');
  });

  it('gives no grades to a trial without an answer', async () => {
    const c = ticket([grader('max-length', { value: 10 })]);
    const base = { caseId: c.id, trial: 0, attempts: [], sent: null };
    const failed = {
      ...base,
      status: 'failed',
      cause: 'infra_error',
      code: 'server_error',
      message: 'HTTP 500',
    } as const;
    const skipped = { ...base, status: 'skipped', cause: 'budget', message: 'the budget is spent' } as const;
    for (const trial of [failed, skipped]) {
      expect(await trialGrader.gradeTrial(c, trial, NEVER)).toEqual({
        trial,
        measures: { length: null, refusal: null },
        grades: [],
        judgeCostUsd: 0,
      });
    }
  });

  it('measures length in code points and refusals', async () => {
    const graded = await trialGrader.gradeTrial(ticket([grader('json')]), answer('a😀'), NEVER);
    expect(graded.measures).toEqual({ length: 2, refusal: false });
  });
});
