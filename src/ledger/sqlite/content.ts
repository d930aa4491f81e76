// Content kept once: JSON values by the hash of their canonical form, documents whose long texts are shared, and common words.

import { inflateRawSync } from 'node:zlib';
import type { Database, Statement } from 'better-sqlite3';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import { canonicalJson } from '../../base/json.ts';
import type { Output } from '../../core/conversation.ts';
import { liftTexts, REMOVED_TEXT, restoreTexts, wellFormed } from '../model/share-long-texts.ts';
import { damagedLedger } from './database-error.ts';
import { Guess } from './find-or-add.ts';
import { deflated, keyOf, type TextContent } from './text-content.ts';

/** How a content row's body stands for its value. */
export const ENCODING = { json: 0, text: 1, plainOutput: 2, deflatedText: 3, edited: 8, removed: 9 } as const;

/**
 * A bound value in the WHERE of an ordered query that is made often. SQLite prepares such a query anew for each value that stands
 * there bare (seen with 3.54), which takes ten times as long as running it; an expression it plans for once.
 */
export const FIXED_PLAN = '+?';

/** Ids that were looked up before, so that most rows of a run need no query for their common parts. */
const CACHE_LIMIT = 20_000;
/** Shapes that come back all the time are few; the rest would only fill the memory. */
const SHAPE_CACHE_LIMIT = 500;
const LONGEST_CACHED = 16_384;
/** Characters of long texts (prompts, mostly those of the suite in hand) whose ids are remembered. */
const TEXT_CACHE_CHARS = 16 * 1024 * 1024;

export interface ContentRow {
  readonly encoding: number;
  readonly body: string | Buffer;
}

/** The content tables of one connection. Writing methods must be called inside a write transaction. */
export class ContentTables {
  readonly #findContent: Statement<[Buffer], { readonly id: number; readonly encoding: number }>;
  readonly #addContent: Statement<[Buffer, number, string | Buffer], number>;
  readonly #refill: Statement<[number, string | Buffer, number]>;
  readonly #content: Statement<[number], ContentRow & { readonly sha256: Buffer }>;
  readonly #path: string;
  readonly #sha256: Statement<[number], Buffer>;
  readonly #findDocument: Statement<[number, string], number>;
  readonly #addDocument: Statement<[number, string], number>;
  readonly #document: Statement<[number], { shape: number; parts: string }>;
  readonly #findWord: Statement<[string], number>;
  readonly #addWord: Statement<[string]>;
  readonly #word: Statement<[number], string>;
  readonly #wordIds = new Map<string, number>();
  readonly #words = new Map<number, string>();
  readonly #textIds = new RecentTexts<string, number>();
  readonly #shapeIds = new Map<string, number>();
  readonly #newContent = new Guess();
  readonly #newDocument = new Guess();
  readonly #schemaVersion: Statement<[], number>;
  /** What was read is remembered once a case or document was written: to who only reads it would be a burden. */
  #writes = false;
  /** Ids of outputs and documents as they were read, and texts by their ids. */
  #readIds = new WeakMap<object, number>();
  readonly #texts = new RecentTexts<number, string>();
  /** What is remembered of content is good as long as nothing was removed since. */
  #seen: number;

  constructor(db: Database) {
    this.#schemaVersion = db.prepare<[], number>('PRAGMA schema_version').pluck();
    this.#seen = this.#schemaVersion.get() as number;
    this.#findContent = db.prepare('SELECT id, encoding FROM content WHERE sha256 = ?');
    this.#refill = db.prepare('UPDATE content SET encoding = ?, body = ? WHERE id = ?');
    this.#addContent = db
      .prepare<[Buffer, number, string | Buffer], number>(
        'INSERT INTO content (sha256, encoding, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id',
      )
      .pluck();
    this.#content = db.prepare('SELECT encoding, body, sha256 FROM content WHERE id = ?');
    this.#path = db.name;
    this.#sha256 = db.prepare<[number], Buffer>('SELECT sha256 FROM content WHERE id = ?').pluck();
    this.#findDocument = db
      .prepare<[number, string], number>('SELECT id FROM document WHERE shape = ? AND parts = ?')
      .pluck();
    this.#addDocument = db
      .prepare<[number, string], number>(
        'INSERT INTO document (shape, parts) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id',
      )
      .pluck();
    this.#document = db.prepare('SELECT shape, parts FROM document WHERE id = ?');
    this.#findWord = db.prepare<[string], number>('SELECT id FROM word WHERE text = ?').pluck();
    this.#addWord = db.prepare('INSERT INTO word (text) VALUES (?)');
    this.#word = db.prepare<[number], string>('SELECT text FROM word WHERE id = ?').pluck();
  }

  /** Must follow a rolled-back transaction: ids given out in it are void. */
  forget(): void {
    this.#wordIds.clear();
    this.#words.clear();
    this.#forgetContent();
  }

