// What monitors leave in the ledger: episodes, calibrated limits, and the last check of each feature.

import type { JsonObject } from '../../base/index.ts';
import type { MonitorGap, MonitorOutcome, SnapshotStore } from '../../core/index.ts';
import type { ChartLimit } from '../../monitor/drift/index.ts';

/** Records of a feature stand under this name, so that they never meet those of a suite that is called alike. */
export function featureKey(feature: string): string {
  return `feature:${feature}`;
}

/** Features whose monitors were ever checked, in order of name. */
export async function featuresChecked(store: SnapshotStore): Promise<readonly string[]> {
  const keys = (await store.records('monitor-check')).map((r) => r.suite);
  return [...new Set(keys)].map((key) => key.slice(featureKey('').length)).sort();
}

/** A drift from the window that showed it to the window that proved its end. */
export interface MonitorEpisode {
  readonly id: string;
  readonly feature: string;
  readonly monitor: string;
  readonly signal: string;
  readonly status: 'open' | 'recovered' | 'superseded';
  /** ISO times: ends of windows. */
  readonly openedAt: string;
  readonly endedAt: string | null;
  /** Most likely start of the change; null for a single template. */
  readonly since: string | null;
  /** What was reported when it opened, in one line. */
  readonly summary: string;
}

/** Each episode of a feature in its latest form, oldest first. */
export async function monitorEpisodes(
  store: SnapshotStore,
  feature: string,
): Promise<readonly MonitorEpisode[]> {
  const byId = new Map<string, MonitorEpisode>();
  for (const { body } of await store.records('monitor-episode', featureKey(feature))) {
    const episode = body as unknown as MonitorEpisode;
    byId.set(episode.id, episode);
  }
  return [...byId.values()];
}

export async function keepMonitorEpisode(
  store: SnapshotStore,
  at: string,
  episode: MonitorEpisode,
): Promise<void> {
  await keep(store, 'monitor-episode', episode.feature, at, episode);
}

/** What the last check of a feature found, by monitor. */
export interface MonitorCheck {
  /** ISO time that was judged. */
  readonly at: string;
  readonly monitors: readonly {
    readonly name: string;
    readonly outcome: MonitorOutcome;
    readonly reason: MonitorGap | null;
    readonly through: string | null;
  }[];
}

export async function monitorChecks(store: SnapshotStore, feature: string): Promise<readonly MonitorCheck[]> {
  const records = await store.records('monitor-check', featureKey(feature));
  return records.map((r) => r.body as unknown as MonitorCheck);
}

/** Keeps a check unless it found what the one before found. */
export async function keepMonitorCheck(
  store: SnapshotStore,
  feature: string,
  check: MonitorCheck,
  before: MonitorCheck | undefined,
): Promise<void> {
  if (before !== undefined && JSON.stringify(before.monitors) === JSON.stringify(check.monitors)) return;
  await keep(store, 'monitor-check', feature, check.at, check);
}

/** Limits of monitors that were calibrated together. */
export interface StoredCalibration {
  readonly key: string;
  readonly at: string;
  readonly limits: readonly (readonly ChartLimit[])[];
}

/** By key, the newest of each. */
export async function storedCalibrations(
  store: SnapshotStore,
  feature: string,
): Promise<ReadonlyMap<string, StoredCalibration>> {
  const records = await store.records('monitor-calibration', featureKey(feature));
  return new Map(
    records.map((r) => {
      const calibration = r.body as unknown as StoredCalibration;
      return [calibration.key, calibration] as const;
    }),
  );
}

export async function keepCalibration(
  store: SnapshotStore,
  feature: string,
  calibration: StoredCalibration,
): Promise<void> {
  await keep(store, 'monitor-calibration', feature, calibration.at, calibration);
}

async function keep(
  store: SnapshotStore,
  kind: string,
  feature: string,
  at: string,
  body: object,
): Promise<void> {
  await store.keepRecord({
    ...{ kind, suite: featureKey(feature), at },
    body: JSON.parse(JSON.stringify(body)) as JsonObject,
  });
}
