// Exact distributions of sums of independent finite parts, for full enumeration without listing every combination.

/** A finite distribution: ascending support and its probabilities. */
export interface Finite {
  readonly values: Float64Array;
  readonly probs: Float64Array;
}

/** Largest support either half of an enumeration may reach. */
export const MAX_SUPPORT = 2_000_000;

/** Sorts support points and merges those closer than `grain` (equal but for rounding). */
export function finiteFrom(values: Float64Array, probs: Float64Array, grain: number): Finite {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort(
    (a, b) => values[a]! - values[b]!,
  );
  const outV = new Float64Array(values.length);
  const outP = new Float64Array(values.length);
  let size = 0;
  for (const i of order) {
    const v = values[i]!;
    if (size > 0 && v - outV[size - 1]! <= grain) outP[size - 1]! += probs[i]!;
    else {
      outV[size] = v;
      outP[size] = probs[i]!;
      size++;
    }
  }
  return { values: outV.slice(0, size), probs: outP.slice(0, size) };
}

function addParts(a: Finite, b: Finite, grain: number): Finite {
  const size = a.values.length * b.values.length;
  if (size > MAX_SUPPORT * 4)
    throw new RangeError('too many distinct sums for an exact enumeration; use the Monte Carlo form');
  const values = new Float64Array(size);
  const probs = new Float64Array(size);
  let at = 0;
  for (let i = 0; i < a.values.length; i++)
    for (let j = 0; j < b.values.length; j++, at++) {
      values[at] = a.values[i]! + b.values[j]!;
      probs[at] = a.probs[i]! * b.probs[j]!;
    }
  const sum = finiteFrom(values, probs, grain);
  if (sum.values.length > MAX_SUPPORT)
    throw new RangeError('too many distinct sums for an exact enumeration; use the Monte Carlo form');
  return sum;
}

/** Tail probabilities of T = sum of the parts at `observed`, ties within `tolerance` counted as at least as extreme. */
export interface ExactTails {
  readonly pLess: number;
  readonly pGreater: number;
  readonly pTwoSided: number;
}

/**
 * Exact tails by meeting in the middle (Horowitz & Sahni 1974): the parts are folded into two halves of about equal
 * support, and the tail is counted over pairs with two pointers. RangeError when even the halves are too large.
 */
export function exactTails(
  parts: readonly Finite[],
  observed: number,
  tolerance: number,
  grain: number,
): ExactTails {
  const origin: Finite = { values: Float64Array.of(0), probs: Float64Array.of(1) };
  let left = origin;
  let right = origin;
  for (const part of [...parts].sort((a, b) => b.values.length - a.values.length)) {
    if (left.values.length <= right.values.length) left = addParts(left, part, grain);
    else right = addParts(right, part, grain);
  }
  const atMost = (cut: number): number => {
    let total = 0;
    let tail = 0;
    let j = 0;
    for (let i = left.values.length - 1; i >= 0; i--) {
      while (j < right.values.length && left.values[i]! + right.values[j]! <= cut) tail += right.probs[j++]!;
      total += left.probs[i]! * tail;
    }
    return Math.min(1, total);
  };
  const atLeast = (cut: number): number => {
    let total = 0;
    let tail = 0;
    let j = right.values.length - 1;
    for (let i = 0; i < left.values.length; i++) {
      while (j >= 0 && left.values[i]! + right.values[j]! >= cut) tail += right.probs[j--]!;
      total += left.probs[i]! * tail;
    }
    return Math.min(1, total);
  };
  const size = Math.abs(observed);
  return {
    pLess: atMost(observed + tolerance),
    pGreater: atLeast(observed - tolerance),
    pTwoSided: size <= tolerance ? 1 : Math.min(1, atMost(-size + tolerance) + atLeast(size - tolerance)),
  };
}
