// The part of a drill that flips real flags in a staging environment, and proves that everybody gets back what they had.

import { isDeepStrictEqual } from 'node:util';
import { LastgoodError, sha256, shortHash } from '../../base/index.ts';
import { seconds } from '../../base/numbers.ts';
import type { AppliedSpec } from '../../core/applied-rollback.ts';
import { RELEASE_FLAG } from '../../core/flag.ts';
import type { DrillCheck, FlagTest, FlagValue, Pointer, ShippingStore } from '../../core/index.ts';
import { DEFAULT_ENVIRONMENT, EVERY_FEATURE } from '../../core/shipping.ts';
import type { ReleaseTicket } from '../../core/ticket.ts';
import { refuseWhileApplied } from '../../engine/records/applied-log.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { flagsOf, inPercentage } from '../../rollout/flags.ts';
import { beforeOf, currentOf, placeOf, type RegistryPlace, registryOf } from '../../rollout/registry.ts';
import { numbersOf, placesOf, setTarget } from '../apply/shipping-writes.ts';
import { newestOf } from '../flag/set-flag.ts';
import { type FlagReader, KEYS, seen, testFlag, until } from '../flag/test-flag.ts';
import { pointToSnapshot, setPointer } from '../registry/set-pointer.ts';

/** Where flags are flipped, and how they are read. */
export interface FlipPlace {
  readonly shipping: ShippingStore;
  readonly feature: string;
  readonly environment: string;
  readonly read: FlagReader;
  readonly through: string;
  /** How long a change may take to arrive. */
  readonly limitMs: number;
  readonly by: string;
  readonly why: string;
  readonly ticket: ReleaseTicket | null;
  readonly cwd: string;
}

export interface Flipped {
  readonly check: DrillCheck;
  /** null = nothing could be tried. */
  readonly test: FlagTest | null;
}

const PERCENT_FLAG = 'ai.rollout.percent';
/** As an applied rollback begins. */
const FIRST_PERCENT = 10;

export function refuseProduction(environment: string): void {
  if (environment !== DEFAULT_ENVIRONMENT) return;
  throw new LastgoodError({
    code: 'DRILL_ENVIRONMENT',
    message: 'a drill flips flags that users get, so it does not run in production',
    hint: '--environment staging',
  });
}

/** Before any call is paid. Throws `DRILL_ENVIRONMENT` where flags must not be flipped, or a rollback runs. */
export async function refuseUnfit(
  work: Workplace,
  { feature, environment, shipping, read }: Pick<FlipPlace, 'feature' | 'environment' | 'shipping' | 'read'>,
  fingerprint: string,
): Promise<void> {
  const unfit = (message: string, hint: string): LastgoodError =>
    new LastgoodError({ code: 'DRILL_ENVIRONMENT', message, hint, exitCode: 3 });
  refuseProduction(environment);
  const place = placeOf(registryOf(await shipping.changes(0)), feature, environment);
  if (place === undefined)
    throw unfit(
      `${feature} points to no release in ${environment}`,
      `lastgood registry set ${feature} RELEASE --environment ${environment}`,
    );
  const current = currentOf(place);
  if (current.fingerprint !== fingerprint)
    throw unfit(
      `${feature} points to ${current.release} ${shortHash(current.fingerprint)} in ${environment}, but the drill is of ${shortHash(fingerprint)}`,
      `lastgood registry set ${feature} RELEASE --environment ${environment}, or drill that one with --release FILE`,
    );
  await refuseWhileApplied(work.store, { feature, environment });
  const share = newestOf(flagsOf(await shipping.changes(0)), { key: PERCENT_FLAG, feature, environment });
  if (place.candidate !== null && share !== undefined && (share.value !== 0 || share.rules.length > 0))
    throw unfit(
      `a part of the traffic of ${feature} gets ${place.candidate.release} in ${environment}`,
      `lastgood flag set ${PERCENT_FLAG} 0 --feature ${feature} --environment ${environment} --why TEXT`,
    );
  // A server that does not answer, or serves another environment, is found before anything is run.
  const answer = await read(RELEASE_FLAG, KEYS[0] ?? '', feature);
  if (seen(answer) !== JSON.stringify(fingerprint))
    throw unfit(
      `what applications read for ${feature} is ${seen(answer).slice(0, 80)}, not the release that the registry points to in ${environment}`,
      'is --url the server of this environment (serve --environment)?',
    );
}

