// The routes of the server, and what every request goes through: host, token, limits, log and metrics.

import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { LastgoodError } from '../base/errors.ts';
import type { SecretMask } from '../base/secrets.ts';
import type { AccessToken, GuardStore, ObservationStore, TokenRole } from '../core/index.ts';
import type { FoundRules } from '../jobs/guard/ticket-rules.ts';
import type { ObservationIntake } from '../jobs/observe/intake.ts';
import type { PagesLedger } from '../jobs/pages/pages-ledger.ts';
import type { RolloutsThread } from '../jobs/rollout/rollouts-thread.ts';
import { type AccessRules, checkHost, checkOrigin, checkToken } from './access.ts';
import type { ChangeStream } from './change-stream.ts';
import {
  actRoute,
  answerRoute,
  approvalsRoute,
  endRoute,
  guardEvents,
  lateRoute,
  logRoute,
  stateRoute,
  stopRoute,
} from './guard-routes.ts';
import { HttpError } from './http-error.ts';
import { takeLines, takeOtlp } from './intake-routes.ts';
import type { Metrics } from './metrics.ts';
import { evaluateAll, evaluateOne, flagEvents, OFREP_EVENTS } from './ofrep-routes.ts';
import { isRefusal } from './page-answer.ts';
import { addPages } from './page-routes.ts';
import type { Sessions } from './sessions.ts';
import { featuresRoute, signalsRoute } from './signal-routes.ts';

/** One answered request. Neither addresses nor content are logged. */
export interface AccessLogEntry {
  readonly time: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  /** Name of the token. */
  readonly token: string | null;
  /** Code of a failure that is the server's own. */
  readonly failure?: string;
}

export interface AppParts {
  readonly intake: ObservationIntake;
  readonly store: ObservationStore;
  readonly access: AccessRules;
  /** Flags, pointers and stops, as they are in force. */
  readonly changes: ChangeStream;
  readonly guard: GuardStore;
  /** The guard's rules of a feature. */
  rules(feature: string): Promise<FoundRules>;
  readonly mask: SecretMask;
  /** The environment that this server answers for. */
  readonly environment: string;
  /** Snapshots and comparisons, for the pages. */
  readonly ledger: PagesLedger;
  readonly sessions: Sessions;
  /** A proxy with TLS stands before the server. */
  readonly trustProxy: boolean;
  readonly rollouts: RolloutsThread;
  /** Folder with the tickets. */
  readonly project: string;
  readonly metrics: Metrics;
  readonly limits: { readonly linesBytes: number; readonly tracesBytes: number };
  log(entry: AccessLogEntry): void;
  /** Why no more requests should be sent here; null = ready. */
  notReady(): string | null;
}

export type AppContext = Context<{
  Bindings: HttpBindings;
  Variables: { route: string; token: AccessToken | null; failure: string };
}>;

const KNOWN = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];

