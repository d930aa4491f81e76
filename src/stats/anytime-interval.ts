// An interval of a share that stays valid however often it is read while observations come in.

import { lnBeta } from './gamma.ts';

/** Jeffreys' prior, Beta(1/2, 1/2): narrower than a uniform one for rare events. */
const PRIOR = 0.5;

/**
 * The shares that `hits` of `n` do not rule out at level `alpha`, at all times together: those whose likelihood is more than `alpha` times
 * the mean likelihood under a prior (Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; the
 * beta-binomial confidence sequence of Howard et al. 2021). Assumes independent observations of one share. `n` may be a sum of
 * fractions. null without observations.
 */
export function anytimeShare(
  { n, hits }: { readonly n: number; readonly hits: number },
  alpha: number,
): { readonly lower: number; readonly upper: number } | null {
  if (!(n > 0) || hits < 0 || hits > n) return null;
  const limit = lnBeta(hits + PRIOR, n - hits + PRIOR) - lnBeta(PRIOR, PRIOR) + Math.log(alpha);
  const isIn = (p: number): boolean => logLikelihood(p, n, hits) > limit;
  const best = hits / n;
  return { lower: edge(isIn, best, 0), upper: edge(isIn, best, 1) };
}

/** Where the shares that are not ruled out end, between one that is not and the end of the scale. */
function edge(isIn: (p: number) => boolean, inside: number, end: 0 | 1): number {
  if (inside === end || isIn(end)) return end;
  let [near, far] = [inside, end as number];
  for (let i = 0; i < 60; i++) {
    const middle = (near + far) / 2;
    if (isIn(middle)) near = middle;
    else far = middle;
  }
  return (near + far) / 2;
}

function logLikelihood(p: number, n: number, hits: number): number {
  const part = (count: number, share: number): number => (count === 0 ? 0 : count * Math.log(share));
  return part(hits, p) + part(n - hits, 1 - p);
}
