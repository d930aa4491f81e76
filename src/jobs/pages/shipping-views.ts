// What the pages of flags and rollouts show beside each flag and each rollout.

import type { FlagsView, RolloutsView } from '../../core/index.ts';
import { flagsOf } from '../../rollout/flags.ts';
import { knownFeatures, type PageSources } from './overview.ts';

type Sources = Omit<PageSources, 'store'>;

export async function flagsView(from: Sources): Promise<FlagsView> {
  const { environment, clock, shipping } = from;
  const here = (await shipping.changes(0)).filter((c) => c.environment === environment);
  return {
    environment,
    at: clock.now().toISOString(),
    features: await knownFeatures(from),
    flags: flagsOf(here),
    changes: here.filter(({ kind }) => kind === 'flag' || kind === 'flag-test'),
  };
}

export async function rolloutsView(from: Sources): Promise<RolloutsView> {
  const { environment, clock, rollouts } = from;
  const started = new Set(rollouts.map((r) => r.feature));
  const others = (await knownFeatures(from)).filter((feature) => !started.has(feature));
  return { environment, at: clock.now().toISOString(), rollouts, others };
}
