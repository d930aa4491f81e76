// What of an answer stands in a reason: short, on one line, with nothing that cannot be seen.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstCodePoints, quote, quoteJson } from '../../src/grade/quote.ts';

test('what cannot be seen is written as an escape, wherever it stands', () => {
  expect(quote('refund\u202e\u200b \u{e0041}paid\u00ad')).toBe(
    '"refund\\u{202e}\\u{200b} \\u{e0041}paid\\u{ad}"',
  );
  expect(quote('a\nb\u0007\u009b')).toBe('"a\\nb\\u0007\\u{9b}"');
  expect(quoteJson({ a: 'x\u2028y\u007f' })).toBe('{"a":"x\\u{2028}y\\u{7f}"}');
  expect(quote('Käse für 3 €')).toBe('"Käse für 3 €"');
  expect(quote('refund', 3)).toBe('"ref…"');
});

test('the first code points are whole ones, of plain text and of any other', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(text, fc.nat(12), (whole, max) => {
      const points = Array.from(whole);
      expect(firstCodePoints(whole, max)).toBe(whole.length <= max ? whole : points.slice(0, max).join(''));
    }),
  );
});
