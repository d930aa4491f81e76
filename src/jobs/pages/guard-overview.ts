// The guard at a glance: stops in force, approvals that wait for a person, and the newest decisions.

import { sha256 } from '../../base/index.ts';
import type { GuardOverview, GuardStore } from '../../core/index.ts';
import { stopsOf } from '../../rollout/guard-rules.ts';
import { knownFeatures, type PageSources } from './overview.ts';

const MOST_DECISIONS = 200;
const MOST_ANSWERED = 50;

export async function guardOverview(from: Omit<PageSources, 'store'>): Promise<GuardOverview> {
  const { shipping, guard, clock, environment } = from;
  const now = clock.now();
  const approvals = (await guard.approvals({ now: now.getTime() })).filter(
    (a) => a.environment === environment,
  );
  const decisions = await guard.decisions({ most: MOST_DECISIONS });
  return {
    environment,
    at: now.toISOString(),
    features: await knownFeatures(from),
    stops: stopsOf(await shipping.changes(0), environment),
    pending: approvals.filter((a) => a.state === 'pending'),
    answered: approvals.filter((a) => a.state !== 'pending').slice(0, MOST_ANSWERED),
    decisions: decisions.filter((d) => d.environment === environment),
  };
}

/** A text that changes with every decision, end and answer, and when an approval expires. */
export async function guardMark(guard: GuardStore, now: Date): Promise<string> {
  const [newest] = await guard.decisions({ most: 1 });
  const states = (await guard.approvals({ now: now.getTime() })).map((a) => `${a.id} ${a.state}`);
  return sha256(JSON.stringify([newest?.no ?? 0, newest?.succeeded ?? null, states])).slice(0, 16);
}
