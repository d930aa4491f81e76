// Seeded random numbers: MT19937 (Matsumoto & Nishimura 1998), so that every Monte Carlo result can be replayed bit for bit.

const SIZE = 624;
const SHIFT = 397;

/**
 * Mersenne Twister MT19937, seeded by init_genrand(seed): the raw stream of numpy's RandomState(seed).
 * One seed gives one stream on every machine. A seed is an unsigned 32-bit integer.
 */
export class Mt19937 {
  private readonly state = new Uint32Array(SIZE);
  private position = SIZE;

  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
      throw new RangeError(`Mt19937 requires a seed that is an integer in [0, 2^32), got ${seed}`);
    const s = this.state;
    s[0] = seed >>> 0;
    for (let i = 1; i < SIZE; i++) {
      const previous = s[i - 1]! ^ (s[i - 1]! >>> 30);
      s[i] = (Math.imul(1812433253, previous) + i) >>> 0;
    }
  }

  /** The next 32 random bits, as an integer in [0, 2^32). */
  uint32(): number {
    if (this.position >= SIZE) this.refill();
    let y = this.state[this.position++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /**
   * The draws floor(u k) for k = most, most-1, ..., least as one whole number, each counting in steps of all that follow it:
   * which of the ways to take things one by one without putting them back was drawn. At most 32768 ways.
   */
  way(most: number, least: number): number {
    const s = this.state;
    let way = 0;
    let p = this.position;
    for (let k = most; k >= least; k--) {
      if (p >= SIZE) {
        this.refill();
        p = 0;
      }
      let y = s[p++]!;
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      y ^= y >>> 18;
      // floor(y k / 2^32) by halves, in whole numbers
      way = Math.imul(way, k) + ((Math.imul(y >>> 16, k) + (Math.imul(y & 0xffff, k) >>> 16)) >>> 16);
    }
    this.position = p;
    return way;
  }

  /** Uniform in [0, 1): uint32 / 2^32. */
  next(): number {
    return this.uint32() * 2.3283064365386963e-10;
  }

  /** Moves past `count` draws without computing them: the stream goes on as if they had been taken. */
  skip(count: number): void {
    let left = count;
    while (left > 0) {
      if (this.position >= SIZE) this.refill();
      const step = Math.min(left, SIZE - this.position);
      this.position += step;
      left -= step;
    }
  }

  /**
   * Fills `out` with floor(2u) of successive draws (0 or 1): one draw an element, the same draws as next().
   * The top output bit is the parity of four state bits, which saves the tempering.
   */
  coinFlips(out: Uint8Array): void {
    const s = this.state;
    let i = 0;
    while (i < out.length) {
      if (this.position >= SIZE) this.refill();
      const end = Math.min(out.length, i + SIZE - this.position);
      let p = this.position;
      for (; i < end; i++, p++) {
        out[i] = topBit(s[p]!);
      }
      this.position = p;
    }
  }

  /** `coinFlips` of `count` draws, four to an element: draw 4g + j is bit j of `out[g]`. */
  coinQuads(out: Uint8Array, count: number): void {
    const s = this.state;
    let i = 0;
    while (i < count) {
      if (this.position >= SIZE) this.refill();
      const end = Math.min(count, i + SIZE - this.position);
      let p = this.position;
      for (; i < end && (i & 3) !== 0; i++, p++) out[i >> 2]! |= topBit(s[p]!) << (i & 3);
      for (; i + 4 <= end; i += 4, p += 4)
        out[i >> 2] =
          topBit(s[p]!) | (topBit(s[p + 1]!) << 1) | (topBit(s[p + 2]!) << 2) | (topBit(s[p + 3]!) << 3);
      for (; i < end; i++, p++) {
        const bit = topBit(s[p]!) << (i & 3);
        out[i >> 2] = (i & 3) === 0 ? bit : out[i >> 2]! | bit;
      }
      this.position = p;
    }
  }

  /** Fisher-Yates in place: for i = m-1..1, swap with j = floor(u (i+1)). Takes m-1 draws. */
  shuffle<T extends Float64Array | Int32Array | Uint32Array | Uint8Array | unknown[]>(items: T): T {
    const a = items as unknown[];
    for (let i = a.length - 1; i > 0; i--) {
      const j = Math.floor(this.next() * (i + 1));
      const held = a[i];
      a[i] = a[j];
      a[j] = held;
    }
    return items;
  }

  private refill(): void {
    const s = this.state;
    let k = 0;
    for (; k < SIZE - SHIFT; k++) {
      const y = (s[k]! & 0x80000000) | (s[k + 1]! & 0x7fffffff);
      s[k] = s[k + SHIFT]! ^ (y >>> 1) ^ (-(y & 1) & 0x9908b0df);
    }
    for (; k < SIZE - 1; k++) {
      const y = (s[k]! & 0x80000000) | (s[k + 1]! & 0x7fffffff);
      s[k] = s[k + SHIFT - SIZE]! ^ (y >>> 1) ^ (-(y & 1) & 0x9908b0df);
    }
    const y = (s[SIZE - 1]! & 0x80000000) | (s[0]! & 0x7fffffff);
    s[SIZE - 1] = s[SHIFT - 1]! ^ (y >>> 1) ^ (-(y & 1) & 0x9908b0df);
    this.position = 0;
  }
}

/** The top bit of the tempered word: the parity of four bits of the state's. */
function topBit(y: number): number {
  return (y ^ (y << 4) ^ (y << 7) ^ (y << 15)) >>> 31;
}

/** A seed from a digest: its first 32 bits, read as big-endian hex. Throws RangeError on fewer than 8 hex digits. */
export function seedFrom(hex: string): number {
  const head = hex.slice(0, 8);
  if (!/^[0-9a-f]{8}$/i.test(head)) throw new RangeError('seedFrom requires at least 8 hexadecimal digits');
  return Number.parseInt(head, 16);
}
