// What counts as returned after a rollback: never absence of data, rarely chance, and a shift that is still there never.

import { describe, expect, it } from 'vitest';
import type { OutcomeFacts, WindowCounts } from '../../src/core/observation.ts';
import type { ResidueSignal } from '../../src/core/residue.ts';
import { periodEstimate } from '../../src/monitor/period-estimate.ts';
import { residueSignals } from '../../src/monitor/residue.ts';
import { addCounts, countsOf } from '../../src/monitor/window-counts.ts';
import { Mt19937 } from '../../src/stats/index.ts';

const MEASURES = {
  failed: false,
  length: null,
  refusal: null,
  schemaValid: null,
  blocked: null,
  latencyMs: null,
  costUsd: null,
  inputTokens: null,
  outputTokens: null,
  toolCalls: null,
} as const;

/** Blocks of answers; `outcome` says what became of the i-th answer of a block. */
function period(
  blocks: number,
  each: number,
  outcome: (i: number, block: number) => Partial<OutcomeFacts> | null,
): { blocks: WindowCounts[] } {
  return {
    blocks: Array.from({ length: blocks }, (_, b) => {
      const counts: WindowCounts = new Map();
      for (let i = 0; i < each; i++) {
        const facts = outcome(i, b);
        addCounts(
          counts,
          countsOf({
            measures: MEASURES,
            servedModel: null,
            outcome: facts === null ? null : { flags: {}, kpi: {}, scores: {}, ...facts },
          }),
        );
      }
      return counts;
    }),
  };
}

/** Of each hundred answers `hits` were overridden. */
const overridden =
  (hits: number) =>
  (i: number): Partial<OutcomeFacts> => ({ flags: { overridden: i % 100 < hits } });
const complaintsOnly =
  (hits: number) =>
  (i: number): Partial<OutcomeFacts> | null =>
    i % 100 < hits ? { flags: { complaint: true } } : null;

function stateOf(name: string, signals: readonly ResidueSignal[]): ResidueSignal {
  const found = signals.find((s) => s.signal === name);
  if (found === undefined) throw new Error(`no ${name} among ${signals.map((s) => s.signal).join(', ')}`);
  return found;
}

