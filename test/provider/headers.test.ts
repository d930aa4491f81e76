// Headers of a route go with every call of an API, and what the environment adds is known by name.

import { expect, test } from 'vitest';
import { createProvider } from '../../src/provider/index.ts';
import { fingerprintOf, problemsOf } from '../release/memory.ts';
import { WireServer } from './wire-server.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

const CHAT = { choices: [{ finish_reason: 'stop', message: { content: 'Paid.' } }] };
const MESSAGE = { content: [{ type: 'text', text: 'Paid.' }], stop_reason: 'end_turn' };

test.each([
  ['openai', 'POST /v1/chat/completions', '/v1', CHAT],
  ['anthropic', 'POST /v1/messages', '', MESSAGE],
] as const)(
  '%s: a beta header and one from the environment are sent, and no value is reported',
  async (provider, path, base, body) => {
    await using server = await WireServer.start({
      [path]: ({ headers }) => ({ body: { ...body, model: `m ${headers['x-team']}` } }),
    });
    const release = refundBot({
      provider,
      api: 'chat',
      model: 'm',
      'base-url': `${server.url}${base}`,
      headers: { 'anthropic-beta': 'context-1m-2026-01-01', 'x-team': { env: 'TEAM', prefix: 'team ' } },
    });
    const made = await createProvider(release, context({ TEAM: 'canary-team-header-1' }));
    const replies = [await made.call(ticket(), patience()), await made.call(ticket(), patience())];
    await made.close?.();
    for (const { headers } of server.requests)
      expect(headers).toMatchObject({
        'anthropic-beta': 'context-1m-2026-01-01',
        'x-team': 'team canary-team-header-1',
      });
    expect(server.requests).toHaveLength(2);
    expect(replies).toMatchObject([{ kind: 'answered' }, { kind: 'answered' }]);
    expect(JSON.stringify(replies)).not.toContain('canary');
    expect(made.environment).toEqual([]);
    await expect(createProvider(release, context())).rejects.toMatchObject({
      code: 'ENV_MISSING',
      where: { key: 'route.headers.x-team' },
    });
  },
);

test('headers are part of the fingerprint: their values, the names of variables, not the case of names', async () => {
  const of = (headers: string) =>
    fingerprintOf(`name: a\nroute: { provider: openai, model: gpt-4o-2024-11-20${headers} }\n`);
  const beta = await of(', headers: { OpenAI-Beta: a=v1 }');
  expect(await of(', headers: { openai-beta: a=v1 }')).toBe(beta);
  expect(await of(', headers: {}')).toBe(await of(''));
  expect(new Set([beta, await of(''), await of(', headers: { openai-beta: a=v2 }')]).size).toBe(3);
  expect(await of(', headers: { x-team: { env: A } }')).not.toBe(
    await of(', headers: { x-team: { env: B } }'),
  );
});

test('a literal credential, a header of the connection and one given twice are refused', async () => {
  const problems = async (headers: string) =>
    (await problemsOf(`name: a\nroute: { provider: anthropic, model: m, headers: ${headers} }\n`)).map(
      (e) => e.code,
    );
  expect(await problems('{ x-api-key: abcdef }')).toEqual(['RELEASE_SECRET']);
  expect(await problems('{ content-type: text/plain }')).toHaveLength(1);
  expect(await problems('{ "x team": a }')).toHaveLength(1);
  expect(await problems('{ x-team: a, X-Team: b }')).toEqual(['RELEASE_BAD_VALUE']);
  expect(await problems('{ x-api-key: { env: TEAM_KEY } }')).toEqual([]);
});

test('variables that change the calls of an SDK are named with what they do, never with a value', async () => {
  const env = {
    OPENAI_BASE_URL: 'https://gateway.example/v1',
    OPENAI_ORG_ID: 'org-canary-1',
    OPENAI_PROJECT_ID: 'proj-canary-1',
    OPENAI_CUSTOM_HEADERS: 'X-Gateway: canary-gateway-1\nOpenAI-Beta: a=v1',
    ANTHROPIC_BASE_URL: 'https://gateway.example',
    ANTHROPIC_CUSTOM_HEADERS: 'x-gateway: canary-gateway-2',
  };
  const of = async (route: Parameters<typeof refundBot>[0]) => {
    const made = await createProvider(refundBot(route), context(env));
    await made.close?.();
    expect(JSON.stringify(made.environment)).not.toContain('canary');
    return made.environment?.map(({ variable, effect }) => `${variable} ${effect}`);
  };
  // An address that the route does not name is refused.
  for (const provider of ['openai', 'anthropic'] as const)
    await expect(of({ provider, model: 'm' })).rejects.toMatchObject({ code: 'ROUTE_REDIRECTED' });
  const at = (variable: string) => ({ 'base-url': { env: variable } });
  expect(await of({ provider: 'openai', model: 'm', ...at('OPENAI_BASE_URL') })).toEqual([
    'OPENAI_ORG_ID names the organization that calls',
    'OPENAI_PROJECT_ID names the project that calls',
    'OPENAI_CUSTOM_HEADERS adds to every call: x-gateway, openai-beta',
  ]);
  // What the route says itself is not the environment's.
  const own = { ...at('OPENAI_BASE_URL'), organization: 'org-1' };
  expect(await of({ provider: 'openai', model: 'm', ...own })).toEqual([
    'OPENAI_PROJECT_ID names the project that calls',
    'OPENAI_CUSTOM_HEADERS adds to every call: x-gateway, openai-beta',
  ]);
  expect(await of({ provider: 'anthropic', model: 'm', ...at('ANTHROPIC_BASE_URL') })).toEqual([
    'ANTHROPIC_CUSTOM_HEADERS adds to every call: x-gateway',
  ]);
});
