// Opens what a step of a rollout needs: ledger, log of shipping, observations and the webhook.

import type { ObservationStore } from '../../core/index.ts';
import type { RolloutDesk } from '../../jobs/rollout/apply-effects.ts';
import type { Io } from '../terminal/io.ts';
import { withProduction } from './production.ts';
import type { CommonOptions } from './session.ts';
import { withShippingLog } from './shipping-options.ts';

/** Closes everything whatever happens. */
export async function withRollouts<T>(
  io: Io,
  options: CommonOptions & { readonly webhook?: string; readonly mustExist?: boolean },
  job: (desk: RolloutDesk, production: ObservationStore) => Promise<T>,
): Promise<T> {
  const { webhookOf } = await import('../../engine/workplace/webhook-address.ts');
  return withShippingLog(io, options, async ({ work, settings, shipping }) => {
    const webhook = webhookOf(work, options.webhook ?? settings.webhook);
    return withProduction(io, options, (production) => job({ work, shipping, webhook }, production));
  });
}
