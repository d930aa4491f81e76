// Which names of observations mean a release: applications send its name, its fingerprint, or the first digits of that.

import { didYouMean, LastgoodError } from '../../base/index.ts';
import type { StoredObservation } from '../../core/observation.ts';
import { findReleaseFile } from '../../engine/workplace/settings-file.ts';
import { loadRelease } from '../../release/index.ts';

/** Hexadecimal digits that are taken for the beginning of a fingerprint. */
const DIGITS = /^[0-9a-f]{6,64}$/;

/** Names among `seen` that mean the release. Throws `RELEASE_UNSEEN` or `FINGERPRINT_AMBIGUOUS`. */
export async function releasesNamed(
  asked: string,
  cwd: string,
  seen: readonly (string | null)[],
): Promise<readonly string[]> {
  const names = seen.filter((name) => name !== null);
  const found = names.includes(asked) ? [asked] : await matching(asked, cwd, names);
  if (found.length === 0) {
    const guess = didYouMean(asked, names);
    throw new LastgoodError({
      code: 'RELEASE_UNSEEN',
      message: `no observation of this time was made by the release ${JSON.stringify(asked)}`,
      hint:
        guess !== undefined
          ? `did you mean ${guess}?`
          : names.length === 0
            ? 'the observations of this time name no release: send `release` with them'
            : `releases of this time: ${names.slice(0, 10).join(', ')}`,
    });
  }
  const longest = found.reduce((a, b) => (b.length > a.length ? b : a));
  const other = found.find((name) => DIGITS.test(name) && DIGITS.test(longest) && !longest.startsWith(name));
  if (other !== undefined)
    throw new LastgoodError({
      code: 'FINGERPRINT_AMBIGUOUS',
      message: `${asked} begins several fingerprints: ${other}, ${longest}`,
      hint: 'give more digits',
    });
  return found;
}

async function matching(asked: string, cwd: string, names: readonly string[]): Promise<readonly string[]> {
  if (/[\\/]|\.ya?ml$/i.test(asked)) {
    const { name, fingerprint } = await loadRelease(await findReleaseFile(asked, cwd));
    return names.filter((seen) => seen === name || (DIGITS.test(seen) && fingerprint.startsWith(seen)));
  }
  if (!DIGITS.test(asked)) return [];
  return names.filter((seen) => DIGITS.test(seen) && (seen.startsWith(asked) || asked.startsWith(seen)));
}

/** What an observation says of its release. Applications that read flags send the variant alone, a fingerprint. */
export function sentRelease({ release, variant }: StoredObservation['dimensions']): string | null {
  return release ?? variant;
}

export function isOfRelease({ dimensions }: StoredObservation, releases: readonly string[]): boolean {
  const sent = sentRelease(dimensions);
  return sent !== null && releases.includes(sent);
}
