// The prose check finds what it bans and leaves the rest alone, and the project passes it.

import { expect, test } from 'vitest';
import { proseFindings, textsOf } from './check-prose.ts';
import { findingsIn, looksLikeProse, passagesOf, sentencesOf, wordCount } from './prose-rules.ts';

const problems = (text: string): string[] => findingsIn({ line: 1, text }).map((f) => f.problem);

test('docs, help and messages pass', () => {
  expect(proseFindings()).toEqual([]);
});

test.each([
  'The user is told what happened.',
  'It is no alarm.',
  'Wait until somebody reads it.',
  'A token stands for a byte.',
  'The run goes on with the rest.',
  'The first look decides.',
  'The answer is remembered.',
])('%s is found', (text) => {
  expect(problems(text)).toHaveLength(1);
});

test.each([
  'There is no baseline yet.',
  'The second run is no longer than the first.',
  'It looks like a secret.',
  'Write `told: true` into the file.',
])('%s is left alone', (text) => {
  expect(problems(text)).toEqual([]);
});

test('a sentence of more than 40 words is found, and two of 25 are not', () => {
  const words = (count: number): string =>
    `The ${Array.from({ length: count - 1 }, () => 'word').join(' ')}.`;
  expect(problems(words(41))).toEqual(['41 words, at most 40']);
  expect(problems(words(40))).toEqual([]);
  expect(problems(`${words(25)} ${words(25)}`)).toEqual([]);
  expect(problems(`${words(25).slice(0, -1)}; ${words(25)}`)).toEqual(['50 words, at most 40']);
});

test('abbreviations and code do not end a sentence', () => {
  expect(sentencesOf('Use a label, e.g. Refund. Then run it!')).toEqual([
    'Use a label, e.g Refund.',
    'Then run it!',
  ]);
  expect(wordCount('a – b')).toBe(2);
});

test('a page is read as paragraphs, items and cells, without its code', () => {
  const page =
    '# Title\n\nOne\ntwo.\n\n- item\n  more\n- next\n\n| a `x|y` | b |\n|---|---|\n\n```sh\ntold\n```\n<!-- told -->\n';
  expect(passagesOf(page)).toEqual([
    { line: 1, text: 'Title' },
    { line: 3, text: 'One two.' },
    { line: 6, text: 'item more' },
    { line: 8, text: 'next' },
    { line: 10, text: 'a `x¦y`' },
    { line: 10, text: 'b' },
  ]);
});

test('texts and templates of a source file are read, names and SQL are not', () => {
  const source = [
    '// it is told',
    "const a = 'it is told';",
    'const b = `$'.concat('{a} was $', '{1} told\\nonce`;'),
    "const c = 'told-by';",
    "const d = 'SELECT told FROM it';",
  ].join('\n');
  expect(textsOf(source, 'a.ts')).toEqual([
    { line: 2, text: 'it is told' },
    { line: 3, text: 'X was X told' },
    { line: 3, text: 'once' },
  ]);
  expect(looksLikeProse('some-key')).toBe(false);
});
