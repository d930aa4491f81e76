// The hash of a file that a release names but does not hold: recordings, of any size.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mustBeReadable } from '../base/trust.ts';

/** Gives the SHA-256 of a file's text with LF line ends and without a byte-order mark. */
export type HashText = (path: string) => Promise<string>;

/** The same of a file of any size, which is never held as a whole. Throws UnfitFile for a device, or the system's error. */
export async function hashOfFile(path: string): Promise<string> {
  mustBeReadable(path);
  const hash = createHash('sha256');
  let heldReturn = '';
  let first = true;
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
    let chunk = heldReturn + (first ? String(piece).replace(/^\uFEFF/, '') : String(piece));
    first = false;
    // A CR at the end may be half of a CRLF.
    heldReturn = chunk.endsWith('\r') ? '\r' : '';
    if (heldReturn !== '') chunk = chunk.slice(0, -1);
    hash.update(chunk.replace(/\r\n?/g, '\n'), 'utf8');
  }
  return hash.update(heldReturn === '' ? '' : '\n').digest('hex');
}
