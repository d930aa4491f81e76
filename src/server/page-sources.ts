// What the routes of the pages share: their sources, one large page at a time, and texts of the query.

import type { Clock } from '../base/index.ts';
import type { PageSources } from '../jobs/pages/overview.ts';
import { newestRollouts } from '../jobs/rollout/rollouts-thread.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import type { Visit } from './page-access.ts';

/** Comparisons and snapshots that may wait while one is read; they hold whole results in memory. */
const MOST_WAITING = 8;
export const CLOCK: Clock = { now: () => new Date() };

/** One page: as HTML at its path, as JSON at `/api` + path. */
export interface PageRoute {
  readonly path: string;
  html(c: AppContext, visit: Visit): Promise<Response>;
  json(c: AppContext): Promise<Response>;
}

/** What pages are made of, but for rollouts: stops and flags must not wait for the thread that reads those. */
export async function sourcesOf(parts: AppParts): Promise<PageSources> {
  const { store: observations, changes, guard, environment, project } = parts;
  const store = await parts.ledger.store();
  const rest = { clock: CLOCK, environment, project, rollouts: [] };
  return { store, observations, shipping: changes.log, guard, ...rest };
}

/** The same with the newest rollouts. */
export async function allSourcesOf(parts: AppParts): Promise<PageSources> {
  const sources = await sourcesOf(parts);
  const rollouts = await newestRollouts(sources.store, parts.rollouts, parts.environment);
  return { ...sources, rollouts };
}

export type Turn = <T>(work: () => Promise<T>) => Promise<T>;

/** A text of the query; undefined where it is missing or empty. */
export function given(c: AppContext, name: string): string | undefined {
  const value = c.req.query(name)?.trim();
  return value === undefined || value === '' ? undefined : value.slice(0, 200);
}

/** Runs one after another; throws `HttpError` 503 while too many wait. */
export function oneAtATime(): Turn {
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
