// The embedding channel of a comparison: a shift of meaning is told whatever the grades say; what is missing is never called unchanged.

import { describe, expect, it } from 'vitest';
import { type AnswerVectors, compareSnapshots } from '../../src/compare/index.ts';
import type { PolicyFile } from '../../src/core/policy.ts';
import type { SnapshotResults } from '../../src/core/snapshot.ts';
import { block, Mt19937, options, snapshot } from './world.ts';

const DIMENSION = 64;

function normal(rng: Mt19937): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += rng.next();
  return sum;
}

/** One vector an answered trial: of length about one, with noise of its own and a shift along one axis. */
function vectorsOf(results: SnapshotResults, rng: Mt19937, shift = 0): Map<string, Float32Array> {
  const trials = results.cases.flatMap((c) => c.trials);
  return new Map(
    trials.map((t) => [
      t.outputHash ?? '',
      Float32Array.from({ length: DIMENSION }, (_, d) => normal(rng) / 8 + (d === 7 ? shift : 0)),
    ]),
  );
}

interface Pair {
  readonly a: SnapshotResults;
  readonly b: SnapshotResults;
  readonly vectors: Extract<AnswerVectors, { kind: 'vectors' }>;
}

function pairOf(cases: number, trials: string, seed: number, shift: number): Pair {
  const rng = new Mt19937(seed);
  const a = snapshot('s-1', block('refund', cases, trials));
  const b = snapshot('s-2', block('refund', cases, trials));
  return {
    a,
    b,
    vectors: {
      kind: 'vectors',
      embedder: 'small',
      baseline: vectorsOf(a, rng),
      candidate: vectorsOf(b, rng, shift),
      projectedFrom: null,
    },
  };
}

function embedding(
  { a, b, vectors }: Pair,
  given: AnswerVectors | undefined = vectors,
  action: 'warn' | 'fail' = 'warn',
) {
  const policy: PolicyFile = { channels: { embedding: action } };
  const comparison = compareSnapshots(a, b, options(policy, { vectors: given, replicates: 999 }));
  return { ...comparison.metrics.embedding, comparison };
}

