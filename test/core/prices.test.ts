import { expect, test } from 'vitest';
import { costOf, type Prices } from '../../src/core/index.ts';

const prices: Prices = {
  'as-of': '2026-11-01',
  models: {
    'gpt-desk*': { input: 2, output: 8, 'cached-input': 1, tiers: { flex: { input: 1, output: 4 } } },
  },
};
const usage = { inputTokens: 1_000_000, outputTokens: 500_000 };
const cost = (tier?: string | null): number | null => costOf(prices, 'gpt-desk-2026', usage, tier);

test('a call costs what the tier costs that served it, and an unknown sum where that has no price', () => {
  expect(cost()).toBe(6);
  for (const ordinary of [null, 'default', 'standard', 'on_demand']) expect(cost(ordinary)).toBe(6);
  expect(cost('flex')).toBe(3);
  for (const apart of ['priority', 'batch']) expect(cost(apart)).toBeNull();
  // The tier has a price for plain input alone.
  expect(costOf(prices, 'gpt-desk-2026', { ...usage, cachedInputTokens: 10 }, 'flex')).toBeNull();
});

test('a model without a price, and a usage that was not told, have no cost', () => {
  expect(costOf(prices, 'gpt-other', usage, 'flex')).toBeNull();
  expect(costOf(prices, 'gpt-desk-2026', null)).toBeNull();
  expect(costOf(prices, 'gpt-desk-2026', { inputTokens: 1 })).toBeNull();
  expect(costOf(null, 'gpt-desk-2026', usage)).toBeNull();
});
