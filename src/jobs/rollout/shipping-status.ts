// What is open of rollouts and applied rollbacks, also of suites that have no nights.

import type { AppliedReport } from '../../core/applied-rollback.ts';
import type { SnapshotStore } from '../../core/index.ts';
import { type AlertState, alertStates } from '../../engine/records/alerts.ts';
import { appliedUnderWay } from '../../engine/records/applied-log.ts';
import { targetPercent } from '../../rollout/applied-state.ts';
import { episodesOf } from '../nightly/episodes.ts';
import { featureOfSeries } from './apply-effects.ts';

interface OpenRollout {
  readonly feature: string;
  readonly environment: string;
  readonly suite: string;
  readonly episode: string;
  readonly openedAt: string;
  readonly reason: string;
}

export interface ShippingStatus {
  /** Episodes that gates opened and that no person has ended. */
  readonly rollouts: readonly OpenRollout[];
  readonly rollbacks: readonly (Pick<
    AppliedReport,
    'id' | 'feature' | 'environment' | 'status' | 'code' | 'reason' | 'since' | 'percent' | 'target' | 'holds'
  > & { readonly suite: string })[];
  /** Alerts of these suites that no webhook has taken yet, of suites that are not listed for their nights. */
  readonly unsent: readonly AlertState[];
}

/** `listed`: suites whose alerts are shown already. `only`: nothing of other suites. */
export async function shippingStatus(
  store: SnapshotStore,
  { listed, only }: { readonly listed: ReadonlySet<string>; readonly only: boolean },
): Promise<ShippingStatus> {
  const rollouts = (await episodesOf(store)).flatMap((e): OpenRollout[] => {
    const place = e.status === 'open' ? featureOfSeries(e.series) : null;
    if (place === null || (only && !listed.has(e.suite))) return [];
    return [{ ...place, suite: e.suite, episode: e.id, openedAt: e.openedAt, reason: e.reason }];
  });
  const applied = (await appliedUnderWay(store)).filter((s) => !only || listed.has(s.spec.suite));
  const rollbacks = applied.map((state) => {
    const { spec, status, code, reason, since, holds } = state;
    const { id, feature, environment, suite, target } = spec;
    return {
      ...{ id, feature, environment, suite, status, code, reason, since, target, holds },
      percent: targetPercent(state),
    };
  });
  const unsent: AlertState[] = [];
  for (const suite of new Set([...rollouts, ...rollbacks].map((r) => r.suite)))
    if (!listed.has(suite)) unsent.push(...(await alertStates(store, suite)).filter((a) => !a.delivered));
  return { rollouts, rollbacks, unsent };
}
