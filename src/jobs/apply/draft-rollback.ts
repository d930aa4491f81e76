// Everything an applied rollback would be: target, flags, stages and signals, out of ledger, registry, ticket and production. Read only.

import { isDeepStrictEqual } from 'node:util';
import { LastgoodError, LastgoodErrors, shortHash } from '../../base/index.ts';
import type { AppliedPlan, AppliedSpec } from '../../core/applied-rollback.ts';
import type { FlagDefinition, FlagValues, ObservationStore, ShippingChange } from '../../core/index.ts';
import { DAY_MS } from '../../core/observation.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findTicketFile } from '../../engine/workplace/settings-file.ts';
import { flagFor, flagsOf } from '../../rollout/flags.ts';
import { parseTicket } from '../../rollout/index.ts';
import { currentOf, registryOf } from '../../rollout/registry.ts';
import { foldAll } from '../observe/open-production.ts';
import { evidenceOf } from '../registry/evidence.ts';
import { checkName } from '../registry/names.ts';
import { knownPlace } from '../registry/set-pointer.ts';
import type { RolloutDesk } from '../rollout/apply-effects.ts';
import { findVerified } from './find-verified.ts';
import { definitionOf, newestChange, numbersOf, placesOf } from './shipping-writes.ts';
import { watchedSignals } from './watched-signals.ts';

export interface DraftRequest {
  readonly feature: string;
  readonly environment: string;
  /** Of the traffic in the first stage. */
  readonly percent: number;
  /** How long each stage is watched at least. */
  readonly forMs: number;
  /** Signals that a person says have moved. */
  readonly watch: readonly string[];
  readonly cwd: string;
}

export interface Draft extends Omit<AppliedSpec, 'id' | 'target' | 'origin' | 'override'> {
  /** null = none is verified, and `why`. */
  readonly target: AppliedSpec['target'] | null;
  readonly why: string;
  readonly refusals: AppliedPlan['refusals'];
  readonly notes: readonly string[];
  readonly warnings: readonly {
    readonly code: 'ROLLBACK_NOT_WATCHED' | 'ROLLBACK_TICKET';
    readonly message: string;
    readonly hint: string;
  }[];
}

/** Flags that belong to a release where an application reads them beside `ai.release`. */
const OF_RELEASE = ['ai.route.provider', 'ai.prompt.version'] as const;
/** Longer ago, and the pointer says nothing about when an incident began. */
const RECENT_MS = 28 * DAY_MS;

/** Throws `REGISTRY_UNKNOWN` for a feature that points to nothing there, `ROLLBACK_SIGNAL` for a signal that cannot be watched. */
export async function draftRollback(
  { work, shipping }: Pick<RolloutDesk, 'work' | 'shipping'>,
  production: ObservationStore,
  request: DraftRequest,
): Promise<Draft> {
  const { feature, environment } = checkName(request);
  const changes = await shipping.changes(0);
  const pointer = currentOf(knownPlace(registryOf(changes), feature, environment));
  const { suite } = pointer;
  const replaced = { release: pointer.release, fingerprint: pointer.fingerprint };
  const found = await findVerified(work, suite, replaced);
  const target = 'target' in found ? found.target : null;
  const why = 'why' in found ? found.why : '';
  const { flags, warning } = await ticketFlags(feature, request.cwd);
  const scope = { feature, environment };
  const { restored, notes } = releaseFlags(changes, scope, target);
  await foldAll(production);
  const now = work.clock.now();
  const isRecent = now.getTime() - Date.parse(pointer.at) < RECENT_MS;
  const signals = await watchedSignals(work, production, {
    ...{ feature, suite, now, named: request.watch },
    releasedAt: isRecent ? new Date(pointer.at) : null,
  });
  const { watched, guarded, unwatched, blind } = signals;
  const places = placesOf({ flags, restored });
  const last = { percent: 100, forMs: request.forMs };
  return {
    ...{ ...scope, suite, replaced, target, why, flags, restored, watched, guarded, unwatched },
    stages: request.percent >= 100 ? [last] : [{ percent: request.percent, forMs: request.forMs }, last],
    before: beforeOf(changes, scope, places),
    places: numbersOf(changes, scope, places),
    refusals: await refusalsOf({ work }, { suite, target, why }),
    notes: [
      ...(target?.simulated === true ? ['the target was verified on a simulator, not on its provider'] : []),
      ...notes,
    ],
    warnings: [
      ...(warning === null ? [] : [warning]),
      ...(blind === null ? [] : [notWatched(blind, feature)]),
    ],
  };
}

