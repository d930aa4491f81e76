// The demo's story, beat by beat, for a terminal. Every number comes from the run that is being told.

import { percent, points } from '../../base/numbers.ts';
import type { DemoBeat } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { comparisonText } from './comparison-text.ts';
import { rollbackText } from './rollback-text.ts';
import { PLAIN, type Style } from './style.ts';

/** One beat as lines of text. `dir` is the folder as the reader typed it, for the commands at the end. */
export function demoBeatText(
  beat: DemoBeat,
  options: { readonly style?: Style; readonly dir: string },
): string {
  const style = options.style ?? PLAIN;
  switch (beat.kind) {
    case 'start':
      return `${style.bold('A SIMULATION')}: scripted models on this machine, no network, no key, no cost. The code is the one that does real work.
Suite ${beat.suite}, ${beat.cases} cases. The provider will change its model without a word on ${beat.changeAt.slice(0, 10)}; the fingerprint will not move.

`;
    case 'earlier-release':
      return `${beat.at.slice(0, 10)}  ${beat.snapshot.id}  ${percent(beat.snapshot.passRate)}  ${terminalLine(beat.snapshot.release, 40)} (the earlier release, through another provider)\n`;
    case 'night': {
      const verdict = beat.alarm
        ? style.red('REGRESSED')
        : beat.verdict === null
          ? style.dim('no baseline yet')
          : `${style.green('no alarm')} (${beat.verdict})`;
      const rerun = beat.rerun
        ? beat.alarm
          ? ', run again at once: confirmed'
          : ' unusual at first, run again at once: not confirmed'
        : '';
      return `${beat.at.slice(0, 10)}  ${beat.snapshot.id}  ${percent(beat.snapshot.passRate)}  ${verdict}${rerun}\n`;
    }
    case 'blessed':
      return `            ${style.green(`${beat.snapshot} is blessed as the baseline`)}\n`;
    case 'prompt-change':
      return `            a reworded prompt is tried: ${beat.comparison.verdict} (${points(beat.comparison.overall.delta)}), layers changed: ${beat.comparison.attribution.layersChanged.join(', ')}\n`;
    case 'alarm':
      return `\n${style.bold('The alarm')}\n\n${comparisonText(beat.comparison, { style, maxCases: 3, brief: true })}`;
    case 'rollback':
      return `\n${style.bold('What do we restore?')}\n\n${rollbackText(beat.decision, { style })}`;
    case 'written': {
      const db = `--db ${options.dir}/lastgood.db`;
      return `
Written: ${beat.files.map((f) => terminalLine(f, 200)).join(', ')}
Next:
  npx lastgood list ${db}
  npx lastgood diff ${beat.baseline} ${beat.incident} ${db}
  ${beat.worstCase === null ? `npx lastgood show ${beat.incident} ${db}` : `npx lastgood show ${beat.incident} --case ${beat.worstCase} ${db}`}
`;
    }
  }
}
