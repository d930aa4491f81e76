// Releases are kept whole and shared: one that holds a secret is refused before anything is called or written.

import { type JsonObject, LastgoodError } from '../../base/index.ts';
import type { Release } from '../../core/index.ts';
import type { Workplace } from './workplace.ts';

/**
 * A release is kept under a fingerprint over every byte of it: a secret in it could neither be kept nor masked. Judges and embedders
 * are kept like the subject; null = there is none. Throws `SECRET_IN_RELEASE`.
 */
export function refuseSecrets(work: Pick<Workplace, 'mask'>, ...releases: readonly (Release | null)[]): void {
  for (const release of releases) {
    if (release === null) continue;
    const layers = release.layers as unknown as JsonObject;
    const key = Object.keys(layers).find((layer) => {
      const value = layers[layer] as JsonObject;
      return work.mask.json(value) !== value;
    });
    if (key === undefined) continue;
    throw new LastgoodError({
      code: 'SECRET_IN_RELEASE',
      message: `the ${key} layer holds the value of a secret of the environment; releases are stored and shared, so nothing was run`,
      where: { file: release.file ?? undefined, key },
      hint: 'name the environment variable instead: api-key-env, or { env: NAME } in headers',
    });
  }
}
