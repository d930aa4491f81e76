// Settings that both SDKs get: no retries of their own, nothing printed, no deadline but the caller's.

import { createRequire } from 'node:module';
import type { SecretMask } from '../core/secrets.ts';

/** The longest delay a timer takes, in ms: the caller's signal is what ends a call. */
export const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** As CommonJS, which both SDKs also are: their hundreds of small files take a quarter less time than as ES modules. */
export const loadSdk: (name: 'openai' | '@anthropic-ai/sdk') => unknown = createRequire(import.meta.url);

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
