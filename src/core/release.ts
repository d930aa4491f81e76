// A release: the bundle of layers that decides behaviour, and the fingerprint that names its content.

import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { canonicalJson, contentHash, sha256, shortHash } from '../base/json.ts';
import type { ModelApiName } from './model-apis.ts';

/** `anthropic-version` where a route names none; sent by us, so part of the fingerprint. From this version on, sampling parameters are refused. */
export const ANTHROPIC_API_VERSION = '2026-10-21';

/** The version that servers other than Anthropic's speak of the Messages API; it takes sampling parameters. */
const COMMON_API_VERSION = '2023-06-01';

/** The Messages API that a service is asked for where a route names no version. */
export function messagesVersion(provider: ModelApiName): string {
  return ['anthropic', 'bedrock', 'vertex'].includes(provider) ? ANTHROPIC_API_VERSION : COMMON_API_VERSION;
}

/** `api-version` of an Azure route that names none: the addresses without a date. */
export const AZURE_API_VERSION = 'v1';

/** The Messages API demands a limit of output tokens: ours where a release sets none, so part of the fingerprint. */
export const ANTHROPIC_MAX_OUTPUT_TOKENS = 4096;

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

export type ProviderName = ModelApiName | 'http' | 'command' | 'replay';

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
  /** Environment variables the check gets beside the basic ones. */
  readonly env?: readonly string[] | undefined;
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
  /** Layers whose stored content does not have the stated hash, because a text in them was forgotten. Set by the ledger; such a release is never run or restored. */
  readonly forgotten?: readonly LayerName[] | undefined;
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

/** The layers of a stored release that do not have the hash it states; all of them where the fingerprint is not that of the hashes. */
export function forgottenLayers(
  release: Pick<Release, 'layers' | 'layerHashes' | 'fingerprint'>,
): LayerName[] {
  const stated = release.layerHashes;
  const present = LAYER_NAMES.filter(
    (name) => release.layers[name] !== undefined || stated[name] !== undefined,
  );
  if (sha256(canonicalJson(stated as JsonObject)) !== release.fingerprint) return present;
  const { layerHashes } = fingerprintLayers(release.layers);
  return present.filter((name) => layerHashes[name] !== stated[name]);
}

/** Layers that are not what ran: by their hashes, or because a hybrid took them from a release in which they are not. */
export function missingLayers(release: Release): LayerName[] {
  const known = release.forgotten ?? [];
  return [...new Set([...known, ...forgottenLayers(release)])];
}

/**
 * The release itself, if its layers are those that its fingerprint names. Throws `RELEASE_FORGOTTEN`: what is left of it would be
 * another release under the same name. `use` says what it was wanted for, e.g. `resumed`.
 */
export function wholeRelease(release: Release, use: string): Release {
  const missing = missingLayers(release);
  if (missing.length === 0) return release;
  throw new LastgoodError({
    code: 'RELEASE_FORGOTTEN',
    message: `release "${release.name}" ${shortHash(release.fingerprint)} cannot be ${use}: the stored ${missing.join(', ')} layer does not have its hash, because a text in it was forgotten or changed`,
    hint: 'load the release from its file: --release FILE',
    exitCode: 3,
  });
}

/** The layers whose hashes differ, in reading order. */
export function changedLayers(a: Pick<Release, 'layerHashes'>, b: Pick<Release, 'layerHashes'>): LayerName[] {
  return LAYER_NAMES.filter((name) => a.layerHashes[name] !== b.layerHashes[name]);
}

/** A release whose named layers come from `donor` and all others from `base`: a hybrid that has never run unless a snapshot says so. */
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
  const forgotten = [
    ...(donor.forgotten ?? []).filter((name) => take.includes(name)),
    ...(base.forgotten ?? []).filter((name) => !take.includes(name)),
  ];
  return {
    ...(forgotten.length === 0 ? {} : { forgotten }),
    name: `${base.name} with ${take.join(' + ')} of ${donor.name}`,
    file: null,
    layers: whole,
    ...fingerprintLayers(whole),
    pin: take.includes('route') ? donor.pin : pin,
    dependents: base.dependents,
    paths: take.includes('route') ? { ...base.paths, ...donor.paths } : base.paths,
  };
}

/** What a command route runs, and where: two releases with the same run the same code. */
export function commandCode(release: {
  readonly layers: Pick<Layers, 'route'>;
  readonly paths: Release['paths'];
}): JsonObject {
  return { command: release.layers.route['command'] ?? null, cwd: release.paths['cwd'] ?? null };
}

/** Reads a layer's value at a key as text; undefined when absent or not text. */
export function layerText(layer: JsonObject | undefined, key: string): string | undefined {
  const value: JsonValue | undefined = layer?.[key];
  return typeof value === 'string' ? value : undefined;
}
