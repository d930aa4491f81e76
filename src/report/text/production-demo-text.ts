// The demo of production on a terminal: what happened, which signal moved when, and the commands that follow.

import { count, grouped, when } from '../../base/numbers.ts';
import type { DemoMove, ProductionDemo } from '../../core/production-demo.ts';
import { terminalLine } from '../parts/escape.ts';
import { signalValueText } from '../parts/signal-words.ts';
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
${grouped(d.observations)} answers of ${d.feature} and ${grouped(d.outcomes)} outcomes, ${when(d.first)} to ${when(d.end)} UTC. The story begins on ${when(d.start)}.

${when(d.change)}  the provider changes its model without a word; its name stays the same
${when(d.rollback)}  rolled back from ${d.withdrawn} to ${d.restored}

${style.bold('Which signal moved when')}
${d.moves.length === 0 ? '  none' : d.moves.map(moveLine).join('\n')}

${style.bold('What is left')}
  decisions  ${count(d.decisions.decisions, 'decision')} of ${d.withdrawn} since the change, ${d.decisions.unmarked} not reviewed yet
  residue    ${left.length === 0 ? 'every signal with enough data has returned' : `not returned: ${left.join(', ')}`}${open === 0 ? '' : `; cannot tell: ${open} of ${d.residue.signals.length}`}

Next:
  npx lastgood timeline ${d.feature} --since ${d.start.slice(0, 10)} ${db}
  npx lastgood signals ${d.feature} --since 7d ${db}
  npx lastgood decisions ${d.feature} --release ${d.withdrawn} --since ${d.change} ${db}
  npx lastgood residue ${d.feature} --rollback ${d.rollback} --change ${d.change} ${db}
  npx lastgood import --from observations --feature ${d.feature} --failing --sample 50 --to ${to} ${db}
`;
}

function moveLine({ signal, at, uncertain, move }: DemoMove): string {
  const level = `${signalValueText(move.unit, move.from)} → ${signalValueText(move.unit, move.to)}`;
  return `  ${when(at)}  ${uncertain ? 'about then ' : ''}${terminalLine(signal, 30)} ${level}`;
}
