// The pages of the server and their JSON twins under /api.

import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { DAY_MS, HOUR_MS } from '../core/observation.ts';
import { featureView, TimelineCache } from '../jobs/pages/feature-view.ts';
import { guardOverview } from '../jobs/pages/guard-overview.ts';
import { overviewJob } from '../jobs/pages/overview.ts';
import { listRegistry } from '../jobs/registry/list-registry.ts';
import { featurePage } from '../report/pages/feature-page.ts';
import { guardPage } from '../report/pages/guard-page.ts';
import { overviewPage } from '../report/pages/overview-page.ts';
import { registryPage } from '../report/pages/registry-page.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import { saidTo, type Visit, visitOf } from './page-access.ts';
import { approvalAction, signInAction, signInForm, signOutAction, stopAction } from './page-actions.ts';
import { errorPage, pageAnswer } from './page-answer.ts';
import {
  allSourcesOf,
  CLOCK,
  given,
  oneAtATime,
  type PageRoute,
  sourcesOf,
  type Turn,
} from './page-sources.ts';
import { flagAction, rolloutAction } from './shipping-actions.ts';
import { shippingRoutes } from './shipping-pages.ts';
import { snapshotRoutes } from './snapshot-pages.ts';

type App = Hono<{ Bindings: HttpBindings; Variables: AppContext['var'] }>;

/** A feature's page spans at most this. */
const LONGEST_MS = 92 * DAY_MS;

export function addPages(app: App, parts: AppParts): void {
  const one = oneAtATime();
  const routes = [
    overviewRoute(parts, one),
    guardRoute(parts),
    registryRoute(parts, one),
    featureRoute(parts, one),
    ...shippingRoutes(parts),
    ...snapshotRoutes(parts, one),
  ];
  for (const { path, html, json } of routes) {
    const twin = `/api${path === '/' ? '/overview' : path}`;
    page(app, path, async (c) => {
      const visit = await visitOf(c, parts);
      if (visit === null) return c.redirect(`/sign-in?to=${encodeURIComponent(pathAndQuery(c))}`, 303);
      try {
        return await html(c, visit);
      } catch (error) {
        return errorPage(c, error, visit.viewer);
      }
    });
    api(app, twin, async (c) => {
      await mayRead(c, parts);
      return json(c);
    });
  }
  api(app, '/api/events', async (c) => {
    await mayRead(c, parts);
    if (c.req.raw.method !== 'GET') throw new HttpError(405, 'a stream of events takes GET');
    return parts.changes.openPage();
  });
  api(app, '/api/session', async (c) => {
    const { viewer } = await mayRead(c, parts);
    const { token, operates, csrf, environment } = viewer;
    return c.json({ schemaVersion: 1, kind: 'session', token, operates, csrf, environment });
  });
  page(app, '/sign-in', (c) => signInForm(c, parts));
  action(app, '/sign-in', (c) => signInAction(c, parts));
  action(app, '/sign-out', (c) => signOutAction(c, parts));
  action(app, '/guard/stop', (c) => stopAction(c, parts, true));
  action(app, '/guard/start', (c) => stopAction(c, parts, false));
  action(app, '/guard/answer', (c) => approvalAction(c, parts));
  action(app, '/flags/set', (c) => flagAction(c, parts));
  for (const decision of ['pause', 'resume', 'abort', 'promote', 'step'] as const)
    action(app, `/rollouts/:feature/${decision}`, (c) => rolloutAction(c, parts, decision));
}

function page(app: App, path: string, answer: (c: AppContext) => Promise<Response>): void {
  app.get(path, async (c) => {
    c.set('route', path);
    try {
      return await answer(c as AppContext);
    } catch (error) {
      return errorPage(c as AppContext, error, null);
    }
  });
}

function api(app: App, path: string, answer: (c: AppContext) => Promise<Response>): void {
  app.get(path, (c) => {
    c.set('route', path);
    c.header('Cross-Origin-Resource-Policy', 'same-origin');
    return answer(c as AppContext);
  });
}

