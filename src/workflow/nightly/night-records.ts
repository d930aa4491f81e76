// What a night leaves in the ledger, and the series it belongs to.

import type { NightDecision, NightOutcome } from '../../compare/nights.ts';
import type { SnapshotResults, SnapshotStore, SnapshotSummary } from '../../core/index.ts';

/** Keeps nights of one suite apart where several things are watched (production, staging). */
export const DEFAULT_SERIES = 'nightly';

/** How a night stands for its reader; `still` and `recovered` belong to an alarm that was open before. */
export type NightState = NightOutcome | 'still' | 'recovered' | 'no-baseline';

export interface NightRecord {
  readonly series: string;
  readonly snapshot: string;
  readonly release: string;
  readonly fingerprint: string;
  readonly exam: string;
  /** The pinned baseline it was compared with; null when there was none. */
  readonly baseline: string | null;
  /** Its place among the usable nights of this baseline and fingerprint, from 1; null = not usable. */
  readonly number: number | null;
  readonly state: NightState;
  readonly reason: string;
  readonly decision: NightDecision | null;
  readonly rerun: string | null;
  readonly fresh: readonly string[];
  /** Over the cases compared with the baseline; null when nothing was compared. */
  readonly passRate: number | null;
  readonly validity: SnapshotSummary['validity'];
  readonly episode: string | null;
  readonly schedule: { readonly cron: string; readonly tz: string } | null;
  readonly calls: number;
  readonly startedAt: string;
}

/** The nights of a suite's series, oldest first. */
export async function nightRecords(
  store: SnapshotStore,
  suite: string,
  series: string = DEFAULT_SERIES,
): Promise<readonly NightRecord[]> {
  const records = await store.records('night', suite);
  return records.map((r) => r.body as unknown as NightRecord).filter((r) => r.series === series);
}

export async function keepNight(
  store: SnapshotStore,
  suite: string,
  at: string,
  night: NightRecord,
): Promise<void> {
  await store.keepRecord({ kind: 'night', suite, at, body: JSON.parse(JSON.stringify(night)) });
}

/** Most snapshots a pool holds; more would add cost, not certainty. */
const MOST_POOLED = 30;

/**
 * More evidence of what the baseline does: valid runs of the same fingerprint, not newer than it, back to the last one that
 * was not clean. A run of another exam is left out case by case when they are compared.
 */
export async function baselinePool(
  store: SnapshotStore,
  baseline: SnapshotSummary,
): Promise<readonly SnapshotResults[]> {
  const runs = await store.list({
    suite: baseline.suite,
    fingerprint: baseline.fingerprint,
    purposes: ['run'],
  });
  const nights = (await store.records('night', baseline.suite)).map((r) => r.body as unknown as NightRecord);
  const bad = new Set(
    nights
      .filter((n) => n.state === 'alarm' || n.state === 'still' || n.state === 'watch')
      .flatMap((n) => [n.snapshot, ...(n.rerun === null ? [] : [n.rerun])]),
  );
  const pool: SnapshotResults[] = [];
  for (const run of runs) {
    if (run.id === baseline.id || run.startedAt > baseline.startedAt) continue;
    if (bad.has(run.id) || pool.length === MOST_POOLED) break;
    if (run.validity === 'valid' && run.state === 'finished') pool.push(await store.results(run.id));
  }
  return pool;
}

/** Nights that were expected and did not come: between one night and the next, given the usual distance in milliseconds. */
export function missedBetween(before: string, after: string, usualMs: number): number {
  const gap = Date.parse(after) - Date.parse(before);
  return Math.max(0, Math.round(gap / usualMs) - 1);
}

/** The usual distance between nights: the median over the series; null with fewer than four nights. */
export function usualDistance(startedAt: readonly string[]): number | null {
  const gaps = startedAt
    .slice(1)
    .map((at, i) => Date.parse(at) - Date.parse(startedAt[i] ?? at))
    .sort((a, b) => a - b);
  const middle = gaps[Math.floor(gaps.length / 2)];
  return gaps.length < 3 || middle === undefined || middle < 60_000 ? null : middle;
}
