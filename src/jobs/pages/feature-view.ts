// One feature over a time: its signals, and what was changed or happened meanwhile.

import { LastgoodError } from '../../base/errors.ts';
import type { FeatureView, ObservationStore } from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import type { SignalReport } from '../../core/signals.ts';
import { listEvents } from '../../engine/records/events.ts';
import { signalsJob } from '../signals/signals.ts';
import { knownFeatures, overviewJob, type PageSources } from './overview.ts';

export interface FeatureSources extends PageSources {
  readonly observations: ObservationStore;
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
  return { environment, at, overview, signals, changes, events };
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
