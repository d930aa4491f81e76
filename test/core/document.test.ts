import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dottedKey, notJson, readDocument, whereIn } from '../../src/base/document.ts';
import { LastgoodError, LastgoodErrors } from '../../src/base/errors.ts';
import type { JsonValue } from '../../src/base/json.ts';

function errorsOf(work: () => unknown): readonly LastgoodError[] {
  try {
    work();
  } catch (error) {
    if (error instanceof LastgoodErrors) return error.errors;
    if (error instanceof LastgoodError) return [error];
    throw error;
  }
  return [];
}

const SUITE = `# the refund bot
name: refund-bot
cases:
  - id: angry
    grade: [{ contains: refund }]
  - id: calm
    vars:
      ticket: |
        two
        lines
`;

test('every value and key is found at its line and column', () => {
  const document = readDocument(SUITE, 'suite.yaml', 'SUITE');
  expect(document.locate(['name'])).toEqual({ line: 2, column: 7 });
  expect(document.locate(['name'], 'key')).toEqual({ line: 2, column: 1 });
  expect(document.locate(['cases', 0, 'grade', 0, 'contains'])).toEqual({ line: 5, column: 25 });
  expect(document.locate(['cases', 1])).toEqual({ line: 6, column: 5 });
  expect(whereIn(document, ['cases', 1, 'vars', 'ticket'], 'key', 'calm')).toEqual({
    file: 'suite.yaml',
    line: 8,
    column: 7,
    caseId: 'calm',
    key: 'cases[1].vars.ticket',
  });
});

test('what is not there is looked for at its nearest parent', () => {
  const document = readDocument(SUITE, 'suite.yaml', 'SUITE');
  expect(document.locate(['cases', 1, 'expected', 'x'])).toEqual(document.locate(['cases', 1]));
  expect(document.locate(['cases', 9])).toEqual(document.locate(['cases']));
});

test('aliases and merged maps are read and located', () => {
  const text = 'base: &b\n  trials: 3\nuse:\n  <<: *b\n  name: x\nsame: *b\n';
  const document = readDocument(text, 'a.yaml', 'SUITE');
  expect(document.value).toEqual({ base: { trials: 3 }, use: { trials: 3, name: 'x' }, same: { trials: 3 } });
  expect(document.locate(['same', 'trials'])).toEqual({ line: 2, column: 11 });
});

test('any JSON reads back as itself, from a JSON file and from a YAML file, indented by tabs or not', () => {
  const json = (fc.jsonValue({ stringUnit: 'binary' }) as fc.Arbitrary<JsonValue>).filter(
    // YAML has one number for 0 and -0.
    (value) => notJson(value).length === 0 && !JSON.stringify(value).includes('-0'),
  );
  fc.assert(
    fc.property(json, fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const plain = JSON.parse(text) as JsonValue;
      expect(readDocument(text, 'a.json', 'SUITE').value).toEqual(plain);
      expect(readDocument(text, 'a.yaml', 'SUITE').value).toEqual(plain);
    }),
  );
});

test('line ends and a byte-order mark change neither value nor place', () => {
  const other = readDocument(`\uFEFF${SUITE.replaceAll('\n', '\r\n')}`, 'suite.yaml', 'SUITE');
  expect(other.value).toEqual(readDocument(SUITE, 'suite.yaml', 'SUITE').value);
  expect(other.locate(['cases', 1])).toEqual({ line: 6, column: 5 });
});

test.each([
  ['a key that stands twice, YAML', 'a.yaml', 'name: x\ntrials: 1\nname: y\n', 3, /"name" stands twice/],
  ['a key that stands twice, JSON', 'a.json', '{\n "name": 1,\n "name": 2\n}', 3, /"name" stands twice/],
  ['an unquoted template', 'a.yaml', 'content: {{ ticket }}\n', 1, /where a key belongs/],
  ['a tab', 'a.yaml', 'a:\n\tb: 1\n', 2, /tab/],
  ['a second document', 'a.yaml', 'a: 1\n---\nb: 2\n', 2, /second document/],
  ['a tag', 'a.yaml', 'a: !secret x\n', 1, /tags are not supported/],
  ['text behind a colon', 'a.yaml', 'ask: Does it say: yes?\n', 1, /second "key: value"/],
  ['an open bracket', 'a.yaml', 'a: [1,\nb: 2\n', 2, /not YAML/],
  ['a comma too many in JSON', 'a.json', '{\n "a": 1,\n}', 3, /not JSON/],
  ['a word in JSON', 'a.json', '{\n "a": yes\n}', 2, /not JSON/],
  ['a JSON file cut short', 'a.json', '{\n "a": [1', 2, /not JSON/],
  ['not a number', 'a.yaml', 'x: 1\na: .nan\n', 2, /not a number JSON can hold/],
  ['a prototype', 'a.yaml', 'x: 1\n__proto__: { admin: true }\n', 2, /"__proto__" is not accepted/],
  ['half a character', 'a.yaml', 'x: 1\na: "\\ud83d"\n', 2, /surrogate/],
  ['a value inside itself', 'a.yaml', 'x: 1\na: &a\n  b: *a\n', 3, /contains itself|not be read/],
  ['an unknown alias', 'a.yaml', 'a: *nobody\n', undefined, /could not be read as YAML/],
])('%s is an error with its line', (_name, file, text, line, message) => {
  const [error] = errorsOf(() => readDocument(text, file, 'RELEASE'));
  expect(error?.message).toMatch(message);
  expect(error?.code).toBe('RELEASE_SYNTAX');
  expect(error?.where.file).toBe(file);
  expect(error?.where.line).toBe(line);
});

test('a bomb of aliases is refused', () => {
  const levels = Array.from({ length: 12 }, (_, i) =>
    i === 0
      ? 'l0: &l0 [x, x]'
      : `l${i}: &l${i} [${Array(10)
          .fill(`*l${i - 1}`)
          .join(', ')}]`,
  );
  expect(errorsOf(() => readDocument(levels.join('\n'), 'bomb.yaml', 'SUITE'))).toHaveLength(1);
});

test('all doubled keys are told, not only the first', () => {
  expect(errorsOf(() => readDocument('a: 1\na: 2\nb: 1\nb: 2\n', 'a.yaml', 'SUITE'))).toHaveLength(2);
});

test('dates and versions stay text, and yes is no boolean', () => {
  expect(readDocument('at: 2026-03-15\nok: yes\non: true\nv: 1.10.0\n', 'a.yaml', 'SUITE').value).toEqual({
    at: '2026-03-15',
    ok: 'yes',
    on: true,
    v: '1.10.0',
  });
});

test('a path is written the way people write it', () => {
  expect(dottedKey(['cases', 3, 'grade', 0, 'max-length'])).toBe('cases[3].grade[0].max-length');
  expect(dottedKey([])).toBe('');
});
