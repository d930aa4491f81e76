// One step of an applied rollback: do what is pending, notice other people's changes, read production, and do what follows.

import { LastgoodError } from '../../base/index.ts';
import type { AppliedEvent } from '../../core/applied-rollback.ts';
import type { ObservationStore } from '../../core/index.ts';
import { alertStates, queueAlert, sendPending } from '../../engine/records/alerts.ts';
import { type AppliedPlace, knownApplied, writeApplied } from '../../engine/records/applied-log.ts';
import { slackText } from '../../report/ci/slack-text.ts';
import { nextApplied } from '../../rollout/applied-machine.ts';
import { type AppliedState, isAppliedOver, targetPercent } from '../../rollout/applied-state.ts';
import { foldAll } from '../observe/open-production.ts';
import type { RolloutDesk } from '../rollout/apply-effects.ts';
import { countApplied } from './count-applied.ts';
import { foreignChange, numbersOf, placesOf, setTarget } from './shipping-writes.ts';

export interface StepRequest extends AppliedPlace {
  readonly by: string;
  /** Why the registry's doubts, which came up since the start, are overridden. */
  readonly override?: string | undefined;
}

/** Throws `ROLLBACK_NONE`, `ROLLBACK_CHANGED` where another person or program changed what it had set, or as the registry does. */
export async function stepApplied(
  desk: RolloutDesk,
  production: ObservationStore,
  request: StepRequest,
): Promise<AppliedState> {
  const { work } = desk;
  const state = await applyApplied(desk, await knownApplied(work.store, request), request);
  if (isAppliedOver(state.status)) return state;
  await refuseForeign(desk, state, request);
  const event = await lookNow(desk, production, state, request.by);
  const after = nextApplied(state, event) as AppliedState;
  // A look that learns nothing new is shown, and not kept.
  if (isSame(state, after)) return { ...after, seq: state.seq };
  return applyApplied(desk, await writeApplied(work.store, request, state, event), request);
}

/** What production shows now, as an event. */
async function lookNow(
  { work }: RolloutDesk,
  production: ObservationStore,
  state: AppliedState,
  by: string,
): Promise<Extract<AppliedEvent, { kind: 'looked' }>> {
  return {
    kind: 'looked',
    at: work.clock.now().toISOString(),
    by,
    counts: await countNow(work, production, state),
  };
}

export async function countNow(
  { clock }: Pick<RolloutDesk['work'], 'clock'>,
  production: ObservationStore,
  { spec, history }: Pick<AppliedState, 'spec' | 'history'>,
) {
  await foldAll(production);
  const now = clock.now();
  const startedAt = new Date(history[0]?.at ?? now);
  return countApplied(production, spec, { startedAt, now });
}

function isSame(a: AppliedState, b: AppliedState): boolean {
  return (
    a.status === b.status && a.stage === b.stage && JSON.stringify(a.counts) === JSON.stringify(b.counts)
  );
}

/** Everything that is pending, and then the event that says so. */
export async function applyApplied(
  desk: RolloutDesk,
  state: AppliedState,
  request: StepRequest,
): Promise<AppliedState> {
  if (state.pending.length === 0) return state;
  const { work, shipping } = desk;
  const { spec, reason, seq } = state;
  for (const effect of state.pending) {
    if (effect.kind === 'alert') await alert(desk, state, effect);
    else
      try {
        await setTarget(
          {
            ...{ work, shipping, by: request.by, reason, known: state.places },
            override: request.override ?? spec.override,
          },
          spec,
          effect,
        );
      } catch (error) {
        if (error instanceof LastgoodError && error.code === 'SHIPPING_CHANGED')
          await refuseForeign(desk, state, request);
        throw error;
      }
  }
  const places = numbersOf(await shipping.changes(0), spec, placesOf(spec));
  const at = work.clock.now().toISOString();
  const event = { kind: 'applied', at, by: request.by, through: seq, places } as const;
  return writeApplied(work.store, spec, state, event);
}

/** Their change stays: it is recorded, the rollback ends, and `ROLLBACK_CHANGED` is thrown. */
async function refuseForeign(desk: RolloutDesk, state: AppliedState, request: StepRequest): Promise<void> {
  const { work, shipping } = desk;
  const found = foreignChange(await shipping.changes(0), state.spec, state.places);
  if (found === null) return;
  const { place, change } = found;
  const after = await writeApplied(work.store, request, state, {
    ...{ kind: 'changed', at: work.clock.now().toISOString(), place, no: change.no },
    ...{ by: change.by, why: change.why },
  });
  await applyApplied(desk, after, request);
  throw changedByAnother(after);
}

export function changedByAnother({ spec, reason }: AppliedState): LastgoodError {
  const { feature, environment } = spec;
  return new LastgoodError({
    code: 'ROLLBACK_CHANGED',
    message: `the rollback ${spec.id} of ${feature} in ${environment} ended, and nothing was changed: ${reason}`,
    hint: `lastgood registry history ${feature}, lastgood flag history; apply again with --override REASON`,
    exitCode: 3,
  });
}

async function alert(
  { work, webhook }: RolloutDesk,
  state: AppliedState,
  { event, reason }: { readonly event: 'rollback.held' | 'rollback.ended'; readonly reason: string },
): Promise<void> {
  const { spec, since } = state;
  const id = `${spec.id}-${event.slice('rollback.'.length)}-${Date.parse(since)}`;
  if (!(await alertStates(work.store, spec.suite)).some((s) => s.alert.id === id)) {
    const head = `${event === 'rollback.held' ? '🔴' : '🟢'} rollback of ${spec.feature} in ${spec.environment}`;
    const next = `lastgood rollback status ${spec.feature}`;
    await queueAlert(work, spec.suite, {
      ...{ id, episode: spec.id, event, at: since },
      body: {
        ...{ schemaVersion: 1, id, event, at: since, feature: spec.feature, environment: spec.environment },
        ...{ rollback: spec.id, status: state.status, percent: targetPercent(state), reason, next },
        replaced: { ...spec.replaced },
        target: { release: spec.target.release, fingerprint: spec.target.fingerprint },
        text: `${head}: ${slackText(reason)}\nNext: \`${next}\``.slice(0, 2900),
      },
    });
  }
  await sendPending(work, spec.suite, webhook);
}
