// Anytime-valid test of a bounded mean by betting: may be looked at after every observation.
import { requireOpenUnit, requireUnit } from './numeric.ts';

/** Capital path of the bettor. crossIndex = first t at which capital reached 1/alpha, null if never. */
export interface BettingEProcess {
  readonly logCapital: number[];
  readonly crossIndex: number | null;
  /** Capital after the last observation: an e-value. */
  readonly eValue: number;
}

/** H0 "mean >= m" is refuted by alternative 'less', H0 "mean <= m" by 'greater'. */
export interface BettingOptions {
  readonly m: number;
  readonly alternative: 'less' | 'greater';
  /** Largest share of the capital at risk in one bet. */
  readonly c?: number;
  readonly alpha?: number;
}

/** The state of a bet between observations, so that a stream can be tested one value at a time. */
export class BettingTest {
  private readonly m: number;
  private readonly sign: 1 | -1;
  private readonly cap: number;
  private count = 1;
  private sum = 0.5;
  private squares = 0.25;
  /** ln of the capital; starts at 0. */
  logCapital = 0;

  constructor({ m, alternative, c = 0.5 }: BettingOptions) {
    requireOpenUnit(m, 'm of the betting test');
    requireOpenUnit(c, 'c of the betting test');
    this.m = m;
    this.sign = alternative === 'greater' ? 1 : -1;
    this.cap = alternative === 'greater' ? c / m : c / (1 - m);
  }

  /** Bets on x in [0, 1] with what was known before it, then learns from it. Returns ln of the capital. */
  observe(x: number): number {
    requireUnit(x, 'observation of the betting test');
    const edge = this.sign * (this.sum / this.count - this.m);
    const lambda = Math.min(this.cap, Math.max(0, edge / (this.squares / this.count + edge * edge)));
    this.logCapital += Math.log1p(this.sign * lambda * (x - this.m));
    this.sum += x;
    this.count += 1;
    this.squares += (x - this.sum / this.count) ** 2;
    return this.logCapital;
  }
}

/**
 * Betting e-process for the mean of x_t in [0, 1] (Waudby-Smith & Ramdas 2024): K_t = prod(1 +- lambda_t (x_t - m)),
 * lambda_t = edge/(var + edge^2) from the past only (pseudo-observation 1/2, variance 1/4), clipped to [0, c/m] (greater) or
 * [0, c/(1-m)] (less). By Ville's inequality P(K ever reaches 1/alpha) <= alpha under H0, at any stopping time.
 */
export function bettingEProcess(x: ArrayLike<number>, options: BettingOptions): BettingEProcess {
  const alpha = options.alpha ?? 0.05;
  requireOpenUnit(alpha, 'alpha');
  const test = new BettingTest(options);
  const logCapital: number[] = [];
  let crossIndex: number | null = null;
  for (let t = 0; t < x.length; t++) {
    logCapital.push(test.observe(x[t]!));
    if (crossIndex === null && test.logCapital >= -Math.log(alpha)) crossIndex = t;
  }
  return { logCapital, crossIndex, eValue: Math.exp(test.logCapital) };
}
