// A drill for a flag: set it, wait until it is served, set it back, wait until everybody has again what they had. Kept in the log.

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type JsonObject, LastgoodError } from '../../base/index.ts';
import type { FlagAnswer, FlagDefinition, FlagTest, ShippingStore } from '../../core/index.ts';
import { signed } from '../../engine/records/signature.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { flagsOf } from '../../rollout/flags.ts';
import { answerFlag } from '../../rollout/serve-flags.ts';
import { FlagState } from './flag-state.ts';
import { type FlagRequest, newestOf, setFlag } from './set-flag.ts';

/** How a flag is read as an application would: by its key, for one targeting key of a feature. */
export type FlagReader = (key: string, targetingKey: string, feature: string | null) => Promise<FlagAnswer>;

/** Targeting keys that a test asks for. */
export const KEYS = Array.from({ length: 20 }, (_, i) => `flag-test-${i}`);
const PAUSE_MS = 25;

/** Throws `FLAG_UNKNOWN` for a flag that is not set there: there would be nothing to go back to. */
export async function testFlag(
  work: Pick<Workplace, 'mask' | 'clock' | 'signal'>,
  shipping: ShippingStore,
  request: Omit<FlagRequest, 'when' | 'percent' | 'otherwise' | 'type'> & {
    readonly read: FlagReader;
    readonly through: string;
    /** How long a change may take to arrive. */
    readonly limitMs: number;
  },
): Promise<FlagTest> {
  const { key, feature, environment, read, through, limitMs } = request;
  const { by, why } = signed(work.mask, { ...request, command: `flag test ${key} ${request.value}` });
  const start = newestOf(flagsOf(await shipping.changes(0)), { key, feature, environment });
  if (start === undefined) throw unknownFlag(key, feature, environment);
  const asked = feature === '*' ? null : feature;
  const answers = (): Promise<unknown[]> =>
    Promise.all(KEYS.map(async (targetingKey) => seen(await read(key, targetingKey, asked))));
  const before = await answers();
  const flip = { ...request, when: [], why: `flag test: ${why}` };
  const { flag } = await setFlag(work, shipping, flip);
  const flippedMs = await until(work.signal, limitMs, async () =>
    (await answers()).every((a) => a === JSON.stringify(flag.value)),
  );
  const { type, value, rules } = start satisfies FlagDefinition;
  await shipping.append(
    {
      ...{ kind: 'flag', feature, environment, name: key, at: work.clock.now().toISOString(), by },
      ...{ why: `flag test, set back: ${why}`, body: { type, value, rules } as unknown as JsonObject },
    },
    // A change that someone made during the test stays.
    flag.no,
  );
  const restoredMs = await until(work.signal, limitMs, async () =>
    isDeepStrictEqual(await answers(), before),
  );
  const report = reportOf({ request, value: flag.value, flippedMs, restoredMs, through });
  await shipping.append({
    ...{ kind: 'flag-test', feature, environment, name: key, at: work.clock.now().toISOString(), by, why },
    body: report as unknown as JsonObject,
  });
  return report;
}

function reportOf({
  request: { key, feature, environment, limitMs },
  value,
  flippedMs,
  restoredMs,
  through,
}: {
  readonly request: Pick<FlagRequest, 'key' | 'feature' | 'environment'> & { readonly limitMs: number };
  readonly value: FlagTest['value'];
  readonly flippedMs: number | null;
  readonly restoredMs: number | null;
  readonly through: string;
}): FlagTest {
  const reason =
    flippedMs === null
      ? `the new value was not served to all ${KEYS.length} keys within ${limitMs} ms`
      : restoredMs === null
        ? `after it was set back, not all ${KEYS.length} keys got what they had before within ${limitMs} ms`
        : `all ${KEYS.length} keys got the new value, and then what they had before`;
  const outcome = flippedMs !== null && restoredMs !== null ? 'passed' : 'failed';
  return {
    flag: key,
    feature,
    environment,
    value,
    through,
    keys: KEYS.length,
    flippedMs,
    restoredMs,
    outcome,
    reason,
  };
}

/** What an application sees of an answer: the value, or the error in its place. */
export function seen(answer: FlagAnswer): string {
  return answer.ok ? JSON.stringify(answer.value) : answer.errorCode;
}

/** Milliseconds until it is reached; null = not within the limit. */
export async function until(
  signal: AbortSignal,
  limitMs: number,
  reached: () => Promise<boolean>,
): Promise<number | null> {
  const start = performance.now();
  for (;;) {
    if (await reached()) return Math.round(performance.now() - start);
    // An interrupted test still sets the flag back, so it only stops waiting.
    if (signal.aborted || performance.now() - start > limitMs) return null;
    await sleep(PAUSE_MS);
  }
}

/** Reads the ledger as a server does: through a connection of its own. */
export function ledgerReader(
  shipping: ShippingStore,
  environment: string,
  clock: Workplace['clock'],
): FlagReader {
  const state = new FlagState(shipping);
  return async (key, targetingKey, feature) =>
    answerFlag(await state.now(), key, {
      environment,
      context: { targetingKey, properties: feature === null ? {} : { feature } },
      now: clock.now(),
    });
}

function unknownFlag(key: string, feature: string, environment: string): LastgoodError {
  const of = feature === '*' ? '' : ` of ${feature}`;
  return new LastgoodError({
    code: 'FLAG_UNKNOWN',
    message: `the flag ${key}${of} is not set in ${environment}`,
    hint: `lastgood flag set ${key} VALUE --environment ${environment}${feature === '*' ? '' : ` --feature ${feature}`}`,
  });
}
