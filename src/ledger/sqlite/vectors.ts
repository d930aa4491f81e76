// Embedding vectors of answers, kept once per embedder and distinct answer, so that an unchanged answer is never embedded twice.

import { hash } from 'node:crypto';
import type { Database, Statement } from 'better-sqlite3';
import type { VectorCount } from '../../core/snapshot.ts';
import { type ContentTables, ENCODING } from './content.ts';
import { damagedLedger } from './database-error.ts';

interface SealedVector {
  readonly vector: Buffer;
  /** Null = from before there were seals. */
  readonly seal: Buffer | null;
}

/** The vector table of one connection. Writing methods must be called inside a write transaction. */
export class VectorTables {
  readonly #content: ContentTables;
  readonly #path: string;
  readonly #add: Statement<[number, Buffer, Buffer, string]>;
  readonly #find: Statement<[string, string], SealedVector>;
  readonly #ofOutput: Statement<[number, string], SealedVector & { readonly sha256: Buffer }>;
  readonly #outputs: Statement<[number], number>;
  readonly #counts: Statement<[number], VectorCount>;

  constructor(db: Database, content: ContentTables) {
    this.#content = content;
    this.#path = db.name;
    // A vector tells what the text says: where the text is not kept, it is not either.
    this.#add = db.prepare(
      `INSERT OR IGNORE INTO embedding (embedder, output, vector, seal)
       SELECT ?, id, ?, ? FROM content WHERE sha256 = unhex(?) AND encoding < ${ENCODING.edited}`,
    );
    this.#find = db.prepare(
      `SELECT e.vector, e.seal FROM content c JOIN embedding e ON e.output = c.id
       WHERE c.sha256 = unhex(?) AND e.embedder = (SELECT id FROM word WHERE text = ?)`,
    );
    this.#ofOutput = db.prepare(
      `SELECT c.sha256, e.vector, e.seal FROM embedding e JOIN content c ON c.id = e.output
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
    const bytes = bytesOf(vector);
    this.#add.run(this.#content.wordId(embedder), bytes, vectorSeal(bytes), outputHash);
  }

  find(embedder: string, outputHash: string): Float32Array | undefined {
    const row = this.#find.get(outputHash, embedder);
    return row === undefined ? undefined : this.#vectorOf(row);
  }

  /** Content ids of the distinct answers of a snapshot. */
  outputs(snapshotNo: number): number[] {
    return this.#outputs.all(snapshotNo);
  }

  ofOutput(embedder: string, output: number): readonly [string, Float32Array] | undefined {
    const row = this.#ofOutput.get(output, embedder);
    return row === undefined ? undefined : [row.sha256.toString('hex'), this.#vectorOf(row)];
  }

  counts(snapshotNo: number): VectorCount[] {
    return this.#counts.all(snapshotNo);
  }

  /** Throws `LEDGER_CORRUPT` for one that is not what was stored. */
  #vectorOf({ vector, seal }: SealedVector): Float32Array {
    if (seal !== null && !seal.equals(vectorSeal(vector)))
      throw damagedLedger(this.#path, 'an embedding vector is not what was stored');
    return vectorOf(vector);
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

/** A copy: the bytes of a row need not lie where a float may. */
function vectorOf(bytes: Buffer): Float32Array {
  const vector = new Float32Array(bytes.length / 4);
  new Uint8Array(vector.buffer).set(bytes);
  return vector;
}
