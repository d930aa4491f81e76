// Texts as they are kept: under their hash, deflated where that gains enough.

import { hash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';

/** Texts from this length on are deflated; shorter ones seldom get smaller by much. */
const SHORTEST_DEFLATED = 256;

/** A text ready to be kept, without a database. Bytes stand as Latin-1 text, which costs least on the way to another thread. */
export interface TextContent {
  readonly text: string;
  readonly key: string;
  readonly deflated: string | null;
}

/** Deflated when it is first asked for, also by what copies it for another thread: a text that the ledger has is not. */
export function textContent(text: string): TextContent {
  let packed: string | null | undefined;
  return {
    text,
    key: keyOf(JSON.stringify(text)).toString('latin1'),
    get deflated() {
      if (packed === undefined) packed = deflated(text)?.toString('latin1') ?? null;
      return packed;
    },
  };
}

/** The text in fewer bytes; null where that gains too little. A small window keeps the set-up of each call cheap. */
export function deflated(text: string): Buffer | null {
  if (text.length < SHORTEST_DEFLATED) return null;
  const large = text.length > 4096;
  const packed = deflateRawSync(text, {
    level: 1,
    windowBits: large ? 15 : 12,
    memLevel: large ? 8 : 3,
    chunkSize: large ? 16_384 : 1024,
  });
  return packed.length < 0.8 * Buffer.byteLength(text) ? packed : null;
}

/** SHA-256 of UTF-8 text as bytes, for key columns. */
export function keyOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
