// The embedding channel of a run: a vector for every answer of a suite that asks for the channel, kept beside the answer in the ledger.

import { contentHash, type JsonObject, wellFormed } from '../../base/index.ts';
import {
  type Finding,
  type GradedTrial,
  type Release,
  type SnapshotPurpose,
  type SnapshotStore,
  type Suite,
  type Trial,
  wantsEmbeddings,
} from '../../core/index.ts';
import type { EmbeddedOutput, OutputEmbedder } from '../../grade/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

/** Snapshots whose channels are not compared: their answers are not paid for twice. */
const NOT_EMBEDDED: readonly SnapshotPurpose[] = ['confirmation', 'bisect', 'sentinel', 'drill'];

/** Are the answers of this run embedded? Not where their texts are not kept: a vector tells what a text says. */
export function embedsAnswers(
  work: Pick<Workplace, 'privacy'>,
  { suite, embedder }: { readonly suite: Pick<Suite, 'policy'>; readonly embedder: Release | null },
  purpose: SnapshotPurpose | undefined,
): boolean {
  return (
    embedder !== null &&
    wantsEmbeddings(suite.policy) &&
    !NOT_EMBEDDED.includes(purpose ?? 'run') &&
    work.privacy?.store !== 'scores'
  );
}

/** The vector of one answer on its way into the ledger; `keep` once the answer itself is there. */
export interface AnswerVector {
  /** What making it cost; 0 where the ledger had it. */
  readonly costUsd: number | null;
  keep(): Promise<void>;
}

const NO_VECTOR: AnswerVector = { costUsd: 0, keep: () => Promise.resolve() };

/** Embeds the answers of a run, each distinct one once. */
export class AnswerEmbedder {
  readonly #work: Pick<Workplace, 'store' | 'progress'>;
  readonly #outputs: OutputEmbedder;
  readonly #intact: ReadonlySet<string> | null;
  /** Answers being embedded, until their vectors are in the ledger. */
  readonly #open = new Map<string, Promise<EmbeddedOutput>>();
  #reported = false;
  /** Answers that were sent to the embedder and came back with a vector. */
  embedded = 0;

  /** `intact`: hashes of stored answers, where these are read back; what stands in the place of a removed one is not embedded. */
  constructor(
    work: Pick<Workplace, 'store' | 'progress'>,
    outputs: OutputEmbedder,
    intact: ReadonlySet<string> | null = null,
  ) {
    this.#work = work;
    this.#outputs = outputs;
    this.#intact = intact;
  }

  /** The vector of a trial as it will be stored. Never rejects because of the embedder. */
  async vectorFor(trial: Trial, signal: AbortSignal): Promise<AnswerVector> {
    if (trial.status !== 'answered') return NO_VECTOR;
    const { embedder } = this.#outputs;
    const hash = contentHash(wellFormed(trial.output as unknown as JsonObject));
    if (this.#intact?.has(hash) === false) return NO_VECTOR;
    const before = this.#open.get(hash);
    if (before !== undefined) {
      await before;
      return NO_VECTOR;
    }
    // Noted before anything is waited for: the same answer may come again in this very moment.
    const found = this.#work.store.vectorOf(embedder, hash).then(async (known): Promise<EmbeddedOutput> => {
      if (known !== undefined) return { kind: 'embedded', vector: known, costUsd: 0 };
      const made = await this.#outputs.embed(trial.output, signal);
      if (made.kind === 'embedded') this.embedded += 1;
      return made;
    });
    this.#open.set(hash, found);
    const result = await found;
    if (result.kind === 'missing') {
      this.#open.delete(hash);
      if (!signal.aborted) this.#tell(result.reason);
      return { costUsd: result.costUsd, keep: NO_VECTOR.keep };
    }
    return {
      costUsd: result.costUsd,
      keep: async () => {
        await this.#work.store.keepVectors(embedder, new Map([[hash, result.vector]]));
        this.#open.delete(hash);
      },
    };
  }

  #tell(reason: string): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#work.progress.warn({
      code: 'EMBEDDING_FAILED',
      message: `an answer could not be embedded: ${reason}; the embedding channel does without it`,
      hint: '`lastgood regrade` embeds stored answers later',
    });
  }
}

/** The row with a further cost (of its vector, of judging it before) added to what judging it cost. */
export function withCost<T extends Pick<GradedTrial, 'judgeCostUsd'>>(row: T, usd: number | null): T {
  const { judgeCostUsd } = row;
  return { ...row, judgeCostUsd: judgeCostUsd === null || usd === null ? null : judgeCostUsd + usd };
}

/** Findings about a run's embedding, for its snapshot. */
export async function embeddingFindings(
  work: Pick<Workplace, 'store' | 'privacy'>,
  snapshotId: string,
  assignment: { readonly suite: Pick<Suite, 'policy'>; readonly embedder: Release | null },
  answered: number,
  purpose?: SnapshotPurpose,
): Promise<Finding[]> {
  const { suite, embedder } = assignment;
  if (embedder === null || !wantsEmbeddings(suite.policy) || answered === 0) return [];
  if (work.privacy?.store === 'scores')
    return [
      {
        code: 'EMBEDDINGS_WITHHELD',
        message:
          'answers are not stored (--store scores), and a vector would tell what they say: the embedding channel is unavailable',
      },
    ];
  if (!embedsAnswers(work, assignment, purpose)) return [];
  const lost = answered - (await vectorsOf(work.store, snapshotId, embedder.fingerprint));
  if (lost <= 0) return [];
  return [
    {
      code: 'EMBEDDINGS_MISSING',
      message: `${lost} of ${answered} answers have no embedding vector; \`lastgood regrade ${snapshotId}\` embeds them`,
    },
  ];
}

async function vectorsOf(store: SnapshotStore, snapshotId: string, embedder: string): Promise<number> {
  return (await store.vectorCounts(snapshotId)).find((c) => c.embedder === embedder)?.trials ?? 0;
}
