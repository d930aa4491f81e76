// The configuration over the weeks before an incident, read off the ledger: releases giving way to others, models served.

import { shortHash } from '../../base/index.ts';
import {
  type ConfigurationChange,
  changedLayers,
  type LayerName,
  layerText,
  type RecordedConfiguration,
  type Release,
  type SnapshotStore,
  type SnapshotSummary,
  type TimelineEntry,
} from '../../core/index.ts';
import { diffReleases } from '../../release/index.ts';

/** What was configured and served in a snapshot. */
export function recordedConfiguration(s: SnapshotSummary, release: Release): RecordedConfiguration {
  return {
    release: s.release,
    fingerprint: s.fingerprint,
    provider: release.layers.route.provider,
    model: layerText(release.layers.route, 'model') ?? null,
    params: release.layers.params ?? {},
    pin: release.pin,
    servedModels: s.servedModels,
    layers: Object.keys(release.layerHashes) as LayerName[],
  };
}

export interface ConfigurationHistory {
  readonly changes: readonly ConfigurationChange[];
  readonly entries: readonly TimelineEntry[];
}

/** `runs` oldest first, all within the window. A release is followed by its name: content that changes under a name is a change. */
export async function configurationHistory(
  store: SnapshotStore,
  runs: readonly SnapshotSummary[],
): Promise<ConfigurationHistory> {
  const changes: ConfigurationChange[] = [];
  const entries: TimelineEntry[] = [];
  const last = new Map<string, SnapshotSummary>();
  const findings = new Set<string>();
  for (const run of runs) {
    const before = last.get(run.release);
    last.set(run.release, run);
    const say = (kind: string, text: string): void => {
      entries.push({ at: run.startedAt, kind, text, source: 'ledger', ref: run.id });
    };
    if (before === undefined)
      say('release', `first run of release ${run.release} (${shortHash(run.fingerprint)}) in this window`);
    else if (before.fingerprint !== run.fingerprint) {
      const layers = diffReleases(await store.releaseOf(before.id), await store.releaseOf(run.id))
        .filter((l) => l.state !== 'same')
        .map(({ layer, lines }) => ({ layer, lines }));
      changes.push({
        at: run.startedAt,
        snapshot: run.id,
        release: run.release,
        from: before.fingerprint,
        to: run.fingerprint,
        layers,
      });
      say(
        'release',
        `release ${run.release} changed: ${changedLayers(before, run).join(', ')} (${shortHash(before.fingerprint)} → ${shortHash(run.fingerprint)})`,
      );
    } else {
      const [was, is] = [named(before.servedModels), named(run.servedModels)];
      if (was !== null && is !== null && was !== is)
        say('served model', `the provider served ${is} instead of ${was}; the release had not changed`);
      const [wasPrint, isPrint] = [named(before.systemFingerprints), named(run.systemFingerprints)];
      if (wasPrint !== null && isPrint !== null && wasPrint !== isPrint)
        say('provider', `the provider's system fingerprint changed from ${wasPrint} to ${isPrint}`);
    }
    for (const finding of run.findings) {
      const key = `${run.release} ${finding.code}`;
      if (findings.has(key)) continue;
      findings.add(key);
      say('finding', finding.message);
    }
    if (run.validity !== 'valid')
      say('run', `run ${run.id} is ${run.validity}: ${run.validityReasons.join('; ') || 'no reason kept'}`);
  }
  return { changes, entries };
}

/** Disclosed values in one text; null when nothing was disclosed. */
function named(values: readonly (string | null)[]): string | null {
  const known = values.filter((v) => v !== null).sort();
  return known.length === 0 ? null : known.join(', ');
}
