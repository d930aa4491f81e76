// One flag for a request that a person describes: as a server would answer it.

import type { FlagAnswer, ShippingStore } from '../../core/index.ts';
import { flagValue } from '../../rollout/flag-values.ts';
import { answerAll, answerFlag, type FlagQuestion } from '../../rollout/serve-flags.ts';
import { FlagState, type ShippingState } from './flag-state.ts';

/** One flag for a request of an application. */
export function flagAnswer(state: ShippingState, key: string, question: FlagQuestion): FlagAnswer {
  return answerFlag(state, key, question);
}

/** Every flag that such a request can get. */
export function flagAnswers(state: ShippingState, question: FlagQuestion): readonly FlagAnswer[] {
  return answerAll(state, question);
}

/** Properties are typed as text; numbers and truth values become what an application would send. */
export async function readFlag(
  shipping: ShippingStore,
  asked: {
    readonly key: string;
    readonly environment: string;
    readonly feature: string | null;
    readonly targetingKey: string | null;
    readonly properties: Readonly<Record<string, string>>;
    readonly now: Date;
  },
): Promise<FlagAnswer> {
  const { key, environment, feature, targetingKey, now } = asked;
  const properties = Object.fromEntries(
    Object.entries(asked.properties).map(([name, text]) => [name, flagValue(text, null)]),
  );
  return flagAnswer(await new FlagState(shipping).now(), key, {
    environment,
    context: { targetingKey, properties: { ...properties, ...(feature === null ? {} : { feature }) } },
    now,
  });
}
