// Where a result goes. A file is opened before the work, so that a bad path is known before a call is paid.

import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LastgoodError } from '../core/errors.ts';
import type { Io } from './io.ts';

/** A whole text, or a long one in pieces. */
export type Text = string | Iterable<string>;

/** Characters gathered before they are written. */
const CHUNK = 256 * 1024;

/** Prints a long text in pieces, no faster than the reader takes it. */
export async function printPieces(io: Io, pieces: Iterable<string>): Promise<void> {
  for (const chunk of chunks(pieces)) {
    io.out(chunk);
    await io.outDrained?.();
  }
}

function* chunks(text: Text): Iterable<string> {
  if (typeof text === 'string') {
    yield text;
    return;
  }
  let waiting = '';
  for (const piece of text) {
    waiting += piece;
    if (waiting.length < CHUNK) continue;
    yield waiting;
    waiting = '';
  }
  if (waiting !== '') yield waiting;
}

/** A writer for `--output FILE`; `-` or none is stdout. */
export async function openOutput(io: Io, file: string | undefined): Promise<(text: Text) => Promise<void>> {
  if (file === undefined || file === '-') {
    return (text) => printPieces(io, chunks(text));
  }
  const path = resolve(io.cwd, file);
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, 'a');
    await handle.close();
  } catch (cause) {
    throw new LastgoodError({
      code: 'OUTPUT_UNWRITABLE',
      message: `the output file cannot be written: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      where: { file: path },
      cause,
    });
  }
  return async (text) => {
    const handle = await open(path, 'w');
    try {
      for (const chunk of chunks(text)) await handle.writeFile(chunk);
    } finally {
      await handle.close();
    }
    io.err(`written: ${file}\n`);
  };
}