describe('user signals after a rollback', () => {
  const before = period(14, 500, overridden(5));
  const during = period(14, 500, overridden(15));
  const judge = (after: ReturnType<typeof period>, margin = 0.02) =>
    stateOf('overrides', residueSignals({ before, during, after, margin }));

  it('are back, still off, or neither shown', () => {
    expect(judge(period(14, 500, overridden(5)))).toMatchObject({
      state: 'returned',
      why: null,
      margin: 0.02,
    });
    const off = judge(period(14, 500, overridden(10)));
    expect(off).toMatchObject({ state: 'not-returned', why: null });
    expect(off.remaining?.value).toBeCloseTo(0.05, 10);
    expect(off.remaining?.interval[0]).toBeGreaterThan(0);
    // One point of ten is left, as far as 100 answers a day can tell: it may be none, or two.
    expect(judge(period(14, 100, overridden(6)), 0.01).state).toBe('cannot-tell');
    // Better than before is no residue.
    expect(judge(period(14, 500, overridden(1))).state).toBe('returned');
  });

  it('are never back by absence: no outcomes, few outcomes, few blocks, or outcomes that come no more', () => {
    expect(judge(period(14, 500, () => null))).toMatchObject({
      state: 'cannot-tell',
      why: expect.stringContaining('no outcome after the rollback'),
    });
    expect(judge(period(14, 2, overridden(0)))).toMatchObject({
      state: 'cannot-tell',
      why: 'only 28 outcomes after the rollback; 30 are needed',
    });
    expect(judge(period(9, 500, overridden(5))).why).toContain('only 9 blocks of time');
    expect(judge({ blocks: [] }).state).toBe('cannot-tell');
    // One answer in two says what became of it: the silent half may be the angry one.
    const half = period(14, 1000, (i) => (i % 2 === 0 ? { flags: { overridden: i % 100 < 5 } } : null));
    expect(judge(half)).toMatchObject({
      state: 'cannot-tell',
      why: expect.stringContaining('outcomes of 50.0 % of the answers have come, 100.0 % before'),
    });
  });

  it('of events that are only sent when they happen count silence only while outcomes come', () => {
    const only = (after: ReturnType<typeof period>) =>
      stateOf(
        'complaints',
        residueSignals({
          before: period(14, 1000, complaintsOnly(2)),
          during: period(14, 1000, complaintsOnly(8)),
          after,
          margin: 0.02,
        }),
      );
    expect(only(period(14, 1000, complaintsOnly(2))).state).toBe('returned');
    expect(only(period(14, 1000, complaintsOnly(7))).state).toBe('not-returned');
    expect(only(period(14, 1000, () => null))).toMatchObject({
      state: 'cannot-tell',
      why: expect.stringContaining('no outcome after the rollback'),
    });
  });

  it('that fall when things get worse are read the other way round, and business numbers both ways', () => {
    const completed = (hits: number, order: number) => (i: number) => ({
      flags: { completed: i % 100 < hits },
      kpi: { basket: order + (i % 7) },
    });
    const signals = residueSignals({
      before: period(14, 500, completed(90, 50)),
      during: period(14, 500, completed(70, 40)),
      after: period(14, 500, completed(96, 60)),
      margin: 0.02,
    });
    expect(stateOf('completion', signals).state).toBe('returned');
    expect(stateOf('kpi:basket', signals)).toMatchObject({ state: 'not-returned', unit: 'number' });
    const still = residueSignals({
      before: period(14, 500, completed(90, 50)),
      during: period(14, 500, completed(70, 40)),
      after: period(14, 500, completed(80, 50)),
      margin: 0.02,
    });
    expect(stateOf('completion', still).state).toBe('not-returned');
    expect(stateOf('kpi:basket', still).state).toBe('returned');
  });

  it('a small shift must be mostly gone, however wide the margin', () => {
    const rare = (hits: number) => (i: number) => ({ flags: { complaint: i % 1000 < hits } });
    const left = (hits: number) =>
      stateOf(
        'complaints',
        residueSignals({
          before: period(14, 4000, rare(5)),
          during: period(14, 4000, rare(15)),
          after: period(14, 4000, rare(hits)),
          margin: 0.02,
        }),
      );
    // Half a point to one and a half: one point left of it is far within two points, and is not back.
    expect(left(15).state).toBe('not-returned');
    expect(left(5)).toMatchObject({ state: 'returned', margin: expect.closeTo(0.0025, 6) });
  });

  it('with bad hours are judged by the hours: a shift that is there is not called back, one that is gone is rarely called left', () => {
    const rng = new Mt19937(7);
    const noisy = (blocks: number, rate: number) => {
      const rates = Array.from({ length: blocks }, () => rate * (0.5 + rng.next()));
      return period(blocks, 60, (_, b) => ({ flags: { overridden: rng.next() < (rates[b] ?? 0) } }));
    };
    let [falseLeft, falseBack] = [0, 0];
    const rounds = 150;
    for (let k = 0; k < rounds; k++) {
      const input = { before: noisy(14, 0.1), during: noisy(14, 0.2), margin: 0.02 };
      if (stateOf('overrides', residueSignals({ ...input, after: noisy(14, 0.1) })).state === 'not-returned')
        falseLeft++;
      if (stateOf('overrides', residueSignals({ ...input, after: noisy(14, 0.2) })).state === 'returned')
        falseBack++;
    }
    expect(falseBack).toBe(0);
    expect(falseLeft / rounds).toBeLessThanOrEqual(0.08);
  });
});

it('the error of a share grows with how much blocks differ, and is never that of certainty', () => {
  const of = { sum: 'overridden', n: 'overridden.n', squares: null };
  const calm = periodEstimate(period(20, 100, overridden(10)).blocks, of);
  const wild = periodEstimate(period(20, 100, (i, b) => overridden(b % 2 === 0 ? 0 : 20)(i)).blocks, of);
  expect(calm?.value).toBeCloseTo(0.1, 12);
  expect(wild?.value).toBeCloseTo(0.1, 12);
  // Binomial: sqrt(0.1 × 0.9 / 2000) = 0.0067; of blocks at 0 and 0.2: 0.1 / sqrt(19) = 0.0229.
  expect(calm?.se).toBeCloseTo(0.0067, 3);
  expect(wild?.se).toBeCloseTo(0.1 / Math.sqrt(19), 3);
  expect(periodEstimate(period(20, 100, overridden(0)).blocks, of)?.se).toBeGreaterThan(0.0005);
  expect(periodEstimate([], of)).toBeNull();
});
