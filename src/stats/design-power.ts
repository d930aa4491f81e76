// Planning: what a design can detect, and how many trials a decision needs.

import { normalCdf, normalQuantile } from './normal.ts';
import { requireOpenUnit } from './numeric.ts';

/** A two-arm design over n fixed strata: kA and kB values a stratum, mean within-stratum variance vBar. */
export interface Design {
  readonly vBar: number;
  readonly kA: number;
  readonly kB: number;
  readonly n: number;
  /** One-sided error rate. */
  readonly alpha: number;
  readonly power: number;
  /** Margin the design is to decide about, on the scale of the values. */
  readonly delta: number;
}

/** What the design can do: standard error, smallest detectable difference, trials an arm needed, non-inferiority power. */
export interface DesignPower {
  readonly se: number;
  readonly mde: number;
  readonly trialsPerArm: number;
  readonly niPowerAtZero: number;
}

/**
 * Normal-theory power: se = sqrt(vBar (1/kA + 1/kB) / n); mde = (z_{1-alpha} + z_power) se;
 * trialsPerArm = ceil(2 vBar ((z_{1-alpha} + z_power)/delta)^2) over all strata; niPowerAtZero = P(lower limit > -delta)
 * when nothing changed. RangeError unless n, kA, kB >= 1, vBar >= 0, delta > 0.
 */
export function designPower({ vBar, kA, kB, n, alpha, power, delta }: Design): DesignPower {
  requireOpenUnit(alpha, 'alpha');
  requireOpenUnit(power, 'power');
  if (!(n > 0 && kA > 0 && kB > 0)) throw new RangeError('designPower requires n, kA and kB above 0');
  if (!(vBar >= 0 && delta > 0)) throw new RangeError('designPower requires vBar >= 0 and delta > 0');
  const zAlpha = normalQuantile(1 - alpha);
  const z = zAlpha + normalQuantile(power);
  const se = Math.sqrt((vBar * (1 / kA + 1 / kB)) / n);
  return {
    se,
    mde: z * se,
    trialsPerArm: Math.ceil(2 * vBar * (z / delta) ** 2),
    niPowerAtZero: se === 0 ? 1 : normalCdf(delta / se - zAlpha),
  };
}
