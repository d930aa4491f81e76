// Length, latency, cost and refusals: they warn, they do not stand for a regression.

import { describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import type { CaseSketch } from './world.ts';
import { block, Mt19937, options, snapshot } from './world.ts';

/** Fifty cases whose every trial has a length of its own around `typical`. */
function spoken(typical: number, seed: number, more: Omit<CaseSketch, 'id' | 'trials'> = {}): CaseSketch[] {
  const rng = new Mt19937(seed);
  return block('refund', 50, 'ppp', more).map((sketch, i) => ({
    ...sketch,
    lengths: [0, 1, 2].map(() => Math.round(typical * (1 + i / 50) * (0.9 + 0.2 * rng.next()))),
  }));
}

describe('length', () => {
  it('a fifth longer is a shift that warns; the verdict does not move', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', spoken(300, 1)),
      snapshot('s-2', spoken(360, 2)),
      options(),
    );
    const { length } = comparison.metrics;
    expect(length.verdict).toBe('shifted');
    expect(length.change).toBeGreaterThan(0.15);
    expect(length.interval?.[0]).toBeLessThan(length.change ?? 0);
    expect(length.p).toBeLessThanOrEqual(0.01);
    expect(comparison.verdict).not.toBe('regressed');
    expect(comparison.gate.rules.find((r) => r.rule === 'channel:length')?.outcome).toBe('warn');
    expect(comparison.attribution.diagnosis).toBe('provider-side drift suspected');
  });

  it('fails the gate where the policy says so, and is silent where it is off', () => {
    const pair = [snapshot('s-1', spoken(300, 1)), snapshot('s-2', spoken(360, 2))] as const;
    expect(compareSnapshots(...pair, options({ channels: { length: 'fail' } })).gate.outcome).toBe('fail');
    const off = compareSnapshots(...pair, options({ channels: { length: 'off' } }));
    expect(off.metrics.length.verdict).toBe('not-tested');
    expect(off.metrics.length.candidate?.mean).toBeGreaterThan(300);
    expect(off.gate.rules.some((r) => r.rule.startsWith('channel'))).toBe(false);
  });

  it('three per cent longer is below the floor, however certain', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 50, 'ppp', { lengths: [1000] })),
      snapshot('s-2', block('refund', 50, 'ppp', { lengths: [1030] })),
      options(),
    );
    expect(comparison.metrics.length.p).toBeLessThan(0.01);
    expect(comparison.metrics.length.verdict).toBe('unchanged');
  });

  it('an unchanged distribution is unchanged', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', spoken(300, 1)),
      snapshot('s-2', spoken(300, 2)),
      options(),
    );
    expect(comparison.metrics.length.verdict).toBe('unchanged');
  });

  it('reports type-7 percentiles over all answered trials, graded or not, empty answers too', () => {
    const cases = [1, 2, 3, 4].map((n) => ({ id: `case-${n}`, trials: 'j', lengths: [n] }));
    const comparison = compareSnapshots(
      snapshot('s-1', cases),
      snapshot(
        's-2',
        cases.map((c) => ({ ...c, lengths: [0] })),
      ),
      options(),
    );
    expect(comparison.metrics.length.baseline).toEqual({
      n: 4,
      mean: 2.5,
      p50: 2.5,
      p95: 3.8499999999999996,
    });
    expect(comparison.metrics.length.candidate).toEqual({ n: 4, mean: 0, p50: 0, p95: 0 });
  });

  it('is measured where only the exam changed, not where the question did', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [
        { id: 'tone', trials: 'p', lengths: [10] },
        { id: 'refund', trials: 'p', lengths: [500] },
      ]),
      snapshot('s-2', [
        { id: 'tone', trials: 'p', lengths: [10], exam: { judge: 'judge-2' } },
        { id: 'refund', trials: 'p', lengths: [900], exam: { contentHash: 'other' } },
      ]),
      options(),
    );
    expect(comparison.metrics.length.baseline?.n).toBe(1);
    expect(comparison.metrics.length.baseline?.mean).toBe(10);
  });

  it('nothing answered is unavailable, never zero', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 5, 'p')),
      snapshot('s-2', block('refund', 5, 't')),
      options(),
    );
    expect(comparison.metrics.length).toMatchObject({
      candidate: null,
      verdict: 'unavailable',
      change: null,
    });
    expect(comparison.metrics.refusalRate).toMatchObject({ candidate: null, verdict: 'unavailable' });
  });
});

