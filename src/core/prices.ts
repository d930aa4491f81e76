// Money: what a trial cost by the user's own price file. Unknown stays unknown.

import type { z } from 'zod';
import type { JsonObject } from '../base/json.ts';
import { isModelApi, modelApi } from './model-apis.ts';
import type { pricesSchema } from './prices-schema.ts';
import type { Usage } from './provider.ts';
import { BATCH_TIER } from './provider-batch.ts';
import { isOtherModel } from './served-model.ts';

/** A price file's content. */
export type Prices = z.output<typeof pricesSchema>;

/** The id of a model, or several by which it may have a price, the first that has one counts; null = unknown. */
export type PricedModel = string | readonly string[] | null;

/** What an embedder will be asked and may cost. */
export interface EmbeddingEstimate {
  /** Requests at most: answers that come together share one, and one that was embedded before needs none. */
  readonly calls: number;
  /** Of them, answers for the embedding channel; the rest is for `similar`. */
  readonly answers: number;
  /** null = the most that the subject may answer is unknown. */
  readonly inputTokensUpper: number | null;
  /** US dollars; null = that, or the price, is unknown. */
  readonly costUpperUsd: number | null;
}

/** Tiers that are billed otherwise than the ordinary one; what else a service calls its tiers is the ordinary one. */
const BILLED_APART = ['flex', 'priority', 'scale'];

/** OpenAI and Anthropic bill all tokens of a batch at half the ordinary price. */
const BATCH_FACTOR = 0.5;

/**
 * Cost of one call in US dollars; null when the model, or the service tier it was served on, has no price, or the usage was not disclosed.
 * A batch costs half, unless the price file has prices of its own for the tier `batch`.
 */
export function costOf(
  prices: Prices | null,
  model: PricedModel,
  usage: Usage | null,
  tier: string | null = null,
): number | null {
  if (prices === null || model === null || usage === null) return null;
  const ordinary = typeof model === 'string' ? priceFor(prices, model) : firstPrice(prices, model);
  const apart = tier === null ? undefined : ordinary?.tiers?.[tier];
  const price = apart ?? (tier !== null && BILLED_APART.includes(tier) ? null : ordinary);
  if (price === null || usage.inputTokens === undefined || usage.outputTokens === undefined) return null;
  const cached = usage.cachedInputTokens ?? 0;
  const written = usage.cacheWriteTokens ?? 0;
  if (cached > 0 && price['cached-input'] === undefined) return null;
  const hour = Math.min(written, usage.cacheWriteHourTokens ?? 0);
  if (written > hour && price['cache-write'] === undefined) return null;
  if (hour > 0 && price['cache-write-1h'] === undefined) return null;
  const plain = Math.max(0, usage.inputTokens - cached - written);
  const micro =
    plain * price.input +
    cached * (price['cached-input'] ?? 0) +
    (written - hour) * (price['cache-write'] ?? 0) +
    hour * (price['cache-write-1h'] ?? 0) +
    usage.outputTokens * price.output;
  const factor = apart === undefined && tier === BATCH_TIER ? BATCH_FACTOR : 1;
  return (factor * micro) / 1e6;
}

/**
 * Under which ids a call is looked up in the price file. A service by name has prices of its own (`azure/gpt-4o-2024-11-20`), and
 * else those of the model. A name that its owner chose has only a price of its own. `served`: null = not known yet, or not disclosed.
 */
export function pricedModel(route: JsonObject, served: string | null): PricedModel {
  const { provider, model } = route;
  const asked = typeof model === 'string' ? model : null;
  if (!isModelApi(provider) || provider === 'openai' || provider === 'anthropic') return served ?? asked;
  const ids = (id: string | null): string[] => (id === null ? [] : [`${provider}/${id}`, id]);
  if (modelApi(provider).hidesModel === true)
    return [...ids(asked).slice(0, 1), ...(served === asked ? [] : ids(served))];
  const other = asked !== null && served !== null && isOtherModel(asked, served);
  return [...new Set([...ids(served), ...(other ? [] : ids(asked))])];
}

function firstPrice(prices: Prices, ids: readonly string[]): Prices['models'][string] | null {
  for (const id of ids) {
    const price = priceFor(prices, id);
    if (price !== null) return price;
  }
  return null;
}

function priceFor(prices: Prices, model: string): Prices['models'][string] | null {
  const exact = prices.models[model];
  if (exact !== undefined) return exact;
  let best: { prefix: string; price: Prices['models'][string] } | null = null;
  for (const [key, price] of Object.entries(prices.models)) {
    if (!key.endsWith('*')) continue;
    const prefix = key.slice(0, -1);
    if (model.startsWith(prefix) && (best === null || prefix.length > best.prefix.length))
      best = { prefix, price };
  }
  return best?.price ?? null;
}
