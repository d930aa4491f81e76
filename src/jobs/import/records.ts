// The records of a source file, one at a time: JSON lines, or the elements of the arrays of one large JSON document.

import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { LastgoodError } from '../../base/errors.ts';
import { mustBeReadable, UnfitFile } from '../../base/trust.ts';

/** A piece of JSON text and the line it begins on; `problem` where there is none to read. */
export type RawRecord =
  | { readonly line: number; readonly text: string; readonly path: readonly string[] }
  | { readonly line: number; readonly problem: string };

/** Characters of one record; a larger one is reported and skipped. */
const LONGEST_RECORD = 32 * 1024 * 1024;

const PIECE_BYTES = 64 * 1024;

/** The text of a file in pieces. Throws `IMPORT_UNREADABLE`. */
export function* pieces(path: string): Generator<string, void, undefined> {
  let file: number;
  try {
    mustBeReadable(path);
    file = openSync(path, 'r');
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const decoder = new StringDecoder('utf8');
  const bytes = Buffer.allocUnsafe(PIECE_BYTES);
  let first = true;
  try {
    for (;;) {
      let n: number;
      try {
        n = readSync(file, bytes, 0, PIECE_BYTES, null);
      } catch (cause) {
        throw unreadable(path, cause);
      }
      let text = n === 0 ? decoder.end() : decoder.write(bytes.subarray(0, n));
      if (first && text !== '') {
        text = text.replace(/^\uFEFF/, '');
        first = false;
      }
      if (text !== '') yield text;
      if (n === 0) return;
    }
  } finally {
    closeSync(file);
  }
}

function unreadable(path: string, cause: unknown): LastgoodError {
  const { code } = cause as NodeJS.ErrnoException;
  const why =
    cause instanceof UnfitFile
      ? cause.message
      : code === 'ENOENT'
        ? 'does not exist'
        : code === 'EISDIR'
          ? 'is a directory, expected a file'
          : `could not be read (${code ?? String(cause)})`;
  return new LastgoodError({
    code: 'IMPORT_UNREADABLE',
    message: `the file ${why}`,
    where: { file: path },
    cause,
  });
}

/** The lines of a file that hold something. */
export function* lineRecords(path: string): Generator<RawRecord, void, undefined> {
  let line = 1;
  let parts: string[] = [];
  let length = 0;
  const take = (): RawRecord | null => {
    const text = length > LONGEST_RECORD ? '' : parts.join('');
    const long = length > LONGEST_RECORD;
    parts = [];
    length = 0;
    if (long) return { line, problem: `the line is longer than ${LONGEST_RECORD} characters` };
    return text.trim() === '' ? null : { line, text, path: [] };
  };
  for (const piece of pieces(path)) {
    let from = 0;
    for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', from)) {
      add(piece.slice(from, end));
      const record = take();
      if (record !== null) yield record;
      line++;
      from = end + 1;
    }
    if (from < piece.length) add(piece.slice(from));
  }
  const record = take();
  if (record !== null) yield record;

  function add(text: string): void {
    length += text.length;
    if (length <= LONGEST_RECORD) parts.push(text);
    else parts = [];
  }
}

/** Arrays whose elements come one by one; everything else of the document comes as one record with the path `[]`. */
export type StreamedPaths = readonly (readonly string[])[];

/**
 * The elements of the named arrays of one JSON document, and of the array that is the document. What is left of the document, with
 * those arrays empty, comes last. The text is only cut; who parses the records finds what is no JSON.
 */
export function* documentRecords(
  path: string,
  streamed: StreamedPaths,
): Generator<RawRecord, void, undefined> {
  const scan = new DocumentScan(streamed);
  for (const piece of pieces(path)) yield* scan.take(piece);
  yield* scan.end();
}

interface Level {
  readonly array: boolean;
  /** The key of this level in its parent. */
  readonly key: string;
  readonly streamed: boolean;
}

