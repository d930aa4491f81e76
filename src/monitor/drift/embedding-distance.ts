// How far answers lie from where those of the reference lie: grows when their centre moves, and when they spread.

import type { DriftWindow } from './standardise.ts';

/** One embedded answer with what it is compared within; components from -127 to 127. */
export interface EmbeddedAnswer {
  readonly group: string | null;
  readonly vector: Int8Array;
}

/** Directions of the reference by template or segment, from its embedded answers. */
export class ReferenceCentroids {
  readonly #sums = new Map<string | null, Float64Array>();

  add({ group, vector }: EmbeddedAnswer): void {
    const length = lengthOf(vector);
    if (length === 0) return;
    const sum = this.#sums.get(group) ?? new Float64Array(vector.length);
    this.#sums.set(group, sum);
    for (const [d, value] of vector.entries()) sum[d]! += value / length;
  }

  /** Cosine distance of each answer of a window to the centroid of its kind: 0 = the same direction. New kinds have none. */
  window(at: number, answers: Iterable<EmbeddedAnswer>): readonly DriftWindow[] {
    const moments = new Map<string | null, { n: number; sum: number; squares: number }>();
    for (const { group, vector } of answers) {
      const distance = this.#distance(group, vector);
      if (distance === null) continue;
      const m = moments.get(group) ?? { n: 0, sum: 0, squares: 0 };
      moments.set(group, m);
      m.n++;
      m.sum += distance;
      m.squares += distance * distance;
    }
    return [...moments].map(([template, m]) => ({ at, template, moments: m }));
  }

  #distance(group: string | null, vector: Int8Array): number | null {
    const sum = this.#sums.get(group);
    const length = lengthOf(vector);
    if (sum === undefined || length === 0) return null;
    let [dot, squares] = [0, 0];
    for (const [d, value] of vector.entries()) {
      dot += value * sum[d]!;
      squares += sum[d]! * sum[d]!;
    }
    return squares === 0 ? null : 1 - dot / length / Math.sqrt(squares);
  }
}

function lengthOf(vector: Int8Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
