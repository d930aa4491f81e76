// Where a result goes. A file is opened before the work, so that a bad path is known before a call is paid.

import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { replaceFileWith, unwritable } from '../../base/replace-file.ts';
import type { Io } from './io.ts';

/** A whole text, or a long one in pieces. */
export type Text = string | Iterable<string>;

/** Characters gathered before they are written. */
const CHUNK = 256 * 1024;

/** Prints a long text in pieces, no faster than the reader takes it. */
async function printPieces(io: Io, pieces: Iterable<string>): Promise<void> {
  for (const chunk of chunks(pieces)) {
    (io.document ?? io.out)(chunk);
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

/** A writer for `--output FILE`; `-` or none is stdout, where a text for people is printed like any other. */
export async function openOutput(
  io: Io,
  file: string | undefined,
): Promise<(text: Text, kind?: 'text' | 'document') => Promise<void>> {
  if (file === undefined || file === '-') {
    return async (text, kind = 'document') => {
      if (kind === 'text' && typeof text === 'string') io.out(text);
      else await printPieces(io, chunks(text));
    };
  }
  const path = resolve(io.cwd, file);
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, 'a');
    await handle.close();
  } catch (cause) {
    throw unwritable('the report', path, cause as NodeJS.ErrnoException);
  }
  return async (text) => {
    try {
      await replaceFileWith(path, chunks(text));
    } catch (cause) {
      throw unwritable('the report', path, cause as NodeJS.ErrnoException);
    }
    io.err(`written: ${file}\n`);
  };
}
