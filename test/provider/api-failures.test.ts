// What each refusal, breakage and abort of a model API turns into, through both SDKs.

import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/core/json.ts';
import type { Provider } from '../../src/core/provider.ts';
import { createProvider } from '../../src/provider/index.ts';
import { type Script, WireServer } from './wire-server.ts';
import { ANTHROPIC_KEY, context, OPENAI_KEY, patience, refundBot, ticket } from './worlds.ts';

const ROUTES = {
  responses: {
    path: 'POST /v1/responses',
    route: { provider: 'openai', api: 'responses', model: 'gpt-4o' },
    base: '/v1',
  },
  chat: {
    path: 'POST /v1/chat/completions',
    route: { provider: 'openai', api: 'chat', model: 'gpt-4o' },
    base: '/v1',
  },
  anthropic: {
    path: 'POST /v1/messages',
    route: { provider: 'anthropic', model: 'claude-sonnet-4-6' },
    base: '',
  },
} as const;
type Api = keyof typeof ROUTES;
const APIS = Object.keys(ROUTES) as Api[];

async function withApi<T>(
  api: Api,
  script: Script,
  use: (provider: Provider, server: WireServer) => Promise<T>,
  env: Record<string, string> = {},
): Promise<T> {
  const { path, route, base } = ROUTES[api];
  await using server = await WireServer.start({ [path]: script });
  const provider = await createProvider(
    refundBot({ ...route, 'base-url': `${server.url}${base}` }),
    context(env),
  );
  try {
    return await use(provider, server);
  } finally {
    await provider.close?.();
  }
}

const openai = (code: string | null, type = 'invalid_request_error'): JsonObject => ({
  error: { message: 'as the API words it', type, code, param: null },
});
const anthropic = (type: string, error_code?: string): JsonObject => ({
  type: 'error',
  error: {
    type,
    message: 'as the API words it',
    ...(error_code === undefined ? {} : { details: { error_code } }),
  },
  request_id: 'req_e',
});

const passing = { retryable: true, fatal: false };
const hopeless = { retryable: false, fatal: false };
const final = { retryable: false, fatal: true };

test.each<[Api, number, JsonValue, JsonObject]>([
  ['responses', 400, openai(null), { code: 'bad_request', ...hopeless }],
  ['responses', 400, openai('content_filter'), { code: 'content_filter', ...hopeless }],
  ['responses', 401, openai('invalid_api_key'), { code: 'auth', ...final }],
  ['responses', 403, openai('unsupported_country_region_territory'), { code: 'auth', ...final }],
  ['responses', 403, openai('model_not_found'), { code: 'unknown_model', ...final }],
  ['responses', 404, openai('model_not_found'), { code: 'unknown_model', ...final }],
  ['responses', 404, openai(null), { code: 'not_found', ...hopeless }],
  ['responses', 404, '<html>nginx</html>', { code: 'not_found', ...hopeless }],
  ['responses', 408, openai(null), { code: 'server_error', ...passing }],
  ['responses', 409, openai(null), { code: 'server_error', ...passing }],
  ['responses', 413, openai(null), { code: 'bad_request', ...hopeless }],
  ['responses', 429, openai('rate_limit_exceeded', 'tokens'), { code: 'rate_limited', ...passing }],
  ['responses', 429, openai('insufficient_quota', 'insufficient_quota'), { code: 'quota', ...final }],
  ['responses', 500, openai(null, 'server_error'), { code: 'server_error', ...passing }],
  ['responses', 503, 'upstream connect error', { code: 'server_error', ...passing }],
  ['chat', 307, '', { code: 'redirect', ...hopeless }],
  ['chat', 404, openai('model_not_found'), { code: 'unknown_model', ...final }],
  ['chat', 429, openai('insufficient_quota'), { code: 'quota', ...final }],
  ['chat', 502, '', { code: 'server_error', ...passing }],
  ['anthropic', 400, anthropic('invalid_request_error'), { code: 'bad_request', ...hopeless }],
  ['anthropic', 401, anthropic('authentication_error'), { code: 'auth', ...final }],
  ['anthropic', 402, anthropic('billing_error'), { code: 'quota', ...final }],
  ['anthropic', 403, anthropic('permission_error'), { code: 'auth', ...final }],
  ['anthropic', 404, anthropic('not_found_error'), { code: 'unknown_model', ...final }],
  ['anthropic', 404, 'not here', { code: 'not_found', ...hopeless }],
  ['anthropic', 429, anthropic('rate_limit_error'), { code: 'rate_limited', ...passing }],
  [
    'anthropic',
    429,
    anthropic('rate_limit_error', 'contract_spend_limit_reached'),
    { code: 'quota', ...final },
  ],
  ['anthropic', 500, anthropic('api_error'), { code: 'server_error', ...passing }],
  ['anthropic', 504, anthropic('timeout_error'), { code: 'server_error', ...passing }],
  ['anthropic', 529, anthropic('overloaded_error'), { code: 'overloaded', ...passing }],
])('%s answering %i %j', async (api, status, body, expected) => {
  await withApi(
    api,
    () => ({ status, body, headers: { 'request-id': 'req_e', 'x-request-id': 'req_e' } }),
    async (provider, server) => {
      expect(await provider.call(ticket(), patience())).toMatchObject({
        kind: 'failed',
        cause: 'infra_error',
        httpStatus: status,
        requestId: 'req_e',
        ...expected,
      });
      expect(server.requests).toHaveLength(1);
    },
  );
});