describe('the embedding channel', () => {
  it('tells a shift that no grade shows, as drift of the provider; it warns or fails as the policy says', () => {
    const pair = pairOf(30, 'ppp', 1, 0.15);
    const found = embedding(pair);
    expect(found).toMatchObject({
      verdict: 'shifted',
      dimension: DIMENSION,
      embedder: 'small',
      cases: 30,
      n: { baseline: 90, candidate: 90 },
      missing: { baseline: 0, candidate: 0 },
    });
    expect(found.shift).toBeGreaterThan(0.1);
    expect(found.shift).toBeLessThan(0.2);
    expect(found.p).toBe(0.001);
    expect(found.comparison.verdict).not.toBe('regressed');
    expect(found.comparison.attribution.diagnosis).toBe('provider-side drift suspected');
    const rule = (c: typeof found.comparison) => c.gate.rules.find((r) => r.rule === 'channel:embedding');
    expect(rule(found.comparison)).toMatchObject({ outcome: 'warn', value: found.shift });
    expect(embedding(pair, pair.vectors, 'fail').comparison.gate.outcome).toBe('fail');
    // The same in every run, and whatever the order of the cases.
    const turned = { ...pair, a: { ...pair.a, cases: [...pair.a.cases].reverse() } };
    expect(embedding(turned).comparison).toEqual(found.comparison);
  });

  it('cries wolf at most one time in a hundred, and sees the shift of the specification', () => {
    const alarms = (shift: number, trials: string, cases: number, runs: number): number => {
      let shifted = 0;
      for (let seed = 1; seed <= runs; seed++)
        if (embedding(pairOf(cases, trials, seed, shift)).verdict === 'shifted') shifted++;
      return shifted;
    };
    expect(alarms(0, 'ppp', 20, 40)).toBeLessThanOrEqual(2);
    // 1.2 of the per-axis noise, in one direction.
    expect(alarms(1.2 / 8, 'ppp', 30, 10)).toBeGreaterThanOrEqual(7);
  });

  it('calls nothing a shift that is below the floor, however certain', () => {
    const pair = pairOf(40, 'ppp', 2, 0);
    // Answers that hardly vary, so that a movement of 0.03 is beyond doubt.
    const calm = (vectors: ReadonlyMap<string, Float32Array>, shift: number) =>
      new Map(
        [...vectors].map(([h, v]) => [
          h,
          v.map((x, d) => x / 50 + (d === 0 ? 1 : 0) + (d === 7 ? shift : 0)),
        ]),
      );
    const { baseline, candidate } = pair.vectors;
    const found = embedding(pair, {
      ...pair.vectors,
      baseline: calm(baseline, 0),
      candidate: calm(candidate, 0.03),
    });
    expect(found.p).toBeLessThan(0.01);
    expect(found.shift).toBeLessThan(0.05);
    expect(found.verdict).toBe('unchanged');
  });

  it('is unchanged where the answers are the same', () => {
    const pair = pairOf(20, 'pp', 3, 0);
    const found = embedding(pair, { ...pair.vectors, candidate: pair.vectors.baseline });
    expect(found).toMatchObject({ verdict: 'unchanged', p: 1, shift: 0, dispersionRatio: 1 });
  });

  it('is unavailable, never unchanged, where answers have no vector; asked to fail, the gate then cannot tell', () => {
    const pair = pairOf(30, 'pp', 4, 0);
    const some = new Map([...pair.vectors.candidate].slice(0, 50));
    const found = embedding(pair, { ...pair.vectors, candidate: some }, 'fail');
    expect(found).toMatchObject({ verdict: 'unavailable', p: null, missing: { baseline: 0, candidate: 10 } });
    expect(found.reason).toContain('10 of 60 answers of the candidate have no vector');
    expect(found.comparison.gate.outcome).toBe('inconclusive');
    const few = new Map([...pair.vectors.candidate].slice(0, 57));
    const tested = embedding(pair, { ...pair.vectors, candidate: few });
    expect(tested).toMatchObject({ verdict: 'unchanged', missing: { candidate: 3 } });
    expect(tested.reason).toContain('3 answers without a vector');
    const longer = new Map(
      [...pair.vectors.candidate.keys()].map((hash) => [hash, new Float32Array(96).fill(1)]),
    );
    expect(embedding(pair, { ...pair.vectors, candidate: longer })).toMatchObject({
      verdict: 'unavailable',
      reason: expect.stringContaining('vectors of 64 and 96 numbers'),
    });
    const none = { kind: 'unavailable', embedder: null, reason: 'embedded by two embedders' } as const;
    const told = embedding(pair, none);
    expect(told).toMatchObject({ verdict: 'unavailable', reason: none.reason });
    expect(told.comparison.gate.rules.find((r) => r.rule === 'channel:embedding')?.outcome).toBe('warn');
  });

  it('is not looked at unless the policy asks for it', () => {
    const { a, b, vectors } = pairOf(20, 'p', 5, 0.5);
    const silent = compareSnapshots(a, b, options({}, { vectors }));
    expect(silent.metrics.embedding).toMatchObject({ verdict: 'not-tested', p: null, cases: 0 });
    expect(silent.gate.rules.some((r) => r.rule.startsWith('channel:embedding'))).toBe(false);
    // Its p is none of the family's then.
    const without = compareSnapshots(a, b, options({}, {}));
    expect(silent.metrics.length).toEqual(without.metrics.length);
  });

  it('counts an answer that says nothing as one that points nowhere', () => {
    const pair = pairOf(30, 'pp', 6, 0);
    const silent = new Map([...pair.vectors.candidate.keys()].map((hash) => [hash, new Float32Array(0)]));
    const centred = new Map([...pair.vectors.baseline].map(([h, v]) => [h, v.map((x) => x + 0.3)]));
    expect(embedding(pair, { ...pair.vectors, baseline: centred, candidate: silent })).toMatchObject({
      verdict: 'shifted',
      missing: { candidate: 0 },
      centroidCosine: null,
    });
  });
});
