// McNemar's exact test on paired yes/no outcomes.
import { logBinomPmf, logBinomTails } from './binomial.ts';
import { LN10, requireCount } from './numeric.ts';

/** Result of McNemar's exact test; the log10 fields stay finite where p itself underflows to 0. */
export interface McNemar {
  readonly exactTwoSided: number;
  readonly log10TwoSided: number;
  /** P(at least so many pass-to-fail flips): small when arm b is worse. */
  readonly pRegression: number;
  readonly log10Regression: number;
  /** P(at least so many fail-to-pass flips): small when arm b is better. */
  readonly pImprovement: number;
  readonly log10Improvement: number;
  readonly midpTwoSided: number;
}

/**
 * McNemar's exact test (McNemar 1947): given n discordant pairs, pass-to-fail flips are Bin(n, 1/2).
 * Two-sided p doubles the smaller tail; mid-p takes off one point probability (Fagerland, Lydersen & Laake 2013).
 */
export function mcnemar(counts: { passToFail: number; failToPass: number }): McNemar {
  const { passToFail, failToPass } = counts;
  requireCount(passToFail, 'passToFail');
  requireCount(failToPass, 'failToPass');
  const n = passToFail + failToPass;
  const logRegression = logBinomTails(passToFail - 1, n, 0.5).upper;
  const logImprovement = logBinomTails(failToPass - 1, n, 0.5).upper;
  const logTwo = Math.min(0, Math.LN2 + Math.min(logRegression, logImprovement));
  const twoSided = Math.exp(logTwo);
  const point = Math.exp(logBinomPmf(passToFail, n, 0.5));
  return {
    exactTwoSided: twoSided,
    log10TwoSided: logTwo / LN10,
    pRegression: Math.exp(logRegression),
    log10Regression: logRegression / LN10,
    pImprovement: Math.exp(logImprovement),
    log10Improvement: logImprovement / LN10,
    midpTwoSided: passToFail === failToPass ? 1 : Math.min(1, Math.max(0, twoSided - point)),
  };
}
