// Starts a rollout: conditions, gates with their references, the candidate in the registry, the first percentage.

import { LastgoodError, sha256, shortHash } from '../../base/index.ts';
import type { ObservationStore } from '../../core/index.ts';
import type { RolloutSpec, RolloutWaiver } from '../../core/rollout.ts';
import type { ReleaseTicket, TicketReadiness } from '../../core/ticket.ts';
import { refuseWhileApplied } from '../../engine/records/applied-log.ts';
import { decisionText, signed } from '../../engine/records/signature.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findTicketFile } from '../../engine/workplace/settings-file.ts';
import { parseTicket } from '../../rollout/index.ts';
import { placeOf, registryOf } from '../../rollout/registry.ts';
import { isOver, type RolloutState } from '../../rollout/rollout-state.ts';
import { checkName } from '../registry/names.ts';
import { knownPlace, setPointer } from '../registry/set-pointer.ts';
import { checkTicket } from '../ticket/check-ticket.ts';
import {
  applyPending,
  endEpisodes,
  PERCENT_FLAG,
  percentDefinition,
  type RolloutDesk,
  setFlag,
} from './apply-effects.ts';
import { controlHistory, countArms } from './count-arms.ts';
import { prepareGate } from './gate-counts.ts';
import { rolloutOf, writeEvent } from './rollout-log.ts';

/** Conditions that a person may take responsibility for, in the order of `ticket check`. */
const WAIVABLE = ['ticket', 'suite', 'target', 'drill'] as const;
export type Waivable = (typeof WAIVABLE)[number];
/** Place of each in `TicketReadiness.checks`; two releases that do not differ cannot be waived. */
const PLACES: Readonly<Record<Waivable, number>> = { ticket: 0, suite: 2, target: 3, drill: 4 };

/** Probability of any false action over all gates and stages: less than 5%, because calls of one user are not independent. */
export const ALPHA = 0.03;

export interface StartRequest {
  readonly feature: string;
  readonly environment: string;
  readonly by?: string | undefined;
  readonly why?: string | undefined;
  readonly waive: readonly Waivable[];
  readonly cwd: string;
}

/** Throws `ROLLOUT_NOT_READY`, `ROLLOUT_RUNNING`, `ROLLOUT_CONTROL` or `ROLLOUT_GATE`, or as the ticket and the registry do. */
export async function startRollout(
  desk: RolloutDesk,
  production: ObservationStore,
  request: StartRequest,
): Promise<RolloutState> {
  const { work } = desk;
  const said = signed(work.mask, { ...request, command: `rollout start ${request.feature}` });
  const readiness = await checkTicket(work, request.feature, request.cwd);
  const file = await findTicketFile(request.feature, request.cwd);
  const ticket = parseTicket(await readText(file), file);
  const place = checkName({ feature: ticket.feature, environment: request.environment });
  const before = await rolloutOf(work.store, place);
  if (before !== null && !isOver(before.status)) throw stillRunning(before);
  await refuseWhileApplied(work.store, place);
  if (before !== null) await applyPending(desk, before, said.by);
  const waived = waivers(readiness, request.waive, said);
  const spec = await specOf(desk, production, { ticket, readiness, place, waived });
  await nameCandidate(desk, spec, { ...said, ticket, cwd: request.cwd });
  await endEpisodes(work, spec);
  const at = work.clock.now().toISOString();
  const state = await writeEvent(work.store, place, null, { kind: 'started', at, ...said, spec });
  return applyPending(desk, state, said.by);
}

