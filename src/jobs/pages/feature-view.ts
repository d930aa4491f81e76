// One feature over a time: its signals, and what was changed or happened meanwhile.

import { LastgoodError } from '../../base/errors.ts';
import type { FeatureTimeline, FeatureView, ObservationStore } from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import type { SignalReport } from '../../core/signals.ts';
import { listEvents } from '../../engine/records/events.ts';
import { signalsJob } from '../signals/signals.ts';
import { timelineJob } from '../timeline/timeline.ts';
import { knownFeatures, overviewJob, type PageSources } from './overview.ts';

export interface FeatureSources extends PageSources {
  readonly observations: ObservationStore;
  readonly timelines: TimelineCache;
}

/** Timelines are of whole hours and read many windows: for a minute the last ones are good enough for a page. */
const FRESH_MS = 60_000;
const MOST_TIMELINES = 20;

/** The newest timelines, by what was asked. */
export class TimelineCache {
  readonly #kept = new Map<string, { readonly at: number; readonly timeline: FeatureTimeline }>();

  async get(key: string, now: number, make: () => Promise<FeatureTimeline>): Promise<FeatureTimeline> {
    const kept = this.#kept.get(key);
    if (kept !== undefined && now - kept.at < FRESH_MS) return kept.timeline;
    const timeline = await make();
    this.#kept.delete(key);
    this.#kept.set(key, { at: now, timeline });
    for (const oldest of [...this.#kept.keys()].slice(0, -MOST_TIMELINES)) this.#kept.delete(oldest);
    return timeline;
  }
}

/** Of the last `sinceMs`. Throws `NO_FEATURE`. */
export async function featureView(
  from: FeatureSources,
  feature: string,
  sinceMs: number,
): Promise<FeatureView> {
  if (!(await knownFeatures(from)).includes(feature))
    throw new LastgoodError({
      code: 'NO_FEATURE',
      message: `nothing is known of the feature ${JSON.stringify(feature.slice(0, 80))}`,
      hint: 'the overview lists all features',
    });
  const now = from.clock.now();
  const { features, at, environment } = await overviewJob(from, feature);
  const [overview] = features;
  if (overview === undefined) throw new Error('the overview of one feature has one');
  const start = new Date(now.getTime() - sinceMs).toISOString();
  const changes = (await from.shipping.changes(0)).filter(
    (c) =>
      c.at >= start &&
      c.environment === environment &&
      (c.feature === feature || c.feature === EVERY_FEATURE),
  );
  const events = (await listEvents(from.store, overview.current?.suite)).filter((e) => e.at >= start);
  const signals = await signalsOf(from.observations, feature, now, sinceMs);
  const timeline = signals === null ? null : await timelineOf(from, feature, now, sinceMs);
  return { environment, at, overview, signals, changes, events, timeline };
}

/** A feature that nothing was observed of has no signals. */
async function signalsOf(
  observations: ObservationStore,
  feature: string,
  now: Date,
  since: number,
): Promise<SignalReport | null> {
  const observed = (await observations.features()).some((f) => f.feature === feature);
  return observed ? signalsJob(observations, { feature, now, since, by: null }) : null;
}

async function timelineOf(
  from: FeatureSources,
  feature: string,
  until: Date,
  since: number,
): Promise<FeatureTimeline> {
  const { store, observations, shipping } = from;
  const key = JSON.stringify([feature, since, await shipping.generation()]);
  return from.timelines.get(key, until.getTime(), () =>
    timelineJob({ store }, observations, { feature, shipping, since, until }),
  );
}
