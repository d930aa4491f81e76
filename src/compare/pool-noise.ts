// Do nights of an unchanged release differ by more than trial noise? Then one night against the pool proves less than it seems.

import type { Policy } from '../core/policy.ts';
import type { SnapshotResults } from '../core/snapshot.ts';
import { normalCdf, normalQuantile } from '../stats/normal.ts';
import { type RunNoise, runNoise } from '../stats/run-noise.ts';
import { tallyOf } from './arm.ts';
import type { Evidence } from './evidence.ts';
import type { PairedCase } from './pairing.ts';

/** Fewer clean snapshots say nothing about variation between nights. */
const MIN_NIGHTS = 4;
const NOISE_ALPHA = 0.01;

/** Heterogeneity of the suite's pass rate over the pooled snapshots; null with fewer than four of them. */
export function poolNoise(
  nights: readonly SnapshotResults[],
  pairs: readonly PairedCase[],
  appError: Policy['appError'],
): RunNoise | null {
  if (nights.length < MIN_NIGHTS) return null;
  const means: number[] = [];
  const variances: number[] = [];
  for (const night of nights) {
    const cases = new Map(night.cases.map((c) => [c.id, c]));
    let rates = 0;
    let variance = 0;
    let n = 0;
    for (const { id, baseline } of pairs) {
      const result = cases.get(id);
      const tally = result === undefined ? null : tallyOf(result, appError);
      if (tally === null || tally.graded === 0) continue;
      n += 1;
      rates += tally.passed / tally.graded;
      // Unbiased variance of one trial, from all pooled trials of the case.
      const { passed: x, graded: k } = baseline;
      if (k > 1) variance += (x * (k - x)) / (k * (k - 1)) / tally.graded;
    }
    if (n === 0) continue;
    means.push(rates / n);
    variances.push(variance / (n * n));
  }
  return means.length < MIN_NIGHTS ? null : runNoise(means, variances);
}

/** True when the nights vary by more than their trials explain. */
export function isNoisy(noise: RunNoise | null): noise is RunNoise {
  return noise !== null && noise.p < NOISE_ALPHA;
}

function weaken(p: number, phi: number): number {
  if (p <= 0 || p >= 0.5) return p;
  return normalCdf(normalQuantile(p) / Math.sqrt(phi));
}

/** The global p-values with their z divided by the square root of the overdispersion. */
export function weakened(evidence: Evidence, noise: RunNoise): Evidence {
  return {
    ...evidence,
    pRegression: weaken(evidence.pRegression, noise.phi),
    pImprovement: weaken(evidence.pImprovement, noise.phi),
  };
}
