// Counts with fixed margins, and the distribution of their sums.
import { logHypergeomPmf } from './hypergeometric.ts';

/** A distribution on consecutive whole numbers from `offset`. */
export interface Window {
  readonly offset: number;
  readonly mass: Float64Array;
}

/** Mass this small, against a total of 1, cannot move the fifteenth digit of the answer. */
const NEGLIGIBLE = 1e-32;

function trim({ offset, mass }: Window): Window {
  let from = 0;
  let to = mass.length;
  while (from < to - 1 && mass[from]! < NEGLIGIBLE) from++;
  while (to > from + 1 && mass[to - 1]! < NEGLIGIBLE) to--;
  return from === 0 && to === mass.length
    ? { offset, mass }
    : { offset: offset + from, mass: mass.slice(from, to) };
}

/** The distribution of the sum of two independent counts. */
export function convolve(a: Window, b: Window): Window {
  const [long, short] = a.mass.length >= b.mass.length ? [a.mass, b.mass] : [b.mass, a.mass];
  const mass = new Float64Array(long.length + short.length - 1);
  for (let j = 0; j < short.length; j++) {
    const w = short[j]!;
    if (w === 0) continue;
    for (let i = 0; i < long.length; i++) mass[i + j]! += w * long[i]!;
  }
  return trim({ offset: a.offset + b.offset, mass });
}

/** The distribution of the sum of `count` independent copies, by repeated squaring. */
export function power(base: Window, count: number): Window {
  let result: Window = { offset: 0, mass: Float64Array.of(1) };
  let square = base;
  for (let left = count; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = convolve(result, square);
    if (left > 1) square = convolve(square, square);
  }
  return result;
}

/** ln of the hypergeometric probabilities low..high; small ones by term ratios, which err by no more than a few last bits. */
export function logMarginPmf(
  low: number,
  high: number,
  marked: number,
  kA: number,
  kB: number,
): Float64Array {
  if (kA + kB > 500)
    return Float64Array.from({ length: high - low + 1 }, (_, j) =>
      logHypergeomPmf(low + j, kA + kB, marked, kB),
    );
  const weights = Float64Array.from({ length: high - low + 1 });
  weights[0] = 1;
  let total = 1;
  for (let x = low; x < high; x++) {
    const next = (weights[x - low]! * ((marked - x) * (kB - x))) / ((x + 1) * (kA - marked + x + 1));
    weights[x - low + 1] = next;
    total += next;
  }
  return weights.map((w) => Math.log(w / total));
}
