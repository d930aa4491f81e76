// Money: what a trial cost by the user's own price file. Unknown stays unknown.

import type { z } from 'zod';
import type { pricesSchema } from './prices-schema.ts';
import type { Usage } from './provider.ts';

/** A price file's content. */
export type Prices = z.output<typeof pricesSchema>;

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
const BILLED_APART = ['flex', 'priority', 'batch', 'scale'];

/** Cost of one call in US dollars; null when the model, or the service tier it was served on, has no price, or the usage was not disclosed. */
export function costOf(
  prices: Prices | null,
  model: string | null,
  usage: Usage | null,
  tier: string | null = null,
): number | null {
  if (prices === null || model === null || usage === null) return null;
  const ordinary = priceFor(prices, model);
  const apart = tier === null ? undefined : ordinary?.tiers?.[tier];
  const price = apart ?? (tier !== null && BILLED_APART.includes(tier) ? null : ordinary);
  if (price === null || usage.inputTokens === undefined || usage.outputTokens === undefined) return null;
  const cached = usage.cachedInputTokens ?? 0;
  const written = usage.cacheWriteTokens ?? 0;
  if (cached > 0 && price['cached-input'] === undefined) return null;
  if (written > 0 && price['cache-write'] === undefined) return null;
  const plain = Math.max(0, usage.inputTokens - cached - written);
  const micro =
    plain * price.input +
    cached * (price['cached-input'] ?? 0) +
    written * (price['cache-write'] ?? 0) +
    usage.outputTokens * price.output;
  return micro / 1e6;
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
