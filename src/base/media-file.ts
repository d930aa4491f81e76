// Reads an image or a file that a case or a prompt names: its bytes, and its type by them.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { type DocumentPath, quote, type TextDocument, whereIn } from './document.ts';
import { LastgoodError } from './errors.ts';
import { mustBeInside, mustBeReadable, UnfitFile } from './trust.ts';

/** Larger files fit into no request together with their base64 form. */
const LARGEST_FILE = 20 * 1024 * 1024;

/** What is known of a file by its bytes. */
export interface FileBytes {
  readonly type: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Base64. */
  readonly data: string;
  readonly name?: string;
}

/** Where a file is named. */
export interface MediaSite {
  readonly document: TextDocument;
  readonly path: DocumentPath;
  readonly caseId?: string | undefined;
}

/** Reads a path, relative to the file that names it, or a `data:` address. Throws `MEDIA_UNREADABLE`, `MEDIA_TOO_LARGE`, `MEDIA_TYPE` or `PATH_OUTSIDE`. */
export function readMediaFile(source: string, site: MediaSite): FileBytes {
  const where = whereIn(site.document, site.path, 'value', site.caseId);
  const inline = /^data:([^,;]*)((?:;[^,;]*)*),/i.exec(source);
  if (inline !== null) {
    const rest = source.slice(inline[0].length);
    if (!/;base64$/i.test(inline[2] ?? '') || !/^[A-Za-z0-9+/]*={0,2}$/.test(rest) || rest.length % 4 !== 0)
      throw new LastgoodError({
        code: 'MEDIA_UNREADABLE',
        message: 'a data: address is only read in the form data:TYPE;base64,BYTES',
        where,
      });
    return factsOf(Buffer.from(rest, 'base64'), 'the data: address', where);
  }
  const { file } = site.document;
  const path = isAbsolute(source) ? source : join(dirname(file), source);
  mustBeInside(path, file, where);
  let bytes: Buffer;
  try {
    mustBeReadable(path);
    bytes = readFileSync(path);
  } catch (cause) {
    throw new LastgoodError({
      code: 'MEDIA_UNREADABLE',
      message: `the file ${quote(source)} ${problemOf(cause)}`,
      where,
      hint: 'paths are relative to the file they stand in; an address begins with https://',
      cause,
    });
  }
  return { ...factsOf(bytes, `the file ${quote(source)}`, where), name: basename(path) };
}

function factsOf(bytes: Buffer, what: string, where: ReturnType<typeof whereIn>): FileBytes {
  if (bytes.length > LARGEST_FILE)
    throw new LastgoodError({
      code: 'MEDIA_TOO_LARGE',
      message: `${what} has ${bytes.length} bytes, expected at most ${LARGEST_FILE}`,
      where,
      hint: 'make the file smaller, or pass an address that the provider reads',
    });
  const type = mediaTypeOf(bytes);
  if (type === null)
    throw new LastgoodError({
      code: 'MEDIA_TYPE',
      message:
        bytes.length === 0
          ? `${what} is empty`
          : `${what} is of no known type, expected an image, a PDF, a document, sound or UTF-8 text`,
      where,
    });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { type, bytes: bytes.length, sha256, data: bytes.toString('base64') };
}

function problemOf(cause: unknown): string {
  if (cause instanceof UnfitFile) return cause.message;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EISDIR') return 'is a directory, expected a file';
  return `cannot be read (${code ?? (cause as Error).message})`;
}

/** First bytes of types, at their offset. */
const SIGNATURES: readonly (readonly [type: string, offset: number, bytes: string])[] = [
  ['image/png', 0, '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', 0, '\xff\xd8\xff'],
  ['image/gif', 0, 'GIF87a'],
  ['image/gif', 0, 'GIF89a'],
  ['image/bmp', 0, 'BM'],
  ['image/tiff', 0, 'II*\0'],
  ['image/tiff', 0, 'MM\0*'],
  ['image/heic', 4, 'ftypheic'],
  ['image/heic', 4, 'ftypmif1'],
  ['image/avif', 4, 'ftypavif'],
  ['application/pdf', 0, '%PDF-'],
  ['audio/mpeg', 0, 'ID3'],
  ['audio/mpeg', 0, '\xff\xfb'],
  ['audio/mpeg', 0, '\xff\xf3'],
  ['audio/flac', 0, 'fLaC'],
  ['audio/ogg', 0, 'OggS'],
];

/** Office documents are ZIP archives with a folder of their own. */
const OFFICE: readonly (readonly [folder: string, type: string])[] = [
  ['word/', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['xl/', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['ppt/', 'application/vnd.openxmlformats-officedocument.presentationml.presentation'],
];

/** The media type that the bytes themselves tell; null for none of those that models read. */
export function mediaTypeOf(bytes: Buffer): string | null {
  const at = (offset: number, text: string): boolean =>
    bytes.subarray(offset, offset + text.length).equals(Buffer.from(text, 'latin1'));
  if (at(0, 'RIFF') && at(8, 'WEBP')) return 'image/webp';
  if (at(0, 'RIFF') && at(8, 'WAVE')) return 'audio/wav';
  if (at(0, 'PK\x03\x04')) return OFFICE.find(([folder]) => bytes.includes(folder, 0, 'latin1'))?.[1] ?? null;
  const text = utf8TextOf(bytes);
  // `BM` and the like may begin a text.
  const found = SIGNATURES.find(
    ([type, offset, sign]) => at(offset, sign) && !(text && /bmp|mpeg/.test(type)),
  );
  if (found !== undefined) return found[0];
  return text ? 'text/plain' : null;
}

/** Is this text: UTF-8 without NUL? */
function utf8TextOf(bytes: Buffer): boolean {
  if (bytes.length === 0 || bytes.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
