// The guard in an agent against a real server: every decision, in the middle of a run, from several processes, and without the server.

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { secretMask } from '../../src/base/index.ts';
import {
  ActionStopped,
  ApprovalDenied,
  ApprovalPending,
  connectGuard,
  type Guard,
  type GuardOptions,
  GuardRefused,
  GuardUnreachable,
  RateLimited,
} from '../../src/client/index.ts';
import type { Approval, GuardDecision } from '../../src/core/index.ts';
import { FlagState } from '../../src/jobs/flag/flag-state.ts';
import { guardAction } from '../../src/jobs/guard/guard-action.ts';
import { withGuard } from '../../src/jobs/guard/open-guard.ts';
import { changeStop } from '../../src/jobs/guard/stop.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { json, lastgoodHere, ROOT } from '../cli/lastgood.ts';
import { type Running, running } from '../server/running.ts';

const SIGNED = ['--by', 'ada', '--why', 'wrong refunds'];
const TICKET = {
  ...{ feature: 'desk', suite: '../suite.yaml' },
  ...{ control: { release: '../a.yaml' }, candidate: { release: '../b.yaml' } },
  stages: [{ percent: 100 }],
  // biome-ignore lint/suspicious/noThenProperty: the ticket's own word
  gates: [{ signal: 'errors', over: '200 calls', above: '1%', then: 'rollback' }],
  guard: { rate: { mail: '3/d' }, 'approve-above': { refund: 100 }, fail: 'closed' },
};

async function desk(guard: object = TICKET.guard) {
  const server = await running();
  await ticket(server, guard);
  const cli = (...args: string[]) => lastgoodHere([...args, '--db', server.db], { cwd: server.project });
  return { server, cli, connect: (more: Partial<GuardOptions> = {}) => connect(server.url, more) };
}

async function ticket(server: Running, guard: object): Promise<void> {
  await mkdir(join(server.project, 'features'), { recursive: true });
  await writeFile(join(server.project, 'features/desk.yaml'), stringify({ ...TICKET, guard }));
}

function connect(url: string, more: Partial<GuardOptions> = {}): Guard {
  const guard = connectGuard({ url, feature: 'desk', timeoutMs: 60_000, ...more });
  onTestFinished(() => guard.close());
  return guard;
}

const log = (server: Running): Promise<readonly GuardDecision[]> =>
  withGuard(server.db, (store) => store.decisions({ most: 1000 }));