test.each(APIS)('%s: the wait a 429 asks for is passed on and not waited here', async (api) => {
  let headers: Record<string, string> = { 'retry-after-ms': '1500', 'retry-after': '2' };
  const script: Script = () => ({ status: 429, body: openai(null), headers });
  await withApi(api, script, async (provider) => {
    expect(await provider.call(ticket(), patience())).toMatchObject({ retryAfterMs: 1500 });
    headers = { 'retry-after': '120' };
    expect(await provider.call(ticket(), patience())).toMatchObject({ retryAfterMs: 120_000 });
    headers = { 'retry-after': 'Fri, 20 Nov 2026 12:00:09 GMT', date: 'Fri, 20 Nov 2026 12:00:00 GMT' };
    expect(await provider.call(ticket(), patience())).toMatchObject({ retryAfterMs: 9000 });
    headers = { 'x-should-retry': 'false' };
    expect(await provider.call(ticket(), patience())).toMatchObject({
      code: 'rate_limited',
      retryable: false,
    });
  });
});

test.each(APIS.flatMap((api) => (['reset', 'truncate'] as const).map((how) => [api, how] as const)))(
  '%s: a connection that breaks (%s) is worth another attempt',
  async (api, how) => {
    await withApi(
      api,
      () => how,
      async (provider) => {
        expect(await provider.call(ticket(), patience())).toMatchObject({
          kind: 'failed',
          cause: 'infra_error',
          code: 'connection',
          ...passing,
        });
      },
    );
  },
);

test.each(
  APIS.flatMap((api) =>
    ['{"id": "resp_1", ', '', '[]', '"done"', '{"object":"response"}'].map((body) => [api, body] as const),
  ),
)('%s: a reply of %j is no answer', async (api, body) => {
  await withApi(
    api,
    () => ({ body }),
    async (provider) => {
      expect(await provider.call(ticket(), patience())).toMatchObject({
        kind: 'failed',
        cause: 'infra_error',
        code: 'bad_reply',
        ...passing,
      });
    },
  );
});

test.each(APIS)('%s: a page of HTML with status 200 is no answer', async (api) => {
  await withApi(
    api,
    () => ({ body: '<html>Sign in</html>', headers: { 'content-type': 'text/html' } }),
    async (provider) => {
      expect(await provider.call(ticket(), patience())).toMatchObject({ code: 'bad_reply' });
    },
  );
});

