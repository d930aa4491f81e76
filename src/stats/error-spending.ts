// How an error rate is spent over several looks at growing data, so that all looks together err no more often than promised.

import { normalPdf, normalQuantile, normalSf } from './normal.ts';

/** Steps of the grid on which the density below the boundaries is carried from look to look. */
const STEPS = 400;
/** Standard deviations below zero at which the grid begins. */
const REACH = 8;

/**
 * One-sided nominal levels for looks at a normal statistic, one a look: used at look i (claim when p <= level i), the looks up
 * to i together err exactly `total * cumulative[i]` of the time on the boundary of the hypothesis (Lan & DeMets 1983; recursion
 * of Armitage, McPherson & Rowe 1969). `information` is what each look has seen, in any unit, e.g. trials a case; increments are independent.
 * Statistics that are more alike than that (a shared, fixed arm) err less. RangeError unless both lists grow and total is in (0, 1/2).
 */
export function spendingLevels(
  total: number,
  cumulative: readonly number[],
  information: readonly number[],
): number[] {
  check(total, cumulative, information);
  const levels: number[] = [];
  let before = 0;
  /** Where the process may be without having crossed, and with what density. */
  let inside: { readonly at: Float64Array; readonly mass: Float64Array } | null = null;
  for (const [i, t] of information.entries()) {
    const share = total * ((cumulative[i] ?? 0) - before);
    before = cumulative[i] ?? 0;
    const step = Math.sqrt(t - (information[i - 1] ?? 0));
    const crossing = (boundary: number): number => {
      if (inside === null) return normalSf(boundary / step);
      let p = 0;
      for (const [j, x] of inside.at.entries()) p += (inside.mass[j] ?? 0) * normalSf((boundary - x) / step);
      return p;
    };
    const boundary = solve(crossing, share, Math.sqrt(t));
    levels.push(normalSf(boundary / Math.sqrt(t)));
    if (i < information.length - 1) inside = carry(inside, boundary, step, Math.sqrt(t));
  }
  return levels;
}

function check(total: number, cumulative: readonly number[], information: readonly number[]): void {
  const grows = (list: readonly number[]): boolean => list.every((x, i) => x > (list[i - 1] ?? 0));
  if (!(total > 0 && total < 0.5))
    throw new RangeError(`spendingLevels requires 0 < total < 1/2, got ${total}`);
  if (cumulative.length !== information.length || cumulative.length === 0)
    throw new RangeError(
      'spendingLevels requires one cumulative share and one amount of information per interim test',
    );
  if (!grows(cumulative) || !grows(information) || (cumulative.at(-1) ?? 0) > 1)
    throw new RangeError('spendingLevels requires growing shares up to 1, and growing information');
}

/** The boundary at which `crossing` is `share`, by bisection; `crossing` falls. */
function solve(crossing: (boundary: number) => number, share: number, scale: number): number {
  let low = -scale;
  let high = REACH * scale;
  if (crossing(low) < share) return normalQuantile(0.5) * scale;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (crossing(middle) > share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Density of the process at this look below its boundary, as masses of a trapezoid rule. */
function carry(
  inside: { readonly at: Float64Array; readonly mass: Float64Array } | null,
  boundary: number,
  step: number,
  scale: number,
): { readonly at: Float64Array; readonly mass: Float64Array } {
  const from = -REACH * scale;
  const width = (boundary - from) / STEPS;
  const at = Float64Array.from({ length: STEPS + 1 }, (_, j) => from + j * width);
  const mass = at.map((y, j) => {
    let density = 0;
    if (inside === null) density = normalPdf(y / step) / step;
    else
      for (const [k, x] of inside.at.entries())
        density += ((inside.mass[k] ?? 0) * normalPdf((y - x) / step)) / step;
    return density * width * (j === 0 || j === STEPS ? 0.5 : 1);
  });
  return { at, mass };
}
