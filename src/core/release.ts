// A release: the bundle of layers that decides behaviour, and the fingerprint that names its content.

import type { JsonObject, JsonValue } from './json.ts';
import { canonicalJson, contentHash, sha256 } from './json.ts';

/** The layers, in the order people read them. */
export const LAYER_NAMES = [
  'route',
  'prompt',
  'params',
  'tools',
  'output',
  'retrieval',
  'routing',
  'automation',
] as const;
export type LayerName = (typeof LAYER_NAMES)[number];

export type ProviderName = 'openai' | 'anthropic' | 'http' | 'command' | 'replay';

/** A text that is given, or that an environment variable holds at run time (the fingerprint sees the name, never the value). */
export type EnvText = string | { readonly env: string; readonly prefix?: string };

/**
 * The layers as they are fingerprinted: files inlined, the tool's own defaults filled in, keys in the file's spelling.
 * `route.provider` is one of `ProviderName`; the rest depends on the provider (see the release file's schema).
 */
export type Layers = { readonly route: JsonObject & { readonly provider: ProviderName } } & {
  readonly [L in Exclude<LayerName, 'route'>]?: JsonObject;
};

/** State that was built from a layer; a rollback that changes the layer must rebuild or check it. */
export interface Dependent {
  readonly name: string;
  readonly builtFrom: LayerName;
  /** Shell command that exits 0 when the state fits the layer. */
  readonly check?: string | undefined;
  /** What to run or do to rebuild it. */
  readonly rebuild?: string | undefined;
}

/** Whether the route names a fixed model. `unpinnable`: the provider publishes no fixed id for it. */
export interface PinState {
  readonly state: 'pinned' | 'floating' | 'unknown';
  readonly reason: string;
}

export interface Release {
  readonly name: string;
  /** The file it was loaded from; null for a hybrid or one restored from the ledger. */
  readonly file: string | null;
  readonly layers: Layers;
  /** SHA-256 of each present layer's canonical JSON. */
  readonly layerHashes: Readonly<Partial<Record<LayerName, string>>>;
  /** 64 hex digits; people see the first 12. */
  readonly fingerprint: string;
  readonly pin: PinState;
  readonly dependents: readonly Dependent[];
  /** Absolute paths the run needs (`recordings` of a replay route, `cwd` of a command); not fingerprinted, their content is. */
  readonly paths: Readonly<Record<string, string>>;
  readonly notes?: string | undefined;
}

/** Hash per layer and over all of them: `sha256(canonical {layer: hash})`. Absent layers stay out. */
export function fingerprintLayers(layers: Layers): Pick<Release, 'layerHashes' | 'fingerprint'> {
  const layerHashes: Partial<Record<LayerName, string>> = {};
  for (const name of LAYER_NAMES) {
    const layer = layers[name];
    if (layer !== undefined) layerHashes[name] = contentHash(layer);
  }
  return { layerHashes, fingerprint: sha256(canonicalJson(layerHashes)) };
}

/** The layers whose hashes differ, in reading order. */
export function changedLayers(a: Pick<Release, 'layerHashes'>, b: Pick<Release, 'layerHashes'>): LayerName[] {
  return LAYER_NAMES.filter((name) => a.layerHashes[name] !== b.layerHashes[name]);
}

/** A release whose named layers come from `donor` and all others from `base`: a hybrid that nobody has run unless a snapshot says so. */
export function hybridRelease(
  base: Release,
  donor: Release,
  take: readonly LayerName[],
  pin: PinState,
): Release {
  const layers: Record<string, JsonObject | undefined> = { ...base.layers };
  for (const name of take) {
    const layer = donor.layers[name];
    if (layer === undefined) delete layers[name];
    else layers[name] = layer;
  }
  const whole = layers as unknown as Layers;
  return {
    name: `${base.name} with ${take.join(' + ')} of ${donor.name}`,
    file: null,
    layers: whole,
    ...fingerprintLayers(whole),
    pin: take.includes('route') ? donor.pin : pin,
    dependents: base.dependents,
    paths: take.includes('route') ? { ...base.paths, ...donor.paths } : base.paths,
  };
}

/** Reads a layer's value at a key as text; undefined when absent or not text. */
export function layerText(layer: JsonObject | undefined, key: string): string | undefined {
  const value: JsonValue | undefined = layer?.[key];
  return typeof value === 'string' ? value : undefined;
}
