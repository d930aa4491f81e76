// The pages of rollouts and flags, and their JSON twins.

import { flagsView, rolloutsView } from '../jobs/pages/shipping-views.ts';
import { rolloutReportOf } from '../jobs/rollout/rollouts-thread.ts';
import { flagsPage } from '../report/pages/flags-page.ts';
import { rolloutPage } from '../report/pages/rollout-page.ts';
import { rolloutsPage } from '../report/pages/rollouts-page.ts';
import type { AppContext, AppParts } from './app.ts';
import { saidTo } from './page-access.ts';
import { pageAnswer } from './page-answer.ts';
import { allSourcesOf, CLOCK, given, type PageRoute, sourcesOf } from './page-sources.ts';

export function shippingRoutes(parts: AppParts): PageRoute[] {
  return [rolloutsRoute(parts), rolloutRoute(parts), flagsRoute(parts)];
}

function rolloutsRoute(parts: AppParts): PageRoute {
  const read = async () => rolloutsView(await allSourcesOf(parts));
  return {
    path: '/rollouts',
    async html(c, { viewer }) {
      const stamp = await parts.changes.stamp();
      return pageAnswer(c, rolloutsPage(await read(), viewer, stamp));
    },
    json: async (c) => c.json({ schemaVersion: 1, kind: 'rollouts', ...(await read()) }),
  };
}

function rolloutRoute(parts: AppParts): PageRoute {
  const read = async (c: AppContext) => {
    const place = { feature: c.req.param('feature') ?? '', environment: parts.environment };
    return rolloutReportOf(await parts.ledger.store(), parts.rollouts, place);
  };
  return {
    path: '/rollouts/:feature',
    async html(c, { viewer, session }) {
      // The stamp first: what changes while the page is made is then loaded again.
      const stamp = await parts.changes.stamp();
      const more = { stamp, said: saidTo(c, session), at: CLOCK.now().toISOString() };
      return pageAnswer(c, rolloutPage(await read(c), viewer, more));
    },
    json: async (c) => c.json(await read(c)),
  };
}

function flagsRoute(parts: AppParts): PageRoute {
  const read = async () => flagsView(await sourcesOf(parts));
  return {
    path: '/flags',
    async html(c, { viewer, session }) {
      const stamp = await parts.changes.stamp();
      const more = { stamp, said: saidTo(c, session), feature: given(c, 'feature') ?? null };
      return pageAnswer(c, flagsPage(await read(), viewer, more));
    },
    json: async (c) => c.json({ schemaVersion: 1, kind: 'flags', ...(await read()) }),
  };
}
