// Pass rate over time as an inline SVG: points with intervals on a true time axis, vertical marks for changes, and the same in words.

import { percent } from '../../base/numbers.ts';
import { type Html, html, NOTHING } from './html.ts';

export interface SeriesPoint {
  /** ISO time. */
  readonly at: string;
  /** Share in [0, 1]; null = nothing graded, drawn as a gap. */
  readonly value: number | null;
  /** 95 % interval of the value. */
  readonly interval?: readonly [number, number] | undefined;
  readonly label: string;
  /** Drawn larger, with this word beside it, e.g. `baseline`. */
  readonly role?: string | undefined;
}

export interface SeriesMark {
  readonly at: string;
  readonly text: string;
}

const WIDTH = 960;
const HEIGHT = 260;
const LEFT = 48;
const RIGHT = 16;
const BOTTOM = 28;
/** Marks are written in this many rows above the plot, so that neighbours do not cover each other. */
const MARK_ROWS = 3;
const TOP = 16 + 15 * MARK_ROWS;

/** A line over the points, with intervals and vertical marks (change date, event). Empty without points. */
export function seriesSvg(
  title: string,
  points: readonly SeriesPoint[],
  marks: readonly SeriesMark[] = [],
): Html {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return NOTHING;
  const lows = points.flatMap((p) => (p.value === null ? [] : [p.interval?.[0] ?? p.value]));
  const floor = Math.max(0, Math.floor((Math.min(1, ...lows) - 0.03) * 10) / 10);
  const start = Date.parse(first.at);
  const span = Date.parse(last.at) - start;
  // Snapshots made in one sitting would lie on top of each other: then their order is the axis.
  const byTime = span > 3_600_000 * points.length;
  const inner = WIDTH - LEFT - RIGHT - 20;
  const xAt = (at: string): number => {
    if (byTime) return LEFT + 10 + (Math.min(Math.max(Date.parse(at) - start, 0), span) / span) * inner;
    const i = points.findIndex((p) => p.at >= at);
    return x(i < 0 ? points.length - 1 : i);
  };
  const x = (i: number): number => {
    if (byTime) return xAt((points[i] as SeriesPoint).at);
    return LEFT + 10 + (points.length === 1 ? 0.5 : i / (points.length - 1)) * inner;
  };
  const y = (v: number): number => TOP + ((1 - v) / (1 - floor || 1)) * (HEIGHT - TOP - BOTTOM);
  const parts: Html[] = [];
  const step = 1 - floor > 0.5 ? 0.2 : 0.1;
  for (let tick = 1; tick >= floor - 1e-9; tick -= step) {
    parts.push(
      html`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(tick))}" y2="${px(y(tick))}" stroke="var(--line)"/>`,
      html`<text x="${LEFT - 6}" y="${px(y(tick) + 4)}" text-anchor="end">${Math.round(tick * 100)}%</text>`,
    );
  }
  for (const [n, mark] of marks.entries()) {
    const at = xAt(mark.at);
    const row = TOP - 8 - 15 * (n % MARK_ROWS);
    parts.push(
      html`<line x1="${px(at)}" x2="${px(at)}" y1="${row + 3}" y2="${HEIGHT - BOTTOM}" stroke="var(--bad)" stroke-dasharray="4 3"/>`,
      html`<text class="on" x="${px(at + (at > WIDTH / 2 ? -5 : 5))}" y="${row}" text-anchor="${at > WIDTH / 2 ? 'end' : 'start'}">${mark.text}</text>`,
    );
  }
  let path = '';
  let broken = true;
  const dots: Html[] = [];
  for (const [i, p] of points.entries()) {
    if (p.value === null) {
      broken = true;
      continue;
    }
    const at = px(x(i));
    path += `${broken ? 'M' : 'L'}${at} ${px(y(p.value))}`;
    broken = false;
    if (p.interval !== undefined) {
      parts.push(
        html`<line x1="${at}" x2="${at}" y1="${px(y(p.interval[0]))}" y2="${px(y(p.interval[1]))}" stroke="var(--dim)"/>`,
      );
    }
    dots.push(
      html`<circle cx="${at}" cy="${px(y(p.value))}" r="${p.role === undefined ? 3.5 : 6}" fill="var(--accent)"${p.role === undefined ? '' : html` stroke="var(--fg)" stroke-width="2"`}><title>${`${p.label}: ${percent(p.value)}`}</title></circle>`,
    );
    if (p.role !== undefined)
      dots.push(
        html`<text class="on" x="${at}" y="${px(Math.min(y(p.value) + 22, HEIGHT - BOTTOM - 4))}" text-anchor="${x(i) > WIDTH - 90 ? 'end' : x(i) < LEFT + 60 ? 'start' : 'middle'}">${p.role}</text>`,
      );
  }
  parts.push(html`<path d="${path}" fill="none" stroke="var(--accent)" stroke-width="2"/>`, ...dots);
  const every = Math.max(1, Math.ceil(points.length / 8));
  for (const [i, p] of points.entries()) {
    if (i % every === 0)
      parts.push(
        html`<text x="${px(x(i))}" y="${HEIGHT - 8}" text-anchor="middle">${byTime ? p.at.slice(5, 10) : p.at.slice(11, 16)}</text>`,
      );
  }
  const spoken = points.map((p) => `${p.at.slice(0, 10)} ${percent(p.value)}`).join(', ');
  return html`<figure class="wide"><figcaption>${title}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}: ${spoken}${marks.length === 0 ? '' : `. Marked: ${marks.map((m) => m.text).join('; ')}`}">${parts}</svg></figure>`;
}

/** A coordinate with one decimal. */
export function px(value: number): string {
  return value.toFixed(1);
}
