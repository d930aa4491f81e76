// The hand-made plots: what is drawn is what was given, and every plot says it in words.

import { expect, test } from 'vitest';
import { type BeforeAfter, distributionSvg } from '../../src/report/html/distribution-svg.ts';
import { forestSvg } from '../../src/report/html/forest-svg.ts';
import { html } from '../../src/report/html/html.ts';
import { type SeriesPoint, seriesSvg } from '../../src/report/index.ts';
import { HOSTILE } from './hostile.ts';

const night = (day: number, value: number | null, role?: string): SeriesPoint => ({
  at: `2026-03-${String(day).padStart(2, '0')}T03:15:00Z`,
  value,
  interval: value === null ? undefined : [Math.max(0, value - 0.05), Math.min(1, value + 0.05)],
  label: `night ${day}`,
  role,
});
const numbers = (svg: string, pattern: RegExp): number[] =>
  [...svg.matchAll(pattern)].map((m) => Number(m[1]));

test('a missed night is a gap on a true time axis, and an ungraded one breaks the line', () => {
  const svg = String(
    seriesSvg('Pass rate', [night(1, 0.9), night(2, 0.9), night(5, null), night(6, 0.5, 'candidate')]),
  );
  const [a = 0, b = 0, c = 0] = numbers(svg, /<circle cx="([\d.]+)"/g);
  expect((c - a) / (b - a)).toBeCloseTo(5, 1);
  expect(svg.match(/<path d="([^"]*)"/)?.[1]?.match(/M/g)).toHaveLength(2);
  expect(svg).toContain('2026-03-05 not known');
  expect(svg).toContain('>candidate</text>');
});

test('runs of one sitting are spread by their order', () => {
  const at = (s: number): SeriesPoint => ({ at: `2026-03-01T03:15:0${s}Z`, value: 0.5, label: 'x' });
  const xs = numbers(String(seriesSvg('Pass rate', [at(0), at(1), at(9)])), /<circle cx="([\d.]+)"/g);
  expect((xs[2] ?? 0) - (xs[1] ?? 0)).toBeCloseTo((xs[1] ?? 0) - (xs[0] ?? 0), 0);
});

test('nothing to draw draws nothing', () => {
  expect(String(seriesSvg('Pass rate', []))).toBe('');
  expect(String(forestSvg('Cases', [], 0.05))).toBe('');
  expect(String(distributionSvg('Length', { baseline: [1, 2], candidate: [1, 2, 3, 4, 5] }, String))).toBe(
    '',
  );
});

test('a drop stands left of zero, its interval around it, the margin as a band', () => {
  const svg = String(
    forestSvg(
      'Cases',
      [
        { label: 'refund-01', delta: -0.5, interval: [-0.8, -0.2], verdict: 'regressed' },
        { label: 'refund-02', delta: 0.5, interval: null, verdict: 'inconclusive' },
      ],
      0.05,
    ),
  );
  const [zero = 0] = numbers(svg, /<line x1="([\d.]+)" x2="[\d.]+" y1="16"/g);
  const [first = 0, second = 0] = numbers(svg, /<rect x="([\d.]+)" y="[\d.]+" width="8"/g);
  expect(first + 4).toBeLessThan(zero);
  expect(second + 4).toBeGreaterThan(zero);
  expect(svg).toContain('refund-01 −50, regressed; refund-02 +50, inconclusive');
  expect(svg).toContain('var(--bad)');
});

test('both histograms share one axis; a wide range is logarithmic and says so', () => {
  const histogram = (values: BeforeAfter): string =>
    String(distributionSvg('Length', values, (v) => v.toFixed(0)));
  const narrow = histogram({
    baseline: [100, 110, 120, 130, 140],
    candidate: [150, 160, 170, 180, 190],
  });
  expect(narrow).toContain('before p50 120, p95 138 (5 answers); after p50 170, p95 188 (5 answers)');
  expect(narrow).not.toContain('logarithmic');
  const bars = numbers(narrow, /<rect x="([\d.]+)"/g);
  expect(Math.max(...bars.slice(0, 5))).toBeLessThan(Math.min(...bars.slice(5)));
  const wide = histogram({ baseline: [500, 600, 700, 800, 1600], candidate: [4, 4, 4, 4, 5] });
  expect(wide).toContain('logarithmic');
});

test('labels from models stay text', () => {
  for (const text of HOSTILE) {
    const series = seriesSvg(
      text,
      [{ ...night(1, 0.5, text), label: text }, night(2, 0.5)],
      [{ at: night(2, 1).at, text }],
    );
    const forest = forestSvg(text, [{ label: text, delta: 0.1, interval: null, verdict: text }], 0.05);
    expect(
      String(html`${series}${forest}`).replace(
        /<\/?(figure|figcaption|svg|line|text|circle|title|path|rect)\b[^<>]*>/g,
        '',
      ),
    ).not.toMatch(/[<>]/);
  }
});
