// Services by name: where their calls go, what signs them, and what they say when they refuse.

import { AzureOpenAI } from 'openai';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { fingerprintOf, problemsOf, releaseOf } from '../release/memory.ts';
import { type Script, type SeenRequest, WireServer } from './wire-server.ts';
import { context, patience, ticket } from './worlds.ts';

const CHAT = { model: 'm', choices: [{ finish_reason: 'stop', message: { content: 'Paid.' } }] };
const MESSAGE = { model: 'm', content: [{ type: 'text', text: 'Paid.' }], stop_reason: 'end_turn' };
const RESPONSE = {
  model: 'm',
  status: 'completed',
  output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Paid.' }] }],
};

const KEY = 'canary-service-key-1';

/** Asks a route once; `SERVER` in it is the address of the server. */
async function ask(route: string, path: string, script: Script, env: Record<string, string> = {}) {
  await using server = await WireServer.start({ [`POST ${path}`]: script });
  const release = await releaseOf(`name: a\nroute: { ${route.replaceAll('SERVER', server.url)} }\n`);
  const provider = await createProvider(release, context(env));
  const reply = await provider.call(ticket(), patience());
  await provider.close?.();
  return { reply, seen: server.requests[0] as SeenRequest, release };
}

describe.each([
  // Each line: the route, the path that is called, the variable of the key, the reply.
  ['openrouter', 'base-url: SERVER/api/v1', '/api/v1/chat/completions', 'OPENROUTER_API_KEY', CHAT],
  [
    'openrouter, messages',
    'api: messages, base-url: SERVER/api',
    '/api/v1/messages',
    'OPENROUTER_API_KEY',
    MESSAGE,
  ],
  ['gemini', 'base-url: SERVER/v1beta/openai', '/v1beta/openai/chat/completions', 'GEMINI_API_KEY', CHAT],
  ['ollama', 'base-url: SERVER/v1', '/v1/chat/completions', 'OLLAMA_API_KEY', CHAT],
  ['vllm, responses', 'api: responses, base-url: SERVER/v1', '/v1/responses', 'VLLM_API_KEY', RESPONSE],
  ['vllm, messages', 'api: messages, base-url: SERVER/v1', '/v1/messages', 'VLLM_API_KEY', MESSAGE],
  ['litellm', 'base-url: SERVER', '/chat/completions', 'LITELLM_API_KEY', CHAT],
] as const)('%s', (name, route, path, variable, body) => {
  const provider = name.split(',')[0];
  const whole = `provider: ${provider}, model: m, ${route}`;

  test('calls its address with its key as a bearer token', async () => {
    const { reply, seen } = await ask(whole, path, () => ({ body }), { [variable]: KEY });
    expect(reply).toMatchObject({ kind: 'answered', output: { text: 'Paid.' } });
    expect(seen.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(seen.headers['x-api-key']).toBeUndefined();
    expect(seen.body['model']).toBe('m');
  });

  test('takes the key from the variable that the release names, and nothing of OpenAI goes along', async () => {
    const named = `${whole}, api-key-env: TEAM_KEY`;
    const env = { TEAM_KEY: KEY, OPENAI_ORG_ID: 'org-1', OPENAI_PROJECT_ID: 'proj-1' };
    const { seen, release } = await ask(named, path, () => ({ body }), env);
    expect(seen.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(seen.headers).not.toHaveProperty('openai-organization');
    expect(seen.headers).not.toHaveProperty('openai-project');
    await expect(createProvider(release, context())).rejects.toMatchObject({
      code: 'PROVIDER_NO_KEY',
      message: expect.stringContaining('TEAM_KEY'),
    });
  });

  test('a refused key is named by its variable', async () => {
    const script: Script = () => ({ status: 401, body: { error: { message: `bad key ${KEY}` } } });
    const { reply } = await ask(whole, path, script, { [variable]: KEY });
    expect(reply).toMatchObject({ kind: 'failed', code: 'auth', message: expect.stringContaining(variable) });
    expect(JSON.stringify(reply)).not.toContain(KEY);
  });
});

test.each(['ollama', 'vllm'])('%s without a key is called with none', async (provider) => {
  const { seen } = await ask(
    `provider: ${provider}, model: m, base-url: SERVER/v1`,
    '/v1/chat/completions',
    () => ({
      body: CHAT,
    }),
  );
  expect(seen.headers.authorization).toBe('Bearer none');
});

test("the Messages API of another server takes a temperature, which Anthropic's own no longer does", async () => {
  await using server = await WireServer.start({ 'POST /v1/messages': () => ({ body: MESSAGE }) });
  const release = await releaseOf(
    `name: a\nroute: { provider: litellm, api: messages, model: m, base-url: ${server.url} }\nparams: { temperature: 0 }\n`,
  );
  const provider = await createProvider(release, context({ LITELLM_API_KEY: KEY }));
  await provider.call(ticket({ params: release.layers.params as JsonObject }), patience());
  await provider.close?.();
  expect(server.requests[0]?.body).toMatchObject({ temperature: 0, max_tokens: 4096 });
  expect(server.requests[0]?.headers['anthropic-version']).toBe('2023-06-01');
});

test('a LiteLLM proxy states the price of a call in a header; 0 is not a price', async () => {
  const route = 'provider: litellm, model: m, base-url: SERVER';
  const costs = async (cost: string) => {
    const script: Script = () => ({ body: CHAT, headers: { 'x-litellm-response-cost': cost } });
    const { reply } = await ask(route, '/chat/completions', script, { LITELLM_API_KEY: KEY });
    return (reply as { costUsd?: number }).costUsd;
  };
  expect(await costs('0.00042')).toBe(0.00042);
  expect(await costs('0.0')).toBeUndefined();
  expect(await costs('')).toBeUndefined();
});

test('Gemini wraps its errors in a list, and names a bad key in the details', async () => {
  const error = {
    code: 400,
    message: 'API key not valid. Please pass a valid API key.',
    status: 'INVALID_ARGUMENT',
    details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }],
  };
  const route = 'provider: gemini, model: m, base-url: SERVER/v1';
  const { reply } = await ask(route, '/v1/chat/completions', () => ({ status: 400, body: [{ error }] }), {
    GEMINI_API_KEY: KEY,
  });
  expect(reply).toMatchObject({ code: 'auth', message: expect.stringContaining('API key not valid') });
});

