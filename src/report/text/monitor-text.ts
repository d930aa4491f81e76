// Monitors on a terminal: what drifted first, then what cannot be told, then what is quiet.

import { count, grouped, percent, when } from '../../base/numbers.ts';
import type { MonitorOutcome, MonitorReport, MonitorState } from '../../core/index.ts';
import {
  changeRuleText,
  changeText,
  driftClause,
  groupName,
  levelNote,
  levelText,
  rangeText,
} from '../parts/drift-words.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** Groups that are named for one monitor. */
const MOST_GROUPS = 4;
const ORDER: readonly MonitorOutcome[] = ['drift', 'cannot-tell', 'quiet'];
const EVENTS = {
  opened: 'new episode',
  still: 'open since',
  recovered: 'recovered',
  superseded: 'closed: the monitor or its data changed',
} as const;

export function monitorText(
  r: MonitorReport,
  options: { readonly sight?: boolean; readonly style?: Style } = {},
): string {
  const style = options.style ?? PLAIN;
  const lines = [headline(r, style)];
  const sorted = [...r.monitors].sort((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome));
  for (const state of sorted) lines.push(...monitorLines(state, style, options.sight === true));
  lines.push('', ...endLines(r));
  return `${lines.join('\n')}\n`;
}

function headline(r: MonitorReport, style: Style): string {
  const of = (outcome: MonitorOutcome): number => r.monitors.filter((m) => m.outcome === outcome).length;
  const parts = [
    ...(of('drift') > 0 ? [`${of('drift')} drifted`] : []),
    ...(of('cannot-tell') > 0 ? [`${of('cannot-tell')} cannot tell`] : []),
    ...(of('quiet') > 0 ? [`${of('quiet')} quiet`] : []),
  ];
  const word = {
    drift: style.red(style.bold('DRIFT')),
    'cannot-tell': style.yellow(style.bold('CANNOT TELL')),
    quiet: style.green(style.bold('QUIET')),
  }[r.outcome];
  return `${word}  ${terminalLine(r.feature, 64)} at ${when(r.at)} UTC: ${count(r.monitors.length, 'monitor')}, ${parts.join(', ')}`;
}

function monitorLines(m: MonitorState, style: Style, sight: boolean): string[] {
  const word = {
    drift: style.red('drift'),
    'cannot-tell': style.yellow('?    '),
    quiet: style.green('quiet'),
  }[m.outcome];
  const lines = [`  ${word}  ${terminalLine(m.name, 60)}: ${mainClause(m)}`];
  const more = (text: string): void => {
    lines.push(`         ${text}`);
  };
  if (m.drift !== null) {
    more(episodeClause(m));
    const moved = m.drift.affected.slice(0, MOST_GROUPS);
    if (moved.length > 0)
      more(
        `moved most (${m.by}): ${moved.map((a) => `${groupName(a.group)} ${levelText(m.unit, a.from)} → ${levelText(m.unit, a.to)}`).join(', ')}`,
      );
  } else if (m.episode !== null && m.episode.event !== 'still') more(episodeClause(m));
  if (m.mix !== null) more(mixClause(m, m.mix));
  for (const t of m.unseen.filter((u) => u.worse))
    more(
      `new ${m.by} ${groupName(t.group)}: ${levelText(m.unit, t.level)} of ${grouped(t.answers)} answers; the worst known one has ${levelText(m.unit, t.comparedWith)}`,
    );
  if (sight) for (const text of sightClauses(m)) more(text);
  return lines;
}

function mainClause(m: MonitorState): string {
  if (m.drift !== null) return driftClause(m, m.drift);
  if (m.outcome === 'cannot-tell') return gapClause(m);
  const now =
    m.recent === null
      ? ''
      : `, last 7 days ${levelText(m.unit, m.recent.value)} (${rangeText(m.unit, m.recent.interval)})`;
  return `reference ${levelText(m.unit, m.level)}${levelNote(m.unit)}${now}`;
}

