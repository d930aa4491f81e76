// Stopping agents, and letting them run again: for a feature, an agent, or everything.

import { LastgoodError, type SecretMask } from '../../base/index.ts';
import type { GuardStop, ShippingStore } from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { decisionText, signed } from '../../engine/records/signature.ts';
import { stopFor, stopsOf } from '../../rollout/guard-rules.ts';
import { checkName } from '../registry/names.ts';

export interface StopRequest {
  /** Or `EVERY_FEATURE`. */
  readonly feature: string;
  readonly environment: string;
  readonly agent?: string | undefined;
  readonly stopped: boolean;
  readonly by?: string | undefined;
  readonly why?: string | undefined;
  readonly now: Date;
}

export interface StopReport {
  readonly feature: string;
  readonly environment: string;
  readonly agent: string | null;
  readonly stopped: boolean;
  readonly at: string;
  readonly by: string;
  readonly why: string;
  /** Another stop that still holds for it; null = it runs. */
  readonly stillStopped: string | null;
}

/** A stop is never refused because of one that holds already: each stays on record. */
export async function changeStop(
  mask: SecretMask,
  shipping: ShippingStore,
  request: StopRequest,
): Promise<StopReport> {
  const { feature, environment } = checkName(request, { every: true });
  const word = request.stopped ? 'stop' : 'start';
  const { by, why } = signed(mask, {
    ...request,
    command: `${word} ${feature === EVERY_FEATURE ? '--all' : feature}`,
  });
  const agent = request.agent === undefined ? '' : decisionText(mask, '--agent', request.agent);
  if (agent.length > 100)
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: '--agent takes a name of at most 100 characters',
    });
  const at = request.now.toISOString();
  await shipping.append({
    ...{ kind: 'stop', feature, environment, name: agent, at, by, why },
    body: { stopped: request.stopped },
  });
  const name = agent === '' ? null : agent;
  const left = request.stopped
    ? null
    : stopFor(stopsOf(await shipping.changes(0), environment), { feature, agent: name });
  const stillStopped =
    left === null
      ? null
      : `${left.feature === EVERY_FEATURE ? 'every feature' : left.feature}${left.agent === null ? '' : ` for ${left.agent}`} was stopped by ${left.by}: ${left.why}`;
  return { feature, environment, agent: name, stopped: request.stopped, at, by, why, stillStopped };
}

/** The stops in force; of one environment where it is named. */
export async function stopsIn(
  shipping: ShippingStore,
  environment: string | undefined,
): Promise<readonly (GuardStop & { readonly environment: string })[]> {
  const changes = await shipping.changes(0);
  const environments = environment === undefined ? new Set(changes.map((c) => c.environment)) : [environment];
  return [...environments].flatMap((name) =>
    stopsOf(changes, name).map((stop) => ({ ...stop, environment: name })),
  );
}