describe('azure', () => {
  const env = { AZURE_OPENAI_API_KEY: KEY, ENTRA: 'canary-entra-token-1' };
  const call = (route: string, path: string, body: JsonObject) =>
    ask(`provider: azure, model: chat-prod, ${route}`, path, () => ({ body }), env);

  test('v1: the same addresses as OpenAI, below the resource; the key has a header of its own', async () => {
    const { reply, seen } = await call('base-url: SERVER', '/openai/v1/chat/completions', CHAT);
    expect(reply.kind).toBe('answered');
    expect(seen.path).toBe('/openai/v1/chat/completions');
    expect(seen.headers).toMatchObject({ 'api-key': KEY });
    expect(seen.headers.authorization).toBeUndefined();
    expect(seen.body['model']).toBe('chat-prod');
  });

  test.each(['SERVER/', 'SERVER/openai', 'SERVER/openai/v1/'])('%s is the same resource', async (url) => {
    const { reply } = await call(`base-url: ${url}, api: responses`, '/openai/v1/responses', RESPONSE);
    expect(reply.kind).toBe('answered');
  });

  test('a gateway in front keeps its path', async () => {
    const route = 'base-url: SERVER/team/openai, api-version: preview';
    const { seen } = await call(route, '/team/openai/v1/chat/completions', CHAT);
    expect(seen.path).toContain('?api-version=preview');
  });

  test('a token from Entra is a bearer token', async () => {
    const { seen } = await call('base-url: SERVER, token-env: ENTRA', '/openai/v1/chat/completions', CHAT);
    expect(seen.headers.authorization).toBe('Bearer canary-entra-token-1');
    expect(seen.headers).not.toHaveProperty('api-key');
  });

  test.each([
    ['chat', '/openai/deployments/chat-prod/chat/completions', CHAT],
    ['responses', '/openai/responses', RESPONSE],
  ])('a dated version calls what the SDK of Azure calls: %s', async (api, path, body) => {
    const seen = (await call(`api: ${api}, base-url: SERVER, api-version: 2025-04-01-preview`, path, body))
      .seen;
    // The SDK's own client for Azure is the oracle.
    const urls: { url: string; headers: Headers }[] = [];
    const oracle = new AzureOpenAI({
      endpoint: 'http://127.0.0.1:1',
      apiKey: KEY,
      apiVersion: '2025-04-01-preview',
      fetch: async (url, init) => {
        urls.push({ url: String(url), headers: new Headers(init?.headers) });
        return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
      },
    });
    if (api === 'chat') await oracle.chat.completions.create({ model: 'chat-prod', messages: [] });
    else await oracle.responses.create({ model: 'chat-prod', input: 'x' });
    const { pathname, search } = new URL(urls[0]?.url ?? '');
    expect(seen.path).toBe(`${pathname}${search}`);
    expect(seen.headers['api-key']).toBe(urls[0]?.headers.get('api-key'));
    expect(seen.headers.authorization ?? null).toBe(urls[0]?.headers.get('authorization') ?? null);
  });

  test('embeddings of a dated version lie under the deployment too', async () => {
    const path = '/openai/deployments/embed/embeddings';
    await using server = await WireServer.start({
      [`POST ${path}`]: () => ({ body: { data: [{ index: 0, embedding: [1, 0] }], model: 'e' } }),
    });
    const route = `provider: azure, model: embed, api-version: 2024-10-21, base-url: ${server.url}`;
    const provider = await createProvider(await releaseOf(`name: e\nroute: { ${route} }\n`), context(env));
    expect(await provider.embed?.(['a'], patience())).toMatchObject({ kind: 'embedded', vectors: [[1, 0]] });
    await provider.close?.();
    expect(provider.modelFacts).toBeUndefined();
  });

  test('a missing deployment names what to check', async () => {
    const body = { error: { code: 'DeploymentNotFound', message: 'The API deployment does not exist.' } };
    const route = 'provider: azure, model: nope, base-url: SERVER';
    const { reply } = await ask(route, '/openai/v1/chat/completions', () => ({ status: 404, body }), env);
    expect(reply).toMatchObject({
      code: 'unknown_model',
      fatal: true,
      message: expect.stringContaining('`model`'),
    });
  });

  test('the address of a call is refused with what to write', async () => {
    const url = 'https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21';
    const release = await releaseOf(`name: a\nroute: { provider: azure, model: d, base-url: "${url}" }\n`);
    await expect(createProvider(release, context(env))).rejects.toMatchObject({
      code: 'ROUTE_ADDRESS',
      hint: expect.stringContaining('base-url: https://x.openai.azure.com'),
    });
  });

  test('a key and a token together, and no address, are refused', async () => {
    const problems = await problemsOf(
      'name: a\nroute: { provider: azure, model: d, base-url: https://x.y, api-key-env: A, token-env: B }\n',
    );
    expect(problems.map((p) => p.where?.key)).toEqual(['route.token-env']);
    const missing = await problemsOf('name: a\nroute: { provider: azure, model: d }\n');
    expect(missing.map((p) => p.code)).toEqual(['RELEASE_MISSING_KEY']);
  });
});

