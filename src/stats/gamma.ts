// Gamma function family: log-gamma, log-beta, Stirling's error and the deviance term of Loader's probabilities.

const HALF_LN_2PI = 0.9189385332046727;

/** Stirling's series error for x >= 8: ln Gamma(x) - [(x-1/2) ln x - x + ln(2 pi)/2] (Abramowitz & Stegun 6.1.41). */
function stirlingTail(x: number): number {
  const y = 1 / (x * x);
  return (
    (1 / 12 -
      y *
        (1 / 360 -
          y *
            (1 / 1260 -
              y * (1 / 1680 - y * (1 / 1188 - y * (691 / 360360 - y * (1 / 156 - (y * 3617) / 122400))))))) /
    x
  );
}

/** Natural logarithm of the gamma function for x > 0 (Stirling's series after an upward shift). RangeError otherwise. */
export function lnGamma(x: number): number {
  if (!(x > 0)) throw new RangeError(`lnGamma requires x > 0, got ${x}`);
  let shifted = x;
  let product = 1;
  while (shifted < 12) {
    product *= shifted;
    shifted += 1;
  }
  const value = (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LN_2PI + stirlingTail(shifted);
  return product === 1 ? value : value - Math.log(product);
}

/** Natural logarithm of the beta function B(a, b), a, b > 0; no cancellation for large arguments. */
export function lnBeta(a: number, b: number): number {
  const p = Math.min(a, b);
  const q = Math.max(a, b);
  if (q < 12) return lnGamma(p) + lnGamma(q) - lnGamma(p + q);
  const s = p + q;
  if (p < 12) {
    // ln Gamma(q) - ln Gamma(p+q), the large parts taken out by hand
    const ratio = -(q - 0.5) * Math.log1p(p / q) - p * Math.log(s) + p + stirlingTail(q) - stirlingTail(s);
    return lnGamma(p) + ratio;
  }
  const correction = stirlingTail(p) + stirlingTail(q) - stirlingTail(s);
  return HALF_LN_2PI + correction - 0.5 * Math.log(q) + (p - 0.5) * Math.log(p / s) + q * Math.log1p(-p / s);
}

/** ln(n choose k) for whole numbers 0 <= k <= n. */
export function lnChoose(n: number, k: number): number {
  if (k === 0 || k === n) return 0;
  return -Math.log(n + 1) - lnBeta(n - k + 1, k + 1);
}

const stirlingErrors: number[] = [0];
for (let n = 1; n <= 15; n++) stirlingErrors.push(lnGamma(n + 1) - (n + 0.5) * Math.log(n) + n - HALF_LN_2PI);

/** Error of Stirling's formula for n!, n a whole number >= 0 (Loader 2000); 0 at n = 0 by convention. */
export function stirlingError(n: number): number {
  return n <= 15 ? stirlingErrors[n]! : stirlingTail(n);
}

/** Deviance term x ln(x/m) + m - x, exact also when x is near m (Loader 2000). */
export function devianceTerm(x: number, m: number): number {
  if (Math.abs(x - m) < 0.1 * (x + m)) {
    const v = (x - m) / (x + m);
    let sum = (x - m) * v;
    let term = 2 * x * v;
    for (let j = 1; j < 1000; j++) {
      term *= v * v;
      const next = sum + term / (2 * j + 1);
      if (next === sum) return next;
      sum = next;
    }
  }
  return x * Math.log(x / m) + m - x;
}