/** The application; one for each server. */
export function makeApp(parts: AppParts): Hono<{
  Bindings: HttpBindings;
  Variables: { route: string; token: AccessToken | null; failure: string };
}> {
  const app = new Hono<{
    Bindings: HttpBindings;
    Variables: { route: string; token: AccessToken | null; failure: string };
  }>();
  const { metrics } = parts;

  app.use('*', async (c, next) => {
    const start = performance.now();
    metrics.begin();
    c.set('route', 'none');
    c.set('token', null);
    await next();
    const ms = performance.now() - start;
    const method = KNOWN.includes(c.req.method) ? c.req.method : 'other';
    const { status } = c.res;
    // On Node's own response: a header that is set on the answer would make a whole `Response` of it, for an eighth of a flag's time.
    const { outgoing } = c.env;
    outgoing.setHeader('X-Content-Type-Options', 'nosniff');
    outgoing.setHeader('Cache-Control', 'no-store');
    if (parts.notReady() !== null) outgoing.setHeader('Connection', 'close');
    metrics.end(c.get('route'), method, status, ms / 1000);
    const failure = c.get('failure');
    parts.log({
      time: new Date().toISOString(),
      method,
      route: c.get('route'),
      status,
      ms: Math.round(ms * 10) / 10,
      token: c.get('token')?.name ?? null,
      ...(failure === undefined ? {} : { failure }),
    });
  });

  const open = (route: string, answer: (c: AppContext) => Response): void => {
    app.get(route, (c) => {
      c.set('route', route);
      return answer(c);
    });
  };
  const guarded = (
    method: 'get' | 'post',
    route: string,
    needed: TokenRole | readonly TokenRole[],
    answer: (c: AppContext) => Promise<Response> | Response,
  ): void => {
    app[method](route, async (c) => {
      c.set('route', route);
      checkHost(c.req.header('host'), parts.access);
      if (method === 'post')
        checkOrigin({
          origin: c.req.header('origin'),
          site: c.req.header('sec-fetch-site'),
          host: c.req.header('host'),
        });
      c.set('token', await checkToken(tokenHeader(c), needed, parts.access));
      return answer(c);
    });
    app.all(route, (c) => {
      c.set('route', route);
      throw new HttpError(405, `${route} takes ${method.toUpperCase()}`);
    });
  };

  open('/healthz', (c) => c.json({ status: 'ok' }));
  open('/readyz', (c) => {
    const reason = parts.notReady();
    return reason === null ? c.json({ status: 'ready' }) : c.json({ status: 'not ready', reason }, 503);
  });
  guarded('get', '/metrics', 'read', (c) =>
    c.body(metrics.text(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  guarded('post', '/v1/observations', 'observe', (c) => takeLines(c, parts, 'observation'));
  guarded('post', '/v1/outcomes', 'observe', (c) => takeLines(c, parts, 'outcome'));
  guarded('post', '/v1/traces', 'observe', (c) => takeOtlp(c, parts));
  guarded('get', '/v1/signals', 'read', (c) => featuresRoute(c, parts));
  guarded('get', '/v1/signals/:feature', 'read', (c) => signalsRoute(c, parts));

  // Who sends observations may read the flags they are made under.
  const readers = ['read', 'observe'] as const;
  guarded('post', '/ofrep/v1/evaluate/flags', readers, (c) => evaluateAll(c, parts));
  guarded('post', '/ofrep/v1/evaluate/flags/:key', readers, (c) => evaluateOne(c, parts));
  guarded('get', OFREP_EVENTS, readers, (c) => flagEvents(c, parts));

  guarded('post', '/v1/guard/:feature/act', 'observe', (c) => actRoute(c, parts));
  guarded('post', '/v1/guard/:feature/end', 'observe', (c) => endRoute(c, parts));
  guarded('post', '/v1/guard/:feature/late', 'observe', (c) => lateRoute(c, parts));
  guarded('get', '/v1/guard/:feature', readers, (c) => stateRoute(c, parts));
  guarded('get', '/v1/guard/:feature/events', readers, (c) => guardEvents(c, parts));
  guarded('get', '/v1/guard/:feature/log', 'read', (c) => logRoute(c, parts));
  guarded('post', '/v1/guard/:feature/stop', 'operate', (c) => stopRoute(c, parts, true));
  guarded('post', '/v1/guard/:feature/start', 'operate', (c) => stopRoute(c, parts, false));
  guarded('get', '/v1/approvals', 'read', (c) => approvalsRoute(c, parts));
  guarded('post', '/v1/approvals/:id/grant', 'operate', (c) => answerRoute(c, parts, true));
  guarded('post', '/v1/approvals/:id/deny', 'operate', (c) => answerRoute(c, parts, false));

  addPages(app, parts);

  app.notFound((c) => c.json({ error: { message: 'there is nothing at this address' } }, 404));
  app.onError((error, c) => errorAnswer(error, c as AppContext));
  return app;
}

/** OFREP clients may send the token as `X-API-Key`. */
function tokenHeader(c: AppContext): string | undefined {
  const key = c.req.path.startsWith('/ofrep/') ? c.req.header('x-api-key') : undefined;
  return c.req.header('authorization') ?? (key === undefined ? undefined : `Bearer ${key}`);
}

function errorAnswer(error: Error, c: AppContext): Response {
  if (error instanceof HttpError) {
    const { hint, retryAfterSeconds } = error.details;
    if (error.status === 401) c.header('WWW-Authenticate', 'Bearer');
    if (retryAfterSeconds !== undefined) c.header('Retry-After', String(retryAfterSeconds));
    return c.json(
      { error: { message: error.message, ...(hint === undefined ? {} : { hint }) } },
      error.status,
    );
  }
  if (error instanceof LastgoodError) {
    c.set('failure', error.code);
    const body = { error: { code: error.code, message: error.message, hint: error.hint } };
    if (error.code === 'NO_FEATURE' || error.code === 'ROLLOUT_NONE') return c.json(body, 404);
    if (error.exitCode === 2) return c.json(body, 400);
    if (isRefusal(error)) return c.json(body, 409);
    // A full disk or a locked ledger: nothing of this request was acknowledged, and it can be sent again.
    c.header('Retry-After', '5');
    return c.json({ error: { code: error.code, message: 'the ledger cannot be written or read now' } }, 503);
  }
  c.set('failure', error.name);
  return c.json({ error: { message: 'the server failed; its log has the time of this request' } }, 500);
}
