// Content kept once, by the hash of its canonical JSON: written in bulk with the rows that refer to it, verified whenever it is read.

import { hash } from 'node:crypto';
import type { JsonValue } from '../../base/json.ts';
import { liftTexts, REMOVED_TEXT, restoreTexts } from '../model/share-long-texts.ts';
import type { Queries } from './connection.ts';
import { damagedTables } from './server-error.ts';
import { storedJson } from './stored-text.ts';

const HASH_BYTES = 32;
/** Rows and bytes of one statement. */
const [ROWS_AT_ONCE, BYTES_AT_ONCE] = [5000, 8 * 1024 * 1024];
/** From here on a body is sent by itself, as bytes: in a list it is hexadecimal text, which takes more than twice as long. */
const LARGE_BYTES = 256 * 1024;
/** Hashes of which it is known that they are there, so that a system prompt is not sent with every trial. */
const MOST_KNOWN = 50_000;
/** Characters of the texts that were read last. */
const MOST_CHARS_HELD = 16 * 1024 * 1024;

/** SHA-256 of canonical JSON. */
export function keyOf(text: string | Buffer): Buffer {
  return hash('sha256', text, 'buffer');
}

/** What is known to be in the tables: good as long as nothing was taken out since. */
export class KnownContent {
  readonly #known = new Set<string>();
  #generation = -1;

