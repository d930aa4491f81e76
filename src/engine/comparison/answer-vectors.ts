// The vectors a comparison's embedding channel works on, read from the ledger; or why there are none.

import { shortHash } from '../../base/index.ts';
import type { AnswerVectors } from '../../compare/index.ts';
import type { Policy, SnapshotResults, SnapshotStore, SnapshotSummary } from '../../core/index.ts';
import { squaredLength } from '../../stats/vector-distance.ts';
import { Projection } from '../../stats/vector-drift.ts';

/** Numbers of both sides together that are held as they are: 128 MB. Beyond that, projections of the vectors are compared. */
const MOST_NUMBERS = 32 * 1024 * 1024;

/** From this share of its answers on, a baseline counts as embedded by another embedder than its own. */
const MOST_KNOWN = 0.9;

/** The vectors of both sides under one embedder. undefined where the policy does not ask for the channel. */
export async function answerVectors(
  store: SnapshotStore,
  baseline: Pick<SnapshotResults, 'summary'>,
  candidate: Pick<SnapshotResults, 'summary'>,
  policy: Policy,
  mostNumbers = MOST_NUMBERS,
): Promise<AnswerVectors | undefined> {
  if (policy.channels.embedding === 'off') return undefined;
  const [a, b] = [baseline.summary, candidate.summary];
  const counts = await store.vectorCounts(a.id);
  const before = counts.map((c) => c.embedder);
  const after = (await store.vectorCounts(b.id)).map((c) => c.embedder);
  // The candidate's own, which `regrade` gives older answers too; of a candidate made without one, any that both sides know.
  const wanted = b.embedder === null ? [...before.filter((e) => e === a.embedder), ...before] : [b.embedder];
  const embedder = wanted.find((e) => before.includes(e) && after.includes(e));
  // Answers both sides gave have the candidate's vectors; that is no embedding of a baseline that was made with another embedder.
  const known = counts.find((c) => c.embedder === embedder)?.trials ?? 0;
  const another = a.embedder !== null && a.embedder !== embedder && known < MOST_KNOWN * a.answered;
  if (embedder === undefined || another)
    return { kind: 'unavailable', embedder: b.embedder, reason: reasonOf(a, b, before, after) };
  const held = new HeldVectors(mostNumbers);
  const sides = {
    baseline: await held.read(store.vectors(a.id, embedder)),
    candidate: await held.read(store.vectors(b.id, embedder)),
  };
  return { kind: 'vectors', embedder, ...sides, projectedFrom: held.projectedFrom };
}

/** Holds vectors as they are until they are too many, and their projections from then on. */
class HeldVectors {
  readonly #most: number;
  readonly #maps: Map<string, Float32Array>[] = [];
  #numbers = 0;
  #projection: Projection | null = null;
  projectedFrom: number | null = null;

  constructor(most: number) {
    this.#most = most;
  }

  async read(vectors: AsyncIterable<readonly [string, Float32Array]>): Promise<Map<string, Float32Array>> {
    const map = new Map<string, Float32Array>();
    this.#maps.push(map);
    for await (const [hash, vector] of vectors) {
      // The same answer on both sides is one vector.
      const kept = this.#maps[0]?.get(hash);
      if (kept !== undefined) {
        map.set(hash, kept);
        continue;
      }
      map.set(hash, this.#projection === null ? vector : this.#short(vector));
      this.#numbers += vector.length;
      if (this.#projection === null && this.#numbers > this.#most && vector.length > 0)
        this.#projectAll(vector.length);
    }
    return map;
  }

  #projectAll(dimension: number): void {
    this.#projection = new Projection(dimension);
    if (this.#projection.size === dimension) return;
    this.projectedFrom = dimension;
    const done = new Map<string, Float32Array>();
    for (const map of this.#maps)
      for (const [hash, vector] of map) {
        const short = done.get(hash) ?? this.#short(vector);
        done.set(hash, short);
        map.set(hash, short);
      }
  }

  /** Of unit length before it is projected, as the comparison takes every vector. */
  #short(vector: Float32Array): Float32Array {
    if (this.#projection === null || vector.length !== this.projectedFrom) return vector;
    const length = Math.sqrt(squaredLength(vector));
    return Float32Array.from(this.#projection.of(vector, length === 0 ? 0 : 1 / length));
  }
}

function reasonOf(
  a: SnapshotSummary,
  b: SnapshotSummary,
  before: readonly string[],
  after: readonly string[],
): string {
  const withheld = ([['baseline', a] as const, ['candidate', b] as const] as const)
    .filter(([, s]) => s.findings.some((f) => f.code === 'EMBEDDINGS_WITHHELD'))
    .map(([arm]) => arm);
  if (withheld.length > 0)
    return `the answers of the ${withheld.join(' and the ')} are not stored, so neither are their vectors`;
  const lacks = (known: readonly string[]): boolean =>
    b.embedder === null ? known.length === 0 : !known.includes(b.embedder);
  const one = a.embedder ?? before[0];
  const other = b.embedder ?? after[0];
  if (!lacks(after) && one !== undefined && other !== undefined && one !== other)
    return `embedded by two embedders, ${shortHash(one)} and ${shortHash(other)}, whose vectors cannot be compared; \`lastgood regrade ${a.id} --suite FILE\` embeds the baseline's answers with the suite's`;
  const bare = (
    [
      ['baseline', a.id, before],
      ['candidate', b.id, after],
    ] as const
  ).filter(([, , known]) => lacks(known));
  const commands = bare.map(([, id]) => `\`lastgood regrade ${id} --suite FILE\``);
  return `no answer of the ${bare.map(([arm]) => arm).join(' or the ')} has a vector; ${commands.join(' and ')} ${commands.length === 1 ? 'embeds' : 'embed'} stored answers`;
}
