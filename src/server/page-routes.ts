// The pages of the server and their JSON twins under /api.

import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Clock } from '../base/index.ts';
import type { SnapshotStore, SnapshotSummary } from '../core/index.ts';
import { DAY_MS, HOUR_MS } from '../core/observation.ts';
import { featureView, TimelineCache } from '../jobs/pages/feature-view.ts';
import { guardOverview } from '../jobs/pages/guard-overview.ts';
import { overviewJob, type PageSources } from '../jobs/pages/overview.ts';
import { listRegistry } from '../jobs/registry/list-registry.ts';
import { featurePage } from '../report/pages/feature-page.ts';
import { guardPage } from '../report/pages/guard-page.ts';
import { overviewPage } from '../report/pages/overview-page.ts';
import { registryPage } from '../report/pages/registry-page.ts';
import { siteFrame } from '../report/pages/site.ts';
import { compareFormPage, type SnapshotList, snapshotsPage } from '../report/pages/snapshots-page.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import { type Visit, visitOf } from './page-access.ts';
import { approvalAction, signInAction, signInForm, signOutAction, stopAction } from './page-actions.ts';
import { errorPage, pageAnswer, reportAnswer, streamOf } from './page-answer.ts';

type App = Hono<{ Bindings: HttpBindings; Variables: AppContext['var'] }>;

const MOST_SNAPSHOTS = 200;
const RECENT = 50;
/** Comparisons and snapshots that may wait while one is read; they hold whole results in memory. */
const MOST_WAITING = 8;
/** A feature's page spans at most this. */
const LONGEST_MS = 92 * DAY_MS;
const CLOCK: Clock = { now: () => new Date() };

/** One page: as HTML at its path, as JSON at `/api` + path. */
interface PageRoute {
  readonly path: string;
  html(c: AppContext, visit: Visit): Promise<Response>;
  json(c: AppContext): Promise<Response>;
}

