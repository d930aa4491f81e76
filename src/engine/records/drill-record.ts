// The newest rehearsal of a suite's rollback, and how long ago it was.

import type { LedgerRecord, RollbackDecision } from '../../core/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

const DAY_MS = 86_400_000;

/** The newest `drill` record of a suite; null when there never was a drill. */
export async function newestDrill(
  work: Pick<Workplace, 'store'>,
  suite: string,
): Promise<LedgerRecord | null> {
  const records = await work.store.records('drill', suite);
  return [...records].sort((a, b) => (a.at < b.at ? 1 : -1))[0] ?? null;
}

/** Whole days between a time and now. */
export function ageInDays(at: string, now: Date): number {
  return Math.max(0, Math.floor((now.getTime() - Date.parse(at)) / DAY_MS));
}

/** What a rollback decision says of the newest drill. */
export async function lastDrill(
  work: Pick<Workplace, 'store' | 'clock'>,
  suite: string,
): Promise<NonNullable<RollbackDecision['lastDrill']> | null> {
  const record = await newestDrill(work, suite);
  if (record === null) return null;
  const outcome = record.body['outcome'];
  return {
    at: record.at,
    outcome: typeof outcome === 'string' ? outcome : 'unknown',
    ageDays: ageInDays(record.at, work.clock.now()),
  };
}
