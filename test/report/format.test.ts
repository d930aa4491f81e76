import { expect, test } from 'vitest';
import {
  count,
  grouped,
  milliseconds,
  percent,
  pointInterval,
  points,
  pValue,
  signed,
  usd,
} from '../../src/base/numbers.ts';

test('shares, points and intervals', () => {
  expect(percent(0.954)).toBe('95.4 %');
  expect(percent(null)).toBe('not known');
  expect(points(-0.139)).toBe('−13.9 points');
  expect(pointInterval([-0.191, 0.012])).toBe('[−19.1, +1.2]');
  expect(signed(-0.0001, 2)).toBe('0.00');
});

test('a p-value that underflows is written from its logarithm', () => {
  expect(pValue(2.106277478606487e-41, -40.6765)).toBe('2.1e-41');
  expect(pValue(0, -400.3)).toBe('5.0e-401');
  expect(pValue(0.0312)).toBe('0.031');
  expect(pValue(null)).toBe('not computed');
});

test('an unknown price is never 0', () => {
  expect(usd(null)).toBe('unknown');
  expect(usd(0)).toBe('$0');
  expect(usd(0.00123)).toBe('$0.0012');
});

test('durations', () => {
  expect([milliseconds(12), milliseconds(1234), milliseconds(12_345), milliseconds(null)]).toEqual([
    '12 ms',
    '1.23 s',
    '12.3 s',
    'not known',
  ]);
});

test('counts are grouped in threes as the locale en-US does it', () => {
  for (const n of [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 2 ** 40, -4321])
    expect(grouped(n)).toBe(n.toLocaleString('en-US'));
  expect(count(1, 'case')).toBe('1 case');
  expect(count(12_000, 'case')).toBe('12,000 cases');
});
