// What a stage of an applied rollback sets in the log of shipping. Each write can be repeated, and no other change is overruled.

import { isDeepStrictEqual } from 'node:util';
import { type JsonObject, LastgoodError } from '../../base/index.ts';
import type { AppliedEffect, AppliedPlaces, AppliedSpec } from '../../core/applied-rollback.ts';
import type {
  FlagDefinition,
  FlagValue,
  NewShippingChange,
  ShippingChange,
  ShippingStore,
} from '../../core/index.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { changedMeanwhile } from '../../ledger/model/shipping-refusal.ts';
import { typeOfAiFlag } from '../../rollout/flag-values.ts';
import { CANDIDATE, placeOf, registryOf } from '../../rollout/registry.ts';
import { pointToSnapshot } from '../registry/set-pointer.ts';
import { PERCENT_FLAG, percentDefinition } from '../rollout/apply-effects.ts';

/** One thing to set, in the order of a stage. */
export type ShippingWrite =
  | { readonly place: 'pointer' | 'candidate' }
  | { readonly place: `flag ${string}`; readonly key: string; readonly definition: FlagDefinition };

type Scope = Pick<AppliedSpec, 'feature' | 'environment'>;

const flagWrite = (key: string, definition: FlagDefinition): ShippingWrite => ({
  place: `flag ${key}`,
  key,
  definition,
});

/** What brings the target to `percent` of the traffic. Flags that protect users come first. */
export function writesFor(
  { flags, restored }: Pick<AppliedSpec, 'flags' | 'restored'>,
  percent: number,
): readonly ShippingWrite[] {
  const share = (value: number): ShippingWrite =>
    flagWrite(PERCENT_FLAG, percentDefinition({ percent: value, disabled: [] }));
  if (percent === 0) return [share(0)];
  const first = Object.entries(flags)
    .filter(([key]) => key !== PERCENT_FLAG)
    .map(([key, value]) => flagWrite(key, { type: typeOf(key, value), value, rules: [] }));
  if (percent < 100) return [...first, { place: 'candidate' }, share(percent)];
  // Once the pointer is at the target there is no candidate, so the percentage has no effect any more.
  return [
    ...first,
    { place: 'pointer' },
    share(0),
    ...Object.entries(restored).map(([key, definition]) => flagWrite(key, definition)),
  ];
}

function typeOf(key: string, value: FlagValue): FlagDefinition['type'] {
  return typeOfAiFlag(key) ?? (typeof value as FlagDefinition['type']);
}

/** Every place that must not change under this rollback. */
export function placesOf(spec: Pick<AppliedSpec, 'flags' | 'restored'>): readonly string[] {
  const flags = [PERCENT_FLAG, ...Object.keys(spec.flags), ...Object.keys(spec.restored)];
  return ['pointer', 'candidate', ...new Set(flags.map((key) => `flag ${key}`))];
}

/** The newest change of a place; undefined = it was never set. */
export function newestChange(
  changes: readonly ShippingChange[],
  { feature, environment }: Scope,
  place: string,
): ShippingChange | undefined {
  const kind = place.startsWith('flag ') ? 'flag' : 'pointer';
  const name = kind === 'flag' ? place.slice('flag '.length) : place === 'candidate' ? CANDIDATE : '';
  return changes.findLast(
    (c) => c.kind === kind && c.name === name && c.feature === feature && c.environment === environment,
  );
}

/** Numbers of the newest changes. */
export function numbersOf(
  changes: readonly ShippingChange[],
  scope: Scope,
  places: readonly string[],
): AppliedPlaces {
  return Object.fromEntries(places.map((place) => [place, newestChange(changes, scope, place)?.no ?? 0]));
}

const mark = (id: string): string => `rollback ${id}:`;
const isOwn = ({ why }: ShippingChange, { id }: AppliedSpec): boolean => why.startsWith(mark(id));

/** The first change that another person or program made since `known`; null = none. */
export function foreignChange(
  changes: readonly ShippingChange[],
  spec: AppliedSpec,
  known: AppliedPlaces,
): { readonly place: string; readonly change: ShippingChange } | null {
  for (const place of placesOf(spec)) {
    const change = newestChange(changes, spec, place);
    if (change === undefined || change.no === (known[place] ?? 0)) continue;
    if (!isOwn(change, spec)) return { place, change };
  }
  return null;
}

export interface ShippingWriter {
  readonly work: Workplace;
  readonly shipping: ShippingStore;
  readonly by: string;
  readonly reason: string;
  /** Why the registry's doubts are overridden; null = they are not. */
  readonly override: string | null;
  /** The newest changes that this rollback knows. */
  readonly known: AppliedPlaces;
}

/** Does what an effect asks for. Throws `SHIPPING_CHANGED` where another person or program changed a place, or as the registry does. */
export async function setTarget(
  writer: ShippingWriter,
  spec: AppliedSpec,
  { target }: Extract<AppliedEffect, { kind: 'set' }>,
): Promise<void> {
  for (const write of writesFor(spec, target)) await setOne(writer, spec, write);
}

async function setOne(writer: ShippingWriter, spec: AppliedSpec, write: ShippingWrite): Promise<void> {
  const { work, shipping, by, override, known } = writer;
  const { feature, environment, target, suite } = spec;
  const changes = await shipping.changes(0);
  const newest = newestChange(changes, spec, write.place);
  const why = work.mask.text(`${mark(spec.id)} ${writer.reason}`.slice(0, 500));
  const said = { feature, environment, by, why };
  const change: Omit<NewShippingChange, 'body'> = {
    kind: 'key' in write ? 'flag' : 'pointer',
    name: 'key' in write ? write.key : '',
    at: work.clock.now().toISOString(),
    ...said,
  };
  if (newest !== undefined && newest.no !== (known[write.place] ?? 0) && !isOwn(newest, spec))
    throw changedMeanwhile({ ...change, body: {} });
  if (!('key' in write)) {
    const isCandidate = write.place === 'candidate';
    const isThere =
      newest?.body['fingerprint'] === target.fingerprint &&
      (!isCandidate || placeOf(registryOf(changes), feature, environment)?.candidate !== null);
    if (isThere) return;
    await pointToSnapshot(work, shipping, {
      ...{ ...said, suite, snapshot: target.snapshot, candidate: isCandidate, newest: newest?.no ?? 0 },
      ...(override === null ? {} : { override }),
    });
    return;
  }
  const { key, definition } = write;
  if (newest !== undefined && isDeepStrictEqual(definitionOf(newest), definition)) return;
  const type = newest === undefined ? definition.type : definitionOf(newest).type;
  if (type !== definition.type)
    throw new LastgoodError({
      code: 'FLAG_VALUE',
      message: `the rollback of ${feature} sets ${key} to ${String(definition.value)}, but ${key} is a ${type} flag`,
      hint: 'correct first-rollback in the ticket',
    });
  await shipping.append({ ...change, body: definition as unknown as JsonObject }, newest?.no ?? 0);
}

export function definitionOf({ body }: Pick<ShippingChange, 'body'>): FlagDefinition {
  const { type, value, rules } = body as unknown as FlagDefinition;
  return { type, value, rules };
}
