// A timeline on a terminal: at most 25 lines, the order in which signals moved at the end.

import { count, when } from '../../base/numbers.ts';
import type { FeatureTimeline, MoveFacts, TimelineItem } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { signalChangeText, signalValueText } from '../parts/signal-words.ts';
import { PLAIN, type Style } from './style.ts';

/** Items that are shown without `--verbose`. */
const MOST_ITEMS = 16;
const MOST_TEMPLATES = 3;
/** Events, decisions and models before the first move that are named. */
const MOST_CAUSES = 5;
/** A beginning that is known better than this is one time. */
const PLAIN_RANGE_MS = 30 * 60_000;
const WHY = {
  history: '14 days of answers before the timeline are needed',
  'few-answers': 'too few answers, or an hour or weekday without any',
  'other-base': 'the application began to send `false` for a fact',
} as const;

export function timelineText(
  t: FeatureTimeline,
  options: { readonly verbose?: boolean; readonly style?: Style } = {},
): string {
  const style = options.style ?? PLAIN;
  const moved = new Set(t.order.map((o) => o.signal)).size;
  const lines = [
    `${style.bold(terminalLine(t.feature, 60))}, ${when(t.from)} to ${when(t.to)} UTC: ${count(t.observations, 'answer')}, ${count(moved, 'signal')} moved`,
  ];
  const shown = options.verbose === true ? t.items : mostTelling(t.items);
  let day = '';
  for (const item of shown) {
    const [date = '', time = ''] = when(item.at).split(' ');
    lines.push(
      `  ${date === day ? ' '.repeat(10) : date} ${time}  ${itemText(item, style, options.verbose === true)}`,
    );
    day = date;
  }
  if (shown.length < t.items.length)
    lines.push(`  ${count(t.items.length - shown.length, 'more item')}: --verbose lists all`);
  if (t.items.length === 0) lines.push('  nothing was recorded, and no signal moved');
  lines.push(...orderLines(t), ...unjudgedLines(t, options.verbose === true));
  return `${lines.join('\n')}\n`;
}

/** Moves and what may have caused them come before the rest, in the order of time. */
function mostTelling(items: readonly TimelineItem[]): readonly TimelineItem[] {
  if (items.length <= MOST_ITEMS) return items;
  const rank = (item: TimelineItem): number =>
    item.move !== null ? 0 : item.source === 'event' ? 1 : item.source === 'signal' ? 3 : 2;
  const kept = new Set([...items].sort((a, b) => rank(a) - rank(b)).slice(0, MOST_ITEMS));
  return items.filter((item) => kept.has(item));
}

function itemText(item: TimelineItem, style: Style, verbose: boolean): string {
  const ref = item.ref === null ? '' : ` (${terminalLine(item.ref, 60)})`;
  if (item.move !== null) return `${style.red('signal')}  ${moveText(item.move, verbose)}`;
  if (item.source === 'signal') return `signal  ${terminalLine(item.text, 60)} is back at its usual level`;
  const word =
    item.source === 'event' || item.source === 'monitor' ? item.kind : `${item.source} ${item.kind}`;
  return `${style.bold(terminalLine(word, 30))}  ${terminalLine(item.text, verbose ? 300 : 80)}${ref}`;
}

/** `length.p95 +38.0 % (612 → 845), until 02-14 18:00; most in refund, invoice`. */
function moveText(m: MoveFacts, verbose: boolean): string {
  const value = (v: number): string => signalValueText(m.unit, v);
  const until = m.until === null ? '' : `, until ${when(m.until).slice(5)}`;
  const wide = Date.parse(m.latest) - Date.parse(m.earliest) > PLAIN_RANGE_MS;
  const range = wide ? `, began ${when(m.earliest).slice(5)} to ${when(m.latest).slice(5)}` : '';
  const most = m.templates.slice(0, verbose ? m.templates.length : MOST_TEMPLATES).map((t) => {
    const name = t.template === null ? '(none)' : terminalLine(t.template, 30);
    return verbose ? `${name} ${value(t.from)} → ${value(t.to)}` : name;
  });
  return `${terminalLine(m.signal, 40)} ${signalChangeText(m.unit, m.from, m.to)} (${value(m.from)} → ${value(m.to)})${range}${until}${most.length < 2 ? '' : `; most in ${most.join(', ')}`}`;
}

function orderLines(t: FeatureTimeline): string[] {
  const [first] = t.order;
  if (first === undefined) return [];
  const start = Date.parse(first.at);
  const steps = t.order.map((o, i) => {
    const later = Date.parse(o.at) - start;
    const joint = i === 0 ? '' : o.uncertain ? ', about then ' : ', then ';
    return `${joint}${terminalLine(o.signal, 40)}${i === 0 ? ` (${when(o.at)})` : ` (+${delayText(later)})`}`;
  });
  const causes = t.before.flatMap((i) => t.items[i] ?? []).slice(-MOST_CAUSES);
  // A beginning is known to within a range, and some of these lie in it.
  const joint = causes.filter((c) => Date.parse(c.at) >= start).map(causeName);
  const before = [
    ...causes
      .filter((c) => Date.parse(c.at) < start)
      .map((c) => `${causeName(c)} ${delayText(start - Date.parse(c.at))} earlier`),
    ...(joint.length === 0 ? [] : [`at about the same time ${joint.join(', ')}`]),
  ];
  return [
    `Moved first: ${steps.join('')}`,
    causes.length === 0
      ? 'Before it: no event, release or served model within a day'
      : `Before it: ${before.join(', ')}. This is an order in time, not a proof of cause.`,
  ];
}

function causeName({ source, kind }: TimelineItem): string {
  return terminalLine(source === 'event' ? kind : `${source} ${kind}`, 40);
}

function delayText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = minutes / 60;
  return hours < 48 ? `${Number(hours.toFixed(1))} h` : `${Number((hours / 24).toFixed(1))} d`;
}

function unjudgedLines(t: FeatureTimeline, verbose: boolean): string[] {
  const usual =
    t.usualSince === null ? [] : [`Usual levels are those of ${when(t.usualSince)} to ${when(t.from)} UTC.`];
  if (t.unjudged.length === 0) return usual;
  const groups = Map.groupBy(t.unjudged, (u) => u.why);
  return [
    ...usual,
    ...[...groups].map(([why, list]) => {
      const names = list.map((u) => terminalLine(u.signal, 40));
      const shown = verbose ? names.join(', ') : names.slice(0, 6).join(', ');
      return `Not judged (${WHY[why]}): ${shown}${names.length > 6 && !verbose ? ` and ${names.length - 6} more` : ''}`;
    }),
  ];
}
