// What is left of an incident, on a terminal: what has not returned first, what cannot be told next.

import { grouped, percent, when } from '../../base/numbers.ts';
import {
  RESIDUE_STATES,
  type ResidueChange,
  type ResiduePeriod,
  type ResidueReport,
  type ResidueSignal,
} from '../../core/residue.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

const WORDS = {
  'not-returned': 'NOT RETURNED',
  'cannot-tell': 'cannot tell',
  returned: 'returned',
  unmoved: 'as before',
} as const;

export function residueText(r: ResidueReport, style: Style = PLAIN): string {
  const found = r.change.release === null ? '' : ` (release ${terminalLine(r.change.release, 40)})`;
  const lines = [
    `${style.bold(terminalLine(r.feature, 60))}: change ${when(r.change.at)} UTC${found}, rollback ${when(r.rollback)} UTC`,
    periodText('before', r.before),
    periodText('during', r.during),
    periodText('after', r.after),
    '',
  ];
  for (const state of RESIDUE_STATES)
    for (const signal of r.signals.filter((s) => s.state === state))
      lines.push(...signalLines(signal, style));
  if (r.signals.length === 0)
    lines.push('cannot tell: no outcome is stored. Send outcomes, such as edits and overrides.');
  else lines.push('', verdictText(r));
  lines.push(
    'Intervals are 95%, from blocks of time. The mix of tasks and the day of the week are not adjusted for.',
  );
  return `${lines.join('\n')}\n`;
}

function periodText(name: string, { from, to, observations }: ResiduePeriod): string {
  const time = from >= to ? 'no settled hour yet' : `${when(from)} to ${when(to)} UTC`;
  return `  ${name.padEnd(7)} ${time}, ${grouped(observations)} answers`;
}

function signalLines(s: ResidueSignal, style: Style): string[] {
  const word = WORDS[s.state].padEnd(13);
  const name = terminalLine(s.signal, 24).padEnd(18);
  const value = (v: number | null): string => (v === null ? 'not known' : shown(s, v));
  const values = `before ${value(s.before.value)}, during ${value(s.during.value)}, after ${value(s.after.value)}`;
  const left = s.remaining === null || s.state === 'unmoved' ? '' : `; left ${changeText(s, s.remaining)}`;
  const first = `${s.state === 'not-returned' ? style.red(word) : word} ${name} ${values}${left}`;
  return s.why === null ? [first] : [first, `${' '.repeat(14)}${s.why}`];
}

function changeText(s: ResidueSignal, { value, interval: [low, high] }: ResidueChange): string {
  const one = (v: number): string => {
    const text = s.unit === 'share' ? (100 * Math.abs(v)).toFixed(1) : plain(Math.abs(v));
    return Number(text) === 0 ? '0' : `${v < 0 ? '−' : '+'}${text}`;
  };
  return `${one(value)}${s.unit === 'share' ? ' points' : ''} (${one(low)} to ${one(high)})`;
}

function shown({ unit }: ResidueSignal, value: number): string {
  return unit === 'share' ? percent(value, 1) : plain(value);
}

const plain = (value: number): string => String(Number(value.toPrecision(4)));

function verdictText({ verdict, signals, settleHours }: ResidueReport): string {
  const n = (state: ResidueSignal['state']): number => signals.filter((s) => s.state === state).length;
  if (verdict === 'returned') return 'All user signals are as before the change.';
  if (verdict === 'not-returned')
    return `Not returned: ${n('not-returned')} of ${signals.length} user signals. Users still feel the change.`;
  return `Cannot tell for ${n('cannot-tell')} of ${signals.length} user signals. Answers count once they are ${settleHours} h old; run this again later.`;
}
