// Flags over OFREP: with the real OpenFeature SDK, and by hand where the protocol says more than the SDK asks.

import { OFREPProvider } from '@openfeature/ofrep-provider';
import { ErrorCode, OpenFeature, StandardResolutionReasons } from '@openfeature/server-sdk';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NewShippingChange, PointedRelease } from '../../src/core/index.ts';
import { openFlagReader } from '../../src/jobs/demo/flag-reader.ts';
import { setFlag } from '../../src/jobs/flag/set-flag.ts';
import { withShipping } from '../../src/jobs/registry/open-shipping.ts';
import { lastgoodHere } from '../cli/lastgood.ts';
import { type Running, running } from './running.ts';
import { readEvents } from './sse.ts';

const [CONTROL, CANDIDATE, OLD] = ['a', 'b', 'c'].map((c) => c.repeat(64)) as [string, string, string];

/** Sets a flag as another process does: through a connection of its own. */
function set(server: Running, key: string, value: string, more: object = {}) {
  return withShipping(server.db, {}, (shipping) =>
    setFlag(
      { mask: { text: (t) => t, json: (v) => v, add: () => {} }, clock: { now: () => new Date() } },
      shipping,
      {
        ...{ key, value, feature: '*', environment: 'production', when: [], by: 'ada', why: 'a test' },
        ...more,
      },
    ),
  );
}

function point(server: Running, fingerprint: string, more: Partial<NewShippingChange> = {}) {
  const body: PointedRelease = {
    ...{
      release: `release-${fingerprint[0]}`,
      fingerprint,
      layerHashes: {},
      provider: 'openai',
      model: null,
    },
    ...{ suite: 'desk', snapshot: null, overrode: [] },
  };
  return withShipping(server.db, {}, (shipping) =>
    shipping.append({
      ...{ kind: 'pointer', feature: 'desk', environment: 'production', name: '' },
      ...{ at: new Date().toISOString(), by: 'ada', why: 'a test', body: { ...body } },
      ...more,
    }),
  );
}

async function client(server: Running, headers: [string, string][] = []) {
  const domain = `test-${server.port}-${headers.length}`;
  await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl: server.url, headers }));
  onTestFinished(() => OpenFeature.clearProviders());
  return OpenFeature.getClient(domain);
}

