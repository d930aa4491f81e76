// Replaces a file as a whole: what was there stays until the new content is complete on the disk.

import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { LastgoodError } from './errors.ts';

/** Writes to a file beside it first. What is no regular file (a pipe, `/dev/stdout`) is written to directly. Throws the system's error. */
export async function replaceFileWith(path: string, pieces: Iterable<string>): Promise<void> {
  const known = await stat(path).catch(() => null);
  if (known !== null && !known.isFile()) return writeTo(await open(path, 'w'), pieces);
  // Through a link, as writing to the link would.
  const target = known === null ? path : await realpath(path);
  const part = `${target}.${randomBytes(4).toString('hex')}.part`;
  try {
    await writeTo(await open(part, 'wx', known === null ? 0o666 : known.mode & 0o777), pieces);
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function writeTo(handle: FileHandle, pieces: Iterable<string>): Promise<void> {
  try {
    for (const piece of pieces) await handle.writeFile(piece);
  } finally {
    await handle.close();
  }
}

/** `what` could not be written: `DISK_FULL` (exit 4), or `OUTPUT_UNWRITABLE`. */
export function unwritable(what: string, file: string, cause: NodeJS.ErrnoException): LastgoodError {
  const full = cause.code === 'ENOSPC' || cause.code === 'EDQUOT';
  return new LastgoodError({
    code: full ? 'DISK_FULL' : 'OUTPUT_UNWRITABLE',
    message: full
      ? `the disk is full: ${what} was not written, and what was there before is unchanged`
      : `${what} cannot be written: ${cause.code ?? String(cause)}`,
    where: { file },
    ...(full ? { hint: 'free some space and run it again', exitCode: 4 } : {}),
    cause,
  });
}