describe.each([
  ['bedrock', '@anthropic-ai/bedrock-sdk'],
  ['vertex', '@anthropic-ai/vertex-sdk'],
])('%s', (provider, name) => {
  test('names the command that installs its package, before any call', async () => {
    const installed = await import(name).then(
      () => true,
      () => false,
    );
    const release = await releaseOf(
      `name: a\nroute: { provider: ${provider}, model: m, region: us-east-1 }\n`,
    );
    const made = createProvider(release, context());
    if (installed) await expect(made).resolves.toMatchObject({ name: provider });
    else
      await expect(made).rejects.toMatchObject({
        code: 'PROVIDER_PACKAGE',
        exitCode: 4,
        hint: expect.stringContaining(`npm install ${name}`),
      });
  });
});

test('the name of a service is part of the fingerprint; the variable of its key is not', async () => {
  const of = (route: string) => fingerprintOf(`name: a\nroute: { ${route} }\n`);
  const url = 'base-url: http://127.0.0.1:8000/v1';
  const vllm = await of(`provider: vllm, model: m, ${url}`);
  expect(await of(`provider: vllm, api: chat, model: m, ${url}, api-key-env: X`)).toBe(vllm);
  expect(await of(`provider: ollama, model: m, ${url}`)).not.toBe(vllm);
  expect(await of(`provider: openai, api: chat, model: m, ${url}`)).not.toBe(vllm);
});

test('fingerprints of routes from before services had names', async () => {
  const of = (route: string) => fingerprintOf(`name: a\nroute: { ${route} }\nprompt: { system: Hi. }\n`);
  expect(await of('provider: openai, model: gpt-4o-2024-11-20')).toMatch(/^28b40aa66376/);
  expect(await of('provider: anthropic, model: claude-opus-5, api-version: "2023-06-01"')).toMatch(
    /^4a1277b6c56f/,
  );
});

test('`api-version` beside another API than Messages is refused', async () => {
  const problems = await problemsOf(
    'name: a\nroute: { provider: vllm, model: m, api-version: "2023-06-01" }\n',
  );
  expect(problems.map((p) => p.where?.key)).toEqual(['route.api-version']);
});
