// What must hold for every pair of snapshots, and how often an unchanged release raises a false alarm.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import type { CaseSketch } from './world.ts';
import { Mt19937, night, options, snapshot, trueRates } from './world.ts';

const RUNS = { numRuns: 60, seed: 20260315 };
const letters = fc.string({
  unit: fc.constantFrom('p', 'p', 'p', 'f', 'f', 'j', 't', 'a', '-'),
  minLength: 1,
  maxLength: 4,
});
const sketch = fc.record({
  number: fc.integer({ min: 0, max: 40 }),
  trials: letters,
  tags: fc.subarray(['refund', 'tone', 'format']),
  critical: fc.boolean(),
  group: fc.option(fc.constantFrom('ticket-1', 'ticket-2'), { nil: undefined }),
  edited: fc.boolean(),
  lengths: fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 4 }),
});
const world = fc
  .uniqueArray(sketch, { selector: (s) => s.number, maxLength: 40 })
  .map((sketches): CaseSketch[] =>
    sketches.map(({ number, edited, group, ...rest }) => ({
      ...rest,
      ...(group === undefined ? {} : { group }),
      ...(edited && number % 3 === 0 ? { exam: { gradersHash: 'other' } } : {}),
      id: `case-${number}`,
    })),
  );
const validity = fc.constantFrom('valid', 'valid', 'degraded', 'invalid');
const quick = { replicates: 199 };

describe('laws', () => {
  it('the comparison is plain JSON: no NaN, Infinity, undefined or minus zero', () => {
    fc.assert(
      fc.property(world, world, (a, b) => {
        const comparison = compareSnapshots(snapshot('s-1', a), snapshot('s-2', b), options({}, quick));
        expect(JSON.parse(JSON.stringify(comparison))).toStrictEqual(comparison);
      }),
      RUNS,
    );
  });

  it('every case of both snapshots is in it exactly once', () => {
    fc.assert(
      fc.property(world, world, (a, b) => {
        const comparison = compareSnapshots(snapshot('s-1', a), snapshot('s-2', b), options({}, quick));
        const ids = new Set([...a, ...b].map((c) => c.id));
        expect(comparison.cases.map((c) => c.id)).toEqual([...ids].sort());
        expect(Object.values(comparison.counts).reduce((x, y) => x + y)).toBe(ids.size);
        const { passToFail, failToPass, bothPass, bothFail } = comparison.flips;
        expect(passToFail + failToPass + bothPass + bothFail).toBe(comparison.coverage.paired);
      }),
      RUNS,
    );
  });

  it('the order of the cases does not matter', () => {
    fc.assert(
      fc.property(world, world, (a, b) => {
        const forward = compareSnapshots(snapshot('s-1', a), snapshot('s-2', b), options({}, quick));
        const back = compareSnapshots(
          snapshot('s-1', [...a].reverse()),
          snapshot('s-2', [...b].reverse()),
          options({}, quick),
        );
        expect(back).toStrictEqual(forward);
      }),
      RUNS,
    );
  });

  it('two runs are equal to the last bit', () => {
    fc.assert(
      fc.property(world, world, fc.integer({ min: 0, max: 0xffffffff }), (a, b, seed) => {
        const run = () =>
          compareSnapshots(snapshot('s-1', a), snapshot('s-2', b), options({}, { ...quick, seed }));
        const once = run();
        expect(JSON.stringify(run())).toBe(JSON.stringify(once));
        expect(once.engine.seed).toBe(seed);
      }),
      RUNS,
    );
  });

  it('a snapshot compared with its equal never shows a change', () => {
    fc.assert(
      fc.property(world, (a) => {
        const comparison = compareSnapshots(snapshot('s-1', a), snapshot('s-2', a), options({}, quick));
        expect(['unchanged', 'no-regression-found', 'inconclusive', 'invalid']).toContain(comparison.verdict);
        expect(comparison.counts).toMatchObject({
          regressed: 0,
          improved: 0,
          added: 0,
          removed: 0,
          edited: 0,
        });
        expect(comparison.overall.delta ?? 0).toBe(0);
        for (const slice of comparison.slices) expect(['unchanged', 'inconclusive']).toContain(slice.verdict);
      }),
      RUNS,
    );
  });

  it('swapping the arms mirrors the result', () => {
    const untagged = world.map((cases) =>
      cases.map((c) => ({ ...c, tags: [], trials: c.trials.replace(/[^pf]/g, 'p') })),
    );
    fc.assert(
      fc.property(untagged, untagged, (a, b) => {
        const there = compareSnapshots(snapshot('s-1', a), snapshot('s-2', b), options({}, { seed: 1 }));
        const back = compareSnapshots(snapshot('s-2', b), snapshot('s-1', a), options({}, { seed: 1 }));
        expect(back.overall.delta ?? 0).toBeCloseTo(-(there.overall.delta ?? 0), 12);
        expect(back.overall.p ?? 1).toBeCloseTo(there.overall.p ?? 1, 9);
        expect(back.flips.passToFail).toBe(there.flips.failToPass);
        expect(back.counts.added).toBe(there.counts.removed);
        const even = new Set([...a, ...b].map((c) => c.trials.length)).size === 1;
        // Uneven trials are permuted by Monte Carlo, whose two directions agree only up to its noise.
        if (!even) return;
        const mirror = { regressed: 'improved', improved: 'regressed' } as const;
        const expected =
          there.verdict in mirror ? mirror[there.verdict as keyof typeof mirror] : there.verdict;
        expect(back.verdict).toBe(expected);
      }),
      RUNS,
    );
  });

  it('is never green by accident: few cases are never unchanged, an invalid snapshot or an empty comparison never passes', () => {
    fc.assert(
      fc.property(world, world, validity, validity, (a, b, va, vb) => {
        const comparison = compareSnapshots(
          snapshot('s-1', a, { validity: va }),
          snapshot('s-2', b, { validity: vb }),
          options({}, quick),
        );
        if (comparison.overall.pairs < 20) expect(comparison.verdict).not.toBe('unchanged');
        if (va === 'invalid' || vb === 'invalid') expect(comparison.verdict).toBe('invalid');
        if (comparison.overall.pairs === 0 || comparison.verdict === 'invalid')
          expect(comparison.gate.outcome).not.toBe('pass');
        if (comparison.verdict === 'inconclusive') expect(comparison.gate.outcome).not.toBe('pass');
        expect(comparison.reason).not.toBe('');
        for (const c of comparison.cases) expect(c.reason).not.toBe('');
      }),
      RUNS,
    );
  });
});

