// Embedding vectors of answers, kept once per embedder and distinct answer, so that an unchanged answer is never embedded twice.

import { hash } from 'node:crypto';
import type { VectorCount } from '../../core/snapshot.ts';
import type { Queries } from './connection.ts';
import { damagedTables } from './server-error.ts';
import { givenText, storedText } from './stored-text.ts';

interface VectorRow {
  readonly output: Buffer;
  readonly vector: Buffer;
  readonly seal: Buffer;
}

export class VectorTables {
  readonly #shown: string;

  constructor(shown: string) {
    this.#shown = shown;
  }

  /** The first vector of an answer stays; where the text is not kept, the vector, which tells it, is not either. */
  async add(queries: Queries, embedder: string, vectors: ReadonlyMap<string, Float32Array>): Promise<void> {
    const bytes = [...vectors.values()].map(bytesOf);
    await queries.rows(
      `INSERT INTO lg.embedding (embedder, output, vector, seal)
       SELECT $1, c.sha256, g.vector, g.seal
       FROM unnest($2::bytea[], $3::bytea[], $4::bytea[]) AS g (output, vector, seal)
            JOIN lg.content c ON c.sha256 = g.output AND c.body IS NOT NULL
       ORDER BY c.sha256 ON CONFLICT DO NOTHING`,
      [
        storedText(embedder),
        [...vectors.keys()].map((key) => Buffer.from(key, 'hex')),
        bytes,
        bytes.map(vectorSeal),
      ],
    );
  }

  async find(queries: Queries, embedder: string, outputHash: string): Promise<Float32Array | undefined> {
    const [row] = await queries.rows<VectorRow>(
      'SELECT output, vector, seal FROM lg.embedding WHERE output = $1 AND embedder = $2',
      [Buffer.from(outputHash, 'hex'), storedText(embedder)],
    );
    return row === undefined ? undefined : this.#vectorOf(row);
  }

  /** Vectors of a snapshot's distinct answers, by their hashes, from after one on. */
  async page(
    queries: Queries,
    of: { readonly snapshotNo: number; readonly embedder: string; readonly after: Buffer },
    limit: number,
  ): Promise<readonly (readonly [Buffer, Float32Array])[]> {
    const rows = await queries.rows<VectorRow>(
      `SELECT e.output, e.vector, e.seal FROM lg.embedding e
       WHERE e.embedder = $2 AND e.output > $3
         AND EXISTS (SELECT 1 FROM lg.trial t WHERE t.output = e.output AND t.snapshot = $1 AND t.outcome = 1)
       ORDER BY e.output LIMIT $4`,
      [of.snapshotNo, storedText(of.embedder), of.after, limit],
    );
    return rows.map((row) => [row.output, this.#vectorOf(row)] as const);
  }

  async counts(queries: Queries, snapshotNo: number): Promise<VectorCount[]> {
    const rows = await queries.rows<VectorCount>(
      `SELECT e.embedder, count(*) AS trials FROM lg.trial t JOIN lg.embedding e ON e.output = t.output
       WHERE t.snapshot = $1 AND t.outcome = 1 GROUP BY e.embedder ORDER BY 2 DESC, 1`,
      [snapshotNo],
    );
    return rows.map(({ embedder, trials }) => ({ embedder: givenText(embedder), trials }));
  }

  #vectorOf({ vector, seal }: VectorRow): Float32Array {
    if (!seal.equals(vectorSeal(vector)))
      throw damagedTables(this.#shown, 'an embedding vector is not what was stored');
    // A copy: the bytes of a row need not lie where a float may.
    const numbers = new Float32Array(vector.length / 4);
    new Uint8Array(numbers.buffer).set(vector);
    return numbers;
  }
}

/** 96 bits of SHA-256: it is there for damage. */
export function vectorSeal(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer').subarray(0, 12);
}

/** Little-endian float32, as every machine this runs on has it. */
function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}