  #forgetContent(): void {
    this.#textIds.clear();
    this.#shapeIds.clear();
    this.#readIds = new WeakMap();
    this.#texts.clear();
  }

  /** Must begin each transaction: what is remembered here may have been removed by whoever prunes or forgets (`maintaining`). True where it was. */
  begin(): boolean {
    const now = this.#schemaVersion.get() as number;
    if (now === this.#seen) return false;
    this.#seen = now;
    this.forget();
    return true;
  }

  wordId(text: string): number {
    const known = this.#wordIds.get(text);
    if (known !== undefined) return known;
    const stored = text.toWellFormed();
    const id = this.#findWord.get(stored) ?? Number(this.#addWord.run(stored).lastInsertRowid);
    remember(this.#wordIds, text, id);
    return id;
  }

  wordIdOrNull(text: string | null | undefined): number | null {
    return text === null || text === undefined ? null : this.wordId(text);
  }

  word(id: number): string {
    const known = this.#words.get(id);
    if (known !== undefined) return known;
    const text = this.#word.get(id);
    if (text === undefined) throw missing('word', id);
    remember(this.#words, id, text);
    return text;
  }

  wordOrNull(id: number | null): string | null {
    return id === null ? null : this.word(id);
  }

  /** Id of an output; its hash is `contentHash(output)`. */
  outputId(output: Output): number {
    const read = this.#readIds.get(output);
    if (read !== undefined) return read;
    const { text: said, toolCalls, ...more } = output;
    if (toolCalls.length === 0 && Object.values(more).every((part) => part === undefined)) {
      const text = said.toWellFormed();
      return this.#contentId(`{"text":${JSON.stringify(text)},"toolCalls":[]}`, ENCODING.plainOutput, text);
    }
    return this.jsonId(output as unknown as JsonObject);
  }

  /** Id of an output of which only the hash is known; of the output itself where another trial brought it. */
  removedOutputId(sha256: string): number {
    const key = Buffer.from(sha256, 'hex');
    return this.#findContent.get(key)?.id ?? (this.#addContent.get(key, ENCODING.removed, '') as number);
  }

  /** An output; the hash of one that is not there as it was given, with something to show in its place. */
  output(id: number): { readonly output: Output; readonly removedOutputHash?: string } {
    const row = this.#row(id);
    if (row.encoding < ENCODING.edited) {
      const output = contentValue(row) as unknown as Output;
      if (this.#writes) this.#readIds.set(output, id);
      return { output };
    }
    const sha256 = this.#sha256.get(id) as Buffer;
    return { output: { text: REMOVED_TEXT, toolCalls: [] }, removedOutputHash: sha256.toString('hex') };
  }

  jsonId(value: JsonValue): number {
    const canonical = canonicalJson(wellFormed(value));
    return this.#contentId(canonical, ENCODING.json, canonical);
  }

  json(id: number): JsonValue {
    return jsonOf(this.#row(id));
  }

  /** Content ids of texts, as a JSON array. */
  partsOf(texts: readonly TextContent[]): string {
    this.#writes = true;
    return `[${texts.map((content) => this.#textContentId(content)).join(',')}]`;
  }

  join(shape: string, parts: string): JsonValue {
    return restoreTexts(
      JSON.parse(shape) as JsonValue,
      partIds(parts).map((id) => textOf(this.#row(id))),
    );
  }

  documentId(value: JsonValue): number {
    this.#writes = true;
    const read = typeof value === 'object' && value !== null ? this.#readIds.get(value) : undefined;
    if (read !== undefined) return read;
    const { shape, texts } = liftTexts(value);
    const parts = `[${texts.map((text) => this.#textId(text)).join(',')}]`;
    const shapeId = this.#shapeId(shape);
    return this.#newDocument.idOf(
      () => this.#findDocument.get(shapeId, parts),
      () => this.#addDocument.get(shapeId, parts),
    );
  }

  document(id: number): JsonValue {
    const row = this.#document.get(id);
    if (row === undefined) throw missing('document', id);
    const shape = this.#row(row.shape);
    if (shape.encoding === ENCODING.removed) return { removed: REMOVED_TEXT };
    let whole = shape.encoding < ENCODING.edited;
    const texts = partIds(row.parts).map((part) => {
      // A system prompt is sent with every trial.
      const known = this.#texts.get(part);
      if (known !== undefined) return known;
      const content = this.#row(part);
      const text = textOf(content);
      if (content.encoding >= ENCODING.edited) whole = false;
      else if (this.#writes) this.#texts.set(part, text, text);
      return text;
    });
    const value = restoreTexts(contentValue(shape), texts);
    if (this.#writes && whole && typeof value === 'object' && value !== null) this.#readIds.set(value, id);
    return value;
  }

  #textId(text: string): number {
    const known = this.#textIds.get(text);
    if (known !== undefined) return known;
    const id = this.#contentId(JSON.stringify(text), ENCODING.text, text);
    this.#rememberText(text, id);
    return id;
  }

  #textContentId(content: TextContent): number {
    const { text, key } = content;
    const known = this.#textIds.get(text);
    if (known !== undefined) return known;
    const id = this.#keyedId(Buffer.from(key, 'latin1'), () => {
      const { deflated } = content;
      return deflated === null
        ? [ENCODING.text, text]
        : [ENCODING.deflatedText, Buffer.from(deflated, 'latin1')];
    });
    this.#rememberText(text, id);
    return id;
  }

  #rememberText(text: string, id: number): void {
    this.#textIds.set(text, id, text);
    this.#texts.set(id, text, text);
  }

  #shapeId(shape: string): number {
    const known = this.#shapeIds.get(shape);
    if (known !== undefined) return known;
    const id = this.#contentId(shape, ENCODING.json, shape);
    if (shape.length <= LONGEST_CACHED) remember(this.#shapeIds, shape, id, SHAPE_CACHE_LIMIT);
    return id;
  }

  #contentId(canonical: string, encoding: number, body: string): number {
    return this.#keyedId(keyOf(canonical), () => {
      const packed = encoding === ENCODING.text ? deflated(body) : null;
      return packed === null ? [encoding, body] : [ENCODING.deflatedText, packed];
    });
  }

  #keyedId(key: Buffer, row: () => readonly [encoding: number, body: string | Buffer]): number {
    return this.#newContent.idOf(
      () => {
        const known = this.#findContent.get(key);
        // Removed or edited once, and here again: what refers to it has its payload back.
        if (known !== undefined && known.encoding >= ENCODING.edited) this.#refill.run(...row(), known.id);
        return known?.id;
      },
      () => this.#addContent.get(key, ...row()),
    );
  }

  /** A row that has the hash it is filed under. Throws `LEDGER_CORRUPT`. */
  #row(id: number): ContentRow {
    const row = this.#content.get(id);
    if (row === undefined) throw missing('content', id);
    if (row.encoding >= ENCODING.edited) return row;
    const whole = inflated(row);
    if (!keyOf(canonicalOf(whole)).equals(row.sha256))
      throw damagedLedger(this.#path, `text ${id} does not have its hash`);
    return whole;
  }
}