/** What an apply would refuse. */
async function refusalsOf(
  { work }: Pick<RolloutDesk, 'work'>,
  { suite, target, why }: Pick<Draft, 'suite' | 'target' | 'why'>,
): Promise<AppliedPlan['refusals']> {
  if (target === null)
    return [{ code: 'ROLLBACK_UNVERIFIED', message: why, hint: `lastgood rollback ${suite}` }];
  const { doubts, withdrawn } = await evidenceOf(work.store, suite, target.fingerprint);
  const against = [...(withdrawn === null ? [] : [withdrawn]), ...doubts];
  if (against.length === 0) return [];
  return [
    {
      code: 'REGISTRY_DOUBTFUL',
      message: `the registry has doubts about ${target.release} ${shortHash(target.fingerprint)}: ${against.join('; ')}`,
      hint: '--override REASON',
    },
  ];
}

/** Users must not wait for a broken file: the rollback continues without its flags, and says so. */
async function ticketFlags(
  feature: string,
  cwd: string,
): Promise<{ readonly flags: FlagValues; readonly warning: Draft['warnings'][number] | null }> {
  try {
    const file = await findTicketFile(feature, cwd);
    const ticket = parseTicket(await readText(file), file);
    return { flags: ticket.firstRollback?.flags ?? {}, warning: null };
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    if (error.code === 'TICKET_NOT_FOUND') return { flags: {}, warning: null };
    const [first = error] = error instanceof LastgoodErrors ? error.errors : [error];
    const message = `the ticket of ${feature} cannot be read, so the flags of its first-rollback are not set: ${first.message}`;
    return {
      flags: {},
      warning: { code: 'ROLLBACK_TICKET', message, hint: `lastgood ticket check ${feature}` },
    };
  }
}

function notWatched(blind: string, feature: string): Draft['warnings'][number] {
  return {
    code: 'ROLLBACK_NOT_WATCHED',
    message: `which signals moved was not looked for: ${blind}`,
    hint: `name those that moved: lastgood rollback ${feature} --apply --watch SIGNAL`,
  };
}

type Scope = Pick<AppliedSpec, 'feature' | 'environment'>;

/** Flags that say which provider and prompt answer: as they were when the target was last in force. */
function releaseFlags(
  changes: readonly ShippingChange[],
  { feature, environment }: Scope,
  target: AppliedSpec['target'] | null,
): { readonly restored: Readonly<Record<string, FlagDefinition>>; readonly notes: readonly string[] } {
  const pointers = changes.filter(
    (c) => c.kind === 'pointer' && c.name === '' && c.feature === feature && c.environment === environment,
  );
  const was = pointers.findLastIndex((c) => c.body['fingerprint'] === target?.fingerprint);
  const until = pointers[was + 1]?.no;
  const restored: Record<string, FlagDefinition> = {};
  const notes: string[] = [];
  for (const key of OF_RELEASE) {
    const now = flagFor(flagsOf(changes), { key, feature, environment });
    if (now === undefined || target === null) continue;
    const then =
      was === -1 || until === undefined
        ? undefined
        : flagFor(flagsOf(changes.filter((c) => c.no < until)), { key, feature, environment });
    if (then === undefined) {
      notes.push(
        `${key} is ${String(now.value)} and stays so: it is not known what it was with the target; set it by hand if the application reads it`,
      );
      continue;
    }
    const { type, value, rules } = then;
    if (!isDeepStrictEqual({ type, value, rules }, { type: now.type, value: now.value, rules: now.rules }))
      restored[key] = { type, value, rules };
  }
  return { restored, notes };
}

function beforeOf(
  changes: readonly ShippingChange[],
  scope: Scope,
  places: readonly string[],
): Readonly<Record<string, FlagDefinition | null>> {
  const flags = places.filter((place) => place.startsWith('flag '));
  return Object.fromEntries(
    flags.map((place) => {
      const change = newestChange(changes, scope, place);
      return [place.slice('flag '.length), change === undefined ? null : definitionOf(change)];
    }),
  );
}
