// Reading and writing the files snapshots travel in, line by line.

import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { LastgoodError } from '../../core/index.ts';

/** Characters gathered before they are written: short lines one by one would take long. */
const WRITE_AT_ONCE = 1024 * 1024;

/** The lines of a file, without their ends. */
export function linesOf(file: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
}

/**
 * A file that is there is replaced only by a whole one: a damaged ledger or a full disk must not take the last good export away.
 * False when it has the same bytes already.
 */
export async function replaceFile(file: string, lines: AsyncIterable<string>): Promise<boolean> {
  const part = `${file}.${randomBytes(4).toString('hex')}.part`;
  try {
    const handle = await open(part, 'wx');
    try {
      let waiting = '';
      for await (const line of lines) {
        waiting += `${line}\n`;
        if (waiting.length < WRITE_AT_ONCE) continue;
        await handle.writeFile(waiting);
        waiting = '';
      }
      await handle.writeFile(waiting);
    } finally {
      await handle.close();
    }
    if (await sameBytes(part, file)) {
      await rm(part);
      return false;
    }
    await rename(part, file);
    return true;
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof LastgoodError) throw error;
    throw new LastgoodError({
      code: 'EXPORT_FAILED',
      message: `the export could not be written: ${(error as Error).message}`,
      where: { file },
      hint: 'free some space or check the permissions of the folder, and export again; what was there before is as it was',
      exitCode: 4,
      cause: error,
    });
  }
}

/** Piece by piece: exports of large snapshots have hundreds of megabytes. */
async function sameBytes(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([stat(a), stat(b).catch(() => null)]);
  if (other === null || one.size !== other.size) return false;
  const [left, right] = [await open(a), await open(b)];
  try {
    const [here, there] = [Buffer.alloc(WRITE_AT_ONCE), Buffer.alloc(WRITE_AT_ONCE)];
    for (let at = 0; at < one.size; at += WRITE_AT_ONCE) {
      const { bytesRead } = await left.read(here, 0, WRITE_AT_ONCE, at);
      await right.read(there, 0, WRITE_AT_ONCE, at);
      if (!here.subarray(0, bytesRead).equals(there.subarray(0, bytesRead))) return false;
    }
    return true;
  } finally {
    await left.close();
    await right.close();
  }
}
