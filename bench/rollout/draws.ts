// Random numbers of the distributions that traffic is made of.

import { Mt19937 } from '../../src/stats/rng.ts';

export class Draws {
  readonly #rng: Mt19937;
  #spare: number | null = null;

  constructor(seed: number) {
    this.#rng = new Mt19937(seed);
  }

  uniform(): number {
    return this.#rng.next();
  }

  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.#rng.next()));
    const angle = 2 * Math.PI * this.#rng.next();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  poisson(mean: number): number {
    if (mean <= 0) return 0;
    if (mean > 60) return Math.max(0, Math.round(mean + this.normal() * Math.sqrt(mean)));
    let count = -1;
    for (let product = 1; product > Math.exp(-mean); count++) product *= this.#rng.next();
    return count;
  }

  /** At least 1, of this mean. */
  geometric(mean: number): number {
    return mean <= 1 ? 1 : 1 + Math.floor(Math.log(1 - this.#rng.next()) / Math.log1p(-1 / mean));
  }

  /** Shape and scale 1 (Marsaglia & Tsang 2000). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.#rng.next()) ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.#rng.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** The rate of one user: its mean over users is `mean`, and two calls of a user correlate by `icc`. */
  userRate(mean: number, icc: number): number {
    if (mean <= 0 || icc <= 0) return mean;
    if (icc >= 1) return this.#rng.next() < mean ? 1 : 0;
    const size = (1 - icc) / icc;
    const [a, b] = [this.gamma(mean * size), this.gamma((1 - mean) * size)];
    return a + b === 0 ? (this.#rng.next() < mean ? 1 : 0) : a / (a + b);
  }
}

/** P(Z > z), with an error below 1e-7 (Abramowitz & Stegun 26.2.17). */
export function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z >= 0 ? tail : 1 - tail;
}
