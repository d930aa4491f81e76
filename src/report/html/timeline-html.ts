// A timeline as a self-contained page: what moved first, every item, and each moved signal as a line with marks.

import { count, when } from '../../base/numbers.ts';
import type { FeatureTimeline, TimelineItem, TimelineSeries } from '../../core/index.ts';
import { terminalText } from '../parts/escape.ts';
import { signalChangeText, signalValueText } from '../parts/signal-words.ts';
import { type Html, html, htmlLines, NOTHING } from './html.ts';
import { htmlPage, htmlTable } from './html-page.ts';
import { px } from './series-svg.ts';

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [960, 150, 70, 12, 14, 24];
/** Signals that are drawn: those that moved, then the others. */
const MOST_SERIES = 16;

export function timelineHtml(t: FeatureTimeline): string {
  const moved = t.order.map((o) => o.signal);
  const drawn = [...t.series]
    .sort((a, b) => placeOf(moved, a.signal) - placeOf(moved, b.signal))
    .slice(0, MOST_SERIES);
  const causes = new Set(t.before);
  const body = [
    html`<h1>${terminalText(t.feature)}: timeline</h1>`,
    html`<p>${when(t.from)} to ${when(t.to)} UTC, ${count(t.observations, 'answer')}. ${
      moved.length === 0 ? 'No signal moved.' : `${count(moved.length, 'signal')} moved.`
    }</p>`,
    moved.length === 0
      ? NOTHING
      : html`<h2>What moved first</h2><ol>${t.order.map(
          (o) =>
            html`<li>${when(o.at)} ${terminalText(o.signal)}${o.uncertain ? ' (may have moved before the one above)' : ''}</li>`,
        )}</ol><p>The order in time does not prove a cause.</p>`,
    html`<h2>Items</h2>${itemTable(t.items, causes)}`,
    html`<h2>Signals</h2>`,
    ...drawn.map((s) => lineSvg(s, t)),
    t.unjudged.length === 0
      ? NOTHING
      : html`<p class="warn">Not judged: ${t.unjudged.map((u) => terminalText(u.signal)).join(', ')}.</p>`,
  ];
  return htmlPage(`${t.feature}: timeline`, htmlLines(body));
}

function placeOf(moved: readonly string[], signal: string): number {
  const at = moved.indexOf(signal);
  return at < 0 ? moved.length : at;
}

function itemTable(items: readonly TimelineItem[], causes: ReadonlySet<number>): Html {
  if (items.length === 0) return html`<p>Nothing was recorded, and no signal moved.</p>`;
  return htmlTable(
    ['Time (UTC)', 'Source', 'What', 'Detail'],
    items.map((item, i) => [
      when(item.at),
      item.source,
      `${item.kind}${causes.has(i) ? ' (before or at the first move)' : ''}`,
      detail(item),
    ]),
    { narrow: 'stack' },
  );
}

function detail({ text, ref, move }: TimelineItem): Html {
  const said = html`${terminalText(text)}${ref === null ? '' : html` <code>${terminalText(ref)}</code>`}`;
  if (move === null) return said;
  const value = (v: number): string => signalValueText(move.unit, v);
  const groups = move.templates.map(
    (g) => `${g.template === null ? '(none)' : terminalText(g.template)} ${value(g.from)} → ${value(g.to)}`,
  );
  return html`<strong>${said} ${signalChangeText(move.unit, move.from, move.to)}</strong> (${value(move.from)} → ${value(move.to)}), began between ${when(move.earliest)} and ${when(move.latest)}${groups.length === 0 ? '' : html`; by template: ${groups.join(', ')}`}`;
}

/** One signal over time, with a dashed line at each item. Gaps stay gaps. */
function lineSvg({ signal, unit, values }: TimelineSeries, t: FeatureTimeline): Html {
  const known = values.filter((v) => v !== null);
  if (known.length === 0) return NOTHING;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const span = high - low || Math.abs(high) || 1;
  const [from, to] = [Date.parse(t.from), Date.parse(t.to)];
  const x = (at: string): number =>
    LEFT + ((Math.max(from, Date.parse(at)) - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const y = (v: number): number => TOP + (1 - (v - low) / span) * (HEIGHT - TOP - BOTTOM);
  let path = '';
  let broken = true;
  for (const [i, v] of values.entries()) {
    if (v === null) broken = true;
    else {
      path += `${broken ? 'M' : 'L'}${px(x(t.starts[i] ?? t.from))} ${px(y(v))}`;
      broken = false;
    }
  }
  const marks = t.items
    .filter((item) => item.source === 'event' || item.move?.signal === signal)
    .map(
      (item) =>
        html`<line x1="${px(x(item.at))}" x2="${px(x(item.at))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="${item.move === null ? 'var(--dim)' : 'var(--bad)'}" stroke-dasharray="4 3"><title>${`${when(item.at)} ${item.kind}: ${terminalText(item.text)}`}</title></line>`,
    );
  const title = `${terminalText(signal)}: ${signalValueText(unit, low)} to ${signalValueText(unit, high)}`;
  return html`<figure class="wide"><figcaption>${title}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}"><text x="${LEFT - 6}" y="${TOP + 4}" text-anchor="end">${signalValueText(unit, high)}</text><text x="${LEFT - 6}" y="${HEIGHT - BOTTOM}" text-anchor="end">${signalValueText(unit, low)}</text>${marks}<path d="${path}" fill="none" stroke="var(--accent)" stroke-width="2"/><text x="${LEFT}" y="${HEIGHT - 6}">${when(t.from)}</text><text x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">${when(t.to)}</text></svg></figure>`;
}
