// lastgood rollback FEATURE --apply: starts the rollback to the verified target, or continues the one under way.

import { LastgoodError, sha256 } from '../../base/index.ts';
import type { AppliedPlan, AppliedSpec } from '../../core/applied-rollback.ts';
import type { ObservationStore } from '../../core/index.ts';
import { type AppliedPlace, appliedOf, writeApplied } from '../../engine/records/applied-log.ts';
import { decisionText, signed } from '../../engine/records/signature.ts';
import { acceptsApplied } from '../../rollout/applied-machine.ts';
import { type AppliedState, isAppliedOver } from '../../rollout/applied-state.ts';
import { currentOf, registryOf } from '../../rollout/registry.ts';
import { isOver } from '../../rollout/rollout-state.ts';
import { foldAll } from '../observe/open-production.ts';
import { knownPlace } from '../registry/set-pointer.ts';
import { applyPending, type RolloutDesk } from '../rollout/apply-effects.ts';
import { rolloutOf } from '../rollout/rollout-log.ts';
import { planOf } from './applied-plan.ts';
import { type Draft, type DraftRequest, draftRollback } from './draft-rollback.ts';
import { incidentOf, unverified } from './find-verified.ts';
import { applyApplied, changedByAnother, countNow, stepApplied } from './step-applied.ts';

export interface ApplyRequest extends DraftRequest {
  readonly by?: string | undefined;
  readonly why?: string | undefined;
  readonly override?: string | undefined;
  /** End the wait of the present stage, or continue after a stop. */
  readonly now: boolean;
  /** Runs the search for a target from a snapshot, where none is known. Resolves to its reason where it found none. */
  readonly search: (
    suite: string,
    from: string,
  ) => Promise<{ readonly exitCode: 3 | 5; readonly why: string } | null>;
}

/** Throws `ROLLBACK_UNVERIFIED`, `ROLLBACK_BUSY` or `ROLLBACK_CHANGED`, or as the registry and a step do. */
export async function applyRollback(
  desk: RolloutDesk,
  production: ObservationStore,
  request: ApplyRequest,
): Promise<AppliedState> {
  const { work, shipping } = desk;
  const command = `rollback ${request.feature} --apply`;
  const place = { feature: request.feature, environment: request.environment };
  const before = await appliedOf(work.store, place);
  if (before !== null && !isAppliedOver(before.status))
    return request.now
      ? advanceApplied(desk, production, { ...request, command })
      : stepApplied(desk, production, { ...place, by: request.by ?? command, override: request.override });
  if (before !== null && before.pending.length > 0)
    await applyApplied(desk, before, { ...place, by: request.by ?? command });
  const known = await draftRollback(desk, production, request);
  const inForce = currentOf(
    knownPlace(registryOf(await shipping.changes(0)), place.feature, place.environment),
  );
  const isDone = before?.status === 'recovered' || before?.status === 'in-force';
  // Applied before, and nothing says that what it put in force is to be replaced: the same command again changes nothing.
  if (
    before !== null &&
    isDone &&
    known.target === null &&
    before.spec.target.fingerprint === inForce.fingerprint
  )
    return before;
  if (request.now)
    throw new LastgoodError({
      code: 'ROLLBACK_STATE',
      message: `no rollback of ${place.feature} is under way in ${place.environment}, so there is no wait to end`,
      hint: `lastgood ${command} --why TEXT; --percent 100 sets it for everybody at once`,
      exitCode: 3,
    });
  const said = signed(work.mask, { by: request.by, why: request.why, command });
  const override =
    request.override === undefined ? null : decisionText(work.mask, '--override', request.override);
  if (before?.status === 'interrupted' && override === null) throw changedByAnother(before);
  await refuseBusy(desk, place, said.by);
  const draft = known.target === null ? await searched(desk, production, { request, known }) : known;
  refuse(draft, override);
  const spec = await specOf(desk, production, { draft, request, override });
  const at = work.clock.now().toISOString();
  const state = await writeApplied(work.store, place, before, { kind: 'started', at, ...said, spec });
  return applyApplied(desk, state, { ...place, by: said.by });
}

/** What it would do. Nothing is changed, no call is made. */
export async function planRollback(
  desk: RolloutDesk,
  production: ObservationStore,
  request: DraftRequest,
): Promise<AppliedPlan | AppliedState> {
  const { work, shipping } = desk;
  const before = await appliedOf(work.store, request);
  if (before !== null && !isAppliedOver(before.status)) return before;
  const draft = await draftRollback(desk, production, request);
  const refusals = [...draft.refusals];
  if (before?.status === 'interrupted') refusals.push(asRefusal(changedByAnother(before)));
  const busy = await busyRollout(desk, request);
  if (busy !== null) refusals.push(asRefusal(busy));
  return planOf(draft, refusals, await shipping.changes(0));
}

function asRefusal({ code, message, hint }: LastgoodError): AppliedPlan['refusals'][number] {
  return { code, message, hint: hint ?? null };
}

/** Searches where no target is known, and drafts again. */
async function searched(
  desk: RolloutDesk,
  production: ObservationStore,
  { request, known }: { readonly request: ApplyRequest; readonly known: Draft },
): Promise<Draft> {
  const { suite, replaced, feature } = known;
  const from = await incidentOf(desk.work.store, suite, replaced.fingerprint);
  if (from === null)
    throw unverified(`${known.why}, and the suite ${suite} was never run on the release in force`, {
      ...{ feature, suite, exitCode: 3 },
    });
  const failed = await request.search(suite, from);
  if (failed !== null) throw unverified(failed.why, { feature, suite, exitCode: failed.exitCode });
  const draft = await draftRollback(desk, production, request);
  if (draft.target === null) throw unverified(draft.why, { feature, suite, exitCode: 3 });
  return draft;
}