test('a host that does not exist, and a port nobody listens on, are connection failures', async () => {
  await using server = await WireServer.start({});
  const { url } = server;
  await server[Symbol.asyncDispose]();
  for (const base of ['http://no-such-host.invalid/v1', `${url}/v1`]) {
    const provider = await createProvider(
      refundBot({ provider: 'openai', model: 'gpt-4o', 'base-url': base }),
      context(),
    );
    expect(await provider.call(ticket(), patience())).toMatchObject({ code: 'connection', ...passing });
    await provider.close?.();
  }
});

test.each(APIS)('%s: an abort ends a call that a hanging server would hold for ever', async (api) => {
  const stop = new AbortController();
  const script: Script = () => {
    setImmediate(() => stop.abort());
    return 'hang';
  };
  await withApi(api, script, async (provider) => {
    expect(await provider.call(ticket(), stop.signal)).toMatchObject({
      kind: 'failed',
      cause: 'timeout',
      code: 'aborted',
      fatal: false,
    });
  });
});

test.each(APIS)('%s: a signal that fired before sends nothing', async (api) => {
  const script: Script = () => 'hang';
  await withApi(api, script, async (provider, server) => {
    expect(await provider.call(ticket(), AbortSignal.abort())).toMatchObject({
      cause: 'timeout',
      code: 'aborted',
    });
    expect(server.requests).toHaveLength(0);
  });
});

test.each(APIS)('%s: no secret leaves through an error, however it is written', async (api) => {
  const gateway = 'gw-canary-5f1c2b7a90';
  const secrets = [OPENAI_KEY, ANTHROPIC_KEY, gateway];
  const forms = secrets.flatMap((s) => [s, encodeURIComponent(s), Buffer.from(s).toString('base64')]);
  const echo = (key: string | undefined) =>
    `key ${key} ${gateway} ${Buffer.from(String(key)).toString('base64')}`;
  for (const status of [400, 401, 403, 404, 429, 500]) {
    const script: Script = ({ headers }) => ({
      status,
      headers: {
        'x-request-id': `req ${headers.authorization}`,
        'request-id': `req ${headers.authorization}`,
      },
      body: {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          code: null,
          message: `${'x'.repeat(470)} ${echo(headers.authorization?.replace('Bearer ', ''))}`,
        },
      },
    });
    const env = {
      OPENAI_CUSTOM_HEADERS: `x-gateway: ${gateway}`,
      ANTHROPIC_CUSTOM_HEADERS: `x-gateway: ${gateway}`,
    };
    await withApi(
      api,
      script,
      async (provider) => {
        const reply = await provider.call(ticket(), patience());
        const text = JSON.stringify(reply);
        expect(forms.filter((form) => text.includes(form) || text.includes(form.slice(0, 20)))).toEqual([]);
        expect(reply.kind === 'failed' && reply.message.length).toBeLessThanOrEqual(500);
      },
      env,
    );
  }
});

test('a secret that a model repeats is masked in the answer, its tool calls and what was sent', async () => {
  const body: JsonObject = {
    object: 'response',
    status: 'completed',
    model: 'gpt-4o',
    output: [
      { type: 'message', content: [{ type: 'output_text', text: `Your key is ${OPENAI_KEY}.` }] },
      { type: 'function_call', call_id: 'c', name: 'save', arguments: JSON.stringify({ key: OPENAI_KEY }) },
    ],
  };
  await withApi(
    'responses',
    () => ({ body }),
    async (provider) => {
      const reply = await provider.call(
        ticket({ messages: [{ role: 'user', content: `Repeat ${OPENAI_KEY}` }] }),
        patience(),
      );
      expect(reply).toMatchObject({
        output: { text: 'Your key is [secret].', toolCalls: [{ args: { key: '[secret]' } }] },
      });
      expect(JSON.stringify(reply)).not.toContain(OPENAI_KEY);
    },
  );
});