/** Every condition that is open must be waived by name. Throws `ROLLOUT_NOT_READY`. */
function waivers(
  { checks, feature }: TicketReadiness,
  asked: readonly Waivable[],
  { by, why }: { readonly by: string; readonly why: string },
): readonly RolloutWaiver[] {
  const nameOf = (i: number): Waivable | undefined => WAIVABLE.find((name) => PLACES[name] === i);
  const open = checks.flatMap((check, i) => (check.state === 'met' ? [] : [{ ...check, name: nameOf(i) }]));
  const refused = open.filter(({ name }) => name === undefined || !asked.includes(name));
  if (refused.length > 0) {
    const waive = refused.flatMap(({ name }) => (name === undefined ? [] : [`--waive ${name}`]));
    throw new LastgoodError({
      code: 'ROLLOUT_NOT_READY',
      message: `the rollout of ${feature} was not started: ${refused.map((r) => `it is not shown that ${r.what} (${r.detail})`).join('; ')}`,
      hint: `lastgood ticket check ${feature} shows what closes each; or take responsibility: ${waive.join(' ')}`,
      exitCode: 3,
    });
  }
  return open.map(({ what, detail }) => ({ condition: what, detail, by, why }));
}

async function specOf(
  { work, shipping }: RolloutDesk,
  production: ObservationStore,
  found: {
    readonly ticket: ReleaseTicket;
    readonly readiness: TicketReadiness;
    readonly place: { readonly feature: string; readonly environment: string };
    readonly waived: readonly RolloutWaiver[];
  },
): Promise<RolloutSpec> {
  const { ticket, readiness, place, waived } = found;
  const { control, candidate } = readiness;
  const { fingerprint, release } = knownPlace(
    registryOf(await shipping.changes(0)),
    place.feature,
    place.environment,
  ).pointers.at(-1) as {
    fingerprint: string;
    release: string;
  };
  if (fingerprint !== control.fingerprint)
    throw new LastgoodError({
      code: 'ROLLOUT_CONTROL',
      message: `${place.feature} points to ${release} ${shortHash(fingerprint)} in ${place.environment}, but the control of the ticket is ${control.release} ${shortHash(control.fingerprint)}`,
      hint: `correct the ticket, or lastgood registry set ${place.feature} RELEASE`,
      exitCode: 3,
    });
  const now = work.clock.now().getTime();
  const history = await controlHistory(production, {
    feature: place.feature,
    arms: { control, candidate },
    now,
  });
  const gates = ticket.gates.map((gate) => prepareGate(gate, history));
  const { counts } = await countArms(production, {
    ...{ spec: { feature: place.feature, control, candidate, gates }, startedAt: now, now, excluded: [] },
  });
  return {
    id: `ro-${new Date(now).toISOString().replace(/[-:]|\..*/g, '')}-${sha256(JSON.stringify([place, now, candidate.fingerprint])).slice(0, 6)}`,
    ...place,
    suite: readiness.suite,
    control,
    candidate,
    stages: ticket.stages,
    gates,
    rollbackFlags: ticket.firstRollback?.flags ?? {},
    flags: ticket.flags,
    alpha: ALPHA,
    waived,
    origin: counts,
  };
}

/** First 0%, so that no user gets the candidate before the rollout is on record. */
async function nameCandidate(
  desk: RolloutDesk,
  spec: RolloutSpec,
  {
    by,
    why,
    ticket,
    cwd,
  }: { readonly by: string; readonly why: string; readonly ticket: ReleaseTicket; readonly cwd: string },
): Promise<void> {
  const { work, shipping } = desk;
  await setFlag(
    desk,
    { spec, by, reason: why },
    PERCENT_FLAG,
    percentDefinition({ percent: 0, disabled: [] }),
  );
  const place = placeOf(registryOf(await shipping.changes(0)), spec.feature, spec.environment);
  if (place?.candidate?.fingerprint === spec.candidate.fingerprint) return;
  const waiver = spec.waived.length === 0 ? undefined : decisionText(work.mask, '--why', why);
  await setPointer(work, shipping, {
    ...{ feature: spec.feature, environment: spec.environment, by, why, override: waiver },
    ...{ release: ticket.candidate.release, suite: ticket.suite, candidate: true, cwd },
  });
}

function stillRunning({ spec, status }: RolloutState): LastgoodError {
  return new LastgoodError({
    code: 'ROLLOUT_RUNNING',
    message: `the rollout ${spec.id} of ${spec.feature} in ${spec.environment} is ${status}, so no other can start`,
    hint: `lastgood rollout status ${spec.feature}; end it with rollout abort or rollout promote`,
    exitCode: 3,
  });
}