/** A flag set to a value and back, read for 20 keys. */
export async function flipFlag(
  work: Workplace,
  place: FlipPlace,
  { key, value }: { readonly key: string; readonly value: FlagValue },
): Promise<Flipped> {
  const { shipping, environment } = place;
  const flags = flagsOf(await shipping.changes(0));
  const what = `${key} ${String(value)} is served in ${environment}, and restored`;
  const flag = [place.feature, EVERY_FEATURE]
    .map((feature) => newestOf(flags, { key, feature, environment }))
    .find((found) => found !== undefined);
  if (flag === undefined)
    return untried(
      what,
      `${key} is not set there: lastgood flag set ${key} VALUE --environment ${environment}`,
    );
  if (flag.value === value && flag.rules.length === 0)
    return untried(what, `it is ${String(value)} for every request already, so nothing would flip`);
  const test = await testFlag(work, shipping, {
    ...{ key, value: String(value), feature: flag.feature, environment },
    ...{ read: place.read, through: place.through, limitMs: place.limitMs, by: place.by, why: place.why },
  });
  return flipped(what, test);
}

function untried(what: string, detail: string): Flipped {
  return { check: { what, holds: null, detail }, test: null };
}

function flipped(what: string, test: FlagTest): Flipped {
  const { flippedMs, restoredMs, outcome, reason, through } = test;
  const times =
    flippedMs === null || restoredMs === null
      ? reason
      : `${reason}; served after ${seconds(flippedMs)}, restored after ${seconds(restoredMs)}`;
  return { check: { what, holds: outcome === 'passed', detail: `${times} (through ${through})` }, test };
}

/**
 * The registry is pointed to another release, and then goes back by the writes of an applied rollback: 10% of the keys, then all. Every key
 * must get what it had before.
 */
export async function flipRelease(work: Workplace, place: FlipPlace): Promise<Flipped> {
  const { shipping, feature, environment, limitMs } = place;
  const what = `the release is restored in ${environment} as a rollback does it`;
  const found = placeOf(registryOf(await shipping.changes(0)), feature, environment) as RegistryPlace;
  const good = currentOf(found);
  const snapshot = (await work.store.list({ fingerprint: good.fingerprint }))[0]?.id;
  if (snapshot === undefined)
    return untried(what, `${good.release} was never run here, so a rollback could not restore it`);
  const answers = (): Promise<string[]> =>
    Promise.all(KEYS.map(async (key) => seen(await place.read(RELEASE_FLAG, key, feature))));
  const before = await answers();
  const other = await pointElsewhere(work, place, found);
  if (other === null)
    return untried(what, `${feature} never had another release there, and has no ticket that names one`);
  const spec = specOf({ good, snapshot, place, other });
  const all = (fingerprint: string): string => JSON.stringify(fingerprint);
  let flippedMs: number | null = null;
  let restoredMs: number | null = null;
  let split = false;
  try {
    flippedMs = await until(work.signal, limitMs, async () =>
      (await answers()).every((a) => a === all(other.fingerprint)),
    );
    const start = performance.now();
    const writer = { work, shipping, by: place.by, reason: place.why, override: 'a drill' };
    const known = numbersOf(await shipping.changes(0), spec, placesOf(spec));
    await setTarget({ ...writer, known }, spec, { kind: 'set', target: FIRST_PERCENT });
    const isIn = (key: string): boolean => inPercentage({ key: PERCENT_FLAG, feature }, FIRST_PERCENT, key);
    const expected = KEYS.map((key) => all(isIn(key) ? good.fingerprint : other.fingerprint));
    split =
      (await until(work.signal, limitMs, async () => isDeepStrictEqual(await answers(), expected))) !== null;
    const between = numbersOf(await shipping.changes(0), spec, placesOf(spec));
    await setTarget({ ...writer, known: between }, spec, { kind: 'set', target: 100 });
    const arrived = await until(work.signal, limitMs, async () => isDeepStrictEqual(await answers(), before));
    restoredMs = arrived === null ? null : Math.round(performance.now() - start);
  } finally {
    await putBack(work, place, { good, other, snapshot });
  }
  const passed = flippedMs !== null && split && restoredMs !== null;
  const reason =
    flippedMs === null
      ? `${other.release} was not served to all ${KEYS.length} keys within ${limitMs} ms`
      : !split
        ? `at ${FIRST_PERCENT}% the keys did not divide as set within ${limitMs} ms`
        : restoredMs === null
          ? `not all ${KEYS.length} keys got ${good.release} again within ${limitMs} ms`
          : `all ${KEYS.length} keys got ${other.release}, ${FIRST_PERCENT}% and then all of them ${good.release} again`;
  const test: FlagTest = {
    ...{ flag: RELEASE_FLAG, feature, environment, value: other.fingerprint, through: place.through },
    ...{ keys: KEYS.length, flippedMs, restoredMs, outcome: passed ? 'passed' : 'failed', reason },
  };
  return flipped(what, test);
}