describe('an action', () => {
  it('is executed and logged with its end', async () => {
    const { server, connect: guardOf, cli } = await desk();
    const guard = guardOf({ agent: 'triage-1' });
    expect(await guard.act({ action: 'refund', impact: 80, key: 'order-1' }, async () => 'paid')).toEqual({
      executed: true,
      value: 'paid',
    });
    await expect(
      guard.act({ action: 'refund', impact: 80, key: 'order-2' }, () => {
        throw new Error('the bank is closed');
      }),
    ).rejects.toThrow('the bank is closed');
    expect(await log(server)).toMatchObject([
      { key: 'order-2', outcome: 'allowed', succeeded: false, agent: 'triage-1' },
      { key: 'order-1', outcome: 'allowed', succeeded: true, impact: 80 },
    ]);
    const text = (await cli('guard', 'log', 'desk')).stdout;
    expect(text).toMatch(
      /allowed, failed {2}desk {2}refund order-2 impact 80 {2}agent triage-1: no rule is against it/,
    );
    expect(text).toContain('2 decisions');
  });

  it('is not executed in a dry run, and while the flags say draft or tools off', async () => {
    const { server, connect: guardOf, cli } = await desk();
    let executed = 0;
    const act = (guard: Guard) => guard.act({ action: 'refund', impact: 8, key: 'o' }, () => ++executed);
    expect(await act(guardOf({ dryRun: true }))).toMatchObject({ executed: false });
    const guard = guardOf();
    await cli('flag', 'set', 'ai.action.mode', 'draft', '--feature', 'desk', ...SIGNED);
    expect(await act(guard)).toMatchObject({ executed: false, reason: 'the flag ai.action.mode is draft' });
    await cli('flag', 'set', 'ai.action.mode', 'auto', '--feature', 'desk', ...SIGNED);
    await cli('flag', 'set', 'ai.tools.enabled', 'false', ...SIGNED);
    await expect(act(guard)).rejects.toBeInstanceOf(ActionStopped);
    expect(executed).toBe(0);
    await cli('flag', 'set', 'ai.tools.enabled', 'true', ...SIGNED);
    expect(await act(guard)).toMatchObject({ executed: true });
    expect((await log(server)).map((d) => d.outcome)).toEqual(['allowed', 'stopped', 'dry-run', 'dry-run']);
  });

  it('above the threshold waits for a person, once, for this very action', async () => {
    const { connect: guardOf, cli, server } = await desk();
    const guard = guardOf();
    const act = (key: string, impact: number, waitMs = 0) =>
      guard.act({ action: 'refund', impact, key, waitMs }, () => `paid ${key}`);
    const pending = await act('order-1', 500).catch((e: unknown) => e);
    expect(pending).toBeInstanceOf(ApprovalPending);
    const { id } = pending as ApprovalPending;
    // Asking again makes no second approval.
    expect(((await act('order-1', 500).catch((e: unknown) => e)) as ApprovalPending).id).toBe(id);
    expect((await cli('approvals')).stdout).toMatch(
      new RegExp(`${id}.*waiting.*desk {2}refund order-1, impact 500 \\(above 100\\)`),
    );

    const granted = await cli('approvals', 'grant', id, ...SIGNED);
    expect(granted.code).toBe(0);
    expect((await cli('approvals', 'grant', id, ...SIGNED)).stderr).toContain('APPROVAL_ANSWERED');
    expect((await cli('approvals', 'deny', 'a_nothing', ...SIGNED)).stderr).toContain('APPROVAL_UNKNOWN');
    // Not for more money, and not for another order.
    await expect(act('order-1', 501)).rejects.toBeInstanceOf(ApprovalPending);
    const { approvals } = json<{ approvals: Approval[] }>(await cli('approvals', 'list', '--json'));
    for (const a of approvals) await cli('approvals', 'deny', a.id, ...SIGNED);
    await expect(act('order-1', 501)).rejects.toBeInstanceOf(ApprovalDenied);

    const waiting = act('order-3', 200, 60_000);
    await expect
      .poll(
        async () =>
          json<{ approvals: Approval[] }>(await cli('approvals', 'list', '--json')).approvals.length,
        { timeout: 120_000 },
      )
      .toBe(1);
    const [third] = json<{ approvals: Approval[] }>(await cli('approvals', 'list', '--json')).approvals;
    await cli('approvals', 'grant', third?.id ?? '', ...SIGNED);
    expect(await waiting).toEqual({ executed: true, value: 'paid order-3' });
    // It was used up.
    await expect(act('order-3', 200)).rejects.toBeInstanceOf(ApprovalPending);
    expect((await log(server)).filter((d) => d.outcome === 'allowed')).toMatchObject([
      { key: 'order-3', reason: expect.stringContaining('approved by ada') },
    ]);
  });

  it('has one rate over all agents and processes, even at the same instant', async () => {
    const { connect: guardOf, server } = await desk();
    const agents = [guardOf({ agent: 'a' }), guardOf({ agent: 'b' }), guardOf()];
    let sent = 0;
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, (_, i) =>
        (agents[i % 3] as Guard).act({ action: 'mail', key: `m${i}` }, () => ++sent),
      ),
    );
    expect(sent).toBe(3);
    const refused = results.filter((r) => r.status === 'rejected').map((r) => r.reason);
    expect(refused).toHaveLength(9);
    expect(refused.every((e) => e instanceof RateLimited)).toBe(true);
    // A process of its own is bound by what these have used.
    const code = `import { connectGuard } from ${JSON.stringify(join(ROOT, 'src/client/index.ts'))};
const guard = connectGuard({ url: ${JSON.stringify(server.url)}, feature: 'desk' });
await guard.act({ action: 'mail', key: 'other' }, () => console.log('sent')).catch((e) => console.log(e.code));
guard.close();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
    expect(stdout.trim()).toBe('RATE_LIMITED');
  });
});

describe('a stop', () => {
  it('reaches an agent in the middle of an action, and ends with start', async () => {
    const { connect: guardOf, cli } = await desk();
    const guard = guardOf({ agent: 'triage-1' });
    const other = guardOf({ agent: 'triage-2' });
    await guard.ready();
    await other.ready();
    const steps: number[] = [];
    const long = guard.act({ action: 'refund', impact: 1, key: 'o' }, async (signal) => {
      for (let step = 0; ; step++) {
        signal.throwIfAborted();
        steps.push(step);
        await new Promise((done) => setTimeout(done, 5));
      }
    });
    const failed = expect(long).rejects.toBeInstanceOf(ActionStopped);
    await expect.poll(() => steps.length, { timeout: 120_000 }).toBeGreaterThan(2);
    const stopped = await cli('stop', 'desk', '--agent', 'triage-1', ...SIGNED);
    expect(stopped.stdout).toContain('STOPPED  the agent triage-1 of desk in production');
    await failed;
    expect(guard.stopped).toContain('stopped by ada');
    expect(() => guard.check()).toThrow(ActionStopped);
    await expect(guard.act({ action: 'mail', key: 'm' }, () => 1)).rejects.toBeInstanceOf(ActionStopped);
    expect(await other.act({ action: 'mail', key: 'm' }, () => 1)).toMatchObject({ executed: true });

    await cli('stop', '--all', ...SIGNED);
    await expect.poll(() => other.signal.aborted, { timeout: 120_000 }).toBe(true);
    const start = await cli('start', 'desk', '--agent', 'triage-1', ...SIGNED);
    expect(start.stdout).toContain('still stopped: every feature was stopped by ada: wrong refunds');
    expect((await cli('guard', 'status')).stdout).toContain('every feature in production');
    await cli('start', '--all', ...SIGNED);
    await expect.poll(() => other.stopped, { timeout: 120_000 }).toBeNull();
    expect(other.signal.aborted).toBe(false);
    await expect.poll(() => guard.stopped, { timeout: 120_000 }).toBeNull();
    expect(await guard.act({ action: 'refund', impact: 1, key: 'p' }, () => 1)).toMatchObject({
      executed: true,
    });
    expect((await cli('stop', ...SIGNED)).code).toBe(2);
  });
});

it('a stop that is recorded while an action is being decided holds for it', async () => {
  const { server } = await desk();
  const shipping = await openShippingLog(server.db);
  onTestFinished(() => shipping.close());
  const flags = new FlagState(shipping);
  const read: number[] = [];
  const decision = await withGuard(server.db, (store) =>
    guardAction(store, {
      action: {
        ...{ feature: 'desk', environment: 'production', agent: null },
        ...{ action: 'refund', key: 'o', impact: 1 },
      },
      ...{ dryRun: false, found: { ok: true, rules: { rate: {}, approveAbove: {}, fail: 'closed' } } },
      now: new Date(),
      state: async () => {
        const state = await flags.now();
        if (read.push(state.generation) === 1) {
          const stop = { feature: 'desk', environment: 'production', stopped: true, by: 'ada', why: 'now' };
          await changeStop(secretMask([]), shipping, { ...stop, now: new Date() });
        }
        return state;
      },
    }),
  );
  expect(decision.outcome).toBe('stopped');
  expect(read).toEqual([0, 1]);
});

describe('without the server', () => {
  it('nothing is done where the ticket says closed, nor where nothing was ever heard', async () => {
    const { server, connect: guardOf } = await desk();
    const guard = guardOf({ fail: 'open' });
    await guard.ready();
    await server.close();
    const act = guard.act({ action: 'mail', key: 'm' }, () => 1);
    await expect(act).rejects.toBeInstanceOf(GuardUnreachable);
    const never = connect(server.url);
    await expect(never.act({ action: 'mail', key: 'm' }, () => 1)).rejects.toBeInstanceOf(GuardUnreachable);
  });

  it('goes on where the ticket says open, but not above a threshold nor when stopped, and reports it later', async () => {
    const { server, connect: guardOf } = await desk({ ...TICKET.guard, fail: 'open' });
    // A switch before the server that can be opened and closed.
    let open = true;
    const proxy = createServer((request, response) => {
      if (!open) return void response.socket?.destroy();
      const forwarded = fetch(`${server.url}${request.url}`, {
        method: request.method ?? 'GET',
        headers: { 'content-type': 'application/json' },
        ...(request.method === 'POST' ? { body: request as never, duplex: 'half' } : {}),
      } as RequestInit);
      void forwarded.then(
        async (r) => {
          response.writeHead(r.status, { 'content-type': r.headers.get('content-type') ?? '' });
          for await (const chunk of r.body as unknown as AsyncIterable<Uint8Array>) response.write(chunk);
          response.end();
        },
        () => response.socket?.destroy(),
      );
    });
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    onTestFinished(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const guard = guardOf({ url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, agent: 'a' });
    await guard.ready();
    open = false;
    proxy.closeAllConnections();
    expect(await guard.act({ action: 'refund', impact: 5, key: 'late-1' }, () => 'paid')).toMatchObject({
      value: 'paid',
    });
    await expect(guard.act({ action: 'refund', impact: 500, key: 'big' }, () => 1)).rejects.toThrow(
      /a person must approve/,
    );
    open = true;
    await expect
      .poll(async () => (await log(server)).map((d) => [d.outcome, d.key]), { timeout: 120_000 })
      .toContainEqual(['unreachable', 'late-1']);
    expect(await log(server)).toHaveLength(1);
  });
});

describe('access', () => {
  it('of a wrong role, origin, host or body changes nothing and is never taken for an absent server', async () => {
    const { server, connect: guardOf, cli } = await desk({ ...TICKET.guard, fail: 'open' });
    const token = { read: '', observe: '', operate: '' };
    for (const role of ['read', 'observe', 'operate'] as const) token[role] = await server.token(role, role);
    let executed = 0;
    for (const wrong of [undefined, 'lg_nothing', token.read]) {
      const guard = guardOf({ token: wrong, fail: 'open' });
      const act = guard.act({ action: 'mail', key: 'm' }, () => ++executed);
      await expect(act).rejects.toBeInstanceOf(GuardRefused);
    }
    expect(executed).toBe(0);
    const guard = guardOf({ token: token.observe });
    expect(await guard.act({ action: 'mail', key: 'm' }, () => ++executed)).toMatchObject({ executed: true });

    const send = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token.operate}`, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    const signed = { by: 'eve', why: 'because' };
    const stops = async () => (await cli('guard', 'status', '--json')).stdout;
    const none = await stops();
    for (const path of [
      '/v1/guard/desk/stop',
      '/v1/guard/desk/start',
      '/v1/approvals/a_1/grant',
      '/v1/approvals/a_1/deny',
    ]) {
      for (const role of ['read', 'observe'] as const)
        expect((await send(path, signed, { authorization: `Bearer ${token[role]}` })).status).toBe(403);
      expect((await send(path, signed, { authorization: '' })).status).toBe(401);
      // What a page of another origin can send, with and without asking first.
      expect((await send(path, signed, { origin: 'https://evil.example' })).status).toBe(403);
      expect((await send(path, signed, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
      expect((await send(path, JSON.stringify(signed), { 'content-type': 'text/plain' })).status).toBe(415);
      expect(
        (await send(path, 'by=eve&why=because', { 'content-type': 'application/x-www-form-urlencoded' }))
          .status,
      ).toBe(415);
      expect((await send(path, { ...signed, note: 'x'.repeat(70_000) })).status).toBe(413);
    }
    expect(await stops()).toBe(none);
    const preflight = await fetch(`${server.url}/v1/guard/desk/stop`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    expect((await send('/v1/guard/desk/stop', { by: 'eve' })).status).toBe(400);
    expect((await send('/v1/guard/..%2fdesk/stop', signed)).status).toBe(400);
    expect((await send('/v1/approvals/a_1/grant', signed)).status).toBe(404);
    for (const bad of [
      { impact: -1 },
      { impact: '5' },
      { key: '' },
      { key: 'x'.repeat(300) },
      { action: 5 },
      { agent: 'a\u0000' },
    ])
      expect((await send('/v1/guard/desk/act', { action: 'mail', key: 'm', ...bad })).status).toBe(400);
    // Who may: on record with the token beside the name.
    expect((await send('/v1/guard/desk/stop', signed)).status).toBe(200);
    expect(await stops()).toContain('eve (token operate)');
    await expect(guard.act({ action: 'mail', key: 'm2' }, () => 1)).rejects.toThrow('because');
    expect(JSON.stringify(server.log)).not.toMatch(/desk|order|eve\b/);
  });

  it('by the name of another host is refused, and a ticket that cannot be read stops everything', async () => {
    const { server, connect: guardOf } = await desk();
    const rebound = await promisify(execFile)(process.execPath, [
      ...['--input-type=module', '-e'],
      `import { request } from 'node:http';
request({ port: ${server.port}, host: '127.0.0.1', path: '/v1/guard/desk/stop', method: 'POST', headers: { host: 'evil.example', 'content-type': 'application/json' } },
  (r) => { console.log(r.statusCode); r.resume(); }).end('{"by":"eve","why":"x"}');`,
    ]);
    expect(rebound.stdout.trim()).toBe('421');
    const guard = guardOf();
    expect(await guard.act({ action: 'mail', key: 'm' }, () => 1)).toMatchObject({ executed: true });
    await writeFile(
      join(server.project, 'features/desk.yaml'),
      'feature: desk\nguard: { fail: sometimes }\n',
    );
    await expect(guard.act({ action: 'mail', key: 'm' }, () => 1)).rejects.toThrow(
      /the ticket of the feature cannot be read/,
    );
    await ticket(server, TICKET.guard);
    expect(await guard.act({ action: 'mail', key: 'm' }, () => 1)).toMatchObject({ executed: true });
  });
});

it('is not executed where a stop comes in while the permission is on its way', async () => {
  const ends: unknown[] = [];
  let stop: () => void = () => {};
  let heard: () => void = () => {};
  const known = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const state = (stopped: object | null): string =>
    `event: guard\ndata: ${JSON.stringify({ stop: stopped, fail: 'closed', approveAbove: {}, generation: 1 })}\n\n`;
  const server = createServer(async (request, response) => {
    if (request.url?.endsWith('/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(state(null));
      stop = () => response.write(state({ by: 'ada', at: '2026-11-29T12:00:00Z', why: 'wrong refunds' }));
      return;
    }
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    if (request.url?.endsWith('/end')) ends.push(JSON.parse(body));
    else {
      stop();
      await known;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ no: 1, outcome: 'allowed', reason: '', approval: null }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  await new Promise((listening) => server.once('listening', listening));
  const guard = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await guard.ready();
  guard.signal.addEventListener('abort', () => heard());
  let executed = false;
  const acted = guard.act({ action: 'refund', key: 'o-1' }, () => {
    executed = true;
  });
  await expect(acted).rejects.toBeInstanceOf(ActionStopped);
  expect(executed).toBe(false);
  expect(ends).toEqual([{ decision: 1, succeeded: false }]);
});