  /** Must begin reading and writing. True where something was taken out since the last time. */
  begin(generation: number): boolean {
    // Who reads an older state of the ledger brings no news.
    if (generation <= this.#generation) return false;
    this.#known.clear();
    this.#generation = generation;
    return true;
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  /** Only of what was committed. */
  add(keys: Iterable<string>): void {
    if (this.#known.size > MOST_KNOWN) this.#known.clear();
    for (const key of keys) this.#known.add(key);
  }
}

/** What one transaction adds. Nothing is written before `flush`, which the rows that refer to it must follow. */
export class ContentWriter {
  readonly #known: KnownContent;
  readonly #contents = new Map<string, Buffer | null>();
  readonly #documents = new Map<string, { readonly shape: string; readonly parts: Buffer }>();
  readonly #written = new Set<string>();

  constructor(known: KnownContent) {
    this.#known = known;
  }

  /** The hash of a value. */
  json(value: JsonValue): Buffer {
    return this.#content(storedJson(value));
  }

  /** An output of which only the hash is known. */
  removed(sha256: string): Buffer {
    if (!this.#contents.has(sha256)) this.#contents.set(sha256, null);
    return Buffer.from(sha256, 'hex');
  }

  /** The hash of a value whose long texts are shared. */
  document(value: JsonValue): Buffer {
    const { shape, texts } = liftTexts(value);
    const parts = Buffer.concat(texts.map((text) => this.#content(JSON.stringify(text))));
    const key = documentKey(shape, parts);
    const name = key.toString('hex');
    if (!this.#known.has(`d${name}`)) this.#documents.set(name, { shape, parts });
    return key;
  }

  #content(canonical: string): Buffer {
    const key = keyOf(canonical);
    const name = key.toString('hex');
    if (!this.#known.has(name) && (this.#contents.get(name) ?? null) === null)
      this.#contents.set(name, Buffer.from(canonical, 'utf8'));
    return key;
  }

  async flush(queries: Queries): Promise<void> {
    // In order of their hashes: two transactions that add the same ones then never wait for each other in a circle.
    for (const some of chunks([...this.#contents].sort(byName))) {
      const [first] = some;
      const large = some.length === 1 && (first?.[1]?.length ?? 0) > LARGE_BYTES;
      await queries.rows(
        large ? addContent('SELECT $1::bytea AS sha256, $2::bytea AS body') : ADD_CONTENTS,
        large
          ? [Buffer.from(first?.[0] ?? '', 'hex'), first?.[1]]
          : [some.map(([name]) => Buffer.from(name, 'hex')), some.map(([, body]) => body)],
      );
      for (const [name, body] of some) if (body !== null) this.#written.add(name);
    }
    const documents = [...this.#documents].sort(byName);
    for (let from = 0; from < documents.length; from += ROWS_AT_ONCE) {
      const some = documents.slice(from, from + ROWS_AT_ONCE);
      await queries.rows(
        `INSERT INTO lg.document (sha256, shape, parts)
         SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[]) ON CONFLICT DO NOTHING`,
        [
          some.map(([name]) => Buffer.from(name, 'hex')),
          some.map(([, { shape }]) => shape),
          some.map(([, { parts }]) => parts),
        ],
      );
      for (const [name] of some) this.#written.add(`d${name}`);
    }
    this.#contents.clear();
    this.#documents.clear();
  }

  /** Must follow the commit. */
  committed(): void {
    this.#known.add(this.#written);
  }
}

const addContent = (given: string): string => `
  WITH given AS (${given}),
       added AS (INSERT INTO lg.content (sha256, body) SELECT sha256, body FROM given ON CONFLICT DO NOTHING)
  UPDATE lg.content c SET body = g.body FROM given g
  WHERE c.sha256 = g.sha256 AND c.body IS NULL AND g.body IS NOT NULL`;

const ADD_CONTENTS = addContent('SELECT * FROM unnest($1::bytea[], $2::bytea[]) AS g (sha256, body)');

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function* chunks(rows: readonly (readonly [string, Buffer | null])[]): Generator<typeof rows> {
  let [from, bytes] = [0, 0];
  for (let at = 0; at < rows.length; at++) {
    const size = rows[at]?.[1]?.length ?? 0;
    if (size > LARGE_BYTES && at > from) {
      yield rows.slice(from, at);
      [from, bytes] = [at, 0];
    }
    bytes += size;
    if (size <= LARGE_BYTES && at + 1 - from < ROWS_AT_ONCE && bytes < BYTES_AT_ONCE) continue;
    yield rows.slice(from, at + 1);
    [from, bytes] = [at + 1, 0];
  }
  if (from < rows.length) yield rows.slice(from);
}

/** What a document is kept under. */
export function documentKey(shape: string, parts: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${shape}\n`, 'utf8'), parts]), 'buffer');
}

/** The hashes that a document's texts are kept under. */
export function partsOf(parts: Buffer): Buffer[] {
  return Array.from({ length: parts.length / HASH_BYTES }, (_, i) =>
    parts.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}

/** A document as its row says it. */
export interface DocumentRow {
  readonly sha256: Buffer;
  readonly shape: string;
  readonly parts: Buffer;
}

/** Reads content, and refuses what does not have the hash it is kept under with `LEDGER_CORRUPT`. */
export class ContentReader {
  readonly #shown: string;
  readonly #texts = new Map<string, string>();
  #chars = 0;

  constructor(shown: string) {
    this.#shown = shown;
  }

  /** The value of a row; null where it was removed. */
  value(sha256: Buffer, body: Buffer | null): { readonly json: JsonValue } | null {
    if (body === null) return null;
    if (!hash('sha256', body, 'buffer').equals(sha256))
      throw damagedTables(this.#shown, `text ${sha256.toString('hex').slice(0, 12)} does not have its hash`);
    return { json: JSON.parse(body.toString('utf8')) as JsonValue };
  }

  async json(queries: Queries, sha256: Buffer): Promise<JsonValue> {
    const [row] = await queries.rows<{ body: Buffer | null }>(
      'SELECT body FROM lg.content WHERE sha256 = $1',
      [sha256],
    );
    if (row === undefined) throw this.#missing(sha256);
    return this.value(sha256, row.body)?.json ?? REMOVED_TEXT;
  }

  async document(queries: Queries, sha256: Buffer): Promise<JsonValue> {
    const [row] = await queries.rows<DocumentRow>(
      'SELECT sha256, shape, parts FROM lg.document WHERE sha256 = $1',
      [sha256],
    );
    if (row === undefined) throw this.#missing(sha256);
    const [value] = await this.documents(queries, [row]);
    return value as JsonValue;
  }

  /** The values of documents, in order. */
  async documents(queries: Queries, rows: readonly DocumentRow[]): Promise<JsonValue[]> {
    const texts = await this.#textsOf(
      queries,
      rows.flatMap(({ parts }) => partsOf(parts)),
    );
    return rows.map(({ sha256, shape, parts }) => {
      if (!documentKey(shape, parts).equals(sha256))
        throw damagedTables(
          this.#shown,
          `document ${sha256.toString('hex').slice(0, 12)} does not have its hash`,
        );
      return restoreTexts(
        JSON.parse(shape) as JsonValue,
        partsOf(parts).map((part) => texts.get(part.toString('hex')) as string),
      );
    });
  }

  async #textsOf(queries: Queries, keys: readonly Buffer[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    const missing = new Map<string, Buffer>();
    for (const key of keys) {
      const name = key.toString('hex');
      const text = this.#texts.get(name);
      if (text === undefined) missing.set(name, key);
      else found.set(name, text);
    }
    if (missing.size === 0) return found;
    const rows = await queries.rows<{ sha256: Buffer; body: Buffer | null }>(
      'SELECT sha256, body FROM lg.content WHERE sha256 = ANY($1)',
      [[...missing.values()]],
    );
    for (const { sha256, body } of rows) {
      const name = sha256.toString('hex');
      const value = this.value(sha256, body);
      missing.delete(name);
      found.set(name, value === null ? REMOVED_TEXT : (value.json as string));
      if (value !== null) this.#hold(name, value.json as string);
    }
    for (const key of missing.values()) throw this.#missing(key);
    return found;
  }

  #hold(name: string, text: string): void {
    this.#chars += text.length;
    if (this.#chars > MOST_CHARS_HELD) {
      this.#texts.clear();
      this.#chars = text.length;
    }
    this.#texts.set(name, text);
  }

  /** What was read before may have been taken out by now. */
  forget(): void {
    this.#texts.clear();
    this.#chars = 0;
  }

  #missing(sha256: Buffer): Error {
    return damagedTables(
      this.#shown,
      `it refers to content ${sha256.toString('hex').slice(0, 12)}, which is not there`,
    );
  }
}