/** What a person may override is overridden with a reason; nothing else is. */
function refuse({ refusals, feature, suite }: Draft, override: string | null): void {
  const [doubt] = refusals;
  if (doubt === undefined) return;
  if (doubt.code === 'ROLLBACK_UNVERIFIED') throw unverified(doubt.message, { feature, suite, exitCode: 3 });
  if (override !== null) return;
  throw new LastgoodError({
    code: 'REGISTRY_DOUBTFUL',
    message: doubt.message,
    hint: 'read the doubts, or say why with --override REASON',
    exitCode: 3,
  });
}

async function specOf(
  desk: RolloutDesk,
  production: ObservationStore,
  found: { readonly draft: Draft; readonly request: ApplyRequest; readonly override: string | null },
): Promise<AppliedSpec> {
  const { draft, override } = found;
  const { work } = desk;
  for (const { code, message, hint } of draft.warnings) work.progress.warn({ code, message, hint });
  if (draft.target === null) throw new Error('a rollback without a target');
  const { feature, environment, suite, replaced, target, stages, flags, restored, before, places } = draft;
  const { watched, guarded, unwatched } = draft;
  const now = work.clock.now();
  const key = sha256(JSON.stringify([feature, environment, now.getTime(), target.fingerprint])).slice(0, 6);
  const plain = { feature, environment, suite, replaced, target, stages, flags, restored, before };
  const spec = { ...plain, watched, guarded, unwatched, places, override };
  const origin = await countNow(work, production, {
    spec: { ...spec, id: '', origin: NO_COUNTS },
    history: [],
  });
  return { id: `rb-${now.toISOString().replace(/[-:]|\..*/g, '')}-${key}`, ...spec, origin };
}

const NO_COUNTS: AppliedSpec['origin'] = {
  answers: { target: 0, replaced: 0, unnamed: 0 },
  watched: [],
  guarded: [],
};

/** A person ends the wait, by name and with a reason. */
async function advanceApplied(
  desk: RolloutDesk,
  production: ObservationStore,
  request: ApplyRequest & { readonly command: string },
): Promise<AppliedState> {
  const { work } = desk;
  const { feature, environment, override } = request;
  const said = signed(work.mask, {
    ...{ by: request.by, why: request.why, command: `${request.command} --now` },
  });
  const step = { feature, environment, by: said.by, override };
  const state = await stepApplied(desk, production, step);
  if (!acceptsApplied(state, 'advanced'))
    throw new LastgoodError({
      code: 'ROLLBACK_STATE',
      message: `the rollback ${state.spec.id} of ${feature} is ${state.status} and everybody has the target, so there is no wait to end`,
      hint: `lastgood rollback status ${feature}; lastgood rollback cancel ${feature} ends the watch`,
      exitCode: 3,
    });
  await foldAll(production);
  const counts = await countNow(work, production, state);
  const at = work.clock.now().toISOString();
  return applyApplied(
    desk,
    await writeApplied(work.store, state.spec, state, { kind: 'advanced', at, ...said, counts }),
    step,
  );
}

/** Back to 0%, or, once everybody has the target, the end of the watch. Throws `ROLLBACK_STATE` where it is over. */
export async function cancelRollback(
  desk: RolloutDesk,
  request: AppliedPlace & { readonly by?: string | undefined; readonly why?: string | undefined },
): Promise<AppliedState> {
  const { work } = desk;
  const { feature, environment } = request;
  const said = signed(work.mask, { ...request, command: `rollback cancel ${feature}` });
  const state = await appliedOf(work.store, request);
  if (state === null || !acceptsApplied(state, 'cancelled'))
    throw new LastgoodError({
      code: 'ROLLBACK_STATE',
      message:
        state === null
          ? `no rollback of ${feature} was applied in ${environment}, so there is nothing to cancel`
          : `the rollback ${state.spec.id} of ${feature} is ${state.status} already`,
      hint: `lastgood registry restore ${feature} --why TEXT points back to the release before`,
      exitCode: 3,
    });
  const at = work.clock.now().toISOString();
  const after = await writeApplied(work.store, request, state, { kind: 'cancelled', at, ...said });
  return applyApplied(desk, after, { feature, environment, by: said.by });
}

/** A rollout has the percentage of the feature. One that is over finishes first what it left to do. */
async function refuseBusy(desk: RolloutDesk, place: AppliedPlace, by: string): Promise<void> {
  const busy = await busyRollout(desk, place);
  if (busy !== null) throw busy;
  const rollout = await rolloutOf(desk.work.store, place);
  if (rollout !== null) await applyPending(desk, rollout, by);
}

async function busyRollout(
  { work }: Pick<RolloutDesk, 'work'>,
  place: AppliedPlace,
): Promise<LastgoodError | null> {
  const rollout = await rolloutOf(work.store, place);
  if (rollout === null || isOver(rollout.status)) return null;
  const { feature, environment } = place;
  return new LastgoodError({
    code: 'ROLLBACK_BUSY',
    message: `the rollout ${rollout.spec.id} of ${feature} in ${environment} is ${rollout.status} at ${rollout.percent}%, so nothing was changed`,
    hint: `if its candidate is the cause: lastgood rollout abort ${feature} --why TEXT`,
    exitCode: 3,
  });
}