function gapClause(m: MonitorState): string {
  const { from, to } = m.reference;
  switch (m.reason) {
    case 'reference':
      return `the reference ${from} to ${to} has too few answers, or lacks an hour or a weekday`;
    case 'gap':
      return `the last window, until ${when(m.through)} UTC, has ${count(m.answers ?? 0, 'answer')}; 20 are needed`;
    case 'not-begun':
      return `no window has ended since the reference (until ${to})`;
    case 'blunt':
      return `a change of ${changeRuleText(m.change)} would not be found within 28 days; it sees ${seesText(m)}`;
    case 'other-base':
      return 'since the reference the application also sends `false` for this fact; pin a newer reference';
    case null:
      return 'not known';
  }
}

function episodeClause(m: MonitorState): string {
  const { episode, drift } = m;
  const by = drift === null ? '' : `found in the window until ${when(drift.openedAt)} UTC (${drift.chart})`;
  if (episode === null) return by;
  const state =
    episode.event === 'still' ? `${EVENTS.still} ${when(episode.openedAt)} UTC` : EVENTS[episode.event];
  return `${by}${by === '' ? '' : '; '}episode ${episode.id}: ${state}`;
}

function mixClause(m: MonitorState, mix: NonNullable<MonitorState['mix']>): string {
  const shares = mix.shares
    .map((s) => `${groupName(s.group)} ${percent(s.from)} → ${percent(s.to)}`)
    .join(', ');
  const within =
    m.recent === null || m.level === null
      ? ''
      : `; within each ${m.by}: ${changeText(m.unit, m.level, m.recent.value)}`;
  return `mix: other ${m.by}s alone move the mean from ${levelText(m.unit, mix.from)} to ${levelText(m.unit, mix.to)} (${shares})${within}`;
}

function seesText(m: MonitorState): string {
  if (m.sees === null || m.level === null) return 'nothing';
  const [down, up] = m.sees.map((to) => changeText(m.unit, m.level ?? 0, to));
  return m.direction === 'up' ? `${up}` : m.direction === 'down' ? `${down}` : `${down} or ${up}`;
}

/** What a calibrated monitor finds, and how soon. */
function sightClauses(m: MonitorState): string[] {
  if (m.sees === null || m.delayDays === null) return [];
  const { up, down } = m.delayDays;
  const days = (value: number | null): string =>
    value === null
      ? 'later than after 28 days'
      : `after ${Number(value.toFixed(2))} ${value === 1 ? 'day' : 'days'}`;
  const delay =
    m.direction === 'both'
      ? `${days(down)} downwards, ${days(up)} upwards`
      : days(m.direction === 'up' ? up : down);
  return [
    `smallest change found within 28 days: ${seesText(m)}`,
    `a change of ${changeRuleText(m.change)} is found ${delay} (4 times in 5)`,
  ];
}

function endLines(r: MonitorReport): string[] {
  const lines: string[] = [];
  if (r.calibration !== null)
    lines.push(
      `Limits ${r.calibration.fresh ? 'were calibrated now' : `are those of ${when(r.calibration.at)} UTC`}: at most 5% of quiet 90-day periods raise a false alarm, over all monitors.`,
    );
  if (r.dryRun === true) lines.push('DRY RUN: nothing was recorded or posted.');
  else if (!r.recorded) lines.push('A later time was checked before: nothing was recorded or posted.');
  const waiting = r.alerts.filter((a) => !a.delivered);
  const sent = r.alerts.length - waiting.length;
  if (sent > 0) lines.push(`${count(sent, 'alert')} posted.`);
  if (waiting.length > 0)
    lines.push(
      `${count(waiting.length, 'alert')} not posted: ${r.webhook ? terminalLine(waiting[0]?.lastError ?? 'the webhook failed', 120) : 'no webhook is set (--webhook, or LASTGOOD_WEBHOOK_URL)'}`,
    );
  if (r.outcome === 'drift') lines.push(`Next: lastgood timeline ${terminalLine(r.feature, 64)} --since 7d`);
  return lines;
}
