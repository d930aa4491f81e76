// The `similar` grader: cosine between the embeddings of the output and of a reference text.

import { contentHash, sha256 } from '../base/json.ts';
import { GRADER_CODE_VERSION } from '../core/exam.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { pricedModel } from '../core/prices.ts';
import type { EmbeddingReply } from '../core/provider.ts';
import type { CostMeter, Examined, GraderContext } from './context.ts';
import { type GraderResult, mark, type Subject, unmeasured } from './grader-result.ts';
import { costOfFailure, createCaller, isFailure } from './judge-call.ts';
import { nothingWanted, wantedText } from './text-graders.ts';

export type SimilarGrader = (
  options: Extract<GraderSpec, { type: 'similar' }>['options'],
  subject: Subject,
  cost: CostMeter,
  signal: AbortSignal,
) => Promise<GraderResult>;

export function createSimilarGrader(embedder: Examined | null, context: GraderContext): SimilarGrader {
  const caller = embedder === null ? null : createCaller(embedder, context);

  return async (options, subject, cost, signal) => {
    const wanted = wantedText(options.value, subject);
    if (wanted === null || wanted.trim() === '') return nothingWanted('similar');
    const embed = embedder?.provider.embed?.bind(embedder.provider);
    if (embedder === null || caller === null)
      return unmeasured('grader_error', 'the suite names no embedder');
    if (embed === undefined) {
      return unmeasured('grader_error', `the provider ${embedder.provider.name} makes no embeddings`);
    }
    const threshold = options.threshold ?? 0.8;
    // No embedding service takes an empty text, and nothing is not similar to anything.
    if (subject.text.trim() === '') return mark(false, 'the output is empty', { cosine: null });

    const key = contentHash({
      embedder: embedder.release.fingerprint,
      graderCode: GRADER_CODE_VERSION,
      reference: sha256(wanted),
      output: sha256(subject.text),
    });
    const kept = await context.verdicts?.get(key);
    if (typeof kept === 'number') return judged(kept, threshold, true);

    const reply = await caller.retrying<Extract<EmbeddingReply, { kind: 'embedded' }>>(
      (s) => embed([subject.text, wanted], s),
      signal,
      (r) => {
        let usd = isFailure(r) ? costOfFailure(r) : null;
        if (!isFailure(r)) {
          // Embeddings have no output tokens, so that an absent count is a zero here.
          const usage = r.usage === null ? null : { ...r.usage, outputTokens: r.usage.outputTokens ?? 0 };
          usd = context.costOf(pricedModel(embedder.release.layers.route, r.model), usage);
        }
        cost.add(usd);
        return usd;
      },
    );
    if (isFailure(reply)) return unmeasured('judge_error', `no embedding: ${reply.message} [${reply.code}]`);
    const cosine = cosineOf(reply.vectors[0], reply.vectors[1]);
    if (cosine === null)
      return unmeasured('judge_error', 'the embedder returned vectors that cannot be compared');
    await context.verdicts?.put(key, cosine);
    return judged(cosine, threshold, false);
  };
}

function judged(cosine: number, threshold: number, cached: boolean): GraderResult {
  return {
    kind: 'scored',
    met: cosine >= threshold,
    score: Math.min(1, Math.max(0, cosine)),
    reason: `cosine ${cosine.toFixed(3)} to the reference, at least ${threshold} wanted`,
    details: { cosine, cached },
  };
}

/** Cosine of two vectors; null when they differ in length, are empty, of length zero or not finite. */
function cosineOf(a: readonly number[] | undefined, b: readonly number[] | undefined): number | null {
  if (a === undefined || b === undefined || a.length !== b.length || a.length === 0) return null;
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  const cosine = dot / Math.sqrt(aa * bb);
  return Number.isFinite(cosine) ? Math.min(1, Math.max(-1, cosine)) : null;
}