describe('the default seed', () => {
  it('comes from the two ids, so that a comparison can be repeated without storing anything', () => {
    const cases = [{ id: 'angry', trials: 'ppp' }];
    const seed = (a: string, b: string) =>
      compareSnapshots(snapshot(a, cases), snapshot(b, cases), options()).engine.seed;
    expect(seed('s-1', 's-2')).toBe(seed('s-1', 's-2'));
    expect(seed('s-1', 's-2')).not.toBe(seed('s-2', 's-1'));
  });
});

describe('an unchanged release', () => {
  // 60 pairs of nights with the same true rates; nominal false-alarm rate 0.04 a direction. P(Bin(60, .04) > 8) < 0.001.
  it.each([
    { trials: 1, tags: ['refund', 'tone', 'format'] },
    { trials: 3, tags: ['refund', 'tone', 'format'] },
    { trials: 3, tags: [] },
  ])('raises few false alarms: $trials trials, $tags.length tags', (design) => {
    let regressed = 0;
    let improved = 0;
    let casesRegressed = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const rng = new Mt19937(seed);
      const rates = trueRates(60, rng);
      const comparison = compareSnapshots(
        snapshot(`s-a-${seed}`, night(rates, design, rng)),
        snapshot(`s-b-${seed}`, night(rates, design, rng)),
        options({}, { replicates: 499 }),
      );
      if (comparison.verdict === 'regressed') regressed += 1;
      if (comparison.verdict === 'improved') improved += 1;
      if (comparison.counts.regressed > 0) casesRegressed += 1;
    }
    expect(regressed).toBeLessThanOrEqual(8);
    expect(improved).toBeLessThanOrEqual(8);
    expect(casesRegressed).toBeLessThanOrEqual(9);
  });

  it('a real drop is seen where the design promises it', () => {
    let seen = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const rng = new Mt19937(seed);
      const rates = trueRates(100, rng);
      const comparison = compareSnapshots(
        snapshot(`s-a-${seed}`, night(rates, { trials: 3 }, rng)),
        snapshot(
          `s-b-${seed}`,
          night(
            rates.map((r) => r * 0.8),
            { trials: 3 },
            rng,
          ),
        ),
        options(),
      );
      if (comparison.verdict === 'regressed') seen += 1;
    }
    expect(seen).toBeGreaterThanOrEqual(18);
  });
});
