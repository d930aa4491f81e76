// Another model than the one asked for, by its id; spellings of the same model are no alarm.

import { expect, test } from 'vitest';
import { isOtherModel, otherModelServed } from '../../src/core/served-model.ts';
import { releaseOf } from '../release/memory.ts';

test.each([
  ['gpt-4o-2024-11-20', 'gpt-3.5-turbo-0125'],
  ['gpt-4o-2024-11-20', 'gpt-4o-2024-08-06'],
  ['gpt-4o-2024-11-20', 'gpt-4o-mini-2024-07-18'],
  ['gpt-4o-mini-2024-07-18', 'gpt-4o'],
  ['gpt-4-0613', 'gpt-4o'],
  ['claude-sonnet-4-6', 'claude-sonnet-4'],
  ['claude-sonnet-4-6', 'claude-haiku-4-6'],
  ['claude-sonnet-4-5-20250929', 'claude-sonnet-4-5-20250514'],
  ['gemini-1.5-pro-001', 'gemini-1.5-pro-002'],
])('%s is not %s', (asked, served) => {
  expect(isOtherModel(asked, served)).toBe(true);
  expect(isOtherModel(served, asked)).toBe(true);
});

test.each([
  ['gpt-4o-2024-11-20', 'gpt-4o-2024-11-20'],
  ['gpt-4o-2024-11-20', 'GPT-4o-2024-11-20'],
  ['gpt-4o-2024-11-20', 'gpt-4o'],
  ['openai/gpt-4o-2024-11-20', 'gpt-4o-2024-11-20'],
  ['meta-llama/llama-3-70b:free', 'meta-llama/llama-3-70b'],
  ['claude-opus-4-6', 'claude-opus-4-6-20260205'],
  ['claude-sonnet-4-5@20250929', 'claude-sonnet-4-5-20250929'],
  ['us.anthropic.claude-3-5-sonnet-20241022-v2:0', 'claude-3-5-sonnet-20241022'],
  ['anthropic.claude-3-5-sonnet-20241022-v2:0', 'claude-3-5-sonnet'],
  ['gemini-1.5-pro-001', 'models/gemini-1.5-pro-001'],
])('%s may be %s', (asked, served) => {
  expect(isOtherModel(asked, served)).toBe(false);
  expect(isOtherModel(served, asked)).toBe(false);
});

test('only a fixed id can be missed, and only by what is disclosed', async () => {
  const release = (route: string) => releaseOf(`name: bot\nroute: { provider: openai, ${route} }\n`);
  const pinned = await release('model: gpt-4o-2024-11-20');
  expect(otherModelServed(pinned, ['gpt-4o-2024-11-20', null, 'gpt-3.5-turbo-0125'])).toBe(
    'the release names "gpt-4o-2024-11-20", and what was served is "gpt-3.5-turbo-0125"',
  );
  expect(otherModelServed(pinned, [null])).toBeNull();
  expect(otherModelServed(await release('model: gpt-4o'), ['gpt-4o-2024-08-06'])).toBeNull();

  const azure = await release(
    'model: desk, model-version: 2024-11-20, base-url: "https://desk.openai.azure.com/openai/v1"',
  );
  expect(otherModelServed(azure, ['gpt-4o-2024-11-20', 'gpt-4o'])).toBeNull();
  expect(otherModelServed(azure, ['gpt-4o-2024-08-06'])).toMatch(/version 2024-11-20 of "desk"/);
});

test('a digest or a revision says nothing about the name that a local server repeats', async () => {
  const of = (route: string) => releaseOf(`name: a\nroute: { ${route} }\n`);
  const ollama = await of('provider: ollama, model: qwen3-2507, model-version: "sha256:a80c4f17acd5"');
  expect(otherModelServed(ollama, ['qwen3-2507'])).toBeNull();
  expect(otherModelServed(ollama, ['llama3.2'])).toMatch(/"llama3.2"/);
  const proxy = await of(
    'provider: litellm, model: fast, model-version: gpt-4o-2024-11-20, base-url: http://x.y',
  );
  expect(otherModelServed(proxy, ['fast', 'gpt-4o-2024-11-20'])).toBeNull();
  expect(otherModelServed(proxy, ['gpt-4o-2024-08-06'])).toMatch(/2024-08-06/);
});
