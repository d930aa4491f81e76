// Pass rate over time as an inline SVG with a text alternative.

import { htmlText } from './escape.ts';
import { percent } from './format.ts';

export interface SeriesPoint {
  /** ISO time. */
  readonly at: string;
  /** Share in [0, 1]; null = nothing graded, drawn as a gap. */
  readonly value: number | null;
  /** 95 % interval of the value. */
  readonly interval?: readonly [number, number] | undefined;
  readonly label: string;
}

export interface SeriesMark {
  readonly at: string;
  readonly text: string;
}

const WIDTH = 960;
const HEIGHT = 240;
const LEFT = 48;
const BOTTOM = 28;
const TOP = 24;

/** A line over the points, with intervals and vertical marks (change date, event). */
export function seriesSvg(
  title: string,
  points: readonly SeriesPoint[],
  marks: readonly SeriesMark[] = [],
): string {
  if (points.length === 0) return '';
  const lows = points.flatMap((p) => (p.value === null ? [] : [p.interval?.[0] ?? p.value]));
  const floor = Math.max(0, Math.floor((Math.min(1, ...lows) - 0.05) * 10) / 10);
  const x = (i: number): number =>
    LEFT + (points.length === 1 ? 0.5 : i / (points.length - 1)) * (WIDTH - LEFT - 12);
  const y = (v: number): number => TOP + ((1 - v) / (1 - floor || 1)) * (HEIGHT - TOP - BOTTOM);
  const parts: string[] = [];
  for (let tick = 1; tick >= floor - 1e-9; tick -= 0.1) {
    parts.push(
      `<line x1="${LEFT}" x2="${WIDTH - 12}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="var(--line)"/>`,
      `<text x="${LEFT - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${Math.round(tick * 100)}%</text>`,
    );
  }
  for (const mark of marks) {
    const i = points.findIndex((p) => p.at >= mark.at);
    const at = x(i < 0 ? points.length - 1 : i);
    parts.push(
      `<line x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="var(--bad)" stroke-dasharray="4 3"/>`,
      `<text x="${at.toFixed(1)}" y="${TOP - 8}" text-anchor="${at > WIDTH / 2 ? 'end' : 'start'}">${htmlText(mark.text)}</text>`,
    );
  }
  let path = '';
  for (const [i, p] of points.entries()) {
    if (p.value === null) continue;
    path += `${path === '' || points[i - 1]?.value === null ? 'M' : 'L'}${x(i).toFixed(1)} ${y(p.value).toFixed(1)}`;
    if (p.interval !== undefined) {
      parts.push(
        `<line x1="${x(i).toFixed(1)}" x2="${x(i).toFixed(1)}" y1="${y(p.interval[0]).toFixed(1)}" y2="${y(p.interval[1]).toFixed(1)}" stroke="var(--dim)"/>`,
      );
    }
    parts.push(
      `<circle cx="${x(i).toFixed(1)}" cy="${y(p.value).toFixed(1)}" r="4" fill="var(--accent)"><title>${htmlText(`${p.label}: ${percent(p.value)}`)}</title></circle>`,
    );
  }
  parts.push(`<path d="${path}" fill="none" stroke="var(--accent)" stroke-width="2"/>`);
  const every = Math.max(1, Math.ceil(points.length / 8));
  for (const [i, p] of points.entries()) {
    if (i % every === 0)
      parts.push(
        `<text x="${x(i).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${htmlText(p.at.slice(5, 10))}</text>`,
      );
  }
  const spoken = points.map((p) => `${p.at.slice(0, 10)} ${percent(p.value)}`).join(', ');
  return `<figure><figcaption>${htmlText(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${htmlText(`${title}: ${spoken}`)}">${parts.join('')}</svg></figure>`;
}
