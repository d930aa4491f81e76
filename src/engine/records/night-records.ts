// What a night leaves in the ledger, and the series it belongs to.

import {
  type EarlierNight,
  NIGHT_LEVELS,
  type NightDecision,
  type NightOutcome,
  tallyRun,
} from '../../compare/decide-night.ts';
import type { Policy, SnapshotResults, SnapshotStore, SnapshotSummary } from '../../core/index.ts';
import { findPool } from '../comparison/find-pool.ts';

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
  /** End of the night's own run, its second run not counted. Absent in nights recorded by earlier versions. */
  readonly finishedAt?: string | null | undefined;
  /** How long the night's trials were spread over; null = made at once. */
  readonly spreadMs?: number | null | undefined;
  /** Its batch was not back: undecided, until a later command continues it and keeps a record in the place of this one. */
  readonly waits?: true | undefined;
}

/** The nights of a suite's series, oldest first. */
export async function nightRecords(
  store: SnapshotStore,
  suite: string,
  series: string = DEFAULT_SERIES,
): Promise<readonly NightRecord[]> {
  return (await allNights(store, suite)).filter((night) => night.series === series);
}

/** The nights of all series of a suite, oldest first. Of a night that waited for its batch the newest record counts. */
export async function allNights(
  store: Pick<SnapshotStore, 'records'>,
  suite: string,
): Promise<readonly NightRecord[]> {
  const nights = (await store.records('night', suite)).map(({ body }) => body as unknown as NightRecord);
  return [...new Map(nights.map((night) => [night.snapshot, night])).values()];
}

export async function keepNight(
  store: SnapshotStore,
  suite: string,
  at: string,
  night: NightRecord,
): Promise<void> {
  await store.keepRecord({ kind: 'night', suite, at, body: JSON.parse(JSON.stringify(night)) });
}

/** Nights that the charts reach back to; an older one weighs less than a thousandth in the slowest. */
const HISTORY = 90;

/** Nights of one baseline and fingerprint for the charts: the warm-up and the last ones, but none that was part of an incident. */
export async function earlierNights(
  store: SnapshotStore,
  fellow: readonly NightRecord[],
  appError: Policy['appError'],
): Promise<readonly EarlierNight[]> {
  const calm = fellow.filter((r) => r.episode === null && r.state !== 'alarm' && r.state !== 'still');
  const wanted = calm.filter((r, i) => (r.number ?? 0) <= NIGHT_LEVELS.warmUp || i >= calm.length - HISTORY);
  const nights: EarlierNight[] = [];
  for (const { number, state, snapshot, rerun } of wanted) {
    const runs = [tallyRun(await store.results(snapshot), appError)];
    if (rerun !== null) runs.push(tallyRun(await store.results(rerun), appError));
    nights.push({ number: number ?? 0, clean: state === 'green', runs });
  }
  return nights;
}

/** More evidence of what the baseline does: the rest of its pool that was run until it was blessed, so that a slow decay stays visible. */
export async function baselinePool(
  store: SnapshotStore,
  baseline: SnapshotSummary,
): Promise<readonly SnapshotResults[]> {
  const { runs } = await findPool(store, baseline);
  return runs.slice(1).filter((run) => run.summary.startedAt <= baseline.startedAt);
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
