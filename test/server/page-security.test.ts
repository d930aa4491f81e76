// The pages of the server against other pages, other people and forged forms.

import { describe, expect, it } from 'vitest';
import { openGuardLog } from '../../src/jobs/guard/open-guard.ts';
import { type Running, running } from './running.ts';
import { Visitor } from './visitor.ts';

const STOP = { feature: 'refunds', by: 'ada', why: 'INC-7' };
/** Everything that a page can do. */
const ACTIONS = [
  ...['/guard/stop', '/guard/start', '/guard/answer', '/flags/set'],
  ...['pause', 'resume', 'abort', 'promote', 'step'].map((decision) => `/rollouts/refunds/${decision}`),
];

async function stops(server: Running, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`${server.url}/api/guard`, { headers });
  return ((await answer.json()) as { stops: unknown[] }).stops.length;
}

describe('signing in', () => {
  it('is asked for where tokens are in force, and takes the token out of every address', async () => {
    const server = await running();
    const token = await server.token('ada', 'operate');
    const visitor = new Visitor(server);
    const away = await visitor.get('/compare?a=x&b=y');
    expect([away.status, away.headers.get('location')]).toEqual([
      303,
      '/sign-in?to=%2Fcompare%3Fa%3Dx%26b%3Dy',
    ]);
    expect((await visitor.get('/api/overview')).status).toBe(401);
    expect((await visitor.get('/api/events')).status).toBe(401);
    expect((await visitor.signIn('lg_operate_wrong')).status).toBe(401);
    const inside = await visitor.signIn(token);
    expect([inside.status, inside.headers.get('location')]).toEqual([303, '/guard']);
    expect(inside.headers.get('set-cookie')).toMatch(
      /^lastgood_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    expect(visitor.cookie).not.toContain(token);
    expect((await visitor.get('/guard')).status).toBe(200);
    expect(JSON.stringify(server.log)).not.toContain(token);
  });

  it('gives a cookie for TLS alone where a proxy is trusted, and believes no other sender', async () => {
    const tls = { 'x-forwarded-proto': 'https' };
    // Whoever reaches the proxy reaches the server: without a token it does not start.
    await expect(running({ trustProxy: true })).rejects.toMatchObject({ code: 'SERVE_NEEDS_TOKENS' });
    const first = await running();
    const token = await first.token('ada', 'operate');
    await first.close();
    const server = await running({ db: first.db, trustProxy: true });
    const secure = { ...tls, origin: `https://127.0.0.1:${server.port}` };
    const visitor = new Visitor(server);
    const inside = await visitor.form('/sign-in', { token }, secure);
    expect(inside.headers.get('set-cookie')).toMatch(/; Secure$/);
    // A page without TLS may have been changed on its way.
    const csrf = await visitor.csrf();
    expect((await visitor.form('/guard/stop', { ...STOP, csrf }, tls)).status).toBe(403);
    const out = await visitor.form('/sign-out', { csrf }, secure);
    expect(out.headers.get('set-cookie')).toMatch(/Max-Age=0; .*; Secure$/);
    await server.removeToken('ada');
    expect((await new Visitor(server).get('/guard')).status).toBe(303);
    expect((await new Visitor(server).get('/v1/signals')).status).toBe(401);

    const open = await running();
    const other = new Visitor(open);
    const direct = await other.form('/sign-in', { token: await open.token('ada', 'read') }, tls);
    expect(direct.headers.get('set-cookie')).not.toContain('Secure');
  });

  it('never leads to another site', async () => {
    const server = await running();
    const token = await server.token('ada', 'read');
    const places = [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example/',
      'javascript:alert(1)',
      '/\r\nset-cookie: x=y',
    ];
    for (const to of places) {
      expect((await new Visitor(server).signIn(token, to)).headers.get('location'), to).toBe('/');
      const form = await new Visitor(server).get(`/sign-in?to=${encodeURIComponent(to)}`);
      expect(await form.text(), to).toContain('name="to" value="/"');
    }
  });

  it('ends with the token, with a sign-out, and when the first token is made', async () => {
    const server = await running();
    const open = new Visitor(server);
    expect((await open.get('/guard')).status).toBe(200);
    const early = await open.csrf();
    const token = await server.token('ada', 'operate');
    expect((await open.get('/guard')).status).toBe(303);
    expect((await open.form('/guard/stop', { ...STOP, csrf: early })).status).toBe(401);

    const visitor = new Visitor(server);
    await visitor.signIn(token);
    const before = visitor.cookie;
    expect((await visitor.form('/sign-out', { csrf: await visitor.csrf() })).status).toBe(303);
    visitor.cookie = before;
    expect((await visitor.get('/guard')).status).toBe(303);

    await visitor.signIn(token);
    const form = await visitor.csrf();
    await server.removeToken('ada');
    await server.token('eve', 'read');
    expect((await visitor.get('/guard')).status).toBe(303);
    expect((await visitor.form('/guard/stop', { ...STOP, csrf: form })).status).toBe(401);
  });

  it('gives a new session each time, so that a planted one is worth nothing', async () => {
    const server = await running();
    const token = await server.token('ada', 'operate');
    const visitor = new Visitor(server);
    visitor.cookie = `lastgood_session=${'a'.repeat(43)}`;
    await visitor.signIn(token);
    expect(visitor.cookie).not.toContain('aaaa');
    const first = visitor.cookie;
    await visitor.signIn(token);
    expect(visitor.cookie).not.toBe(first);
    visitor.cookie = first;
    expect((await visitor.get('/guard')).status).toBe(303);
  });

  it('needs the role read', async () => {
    const server = await running();
    const visitor = new Visitor(server);
    const answer = await visitor.signIn(await server.token('app', 'observe'));
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('has the role observe');
    expect(visitor.cookie).toBe('');
  });
});

describe('actions', () => {
  it('need the role operate, and say so before a form is spent', async () => {
    const server = await running();
    const reader = await server.token('reader', 'read');
    const visitor = new Visitor(server);
    await visitor.signIn(reader);
    const page = await (await visitor.get('/guard')).text();
    expect(page).not.toContain('action="/guard/stop"');
    const { csrf } = (await (await visitor.get('/api/session')).json()) as { csrf: string };
    for (const path of ['/guard', '/flags', '/rollouts'])
      expect(await (await visitor.get(path)).text(), path).not.toContain('method="post"');
    for (const path of ACTIONS) {
      expect((await visitor.form(path, { ...STOP, csrf })).status).toBe(403);
      expect((await visitor.json(path, { ...STOP, csrf })).status).toBe(403);
    }
    expect(await stops(server, reader)).toBe(0);
  });

  it('count once, and only with a form of the own session', async () => {
    const server = await running();
    const token = await server.token('ada', 'operate');
    const visitor = new Visitor(server);
    await visitor.signIn(token);
    const other = new Visitor(server);
    await other.signIn(token);
    const csrf = await visitor.csrf();
    const forged = `${csrf.slice(0, -4)}AAAA`;
    for (const wrong of [undefined, '', 'none', forged, await other.csrf()]) {
      const fields = wrong === undefined ? STOP : { ...STOP, csrf: wrong };
      expect((await visitor.form('/guard/stop', fields)).status).toBe(403);
      expect((await visitor.json('/guard/stop', fields)).status).toBe(403);
    }
    expect(await stops(server, token)).toBe(0);
    const done = await visitor.form('/guard/stop', { ...STOP, csrf });
    expect([done.status, done.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/^\/guard\?said=[\w-]+$/),
    ]);
    expect(await (await visitor.get(done.headers.get('location') ?? '')).text()).toContain(
      'refunds is stopped.',
    );
    for (const path of ACTIONS) expect((await visitor.form(path, { ...STOP, csrf })).status, path).toBe(403);
    const again = await visitor.form('/guard/start', { ...STOP, csrf });
    expect(again.status).toBe(403);
    expect(await again.text()).toContain('this form was sent before');
    expect(await stops(server, token)).toBe(1);
  });

  it('take JSON with the same protection, and hand on the next form token', async () => {
    const server = await running();
    const visitor = new Visitor(server);
    const { csrf } = (await (await visitor.get('/api/session')).json()) as { csrf: string };
    expect(csrf).not.toBe('');
    const stopped = await visitor.json('/guard/stop', STOP, { 'x-csrf-token': csrf });
    const said = (await stopped.json()) as { csrf: string };
    expect(said).toMatchObject({ kind: 'stop', feature: 'refunds', stopped: true, by: 'ada' });
    expect((await visitor.json('/guard/start', STOP, { 'x-csrf-token': csrf })).status).toBe(403);
    expect((await visitor.json('/guard/start', { ...STOP, csrf: said.csrf })).status).toBe(200);
    // What a page of another site can send without asking first.
    const simple = await visitor.json('/guard/stop', { ...STOP, csrf }, { 'content-type': 'text/plain' });
    expect(simple.status).toBe(415);
    expect(await stops(server)).toBe(0);
  });

  it('are refused from pages of others, signing in and out among them', async () => {
    const server = await running();
    const token = await server.token('ada', 'operate');
    const visitor = new Visitor(server);
    await visitor.signIn(token);
    const csrf = await visitor.csrf();
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'http://127.0.0.1:1' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      const from = JSON.stringify(headers);
      expect((await visitor.form('/guard/stop', { ...STOP, csrf }, headers)).status, from).toBe(403);
      expect((await visitor.json('/guard/stop', { ...STOP, csrf }, headers)).status, from).toBe(403);
      for (const path of ACTIONS)
        expect((await visitor.form(path, { csrf }, headers)).status, `${path} ${from}`).toBe(403);
      expect((await visitor.form('/sign-out', { csrf }, headers)).status, from).toBe(403);
      expect((await new Visitor(server).form('/sign-in', { token }, headers)).status, from).toBe(403);
    }
    expect(await stops(server, token)).toBe(0);
    expect((await visitor.form('/guard/stop', { ...STOP, csrf })).status).toBe(303);
  });

  it('are refused without an origin, and a session does not open the other addresses', async () => {
    const server = await running();
    const token = await server.token('ada', 'operate');
    const visitor = new Visitor(server);
    await visitor.signIn(token);
    const csrf = await visitor.csrf();
    const bare = await fetch(`${server.url}/guard/stop`, {
      method: 'POST',
      body: new URLSearchParams({ ...STOP, csrf }),
      headers: { cookie: visitor.cookie },
    });
    expect(bare.status).toBe(403);
    expect((await visitor.json('/v1/guard/refunds/stop', { by: 'ada', why: 'x' })).status).toBe(401);
    expect((await visitor.get('/v1/signals')).status).toBe(401);
    expect(await stops(server, token)).toBe(0);
  });

  it('are signed with the token, and refused with a sentence where they cannot be done', async () => {
    const server = await running();
    const token = await server.token('ada-laptop', 'operate');
    const log = await openGuardLog(server.db);
    const action = {
      feature: 'refunds',
      environment: 'production',
      agent: null,
      action: 'refund',
      key: 'o1',
      impact: 500,
    };
    await log.decide(action, { now: Date.now(), newId: 'a_1' }, () => ({
      outcome: 'approval-pending',
      reason: 'above 100',
      ask: { above: 100 },
    }));
    await log.close();
    const visitor = new Visitor(server);
    await visitor.signIn(token);
    const send = async (fields: Record<string, string>): Promise<string> => {
      const answer = await visitor.form('/guard/answer', { ...fields, csrf: await visitor.csrf() });
      expect(answer.status).toBe(303);
      return (await visitor.get(answer.headers.get('location') ?? '')).text();
    };
    expect(await send({ id: 'a_1', answer: 'grant', by: 'ada' })).toMatch(
      /role="alert">Nothing was done: .*why/,
    );
    expect(await send({ id: 'a_1', answer: 'maybe', by: 'ada', why: 'x' })).toContain(
      'must be grant or deny',
    );
    expect(await send({ id: 'a_1', answer: 'grant', by: 'ada', why: 'checked' })).toContain(
      'Granted: refund o1',
    );
    expect(await send({ id: 'a_1', answer: 'deny', by: 'ada', why: 'late' })).toContain(
      'an answer is not changed',
    );
    const guard = await fetch(`${server.url}/api/guard`, { headers: { authorization: `Bearer ${token}` } });
    expect(await guard.json()).toMatchObject({
      pending: [],
      answered: [{ id: 'a_1', state: 'granted', answer: { by: 'ada (token ada-laptop)', why: 'checked' } }],
    });
  });
});

const PATHS = [
  ...['/', '/guard', '/registry', '/snapshots', '/compare', '/features/x'],
  ...['/rollouts', '/rollouts/x', '/flags'],
];

describe('hosts and headers', () => {
  it('a name that a page pointed here is refused everywhere', async () => {
    const server = await running();
    for (const path of [...PATHS, '/sign-in', '/api/overview', '/api/flags', '/api/session', '/api/events']) {
      const { status, body } = await hosted(server, path, 'evil.example');
      expect(status, path).toBe(421);
      expect(body, path).not.toContain('csrf');
    }
    expect((await hosted(server, '/guard', `localhost:${server.port}`)).status).toBe(200);
  });

  it('every page forbids frames, foreign scripts and styles, and is not cached', async () => {
    const server = await running();
    for (const path of [...PATHS, '/compare?a=x&b=y']) {
      const { headers } = await new Visitor(server).get(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; /);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

/** `fetch` does not let anyone choose the host. */
async function hosted(
  server: Running,
  path: string,
  host: string,
): Promise<{ status: number; body: string }> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path, headers: { host } }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}
