// The overview of all features: what is in force, what is known to be good, and what is wrong now.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/index.ts';
import { count } from '../../base/numbers.ts';
import type {
  Approval,
  FeatureOverview,
  FeatureState,
  GuardStop,
  GuardStore,
  LastGood,
  ObservationStore,
  OpenEpisode,
  Overview,
  RegistryEntry,
  ShippingStore,
  SnapshotStore,
  SuiteOverview,
} from '../../core/index.ts';
import type { RolloutReport } from '../../core/rollout.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { monitorEpisodes } from '../../engine/records/monitor-records.ts';
import { stopFor, stopsOf } from '../../rollout/guard-rules.ts';
import { placeOf, type RegistryPlace, registryOf } from '../../rollout/registry.ts';
import { episodesOf } from '../nightly/episodes.ts';
import { evidenceOf } from '../registry/evidence.ts';
import { listRegistry } from '../registry/list-registry.ts';

/** Earlier releases of a feature that are asked whether they are good. */
const MOST_EARLIER = 10;
const FEATURE_FILE = /^([a-z0-9][a-z0-9._-]{0,63})\.yaml$/;

export interface PageSources {
  readonly store: SnapshotStore;
  readonly observations: Pick<ObservationStore, 'features'>;
  readonly shipping: ShippingStore;
  readonly guard: GuardStore;
  readonly clock: Clock;
  readonly environment: string;
  /** The newest rollout of each feature here. */
  readonly rollouts: readonly RolloutReport[];
  /** Folder with the tickets: `features/FEATURE.yaml`. */
  readonly project: string;
}

/** Every feature that anything is known of, or only one. */
export async function overviewJob(from: PageSources, only?: string): Promise<Overview> {
  const { store, shipping, guard, clock, environment } = from;
  const changes = await shipping.changes(0);
  const places = registryOf(changes);
  const entries = await listRegistry({ store, clock }, shipping, { environment, feature: only });
  const pending = (await guard.approvals({ now: clock.now().getTime() })).filter(
    (a) => a.state === 'pending' && a.environment === environment,
  );
  const stops = stopsOf(changes, environment);
  const names = only === undefined ? await knownFeatures(from) : [only];
  const features: FeatureOverview[] = [];
  for (const feature of names) {
    const entry = entries.find((e) => e.feature === feature);
    const place = placeOf(places, feature, environment);
    features.push(await featureOf(store, feature, { entry, place, stops, pending, rollouts: from.rollouts }));
  }
  const covered = new Set(features.flatMap((f) => (f.current === null ? [] : [f.current.suite])));
  return {
    environment,
    at: clock.now().toISOString(),
    features,
    suites: only === undefined ? await suitesWithout(store, covered) : [],
  };
}

/** Names in order: from observations, from decisions of people, and from the tickets of the project. */
export async function knownFeatures(
  from: Pick<PageSources, 'observations' | 'shipping' | 'guard' | 'project' | 'environment' | 'rollouts'>,
): Promise<readonly string[]> {
  const changed = (await from.shipping.changes(0)).filter((c) => c.environment === from.environment);
  const observed = await from.observations.features();
  const files = await readdir(join(from.project, 'features')).catch(() => []);
  const asking = await from.guard.approvals({ now: 0 });
  const names = new Set([
    ...observed.map((f) => f.feature),
    ...changed.map((c) => c.feature),
    ...asking.filter((a) => a.environment === from.environment).map((a) => a.feature),
    ...from.rollouts.map((r) => r.feature),
    ...files.flatMap((file) => FEATURE_FILE.exec(file)?.[1] ?? []),
  ]);
  names.delete(EVERY_FEATURE);
  return [...names].sort();
}

async function featureOf(
  store: SnapshotStore,
  feature: string,
  known: {
    readonly entry: RegistryEntry | undefined;
    readonly place: RegistryPlace | undefined;
    readonly stops: readonly GuardStop[];
    readonly pending: readonly Approval[];
    readonly rollouts: readonly RolloutReport[];
  },
): Promise<FeatureOverview> {
  const { entry, place } = known;
  const current = entry?.current ?? null;
  const stops = known.stops.filter((s) => s.feature === feature || s.feature === EVERY_FEATURE);
  const lastGood = place === undefined ? null : await lastGoodOf(store, place);
  const episodes = [
    ...(await openDrifts(store, feature)),
    ...(current === null ? [] : await openEpisodes(store, current.suite, current)),
  ];
  return {
    feature,
    ...stateOf({ feature, entry, stops, episodes, lastGood }),
    current,
    candidate: entry?.candidate ?? null,
    quality: entry?.quality ?? null,
    lastGood,
    episodes,
    stops,
    pendingApprovals: known.pending.filter((a) => a.feature === feature).length,
    rollout: rolloutOf(known.rollouts.find((r) => r.feature === feature)),
  };
}

