// Anthropic's message batches as the API shows them (@anthropic-ai/sdk 1.11 types).

import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { BatchItem, DeskBatch } from './batch-desk.ts';

export interface AnthropicBatch extends DeskBatch {
  readonly kind: 'anthropic';
  readonly version: string | undefined;
}

const DAY_MS = 86_400_000;

export function anthropicBatch(batch: AnthropicBatch): JsonObject {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const { items, isOver, createdMs } = batch;
  // All counts but the first stay 0 until the end.
  const counts = { processing: items.length, succeeded: 0, errored: 0, canceled: 0, expired: 0 };
  if (isOver) {
    counts.processing = 0;
    for (const item of items) counts[wordOf(item)]++;
  }
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: isOver ? 'ended' : batch.cancelAsked ? 'canceling' : 'in_progress',
    request_counts: counts,
    created_at: iso(createdMs),
    expires_at: iso(createdMs + DAY_MS),
    ended_at: isOver ? iso(createdMs) : null,
    cancel_initiated_at: batch.cancelAsked ? iso(createdMs) : null,
    archived_at: null,
    results_url: isOver ? `https://api.anthropic.com/v1/messages/batches/${batch.id}/results` : null,
  };
}

function wordOf({ end }: BatchItem): 'succeeded' | 'errored' | 'canceled' | 'expired' {
  switch (end?.kind) {
    case 'reply':
      return end.reply.status === 200 ? 'succeeded' : 'errored';
    case 'errored':
      return 'errored';
    case 'expired':
      return 'expired';
    default:
      return 'canceled';
  }
}

/** A line of the results. */
export function anthropicResult(item: BatchItem): JsonObject {
  const { id, end } = item;
  const type = wordOf(item);
  if (end?.kind === 'reply' && type === 'succeeded') {
    const body = isJsonObject(end.reply.body) ? end.reply.body : {};
    const usage = isJsonObject(body['usage']) ? body['usage'] : {};
    return {
      custom_id: id,
      result: { type, message: { ...body, usage: { ...usage, service_tier: 'batch' } } },
    };
  }
  if (type !== 'errored') return { custom_id: id, result: { type } };
  const own = end?.kind === 'reply' && isJsonObject(end.reply.body) ? end.reply.body : null;
  const error = own ?? {
    type: 'error',
    error: { type: 'api_error', message: 'Internal server error' },
    request_id: null,
  };
  return { custom_id: id, result: { type, error } };
}
