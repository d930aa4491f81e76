// What each refusal, breakage and abort of a model API turns into, through both SDKs.

import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
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
  ['responses', 401, openai('invalid_api_key'), { code: 'auth', ...hopeless }],
  ['responses', 403, openai('unsupported_country_region_territory'), { code: 'forbidden', ...hopeless }],
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
  ['anthropic', 401, anthropic('authentication_error'), { code: 'auth', ...hopeless }],
  ['anthropic', 402, anthropic('billing_error'), { code: 'quota', ...final }],
  ['anthropic', 403, anthropic('permission_error'), { code: 'forbidden', ...hopeless }],
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

test.each(APIS)('%s: a redirect is followed on the same origin, and the key stays there', async (api) => {
  const { path, route, base } = ROUTES[api];
  const [method = '', from = ''] = path.split(' ');
  const reply: Script = () => ({
    body: {
      object: 'response',
      status: 'completed',
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'moved' }] }],
      choices: [{ finish_reason: 'stop', message: { content: 'moved' } }],
      content: [{ type: 'text', text: 'moved' }],
      stop_reason: 'end_turn',
    },
  });
  await using other = await WireServer.start({});
  for (const [status, location, text] of [
    [307, `${from}/`, 'moved'],
    [308, `${from}/`, 'moved'],
    // A POST that would go on as a GET is no call of this API.
    [302, `${from}/`, null],
    [307, other.url, null],
  ] as const) {
    await using server = await WireServer.start({
      [path]: () => ({ status, headers: { location } }),
      [`${method} ${from}/`]: reply,
    });
    const provider = await createProvider(
      refundBot({ ...route, 'base-url': `${server.url}${base}` }),
      context(),
    );
    expect(await provider.call(ticket(), patience())).toMatchObject(
      text === null ? { kind: 'failed', code: 'redirect' } : { kind: 'answered', output: { text } },
    );
    const [first, second] = server.requests;
    expect(second?.text).toBe(text === null ? undefined : first?.text);
    await provider.close?.();
  }
  expect(other.requests).toEqual([]);
});

test('a refused key is named by its variable and by the address that refused it', async () => {
  const refuse: Script = () => ({ status: 401, body: openai('invalid_api_key') });
  await using server = await WireServer.start({
    'POST /v1/responses': refuse,
    'POST /v1/messages': refuse,
    'POST /answer': refuse,
  });
  const said = async (release: Parameters<typeof createProvider>[0], env: Record<string, string> = {}) => {
    const provider = await createProvider(release, context(env));
    const reply = await provider.call(ticket(), patience());
    await provider.close?.();
    expect(reply).toMatchObject({ kind: 'failed', code: 'auth', httpStatus: 401 });
    return reply.kind === 'failed' ? reply.message : '';
  };
  const at = `${server.url}/v1`;
  expect(await said(refundBot({ provider: 'openai', model: 'gpt-4o', 'base-url': at }))).toBe(
    `401 ${at} refused the API key from OPENAI_API_KEY`,
  );
  const team = { paths: { 'api-key-env': 'TEAM_KEY' } };
  expect(
    await said(refundBot({ provider: 'openai', model: 'gpt-4o', 'base-url': { env: 'GATEWAY' } }, team), {
      GATEWAY: `${at}?tenant=canary-tenant-4711`,
      TEAM_KEY: 'canary-team-key-1',
    }),
  ).toBe(`401 $GATEWAY (${server.url}) refused the API key from TEAM_KEY`);
  expect(
    await said(refundBot({ provider: 'anthropic', model: 'claude-sonnet-4-6', 'base-url': server.url })),
  ).toBe(`401 ${server.url}/ refused the API key from ANTHROPIC_API_KEY`);
  const headers = { authorization: { env: 'APP_TOKEN', prefix: 'Bearer ' } };
  const app = { provider: 'http', method: 'POST', url: `${server.url}/answer`, body: {} } as const;
  expect(await said(refundBot({ ...app, headers }), { APP_TOKEN: 'canary-app-token-1' })).toMatch(
    `401 ${server.url}/answer refused the header authorization from APP_TOKEN: {"error"`,
  );
  expect(await said(refundBot(app))).toMatch(`401 ${server.url}/answer refused a call without credentials:`);
});

test('a server without Responses gets the hint to call Chat Completions', async () => {
  const hint = 'write `api: chat` in the route';
  for (const [status, body] of [
    [404, { detail: 'Not Found' }],
    [404, '<html>nginx</html>'],
    [405, { detail: 'Method Not Allowed' }],
    [501, {}],
  ] as const) {
    const script: Script = () => ({ status, body });
    await withApi('responses', script, async (provider) => {
      expect(await provider.call(ticket(), patience())).toMatchObject({
        message: expect.stringContaining(hint),
      });
    });
    await withApi('chat', script, async (provider) => {
      expect(await provider.call(ticket(), patience())).toMatchObject({
        message: expect.not.stringContaining(hint),
      });
    });
  }
});

test('a redirect to elsewhere says where, without a query', async () => {
  const script: Script = () => ({
    status: 307,
    headers: { location: 'https://eu.gateway.example/v1/chat/completions?sig=canary-signature' },
  });
  await withApi('chat', script, async (provider) => {
    expect(await provider.call(ticket(), patience())).toMatchObject({
      code: 'redirect',
      message:
        '307 the server redirects to https://eu.gateway.example/v1/chat/completions, which is not followed; name the address that answers in base-url',
    });
  });
});