function rolloutOf(report: RolloutReport | undefined): FeatureOverview['rollout'] {
  if (report === undefined) return null;
  const { id, status, percent, stage, since, stages } = report;
  return { id, status, percent, stage, since, stages: stages.length };
}

function stateOf(known: {
  readonly feature: string;
  readonly entry: RegistryEntry | undefined;
  readonly stops: readonly GuardStop[];
  readonly episodes: readonly OpenEpisode[];
  readonly lastGood: LastGood | null;
}): { readonly state: FeatureState; readonly reason: string } {
  const { feature, entry, stops, episodes, lastGood } = known;
  const stop = stopFor(stops, { feature, agent: null });
  if (stop !== null) return { state: 'stopped', reason: `${stop.by} stopped it: ${stop.why}` };
  const [episode] = episodes;
  if (episode !== undefined)
    return {
      state: 'alert',
      reason: `${count(episodes.length, 'open episode')}: ${episode.reason}`,
    };
  if (entry === undefined) return { state: 'unproven', reason: 'no release is in force here' };
  if (entry.withdrawn !== null)
    return { state: 'alert', reason: `the release in force was withdrawn: ${entry.withdrawn}` };
  if (lastGood?.fingerprint !== entry.current.fingerprint)
    return { state: 'unproven', reason: 'nothing shows that the release in force is good' };
  return { state: 'steady', reason: 'the ledger shows that the release in force is good' };
}

/** The newest release that was in force here, was not withdrawn, and of which nothing speaks against its being good. */
async function lastGoodOf(store: SnapshotStore, { pointers }: RegistryPlace): Promise<LastGood | null> {
  const newest = new Map([...pointers].reverse().map((p) => [`${p.suite}\n${p.fingerprint}`, p] as const));
  for (const { release, fingerprint, suite } of [...newest.values()].slice(0, MOST_EARLIER)) {
    const { snapshot, doubts, withdrawn } = await evidenceOf(store, suite, fingerprint);
    if (snapshot === null || doubts.length > 0 || withdrawn !== null) continue;
    const { id, startedAt, passRate } = snapshot;
    return { release, fingerprint, suite, snapshot: id, at: startedAt, passRate };
  }
  return null;
}

/** Of a suite; with `place`, also those of its feature's rollouts. */
async function openEpisodes(
  store: SnapshotStore,
  suite: string,
  place?: { readonly feature: string; readonly environment: string },
): Promise<readonly OpenEpisode[]> {
  const ownRollouts = place === undefined ? null : `rollout:${place.feature}@${place.environment}`;
  const open = (await episodesOf(store, suite)).filter((e) => e.status === 'open');
  return open.flatMap(({ id, series, openedAt, reason }): OpenEpisode[] => {
    if (!series.startsWith('rollout:')) return [{ id, kind: 'nightly', of: suite, openedAt, reason }];
    return series === ownRollouts
      ? [{ id, kind: 'rollout', of: place?.feature ?? '', openedAt, reason }]
      : [];
  });
}

async function openDrifts(store: SnapshotStore, feature: string): Promise<readonly OpenEpisode[]> {
  const open = (await monitorEpisodes(store, feature)).filter((e) => e.status === 'open');
  return open.map(({ id, monitor, openedAt, summary }) => ({
    ...{ id, kind: 'monitor', of: monitor, openedAt, reason: summary },
  }));
}

async function suitesWithout(
  store: SnapshotStore,
  covered: ReadonlySet<string>,
): Promise<readonly SuiteOverview[]> {
  const runs = await store.list({ purposes: ['run'] });
  const names = [...new Set(runs.map((r) => r.suite))].filter((name) => !covered.has(name)).sort();
  const suites: SuiteOverview[] = [];
  for (const suite of names) {
    const valid = runs.find((r) => r.suite === suite && r.state === 'finished' && r.validity === 'valid');
    const blessing = (await store.blessings(suite)).at(-1);
    suites.push({
      suite,
      lastValid: valid === undefined ? null : { snapshot: valid.id, at: valid.startedAt },
      baseline: blessing === undefined ? null : { snapshot: blessing.snapshot, at: blessing.at },
      episodes: await openEpisodes(store, suite),
    });
  }
  return suites;
}
