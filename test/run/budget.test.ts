import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/run/budget.ts';

/** Starts calls as long as the budget lets them; returns how many and the word that ended it. */
function startAll(budget: Budget): [number, string] {
  for (let n = 0; ; n++) {
    const word = budget.admit();
    if (word !== 'go') return [n, word];
    budget.begin();
  }
}

describe('a cost budget', () => {
  it('keeps room for each call in flight at the price of the dearest so far', () => {
    const budget = new Budget(null, 1, null);
    expect(startAll(budget)).toEqual([1, 'hold']);
    budget.end(0.2, true);
    expect(startAll(budget)).toEqual([4, 'hold']);
  });

  it('waits for calls in flight before it gives up, for they may turn out cheap', () => {
    const budget = new Budget(null, 1, 0.4);
    expect(startAll(budget)).toEqual([2, 'hold']);
    budget.end(0.4, true);
    expect(budget.admit()).toBe('hold');
    budget.end(0.05, true);
    expect(startAll(budget)).toEqual([1, 'hold']);
    budget.end(0.4, true);
    expect(budget.admit()).toBe('max-cost');
  });

  it('charges a call of unknown cost like the dearest', () => {
    const budget = new Budget(null, 1, 0.4);
    startAll(budget);
    budget.end(null, false);
    budget.end(null, false);
    expect(budget.admit()).toBe('max-cost');
  });

  it('does not take a free refusal for a free answer', () => {
    const budget = new Budget(null, 1, null);
    budget.begin();
    budget.end(0, false);
    expect(startAll(budget)).toEqual([1, 'hold']);
    budget.end(0, true);
    expect(budget.admit()).toBe('go');
  });

  it('lets the call through that exactly fits', () => {
    const budget = new Budget(null, 0.3, 0.1);
    expect(startAll(budget)[0]).toBe(3);
  });

  it('is blind to an answer without a price until it has some price to go by', () => {
    const budget = new Budget(null, 1, null);
    expect(budget.blind(null)).toBe(true);
    expect(budget.blind(0.1)).toBe(false);
    expect(new Budget(null, 1, 0.1).blind(null)).toBe(false);
    expect(new Budget(null, null, null).blind(null)).toBe(false);
  });
});

describe('a call budget', () => {
  it('counts what was started', () => {
    const budget = new Budget(3, null, null);
    expect(startAll(budget)).toEqual([3, 'max-calls']);
    budget.end(0, true);
    expect(budget.admit()).toBe('max-calls');
  });
});
