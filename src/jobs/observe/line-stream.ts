// Lines of a stream of bytes, in bounded memory; a bad line is named and the rest goes on.

import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from '../../base/error-catalogue.ts';

export interface LineProblem {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A line that holds something, by its number from 1. */
export type Line =
  | { readonly line: number; readonly text: string }
  | { readonly line: number; readonly problem: LineProblem };

/** Bytes of one line. */
const LONGEST_LINE = 1024 * 1024;

const [NEWLINE, RETURN] = [10, 13];

/** Cuts a stream into lines. Of a line that is too long nothing is kept. */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  longest = LONGEST_LINE,
): AsyncGenerator<Line, void, undefined> {
  let line = 1;
  let parts: Uint8Array[] = [];
  let length = 0;
  const add = (piece: Uint8Array): void => {
    length += piece.length;
    if (length <= longest) parts.push(piece);
    else parts = [];
  };
  const take = (): Line | null => {
    const tooLong = length > longest;
    const bytes = parts.length === 1 ? Buffer.from(parts[0] as Uint8Array) : Buffer.concat(parts);
    parts = [];
    length = 0;
    if (tooLong)
      return {
        line,
        problem: { code: 'LINE_TOO_LONG', message: `the line is longer than ${longest} bytes` },
      };
    return textOf(line, bytes);
  };
  for await (const piece of stream) {
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      add(piece.subarray(from, end));
      const found = take();
      if (found !== null) yield found;
      line++;
      from = end + 1;
    }
    // A copy: the piece may be used again, and a small rest must not hold a large piece.
    if (from < piece.length) add(Uint8Array.prototype.slice.call(piece, from));
  }
  const found = take();
  if (found !== null) yield found;
}

function textOf(line: number, bytes: Buffer): Line | null {
  if (!isUtf8(bytes))
    return { line, problem: { code: 'LINE_NOT_UTF8', message: 'the line is not UTF-8 text' } };
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length;
  const start = line === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const text = bytes.toString('utf8', start, end);
  return text.trim() === '' ? null : { line, text };
}
