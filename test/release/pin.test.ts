import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { ProviderName } from '../../src/core/release.ts';
import { lintPin } from '../../src/release/index.ts';

const openai = (model: string, rest: JsonObject = {}) => lintPin({ provider: 'openai', model, ...rest });

// Sources: OpenAI model pages and changelog, Anthropic "model ids and versions", Vertex AI "model versioning"; November 2026.
test.each([
  ['gpt-4o', 'floating'],
  ['gpt-4o-2024-11-20', 'pinned'],
  ['gpt-4o-latest', 'floating'],
  ['chatgpt-4o-latest', 'floating'],
  ['gpt-4o-mini', 'floating'],
  ['gpt-4-0613', 'pinned'],
  ['gpt-4-0314', 'pinned'],
  ['gpt-3.5-turbo-0301', 'pinned'],
  ['gpt-3.5-turbo', 'floating'],
  ['gpt-4-1106-preview', 'floating'],
  ['o3', 'floating'],
  ['o4-mini-2025-04-16', 'pinned'],
  ['ft:gpt-4o-2024-08-06:acme::abc123', 'pinned'],
  ['gpt-6-astra', 'unknown'],
  ['gpt-5.6-luna', 'unknown'],
  ['gpt-5', 'floating'],
  ['text-embedding-3-small', 'unknown'],
  ['claude-sonnet-4-6', 'pinned'],
  ['claude-opus-5', 'pinned'],
  ['claude-haiku-5-1', 'pinned'],
  ['claude-sonnet-4-5', 'floating'],
  ['claude-opus-4-1', 'floating'],
  ['claude-sonnet-4-5-20250929', 'pinned'],
  ['claude-3-5-sonnet-latest', 'floating'],
  ['claude-3-5-sonnet-20241022', 'pinned'],
  ['anthropic.claude-3-5-sonnet-20241022-v2:0', 'pinned'],
  ['claude-sonnet-4-5@20250929', 'pinned'],
  ['gemini-2.5-pro', 'floating'],
  ['gemini-1.5-pro-001', 'pinned'],
  ['gemini-flash-latest', 'floating'],
  ['gemini-3-pro-preview', 'floating'],
  ['~openai/gpt-latest', 'floating'],
  ['llama-3.3-70b-instruct', 'unknown'],
])('%s is %s', (model, state) => {
  const found = openai(model);
  expect(found.state).toBe(state);
  expect(found.reason).not.toBe('');
});

test('a model without any fixed id is told apart from an alias', () => {
  expect(openai('gpt-6-astra').reason).toContain('unpinnable');
});

test('the name of an Azure deployment tells nothing; a stated version does', () => {
  const url = { 'base-url': 'https://shop.openai.azure.com/openai/v1' };
  expect(openai('gpt-4o-2024-11-20', url).state).toBe('unknown');
  expect(openai('my-deployment', { ...url, 'model-version': '2024-11-20' }).state).toBe('pinned');
  expect(openai('my-deployment', { 'base-url': { env: 'AZURE_OPENAI_ENDPOINT' } }).state).toBe('unknown');
});

test.each([
  ['azure', 'gpt-4o-2024-11-20', undefined, 'unknown'],
  ['azure', 'prod', '2024-11-20', 'pinned'],
  ['openrouter', 'openai/gpt-4o', undefined, 'floating'],
  ['openrouter', 'openai/gpt-4o-2024-11-20', undefined, 'pinned'],
  ['openrouter', 'openai/gpt-4o-2024-11-20:free', undefined, 'pinned'],
  ['openrouter', 'anthropic/claude-sonnet-4.5', undefined, 'floating'],
  ['openrouter', 'anthropic/claude-opus-4.6', undefined, 'pinned'],
  ['openrouter', 'openrouter/auto', undefined, 'floating'],
  ['openrouter', '~openai/gpt-latest', undefined, 'floating'],
  ['openrouter', 'meta-llama/llama-3.3-70b-instruct', undefined, 'unknown'],
  ['gemini', 'gemini-2.5-flash', undefined, 'floating'],
  ['gemini', 'models/gemini-2.0-flash-001', undefined, 'pinned'],
  ['ollama', 'llama3.2:3b', undefined, 'floating'],
  ['ollama', 'llama3.2:3b', 'sha256:a80c4f17acd5', 'pinned'],
  ['ollama', 'llama3.2@sha256:a80c4f17acd5', undefined, 'pinned'],
  ['vllm', 'meta-llama/Llama-3.1-8B-Instruct', undefined, 'unknown'],
  ['vllm', 'meta-llama/Llama-3.1-8B-Instruct', '0e9e39f2', 'pinned'],
  ['litellm', 'gpt-4o-2024-11-20', undefined, 'unknown'],
  ['litellm', 'fast', 'gpt-4o-2024-11-20', 'pinned'],
  ['bedrock', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', undefined, 'pinned'],
  ['bedrock', 'anthropic.claude-opus-4-6-v1', undefined, 'pinned'],
  ['bedrock', 'arn:aws:bedrock:us-east-1:1:application-inference-profile/abc', undefined, 'unknown'],
  ['vertex', 'claude-sonnet-4-5@20250929', undefined, 'pinned'],
  ['vertex', 'claude-sonnet-4-5', undefined, 'floating'],
  ['vertex', 'claude-opus-4-6@default', undefined, 'floating'],
] as const)('%s: %s with version %s is %s', (provider, model, version, state) => {
  const found = lintPin({ provider, model, ...(version === undefined ? {} : { 'model-version': version }) });
  expect(found).toMatchObject({ state, reason: expect.stringMatching(/./) });
});

test.each([
  ['replay', 'pinned'],
  ['http', 'unknown'],
  ['command', 'unknown'],
])('a %s route is %s', (provider, state) => {
  expect(lintPin({ provider: provider as ProviderName }).state).toBe(state);
});

test("a user's own rules come first", () => {
  const rules = [{ pattern: /^llama-/, state: 'pinned', reason: 'served from our own weights' }] as const;
  expect(lintPin({ provider: 'openai', model: 'llama-3.3-70b' }, rules)).toEqual({
    state: 'pinned',
    reason: 'served from our own weights',
  });
  expect(lintPin({ provider: 'anthropic', model: 'claude-sonnet-4-5' }, rules).state).toBe('floating');
});
