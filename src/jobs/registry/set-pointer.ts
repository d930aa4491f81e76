// Pointing a feature to a release, or back to the one before: refused without evidence that the release is good.

import { type JsonObject, LastgoodError, shortHash } from '../../base/index.ts';
import {
  layerText,
  type PointedRelease,
  type Pointer,
  type Release,
  type ShippingStore,
} from '../../core/index.ts';
import { decisionText, signed } from '../../engine/records/signature.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findReleaseFile, findSuiteFile, findTicketFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { parseTicket } from '../../rollout/index.ts';
import {
  beforeOf,
  CANDIDATE,
  currentOf,
  placeOf,
  type RegistryPlace,
  registryOf,
} from '../../rollout/registry.ts';
import { loadSuite } from '../../suite/index.ts';
import { evidenceOf } from './evidence.ts';
import { checkName } from './names.ts';

export interface PointerRequest {
  readonly feature: string;
  readonly environment: string;
  readonly by?: string | undefined;
  readonly why?: string | undefined;
  /** Point there all the same; the reason stays on record. */
  readonly override?: string | undefined;
  /** Number of the newest change of this pointer that the caller knows: refused with `SHIPPING_CHANGED` where another is newer. */
  readonly newest?: number | undefined;
}

/** Throws `REGISTRY_DOUBTFUL` for a release that is not shown to be good, or was withdrawn. */
export async function setPointer(
  work: Workplace,
  shipping: ShippingStore,
  request: PointerRequest & {
    /** A file, a name under `releases/`, or a fingerprint of the ledger. */
    readonly release: string;
    readonly suite?: string | undefined;
    /** Name it as the candidate: the share `ai.rollout.percent` of the traffic gets it. */
    readonly candidate?: boolean | undefined;
    readonly cwd: string;
  },
): Promise<Pointer> {
  const { feature, environment } = checkName(request);
  const command = `registry set ${feature} ${request.release}`;
  const { by, why } = signed(work.mask, { ...request, command });
  const place = placeOf(registryOf(await shipping.changes(0)), feature, environment);
  const suite = await suiteName(request, place);
  const release = await findRelease(work, request.release, request.cwd);
  const said = { ...request, by, why, command };
  const pointed = pointedOf(work, release, suite);
  if (request.candidate !== true) return point(work, shipping, { place, pointed, said, restored: false });
  const { fingerprint } = currentOf(knownPlace(registryOf(await shipping.changes(0)), feature, environment));
  if (fingerprint === pointed.fingerprint)
    throw new LastgoodError({
      code: 'REGISTRY_CURRENT',
      message: `${feature} points to ${pointed.release} in ${environment} already: it cannot be its candidate`,
      hint: 'name another release',
    });
  return point(work, shipping, { place, pointed, said, restored: false, name: CANDIDATE });
}

/** To a release that the ledger has run, by its snapshot, as release in force or as candidate. No file is read. */
export async function pointToSnapshot(
  work: Workplace,
  shipping: ShippingStore,
  request: PointerRequest & {
    readonly snapshot: string;
    readonly suite: string;
    readonly candidate: boolean;
  },
): Promise<Pointer> {
  const { feature, environment, suite, snapshot, candidate } = request;
  const command = `registry set ${feature} RELEASE`;
  const said = { ...request, ...signed(work.mask, { ...request, command }), command };
  const place = knownPlace(registryOf(await shipping.changes(0)), feature, environment);
  const pointed = pointedOf(work, await work.store.releaseOf(snapshot), suite);
  return point(work, shipping, {
    ...{ place, pointed, said, restored: false },
    ...(candidate ? { name: CANDIDATE } : {}),
  });
}

/** Back to the newest other release that the feature pointed to. Throws `REGISTRY_UNKNOWN` where there is none. */
export async function restorePointer(
  work: Workplace,
  shipping: ShippingStore,
  request: PointerRequest,
): Promise<Pointer> {
  const { feature, environment } = checkName(request);
  const command = `registry restore ${feature}`;
  const { by, why } = signed(work.mask, { ...request, command });
  const place = knownPlace(registryOf(await shipping.changes(0)), feature, environment);
  const before = beforeOf(place);
  if (before === undefined)
    throw new LastgoodError({
      code: 'REGISTRY_UNKNOWN',
      message: `${feature} never pointed to another release in ${environment} than ${currentOf(place).release}`,
      hint: `lastgood registry set ${feature} RELEASE`,
    });
  const { release, fingerprint, layerHashes, provider, model, suite } = before;
  const pointed = { release, fingerprint, layerHashes, provider, model, suite };
  return point(work, shipping, { place, pointed, said: { ...request, by, why, command }, restored: true });
}

/** The candidate becomes the release in force, as it was named. Throws `REGISTRY_UNKNOWN` where there is none. */
export async function promoteCandidate(
  work: Workplace,
  shipping: ShippingStore,
  request: PointerRequest,
): Promise<Pointer> {
  const { feature, environment } = checkName(request);
  const command = `rollout promote ${feature}`;
  const { by, why } = signed(work.mask, { ...request, command });
  const place = knownPlace(registryOf(await shipping.changes(0)), feature, environment);
  if (place.candidate === null)
    throw new LastgoodError({
      code: 'REGISTRY_UNKNOWN',
      message: `${feature} has no candidate in ${environment}`,
      hint: `lastgood registry set ${feature} RELEASE --candidate`,
    });
  const { release, fingerprint, layerHashes, provider, model, suite } = place.candidate;
  const pointed = { release, fingerprint, layerHashes, provider, model, suite };
  return point(work, shipping, { place, pointed, said: { ...request, by, why, command }, restored: false });
}

