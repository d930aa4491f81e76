// Turns and canned tools in a suite file: what they read as, what is an error, and that older cases keep their hashes.

import { describe, expect, test } from 'vitest';
import { examFingerprint } from '../../src/core/index.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { caseOf, problemsOf, REFUND_BOT, suiteOf } from './world.ts';

const oneCase = (fields: string) => ({
  'suite.yaml': `name: agent\ncases:\n  - id: order\n    grade: [{ contains: sent }]\n${fields}`,
});

test('suites without turns or tools have the hashes they had before there were any', async () => {
  const suite = await loadSuite(`${REFUND_BOT}/suite.yaml`);
  expect(suite.hash).toBe('465487d628cb7901a085df9eb7bd8fe1d695c598fb67a29b40a4a79a2375afa6');
  expect(examFingerprint(suite, { judge: 'j', embedder: null })).toBe(
    '7fee153c800f35ecb6718c19f5d4f960148cdfe29981476399fdfa2f74c18870',
  );
  expect(suite.cases.at(0)?.contentHash).toBe(
    '6d8dbee3e3b6eb58ee061db4b1e476664d24ebcc05a90c6cb7272000e4ef1cef',
  );
});

test('a turn is a text, or a map with graders of its own', async () => {
  const suite = await suiteOf(
    oneCase(`    vars: { thing: parcel }
    turns:
      - Where is my {{ thing }}?
      - { user: Order 3, grade: [{ icontains: order }] }
      - { role: user, content: Thanks }
`),
  );
  const c = caseOf(suite, 'order');
  expect(c.turns).toEqual([{ user: 'Where is my parcel?' }, { user: 'Order 3' }, { user: 'Thanks' }]);
  expect(c.messages).toBeNull();
  expect(c.graders.map(({ id, turn }) => [id, turn])).toEqual([
    ['contains', undefined],
    ['turn-2-icontains', 2],
  ]);
});

test('canned tools read as they stand; a sequence takes results with and without their key', async () => {
  const suite = await suiteOf(
    oneCase(`    vars: { q: hello }
    max-steps: 4
    tools:
      - { name: lookup, when: { id: 3 }, result: { state: sent } }
      - { name: refund, error: not allowed }
      - { name: poll, sequence: [waiting, { result: done }, { error: gone }, { state: odd }] }
      - { name: nothing, result: null }
`),
  );
  const c = caseOf(suite, 'order');
  expect(c.maxSteps).toBe(4);
  expect(c.tools).toEqual([
    { name: 'lookup', when: { id: 3 }, result: { state: 'sent' } },
    { name: 'refund', error: 'not allowed' },
    {
      name: 'poll',
      sequence: [{ result: 'waiting' }, { result: 'done' }, { error: 'gone' }, { result: { state: 'odd' } }],
    },
    { name: 'nothing', result: null },
  ]);
});

test.each([
  ['turns: [Where is it now?]', 'turns: [Where is it?]'],
  ['tools: [{ name: a, result: 1 }]', 'tools: [{ name: a, result: 2 }]'],
  ['tools: [{ name: a, result: 1 }]', 'tools: [{ name: a, when: { id: 1 }, result: 1 }]'],
  ['{ tools: [{ name: a, result: 1 }], max-steps: 2 }', '{ tools: [{ name: a, result: 1 }], max-steps: 3 }'],
])('%s is other content than %s', async (a, b) => {
  const hash = async (fields: string) => {
    const body = fields.startsWith('{') ? fields.slice(1, -1) : fields;
    const suite = await suiteOf({
      'suite.yaml': `name: agent\ncases: [{ id: order, grade: [{ contains: sent }], ${body} }]\n`,
    });
    return caseOf(suite, 'order').contentHash;
  };
  expect(await hash(a)).not.toBe(await hash(b));
  expect(await hash(a)).toBe(await hash(a));
});

describe('what cannot be meant is an error with its place', () => {
  test.each([
    [
      'turns and messages',
      '    turns: [hello]\n    messages: [{ role: user, content: hi }]\n',
      'SUITE_BAD_CASE',
      5,
    ],
    ['max-steps without tools', '    max-steps: 3\n', 'SUITE_BAD_CASE', 5],
    ['a tool without a result', '    tools:\n      - { name: lookup }\n', 'SUITE_BAD_CASE', 6],
    ['a tool with two', '    tools:\n      - { name: lookup, result: 1, error: no }\n', 'SUITE_BAD_CASE', 6],
    ['an unknown key of a tool', '    tools:\n      - { name: lookup, reslt: 1 }\n', 'SUITE_UNKNOWN_KEY', 6],
    ['no turn', '    turns: []\n', 'SUITE_BAD_VALUE', 5],
    ['an empty turn', '    turns: [""]\n', 'SUITE_BAD_VALUE', 5],
    ['a variable that is not there', '    turns: ["{{ name }}"]\n', 'TEMPLATE_VARIABLE_MISSING', 3],
  ])('%s', async (_, fields, code, line) => {
    const errors = await problemsOf(oneCase(fields));
    expect(errors.map((e) => [e.code, e.where.line, e.where.caseId])).toEqual([[code, line, 'order']]);
  });

  test('a grader of a turn that is not there, and one that names another turn than its own', async () => {
    const errors = await problemsOf({
      'suite.yaml': `name: agent
cases:
  - id: order
    turns: [{ user: hello, grade: [{ contains: { value: x, turn: 2 } }] }, bye]
    grade: [{ contains: { value: y, turn: 3 } }]
`,
    });
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ['SUITE_BAD_TURN', 'the grader "contains" looks at turn 3, and the case has 2 turns'],
      ['SUITE_BAD_TURN', 'the grader "contains" stands in turn 1 and names turn 2'],
    ]);
  });
});
