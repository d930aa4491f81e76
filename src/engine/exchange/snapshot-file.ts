// Reading and writing the files snapshots travel in, line by line.

import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { LastgoodError, mustBeReadable, UnfitFile } from '../../base/index.ts';

/** Characters gathered before they are written: short lines one by one would take long. */
const WRITE_AT_ONCE = 1024 * 1024;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The lines of a file, without their ends. Throws `FILE_UNREADABLE`, and `FILE_NOT_UTF8` rather than read other letters than were written. */
export function linesOf(file: string): AsyncIterable<string> {
  return createInterface({ input: Readable.from(textOf(file)), crlfDelay: Number.POSITIVE_INFINITY });
}

/** The file's bytes, each piece whole characters, without a byte order mark. */
async function* textOf(file: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let first = true;
  try {
    mustBeReadable(file);
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const end = endOfWholeCharacters(bytes);
      rest = bytes.subarray(end);
      const whole = bytes.subarray(first && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0, end);
      if (!isUtf8(whole)) throw notUtf8(file);
      first &&= end === 0;
      yield whole;
    }
  } catch (cause) {
    if (cause instanceof LastgoodError) throw cause;
    throw unreadable(file, cause);
  }
  // A file that was cut off in a letter: its last line is no JSON, and is reported as such.
  if (rest.length > 0) yield rest;
}

/** Refuses a device in the place of a snapshot. Throws `FILE_UNREADABLE` (exit 4), or the system's error. */
export function refuseDevice(file: string): void {
  try {
    mustBeReadable(file);
  } catch (cause) {
    throw cause instanceof UnfitFile ? unreadable(file, cause) : cause;
  }
}

function unreadable(file: string, cause: unknown): LastgoodError {
  const unfit = cause instanceof UnfitFile;
  return new LastgoodError({
    code: 'FILE_UNREADABLE',
    message: unfit
      ? `the file ${cause.message}`
      : `the file cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
    where: { file },
    // No slip in what was typed: the machine or the repository is not what it should be.
    exitCode: unfit ? 4 : undefined,
    cause,
  });
}

/** Where the character begins that the bytes end in the middle of; all of them when they do not. */
function endOfWholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return back < length ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function notUtf8(file: string): LastgoodError {
  return new LastgoodError({
    code: 'FILE_NOT_UTF8',
    message: 'the file is not UTF-8: it has invalid bytes, so an answer would not be restored exactly',
    where: { file },
    hint: 'fetch it again as it was exported; an editor or a mail program may have stored it in another encoding',
  });
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
    throw notExported(file, error);
  }
}

/** Why the file was not made, as `EXPORT_FAILED` where the system says so. */
export function notExported(file: string, error: unknown): LastgoodError {
  if (error instanceof LastgoodError) return error;
  return new LastgoodError({
    code: 'EXPORT_FAILED',
    message: `the export could not be written: ${(error as Error).message}`,
    where: { file },
    hint: 'free some space or check the permissions of the folder, and export again; what was there before is as it was',
    exitCode: 4,
    cause: error,
  });
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
