// Settings that both SDKs get: no retries of their own, nothing printed, no deadline but the caller's.

import type { SecretMask } from '../core/secrets.ts';

/** The longest delay a timer takes, in ms: the caller's signal is what ends a call. */
export const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** Made at the first need, and then kept: an SDK costs a fifth of a second to load. */
export function atFirstNeed<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const nothing = (): void => {};

/** The SDKs would print to the console, which belongs to the command line's results. */
export const SILENT_LOGGER = { error: nothing, warn: nothing, info: nothing, debug: nothing };

/** The SDKs add the headers of `*_CUSTOM_HEADERS` (`name: value` lines) to each call; their values are secrets. */
export function maskCustomHeaders(lines: string | undefined, mask: SecretMask): void {
  for (const line of lines?.split('\n') ?? []) {
    const colon = line.indexOf(':');
    if (colon >= 0) mask.add(line.slice(colon + 1).trim());
  }
}
