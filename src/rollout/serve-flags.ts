// A flag as it is answered: with the release that the request gets, so that every answer can be tagged with its variant.

import { type Flag, type FlagAnswer, type FlagContext, RELEASE_FLAG } from '../core/flag.ts';
import type { PointedRelease } from '../core/shipping.ts';
import type { FlagValue } from '../core/ticket.ts';
import { evaluateFlag, flagFor, inPercentage } from './flags.ts';
import { placeOf, type RegistryPlace, servedRelease } from './registry.ts';

const PERCENT_FLAG = 'ai.rollout.percent';

/** What is in force. */
export interface ServedState {
  readonly flags: readonly Flag[];
  readonly places: readonly RegistryPlace[];
  /** Number of the newest change. */
  readonly generation: number;
}

export interface FlagQuestion {
  readonly environment: string;
  readonly context: FlagContext;
  readonly now: Date;
}

interface Served {
  readonly release: PointedRelease;
  readonly split: boolean;
  readonly metadata: Readonly<Record<string, FlagValue>>;
}

/** The feature that a request names; null = none. */
function featureOf({ properties }: FlagContext): string | null {
  const feature = Object.hasOwn(properties, 'feature') ? properties['feature'] : undefined;
  return typeof feature === 'string' && feature !== '' ? feature : null;
}

/** One flag for a request. */
export function answerFlag(state: ServedState, key: string, question: FlagQuestion): FlagAnswer {
  const { environment, context } = question;
  const feature = featureOf(context);
  const served = serve(state, question);
  const flag = flagFor(state.flags, { key, feature, environment });
  const metadata: Record<string, FlagValue> = {
    environment,
    generation: state.generation,
    ...(feature === null ? {} : { feature }),
    ...(served === null ? {} : { variant: served.release.fingerprint, ...served.metadata }),
  };
  const variant = served?.release.fingerprint ?? null;
  if (key === RELEASE_FLAG && served !== null) {
    const reason = served.split ? 'SPLIT' : 'STATIC';
    return { ok: true, key, value: served.release.fingerprint, reason, variant, metadata };
  }
  if (flag === undefined)
    return {
      ok: false,
      key,
      errorCode: 'FLAG_NOT_FOUND',
      errorDetails:
        key === RELEASE_FLAG
          ? `no release is registered for ${feature ?? 'a request without the property feature'} in ${environment}`
          : `there is no flag of this key in ${environment}`,
    };
  const found = evaluateFlag(flag, context);
  if ('missing' in found)
    return {
      ok: false,
      key,
      errorCode: 'TARGETING_KEY_MISSING',
      errorDetails: 'this flag divides the traffic by a percentage, and the context has no targetingKey',
    };
  return {
    ok: true,
    key,
    value: found.value,
    reason: found.reason,
    variant,
    metadata: { ...metadata, flagChange: flag.no },
  };
}

/** Every flag that a request can get, in order of key. */
export function answerAll(state: ServedState, question: FlagQuestion): readonly FlagAnswer[] {
  const feature = featureOf(question.context);
  const keys = new Set(
    state.flags
      .filter((f) => f.environment === question.environment && (f.feature === feature || f.feature === '*'))
      .map((f) => f.key),
  );
  if (serve(state, question) !== null) keys.add(RELEASE_FLAG);
  return [...keys].sort().map((key) => answerFlag(state, key, question));
}

/** The release of a request: a deprecated one it asks for, else the candidate for its share of the traffic, else the one in force. */
function serve(state: ServedState, { environment, context, now }: FlagQuestion): Served | null {
  const feature = featureOf(context);
  const place = feature === null ? undefined : placeOf(state.places, feature, environment);
  if (feature === null || place === undefined) return null;
  const wanted = Object.hasOwn(context.properties, 'release') ? context.properties['release'] : null;
  const asked = typeof wanted === 'string' ? wanted : null;
  const { release, deprecated, ended } = servedRelease(place, asked, now);
  if (deprecated !== null) {
    const { message, until } = deprecated;
    const metadata = {
      role: 'deprecated',
      release: release.release,
      deprecated: message,
      deprecatedUntil: until,
    };
    return { release, split: false, metadata };
  }
  const gone = ended ? { deprecationEnded: true } : {};
  const { candidate } = place;
  const flag = flagFor(state.flags, { key: PERCENT_FLAG, feature, environment });
  if (candidate === null || flag === undefined)
    return { release, split: false, metadata: { role: 'control', release: release.release, ...gone } };
  const found = evaluateFlag(flag, context);
  const percent = 'value' in found && typeof found.value === 'number' ? found.value : 0;
  // A request without a key cannot be kept in its part, so it gets what everybody had before.
  const isIn =
    context.targetingKey !== null &&
    inPercentage({ key: PERCENT_FLAG, feature }, percent, context.targetingKey);
  const chosen = isIn || percent >= 100 ? candidate : release;
  const role = chosen === candidate ? 'candidate' : 'control';
  return {
    release: chosen,
    split: percent > 0 && percent < 100,
    metadata: { role, release: chosen.release, ...gone },
  };
}
