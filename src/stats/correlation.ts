// Rank correlation.
import { sampleRankCorrelation } from 'simple-statistics';
import { requireSameLength } from './numeric.ts';

/** Spearman's rank correlation with mid-ranks (Spearman 1904); null when undefined (fewer than two pairs, or no variation). */
export function spearman(x: readonly number[], y: readonly number[]): number | null {
  requireSameLength(x, y, 'spearman');
  const constant = (v: readonly number[]): boolean => v.every((a) => a === v[0]);
  if (x.length < 2 || constant(x) || constant(y)) return null;
  return sampleRankCorrelation([...x], [...y]);
}
