// When a move began, to the minute: single answers around it, compared with what their templates usually give.

import { addMoments, type Moments, NO_MOMENTS } from './moments.ts';
import type { DriftWindow } from './standardise.ts';

/** Fall of twice the log likelihood within which the change lies, 95% (Hansen 2000: a change point has no chi-square). */
const RANGE = 7.35;
/** Answers that are needed on each side. */
const LEAST_ANSWERS = 10;

/** Milliseconds since 1970. */
export interface RefinedOnset {
  readonly start: number;
  readonly earliest: number;
  readonly latest: number;
}

/** Windows of the usual, short windows around the move, and between which times it may have begun. */
export interface OnsetData {
  readonly usual: readonly DriftWindow[];
  readonly bins: readonly DriftWindow[];
  readonly from: number;
  readonly to: number;
}

/**
 * The likeliest change of the mean (two unknown levels; Hinkley 1970) among the starts of bins. Each bin is what its answers sum to,
 * less what the mean of their templates makes of them. null = too few answers around it.
 */
export function refineOnset({ usual, bins, from, to }: OnsetData): RefinedOnset | null {
  const means = meansOf(usual);
  const off = (w: DriftWindow): number => w.moments.sum - (means.get(w.template) ?? 0) * w.moments.n;
  const noise = noiseOf(usual, off);
  const known = bins.filter((w) => means.has(w.template)).sort((a, b) => a.at - b.at);
  if (noise === null || known.length === 0) return null;
  const total = known.reduce((sum, w) => sum + w.moments.n, 0);
  const all = known.reduce((sum, w) => sum + off(w), 0);
  let [n, sum] = [0, 0];
  const squares = known.reduce((q, w) => q + off(w) ** 2, 0);
  const candidates: { readonly at: number; readonly gain: number; readonly spread: number }[] = [];
  for (const [i, w] of known.entries()) {
    const starts = i === 0 || known[i - 1]!.at < w.at;
    if (starts && w.at >= from && w.at <= to && n >= LEAST_ANSWERS && total - n >= LEAST_ANSWERS) {
      const apart = sum / n - (all - sum) / (total - n);
      candidates.push({
        at: w.at,
        gain: ((n * (total - n)) / total) * apart * apart,
        spread: (squares - (sum * sum) / n - (all - sum) ** 2 / (total - n)) / total,
      });
    }
    n += w.moments.n;
    sum += off(w);
  }
  const [first] = candidates;
  if (first === undefined) return null;
  const best = candidates.reduce((a, b) => (b.gain > a.gain ? b : a), first);
  // Answers may scatter more after the change than they usually do.
  const variance = Math.max(noise, best.spread);
  const near = candidates.filter((c) => c.gain >= best.gain - RANGE * variance);
  return { start: best.at, earliest: near[0]!.at, latest: near.at(-1)!.at };
}

/** Mean of each template. */
function meansOf(usual: readonly DriftWindow[]): ReadonlyMap<string | null, number> {
  const sums = new Map<string | null, Moments>();
  for (const { template, moments } of usual)
    sums.set(template, addMoments(sums.get(template) ?? NO_MOMENTS, moments));
  return new Map([...sums].filter(([, m]) => m.n > 0).map(([template, m]) => [template, m.sum / m.n]));
}

/** Variance of one answer, with what windows add to it; 0 where all answers are alike. */
function noiseOf(usual: readonly DriftWindow[], off: (w: DriftWindow) => number): number | null {
  const n = usual.reduce((sum, w) => sum + w.moments.n, 0);
  const squares = usual.reduce((sum, w) => sum + off(w) ** 2, 0);
  return n === 0 ? null : squares / n;
}
