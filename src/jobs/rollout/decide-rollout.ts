// What a person decides about a rollout: pause, resume, abort, promote.

import { LastgoodError } from '../../base/index.ts';
import type { ObservationStore } from '../../core/index.ts';
import type { RolloutEvent } from '../../core/rollout.ts';
import { signed } from '../../engine/records/signature.ts';
import { currentOf, placeOf, registryOf } from '../../rollout/registry.ts';
import { accepts } from '../../rollout/rollout-machine.ts';
import type { RolloutState } from '../../rollout/rollout-state.ts';
import { promoteCandidate } from '../registry/set-pointer.ts';
import { applyPending, endEpisodes, type RolloutDesk } from './apply-effects.ts';
import { newSince } from './count-arms.ts';
import { knownRollout, type RolloutPlace, writeEvent } from './rollout-log.ts';
import { countRollout, stepRollout } from './step-rollout.ts';

export type RolloutDecision = 'pause' | 'resume' | 'abort' | 'promote';
const KINDS = { pause: 'paused', resume: 'resumed', abort: 'aborted', promote: 'promoted' } as const;

/** Throws `ROLLOUT_STATE` where the rollout is in no state for it. */
export async function decideRollout(
  desk: RolloutDesk,
  production: ObservationStore,
  request: RolloutPlace & {
    readonly decision: RolloutDecision;
    readonly by?: string | undefined;
    readonly why?: string | undefined;
    readonly override?: string | undefined;
  },
): Promise<RolloutState> {
  const { decision, feature, environment } = request;
  const { work } = desk;
  const place = { feature, environment };
  const said = signed(work.mask, { ...request, command: `rollout ${decision} ${feature}` });
  // What is under way counts up to now: a rollback that is due goes before any decision but an abort.
  const known = await knownRollout(work.store, place);
  const isUrgent = decision === 'abort' || decision === 'pause';
  const state = isUrgent
    ? await applyPending(desk, known, said.by)
    : await stepRollout(desk, production, place, said.by);
  if (!accepts(state.status, KINDS[decision])) throw wrongState(state, decision);
  if (decision === 'promote') await pointToCandidate(desk, state, { ...said, override: request.override });
  const at = work.clock.now().toISOString();
  const event: RolloutEvent =
    decision === 'resume'
      ? { kind: 'resumed', at, ...said, seen: await seenNow(desk, production, state) }
      : { kind: KINDS[decision], at, ...said };
  const after = await writeEvent(work.store, place, await knownRollout(work.store, place), event);
  if (decision !== 'pause') await endEpisodes(work, state.spec);
  return applyPending(desk, after, said.by);
}

/** The counts up to now, without the segments that are disabled: the resumed rollout learns from what comes after. */
async function seenNow({ work }: RolloutDesk, production: ObservationStore, state: RolloutState) {
  const counted = await countRollout(production, { ...state, excluded: state.disabled }, work.clock.now());
  const zero = { calls: { candidate: 0, control: 0 }, gates: [] };
  return newSince(counted, state.spec.origin, zero);
}

async function pointToCandidate(
  { work, shipping }: RolloutDesk,
  { spec }: RolloutState,
  said: { readonly by: string; readonly why: string; readonly override?: string | undefined },
): Promise<void> {
  const { feature, environment, candidate } = spec;
  const place = placeOf(registryOf(await shipping.changes(0)), feature, environment);
  if (place !== undefined && currentOf(place).fingerprint === candidate.fingerprint) return;
  await promoteCandidate(work, shipping, { feature, environment, ...said });
}

function wrongState({ spec, status }: RolloutState, decision: RolloutDecision): LastgoodError {
  const next =
    decision === 'promote'
      ? 'it can be promoted once its last stage is complete'
      : decision === 'resume'
        ? 'only a paused or frozen rollout resumes; start a new one after a rollback'
        : 'only a rollout that is under way can be ended or paused';
  return new LastgoodError({
    code: 'ROLLOUT_STATE',
    message: `the rollout ${spec.id} of ${spec.feature} is ${status}, so ${decision} is not possible`,
    hint: next,
    exitCode: 3,
  });
}
