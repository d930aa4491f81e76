// The settings of a run as they travel to its workers.

import type { JsonObject } from '../../base/json.ts';
import type { Prices } from '../../core/index.ts';
import type { RunSettings } from '../arms/run-settings.ts';

/** Settings that a worker runs the trials with. Limits of the whole run are kept by the database. */
const TRAVELLING = [
  'attemptTimeoutMs',
  'maxAttempts',
  'outageMs',
  'judgeVotes',
  'stream',
  'measuresAppErrors',
] as const satisfies readonly (keyof RunSettings)[];

export function packSettings(settings: RunSettings, prices: Prices | null): JsonObject {
  const kept = TRAVELLING.flatMap((name) => {
    const value = settings[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), prices: prices as unknown as JsonObject };
}

export function unpackSettings(packed: JsonObject): {
  readonly settings: RunSettings;
  readonly prices: Prices | null;
} {
  const kept = TRAVELLING.filter((name) => packed[name] !== undefined).map((name) => [name, packed[name]]);
  return {
    settings: Object.fromEntries(kept) as RunSettings,
    prices: (packed['prices'] ?? null) as unknown as Prices | null,
  };
}
