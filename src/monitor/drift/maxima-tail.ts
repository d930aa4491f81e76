// The distribution of the largest value of a chart in 90 unchanged days, from simulated maxima with a fitted tail.

/** Share of the maxima that the tail is fitted to. */
const TAIL = 0.15;
/** Half a replicate keeps every probability above 0. */
const HALF = 0.5;

/** Sorted maxima with a power tail over their top part (Hill 1975): rarer values than the simulation holds are extrapolated. */
export class MaximaTail {
  readonly #sorted: Float64Array;
  readonly #start: number;
  readonly #shape: number;

  constructor(maxima: Float64Array) {
    this.#sorted = Float64Array.from(maxima).sort().reverse();
    const k = Math.max(10, Math.round(TAIL * maxima.length));
    this.#start = Math.max(1e-9, this.#sorted[k] ?? 0);
    let logs = 0;
    for (let i = 0; i < k; i++) logs += Math.log(Math.max(1, this.#sorted[i]! / this.#start));
    this.#shape = Math.max(0.01, logs / k);
  }

  /** P(the largest value of 90 unchanged days >= z). */
  p(z: number): number {
    const n = this.#sorted.length;
    if (z >= this.#start) return TAIL * (z / this.#start) ** (-1 / this.#shape);
    let low = 0;
    let high = n;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]! >= z) low = middle + 1;
      else high = middle;
    }
    return Math.min(1, Math.max(TAIL, (low + HALF) / n));
  }

  /** The z that is reached with probability p. */
  limit(p: number): number {
    if (p <= TAIL) return this.#start * (p / TAIL) ** -this.#shape;
    return this.#sorted[Math.min(this.#sorted.length - 1, Math.floor(p * this.#sorted.length))]!;
  }
}
