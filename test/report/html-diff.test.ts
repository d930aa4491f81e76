// Marked differences and data blocks: laws that hold for any text.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Html } from '../../src/report/html/html.ts';
import { markDifferences } from '../../src/report/html/html-diff.ts';
import { scriptJson } from '../../src/report/html/html-page.ts';
import { htmlText } from '../../src/report/index.ts';
import { SHOWN_CHARACTERS, shortened } from '../../src/report/parts/excerpt.ts';
import { HOSTILE } from './hostile.ts';

const plain = (markup: Html): string => String(markup).replace(/<\/?(?:ins|del)>/g, '');
const texts = fc.oneof(fc.string(), fc.constantFrom(...HOSTILE), fc.lorem({ maxCount: 30 }));

test('without its marks each side is exactly the escaped text', () => {
  void fc.assert(
    fc.property(texts, texts, (before, after) => {
      const marked = markDifferences(before, after);
      expect(plain(marked.before)).toBe(htmlText(before));
      expect(plain(marked.after)).toBe(htmlText(after));
    }),
  );
});

test('the earlier side marks only what is gone, the later one only what is new', () => {
  const { before, after, note } = markDifferences(
    'Your refund of 40 euros arrives within three days.',
    'Your refund of 60 euros arrives within three days, we promise.',
  );
  expect(note).toBeNull();
  expect(String(before)).toBe('Your refund of <del>40</del> euros arrives within three days.');
  expect(String(after)).toBe(
    'Your refund of <ins>60</ins> euros arrives within three days<ins>, we promise</ins>.',
  );
});

test('texts without much in common are not sprinkled with marks, and that is said', () => {
  const { before, after, note } = markDifferences('Step 1: check whether 2 divides it. [Yes]', '[No]');
  expect(`${before}${after}`).not.toMatch(/<(ins|del)>/);
  expect(note).toContain('too little in common');
});

test('long and endlessly different texts come out in time, shortened, with what is missing counted', () => {
  const words = (seed: number): string =>
    Array.from({ length: 20_000 }, (_, i) => `w${(i * seed) % 9973}`).join(' ');
  const marked = markDifferences(words(7), words(31));
  expect(String(marked.before)).toMatch(/… [\d,]+ more characters/);
  expect(plain(marked.before).length).toBeLessThan(SHOWN_CHARACTERS + 100);
  expect(shortened('😀'.repeat(10), 4)).toBe('😀😀😀😀\n… 6 more characters');
});

test('a data block can hold any text without ending its element, and gives it back', () => {
  void fc.assert(
    fc.property(fc.oneof(texts, fc.constant('</script><!--<script>')), (text) => {
      const json = String(scriptJson({ text }));
      expect(json).not.toMatch(/[<>&\u2028\u2029]/);
      expect(JSON.parse(json)).toEqual({ text });
    }),
  );
});
