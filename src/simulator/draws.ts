// Seeded randomness by name: every draw is a pure function of a key, so no draw depends on what was drawn before it.

import { createHash } from 'node:crypto';

/** One stream of numbers. Streams with different keys are independent; the same key gives the same stream. */
export interface Draws {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Lower-case hex digits. */
  hex(digits: number): string;
  /** Index drawn in proportion to the weights; 0 when there is nothing to weigh. */
  pick(weights: readonly number[]): number;
}

/** The stream that belongs to these parts. Parts are length-prefixed, so no two lists of parts share a key. */
export function drawsFrom(...parts: readonly (string | number)[]): Draws {
  const hash = createHash('sha256');
  for (const part of parts) {
    const text = String(part);
    hash.update(`${text.length}:`).update(text);
  }
  const bytes = hash.digest();
  let a = bytes.readUInt32LE(0);
  let b = bytes.readUInt32LE(4);
  let c = bytes.readUInt32LE(8);
  let counter = bytes.readUInt32LE(12);

  // sfc32 (Doty-Humphrey's PractRand): 128 bits of state, more than enough for a few hundred numbers a stream.
  const next32 = (): number => {
    const t = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + t) >>> 0;
    return t;
  };
  const uniform = (): number => (next32() * 0x200000 + (next32() >>> 11)) / 2 ** 53;

  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    hex: (digits) => {
      let text = '';
      while (text.length < digits) text += next32().toString(16).padStart(8, '0');
      return text.slice(0, digits);
    },
    pick: (weights) => {
      const total = weights.reduce((sum, w) => sum + w, 0);
      let left = uniform() * total;
      for (const [index, weight] of weights.entries()) {
        left -= weight;
        if (left < 0) return index;
      }
      return Math.max(0, weights.length - 1);
    },
  };
}