export function addPages(app: App, parts: AppParts): void {
  const one = oneAtATime();
  const routes = [
    overviewRoute(parts, one),
    guardRoute(parts),
    registryRoute(parts, one),
    featureRoute(parts, one),
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

function sourcesOf(parts: AppParts, store: SnapshotStore): PageSources {
  const { store: observations, changes, guard, environment, project } = parts;
  return { store, observations, shipping: changes.log, guard, clock: CLOCK, environment, project };
}

function overviewRoute(parts: AppParts, turn: Turn): PageRoute {
  const read = () => turn(async () => overviewJob(sourcesOf(parts, await parts.ledger.store())));
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
  const read = async () => guardOverview(sourcesOf(parts, await parts.ledger.store()));
  return {
    path: '/guard',
    async html(c, { viewer, session }) {
      // The stamp first: what changes while the page is made is then loaded again.
      const stamp = await parts.changes.stamp();
      const said = session?.said ?? null;
      const shown = said !== null && said.id === c.req.query('said') ? said : null;
      return pageAnswer(c, guardPage(await read(), viewer, { stamp, said: shown }));
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
        ...sourcesOf(parts, await parts.ledger.store()),
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

type Turn = <T>(work: () => Promise<T>) => Promise<T>;

function snapshotRoutes(parts: AppParts, turn: Turn): PageRoute[] {
  const resolved = async (c: AppContext) => {
    const store = await parts.ledger.store();
    const ref = c.req.param('ref') ?? '';
    return { store, summary: await store.resolve(ref, { suite: given(c, 'suite'), now: CLOCK.now() }) };
  };
  const pairOf = (c: AppContext) => ({
    baseline: given(c, 'a') ?? '',
    candidate: given(c, 'b') ?? '',
    suite: given(c, 'suite'),
  });
  return [
    {
      path: '/snapshots',
      html: async (c, { viewer }) => pageAnswer(c, snapshotsPage(await listOf(c, parts), viewer)),
      json: async (c) => {
        const { snapshots, more } = await listOf(c, parts);
        return c.json({ schemaVersion: 1, kind: 'list', snapshots, more });
      },
    },
    {
      path: '/snapshots/:ref',
      html: (c, { viewer }) =>
        turn(async () => {
          const { store, summary } = await resolved(c);
          const { snapshotPage } = await import('../jobs/ledger/snapshot-page.ts');
          const frame = siteFrame(viewer, '/snapshots');
          return reportAnswer(c, await snapshotPage(store, await store.results(summary.id), { frame }));
        }),
      json: (c) =>
        turn(async () => {
          const { store, summary } = await resolved(c);
          const { cases } = await store.results(summary.id);
          return jsonAnswer(c, { schemaVersion: 1, kind: 'snapshot', snapshot: summary, cases });
        }),
    },
    {
      path: '/compare',
      async html(c, { viewer }) {
        const store = await parts.ledger.store();
        const pair = pairOf(c);
        if (pair.baseline === '' || pair.candidate === '') {
          const recent = await store.list({ suite: pair.suite, purposes: ['run'], limit: RECENT });
          const form = { a: pair.baseline, b: pair.candidate, suite: pair.suite ?? null, recent };
          return pageAnswer(c, compareFormPage({ ...form, suites: await suitesOf(store) }, viewer));
        }
        return turn(async () => {
          const { comparePage } = await import('../jobs/pages/compare-page.ts');
          const frame = siteFrame(viewer, '/compare');
          return reportAnswer(c, await comparePage({ store, clock: CLOCK }, pair, frame));
        });
      },
      json: (c) =>
        turn(async () => {
          const pair = pairOf(c);
          if (pair.baseline === '' || pair.candidate === '')
            throw new HttpError(400, 'name two snapshots: ?a=BASELINE&b=CANDIDATE');
          const { comparePair } = await import('../jobs/pages/compare-page.ts');
          const store = await parts.ledger.store();
          return jsonAnswer(c, (await comparePair({ store, clock: CLOCK }, pair)).comparison);
        }),
    },
  ];
}

async function jsonAnswer(c: AppContext, value: unknown): Promise<Response> {
  const { jsonPieces } = await import('../report/json/json-document.ts');
  return c.body(streamOf(jsonPieces(value)), 200, { 'Content-Type': 'application/json; charset=utf-8' });
}

async function listOf(c: AppContext, parts: AppParts): Promise<SnapshotList> {
  const store = await parts.ledger.store();
  const suite = given(c, 'suite') ?? null;
  const all = c.req.query('all') === '1';
  const found = await store.list({
    suite: suite ?? undefined,
    limit: MOST_SNAPSHOTS + 1,
    ...(all ? {} : { purposes: ['run'] as const }),
  });
  const newest = new Map((await store.blessings()).map((b) => [b.suite, b.snapshot]));
  return {
    snapshots: found.slice(0, MOST_SNAPSHOTS),
    more: found.length > MOST_SNAPSHOTS,
    suites: await suitesOf(store),
    suite,
    all,
    baselines: new Set(newest.values()),
  };
}

async function suitesOf(store: SnapshotStore): Promise<readonly string[]> {
  const all: readonly SnapshotSummary[] = await store.list();
  return [...new Set(all.map((s) => s.suite))].sort();
}

/** A text of the query; undefined where it is missing or empty. */
function given(c: AppContext, name: string): string | undefined {
  const value = c.req.query(name)?.trim();
  return value === undefined || value === '' ? undefined : value.slice(0, 200);
}

/** Runs one after another; throws `HttpError` 503 while too many wait. */
function oneAtATime(): Turn {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return async (work) => {
    if (waiting >= MOST_WAITING)
      throw new HttpError(503, 'too many large pages at once', { retryAfterSeconds: 2 });
    waiting++;
    const mine = last.then(work);
    last = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      waiting--;
    }
  };
}
