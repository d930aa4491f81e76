// Whose doing a difference is, in words: the change, the world (provider, judge, tools, data), both, or neither.

import { count, pointInterval, points } from '../../base/numbers.ts';
import type { Cause, Comparison, Contrast } from '../../core/comparison.ts';

const HEADLINES: Readonly<Record<Cause, string>> = {
  change: 'your change: the candidate does worse than the baseline release run beside it today',
  world: 'the world moved, not your change: the unchanged baseline release does no better today',
  both: 'both: your change makes it worse, and the unchanged baseline release moved too',
  neither: 'neither your change nor the world: no difference was shown',
};

/** The headline of the cause; null where there was no control and nothing can be said, and in comparisons of stored runs. */
export function causeHeadline({ cause, verdict }: Comparison): string | null {
  if (cause === undefined || cause === null) return null;
  if (cause === 'neither' && verdict === 'inconclusive')
    return 'no cause was shown: neither a change nor its absence';
  if (cause === 'neither' && verdict === 'improved') return 'your change: it does better';
  return HEADLINES[cause];
}

/** The headline, and one line for each contrast that was measured; empty where a comparison has no control. */
export function causeLines(c: Comparison): string[] {
  const head = causeHeadline(c);
  if (head === null || c.contrasts === undefined) return [];
  const { change, world, worldCases } = c.contrasts;
  const lines = [head];
  if (world !== null) {
    if (change !== null)
      lines.push(`candidate against the baseline release, both run today: ${contrastText(change)}`);
    lines.push(`baseline release today against its stored runs: ${contrastText(world)}`);
  }
  if (worldCases.length > 0)
    lines.push(
      `the baseline release itself fails today in ${count(worldCases.length, 'case')}: ${worldCases.slice(0, 5).join(', ')}${worldCases.length > 5 ? ', …' : ''}`,
    );
  return lines;
}

function contrastText({ delta, interval, cases }: Contrast): string {
  return `${points(delta)}, interval ${pointInterval(interval)}, over ${count(cases, 'case')}`;
}

/** What noise between runs a comparison of stored runs carries; null where the arms were run together. */
export function betweenRunsText({ betweenRuns }: Comparison): string | null {
  if (betweenRuns === undefined || betweenRuns === null) return null;
  const { runs, sd, correlation, prior } = betweenRuns;
  const from =
    runs < 2
      ? `assumed (one run cannot show it): ${prior.sd}, worth ${prior.weight} runs`
      : `from ${count(runs, 'run')} and a prior of ${prior.sd} worth ${prior.weight} runs; correlation from day to day ${correlation.toFixed(2)}`;
  return `noise between runs: sd ${sd.toFixed(2)} on the logit scale, ${from}`;
}
