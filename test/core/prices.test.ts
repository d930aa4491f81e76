import { expect, test } from 'vitest';
import { costOf, type Prices, pricedModel } from '../../src/core/index.ts';

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
  expect(cost('priority')).toBeNull();
  // The tier has a price for plain input alone.
  expect(costOf(prices, 'gpt-desk-2026', { ...usage, cachedInputTokens: 10 }, 'flex')).toBeNull();
});

test('a batch costs half the ordinary price, or what the price file says of its own tier', () => {
  expect(cost('batch')).toBe(3);
  expect(costOf(prices, 'gpt-desk-2026', { ...usage, cachedInputTokens: 500_000 }, 'batch')).toBe(2.75);
  const own: Prices = {
    'as-of': '2026-11-01',
    models: { 'gpt-desk-2026': { input: 2, output: 8, tiers: { batch: { input: 1.5, output: 6 } } } },
  };
  expect(costOf(own, 'gpt-desk-2026', usage, 'batch')).toBe(4.5);
  expect(costOf(prices, 'another-model', usage, 'batch')).toBeNull();
  expect(costOf(prices, 'gpt-desk-2026', { ...usage, cacheWriteTokens: 5 }, 'batch')).toBeNull();
});

test('cache writes for an hour have their own price, and no price makes the cost unknown', () => {
  const priced: Prices = {
    'as-of': '2026-11-01',
    models: {
      a: { input: 1, output: 1, 'cached-input': 0.1, 'cache-write': 2 },
      b: { input: 1, output: 1, 'cached-input': 0.1, 'cache-write': 2, 'cache-write-1h': 4 },
      c: { input: 1, output: 1, 'cache-write-1h': 4 },
    },
  };
  const used = {
    inputTokens: 1_000_000,
    outputTokens: 0,
    cachedInputTokens: 500_000,
    cacheWriteTokens: 300_000,
    cacheWriteHourTokens: 200_000,
  };
  expect(costOf(priced, 'b', used)).toBeCloseTo(0.2 + 0.05 + 0.2 + 0.8, 9);
  expect(costOf(priced, 'a', used)).toBeNull();
  expect(costOf(priced, 'a', { ...used, cacheWriteHourTokens: undefined })).toBeCloseTo(0.85, 9);
  expect(costOf(priced, 'c', { ...used, cachedInputTokens: 0, cacheWriteTokens: 200_000 })).toBeCloseTo(
    0.8 + 0.8,
    9,
  );
});

test('a model without a price, and a usage that was not told, have no cost', () => {
  expect(costOf(prices, 'gpt-other', usage, 'flex')).toBeNull();
  expect(costOf(prices, 'gpt-desk-2026', null)).toBeNull();
  expect(costOf(prices, 'gpt-desk-2026', { inputTokens: 1 })).toBeNull();
  expect(costOf(null, 'gpt-desk-2026', usage)).toBeNull();
});

test('a service by name has prices of its own, and else those of the model', () => {
  const own: Prices = {
    'as-of': '2026-11-01',
    models: {
      'azure/gpt-4o-2024-11-20': { input: 3, output: 0 },
      'azure/prod': { input: 4, output: 0 },
      'gpt-4o-2024-11-20': { input: 2, output: 0 },
      'claude-sonnet-4-5-20250929': { input: 5, output: 0 },
      'ollama/*': { input: 0, output: 0 },
    },
  };
  const million = { inputTokens: 1_000_000, outputTokens: 0 };
  const of = (provider: string, model: string, served: string | null) =>
    costOf(own, pricedModel({ provider, model }, served), million);
  expect(of('azure', 'chat', 'gpt-4o-2024-11-20')).toBe(3);
  expect(of('azure', 'prod', 'gpt-4o-2024-11-20')).toBe(4);
  // A deployment may have the name of a model that it does not serve.
  expect(of('azure', 'gpt-4o-2024-11-20', null)).toBe(3);
  expect(of('litellm', 'gpt-4o-2024-11-20', null)).toBeNull();
  expect(of('litellm', 'gpt-4o-2024-11-20', 'gpt-4o-2024-11-20')).toBeNull();
  expect(of('litellm', 'fast', 'gpt-4o-2024-11-20')).toBe(2);
  expect(of('openrouter', 'openai/gpt-4o-2024-11-20', null)).toBeNull();
  expect(of('bedrock', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5-20250929')).toBe(5);
  expect(of('ollama', 'llama3.2', null)).toBe(0);
  // Another model answered: the price of the one that was asked for is not its price.
  expect(of('openrouter', 'gpt-4o-2024-11-20', 'gpt-4o-mini-2024-07-18')).toBeNull();
  expect(pricedModel({ provider: 'openai', model: 'gpt-4o' }, null)).toBe('gpt-4o');
});