/** Throws `REGISTRY_UNKNOWN`, naming what there is. */
export function knownPlace(
  places: readonly RegistryPlace[],
  feature: string,
  environment: string,
): RegistryPlace {
  const place = placeOf(places, feature, environment);
  if (place !== undefined) return place;
  const known = places.map((p) => `${p.feature} in ${p.environment}`);
  throw new LastgoodError({
    code: 'REGISTRY_UNKNOWN',
    message: `${feature} points to no release in ${environment}`,
    hint:
      known.length === 0
        ? `the registry is empty: lastgood registry set ${feature} RELEASE`
        : `the registry has ${known.slice(0, 20).join(', ')}`,
  });
}

type Unproven = Omit<PointedRelease, 'snapshot' | 'overrode'>;

async function point(
  work: Workplace,
  shipping: ShippingStore,
  {
    place,
    pointed,
    said,
    restored,
    name = '',
  }: {
    readonly place: RegistryPlace | undefined;
    readonly pointed: Unproven;
    readonly said: PointerRequest & { readonly by: string; readonly why: string; readonly command: string };
    readonly restored: boolean;
    readonly name?: string;
  },
): Promise<Pointer> {
  const { feature, environment, by, why, override, newest } = said;
  const now = work.clock.now();
  const { snapshot, doubts, withdrawn } = await evidenceOf(work.store, pointed.suite, pointed.fingerprint);
  const ended = place?.deprecations.find(
    (d) => d.fingerprint === pointed.fingerprint && Date.parse(d.until) <= now.getTime(),
  );
  const against = [
    ...(withdrawn === null ? [] : [`it was withdrawn: ${withdrawn}`]),
    ...(ended === undefined ? [] : [`its use ended on ${ended.until}: ${ended.message}`]),
    ...doubts,
  ];
  if (against.length > 0 && override === undefined)
    throw new LastgoodError({
      code: 'REGISTRY_DOUBTFUL',
      message: `${feature} was not pointed to ${pointed.release} ${shortHash(pointed.fingerprint)}: ${against.join('; ')}`,
      hint:
        snapshot === null
          ? `lastgood run ${pointed.suite} --release FILE, or say why with --override REASON`
          : `read its answers and bless it (lastgood bless ${snapshot.id} --why TEXT), or say why with --override REASON`,
      exitCode: 3,
    });
  const overrode =
    against.length === 0
      ? []
      : [...against, `reason given: ${decisionText(work.mask, '--override', override ?? '')}`];
  const body = { ...pointed, snapshot: snapshot?.id ?? null, overrode, restored };
  const change = await shipping.append(
    {
      ...{ kind: 'pointer', feature, environment, name, at: now.toISOString(), by, why },
      body: body as unknown as JsonObject,
    },
    newest ?? (name === CANDIDATE ? undefined : place === undefined ? 0 : currentOf(place).no),
  );
  return { ...body, feature, environment, by, why, no: change.no, at: change.at };
}

function pointedOf(work: Workplace, release: Release, suite: string): Unproven {
  const { route } = release.layers;
  return {
    release: work.mask.text(release.name),
    fingerprint: release.fingerprint,
    layerHashes: release.layerHashes,
    provider: route.provider,
    model: layerText(route, 'model') ?? null,
    suite,
  };
}

/** The suite of the ticket, the one that was named, or the one of the pointer before. */
async function suiteName(
  {
    feature,
    suite,
    cwd,
  }: { readonly feature: string; readonly suite?: string | undefined; readonly cwd: string },
  place: RegistryPlace | undefined,
): Promise<string> {
  if (suite !== undefined) return (await loadSuite(await findSuiteFile(suite, cwd))).name;
  try {
    const file = await findTicketFile(feature, cwd);
    const ticket = parseTicket(await readText(file), file);
    return (await loadSuite(await findSuiteFile(ticket.suite, cwd))).name;
  } catch (error) {
    if (!(error instanceof LastgoodError) || error.code !== 'TICKET_NOT_FOUND') throw error;
    if (place !== undefined) return currentOf(place).suite;
    throw new LastgoodError({
      code: 'NO_SUITE',
      message: `${feature} has no ticket in features/, so its suite is not known`,
      hint: `lastgood registry set ${feature} RELEASE --suite SUITE`,
    });
  }
}

/** A fingerprint that the ledger knows, else a file. */
async function findRelease(work: Workplace, asked: string, cwd: string): Promise<Release> {
  if (/^[0-9a-f]{6,64}$/.test(asked)) {
    const made = (await work.store.list()).filter((s) => s.fingerprint.startsWith(asked));
    const [first] = made;
    const different = new Set(made.map((s) => s.fingerprint));
    if (different.size > 1)
      throw new LastgoodError({
        code: 'FINGERPRINT_AMBIGUOUS',
        message: `${asked} begins ${different.size} fingerprints: ${[...different].map(shortHash).join(', ')}`,
        hint: 'give more digits',
      });
    if (first !== undefined) return work.store.releaseOf(first.id);
  }
  return loadRelease(await findReleaseFile(asked, cwd));
}