const post = (server: Running, path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/ofrep/v1/evaluate/flags${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('the OpenFeature SDK', () => {
  it('reads the six flags and the team’s own, and sees a flip at its next question', async () => {
    const server = await running();
    await set(server, 'ai.tools.enabled', 'true');
    await set(server, 'ai.action.mode', 'auto');
    await set(server, 'ai.rollout.percent', '5', { feature: 'desk' });
    await set(server, 'limit', '2.5');
    await set(server, 'new-summary', 'true', { percent: 30, when: ['segment=beta', 'input-length>100'] });
    const flags = await client(server);
    expect(await flags.getBooleanValue('ai.tools.enabled', false)).toBe(true);
    expect(await flags.getStringValue('ai.action.mode', 'human')).toBe('auto');
    expect(await flags.getNumberValue('ai.rollout.percent', 0, { feature: 'desk' })).toBe(5);
    expect(await flags.getNumberValue('limit', 0)).toBe(2.5);
    const beta = { targetingKey: 'u1', segment: 'beta', 'input-length': 500 };
    const split = await flags.getBooleanDetails('new-summary', false, beta);
    expect(split.reason).toBe(StandardResolutionReasons.SPLIT);
    expect(split.flagMetadata).toMatchObject({ environment: 'production' });
    expect(await flags.getBooleanDetails('new-summary', false, { ...beta, segment: 'pro' })).toMatchObject({
      value: false,
      reason: StandardResolutionReasons.TARGETING_MATCH,
    });
    await set(server, 'ai.tools.enabled', 'false');
    expect(await flags.getBooleanValue('ai.tools.enabled', true)).toBe(false);
  });

  it('gets its defaults with the reason where there is no answer', async () => {
    const server = await running();
    await set(server, 'ai.tools.enabled', 'true');
    await set(server, 'half', 'true', { percent: 50 });
    const flags = await client(server);
    expect(await flags.getBooleanDetails('nothing', true)).toMatchObject({
      value: true,
      errorCode: ErrorCode.FLAG_NOT_FOUND,
    });
    expect(await flags.getStringDetails('ai.tools.enabled', 'x')).toMatchObject({
      value: 'x',
      errorCode: ErrorCode.TYPE_MISMATCH,
    });
    expect(await flags.getBooleanDetails('half', false)).toMatchObject({
      errorCode: ErrorCode.TARGETING_KEY_MISSING,
    });
    const large = await flags.getBooleanDetails('ai.tools.enabled', false, { note: 'x'.repeat(100_000) });
    expect(large).toMatchObject({ value: false, reason: StandardResolutionReasons.ERROR });
  });

  it('gives the default at once while the server is away, and the value again when it is back', async () => {
    const server = await running();
    await set(server, 'ai.tools.enabled', 'true');
    const flags = await client(server);
    expect(await flags.getBooleanValue('ai.tools.enabled', false)).toBe(true);
    await server.close();
    // Nothing is cached: a value that may be stale is never served as the present one.
    expect(await flags.getBooleanDetails('ai.tools.enabled', false)).toMatchObject({
      value: false,
      reason: StandardResolutionReasons.ERROR,
      errorCode: ErrorCode.GENERAL,
    });
    await running({ db: server.db, port: server.port });
    expect(await flags.getBooleanValue('ai.tools.enabled', false)).toBe(true);
  });

  it('and plain OFREP give the application of the demo the same values', async () => {
    const server = await running();
    await set(server, 'ai.action.mode', 'draft', { feature: 'desk' });
    await set(server, 'ai.rollout.percent', '5', { feature: 'desk' });
    const context = { feature: 'desk', targetingKey: 'u1' };
    const sdk = await openFlagReader(server.url);
    const plain = await openFlagReader(server.url, async () => null);
    expect([sdk.sdk, plain.sdk]).toEqual(['@openfeature/server-sdk', null]);
    for (const flags of [sdk, plain]) {
      expect(await flags.read('ai.action.mode', 'human', context)).toBe('draft');
      expect(await flags.read('ai.rollout.percent', -1, context)).toBe(5);
      expect(await flags.read('ai.rollout.percent', 'text', context)).toBe('text');
      expect(await flags.read('nothing', 'otherwise', context)).toBe('otherwise');
    }
    await server.close();
    for (const flags of [sdk, plain])
      expect(await flags.read('ai.action.mode', 'human', context)).toBe('human');
    await sdk.close();
  });

  it('needs a token as soon as there is one, as bearer or as API key', async () => {
    const server = await running();
    await set(server, 'ai.tools.enabled', 'true');
    const token = await server.token('app', 'observe');
    const value = async (headers: [string, string][]) =>
      (await client(server, headers)).getBooleanValue('ai.tools.enabled', false);
    expect(await value([])).toBe(false);
    expect(await value([['Authorization', `Bearer ${token}`]])).toBe(true);
    const key = await post(server, '/ai.tools.enabled', {}, { 'x-api-key': token });
    expect(key.status).toBe(200);
    expect((await post(server, '/ai.tools.enabled', {}, { 'x-api-key': `${token}x` })).status).toBe(401);
    expect((await fetch(`${server.url}/ofrep/v1/events`)).status).toBe(401);
  });
});

describe('the release of a request', () => {
  it('is the variant of every answer: in force, the candidate for its share, or an old one until its end', async () => {
    const server = await running();
    await point(server, OLD);
    await point(server, CONTROL);
    await set(server, 'ai.tools.enabled', 'true');
    const flags = await client(server);
    const variantOf = async (more: Record<string, string>, key = 'ai.tools.enabled') => {
      const { variant, flagMetadata } = await flags.getBooleanDetails(key, false, {
        feature: 'desk',
        ...more,
      });
      expect(flagMetadata['variant']).toBe(variant);
      return variant;
    };
    expect(await variantOf({})).toBe(CONTROL);
    expect((await flags.getBooleanDetails('ai.tools.enabled', false)).variant).toBeUndefined();
    expect(await flags.getStringValue('ai.release', '', { feature: 'desk' })).toBe(CONTROL);

    await point(server, CANDIDATE, { name: 'candidate' });
    const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);
    const share = async () => {
      const got = await Promise.all(users.map((targetingKey) => variantOf({ targetingKey })));
      return new Set(users.filter((_, i) => got[i] === CANDIDATE));
    };
    expect((await share()).size).toBe(0);
    await set(server, 'ai.rollout.percent', '20', { feature: 'desk' });
    const small = await share();
    expect(small.size).toBeGreaterThan(20);
    expect(small.size).toBeLessThan(60);
    // Who cannot be kept in a part gets what everybody had before.
    expect(await variantOf({})).toBe(CONTROL);
    await set(server, 'ai.rollout.percent', '50', { feature: 'desk' });
    const large = await share();
    expect([...small].filter((u) => !large.has(u))).toEqual([]);
    expect(large.size).toBeGreaterThan(small.size);
    await set(server, 'ai.rollout.percent', '0', { feature: 'desk' });
    expect((await share()).size).toBe(0);

    const deprecate = (until: number) =>
      withShipping(server.db, {}, (shipping) =>
        shipping.append({
          ...{ kind: 'deprecation', feature: 'desk', environment: 'production', name: OLD, by: 'ada' },
          ...{ at: new Date().toISOString(), why: 'a test' },
          body: { release: 'release-c', until: new Date(until).toISOString(), message: 'use the new one' },
        }),
      );
    expect(await variantOf({ release: 'release-c' })).toBe(CONTROL);
    await deprecate(Date.now() + 60_000);
    expect(await variantOf({ release: 'release-c' })).toBe(OLD);
    const { flagMetadata } = await flags.getBooleanDetails('ai.tools.enabled', false, {
      feature: 'desk',
      release: OLD.slice(0, 12),
    });
    expect(flagMetadata).toMatchObject({ variant: OLD, deprecated: 'use the new one' });
    await deprecate(Date.now() - 1);
    expect(await variantOf({ release: 'release-c' })).toBe(CONTROL);
  });
});

describe('all flags at once', () => {
  it('answers 304 while nothing changed for this context', async () => {
    const server = await running();
    await set(server, 'ai.tools.enabled', 'true');
    await set(server, 'half', 'true', { percent: 50 });
    await set(server, 'theirs', 'true', { feature: 'other' });
    const ask = (context: object, etag?: string) =>
      post(server, '', { context }, etag === undefined ? {} : { 'if-none-match': etag });
    const first = await ask({ targetingKey: 'u1' });
    const etag = first.headers.get('etag') ?? '';
    const body = (await first.json()) as { flags: { key: string }[]; eventStreams: unknown };
    expect(body.flags.map((f) => f.key)).toEqual(['ai.tools.enabled', 'half']);
    expect(body.flags.every((f) => 'value' in f)).toBe(true);
    expect(body.eventStreams).toMatchObject([{ type: 'sse', endpoint: { requestUri: '/ofrep/v1/events' } }]);
    const same = await ask({ targetingKey: 'u1' }, etag);
    expect(same.status).toBe(304);
    expect(await same.text()).toBe('');
    // Of another context other answers come.
    expect((await ask({ targetingKey: null }, etag)).status).toBe(200);
    const unkeyed = (await (await ask({})).json()) as { flags: object[] };
    expect(unkeyed.flags).toMatchObject([{ value: true }, { errorCode: 'TARGETING_KEY_MISSING' }]);
    await set(server, 'ai.tools.enabled', 'false');
    const after = await ask({ targetingKey: 'u1' }, etag);
    expect(after.status).toBe(200);
    expect(after.headers.get('etag')).not.toBe(etag);
  });

  it('serves one environment', async () => {
    const server = await running({ environment: 'staging' });
    await set(server, 'ai.tools.enabled', 'true');
    await set(server, 'ai.tools.enabled', 'false', { environment: 'staging' });
    const answer = await post(server, '/ai.tools.enabled', { context: { environment: 'production' } });
    expect(await answer.json()).toMatchObject({ value: false, metadata: { environment: 'staging' } });
  });
});

describe('the stream of changes', () => {
  it('reports a change of another process, and ends with the server', async () => {
    const server = await running();
    await set(server, 'ai.tools.enabled', 'true');
    const events = await readEvents(`${server.url}/ofrep/v1/events`);
    expect(events.response.headers.get('content-type')).toContain('text/event-stream');
    expect(await events.next()).toMatchObject({
      id: '1',
      event: 'message',
      data: { type: 'refetchEvaluation' },
    });
    await set(server, 'ai.tools.enabled', 'false');
    expect(await events.next()).toMatchObject({ id: '2', data: { type: 'refetchEvaluation', etag: '"g2"' } });
    // Who comes back with what it has seen is not sent it again.
    const known = await readEvents(`${server.url}/ofrep/v1/events`, { 'last-event-id': '2' });
    await set(server, 'ai.tools.enabled', 'true');
    expect(await known.next()).toMatchObject({ id: '3' });
    await known.close();
    expect(await events.next()).toMatchObject({ id: '3' });
    // What has no body would hold a place for a listener for ever.
    expect((await fetch(`${server.url}/ofrep/v1/events`, { method: 'HEAD' })).status).toBe(405);
    expect((await fetch(`${server.url}/v1/guard/desk/events`, { method: 'HEAD' })).status).toBe(405);
    const end = events.next();
    await server.close();
    expect(await end).toBeUndefined();
  });
});

describe('the drill of a flag', () => {
  it('reads through the server, with its token, and says where there is none', async () => {
    const server = await running();
    await set(server, 'ai.tools.enabled', 'true', { percent: 40 });
    const token = await server.token('app', 'read');
    const drill = (url: string, env: Record<string, string>) =>
      lastgoodHere(
        [
          ...['flag', 'test', 'ai.tools.enabled', 'false', '--environment', 'production', '--url', url],
          ...['--by', 'ada', '--why', 'drill', '--db', server.db, '--within', '20s'],
        ],
        { cwd: server.project, env },
      );
    expect(await drill(server.url, { LASTGOOD_TOKEN: token })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`read through  ${server.url}`),
    });
    expect((await drill(server.url, {})).stderr).toContain('SERVER_ANSWER');
    expect((await drill('ftp://x', {})).stderr).toContain('BAD_OPTION');
    await server.close();
    expect((await drill(server.url, {})).stderr).toMatch(/does not answer.*SERVER_ANSWER/);
  });
});

