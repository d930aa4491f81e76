// The lines of a text file, read piece by piece.

import { closeSync, openSync, readSync } from 'node:fs';

/** Small enough that what is made of a piece dies young; larger strings would wait in the heap for a full collection. */
const PIECE_BYTES = 64 * 1024;

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
  const file = openSync(path, 'r');
  try {
    let line = 0;
    let rest = '';
    for (let ended = false; !ended; ) {
      const bytes = readSync(file, piece, 0, PIECE_BYTES, null);
      ended = bytes === 0;
      const text = decoder.decode(piece.subarray(0, bytes), { stream: !ended });
      const inLine = !ended && !rest.endsWith('\r') && !/[\r\n]/.test(text);
      rest += text;
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