/** What was found of texts, up to so many characters of them; long ones are not kept. */
class RecentTexts<K, V> {
  readonly #found = new Map<K, V>();
  #chars = 0;

  get(key: K): V | undefined {
    return this.#found.get(key);
  }

  set(key: K, value: V, text: string): void {
    if (text.length > LONGEST_CACHED) return;
    this.#chars += text.length;
    if (this.#chars > TEXT_CACHE_CHARS) {
      this.#found.clear();
      this.#chars = text.length;
    }
    this.#found.set(key, value);
  }

  clear(): void {
    this.#found.clear();
    this.#chars = 0;
  }
}

function partIds(parts: string): number[] {
  return parts === '[]' ? [] : (JSON.parse(parts) as number[]);
}

function jsonOf(row: ContentRow): JsonValue {
  return row.encoding === ENCODING.removed ? REMOVED_TEXT : contentValue(row);
}

function textOf(row: ContentRow): string {
  return jsonOf(row) as string;
}

function inflated(row: ContentRow): ContentRow {
  if (row.encoding !== ENCODING.deflatedText) return row;
  return { encoding: ENCODING.text, body: inflateRawSync(row.body as Buffer).toString('utf8') };
}

/** What the hash of an inflated row is over. */
function canonicalOf({ encoding, body }: ContentRow): string {
  if (encoding === ENCODING.text) return JSON.stringify(body);
  if (encoding === ENCODING.plainOutput) return `{"text":${JSON.stringify(body)},"toolCalls":[]}`;
  return body as string;
}

/** The value a content row stands for; not for removed ones. */
export function contentValue(row: ContentRow): JsonValue {
  // One value may have been stored in another role first, so the row's encoding decides, not the caller.
  const { encoding, body } = inflated(row);
  if (encoding === ENCODING.text) return body as string;
  if (encoding === ENCODING.plainOutput) return { text: body as string, toolCalls: [] };
  return JSON.parse(body as string) as JsonValue;
}

/** A hash for a column: 32 bytes where it is 64 lower-case hex digits, else the text. */
export function hashCell(hash: string): Buffer | string {
  return /^[0-9a-f]{64}$/.test(hash) ? Buffer.from(hash, 'hex') : hash;
}

export function hashText(cell: Buffer | string): string {
  return typeof cell === 'string' ? cell : cell.toString('hex');
}

/** The start of `keyOf`, where a key only has to tell rows of one table apart: 96 bits do, and there is one key a row and one in its index. */
export function shortKeyOf(text: string): Buffer {
  return keyOf(text).subarray(0, 12);
}

function remember<K, V>(cache: Map<K, V>, key: K, value: V, limit = CACHE_LIMIT): void {
  if (cache.size >= limit) cache.clear();
  cache.set(key, value);
}

function missing(table: string, id: number): Error {
  return new Error(
    `the ledger refers to ${table} ${id}, which is not there; the file was changed by other means`,
  );
}
