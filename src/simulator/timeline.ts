// Which model answers to an id on a given day, and with which behaviour.

import type { Scenario, SimulatedModel } from './scenario.ts';

/** The two providers whose formats are spoken. */
export type WireProvider = 'openai' | 'anthropic';

/** What an id means at one moment. */
export type Resolution =
  | {
      readonly kind: 'served';
      readonly model: SimulatedModel;
      /** The id the API names in its reply. */
      readonly servedId: string;
      /** Name of the behaviour in force; null for embedding models that name none. */
      readonly version: string | null;
      readonly systemFingerprint: string | null;
    }
  | { readonly kind: 'retired'; readonly model: SimulatedModel }
  | { readonly kind: 'unknown' };

/** Resolves a requested id (model or alias) at a moment given in epoch milliseconds. */
export function resolveModel(
  scenario: Scenario,
  provider: WireProvider,
  requested: string,
  now: number,
): Resolution {
  const alias = scenario.aliases.find((a) => a.id === requested && a.provider === provider);
  const target = alias?.targets
    .filter((t) => Date.parse(t.from) <= now)
    .sort((a, b) => Date.parse(a.from) - Date.parse(b.from))
    .at(-1);
  const id = alias === undefined ? requested : target?.model;
  const model = scenario.models.find((m) => m.id === id && m.provider === provider);
  if (model === undefined || !isOut(model, now)) return { kind: 'unknown' };
  if (isRetired(model, now)) return { kind: 'retired', model };
  let servedId = model.id;
  let version = model.version ?? null;
  let systemFingerprint = model.systemFingerprint ?? null;
  for (const update of model.updates) {
    if (Date.parse(update.at) > now) break;
    version = update.version;
    servedId = update.servedId ?? servedId;
    systemFingerprint = update.systemFingerprint ?? systemFingerprint;
  }
  return { kind: 'served', model, servedId, version, systemFingerprint };
}

/** True once the model has been published. */
export function isOut(model: SimulatedModel, now: number): boolean {
  return model.created === undefined || Date.parse(model.created) <= now;
}

/** True from the retirement date on. */
export function isRetired(model: SimulatedModel, now: number): boolean {
  return model.retires !== undefined && Date.parse(model.retires) <= now;
}

/** The stage of life the catalogue tells. */
export function lifecycle(model: SimulatedModel, now: number): 'active' | 'deprecated' | 'retired' {
  if (isRetired(model, now)) return 'retired';
  return model.deprecated !== undefined && Date.parse(model.deprecated) <= now ? 'deprecated' : 'active';
}

/** The retirement date as far as it is public by now: from the deprecation on, or always when none was dated. */
export function publishedRetirement(model: SimulatedModel, now: number): string | null {
  if (model.retires === undefined) return null;
  if (model.deprecated === undefined) return model.retires;
  return Date.parse(model.deprecated) <= now ? model.retires : null;
}
