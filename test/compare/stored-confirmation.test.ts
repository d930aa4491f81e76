// Fresh candidate trials against a stored baseline: the single-case gate keeps its promise also where the history is short.

import { describe, expect, test } from 'vitest';
import { compareSnapshots, flagCases } from '../../src/compare/index.ts';
import { CasePrior } from '../../src/compare/screen.ts';
import { betaQuantile, Mt19937, ratePredictive } from '../../src/stats/index.ts';
import { type CaseSketch, caseResult, options, snapshot } from './world.ts';

const CASES = 100;

/** A mature suite: most cases nearly always pass, a few are poor. */
function matureRate(rng: Mt19937): number {
  return betaQuantile(Math.max(1e-9, rng.next()), 2, 0.25);
}

interface Night {
  readonly gate: boolean;
}

/** One comparison with a stored baseline of `kept` trials a case, three candidate trials, and eight fresh ones of what looked worse. */
function confirmedNight(seed: number, kept: number, broken: number): Night {
  const rng = new Mt19937(seed);
  const rates = Array.from({ length: CASES }, () => matureRate(rng));
  const now = rates.map((p, i) => (i < broken && p > 0.7 ? 0.02 : p));
  const letters = (p: number, k: number): string =>
    Array.from({ length: k }, () => (rng.next() < p ? 'p' : 'f')).join('');
  const sketch = (of: readonly number[], k: number): CaseSketch[] =>
    of.map((p, i) => ({ id: `refund-${String(i).padStart(3, '0')}`, trials: letters(p, k) }));
  const baseline = snapshot('stored', sketch(rates, kept));
  const candidate = snapshot('tonight', sketch(now, 1));
  const settings = options({}, { seed, replicates: 99 });
  const { flagged } = flagCases(baseline, candidate, settings);
  const fresh = flagged.map((id) =>
    caseResult({ id, trials: letters(now[Number(id.slice('refund-'.length))] ?? 0, 8) }),
  );
  const { reason } = compareSnapshots(baseline, candidate, {
    ...settings,
    confirmation: { baseline: [], candidate: fresh },
  });
  return { gate: reason.includes('on fresh trials') };
}

function share(count: number, kept: number, broken: number): number {
  let gates = 0;
  for (let seed = 1; seed <= count; seed++) if (confirmedNight(seed, kept, broken).gate) gates += 1;
  return gates / count;
}

describe('eight fresh candidate trials against a stored baseline', () => {
  // The gate promises one in a hundred. Two standard errors of the nights tried are allowed on top; without the cautious
  // prior it is 2.6 in a hundred.
  test('with three stored trials a case, unchanged cases fail the gate as rarely as promised', () => {
    const nights = 700;
    expect(share(nights, 3, 0)).toBeLessThanOrEqual(0.01 + 2 * Math.sqrt((0.01 * 0.99) / nights));
  }, 120_000);

  test('a case that broke still fails it', () => {
    expect(share(60, 5, 3)).toBeGreaterThan(0.75);
  }, 60_000);
});

test('no rate is impossible to the cautious prior, and long histories outweigh its caution', () => {
  const pairs = Array.from({ length: 99 }, (_, i) => {
    const tally = {
      passed: i === 0 ? 2 : 3,
      graded: 3,
      scoreSum: 3,
      planned: 3,
      missing: {},
      missingTotal: 0,
    };
    const exam = { contentHash: 'c', gradersHash: 'g', judge: null, embedder: null, graderCode: 1 };
    return {
      id: `refund-${i}`,
      tags: [],
      group: null,
      critical: false,
      exam,
      baseline: tally,
      candidate: tally,
    };
  });
  const prior = new CasePrior(pairs);
  const sum = (weights: Float64Array): number => weights.reduce((a, b) => a + b, 0);
  expect(sum(prior.cautious.weights)).toBeCloseTo(1, 12);
  expect(Math.min(...prior.cautious.weights)).toBeGreaterThanOrEqual(1 / 100 / 50);
  const fresh = { x: 1, k: 8 };
  const short = { x: 2, k: 4 };
  expect(ratePredictive(prior.cautious, short, fresh).pLess).toBeGreaterThan(
    3 * ratePredictive(prior.prior, short, fresh).pLess,
  );
  expect(ratePredictive(prior.cautious, { x: 60, k: 60 }, fresh).pLess).toBeLessThan(1e-6);
});
