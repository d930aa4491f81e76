// Signals on a terminal: the value now, before, and how it changed.

import { count, grouped, milliseconds, percent, signedPercent, usd, when } from '../../base/numbers.ts';
import type { SignalGroup, SignalReport, SignalValue } from '../../core/signals.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** Most groups that a terminal gets; JSON has more. */
const SHOWN_GROUPS = 12;

export function signalsText(
  r: SignalReport,
  options: { readonly verbose?: boolean; readonly style?: Style } = {},
): string {
  const style = options.style ?? PLAIN;
  const verbose = options.verbose === true;
  const [all, ...groups] = r.groups;
  const lines = [
    `${style.bold(terminalLine(r.feature, 60))}: ${count(all?.observations ?? 0, 'observation')}, ${when(r.from)} to ${when(r.to)} UTC; before: ${when(r.beforeFrom)} to ${when(r.from)}`,
  ];
  if (all !== undefined) lines.push(...groupLines(all, verbose));
  for (const group of groups.slice(0, SHOWN_GROUPS)) {
    const name = r.by === null ? '' : (group.key[r.by] ?? '(none)');
    lines.push(
      '',
      `${style.bold(`${r.by} ${terminalLine(name, 60)}`)}: ${count(group.observations, 'observation')}`,
    );
    lines.push(...groupLines(group, verbose));
  }
  const more = groups.length - SHOWN_GROUPS + r.moreGroups;
  if (more > 0) lines.push('', `${count(more, 'more group')}; --json lists the largest 50`);
  if (all?.signals.some((s) => s.lagging && s.value !== null) === true)
    lines.push('', '* lags: outcomes of the newest observations may still come');
  if (all?.signals.some((s) => s.partial) === true)
    lines.push('≥ lower bound: the cost of some calls is unknown');
  lines.push(`Quantiles are within 1%; all other numbers are exact. Embedding: ${r.embedding}.`);
  return `${lines.join('\n')}\n`;
}

function groupLines({ signals, before, servedModels }: SignalGroup, verbose: boolean): string[] {
  const rows = signals.filter((s) => verbose || s.value !== null);
  const lines = rows.map((s) => {
    const then = before?.find((b) => b.signal === s.signal);
    const name = `${terminalLine(s.signal, 40)}${s.lagging ? '*' : ''}`.padEnd(24);
    const known =
      s.value === null
        ? ''
        : s.of === 'sample'
          ? `of a sample of ${grouped(s.n)}`
          : `of ${grouped(s.n)} ${s.n === 1 ? s.of.replace(/s$/, '') : s.of}`;
    const range =
      verbose && s.interval !== null ? `  95% ${shown(s, s.interval[0])} to ${shown(s, s.interval[1])}` : '';
    return `  ${name} ${valueText(s).padStart(12)}  ${beforeText(s, then).padEnd(26)} ${known}${range}`.trimEnd();
  });
  const models = Object.entries(servedModels);
  if (models.length > 0)
    lines.push(
      `  served by ${models
        .slice(0, 4)
        .map(([m, n]) => `${terminalLine(m, 40)} (${grouped(n)})`)
        .join(', ')}`,
    );
  return lines;
}

function valueText(s: SignalValue): string {
  if (s.value === null) return 'not known';
  return `${s.partial ? '≥ ' : ''}${shown(s, s.value)}`;
}

function beforeText(now: SignalValue, then: SignalValue | undefined): string {
  if (then === undefined || then.value === null) return '';
  const change =
    now.value === null || then.value === 0 || now.unit === 'distance'
      ? ''
      : now.unit === 'share'
        ? ` (${sign(100 * (now.value - then.value))} points)`
        : ` (${signedPercent(now.value / then.value - 1)})`;
  return `before ${shown(then, then.value)}${change}`;
}

function sign(points: number): string {
  const text = Math.abs(points).toFixed(2);
  return Number(text) === 0 ? '0' : `${points < 0 ? '−' : '+'}${text}`;
}

function shown({ unit }: SignalValue, value: number): string {
  switch (unit) {
    case 'share':
      return percent(value, 2);
    case 'usd':
      return usd(value);
    case 'ms':
      return milliseconds(value);
    case 'count':
      return grouped(value);
    case 'distance':
      return Math.abs(value) < 5e-5 ? '0.0000' : value.toFixed(4);
    default:
      return String(Number(value.toPrecision(4)));
  }
}
