// The lines of a text file, read piece by piece.

import { closeSync, openSync, readSync } from 'node:fs';
import { LastgoodError } from '../base/errors.ts';
import { mustBeReadable } from '../base/trust.ts';

/** Small enough that what is made of a piece dies young; larger strings would wait in the heap for a full collection. */
const PIECE_BYTES = 64 * 1024;

/** More characters than any model reads; a line is held in memory as a whole, several times over while it is checked. */
const LONGEST_LINE = 16 * 1024 * 1024;

export interface TextLine {
  /** Without its line end. */
  readonly source: string;
  /** From 1. */
  readonly line: number;
}

/** Lines end with LF, CRLF or CR; a byte order mark is no part of the first. Throws the system's error, or TypeError where it is not UTF-8. */
export function* textLines(path: string): Generator<TextLine, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  mustBeReadable(path);
  const file = openSync(path, 'r');
  try {
    let line = 0;
    let rest = '';
    let afterReturn = false;
    for (let ended = false; !ended; ) {
      const bytes = readSync(file, piece, 0, PIECE_BYTES, null);
      ended = bytes === 0;
      const text = decoder.decode(piece.subarray(0, bytes), { stream: !ended });
      const inLine = !ended && !afterReturn && !/[\r\n]/.test(text);
      // Looking at the end of a long `rest` would copy all of it for each piece.
      if (text !== '') afterReturn = text.endsWith('\r');
      rest += text;
      if (rest.length > LONGEST_LINE) throw tooLong(path, line + 1);
      if (inLine) continue;
      // A CR at the end may be half of a line end.
      const whole = ended || !rest.endsWith('\r') ? rest : rest.slice(0, -1);
      const lines = whole.includes('\r') ? whole.split(/\r\n?|\n/) : whole.split('\n');
      rest = ended ? '' : (lines.pop() as string) + rest.slice(whole.length);
      for (const source of lines)
        yield { source: line === 0 ? source.replace(/^\uFEFF/, '') : source, line: ++line };
    }
  } finally {
    closeSync(file);
  }
}

function tooLong(file: string, line: number): LastgoodError {
  return new LastgoodError({
    code: 'SUITE_LINE_TOO_LONG',
    message: `the line is longer than ${LONGEST_LINE} characters, expected one case`,
    where: { file, line },
    hint: 'put one case on a line',
  });
}
