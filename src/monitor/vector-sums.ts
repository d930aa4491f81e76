// Where embedded answers lie and how far they spread: sums of unit vectors, which merge.

/** Of the vectors of one time and group. */
export class VectorSums {
  n = 0;
  #sum: Float64Array | null = null;

  add(vector: Int8Array): void {
    let squares = 0;
    for (const value of vector) squares += value * value;
    if (squares === 0) return;
    const length = Math.sqrt(squares);
    this.#sum ??= new Float64Array(vector.length);
    const sum = this.#sum;
    for (let d = 0; d < vector.length; d++) sum[d] = (sum[d] as number) + (vector[d] as number) / length;
    this.n++;
  }

  /** Variance of the unit vectors around their mean: 0 = all alike, 1 = nothing in common. null under two. */
  spread(): number | null {
    if (this.#sum === null || this.n < 2) return null;
    const mean = squared(this.#sum) / this.n ** 2;
    return Math.max(0, (1 - mean) * (this.n / (this.n - 1)));
  }

  /** Squared distance of the centroids less what the noise of two finite samples adds to it; about 0, or below, when nothing moved. */
  shiftFrom(before: VectorSums): number | null {
    const [mine, theirs] = [this.spread(), before.spread()];
    if (mine === null || theirs === null || this.#sum === null || before.#sum === null) return null;
    let distance = 0;
    for (let d = 0; d < this.#sum.length; d++)
      distance += ((this.#sum[d] as number) / this.n - (before.#sum[d] as number) / before.n) ** 2;
    return distance - mine / this.n - theirs / before.n;
  }
}

function squared(vector: Float64Array): number {
  let total = 0;
  for (const value of vector) total += value * value;
  return total;
}
