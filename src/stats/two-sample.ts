// Unpaired comparison of two samples: Mann-Whitney and Kolmogorov-Smirnov, both aware of ties.
import { normalSf } from './normal.ts';

function requireSamples(x: ArrayLike<number>, y: ArrayLike<number>, what: string): void {
  if (x.length === 0 || y.length === 0)
    throw new RangeError(`${what} requires at least one value in each sample`);
  for (const sample of [x, y])
    for (let i = 0; i < sample.length; i++)
      if (!Number.isFinite(sample[i]!)) throw new RangeError(`${what} requires finite values`);
}

/** Pooled values in ascending order with the sample each came from (0 = x, 1 = y). */
function pooledOrder(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): { values: Float64Array; fromY: Uint8Array } {
  const m = x.length;
  const at = (i: number): number => (i < m ? x[i]! : y[i - m]!);
  const order = Uint32Array.from({ length: m + y.length }, (_, i) => i).sort((a, b) => at(a) - at(b));
  return { values: Float64Array.from(order, at), fromY: Uint8Array.from(order, (i) => (i < m ? 0 : 1)) };
}

/**
 * Mann-Whitney U (Mann & Whitney 1947): U1 = #{x > y} + #{x = y}/2, P(X > Y) = U1/(mn), and the two-sided p of the
 * tie-corrected normal approximation with continuity correction 1/2. All values tied gives p = 1. RangeError when empty.
 */
export function mannWhitney(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): { U1: number; pTwoSided: number; probXgtY: number } {
  requireSamples(x, y, 'mannWhitney');
  const m = x.length;
  const n = y.length;
  const N = m + n;
  const { values, fromY } = pooledOrder(x, y);
  let rankSum = 0;
  let ties = 0;
  for (let i = 0; i < N; ) {
    let j = i;
    let inX = 0;
    while (j < N && values[j] === values[i]) inX += 1 - fromY[j++]!;
    const t = j - i;
    rankSum += inX * ((i + 1 + j) / 2);
    ties += t * t * t - t;
    i = j;
  }
  const U1 = rankSum - (m * (m + 1)) / 2;
  const probXgtY = U1 / (m * n);
  const variance = N < 2 ? 0 : ((m * n) / 12) * (N + 1 - ties / (N * (N - 1)));
  if (variance <= 0) return { U1, pTwoSided: 1, probXgtY };
  const z = (Math.abs(U1 - (m * n) / 2) - 0.5) / Math.sqrt(variance);
  return { U1, pTwoSided: Math.min(1, 2 * normalSf(z)), probXgtY };
}

/**
 * Two-sample Kolmogorov-Smirnov test: D = max |F_x - F_y| and its exact conditional p given the ties (Schroeer & Trenkler
 * 1995): the chance that a random arrangement of the pooled sample reaches D, by lattice paths, cost m n. `asymptotic`
 * uses Kolmogorov's limit law instead (the default above 2e7 path points). RangeError when empty.
 */
export function ks2(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  method: 'exact' | 'asymptotic' = x.length * y.length <= 2e7 ? 'exact' : 'asymptotic',
): { D: number; p: number } {
  requireSamples(x, y, 'ks2');
  const m = x.length;
  const n = y.length;
  const { values, fromY } = pooledOrder(x, y);
  const N = m + n;
  // The path may only be judged where the next value differs.
  const isStep = Uint8Array.from(values, (v, i) => (i + 1 < N && values[i + 1] === v ? 0 : 1));
  let inX = 0;
  let inY = 0;
  let reach = 0;
  for (let i = 0; i < N; i++) {
    if (fromY[i] === 1) inY++;
    else inX++;
    if (isStep[i] === 1) reach = Math.max(reach, Math.abs(inX * n - inY * m));
  }
  const D = reach / (m * n);
  if (reach === 0) return { D, p: 1 };
  if (method === 'asymptotic') return { D, p: kolmogorovSf(D * Math.sqrt((m * n) / N)) };
  const hits = (i: number, j: number): boolean =>
    i + j > 0 && isStep[i + j - 1] === 1 && Math.abs(i * n - j * m) >= reach;
  // u[j]: chance that a path ending in (i, j) has already reached D
  const u = new Float64Array(n + 1);
  for (let i = 0; i <= m; i++)
    for (let j = 0; j <= n; j++) {
      if (hits(i, j)) u[j] = 1;
      else if (i === 0) u[j] = j === 0 ? 0 : u[j - 1]!;
      else if (j > 0) u[j] = (i * u[j]! + j * u[j - 1]!) / (i + j);
    }
  return { D, p: Math.min(1, u[n]!) };
}

/** Kolmogorov's limit law: P(K > t) = 2 sum (-1)^{k-1} exp(-2 k^2 t^2). */
function kolmogorovSf(t: number): number {
  if (t < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k < 200; k++) {
    const term = Math.exp(-2 * k * k * t * t);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-18) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}
