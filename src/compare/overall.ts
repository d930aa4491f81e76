// The numbers of the whole suite as a comparison carries them.

import type { Comparison, OverallVerdict } from '../core/comparison.ts';
import type { Findings } from './findings.ts';
import type { Settings } from './options.ts';
import type { Pairing } from './pairing.ts';
import { armRate } from './slices.ts';
import { generalise } from './tallies.ts';

/** `findings` is null when nothing was paired. */
export function overallOf(
  pairing: Pairing,
  findings: Findings | null,
  verdict: OverallVerdict,
  settings: Settings,
): Comparison['overall'] {
  const { confidence } = settings.policy;
  const pairs = pairing.paired;
  if (findings === null)
    return {
      delta: null,
      interval: null,
      confidence,
      p: null,
      log10p: null,
      pRegression: null,
      pImprovement: null,
      drivenBy: null,
      method: 'nothing compared',
      pairs: 0,
      baselineTrialsPerCase: null,
      candidateTrialsPerCase: null,
      minimumDetectable: null,
      trialsNeeded: null,
      generalisation: { interval: null, clusters: 0, note: null },
    };
  const { sensitivity: seen, today } = findings;
  const evidence = today?.evidence ?? findings.evidence;
  const down =
    verdict === 'regressed' || (verdict !== 'improved' && evidence.pRegression <= evidence.pImprovement);
  return {
    delta: evidence.delta,
    interval: evidence.interval,
    confidence,
    p: evidence.suite.twoSided,
    log10p: evidence.suite.log10TwoSided,
    pRegression: evidence.pRegression,
    pImprovement: evidence.pImprovement,
    drivenBy: down ? evidence.drivenBy.less : evidence.drivenBy.greater,
    method:
      pairing.pooled.length === 0
        ? evidence.method
        : `${evidence.method}, against a pool of ${pairing.pooled.length + 1} snapshots`,
    pairs: pairs.length,
    baselineTrialsPerCase: armRate(pairs, 'baseline').trials / pairs.length,
    candidateTrialsPerCase: armRate(pairs, 'candidate').trials / pairs.length,
    minimumDetectable: seen.minimumDetectable,
    trialsNeeded: verdict === 'inconclusive' ? seen.trialsNeeded : null,
    generalisation: generalise(pairs, settings.seed),
  };
}