/** What a form sends; JSON gets its errors as JSON. */
function action(app: App, path: string, answer: (c: AppContext) => Promise<Response>): void {
  app.post(path, async (c) => {
    c.set('route', path);
    try {
      return await answer(c as AppContext);
    } catch (error) {
      const form = (c.req.header('content-type') ?? '').startsWith('application/x-www-form-urlencoded');
      if (!form) throw error;
      return errorPage(c as AppContext, error, null);
    }
  });
}

async function mayRead(c: AppContext, parts: AppParts): Promise<Visit> {
  const visit = await visitOf(c, parts);
  if (visit === null)
    throw new HttpError(401, 'a token is needed: Authorization: Bearer TOKEN', {
      hint: 'or sign in at /sign-in',
    });
  return visit;
}

function pathAndQuery(c: AppContext): string {
  const { pathname, search } = new URL(c.req.url);
  return `${pathname}${search}`;
}

function overviewRoute(parts: AppParts, turn: Turn): PageRoute {
  const read = () => turn(async () => overviewJob(await allSourcesOf(parts)));
  return {
    path: '/',
    async html(c, { viewer }) {
      const stamp = await parts.changes.stamp();
      return pageAnswer(c, overviewPage(await read(), viewer, stamp));
    },
    json: async (c) => c.json({ schemaVersion: 1, kind: 'overview', ...(await read()) }),
  };
}

function guardRoute(parts: AppParts): PageRoute {
  const read = async () => guardOverview(await sourcesOf(parts));
  return {
    path: '/guard',
    async html(c, { viewer, session }) {
      // The stamp first: what changes while the page is made is then loaded again.
      const stamp = await parts.changes.stamp();
      return pageAnswer(c, guardPage(await read(), viewer, { stamp, said: saidTo(c, session) }));
    },
    json: async (c) => c.json({ schemaVersion: 1, kind: 'guard', ...(await read()) }),
  };
}

function registryRoute(parts: AppParts, turn: Turn): PageRoute {
  const read = () =>
    turn(async () => {
      const shipping = parts.changes.log;
      const entries = await listRegistry({ store: await parts.ledger.store(), clock: CLOCK }, shipping, {});
      const changes = (await shipping.changes(0)).filter(
        ({ kind }) => kind === 'pointer' || kind === 'deprecation',
      );
      return { at: CLOCK.now().toISOString(), entries, changes };
    });
  return {
    path: '/registry',
    async html(c, { viewer }) {
      const stamp = await parts.changes.stamp();
      return pageAnswer(c, registryPage(await read(), viewer, stamp));
    },
    json: async (c) => c.json({ schemaVersion: 1, kind: 'registry', ...(await read()) }),
  };
}

function featureRoute(parts: AppParts, turn: Turn): PageRoute {
  const timelines = new TimelineCache();
  const since = (c: AppContext): string => given(c, 'since') ?? '7d';
  const read = (c: AppContext) =>
    turn(async () => {
      const sources = {
        ...(await allSourcesOf(parts)),
        observations: parts.store,
        timelines,
      };
      const [, n, unit] = /^([1-9]\d{0,3})([hd])$/.exec(since(c)) ?? [];
      const sinceMs = Number(n) * (unit === 'h' ? HOUR_MS : DAY_MS);
      if (n === undefined || sinceMs > LONGEST_MS)
        throw new HttpError(400, 'since takes up to 92 days, in hours or days', {
          hint: 'since=24h or since=7d',
        });
      return featureView(sources, c.req.param('feature') ?? '', sinceMs);
    });
  return {
    path: '/features/:feature',
    async html(c, { viewer }) {
      const stamp = await parts.changes.stamp();
      return pageAnswer(c, featurePage(await read(c), viewer, { since: since(c), stamp }));
    },
    json: async (c) => c.json({ schemaVersion: 1, kind: 'feature', ...(await read(c)) }),
  };
}
