// Delta debugging over layers: laws of the minimal set, and the oracle that answers good, bad, partly or inconclusive.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hybridOutcome,
  minimalSubset,
  type OracleOutcome,
  rememberingOracle,
  type Tallies,
  worstCaseQuestions,
} from '../../src/rollback/index.ts';

const LAYERS = ['route', 'prompt', 'params', 'tools', 'output', 'retrieval'] as const;

/** Bad when the subset holds one of the conjunctions. */
const monotone =
  (causes: readonly (readonly string[])[]) =>
  async (subset: readonly string[]): Promise<OracleOutcome> =>
    causes.some((cause) => cause.every((l) => subset.includes(l))) ? 'bad' : 'good';

const causesArb = fc.array(fc.subarray([...LAYERS], { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 3,
});

describe('the minimal set', () => {
  test('shows the outcome, and no element of it can be left out', async () => {
    await fc.assert(
      fc.asyncProperty(causesArb, async (causes) => {
        const ask = monotone(causes);
        const { elements, doubtful } = await minimalSubset([...LAYERS], 'bad', ask);
        expect(await ask(elements)).toBe('bad');
        for (const e of elements) expect(await ask(elements.filter((x) => x !== e))).toBe('good');
        expect(doubtful).toEqual([]);
      }),
    );
  });

  test('a single cause among innocent layers is found, whatever its place', async () => {
    for (const layer of LAYERS) {
      const { elements } = await minimalSubset([...LAYERS], 'bad', monotone([[layer]]));
      expect(elements).toEqual([layer]);
    }
  });

  test('no subset is asked about twice, and the plan is an upper bound', async () => {
    await fc.assert(
      fc.asyncProperty(causesArb, fc.integer({ min: 2, max: 6 }), async (causes, n) => {
        const layers = LAYERS.slice(0, n);
        const known = causes.map((c) => c.filter((l) => (layers as readonly string[]).includes(l)));
        if (known.some((c) => c.length === 0)) return;
        const asked: string[] = [];
        const ask = rememberingOracle<string>(layers, async (subset) => {
          if (subset.length > 0 && subset.length < layers.length) asked.push(subset.join('+'));
          return monotone(known)(subset);
        });
        await minimalSubset<string>(layers, 'bad', ask);
        await minimalSubset<string>(layers, 'good', (set) => ask(layers.filter((l) => !set.includes(l))));
        expect(new Set(asked).size).toBe(asked.length);
        expect(asked.length).toBeLessThanOrEqual(worstCaseQuestions(n));
      }),
    );
  });

  test('an answer that could not be told is never taken for the outcome, and is remembered as a doubt', async () => {
    const ask = async (subset: readonly string[]): Promise<OracleOutcome> =>
      subset.length === LAYERS.length ? 'bad' : 'inconclusive';
    const { elements, doubtful } = await minimalSubset([...LAYERS], 'bad', ask);
    expect(elements).toEqual([...LAYERS]);
    expect(doubtful.length).toBeGreaterThan(0);
  });
});

describe('the oracle', () => {
  const tallies = (passed: number, trials: number, cases = 6): Tallies =>
    new Map(Array.from({ length: cases }, (_, i) => [`refund-${i}`, { passed, trials }]));
  const good = tallies(3, 3);
  const bad = tallies(0, 3);

  test.each([
    ['like good', tallies(3, 3), 'good'],
    ['like bad', tallies(0, 3), 'bad'],
    [
      'half of the cases cured',
      new Map([
        ...tallies(3, 3, 3),
        ...[3, 4, 5].map((i) => [`refund-${i}`, { passed: 0, trials: 3 }] as const),
      ]),
      'partly',
    ],
    ['one trial of one case', new Map([['refund-0', { passed: 1, trials: 1 }]]), 'inconclusive'],
    ['nothing graded', new Map(), 'inconclusive'],
  ] as [string, Tallies, OracleOutcome][])('%s', (_, hybrid, outcome) => {
    expect(hybridOutcome(hybrid, good, bad).outcome).toBe(outcome);
  });

  test('where good and bad do not differ nothing can be told', () => {
    expect(hybridOutcome(tallies(3, 3), good, good).outcome).toBe('inconclusive');
  });
});
