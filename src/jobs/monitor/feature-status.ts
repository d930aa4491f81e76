// What the monitors of each feature found last, what is open, and which alerts still wait for a webhook.

import type { SnapshotStore } from '../../core/index.ts';
import { type AlertState, alertStates } from '../../engine/records/alerts.ts';
import {
  featureKey,
  featuresChecked,
  type MonitorCheck,
  type MonitorEpisode,
  monitorChecks,
  monitorEpisodes,
} from '../../engine/records/monitor-records.ts';

interface FeatureStatus {
  readonly feature: string;
  readonly lastCheck: MonitorCheck | null;
  readonly openEpisodes: readonly MonitorEpisode[];
  readonly unsent: readonly AlertState[];
}

/** Every feature whose monitors were checked, in order of name. */
export async function featureStatus(store: SnapshotStore): Promise<readonly FeatureStatus[]> {
  const all: FeatureStatus[] = [];
  for (const feature of await featuresChecked(store))
    all.push({
      feature,
      lastCheck: (await monitorChecks(store, feature)).at(-1) ?? null,
      openEpisodes: (await monitorEpisodes(store, feature)).filter((e) => e.status === 'open'),
      unsent: (await alertStates(store, featureKey(feature))).filter((a) => !a.delivered),
    });
  return all;
}
