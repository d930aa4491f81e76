// An expected answer is compared with, or it is said that nothing compares with it; slips in a header are not variables.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { oneSlipApart } from '../../src/base/errors.ts';
import type { Warning } from '../../src/base/index.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { caseOf, folder, problemsOf, suiteOf } from './world.ts';

async function warningsOf(files: Readonly<Record<string, string>>): Promise<Warning[]> {
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => void warnings.push(warning);
  await loadSuite(join(await folder(files), 'suite.yaml'), { onWarning });
  return warnings;
}

const rows = (n: number): string =>
  Array.from({ length: n }, (_, i) => `q-${i},What is ${i} + 1?,${i + 1}`).join('\n');

test('an expected answer that no grader reads is a warning with the count', async () => {
  const cases = { 'rows.csv': `id,question,expected\n${rows(126)}\n` };
  const suite = (grade: string): string => `name: s\ncases: [rows.csv]\ndefaults: { grade: [${grade}] }\n`;
  const [warning, ...more] = await warningsOf({ 'suite.yaml': suite('{ max-length: 900 }'), ...cases });
  expect(more).toEqual([]);
  expect(warning).toMatchObject({
    code: 'EXPECTED_NOT_READ',
    message: '126 of 126 cases have an `expected` that no grader reads',
  });
  expect(warning?.hint).toContain('equals');
  expect(await warningsOf({ 'suite.yaml': suite('{ contains: "1" }'), ...cases })).toHaveLength(1);
  for (const reads of [
    'equals',
    'contains',
    'number',
    '{ extract: "=(.*)" }',
    '{ javascript: { file: g.mjs } }',
  ])
    expect(
      await warningsOf({ 'suite.yaml': suite(reads), ...cases, 'g.mjs': 'export default () => true' }),
      reads,
    ).toEqual([]);
});

test('a judge reads it too', async () => {
  const files = {
    'suite.yaml':
      'name: s\njudge: judge.yaml\ncases: [{ id: a, expected: yes, grade: [{ rubric: [{ id: k, ask: "Is it?" }] }] }]\n',
    'judge.yaml': 'name: judge\nroute: { provider: openai, model: gpt-4o-2024-11-20 }\n',
  };
  expect(await warningsOf(files)).toEqual([]);
});

test('rows with an expected answer and without a grader are one error that says what to write', async () => {
  for (const [name, text] of [
    ['rows.csv', `id,question,expected\n${rows(40)}\n`],
    ['rows.jsonl', Array.from({ length: 40 }, (_, i) => `{"id":"q-${i}","expected":"${i}"}`).join('\n')],
  ] as const) {
    const errors = await problemsOf({ 'suite.yaml': `name: s\ncases: [${name}]\n`, [name]: text });
    expect(errors.map((e) => e.code)).toEqual(['SUITE_NO_GRADER']);
    expect(errors[0]?.message).toContain('40 cases have no grader');
    expect(errors[0]?.where.caseId).toBe('q-0');
    const written = /defaults: \{ grade: \[equals\] \}/.exec(errors[0]?.hint ?? '')?.[0];
    const suite = await suiteOf({ 'suite.yaml': `name: s\ncases: [${name}]\n${written}\n`, [name]: text });
    expect(suite.cases.at(0)?.graders[0]?.type).toBe('equals');
  }
});

test('a column one letter away from a field is an error, unless it is marked as a variable or the field is there too', async () => {
  const suite = 'name: s\ncases: [a.csv]\ndefaults: { grade: [json] }\n';
  const csv = (header: string): Record<string, string> => ({
    'suite.yaml': suite,
    'a.csv': `${header}\na,x${',y'.repeat(header.split(',').length - 2)}\n`,
  });
  for (const [slip, field] of [
    ['expectd', 'expected'],
    ['exepcted', 'expected'],
    ['Tag', 'tags'],
    ['messages_', 'messages'],
  ]) {
    const [error] = await problemsOf(csv(`id,${slip}`));
    expect(error, slip).toMatchObject({ code: 'SUITE_BAD_CSV', where: { file: 'a.csv', line: 1 } });
    expect(error?.message).toContain(`"${field}"`);
    expect(error?.hint).toContain(`"vars.${slip}"`);
  }
  expect(caseOf(await suiteOf(csv('id,vars.expectd')), 'a').vars).toEqual({ expectd: 'x' });
  expect(caseOf(await suiteOf(csv('id,expected,expectd')), 'a')).toMatchObject({
    expected: 'x',
    vars: { expectd: 'y' },
  });
  expect(caseOf(await suiteOf(csv('id,question')), 'a').vars).toEqual({ question: 'x' });
});

test('tags of one cell are separated by semicolons or commas, mapped or not', async () => {
  const files = {
    'suite.yaml':
      'name: s\ncases: [a.csv, { file: b.csv, map: { id: key, tags: labels } }]\ndefaults: { grade: [json] }\n',
    'a.csv': 'id,tags\na,"refund, tone;angry ,"\n',
    'b.csv': 'key,labels\nb,"refund;tone,angry"\n',
  };
  const suite = await suiteOf(files);
  expect(caseOf(suite, 'a').tags).toEqual(['refund', 'tone', 'angry']);
  expect(caseOf(suite, 'b').tags).toEqual(['refund', 'tone', 'angry']);
});

test.each([
  ['expectd', 'expected', true],
  ['expected', 'expected', false],
  ['expecteds', 'expected', true],
  ['expexted', 'expected', true],
  ['xepected', 'expected', true],
  ['expcetde', 'expected', false],
  ['', 'i', true],
  ['ab', 'abcd', false],
])('%j and %j are one slip apart: %s', (a, b, apart) => {
  expect(oneSlipApart(a, b)).toBe(apart);
  expect(oneSlipApart(b, a)).toBe(apart);
});
