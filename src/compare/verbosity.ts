// A confound worth naming: longer answers that a judge likes better because they are longer.

import { signedPercent } from '../base/numbers.ts';
import type { Metric } from '../core/comparison.ts';
import { spearman } from '../stats/correlation.ts';
import type { PairedCase } from './pairing.ts';

/** Rank correlation above which longer answers and better scores go together too well to be trusted. */
const CONFOUND_RHO = 0.3;

/** A caution when answers became longer and the judge liked them better, the longer the better. */
export function verbosityNote(
  length: Metric,
  alpha: number,
  pairs: readonly PairedCase[],
  lengthDeltas: () => ReadonlyMap<string, number>,
): string | null {
  if (length.p === null || length.p > alpha || (length.change ?? 0) <= 0) return null;
  if (pairs.every((pair) => pair.exam.judge === null)) return null;
  const deltas = lengthDeltas();
  const x: number[] = [];
  const y: number[] = [];
  for (const pair of pairs) {
    const longer = deltas.get(pair.id);
    if (pair.exam.judge === null || longer === undefined) continue;
    x.push(longer);
    y.push(pair.candidate.scoreSum / pair.candidate.graded - pair.baseline.scoreSum / pair.baseline.graded);
  }
  const gain = y.reduce((sum, v) => sum + v, 0);
  const rho = spearman(x, y);
  if (gain <= 0 || rho === null || rho < CONFOUND_RHO) return null;
  return `answers became longer (${signedPercent(length.change ?? 0)}) and the judge scored the longer ones higher (Spearman ${rho.toFixed(2)}): an improvement may be the judge's taste for length`;
}
