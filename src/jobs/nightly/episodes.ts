// Episodes of nights: a regression from its opening to its proven end, however many nights lie between.

import {
  type NightDecision,
  proveRecovery,
  type RecoveryEvidence,
  type TalliedRun,
  tallyRun,
} from '../../compare/decide-night.ts';
import type { LedgerRecord, SnapshotStore } from '../../core/index.ts';
import type { RegressionEvent } from '../../engine/records/alerts.ts';

/** A regression from the night that raised the alarm to the night that is shown to be well again. */
export interface Episode {
  readonly id: string;
  readonly suite: string;
  readonly series: string;
  /** `superseded`: a new baseline was blessed while it was open. */
  readonly status: 'open' | 'recovered' | 'superseded';
  readonly openedAt: string;
  readonly endedAt: string | null;
  readonly baseline: string;
  readonly reason: string;
  readonly affected: NightDecision['affected'];
  /** Snapshots that show the regression; the one that raised the alarm first. */
  readonly evidence: readonly string[];
  /** Cases that were named when it opened. */
  readonly regressed: readonly string[];
  /** Nights it has been open, the first included. */
  readonly nights: number;
  /** Unsuspicious nights since the last bad one. */
  readonly quiet: readonly string[];
  /** Every usable night after the first, whatever it showed: what recovery is proven on. Missing in old records. */
  readonly since?: readonly string[];
  /** The last thing that happened to it. */
  readonly last: 'opened' | 'still' | 'recovered' | 'superseded';
}

/** Each episode of a suite in its latest form, oldest first. */
export async function episodesOf(store: SnapshotStore, suite?: string): Promise<readonly Episode[]> {
  const byId = new Map<string, Episode>();
  for (const record of await store.records('episode', suite)) {
    const episode = record.body as unknown as Episode;
    byId.set(episode.id, episode);
  }
  return [...byId.values()];
}

export async function openEpisode(
  store: SnapshotStore,
  suite: string,
  series: string,
): Promise<Episode | null> {
  const open = (await episodesOf(store, suite)).filter((e) => e.status === 'open' && e.series === series);
  return open.at(-1) ?? null;
}

/** A night as the episodes see it. */
export interface EpisodeNight {
  readonly suite: string;
  readonly series: string;
  readonly at: string;
  readonly snapshot: string;
  /** Snapshots of tonight that show the regression, if there is one: the second run before the first. */
  readonly evidence: readonly string[];
  readonly baseline: string;
  readonly decision: NightDecision;
  readonly regressed: readonly string[];
}

/**
 * What tonight does to the open episode (or opens). `recovered`: is what fell shown to be no worse than the baseline's pool, on the
 * nights since it opened? Asked only where it matters. null = nothing open, nothing opened.
 */
export async function nextEpisode(
  open: Episode | null,
  night: EpisodeNight,
  recovered: (episode: Episode) => Promise<boolean>,
): Promise<Episode | null> {
  const { decision } = night;
  if (open === null) {
    if (decision.outcome !== 'alarm') return null;
    return {
      id: `ep-${night.snapshot}`,
      suite: night.suite,
      series: night.series,
      status: 'open',
      openedAt: night.at,
      endedAt: null,
      baseline: night.baseline,
      reason: decision.reason,
      affected: decision.affected,
      evidence: night.evidence,
      regressed: night.regressed,
      nights: 1,
      quiet: [],
      since: [],
      last: 'opened',
    };
  }
  if (open.baseline !== night.baseline)
    return { ...open, status: 'superseded', endedAt: night.at, last: 'superseded' };
  // A night that measured nothing neither proves nor disproves anything.
  if (decision.looks.length === 0) return { ...open, last: 'still' };
  const since = [...(open.since ?? open.quiet), night.snapshot];
  const still: Episode = { ...open, nights: open.nights + 1, since, last: 'still' };
  const suspicious = decision.looks.some((l) => l.outcome === 'suspicious' || l.outcome === 'regressed');
  if (suspicious || decision.outcome === 'alarm' || decision.outcome === 'unknown')
    return { ...still, quiet: [] };
  const quieter = { ...still, quiet: [...open.quiet, night.snapshot] };
  return (await recovered(quieter))
    ? { ...quieter, status: 'recovered', endedAt: night.at, last: 'recovered' }
    : quieter;
}

/** The proof of recovery from the ledger's own snapshots; tonight is the last of the episode's nights. */
export function recoveryFrom(
  store: SnapshotStore,
  evidence: Omit<RecoveryEvidence, 'incident' | 'since' | 'affected'>,
): (episode: Episode) => Promise<boolean> {
  const load = async (ids: readonly string[]): Promise<readonly TalliedRun[]> => {
    const runs: TalliedRun[] = [];
    for (const id of ids) runs.push(tallyRun(await store.results(id), evidence.policy.appError));
    return runs;
  };
  return async ({ since, evidence: incident, affected }) =>
    proveRecovery({
      ...evidence,
      incident: await load(incident),
      since: await load((since ?? []).slice(0, -1)),
      affected,
    }).shown;
}

export async function keepEpisode(store: SnapshotStore, at: string, episode: Episode): Promise<void> {
  await store.keepRecord({
    kind: 'episode',
    suite: episode.suite,
    at,
    body: JSON.parse(JSON.stringify(episode)) as LedgerRecord['body'],
  });
}

/** The event that reports a change of an episode; null = the change is not reported. */
export function alertEvent(episode: Episode): RegressionEvent | null {
  switch (episode.last) {
    case 'opened':
      return 'regression.opened';
    case 'recovered':
      return 'regression.recovered';
    case 'superseded':
      return 'regression.superseded';
    case 'still':
      return null;
  }
}
