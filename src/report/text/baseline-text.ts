// The log of blessings for a person at a terminal.

import { when } from '../../base/numbers.ts';
import type { Blessing } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

const DAY_MS = 86_400_000;
/** From this age on a baseline is pointed out: what it was measured on may have moved. */
export const BASELINE_OLD_DAYS = 30;

/** Newest last; the one in force of each suite is marked and its age told. */
export function baselineText(
  log: readonly Blessing[],
  options: { readonly style?: Style; readonly now: Date },
): string {
  const style = options.style ?? PLAIN;
  if (log.length === 0) return 'No baseline yet. Name one: lastgood bless REF --why TEXT\n';
  const inForce = new Map(log.map((b) => [b.suite, b]));
  const lines = log.map((b) => {
    const days = Math.floor((options.now.getTime() - Date.parse(b.at)) / DAY_MS);
    const mark =
      inForce.get(b.suite) === b ? style.green(`in force, ${days} days old`) : style.dim('replaced');
    const overrode =
      b.overrode.length > 0 ? `\n    overrode: ${terminalLine(b.overrode.join('; '), 300)}` : '';
    return `${when(b.at)}  ${b.snapshot}  ${terminalLine(b.suite, 40)}  by ${terminalLine(b.by, 40)}: ${terminalLine(b.why, 200)}  ${mark}${overrode}`;
  });
  const old = [...inForce.values()].filter(
    (b) => options.now.getTime() - Date.parse(b.at) > BASELINE_OLD_DAYS * DAY_MS,
  );
  for (const b of old)
    lines.push(
      style.yellow(
        `warning: the baseline of ${terminalLine(b.suite, 40)} is older than ${BASELINE_OLD_DAYS} days; run it again, read the outputs, and bless the new run if they are still what you want`,
      ),
    );
  return `${lines.join('\n')}\n`;
}
