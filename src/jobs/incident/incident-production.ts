// What users saw: signals of production around an incident, and the monitor that would have called first.

import { LastgoodError } from '../../base/index.ts';
import type { IncidentProduction, ObservationStore, TimelineItem } from '../../core/index.ts';
import { DAY_MS, HOUR_MS } from '../../core/observation.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { replayMonitors } from '../monitor/monitor-job.ts';
import { timelineJob } from '../timeline/timeline.ts';

/** Days before the earliest possible beginning that are looked at as well. */
const DAYS_BEFORE = 2;
const LONGEST_MS = 90 * DAY_MS;
/** What users do with answers; the others are properties of the answers. */
const BY_USERS = new Set([
  ...['edits', 'edit-distance', 'overrides', 'dismissals', 'retries', 'restarts', 'abandonment'],
  ...['manual-path', 'review-rejection', 'complaints', 'completion'],
]);

interface Asked {
  readonly feature: string;
  readonly cwd: string;
  /** ISO times: the earliest beginning, and the end of what is known. */
  readonly from: string;
  readonly to: string;
}

export async function incidentProduction(
  work: Workplace,
  observations: ObservationStore,
  { feature, cwd, from, to }: Asked,
): Promise<IncidentProduction> {
  const until = new Date(Math.ceil(Date.parse(to) / HOUR_MS) * HOUR_MS);
  const since = new Date(Math.max(Date.parse(from) - DAYS_BEFORE * DAY_MS, until.getTime() - LONGEST_MS));
  const timeline = await timelineJob(work, observations, { feature, since, until });
  const first = new Map<string, TimelineItem>();
  for (const item of timeline.items)
    if (item.move !== null && !first.has(item.move.signal)) first.set(item.move.signal, item);
  return {
    feature,
    from: timeline.from,
    to: timeline.to,
    observations: timeline.observations,
    moves: [...first.values()].flatMap(({ at, move }) =>
      move === null
        ? []
        : [{ at, move, byUsers: BY_USERS.has(move.signal) || move.signal.startsWith('kpi:') }],
    ),
    unjudged: timeline.unjudged.map((u) => u.signal),
    drifts: await drifts(work, observations, { feature, cwd, since, until }),
  };
}

async function drifts(
  work: Workplace,
  observations: ObservationStore,
  {
    feature,
    cwd,
    since,
    until,
  }: { readonly feature: string; readonly cwd: string; readonly since: Date; readonly until: Date },
): Promise<IncidentProduction['drifts']> {
  const states = await replayMonitors(work, observations, { feature, cwd, at: until }).catch((error) => {
    // A feature needs no file to have observations.
    if (error instanceof LastgoodError && error.code === 'TICKET_NOT_FOUND') return null;
    throw error;
  });
  if (states === null) return null;
  return states
    .flatMap(({ name, action, drift, earlier }) =>
      [...earlier.map((e) => e.openedAt), ...(drift === null ? [] : [drift.openedAt])].map((at) => ({
        ...{ monitor: name, action, at },
      })),
    )
    .filter(({ at }) => at >= since.toISOString())
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
