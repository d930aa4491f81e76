// The identity of one release, or the difference of two.

import type { LayerName, PinState, Release } from '../../core/index.ts';
import { findReleaseFile } from '../../engine/workplace/settings-file.ts';
import { diffReleases, loadRelease } from '../../release/index.ts';

interface ReleaseIdentity {
  readonly name: string;
  readonly fingerprint: string;
  readonly layers: Readonly<Partial<Record<LayerName, string>>>;
  readonly pin: PinState;
}

export interface FingerprintResult extends ReleaseIdentity {
  readonly other?: ReleaseIdentity;
  readonly layersChanged?: readonly LayerName[];
  readonly diff?: ReturnType<typeof diffReleases>;
}

export async function fingerprintJob(
  a: string,
  b: string | undefined,
  cwd: string,
): Promise<FingerprintResult> {
  const release = await loadRelease(await findReleaseFile(a, cwd));
  if (b === undefined) return identity(release);
  const other = await loadRelease(await findReleaseFile(b, cwd));
  const diff = diffReleases(release, other);
  return {
    ...identity(release),
    other: identity(other),
    layersChanged: diff.filter((d) => d.state !== 'same').map((d) => d.layer),
    diff,
  };
}

function identity(release: Release): ReleaseIdentity {
  return {
    name: release.name,
    fingerprint: release.fingerprint,
    layers: release.layerHashes,
    pin: release.pin,
  };
}
