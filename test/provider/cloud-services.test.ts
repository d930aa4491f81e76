// Claude on Amazon Bedrock and Vertex AI, through the packages that sign their calls. Skips where a package is not installed.

import { expect, test, vi } from 'vitest';
import { createProvider } from '../../src/provider/index.ts';
import { releaseOf } from '../release/memory.ts';
import { type Script, WireServer } from './wire-server.ts';
import { context, patience, ticket } from './worlds.ts';

const MODEL = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content: [{ type: 'text', text: 'Paid.' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 10, output_tokens: 2 },
};

async function installed(name: string): Promise<boolean> {
  const found = await import(name).then(
    () => true,
    () => false,
  );
  if (!found) process.stderr.write(`skipped: ${name} is not installed (npm install --no-save ${name}@1)\n`);
  return found;
}

const BEDROCK = await installed('@anthropic-ai/bedrock-sdk');
const VERTEX = await installed('@anthropic-ai/vertex-sdk');

async function ask(route: string, path: string, script: Script, env: Record<string, string>, stream = false) {
  await using server = await WireServer.start({ [`POST ${path}`]: script });
  const release = await releaseOf(`name: a\nroute: { ${route}, base-url: ${server.url} }\n`);
  const provider = await createProvider(release, context(env));
  const reply = await provider.call(ticket({ ...(stream ? { stream } : {}) }), patience());
  await provider.close?.();
  return { reply, seen: server.requests[0] };
}

const INVOKE = `/model/${MODEL}/invoke`;
const ROUTE = `provider: bedrock, model: "${MODEL}", region: us-east-1`;

test.skipIf(!BEDROCK)(
  'bedrock: a bearer token, the model in the address, the version in the body',
  async () => {
    const env = { AWS_BEARER_TOKEN_BEDROCK: 'canary-bedrock-token' };
    const { reply, seen } = await ask(ROUTE, INVOKE, () => ({ body: MESSAGE }), env);
    expect(reply).toMatchObject({
      kind: 'answered',
      output: { text: 'Paid.' },
      served: { model: 'claude-sonnet-4-5-20250929' },
      usage: { inputTokens: 10, outputTokens: 2 },
    });
    expect(seen?.headers.authorization).toBe('Bearer canary-bedrock-token');
    expect(seen?.headers['x-api-key']).toBeUndefined();
    expect(seen?.body).toMatchObject({ anthropic_version: '2026-10-21', max_tokens: 4096 });
    expect(seen?.body).not.toHaveProperty('model');
    expect(seen?.body).not.toHaveProperty('inference_geo');
    expect(JSON.stringify(reply)).not.toContain('canary');
  },
);

test.skipIf(!BEDROCK)(
  'bedrock: keys of AWS sign the call; an older version is sent as it is named',
  async () => {
    const env = {
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE00000000',
      AWS_SECRET_ACCESS_KEY: 'canary-aws-secret-key',
      AWS_SESSION_TOKEN: 'canary-aws-session',
    };
    const route = `${ROUTE}, api-version: bedrock-2023-05-31`;
    const { seen } = await ask(route, INVOKE, () => ({ body: MESSAGE }), env);
    expect(seen?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE00000000\/\d{8}\/us-east-1\/bedrock\/aws4_request/,
    );
    expect(seen?.headers['x-amz-security-token']).toBe('canary-aws-session');
    expect(seen?.body).toMatchObject({ anthropic_version: 'bedrock-2023-05-31' });
  },
);

test.skipIf(!BEDROCK)('bedrock: is not asked to stream, and says so', async () => {
  const env = { AWS_BEARER_TOKEN_BEDROCK: 'canary-bedrock-token' };
  const { reply } = await ask(ROUTE, INVOKE, () => ({ body: MESSAGE }), env, true);
  expect(reply).toMatchObject({ kind: 'answered', droppedParams: ['stream'] });
});

test.skipIf(!BEDROCK)('bedrock: a refusal of AWS keeps its words', async () => {
  const env = { AWS_BEARER_TOKEN_BEDROCK: 'canary-bedrock-token' };
  const body = { message: 'The provided model identifier is invalid.' };
  const { reply } = await ask(ROUTE, INVOKE, () => ({ status: 400, body }), env);
  expect(reply).toMatchObject({
    kind: 'failed',
    code: 'bad_request',
    message: expect.stringContaining('The provided model identifier is invalid.'),
  });
});

test.skipIf(!BEDROCK)('bedrock: a machine without credentials fails the call and nothing else', async () => {
  for (const name of ['HOME', 'AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE'])
    vi.stubEnv(name, '/nonexistent');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  const release = await releaseOf(`name: a\nroute: { ${ROUTE}, base-url: "http://127.0.0.1:9" }\n`);
  const provider = await createProvider(release, context({}));
  const reply = await provider.call(ticket(), AbortSignal.timeout(20_000));
  await provider.close?.();
  expect(reply).toMatchObject({ kind: 'failed', code: 'auth', retryable: false });
  vi.unstubAllEnvs();
});

test.skipIf(!VERTEX)('vertex: a token, project and region in the address, streamed or not', async () => {
  const at = '/projects/shop-1/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929';
  const route =
    'provider: vertex, model: "claude-sonnet-4-5@20250929", region: us-east5, project: { env: PROJECT }, token-env: TOKEN';
  const env = { PROJECT: 'shop-1', TOKEN: 'canary-google-token' };
  const whole = await ask(route, `${at}:rawPredict`, () => ({ body: MESSAGE }), env);
  expect(whole.reply).toMatchObject({ kind: 'answered', output: { text: 'Paid.' } });
  expect(whole.seen?.headers.authorization).toBe('Bearer canary-google-token');
  expect(whole.seen?.body).toMatchObject({ anthropic_version: '2026-10-21' });
  const events = [
    { type: 'message_start', message: { ...MESSAGE, content: [], stop_reason: null } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Paid.' } },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ];
  const pieces = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  const streamed = await ask(route, `${at}:streamRawPredict`, () => ({ pieces }), env, true);
  expect(streamed.reply).toMatchObject({ kind: 'answered', output: { text: 'Paid.' } });
});

test.skipIf(!VERTEX)('vertex: a machine without credentials fails the call and nothing else', async () => {
  vi.stubEnv('HOME', '/nonexistent');
  // Google's library would look for the metadata server of a machine in its cloud.
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none');
  const release = await releaseOf(
    'name: a\nroute: { provider: vertex, model: claude-opus-5, region: global, project: shop-1, base-url: "http://127.0.0.1:9" }\n',
  );
  const provider = await createProvider(release, context({}));
  await provider.ready?.();
  const reply = await provider.call(ticket(), AbortSignal.timeout(20_000));
  await provider.close?.();
  expect(reply).toMatchObject({ kind: 'failed', cause: 'infra_error', code: 'auth', retryable: false });
  vi.unstubAllEnvs();
});