const QUOTE = 34;
const LONGEST_KEY = 200;
const STRING_SIGN = /["\\]/g;
const NEWLINE = 10;

class DocumentScan {
  readonly #streamed: ReadonlySet<string>;
  readonly #levels: Level[] = [];
  #line = 1;
  #inString = false;
  #escaped = false;
  /** The last string at its level: the key of what comes next. */
  #key = '';
  /** Of a string that began in the piece before: a text that long is no key. */
  #before = '';
  #keepString = false;
  /** Of an element of a streamed array: its text so far. */
  #element: string[] | null = null;
  #elementLine = 1;
  #elementLength = 0;
  #elementDepth = 0;
  readonly #rest: string[] = [];
  #restLength = 0;

  constructor(streamed: StreamedPaths) {
    this.#streamed = new Set(streamed.map((path) => JSON.stringify(path)));
  }

  *take(piece: string): Generator<RawRecord, void, undefined> {
    let from = 0;
    const cut = (to: number): void => {
      if (to > from) this.#add(piece.slice(from, to));
      from = to;
    };
    for (let i = 0; i < piece.length; i++) {
      if (this.#inString) {
        // Texts are most of a document: only their ends are looked for.
        i = this.#throughString(piece, i);
        continue;
      }
      const c = piece.charCodeAt(i);
      if (c === NEWLINE) this.#line++;
      if (c <= 32) continue;
      const inStreamed = this.#levels.at(-1)?.streamed === true;
      if (inStreamed && this.#element === null && c !== 44 && c !== 93 && c > 32) {
        // The first character of an element.
        cut(i);
        this.#element = [];
        this.#elementLine = this.#line;
        this.#elementLength = 0;
        this.#elementDepth = this.#levels.length;
      }
      switch (c) {
        case QUOTE:
          this.#inString = true;
          this.#keepString = this.#element === null;
          this.#before = '';
          break;
        case 91: // [
        case 123: {
          // {
          const path = [
            ...this.#levels.slice(1).map((level) => level.key),
            ...(this.#levels.length > 0 ? [this.#key] : []),
          ];
          const streamed =
            this.#element === null &&
            c === 91 &&
            (this.#levels.length === 0 || this.#streamed.has(JSON.stringify(path)));
          this.#levels.push({ array: c === 91, key: this.#key, streamed });
          if (streamed) cut(i + 1);
          break;
        }
        case 93: // ]
        case 125: {
          // }
          if (inStreamed && this.#element !== null && this.#elementDepth === this.#levels.length) {
            cut(i);
            yield this.#finished();
          }
          this.#levels.pop();
          break;
        }
        case 44: // ,
          if (inStreamed) {
            cut(i);
            if (this.#element !== null && this.#elementDepth === this.#levels.length) yield this.#finished();
            from = i + 1;
          }
          break;
      }
    }
    cut(piece.length);
  }

  /** From inside a string to its end, or to the end of the piece; the place of the last character that was read. */
  #throughString(piece: string, start: number): number {
    let from = start;
    if (this.#escaped) {
      this.#escaped = false;
      from++;
    }
    for (;;) {
      STRING_SIGN.lastIndex = from;
      const found = STRING_SIGN.exec(piece);
      const end = found === null ? piece.length : found.index;
      if (found === null) return this.#unfinished(piece, start);
      if (found[0] === '"') {
        this.#inString = false;
        if (this.#keepString)
          this.#key = this.#before + piece.slice(start, Math.min(end, start + LONGEST_KEY));
        return end;
      }
      if (end + 1 >= piece.length) {
        this.#escaped = true;
        return this.#unfinished(piece, start);
      }
      from = end + 2;
    }
  }

  #unfinished(piece: string, start: number): number {
    if (this.#keepString && this.#before.length < LONGEST_KEY)
      this.#before += piece.slice(start, start + LONGEST_KEY);
    return piece.length;
  }

  *end(): Generator<RawRecord, void, undefined> {
    if (this.#element !== null)
      yield { line: this.#elementLine, problem: 'the document ends in the middle of this record' };
    else if (this.#levels.length > 0)
      yield { line: this.#line, problem: 'the document ends before its brackets are closed' };
    const text = this.#rest.join('');
    if (this.#restLength > LONGEST_RECORD)
      yield {
        line: 1,
        problem: `the document has more than ${LONGEST_RECORD} characters beside its records`,
      };
    else if (!/^\s*(\[\s*\])?\s*$/.test(text)) yield { line: 1, text, path: [] };
  }

  #finished(): RawRecord {
    const path = this.#levels.slice(1).map((level) => level.key);
    const text = (this.#element ?? []).join('');
    this.#element = null;
    return this.#elementLength > LONGEST_RECORD
      ? { line: this.#elementLine, problem: `the record is longer than ${LONGEST_RECORD} characters` }
      : { line: this.#elementLine, text, path };
  }

  #add(text: string): void {
    if (this.#element === null) {
      this.#restLength += text.length;
      if (this.#restLength <= LONGEST_RECORD) this.#rest.push(text);
      return;
    }
    this.#elementLength += text.length;
    if (this.#elementLength <= LONGEST_RECORD) this.#element.push(text);
    else this.#element = [];
  }
}