/** The candidate of the ticket, else the release before. null = there is none. */
async function pointElsewhere(
  work: Workplace,
  { shipping, feature, environment, by, why, ticket, cwd }: FlipPlace,
  found: RegistryPlace,
): Promise<Pointer | null> {
  const said = { feature, environment, by, why: `drill: ${why}`, override: 'a drill' };
  const newest = currentOf(found).no;
  const { fingerprint } = currentOf(found);
  const candidate = ticket?.candidate.release ?? null;
  if (ticket !== null && candidate !== null && (await loadRelease(candidate)).fingerprint !== fingerprint)
    return setPointer(work, shipping, { ...said, newest, cwd, release: candidate, suite: ticket.suite });
  const earlier = beforeOf(found);
  const snapshot =
    earlier === undefined ? undefined : (await work.store.list({ fingerprint: earlier.fingerprint }))[0]?.id;
  if (earlier === undefined || snapshot === undefined) return null;
  return pointToSnapshot(work, shipping, {
    ...{ ...said, newest, snapshot, suite: earlier.suite, candidate: false },
  });
}

function specOf({
  good,
  snapshot,
  place,
  other,
}: {
  readonly good: Pointer;
  readonly snapshot: string;
  readonly place: FlipPlace;
  readonly other: Pointer;
}): AppliedSpec {
  const { feature, environment } = place;
  const { release, fingerprint, suite } = good;
  const nothing = { target: 0, replaced: 0, unnamed: 0 };
  return {
    ...{
      id: `drill-${sha256(JSON.stringify([feature, good.no, other.no])).slice(0, 6)}`,
      feature,
      environment,
    },
    ...{ suite, replaced: { release: other.release, fingerprint: other.fingerprint } },
    target: {
      ...{ release, fingerprint, snapshot, hybrid: false, layersRestored: [] },
      ...{ decidedAt: good.at, simulated: false },
    },
    stages: [{ percent: FIRST_PERCENT, forMs: 0 }],
    ...{ flags: {}, restored: {}, before: {}, watched: [], guarded: [], unwatched: [], places: {} },
    origin: { answers: nothing, watched: [], guarded: [] },
    override: 'a drill',
  };
}

/** Whatever went wrong in between: staging points again to what it pointed to, unless another person or program decided meanwhile. */
async function putBack(
  work: Workplace,
  { shipping, feature, environment, by, why }: FlipPlace,
  { good, other, snapshot }: { readonly good: Pointer; readonly other: Pointer; readonly snapshot: string },
): Promise<void> {
  const now = placeOf(registryOf(await shipping.changes(0)), feature, environment);
  if (now === undefined || currentOf(now).no !== other.no) return;
  await pointToSnapshot(work, shipping, {
    ...{ feature, environment, by, why: `drill, set back: ${why}`, override: 'a drill' },
    ...{ snapshot, suite: good.suite, candidate: false, newest: other.no },
  });
}
