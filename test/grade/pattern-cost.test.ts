// Which regular expressions may run in the main thread: those whose worst case is known to be small.

import { describe, expect, it } from 'vitest';
import { patternCost } from '../../src/grade/pattern-cost.ts';
import { HARMLESS_STEPS } from '../../src/grade/pattern-graders.ts';

describe('patternCost', () => {
  it.each([
    '\\[(Yes|No)\\]',
    'refund',
    '^refund: \\d+$',
    '\\bINV-\\d{4}\\b',
    '(?:a|b)c?',
    '[a-z(+*]+',
    '(?<year>\\d{4})-(?<month>\\d\\d)',
    '\\p{Lu}+',
    '(?=.*refund)',
    '(?i:refund)',
  ])('knows that %j is harmless on a page of text', (pattern) => {
    expect(patternCost(pattern, 'u', 1000)).toBeLessThanOrEqual(HARMLESS_STEPS);
  });

  it.each([
    '(a+)+$',
    '(a|a)*b',
    '(?:a?){30}a',
    '(\\w+)\\s\\1',
    '(?<w>a)\\k<w>',
    '.*.*.*x',
    '([a-z]+)*!',
    '((ab)?c)+',
    '(a{1,9}){1,9}',
    '(?:x|(?:y+))*',
    '(unclosed',
    'a)b+',
  ])('promises nothing about %j', (pattern) => {
    expect(patternCost(pattern, '', 1000)).toBeGreaterThan(HARMLESS_STEPS);
  });

  it('grows with the text, and gives up on the v flag', () => {
    expect(patternCost('a+b', '', 100)).toBeLessThan(patternCost('a+b', '', 10_000));
    expect(patternCost('a+b', '', 1_000_000)).toBeGreaterThan(HARMLESS_STEPS);
    expect(patternCost('a', 'v', 1)).toBe(Number.POSITIVE_INFINITY);
  });
});
