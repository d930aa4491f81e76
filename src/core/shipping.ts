// What a person decides about what users get: pointers, flags, stops. An append-only log, and the port it is stored behind.

import type { JsonObject } from '../base/json.ts';
import type { LayerName } from './release.ts';

/** Where traffic is served when nothing else is said. */
export const DEFAULT_ENVIRONMENT = 'production';

/** A change that concerns all features. */
export const EVERY_FEATURE = '*';

type ShippingKind = 'pointer' | 'deprecation' | 'flag' | 'flag-test' | 'stop';

/** One decision on its way into the log. */
export interface NewShippingChange {
  readonly kind: ShippingKind;
  /** Or `EVERY_FEATURE`. */
  readonly feature: string;
  readonly environment: string;
  /** What is changed: a flag's key, a release's fingerprint, an agent; empty where the feature says it all. */
  readonly name: string;
  /** ISO time. */
  readonly at: string;
  readonly by: string;
  readonly why: string;
  readonly body: JsonObject;
}

export interface ShippingChange extends NewShippingChange {
  /** Place in the log, from 1 without gaps. The newest is the generation of the whole. */
  readonly no: number;
}

/** Where the log lives. It is only added to. */
export interface ShippingStore {
  /**
   * Adds a change. With `newest` it is refused with `SHIPPING_CHANGED` where the newest change of the same kind, feature, environment and
   * name has another number (0 = there must be none).
   */
  append(change: NewShippingChange, newest?: number): Promise<ShippingChange>;
  /** Those behind a place in the log, oldest first. */
  changes(after: number): Promise<readonly ShippingChange[]>;
  /** Number of the newest change; 0 for none. */
  generation(): Promise<number>;
  close(): Promise<void>;
}

/** The release that a pointer names, with what a list shows of it. */
export interface PointedRelease {
  readonly release: string;
  /** 64 hex digits. */
  readonly fingerprint: string;
  readonly layerHashes: Readonly<Partial<Record<LayerName, string>>>;
  readonly provider: string;
  /** null = the route names none. */
  readonly model: string | null;
  readonly suite: string;
  /** The snapshot that showed it was good; null where that was overridden. */
  readonly snapshot: string | null;
  /** Refusals that were overridden, with the reason given. */
  readonly overrode: readonly string[];
}

export interface Pointer extends PointedRelease {
  readonly no: number;
  readonly feature: string;
  readonly environment: string;
  readonly at: string;
  readonly by: string;
  readonly why: string;
  /** Made by `registry restore`. */
  readonly restored: boolean;
}

/** An earlier release that stays reachable for a while. */
export interface Deprecation {
  readonly feature: string;
  readonly environment: string;
  readonly release: string;
  readonly fingerprint: string;
  /** ISO time; from then on it is not served. */
  readonly until: string;
  readonly message: string;
  readonly at: string;
  readonly by: string;
  readonly why: string;
}

/** How good a release was when it was last measured. */
export interface MeasuredQuality {
  readonly snapshot: string;
  /** ISO time. */
  readonly at: string;
  /** null = nothing was graded. */
  readonly passRate: number | null;
  readonly simulated: boolean;
  /** Against what the direction is: an earlier measurement of the same release, else the release before; null = neither exists. */
  readonly against: {
    readonly what: 'same release' | 'release before';
    readonly snapshot: string;
    readonly at: string;
    readonly passRate: number | null;
    /** This minus that; not tested. */
    readonly delta: number | null;
  } | null;
  readonly direction: 'higher' | 'lower' | 'equal' | 'unknown';
}

/** One line of `registry list`. */
export interface RegistryEntry {
  readonly feature: string;
  readonly environment: string;
  readonly current: Pointer;
  /** The release that the share `ai.rollout.percent` of the traffic gets; null = none. */
  readonly candidate: Pointer | null;
  /** The release before, and the layers that differ from it; null for the first. */
  readonly before: {
    readonly release: string;
    readonly fingerprint: string;
    readonly layersChanged: readonly LayerName[];
    /** Verdict of the newest stored comparison of the two; null = never compared. */
    readonly verdict: string | null;
  } | null;
  /** null = there is no valid snapshot of it. */
  readonly quality: MeasuredQuality | null;
  readonly withdrawn: string | null;
  readonly deprecated: readonly (Deprecation & { readonly state: 'reachable' | 'ended' })[];
}
