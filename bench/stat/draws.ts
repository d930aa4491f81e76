// Random draws of the benchmark's worlds: normal, gamma and beta numbers from one seeded stream.

import type { Mt19937 } from '../../src/stats/index.ts';

/** Standard normal (Box & Muller 1958), one value a call. */
export function normal(rng: Mt19937): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

/** Gamma with unit scale (Marsaglia & Tsang 2000); shapes below 1 by the usual power of a uniform. */
export function gamma(shape: number, rng: Mt19937): number {
  if (shape < 1) return gamma(shape + 1, rng) * (1 - rng.next()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(rng);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - rng.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Beta(a, b). */
export function beta(a: number, b: number, rng: Mt19937): number {
  const x = gamma(a, rng);
  return x / (x + gamma(b, rng));
}

/** `count` different indices below `n`, in drawn order. */
export function choose(n: number, count: number, rng: Mt19937): number[] {
  return [...rng.shuffle(Int32Array.from({ length: n }, (_, i) => i)).subarray(0, count)];
}
