// Vectors of answers for the embedding channel. What fails is a missing vector, never a failed trial.

import { canonicalJson, type JsonValue } from '../base/json.ts';
import type { Output } from '../core/conversation.ts';
import { pricedModel } from '../core/prices.ts';
import type { EmbeddingReply, Failure } from '../core/provider.ts';
import { spokenText } from '../core/trajectory.ts';
import type { Examined, GraderContext } from './context.ts';
import { costOfFailure, createCaller, isFailure } from './judge-call.ts';

/** Texts in one request: many more make one refusal costly and gain little. */
const MOST_TEXTS = 64;
/** Requests that fail in a row, each after its own attempts, before no more are made: a dead embedder must not hold up a run. */
const MOST_FAILURES = 5;

export type EmbeddedOutput =
  | { readonly kind: 'embedded'; readonly vector: Float32Array; readonly costUsd: number | null }
  | { readonly kind: 'missing'; readonly reason: string; readonly costUsd: number | null };

export interface OutputEmbedder {
  /** Fingerprint of the embedder's release: vectors of two are never compared. */
  readonly embedder: string;
  /** The vector of an answer; without length where the answer says nothing. Never rejects. */
  embed(output: Output, signal: AbortSignal): Promise<EmbeddedOutput>;
}

/** What is embedded of an answer: its text (in a conversation, that of all turns), its refusal and what its tool calls ask for. */
export function embeddedText(output: Output): string {
  const { refusal, toolCalls } = output;
  const text = spokenText(output);
  const calls = toolCalls.map(({ name, args }) => `${name} ${canonicalJson(args as JsonValue)}`);
  return [text, refusal ?? '', ...calls].filter((part) => part.trim() !== '').join('\n');
}

interface Waiting {
  readonly text: string;
  readonly signal: AbortSignal;
  readonly resolve: (found: EmbeddedOutput) => void;
}

type Reply = Extract<EmbeddingReply, { kind: 'embedded' }>;

/** An embedder that gathers the answers which come while it is busy into one request. */
export function createOutputEmbedder(examined: Examined, context: GraderContext): OutputEmbedder {
  // No grade waits for a vector, so an embedder that cannot be asked any more does not end the run.
  const { onFatal: _onFatal, ...advisory } = context;
  const caller = createCaller(examined, advisory);
  const embed = examined.provider.embed?.bind(examined.provider);
  let waiting: Waiting[] = [];
  let failures = 0;
  let scheduled = false;

  function costOf(reply: Reply | Failure): number | null {
    if (isFailure(reply)) return costOfFailure(reply);
    const usage =
      reply.usage === null ? null : { ...reply.usage, outputTokens: reply.usage.outputTokens ?? 0 };
    return context.costOf(pricedModel(examined.release.layers.route, reply.model), usage);
  }

  async function ask(batch: readonly Waiting[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const missing = (reason: string, costUsd: number | null): void => {
      for (const one of batch) one.resolve({ kind: 'missing', reason, costUsd });
    };
    if (embed === undefined) return missing(`the provider ${examined.provider.name} makes no embeddings`, 0);
    if (failures >= MOST_FAILURES) return missing('given up: the embedder cannot be asked', 0);
    let cost: number | null = 0;
    let reply: Reply | Failure;
    try {
      reply = await caller.retrying<Reply>(
        (s) =>
          embed(
            batch.map((one) => one.text),
            s,
          ),
        first.signal,
        (r) => {
          const usd = costOf(r);
          cost = cost === null || usd === null ? null : cost + usd;
          return usd;
        },
      );
    } catch (error) {
      return missing(error instanceof Error ? error.message : String(error), null);
    }
    const share = cost === null ? null : cost / batch.length;
    if (isFailure(reply)) {
      // One text that is refused (too long, say) must not take the others with it.
      if (batch.length > 1 && reply.code === 'bad_request') {
        for (const one of batch) await ask([one]);
        return;
      }
      failures = reply.fatal ? MOST_FAILURES : failures + 1;
      return missing(`${reply.message} [${reply.code}]`, share);
    }
    failures = 0;
    for (const [i, one] of batch.entries()) {
      const vector = usable(reply.vectors[i]);
      one.resolve(
        vector === null
          ? { kind: 'missing', reason: 'the embedder returned no usable vector', costUsd: share }
          : { kind: 'embedded', vector, costUsd: share },
      );
    }
  }

  return {
    embedder: examined.release.fingerprint,
    embed(output, signal) {
      const text = embeddedText(output);
      // No embedding service takes an empty text; an answer that says nothing points nowhere.
      if (text === '') return Promise.resolve({ kind: 'embedded', vector: new Float32Array(0), costUsd: 0 });
      return new Promise((resolve) => {
        waiting.push({ text, signal, resolve });
        if (scheduled) return;
        scheduled = true;
        // After the callbacks of this turn, so that answers that came together are asked about together.
        setImmediate(() => {
          scheduled = false;
          const all = waiting;
          waiting = [];
          for (let from = 0; from < all.length; from += MOST_TEXTS)
            void ask(all.slice(from, from + MOST_TEXTS));
        });
      });
    },
  };
}

/** As it is kept; null for one that is absent, empty, of length zero or not finite. */
function usable(vector: readonly number[] | undefined): Float32Array | null {
  if (vector === undefined || vector.length === 0) return null;
  const kept = Float32Array.from(vector);
  return kept.every(Number.isFinite) && kept.some((x) => x !== 0) ? kept : null;
}
