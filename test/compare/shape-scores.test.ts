// What a number of passes says for a fall: fewer passes never say less, and a relabelling of the arms changes nothing.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tagMembers, weigh } from '../../src/compare/evidence.ts';
import { pairCases } from '../../src/compare/pairing.ts';
import { shapeScores } from '../../src/compare/shape-scores.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import { block, type CaseSketch, snapshot } from './world.ts';

const policy = resolvePolicy(undefined);
const pairsOf = (a: readonly CaseSketch[], b: readonly CaseSketch[]) =>
  pairCases(snapshot('s-1', a), snapshot('s-2', b), policy).paired;
const word = fc.string({ unit: fc.constantFrom('p', 'p', 'f'), minLength: 1, maxLength: 5 });
const suite = fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 25 });
const RUNS = { numRuns: 60, seed: 20260315 };

function both(words: readonly (readonly [string, string])[], swap = false) {
  const side = (s: 0 | 1): CaseSketch[] => words.map((w, i) => ({ id: `c-${i}`, trials: w[s] }));
  return swap ? pairsOf(side(1), side(0)) : pairsOf(side(0), side(1));
}

describe('shape scores', () => {
  it('rise with every pass, and are numbers', () => {
    fc.assert(
      fc.property(suite, (words) => {
        const scores = shapeScores(both(words));
        for (const table of [...scores.mean, ...scores.likelihood, ...scores.falls])
          for (let x = 0; x < table.length; x++) {
            expect(Number.isFinite(table[x])).toBe(true);
            if (x > 0) expect(table[x]).toBeGreaterThanOrEqual((table[x - 1] as number) - 1e-12);
          }
      }),
      RUNS,
    );
  });

  it('an even split never looks like a drop, however likely a drop is by the history', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, fc.integer({ min: 0, max: 9 })), { minLength: 5, maxLength: 40 }),
        (rows) => {
          const pairs = both(rows.map(([w]) => [w, w])).map((pair, i) => ({
            ...pair,
            history: { x: rows[i]?.[1] ?? 0, k: 9 },
          }));
          const { pRegression } = weigh(pairs, tagMembers(pairs), {
            seed: 1,
            replicates: 199,
            confidence: 0.9,
          });
          expect(pRegression).toBeGreaterThan(0.2);
        },
      ),
      RUNS,
    );
  });

  it('stay numbers over hundreds of trials', () => {
    const many = pairsOf(block('a', 3, 'p'.repeat(400)), block('a', 3, 'f'.repeat(400)));
    for (const table of shapeScores(many).likelihood) expect(table.every(Number.isFinite)).toBe(true);
  });

  it('do not depend on which arm is which: only so is the permutation exact', () => {
    const even = fc.array(
      fc.tuple(
        fc.string({ unit: fc.constantFrom('p', 'f'), minLength: 3, maxLength: 3 }),
        fc.string({ unit: fc.constantFrom('p', 'f'), minLength: 3, maxLength: 3 }),
      ),
      { minLength: 1, maxLength: 25 },
    );
    fc.assert(
      fc.property(even, (words) => {
        expect(shapeScores(both(words, true))).toEqual(shapeScores(both(words)));
      }),
      RUNS,
    );
  });

  it('a failure of a case that never fails weighs more than one of a flaky case', () => {
    const stored = [...block('steady', 20, 'pppppppp'), ...block('flaky', 20, 'pfpfpfpf')];
    const pairs = pairsOf(stored, stored).map((pair) => ({
      ...pair,
      history: { x: pair.baseline.passed, k: pair.baseline.graded },
    }));
    const { likelihood, falls } = shapeScores(pairs);
    const loss = (tables: readonly Float64Array[], i: number): number => {
      const table = tables[i] as Float64Array;
      return (table.at(-1) as number) - (table.at(-2) as number);
    };
    const at = (theme: string): number => pairs.findIndex((p) => p.id.startsWith(theme));
    expect(loss(likelihood, at('steady'))).toBeGreaterThan(2 * loss(likelihood, at('flaky')));
    expect(falls[at('steady')]?.at(0)).toBeLessThan(falls[at('flaky')]?.at(0) as number);
  });

  it('changes that cancel in the mean are seen where the history says what each case used to do', () => {
    const stored = [
      ...block('good', 12, 'p'.repeat(9)),
      ...block('poor', 12, 'ppp'.padEnd(9, 'f')),
      ...block('rest', 60, 'p'.repeat(9)),
    ];
    const today = (words: readonly [string, string]): CaseSketch[] => [
      ...block('good', 12, words[0]),
      ...block('poor', 12, words[1]),
      ...block('rest', 60, 'pppp'),
    ];
    const history = new Map(
      pairsOf(stored, stored).map((p) => [p.id, { x: p.baseline.passed, k: p.baseline.graded }]),
    );
    const pairs = pairsOf(today(['pppp', 'pfff']), today(['pfff', 'pppp'])).map((p) => ({
      ...p,
      history: history.get(p.id),
    }));
    const { delta, pRegression } = weigh(pairs, tagMembers(pairs), {
      seed: 1,
      replicates: 1999,
      confidence: 0.9,
    });
    expect(delta).toBeCloseTo(0, 12);
    expect(pRegression).toBeLessThan(0.01);
  });
});
