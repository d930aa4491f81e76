// The registry as a list: what is in force, what changed, and how good it was when it was last measured.

import {
  changedLayers,
  type MeasuredQuality,
  type RegistryEntry,
  type ShippingStore,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { beforeOf, currentOf, deprecatedOf, type RegistryPlace, registryOf } from '../../rollout/registry.ts';
import { evidenceOf, measurements, newestComparison } from './evidence.ts';

/** Below this two pass rates are the same number: rounding of means of thirds. */
const ROUNDING = 1e-9;

/** Of one feature or one environment where they are named. */
export async function listRegistry(
  work: Pick<Workplace, 'store' | 'clock'>,
  shipping: ShippingStore,
  only: { readonly feature?: string | undefined; readonly environment?: string | undefined },
): Promise<readonly RegistryEntry[]> {
  const places = registryOf(await shipping.changes(0)).filter(
    (p) =>
      (only.feature === undefined || p.feature === only.feature) &&
      (only.environment === undefined || p.environment === only.environment),
  );
  return Promise.all(places.map((place) => entryOf(work, place)));
}

async function entryOf(
  { store, clock }: Pick<Workplace, 'store' | 'clock'>,
  place: RegistryPlace,
): Promise<RegistryEntry> {
  const current = currentOf(place);
  const { suite, fingerprint } = current;
  const before = beforeOf(place);
  const comparison =
    before === undefined
      ? null
      : await newestComparison(
          store,
          suite,
          (c) => c.baseline.fingerprint === before.fingerprint && c.candidate.fingerprint === fingerprint,
        );
  const { withdrawn } = await evidenceOf(store, suite, fingerprint);
  const own = await measurements(store, suite, fingerprint);
  const others = before === undefined ? [] : await measurements(store, before.suite, before.fingerprint);
  return {
    feature: place.feature,
    environment: place.environment,
    current,
    candidate: place.candidate,
    before:
      before === undefined
        ? null
        : {
            release: before.release,
            fingerprint: before.fingerprint,
            layersChanged: changedLayers(before, current),
            verdict: comparison?.verdict ?? null,
          },
    quality: qualityOf(own, others),
    withdrawn,
    deprecated: deprecatedOf(place, clock.now()),
  };
}

function qualityOf(
  own: readonly SnapshotSummary[],
  others: readonly SnapshotSummary[],
): MeasuredQuality | null {
  const [newest, earlier] = own;
  if (newest === undefined) return null;
  const other = earlier ?? others[0];
  // Other cases or another exam: the two rates are about different things.
  const alike = other !== undefined && other.suiteHash === newest.suiteHash && other.exam === newest.exam;
  const delta =
    !alike || newest.passRate === null || other.passRate === null ? null : newest.passRate - other.passRate;
  return {
    snapshot: newest.id,
    at: newest.startedAt,
    passRate: newest.passRate,
    simulated: newest.simulated,
    against:
      other === undefined
        ? null
        : {
            what: earlier === undefined ? 'release before' : 'same release',
            snapshot: other.id,
            at: other.startedAt,
            passRate: other.passRate,
            delta,
          },
    direction:
      delta === null ? 'unknown' : Math.abs(delta) < ROUNDING ? 'equal' : delta > 0 ? 'higher' : 'lower',
  };
}
