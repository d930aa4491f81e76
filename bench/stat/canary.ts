// Live traffic in pairs of canary and control, looked at after every pair: how often is the wrong thing done, and how soon the right one?

import { BettingTest, clopperPearson, normalCdf, quantile7 } from '../../src/stats/index.ts';
import { streamOf } from './worlds.ts';

const LONGEST = 3000;
const ALPHA = 0.05;

export interface CanaryCell {
  /** Pass rate of the control. */
  readonly rate: number;
  /** Canary minus control. */
  readonly change: number;
  /** Drop that still may be promoted. */
  readonly margin: number;
}

export interface CanaryScore extends CanaryCell {
  readonly reps: number;
  readonly rollback: number;
  readonly rollbackUpper: number;
  readonly promote: number;
  /** Median pairs until each action, among the runs that took it. */
  readonly rollbackAfter: number | null;
  readonly promoteAfter: number | null;
  /** Rolled back by a z-test at .05 looked at every 50 pairs. */
  readonly peekingRollback: number;
}

export function scoreCanary(cell: CanaryCell, reps: number, seed: number): CanaryScore {
  const { rate, change, margin } = cell;
  const enough = -Math.log(ALPHA);
  const rollbacks: number[] = [];
  const promotions: number[] = [];
  let peeked = 0;
  for (let rep = 0; rep < reps; rep++) {
    const rng = streamOf(seed, 'canary', rate, change, margin, rep);
    const worse = new BettingTest({ m: 0.5, alternative: 'less' });
    const fine = new BettingTest({ m: 0.5 - margin / 2, alternative: 'greater' });
    let acted = false;
    let alarmed = false;
    let better = 0;
    let less = 0;
    for (let pair = 1; pair <= LONGEST; pair++) {
      const control = rng.next() < rate ? 1 : 0;
      const canary = rng.next() < rate + change ? 1 : 0;
      better += canary > control ? 1 : 0;
      less += canary < control ? 1 : 0;
      if (!acted) {
        const x = (canary - control + 1) / 2;
        if (worse.observe(x) >= enough) {
          rollbacks.push(pair);
          acted = true;
        } else if (fine.observe(x) >= enough) {
          promotions.push(pair);
          acted = true;
        }
      }
      if (!alarmed && pair % 50 === 0 && better + less > 0)
        alarmed = normalCdf((better - less) / Math.sqrt(better + less)) <= ALPHA;
    }
    if (alarmed) peeked += 1;
  }
  return {
    ...cell,
    reps,
    rollback: rollbacks.length / reps,
    rollbackUpper: clopperPearson(rollbacks.length, reps, 0.95)?.upper ?? 1,
    promote: promotions.length / reps,
    rollbackAfter: rollbacks.length === 0 ? null : quantile7(rollbacks, 0.5),
    promoteAfter: promotions.length === 0 ? null : quantile7(promotions, 0.5),
    peekingRollback: peeked / reps,
  };
}