describe('hostile requests', () => {
  it.each([
    ['no JSON', '{"context":', 400, 'PARSE_ERROR'],
    ['a list', '[]', 400, 'PARSE_ERROR'],
    ['a context that is a text', { context: 'u1' }, 400, 'INVALID_CONTEXT'],
    ['a targeting key that is a number', { context: { targetingKey: 5 } }, 400, 'INVALID_CONTEXT'],
    [
      'a targeting key that is too long',
      { context: { targetingKey: 'x'.repeat(2000) } },
      400,
      'INVALID_CONTEXT',
    ],
    [
      'too many properties',
      { context: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`p${i}`, i])) },
      400,
      'INVALID_CONTEXT',
    ],
    ['a property of too many values', { context: { segment: Array(300).fill('x') } }, 400, 'INVALID_CONTEXT'],
    ['a context that is too large', { context: { note: 'x'.repeat(70_000) } }, 413, 'INVALID_CONTEXT'],
    ['nesting', `{"context":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`, 400, 'PARSE_ERROR'],
  ])('%s is refused in the words of OFREP', async (_, body, status, errorCode) => {
    const server = await running();
    await set(server, 'ai.tools.enabled', 'true');
    const answer = await post(server, '/ai.tools.enabled', body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ key: 'ai.tools.enabled', errorCode });
    expect((await post(server, '/ai.tools.enabled', '')).status).toBe(200);
  });

  it('a rule is text and no pattern, however it is written', async () => {
    const server = await running();
    const value = async (name: string): Promise<unknown> =>
      ((await (await post(server, '/mine', { context: { name } })).json()) as { value: unknown }).value;
    // As a pattern it would take longer than the world has lasted.
    await set(server, 'mine', 'true', { when: ['name^=(a+)+$'] });
    await set(server, 'mine', 'true', { when: ['name$=(.*a){40}$', 'name!=(x+x+)+y'] });
    expect([await value(`${'a'.repeat(60_000)}!`), await value('(a+)+$ and more')]).toEqual([false, true]);
    expect(await value('ends with (.*a){40}$')).toBe(true);
  });

  it('names of prototypes are no flags and no properties, and pages of others get nothing', async () => {
    const server = await running();
    await set(server, 'mine', 'true', { when: ['toString=x'] });
    expect((await post(server, '/__proto__', {})).status).toBe(404);
    expect((await post(server, '/constructor', {})).status).toBe(404);
    const polluted = await post(
      server,
      '/mine',
      '{"context":{"__proto__":{"toString":"x","feature":"desk"}}}',
    );
    expect(await polluted.json()).toMatchObject({ value: false });
    expect((await post(server, '/mine', {}, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await post(server, '/mine', {}, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await fetch(`${server.url}/ofrep/v1/evaluate/flags/mine`)).status).toBe(405);
    expect(JSON.stringify(server.log)).not.toContain('mine');
  });
});
