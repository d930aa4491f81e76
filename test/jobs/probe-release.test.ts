// doctor --release: what a server supports, told by two small calls; wrong keys, addresses and models in the words of `run`.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import type { DoctorResult } from '../../src/jobs/project/doctor.ts';
import { reportJsonSchemas } from '../../src/report/json/published-schemas.ts';
import { lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { type ScriptedReply, type SeenRequest, WireServer } from '../provider/wire-server.ts';

const KEY = 'canary-key-0123456789';
const VALID = new Ajv({ strict: false, validateFormats: false }).compile(
  reportJsonSchemas().get('doctor.schema.json') ?? false,
);

async function doctor(
  route: string,
  more: { args?: string[]; params?: string; env?: Record<string, string> } = {},
) {
  await using dir = await temporaryFolder();
  const params = more.params === undefined ? '' : `params: { ${more.params} }\n`;
  await writeFile(join(dir.path, 'live.yaml'), `name: live\nroute: { ${route} }\n${params}`);
  await writeFile(
    join(dir.path, 'prices.yaml'),
    'as-of: 2026-11-01\nmodels: { vllm/small: { input: 1000, output: 1000 } }\n',
  );
  const args = ['doctor', '--release', 'live.yaml', '--json', ...(more.args ?? ['--yes'])];
  const ran = await lastgoodHere(args, {
    cwd: dir.path,
    env: { VLLM_API_KEY: KEY, OPENAI_API_KEY: KEY, ...more.env },
  });
  expect(ran.stdout + ran.stderr).not.toContain('canary');
  const result = JSON.parse(ran.stdout) as DoctorResult;
  expect(VALID(result), JSON.stringify(VALID.errors)).toBe(true);
  const states = Object.fromEntries((result.probe?.features ?? []).map((f) => [f.feature, f.state]));
  return { ...ran, result, states, call: result.checks.find((c) => c.name === 'call') };
}

const chunk = (data: JsonValue): string => `data: ${JSON.stringify(data)}\n\n`;

/** A server that can do all of it. */
function ableServer({ body }: SeenRequest): ScriptedReply {
  const head = { model: 'small-0613', system_fingerprint: 'fp_1', service_tier: 'default' };
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  if (body['tools'] === undefined)
    return {
      headers: { 'x-request-id': 'r1' },
      pieces: [
        chunk({ ...head, choices: [{ index: 0, delta: { content: '{"word":' } }] }),
        chunk({ ...head, choices: [{ index: 0, delta: { content: '"hello"}' }, finish_reason: 'stop' }] }),
        chunk({ ...head, choices: [], usage }),
        'data: [DONE]\n\n',
      ],
    };
  const call = { id: 'c', type: 'function', function: { name: 'look_up', arguments: '{"word":"hello"}' } };
  return {
    body: {
      ...head,
      choices: [{ finish_reason: 'tool_calls', message: { content: null, tool_calls: [call] } }],
      usage,
    },
  };
}

/** An old server: the reply whole, plain text, no counts, the old name of the cap. */
function plainServer({ body }: SeenRequest): ScriptedReply {
  const refuse = (param: string): ScriptedReply => ({
    status: 400,
    body: {
      error: {
        message: `Unrecognized request argument supplied: ${param}`,
        param,
        code: 'unknown_parameter',
      },
    },
  });
  for (const param of ['max_completion_tokens', 'stream_options', 'stream', 'seed'])
    if (body[param] !== undefined) return refuse(param);
  const format = body['response_format'] as JsonObject | undefined;
  if (format !== undefined)
    return {
      status: 400,
      body: { error: { message: `response_format ${String(format['type'])} is not available` } },
    };
  if (body['tools'] !== undefined)
    return { status: 400, body: { error: { message: 'tools are not available' } } };
  return { body: { choices: [{ finish_reason: 'stop', message: { content: 'hello' } }] } };
}

test('a server that can do all is told feature by feature, with what the calls cost', async () => {
  await using server = await WireServer.start({
    'GET /v1/models': () => ({ body: { data: [{ id: 'small' }, { id: 'large' }] } }),
    'GET /v1/models/small': () => ({ body: { id: 'small' } }),
    'POST /v1/chat/completions': ableServer,
  });
  const { code, result, states, stderr, call } = await doctor(
    `provider: vllm, model: small, base-url: "${server.url}/v1"`,
    { args: ['--yes', '--prices', 'prices.yaml'], params: 'temperature: 0, max-output-tokens: 50' },
  );
  expect(code).toBe(0);
  expect(stderr).toContain(
    'doctor makes 2 small calls to small at vllm: at most 100 output tokens, at most $',
  );
  expect(states).toEqual({
    ...{
      'model-list': 'yes',
      'json-schema': 'yes',
      'json-object': 'unknown',
      streaming: 'yes',
      tools: 'yes',
    },
    ...{ usage: 'yes', fingerprint: 'yes', 'served-model': 'yes' },
  });
  expect(call).toMatchObject({ state: 'ok', message: 'live: vllm answered as small-0613' });
  expect(result.probe).toMatchObject({
    calls: 2,
    costUsd: 0.03,
    priceKeys: ['vllm/small-0613', 'small-0613', 'vllm/small', 'small'],
    served: { model: 'small-0613', systemFingerprint: 'fp_1' },
  });
  expect(result.probe?.params.sent).toEqual([
    { name: 'temperature', as: 'temperature' },
    { name: 'max-output-tokens', as: 'max_completion_tokens' },
  ]);
  expect(result.probe?.unknown).toEqual(['region', 'reasoning tokens', 'cached input tokens']);
  const posts = server.requests.filter(({ route }) => route.startsWith('POST'));
  expect(posts).toHaveLength(2);
});

test('an old server is told by what it refuses, and what snapshots will not know is listed', async () => {
  await using server = await WireServer.start({
    'GET /v1/models': () => ({ status: 404, body: {} }),
    'GET /v1/models/small': () => ({ status: 404, body: {} }),
    'POST /v1/chat/completions': plainServer,
  });
  const { code, result, states } = await doctor(
    `provider: vllm, model: small, base-url: "${server.url}/v1"`,
    {
      params: 'seed: 7, max-output-tokens: 50',
    },
  );
  expect(code).toBe(0);
  expect(states).toEqual({
    ...{ 'model-list': 'no', 'json-schema': 'no', 'json-object': 'no', streaming: 'no', tools: 'no' },
    ...{ usage: 'no', fingerprint: 'no', 'served-model': 'no' },
  });
  expect(result.probe?.params).toEqual({
    sent: [{ name: 'max-output-tokens', as: 'max_tokens' }],
    dropped: ['seed'],
  });
  expect(result.probe).toMatchObject({ costUsd: null, pin: { state: 'unknown' } });
  expect(result.probe?.unknown.join('\n')).toMatch(/served model.*system fingerprint.*cost and tokens/s);
});

test('without consent nothing is called but the catalogue', async () => {
  await using server = await WireServer.start({
    'GET /v1/models/small': () => ({ body: { id: 'small' } }),
  });
  const { code, result, call } = await doctor(`provider: vllm, model: small, base-url: "${server.url}/v1"`, {
    args: [],
  });
  expect(code).toBe(0);
  expect(result.probe).toBeNull();
  expect(call).toMatchObject({ state: 'warn', hint: 'pass --yes' });
  expect(server.requests).toHaveLength(1);
});

test.each([
  [401, { message: `Incorrect API key: ${KEY}` }, /refused the API key from VLLM_API_KEY/, 'auth'],
  [404, { message: 'no', type: 'NotFoundError' }, /vLLM did not find it/, 'unknown_model'],
  [500, { message: 'broken' }, /broken/, 'server_error'],
])('status %i of a call is bad, in the words of a run', async (status, error, message, code) => {
  await using server = await WireServer.start({
    'GET /v1/models': () => ({ status: 404 }),
    'GET /v1/models/small': () => ({ status: 404 }),
    'POST /v1/chat/completions': () => ({ status, body: { error } }),
  });
  const outcome = await doctor(`provider: vllm, model: small, base-url: "${server.url}/v1"`);
  expect(outcome.code).toBe(4);
  expect(outcome.call).toMatchObject({ state: 'bad', message: expect.stringMatching(message) });
  expect(outcome.call?.message).toContain(`[${code}]`);
  expect(outcome.call?.hint).toMatch(/^(check|correct)/);
});

test('a server that is not there, a missing key and a missing package are bad', async () => {
  const away = await doctor('provider: ollama, model: small, base-url: "http://127.0.0.1:9/v1"');
  expect(away.code).toBe(4);
  expect(away.result.checks.at(-1)).toMatchObject({
    state: 'bad',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  const keyless = await doctor('provider: gemini, model: gemini-2.5-flash');
  expect(keyless.result.checks.at(-1)).toMatchObject({
    state: 'bad',
    message: expect.stringContaining('GEMINI_API_KEY'),
  });
});

test('routes of an application or of recordings are not called', async () => {
  const { code, call } = await doctor('provider: http, url: "http://127.0.0.1:9/"');
  expect(code).toBe(0);
  expect(call).toMatchObject({ state: 'ok', message: expect.stringContaining('needs a case') });
});

test('a release that embeds is asked for one vector', async () => {
  await using server = await WireServer.start({
    'GET /v1/models': () => ({ body: { data: [] } }),
    'GET /v1/models/text-embedding-3-small': () => ({ body: { id: 'text-embedding-3-small' } }),
    'POST /v1/embeddings': () => ({ body: { data: [{ index: 0, embedding: [1, 0, 0] }], model: 'e' } }),
  });
  const route = `provider: openai, model: text-embedding-3-small, base-url: "${server.url}/v1"`;
  const { call, stderr } = await doctor(route);
  expect(call).toMatchObject({ state: 'ok', message: expect.stringContaining('3 numbers a text') });
  expect(stderr).toContain('one small call');
});
