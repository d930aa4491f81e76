// What a shadow run was drawn from, kept in the ledger: an interrupted run is reported on its own inputs, not on newer ones.

import type { JsonObject } from '../../base/json.ts';
import type { ShadowReport, ShadowSample } from '../../core/shadow.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

export interface ShadowPlanRecord {
  readonly feature: string;
  /** The candidate. */
  readonly release: ShadowReport['release'];
  /** Label `shadow` of both snapshots. */
  readonly id: string;
  /** That side is called, too; otherwise it is what users got. */
  readonly live: boolean;
  readonly sample: ShadowSample;
  readonly graders: readonly string[];
}

const KIND = 'shadow-plan';

export async function keepPlan(
  work: Pick<Workplace, 'store' | 'clock'>,
  suite: string,
  plan: ShadowPlanRecord,
): Promise<void> {
  const body = JSON.parse(JSON.stringify(plan)) as JsonObject;
  await work.store.keepRecord({ kind: KIND, suite, at: work.clock.now().toISOString(), body });
}

/** null = the snapshot belongs to no shadow run. */
export async function planOf(
  work: Pick<Workplace, 'store'>,
  suite: string,
  id: string,
): Promise<ShadowPlanRecord | null> {
  const records = await work.store.records(KIND, suite);
  const found = records.find(({ body }) => body['id'] === id);
  return found === undefined ? null : (found.body as unknown as ShadowPlanRecord);
}
