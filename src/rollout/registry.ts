// The registry out of the log: which release a feature points to, what it pointed to before, and what is deprecated.

import type {
  Deprecation,
  PointedRelease,
  Pointer,
  RegistryEntry,
  ShippingChange,
} from '../core/shipping.ts';

/** Name of a pointer to the release that a part of the traffic gets. */
export const CANDIDATE = 'candidate';

/** One feature in one environment. */
export interface RegistryPlace {
  readonly feature: string;
  readonly environment: string;
  /** Oldest first; never empty. */
  readonly pointers: readonly Pointer[];
  /** The newest release that was named as candidate; null = none, or it is in force by now. */
  readonly candidate: Pointer | null;
  /** The newest decision on each release. */
  readonly deprecations: readonly Deprecation[];
}

/** Places in order of feature and environment. */
export function registryOf(changes: readonly ShippingChange[]): readonly RegistryPlace[] {
  interface Found {
    readonly pointers: Pointer[];
    readonly deprecations: Map<string, Deprecation>;
    candidate: Pointer | null;
  }
  const places = new Map<string, Found>();
  for (const change of changes) {
    const { kind, feature, environment, no, at, by, why, name } = change;
    if (kind !== 'pointer' && kind !== 'deprecation') continue;
    const key = JSON.stringify([feature, environment]);
    const place: Found = places.get(key) ?? { pointers: [], deprecations: new Map(), candidate: null };
    places.set(key, place);
    const made = { feature, environment, at, by, why };
    if (kind === 'pointer') {
      const body = change.body as unknown as PointedRelease & { readonly restored?: boolean };
      const pointer = { ...body, ...made, no, restored: body.restored === true };
      if (name === CANDIDATE) place.candidate = pointer;
      else place.pointers.push(pointer);
      // Whoever goes back, or on to the candidate, has ended its rollout.
      if (name !== CANDIDATE && (pointer.restored || pointer.fingerprint === place.candidate?.fingerprint))
        place.candidate = null;
    } else {
      const body = change.body as unknown as Pick<Deprecation, 'release' | 'until' | 'message'>;
      place.deprecations.set(name, { ...body, ...made, fingerprint: name });
    }
  }
  return [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, { pointers, deprecations, candidate }]) => {
      const [feature, environment] = JSON.parse(key) as [string, string];
      if (pointers.length === 0) return [];
      return [{ feature, environment, pointers, candidate, deprecations: [...deprecations.values()] }];
    });
}

export function placeOf(
  places: readonly RegistryPlace[],
  feature: string,
  environment: string,
): RegistryPlace | undefined {
  return places.find((p) => p.feature === feature && p.environment === environment);
}

/** The release in force. */
export function currentOf(place: RegistryPlace): Pointer {
  return place.pointers.at(-1) as Pointer;
}

/** The newest pointer to another release than the one in force. */
export function beforeOf(place: RegistryPlace): Pointer | undefined {
  const current = currentOf(place);
  return place.pointers.findLast((p) => p.fingerprint !== current.fingerprint);
}

/** What is deprecated beside the release in force, and whether it is still served. */
export function deprecatedOf(place: RegistryPlace, now: Date): RegistryEntry['deprecated'] {
  const current = currentOf(place).fingerprint;
  return place.deprecations
    .filter((d) => d.fingerprint !== current)
    .map((d) => ({ ...d, state: Date.parse(d.until) > now.getTime() ? 'reachable' : 'ended' }) as const);
}

/** The release that a request gets: the one in force, or a deprecated one that it asks for by name or fingerprint, until its end. */
export function servedRelease(
  place: RegistryPlace,
  asked: string | null,
  now: Date,
): { readonly release: PointedRelease; readonly deprecated: Deprecation | null; readonly ended: boolean } {
  const current = currentOf(place);
  const found = deprecatedOf(place, now).find(
    (d) => asked !== null && (d.release === asked || (asked.length >= 6 && d.fingerprint.startsWith(asked))),
  );
  const old = place.pointers.findLast((p) => p.fingerprint === found?.fingerprint);
  if (found === undefined || old === undefined) return { release: current, deprecated: null, ended: false };
  return found.state === 'reachable'
    ? { release: old, deprecated: found, ended: false }
    : { release: current, deprecated: null, ended: true };
}
