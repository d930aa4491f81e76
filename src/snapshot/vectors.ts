// Embedding vectors of answers, kept once per embedder and distinct answer, so that an unchanged answer is never embedded twice.

import type { Database, Statement } from 'better-sqlite3';
import type { VectorCount } from '../core/snapshot.ts';
import { type ContentTables, ENCODING } from './content.ts';

/** The vector table of one connection. Writing methods must be called inside a write transaction. */
export class VectorTables {
  readonly #content: ContentTables;
  readonly #add: Statement<[number, Buffer, string]>;
  readonly #find: Statement<[string, string], Buffer>;
  readonly #ofOutput: Statement<[number, string], { readonly sha256: Buffer; readonly vector: Buffer }>;
  readonly #outputs: Statement<[number], number>;
  readonly #counts: Statement<[number], VectorCount>;

  constructor(db: Database, content: ContentTables) {
    this.#content = content;
    // A vector tells what the text says: where the text is not kept, it is not either.
    this.#add = db.prepare(
      `INSERT OR IGNORE INTO embedding (embedder, output, vector)
       SELECT ?, id, ? FROM content WHERE sha256 = unhex(?) AND encoding < ${ENCODING.edited}`,
    );
    this.#find = db
      .prepare<[string, string], Buffer>(
        `SELECT e.vector FROM content c JOIN embedding e ON e.output = c.id
         WHERE c.sha256 = unhex(?) AND e.embedder = (SELECT id FROM word WHERE text = ?)`,
      )
      .pluck();
    this.#ofOutput = db.prepare(
      `SELECT c.sha256, e.vector FROM embedding e JOIN content c ON c.id = e.output
       WHERE e.output = ? AND e.embedder = (SELECT id FROM word WHERE text = ?)`,
    );
    this.#outputs = db
      .prepare<[number], number>(
        'SELECT DISTINCT output FROM trial WHERE snapshot = ? AND outcome = 1 AND output IS NOT NULL ORDER BY output',
      )
      .pluck();
    this.#counts = db.prepare(
      `SELECT w.text AS embedder, count(*) AS trials
       FROM trial t JOIN embedding e ON e.output = t.output JOIN word w ON w.id = e.embedder
       WHERE t.snapshot = ? AND t.outcome = 1 GROUP BY w.id ORDER BY 2 DESC, 1`,
    );
  }

  /** The first vector of an answer stays: both sides of a comparison must see the same one. */
  add(embedder: string, outputHash: string, vector: Float32Array): void {
    this.#add.run(this.#content.wordId(embedder), bytesOf(vector), outputHash);
  }

  find(embedder: string, outputHash: string): Float32Array | undefined {
    const bytes = this.#find.get(outputHash, embedder);
    return bytes === undefined ? undefined : vectorOf(bytes);
  }

  /** Content ids of the distinct answers of a snapshot. */
  outputs(snapshotNo: number): number[] {
    return this.#outputs.all(snapshotNo);
  }

  ofOutput(embedder: string, output: number): readonly [string, Float32Array] | undefined {
    const row = this.#ofOutput.get(output, embedder);
    return row === undefined ? undefined : [row.sha256.toString('hex'), vectorOf(row.vector)];
  }

  counts(snapshotNo: number): VectorCount[] {
    return this.#counts.all(snapshotNo);
  }
}

/** Little-endian float32, as every machine this runs on has it. */
function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** A copy: the bytes of a row need not lie where a float may. */
function vectorOf(bytes: Buffer): Float32Array {
  const vector = new Float32Array(bytes.length / 4);
  new Uint8Array(vector.buffer).set(bytes);
  return vector;
}