describe('latency', () => {
  const slow = [
    snapshot('s-1', block('refund', 40, 'ppp', { latencies: [500, 520, 540] })),
    snapshot('s-2', block('refund', 40, 'ppp', { latencies: [900, 910, 905] })),
  ] as const;

  it('is reported but not tested when the arms were not interleaved', () => {
    const { latencyMs } = compareSnapshots(...slow, options()).metrics;
    expect(latencyMs.verdict).toBe('not-tested');
    expect(latencyMs.change).toBeGreaterThan(0.7);
    expect(latencyMs.p).toBeNull();
  });

  it('is tested when they were', () => {
    const { latencyMs } = compareSnapshots(...slow, options({}, { interleaved: true })).metrics;
    expect(latencyMs.verdict).toBe('shifted');
  });
});

describe('cost', () => {
  it('an unknown price is unavailable, never 0', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 40, 'ppp')),
      snapshot('s-2', block('refund', 40, 'ppp', { costs: [0.001, null, 0.001] })),
      options(),
    );
    expect(comparison.metrics.costUsd.verdict).toBe('unavailable');
    expect(comparison.metrics.costUsd.reason).toContain('40 answered trials');
  });

  it('counts per passed trial and warns from a fifth', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 40, 'ppp', { costs: [0.001] })),
      snapshot('s-2', block('refund', 40, 'ppp', { costs: [0.00125] })),
      options(),
    );
    expect(comparison.metrics.costUsd.verdict).toBe('shifted');
    expect(comparison.metrics.costUsd.change).toBeCloseTo(0.25, 9);
  });

  it('is not tested between a run of batches and one of single calls', () => {
    const mode = (id: string, usd: number, batch: boolean) =>
      snapshot(id, block('refund', 40, 'ppp', { costs: [usd] }), batch ? { labels: { mode: 'batch' } } : {});
    const cost = (a: boolean, b: boolean) =>
      compareSnapshots(mode('s-1', 0.001, a), mode('s-2', 0.002, b), options()).metrics.costUsd;
    expect(cost(true, false)).toMatchObject({
      verdict: 'not-tested',
      reason: expect.stringContaining('batch API'),
    });
    expect(cost(true, true).verdict).toBe('shifted');
    expect(cost(false, false).verdict).toBe('shifted');
  });
});

describe('refusals', () => {
  it('a model that starts to refuse is a shift', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 40, 'ppp')),
      snapshot('s-2', [
        ...block('refund', 12, 'ppp', { refused: true }),
        ...block('refund', 40, 'ppp').slice(12),
      ]),
      options(),
    );
    expect(comparison.metrics.refusalRate).toMatchObject({ baseline: 0, candidate: 0.3, verdict: 'shifted' });
    expect(comparison.gate.rules.find((r) => r.rule === 'channel:refusal')?.outcome).toBe('warn');
  });
});

describe('the taste for length', () => {
  const judged = (i: number, longer: boolean): CaseSketch => ({
    id: `tone-${String(i).padStart(2, '0')}`,
    trials: 'ppp',
    exam: { judge: 'judge-1' },
    lengths: [longer ? 200 + 20 * i : 200],
    scores: [longer ? 0.5 + 0.01 * i : 0.5],
  });
  const cases = (longer: boolean) => Array.from({ length: 40 }, (_, i) => judged(i, longer));

  it('is noted when longer answers score higher, the longer the higher', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', cases(false)),
      snapshot('s-2', cases(true)),
      options(),
    );
    expect(comparison.notes.join()).toContain('taste for length');
  });

  it('is not noted when they became longer and no better', () => {
    const flat = cases(true).map((c) => ({ ...c, scores: [0.5] }));
    const comparison = compareSnapshots(snapshot('s-1', cases(false)), snapshot('s-2', flat), options());
    expect(comparison.metrics.length.verdict).toBe('shifted');
    expect(comparison.notes.join()).not.toContain('taste for length');
  });
});
