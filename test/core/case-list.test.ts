// A list of cases that is read page by page behaves like the array it stands for.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CASE_PAGE, type Case, type CaseList, mapCases, PagedCases } from '../../src/core/index.ts';
import { refundCase } from '../ledger/world.ts';

const world = Array.from({ length: 2 * CASE_PAGE + 7 }, (_, n) =>
  refundCase(`kettle-${n}`, { trials: 1 + (n % 3) }),
);

function paged(cases: readonly Case[]): { list: PagedCases; reads: () => number } {
  let reads = 0;
  const list = new PagedCases(cases.length, (page) => {
    reads++;
    return cases.slice(page * CASE_PAGE, (page + 1) * CASE_PAGE);
  });
  return { list, reads: () => reads };
}

const ids = (cases: CaseList): string[] => cases.map((c) => c.id);

describe('paged cases', () => {
  it('go through every case once, in order, reading each page once', () => {
    for (const length of [0, 1, CASE_PAGE, CASE_PAGE + 1, world.length]) {
      const { list, reads } = paged(world.slice(0, length));
      expect([...list]).toEqual(world.slice(0, length));
      expect(reads()).toBe(Math.ceil(length / CASE_PAGE));
    }
  });

  it('answer like an array', () => {
    const { list } = paged(world);
    const odd = (c: Case): boolean => c.trials === 2;
    expect(ids(list)).toEqual(ids(world));
    expect(list.flatMap((c) => (odd(c) ? [c.id, c.id] : []))).toEqual(
      world.flatMap((c) => (odd(c) ? [c.id, c.id] : [])),
    );
    expect(ids(list.filter(odd))).toEqual(ids(world.filter(odd)));
    expect(ids(list.filter((c) => c.id !== 'kettle-3'))).toEqual(
      ids(world.filter((c) => c.id !== 'kettle-3')),
    );
    expect(list.find(odd)).toEqual(world.find(odd));
    expect(list.some((c) => c.trials > 3)).toBe(false);
    expect(list.every((c) => c.trials < 4)).toBe(true);
    expect(list.reduce((n, c) => n + c.trials, 0)).toBe(world.reduce((n, c) => n + c.trials, 0));
  });

  it('are found by position, also from the end and across pages', () => {
    const { list } = paged(world);
    fc.assert(
      fc.property(fc.integer({ min: -world.length - 2, max: world.length + 2 }), (n) => {
        expect(list.at(n)?.id).toBe(world.at(n)?.id);
      }),
    );
    fc.assert(
      fc.property(fc.nat(world.length), fc.nat(world.length), (a, b) => {
        expect(ids(list.slice(a, b))).toEqual(ids(world.slice(a, b)));
      }),
    );
  });

  it('may be gone through by two readers at once', () => {
    const { list } = paged(world);
    const pairs = list.flatMap((c, n) => (n % CASE_PAGE === 0 ? [[c.id, list.at(-1)?.id]] : []));
    expect(pairs).toEqual([0, 1, 2].map((p) => [`kettle-${p * CASE_PAGE}`, `kettle-${world.length - 1}`]));
  });

  it('are changed page by page, an array at once', () => {
    const change = (c: Case): Case => ({ ...c, trials: 9 });
    const { list, reads } = paged(world);
    const changed = mapCases(list, change);
    expect(reads()).toBe(0);
    expect([...changed]).toEqual(world.map(change));
    expect(mapCases(world, change)).toEqual(world.map(change));
  });
});
