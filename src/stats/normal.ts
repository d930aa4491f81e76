// The standard normal distribution: distribution function, both tails, and quantile.
import { requireOpenUnit } from './numeric.ts';

const INV_SQRT_2PI = 0.3989422804014327;

/** Standard normal density at z. */
export function normalPdf(z: number): number {
  return INV_SQRT_2PI * Math.exp(-0.5 * z * z);
}

/** Upper tail for z >= 3: Mills' ratio by its continued fraction (Abramowitz & Stegun 26.2.14), evaluated backwards. */
function upperTail(z: number): number {
  let fraction = z;
  for (let k = Math.ceil(20 + 600 / (z * z)); k >= 1; k--) fraction = z + k / fraction;
  return normalPdf(z) / fraction;
}

/**
 * Standard normal distribution function P(Z <= z).
 * Series phi(z) (z + z^3/3 + z^5/15 + ...) in the middle (Marsaglia 2004), Mills' continued fraction in the tails;
 * relative error below 1e-12 down to where doubles end (z about -38).
 */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) throw new RangeError('normalCdf requires a number');
  if (z <= -3) return upperTail(-z);
  if (z >= 3) return 1 - upperTail(z);
  let term = z;
  let sum = z;
  for (let k = 3; ; k += 2) {
    term *= (z * z) / k;
    const next = sum + term;
    if (next === sum) break;
    sum = next;
  }
  return 0.5 + normalPdf(z) * sum;
}

/** Upper tail P(Z > z), accurate also for large z. */
export function normalSf(z: number): number {
  return normalCdf(-z);
}

const CENTRE = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
    67265.7709270087, 33430.57558358813, 2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
] as const;
const MIDDLE = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
] as const;
const TAIL = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
    1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
  ],
] as const;

function rational([upper, lower]: readonly [readonly number[], readonly number[]], r: number): number {
  let p = 0;
  let q = 0;
  for (let i = upper.length - 1; i >= 0; i--) {
    p = p * r + upper[i]!;
    q = q * r + lower[i]!;
  }
  return p / q;
}

/** Standard normal quantile for 0 < p < 1: algorithm AS 241, PPND16 (Wichura 1988), about 16 digits. RangeError outside. */
export function normalQuantile(p: number): number {
  requireOpenUnit(p, 'p of normalQuantile');
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * rational(CENTRE, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  const z = r <= 5 ? rational(MIDDLE, r - 1.6) : rational(TAIL, r - 5);
  return q < 0 ? -z : z;
}

/** The two-sided normal multiplier of a confidence level, e.g. 0.90 gives 1.645. */
export function twoSidedZ(conf: number): number {
  requireOpenUnit(conf, 'confidence level');
  return normalQuantile(1 - (1 - conf) / 2);
}
