// Settings that both SDKs get: no retries of their own, nothing printed, no deadline but the caller's.

import type { Env } from '../base/ports.ts';
import type { SecretMask } from '../base/secrets.ts';
import type { EnvironmentSetting } from '../core/provider.ts';

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

/** The headers of `*_CUSTOM_HEADERS` (`name: value` lines), which the SDKs add to each call; their values are secrets. */
export function customHeaders(lines: string | undefined, mask: SecretMask): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines?.split('\n') ?? []) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const value = line.slice(colon + 1).trim();
    mask.add(value);
    headers[line.slice(0, colon).trim().toLowerCase()] = value;
  }
  return headers;
}

/** A variable of the environment that changes calls, with what it does; undefined when it is not set. */
export function settingOf(env: Env, variable: string, effect: string): EnvironmentSetting | undefined {
  return env(variable)?.trim() ? { variable, effect } : undefined;
}

/** The settings that are in force. */
export function settingsInForce(
  ...settings: readonly (EnvironmentSetting | false | undefined)[]
): readonly EnvironmentSetting[] {
  return settings.filter((setting) => typeof setting === 'object');
}

/** What custom headers do, by their names. */
export function headersEffect(headers: Readonly<Record<string, string>>): string {
  return `adds to every call: ${Object.keys(headers).join(', ') || 'nothing'}`;
}
