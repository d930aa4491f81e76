// Bodies of requests: as a stream or as a whole, unpacked, and never larger than allowed.

import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { HttpError } from './http-error.ts';

/** The bytes of a body after unpacking. Throws `HttpError` 413 beyond `most`, 415 for an encoding that is not read. */
export async function* bodyOf(
  request: IncomingMessage,
  most: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bounded(request, most);
  } finally {
    // A client that still sends must be read to its end, or it would never see the answer; `requestTimeout` bounds that.
    request.resume();
  }
}

async function* bounded(request: IncomingMessage, most: number): AsyncGenerator<Uint8Array, void, undefined> {
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge(most);
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip')
    throw new HttpError(
      415,
      `the content encoding ${JSON.stringify(encoding.slice(0, 40))} is not supported`,
      {
        hint: 'send the body as it is, or with gzip',
      },
    );
  let bytes = 0;
  try {
    for await (const piece of encoding === 'gzip'
      ? unpacked(request)
      : request.iterator({ destroyOnReturn: false })) {
      bytes += (piece as Uint8Array).length;
      if (bytes > most) throw tooLarge(most);
      yield piece as Uint8Array;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_') === true) throw new HttpError(400, 'the body is not valid gzip');
    if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE')
      throw new HttpError(400, 'the request ended before its body');
    throw error;
  }
}

async function* unpacked(request: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip();
  request.on('error', (error) => gunzip.destroy(error));
  // A client that leaves must not leave the unpacker waiting.
  request.on('close', () => {
    if (!request.complete) gunzip.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
  });
  yield* request.pipe(gunzip) as AsyncIterable<Uint8Array>;
}

/** Bytes of whole bodies that are held at once; more senders are asked to come back. */
const MOST_HELD = 128 * 1024 * 1024;
let held = 0;

/** The whole body, handed to `work`. Throws as `bodyOf`, and `HttpError` 503 while too many large ones are held. */
export async function withWholeBody<T>(
  request: IncomingMessage,
  most: number,
  work: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  let mine = 0;
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of bodyOf(request, most)) {
      if (held + piece.length > MOST_HELD)
        throw new HttpError(503, 'too many large requests at once', { retryAfterSeconds: 1 });
      held += piece.length;
      mine += piece.length;
      pieces.push(piece);
    }
    return await work(Buffer.concat(pieces));
  } finally {
    held -= mine;
  }
}

function tooLarge(most: number): HttpError {
  return new HttpError(413, `the body is larger than ${most} bytes`, {
    hint: 'send it in parts; what was taken already is not taken twice',
  });
}
