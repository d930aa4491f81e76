// Adjusting many p-values at once. Adjusted values come back in the order of the input.
import { requireUnit } from './numeric.ts';

function order(p: ArrayLike<number>): Uint32Array {
  for (let i = 0; i < p.length; i++) requireUnit(p[i]!, `p[${i}]`);
  return Uint32Array.from({ length: p.length }, (_, i) => i).sort((a, b) => p[a]! - p[b]!);
}

/** Step-up: running minimum from the largest p of factor * p / rank. */
function stepUp(p: ArrayLike<number>, factor: number): number[] {
  const sorted = order(p);
  const out = new Array<number>(p.length);
  let running = 1;
  for (let r = sorted.length; r >= 1; r--) {
    const i = sorted[r - 1]!;
    running = Math.min(running, (factor * p[i]!) / r);
    out[i] = running;
  }
  return out;
}

/** Benjamini-Hochberg adjusted p-values: false discovery rate under independence (Benjamini & Hochberg 1995). */
export function bh(p: ArrayLike<number>): number[] {
  return stepUp(p, p.length);
}

/** Benjamini-Yekutieli adjusted p-values: false discovery rate under any dependence (Benjamini & Yekutieli 2001). */
export function by(p: ArrayLike<number>): number[] {
  let harmonic = 0;
  for (let i = 1; i <= p.length; i++) harmonic += 1 / i;
  return stepUp(p, p.length * harmonic);
}

/** Holm step-down adjusted p-values: family-wise error rate under any dependence (Holm 1979). */
export function holm(p: ArrayLike<number>): number[] {
  const sorted = order(p);
  const m = p.length;
  const out = new Array<number>(m);
  let running = 0;
  for (let r = 0; r < m; r++) {
    const i = sorted[r]!;
    running = Math.max(running, Math.min(1, (m - r) * p[i]!));
    out[i] = running;
  }
  return out;
}

/** Storey q-values with a fixed lambda: pi0 = min(1, #{p >= lambda} / ((1 - lambda) m)) (Storey 2002). */
export function storey(p: ArrayLike<number>, lambda = 0.5): { pi0: number; q: number[] } {
  if (!(lambda >= 0 && lambda < 1)) throw new RangeError(`storey requires lambda in [0, 1), got ${lambda}`);
  const m = p.length;
  if (m === 0) return { pi0: 1, q: [] };
  let above = 0;
  for (let i = 0; i < m; i++) if (p[i]! >= lambda) above++;
  const pi0 = Math.min(1, above / ((1 - lambda) * m));
  return { pi0, q: stepUp(p, pi0 * m) };
}
