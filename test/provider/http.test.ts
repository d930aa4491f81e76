import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { type Script, WireServer } from './wire-server.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

async function ask(
  route: JsonObject,
  script: Script,
  {
    request = ticket(),
    env = {},
    more = {},
  }: {
    request?: ReturnType<typeof ticket>;
    env?: Record<string, string>;
    more?: Record<string, Script>;
  } = {},
) {
  await using server = await WireServer.start({ 'POST /answer': script, ...more });
  const provider = await createProvider(
    refundBot({ provider: 'http', method: 'POST', url: `${server.url}/answer`, ...route }),
    context(env),
  );
  const reply = await provider.call(request, patience());
  await provider.close?.();
  return { reply, seen: server.requests };
}

test.each([
  ['end_turn', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['SAFETY', 'other:SAFETY'],
  [null, 'unknown'],
])('the word %s at the stop-reason path is %s', async (word, reason) => {
  const { reply } = await ask({ output: 'text', 'stop-reason': 'ended.why' }, () => ({
    body: { text: 'Yes.', ended: { why: word } },
  }));
  expect(reply).toMatchObject({ kind: 'answered', stopReason: reason });
});

test('the body is filled from the trial: whole outputs keep their type, others become text', async () => {
  const vars = { ticket: 'Where is "my" money?', order: 8812, lines: [{ sku: 'a' }], vip: false, note: null };
  const { reply, seen } = await ask(
    {
      body: {
        question: '{{ vars.ticket }}',
        order: '{{ vars.order }}',
        lines: '{{ vars.lines }}',
        vip: '{{ vars.vip }}',
        note: '{{ vars.note }}',
        subject: 'Case {{ case_id }}/{{ trial }} of {{ vars.order }}: {{ vars.lines | json }}',
        loud: '{{ vars.ticket | upcase }}',
        system: '{{ system }}',
        prompt: '{{ prompt }}',
        turns: '{{ messages }}',
        fixed: ['{% if vars.vip %}gold{% else %}plain{% endif %}', 3, true, null],
      },
      output: 'answer.text',
      'served-model': 'answer.model',
      usage: { 'input-tokens': 'meter.in', 'output-tokens': 'meter.out', 'cost-usd': 'meter.usd' },
    },
    () => ({
      headers: { 'x-request-id': 'app-1' },
      body: {
        answer: { text: 'On its way.', model: 'refund-model-3' },
        meter: { in: 12, out: 3, usd: 0.002 },
      },
    }),
    { request: ticket({ vars, trial: 2 }) },
  );
  expect(seen[0]?.body).toEqual({
    question: 'Where is "my" money?',
    order: 8812,
    lines: [{ sku: 'a' }],
    vip: false,
    note: null,
    subject: 'Case refund-angry-01/2 of 8812: [{"sku":"a"}]',
    loud: 'WHERE IS "MY" MONEY?',
    system: 'You answer refund tickets.',
    prompt: 'Where is my money?',
    turns: [
      { role: 'system', content: 'You answer refund tickets.' },
      { role: 'user', content: 'Where is my money?' },
    ],
    fixed: ['plain', 3, true, null],
  });
  expect(seen[0]?.headers['content-type']).toBe('application/json');
  expect(reply).toMatchObject({
    kind: 'answered',
    output: { text: 'On its way.', toolCalls: [] },
    stopReason: 'unknown',
    served: { model: 'refund-model-3', requestId: 'app-1' },
    usage: { inputTokens: 12, outputTokens: 3 },
    costUsd: 0.002,
    sent: { method: 'POST', body: { order: 8812 } },
  });
});

test('without a path the whole body is the answer; a value that is no text becomes JSON', async () => {
  expect((await ask({ body: {} }, () => ({ body: 'plain words' }))).reply).toMatchObject({
    output: { text: 'plain words' },
    usage: null,
    served: { model: null },
  });
  expect(
    (await ask({ body: {}, output: 'label' }, () => ({ body: { label: { kind: 'refund' } } }))).reply,
  ).toMatchObject({ output: { text: '{"kind":"refund"}' } });
});

test('tool calls are read where the route says', async () => {
  const { reply } = await ask({ body: {}, output: 'text', 'tool-calls': 'actions' }, () => ({
    body: {
      text: '',
      actions: [{ name: 'refund', args: { order: 1 } }, { function: { name: 'log', arguments: '{}' } }],
    },
  }));
  expect(reply).toMatchObject({
    output: {
      toolCalls: [
        { name: 'refund', args: { order: 1 } },
        { name: 'log', args: {} },
      ],
    },
  });
});

test("a path that leads nowhere, and an answer that is not JSON, are the application's failures", async () => {
  const missing = await ask({ body: {}, output: 'answer.text' }, () => ({ body: { answer: {} } }));
  expect(missing.reply).toMatchObject({
    kind: 'failed',
    cause: 'app_error',
    code: 'bad_reply',
    retryable: false,
  });
  const page = await ask({ body: {}, output: 'answer.text' }, () => ({ body: '<html>' }));
  expect(page.reply).toMatchObject({ kind: 'failed', cause: 'app_error', code: 'bad_reply' });
});

test.each([
  [400, 'bad_request', false, false],
  [401, 'auth', false, false],
  [403, 'forbidden', false, false],
  [404, 'not_found', false, false],
  [429, 'rate_limited', true, false],
  [500, 'server_error', false, false],
  [502, 'server_error', true, false],
  [503, 'server_error', true, false],
  [504, 'server_error', true, false],
])('status %i is app_error %s (retryable %s, fatal %s)', async (httpStatus, code, retryable, fatal) => {
  const { reply } = await ask({ body: {} }, () => ({
    status: httpStatus,
    body: { message: 'no' },
    headers: { 'retry-after': '3' },
  }));
  expect(reply).toMatchObject({
    kind: 'failed',
    cause: 'app_error',
    code,
    httpStatus,
    retryable,
    fatal,
    retryAfterMs: 3000,
  });
});

test("a broken connection is not the application's answer", async () => {
  expect((await ask({ body: {} }, () => 'reset')).reply).toMatchObject({
    cause: 'infra_error',
    code: 'connection',
    retryable: true,
  });
});

test('redirects are followed on the same origin and nowhere else, so that headers stay where they belong', async () => {
  const env = { APP_TOKEN: 'canary-app-token-1' };
  const route = { body: { q: 1 }, headers: { authorization: { env: 'APP_TOKEN', prefix: 'Bearer ' } } };
  const here = await ask(route, () => ({ status: 307, headers: { location: '/moved' } }), {
    env,
    more: { 'POST /moved': () => ({ body: 'moved answer' }) },
  });
  expect(here.reply).toMatchObject({ output: { text: 'moved answer' } });
  expect(here.seen[1]).toMatchObject({
    body: { q: 1 },
    headers: { authorization: 'Bearer canary-app-token-1' },
  });

  await using other = await WireServer.start({});
  const away = await ask(route, () => ({ status: 307, headers: { location: `${other.url}/moved` } }), {
    env,
  });
  expect(away.reply).toMatchObject({ kind: 'failed', cause: 'app_error', code: 'redirect' });
  expect(other.requests).toEqual([]);

  const circle = await ask(route, () => ({ status: 308, headers: { location: '/answer' } }), { env });
  expect(circle.reply).toMatchObject({ code: 'redirect' });
  expect(circle.seen.length).toBeLessThan(10);
});

test('header values and addresses from the environment are sent and never reported', async () => {
  const env = { APP_TOKEN: 'canary-app-token-1' };
  const { reply, seen } = await ask(
    {
      headers: { Authorization: { env: 'APP_TOKEN', prefix: 'Token ' }, 'x-team': 'refunds' },
      body: { q: '{{ prompt }}' },
    },
    ({ headers }) => ({
      status: 500,
      headers: { 'x-request-id': String(headers.authorization) },
      body: `${'y'.repeat(480)}${headers.authorization}`,
    }),
    { env },
  );
  expect(seen[0]?.headers).toMatchObject({ authorization: 'Token canary-app-token-1', 'x-team': 'refunds' });
  expect(JSON.stringify(reply)).not.toContain('canary-app');

  await using server = await WireServer.start({ 'GET /a': () => ({ body: 'echo canary-query-77' }) });
  const provider = await createProvider(
    refundBot({ provider: 'http', method: 'get', url: { env: 'APP_URL' } }),
    context({ APP_URL: `${server.url}/a?key=canary-query-77` }),
  );
  const got = await provider.call(ticket(), patience());
  expect(got).toMatchObject({ output: { text: 'echo [secret]' }, sent: { method: 'GET', url: '$APP_URL' } });
  await provider.close?.();
});

test('every missing variable is told at once, with its key', async () => {
  const release = refundBot({
    provider: 'http',
    url: { env: 'APP_URL' },
    headers: { authorization: { env: 'APP_TOKEN' } },
    body: {},
  });
  await expect(createProvider(release, context())).rejects.toMatchObject({
    exitCode: 2,
    errors: [
      { code: 'ENV_MISSING', where: { key: 'route.headers.authorization' } },
      { code: 'ENV_MISSING', where: { key: 'route.url' } },
    ],
  });
});

test('a template that does not parse is told before any call; a variable a case lacks fails that case alone', async () => {
  await expect(
    createProvider(
      refundBot({ provider: 'http', url: 'http://127.0.0.1:9/', body: { a: [{ q: '{{ vars.ticket' }] } }),
      context(),
    ),
  ).rejects.toMatchObject({ code: 'TEMPLATE_SYNTAX', where: { key: 'route.body.a.0.q' } });
  for (const q of [
    '{{ missing }}',
    'x {{ missing }}',
    '{{ vars.missing }}',
    'x {{ vars.missing | upcase }}',
  ]) {
    const { reply, seen } = await ask({ body: { q } }, () => ({}));
    // Nothing was sent: the application did not fail.
    expect(reply).toMatchObject({
      kind: 'failed',
      cause: 'infra_error',
      code: 'template_variable_missing',
      message: `the release's template asks for "missing", which the case's vars do not have (they have "ticket")`,
      retryable: false,
      fatal: false,
    });
    expect(seen).toHaveLength(0);
  }
});

test('templates reach neither inherited members nor files', async () => {
  for (const q of ['{{ vars.constructor }}', '{{ vars.ticket.constructor.name }}', '{{ constructor }}']) {
    const { reply, seen } = await ask({ body: { q } }, () => ({}));
    expect(reply).toMatchObject({ kind: 'failed', code: 'template_variable_missing' });
    expect(seen).toHaveLength(0);
  }
  await expect(
    createProvider(
      refundBot({
        provider: 'http',
        url: 'http://127.0.0.1:9/',
        body: { q: '{% include "package.json" %}' },
      }),
      context(),
    ),
  ).rejects.toMatchObject({ code: 'TEMPLATE_SYNTAX' });
});

test('variables are named as in prompts, or under vars; what the trial asks is under request', async () => {
  const vars = { ticket: 'Lost', prompt: 'a variable of the case', lines: [{ sku: 'a' }] };
  const { seen } = await ask(
    {
      body: {
        bare: '{{ ticket }}',
        under: '{{ vars.ticket }}',
        list: '{{ lines }}',
        inText: 'Lines: {{ lines }}',
        optional: '{{ note | default: "none" }}',
        branch: '{% if vip %}gold{% else %}plain{% endif %}',
        hidden: '{{ prompt }}',
        asked: '{{ request.prompt }}',
        system: '{{ system }}',
      },
    },
    () => ({ body: 'ok' }),
    { request: ticket({ vars }) },
  );
  expect(seen[0]?.body).toEqual({
    bare: 'Lost',
    under: 'Lost',
    list: [{ sku: 'a' }],
    inText: 'Lines: [{"sku":"a"}]',
    optional: 'none',
    branch: 'plain',
    hidden: 'a variable of the case',
    asked: 'Where is my money?',
    system: 'You answer refund tickets.',
  });
});

test('liquid inside a ticket is data', async () => {
  const { seen } = await ask(
    { body: { q: '{{ vars.ticket }}', r: 'x {{ vars.ticket }}' } },
    () => ({ body: 'ok' }),
    {
      request: ticket({ vars: { ticket: '{{ case_id }}{% raw %}' } }),
    },
  );
  expect(seen[0]?.body).toEqual({ q: '{{ case_id }}{% raw %}', r: 'x {{ case_id }}{% raw %}' });
});

test('an abort ends a call that the application would hold for ever', async () => {
  const stop = new AbortController();
  await using server = await WireServer.start({
    'POST /answer': () => {
      setImmediate(() => stop.abort());
      return 'hang';
    },
  });
  const provider = await createProvider(
    refundBot({ provider: 'http', method: 'POST', url: `${server.url}/answer`, body: {} }),
    context(),
  );
  expect(await provider.call(ticket(), stop.signal)).toMatchObject({ cause: 'timeout', code: 'aborted' });
  await provider.close?.();
});

test('an application in front of the simulator is marked as simulated', async () => {
  const { reply } = await ask({ body: {} }, () => ({ body: 'x', headers: { 'x-lastgood-simulator': '1' } }));
  expect(reply).toMatchObject({ served: { simulated: true } });
});

test('an answer of nothing but tool calls needs no text where the route names their place', async () => {
  const route = {
    body: {},
    output: 'choices.0.message.content',
    'tool-calls': 'choices.0.message.tool_calls',
  };
  const answer =
    (message: JsonObject): Script =>
    () => ({ body: { choices: [{ message }] } });
  const call = { id: 'call_1', type: 'function', function: { name: 'refund', arguments: '{"order":1}' } };
  for (const message of [{ content: null, tool_calls: [call] }, { tool_calls: [call] }])
    expect((await ask(route, answer(message))).reply).toMatchObject({
      kind: 'answered',
      output: { text: '', toolCalls: [{ id: 'call_1', name: 'refund', args: { order: 1 } }] },
    });
  const neither = await ask(route, answer({ content: null, tool_calls: [] }));
  expect(neither.reply).toMatchObject({
    kind: 'failed',
    code: 'bad_reply',
    message: expect.stringMatching(
      /nothing at "choices.0.message.content" and no tool calls at .*"content":null/,
    ),
  });
  const unread = await ask(
    { body: {}, output: 'choices.0.message.content' },
    answer({ content: null, tool_calls: [call] }),
  );
  expect(unread.reply).toMatchObject({ kind: 'failed', code: 'bad_reply' });
});

test.each<[JsonObject, JsonValue, string | null]>([
  [{ output: 'text' }, { text: '', error: 'the model is away' }, 'the model is away'],
  [{ output: 'text' }, { text: 'Paid.', error: { message: 'half of it' } }, 'half of it'],
  [{}, { error: 'the model is away' }, 'the model is away'],
  [{}, { error: { message: 'no' }, request: 7 }, 'no'],
  [{ output: 'text', error: 'problems' }, { text: 'x', problems: ['late'] }, 'late'],
  [{ output: 'text' }, { text: 'Paid.', error: null }, null],
  [{ output: 'text' }, { text: 'Paid.', error: '' }, null],
  [
    { output: 'text', error: 'problems' },
    { text: 'Paid.', error: 'E42 is what the log says', problems: [] },
    null,
  ],
  // The whole text is the answer here, and this one is about an error.
  [{}, { error: 'E42', severity: 'high' }, null],
])('route %j: an answer of %j with status 200 reports %s', async (route, body, reported) => {
  const { reply } = await ask({ body: {}, ...route }, () => ({ body }));
  expect(reply).toMatchObject(
    reported === null
      ? { kind: 'answered' }
      : {
          kind: 'failed',
          cause: 'app_error',
          code: 'app_error',
          httpStatus: 200,
          message: expect.stringContaining(reported),
        },
  );
});

test('a page instead of JSON names its type and its beginning, with any status', async () => {
  const page =
    (status: number): Script =>
    () => ({
      status,
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: '<html>\n<title>Sign in</title>',
    });
  expect((await ask({ body: {}, output: 'text' }, page(200))).reply).toMatchObject({
    code: 'bad_reply',
    message: expect.stringContaining('not JSON (text/html): <html> <title>Sign in'),
  });
  expect((await ask({ body: {}, output: 'text' }, page(502))).reply).toMatchObject({
    message: '502 (text/html) <html> <title>Sign in</title>',
  });
});

test('the sources of an answer are read where the route says; an answer without them has none', async () => {
  const route = { body: {}, output: 'text', context: 'retrieval.documents' };
  const documents = [{ id: 'faq-3', text: 'Five days.' }];
  const found = await ask(route, () => ({ body: { text: 'Five days.', retrieval: { documents } } }));
  expect(found.reply).toMatchObject({ output: { text: 'Five days.', context: documents } });
  const none = await ask(route, () => ({ body: { text: 'Five days.', retrieval: { documents: null } } }));
  expect(none.reply).toHaveProperty('output', { text: 'Five days.', toolCalls: [] });
});
