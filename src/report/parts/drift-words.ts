// Drift in words, the same on a terminal, in an alert and on a timeline.

import { milliseconds, percent, signed, signedPercent, usd, when } from '../../base/numbers.ts';
import type { DriftFacts, LevelUnit, MonitorChange, MonitorState } from '../../core/index.ts';
import { terminalLine } from './escape.ts';

/** A level of a signal with its unit. */
export function levelText(unit: LevelUnit, value: number | null): string {
  if (value === null) return 'not known';
  switch (unit) {
    case 'share':
    case 'tail':
      return percent(value);
    case 'score':
      return value.toFixed(3);
    case 'ms':
      return milliseconds(value);
    case 'usd':
      return usd(value);
    case 'characters':
    case 'tokens':
      return `${rounded(value)} ${unit}`;
    case 'number':
      return rounded(value);
  }
}

function rounded(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** A change of a level: points of a share, a difference of a score, a percentage of anything else. */
export function changeText(unit: LevelUnit, from: number, to: number): string {
  if (unit === 'share' || unit === 'tail') return `${signed(100 * (to - from))} points`;
  if (unit === 'score') return signed(to - from, 3);
  return from === 0 ? 'from 0' : signedPercent(to / from - 1);
}

/** The smallest change that matters, as it is written in the file. */
export function changeRuleText({ kind, value }: MonitorChange): string {
  const amount = String(Number((100 * value).toPrecision(6)));
  return kind === 'ratio' ? `${amount}%` : `${amount} ${value === 0.01 ? 'point' : 'points'}`;
}

/** What is counted, where the name of the signal does not say it. */
export function levelNote(unit: LevelUnit): string {
  return unit === 'tail' ? ' of answers above the p95 of the reference' : '';
}

export function groupName(group: string | null): string {
  return group === null ? '(none)' : terminalLine(group, 40);
}

/** What drifted, from where to where and since when, in one line. */
export function driftSummary(state: Pick<MonitorState, 'signal' | 'unit' | 'by'>, drift: DriftFacts): string {
  return `${state.signal} ${driftClause(state, drift)}`;
}

/** The same without the name of the signal. */
export function driftClause({ unit, by }: Pick<MonitorState, 'unit' | 'by'>, drift: DriftFacts): string {
  const of = drift.group === null ? '' : `of ${by} ${groupName(drift.group)} `;
  if (drift.to === null) return `${of}left its reference of ${levelText(unit, drift.from)}`;
  const range = drift.interval === null ? '' : `; ${rangeText(unit, drift.interval)}`;
  const verb = drift.to >= drift.from ? 'rose' : 'fell';
  const since = drift.since === null ? '' : `, since ${when(drift.since.best)} UTC`;
  return `${of}${verb} from ${levelText(unit, drift.from)} to ${levelText(unit, drift.to)}${levelNote(unit)} (${changeText(unit, drift.from, drift.to)}${range})${since}`;
}

/** A 90% interval of a level; a unit that is a word stands once. */
export function rangeText(unit: LevelUnit, [low, high]: readonly [number, number]): string {
  const from = unit === 'characters' || unit === 'tokens' ? rounded(low) : levelText(unit, low);
  return `90% interval ${from} to ${levelText(unit, high)}`;
}
