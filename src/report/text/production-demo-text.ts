// The demo of production on a terminal: what happened, which signal moved when, and the commands that follow.

import { count, grouped, milliseconds, percent, when } from '../../base/numbers.ts';
import type { ProductionDemo, SignalShift } from '../../core/production-demo.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** `dir` is the folder as the reader typed it, for the commands at the end. */
export function productionDemoText(
  d: ProductionDemo,
  options: { readonly style?: Style; readonly dir: string },
): string {
  const style = options.style ?? PLAIN;
  const db = `--db ${options.dir}/production.db`;
  const left = d.residue.signals.filter((s) => s.state === 'not-returned').map((s) => s.signal);
  const open = d.residue.signals.filter((s) => s.state === 'cannot-tell').length;
  const to = `${options.dir}/cases`;
  return `${style.bold('A SIMULATION')}: scripted traffic on this machine, no network, no key, no cost. The intake and the commands are the ones that do real work.
${grouped(d.observations)} answers of ${d.feature} and ${grouped(d.outcomes)} outcomes, ${when(d.start)} to ${when(d.end)} UTC.

${when(d.change)}  the provider changes its model without a word; its name stays the same
${when(d.rollback)}  rolled back from ${d.withdrawn} to ${d.restored}

${style.bold('Which signal moved when')} (level shifts of blocks of six hours)
${d.shifts.map(shiftLine).join('\n')}
* lags: counted at the time of the answer, known only when users have acted

${style.bold('What is left')}
  decisions  ${count(d.decisions.decisions, 'decision')} of ${d.withdrawn} since the change, ${d.decisions.unmarked} not reviewed yet
  residue    ${left.length === 0 ? 'every signal with enough data has returned' : `not returned: ${left.join(', ')}`}${open === 0 ? '' : `; cannot tell: ${open} of ${d.residue.signals.length}`}

Next:
  npx lastgood signals ${d.feature} --since 7d ${db}
  npx lastgood decisions ${d.feature} --release ${d.withdrawn} --since ${d.change} ${db}
  npx lastgood residue ${d.feature} --rollback ${d.rollback} --change ${d.change} ${db}
  npx lastgood import --from observations --feature ${d.feature} --failing --sample 50 --to ${to} ${db}
`;
}

function shiftLine(s: SignalShift): string {
  const name = `${terminalLine(s.signal, 30)}${s.lagging ? '*' : ''}`.padEnd(22);
  return `  ${when(s.at)}  ${name} ${shown(s, s.before)} → ${shown(s, s.after)}`;
}

function shown({ unit }: SignalShift, value: number): string {
  if (unit === 'share') return percent(value);
  if (unit === 'ms') return milliseconds(value);
  return String(Number(value.toPrecision(3)));
}
