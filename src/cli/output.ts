// Where a result goes. A file is opened before the work, so that a bad path is known before a call is paid.

import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LastgoodError } from '../core/errors.ts';
import type { Io } from './io.ts';

/** A writer for `--output FILE`; `-` or none is stdout. */
export async function openOutput(io: Io, file: string | undefined): Promise<(text: string) => Promise<void>> {
  if (file === undefined || file === '-') {
    return async (text) => io.out(text);
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
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    io.err(`written: ${file}\n`);
  };
}
