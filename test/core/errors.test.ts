import fc from 'fast-check';
import { expect, test } from 'vitest';
import { didYouMean, formatError, LastgoodError, LastgoodErrors, throwAll } from '../../src/base/errors.ts';

const GRADERS = ['contains', 'icontains', 'max-length', 'min-length', 'json-schema'];

test('a slip of the keyboard finds the word that was meant', () => {
  expect(didYouMean('contians', GRADERS)).toBe('contains');
  expect(didYouMean('max-lenght', GRADERS)).toBe('max-length');
  expect(didYouMean('JSON-Schema', GRADERS)).toBe('json-schema');
  expect(didYouMean('temperature', GRADERS)).toBeUndefined();
  expect(didYouMean('anything', [])).toBeUndefined();
});

test('a known word is its own best match, and one edit away it is still found', () => {
  const word = fc.string({ unit: fc.constantFrom(...'abcdefgh'), minLength: 4, maxLength: 12 });
  fc.assert(
    fc.property(word, fc.nat(), (known, at) => {
      expect(didYouMean(known, ['zzzzzzzzzzzz', known])).toBe(known);
      const i = at % known.length;
      expect(didYouMean(known.slice(0, i) + known.slice(i + 1), ['zzzzzzzzzzzz', known])).toBe(known);
    }),
  );
});

test('an error is printed as place, subject, sentence, code and remedy', () => {
  const error = new LastgoodError({
    code: 'SUITE_UNKNOWN_KEY',
    message: 'unknown key "grdae"',
    hint: 'did you mean "grade"?',
    where: { file: 'cases.jsonl', line: 7, column: 12, caseId: 'refund-01', key: 'grdae' },
  });
  expect(formatError(error)).toBe(
    'cases.jsonl:7:12: case "refund-01", key "grdae": unknown key "grdae" [SUITE_UNKNOWN_KEY]\n  try: did you mean "grade"?',
  );
});

test('several errors are thrown together, one as itself, none not at all', () => {
  const one = new LastgoodError({ code: 'NO_SUITE', message: 'first' });
  const two = new LastgoodError({ code: 'LEDGER_IO', message: 'second', exitCode: 4 });
  expect(() => throwAll([])).not.toThrow();
  expect(() => throwAll([two])).toThrow(two);
  try {
    throwAll([one, two]);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(LastgoodErrors);
    expect((error as LastgoodErrors).errors).toEqual([one, two]);
    expect((error as LastgoodErrors).message).toContain('second [LEDGER_IO]');
  }
});

test('a problem that many cases share is printed once, with how many and which', () => {
  const missing = (caseId: string, message = 'no "text"'): LastgoodError =>
    new LastgoodError({
      code: 'TEMPLATE_VARIABLE_MISSING',
      message,
      where: { file: 'r.yaml', caseId },
      hint: 'add it',
    });
  const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => missing(id));
  expect(formatError(new LastgoodErrors([...many, missing('g', 'no "name"')]))).toBe(
    [
      'r.yaml: case "a": no "text" [TEMPLATE_VARIABLE_MISSING]',
      '  try: add it',
      '  the same in 5 other cases: b, c, d and 2 more',
      'r.yaml: case "g": no "name" [TEMPLATE_VARIABLE_MISSING]',
      '  try: add it',
    ].join('\n'),
  );
  expect(formatError(new LastgoodErrors(many.slice(0, 3))).match(/try:/g)).toHaveLength(3);
});
