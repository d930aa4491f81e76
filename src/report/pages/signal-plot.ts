// One signal over time as a small inline SVG with the changes marked, and the same in words.

import { when } from '../../base/numbers.ts';
import { type Html, html, NOTHING } from '../html/html.ts';
import { px } from '../html/series-svg.ts';

interface PlotPoint {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** null = not known, drawn as a gap. */
  readonly value: number | null;
}

export interface SignalPlot {
  readonly name: string;
  readonly points: readonly PlotPoint[];
  /** Times of changes and events, in milliseconds since 1970. */
  readonly marks: readonly number[];
  readonly from: number;
  readonly to: number;
  /** A value in its unit. */
  text(value: number): string;
  /** What stands under the name. */
  readonly note: string;
}

const WIDTH = 320;
const HEIGHT = 110;
const [LEFT, RIGHT, TOP, BOTTOM] = [4, 6, 18, 20];

/** Empty without a known value. */
export function signalPlot(plot: SignalPlot): Html {
  const { name, points, marks, from, to, note } = plot;
  const known = points.flatMap((p) => (p.value === null ? [] : [p.value]));
  if (known.length === 0) return NOTHING;
  const highest = Math.max(...known);
  const lowest = Math.min(0, ...known);
  const x = (at: number): number => LEFT + ((at - from) / (to - from || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number =>
    TOP + (1 - (value - lowest) / (highest - lowest || 1)) * (HEIGHT - TOP - BOTTOM);
  const lines = marks
    .filter((at) => at >= from && at <= to)
    .map(
      (at) =>
        html`<line x1="${px(x(at))}" x2="${px(x(at))}" y1="${TOP - 4}" y2="${HEIGHT - BOTTOM}" stroke="var(--bad)" stroke-dasharray="3 3"/>`,
    );
  let path = '';
  let broken = true;
  for (const p of points) {
    if (p.value !== null) path += `${broken ? 'M' : 'L'}${px(x(p.at))} ${px(y(p.value))}`;
    broken = p.value === null;
  }
  const dots = points.flatMap((p) =>
    p.value === null
      ? []
      : [
          html`<circle cx="${px(x(p.at))}" cy="${px(y(p.value))}" r="2.5" fill="var(--accent)"><title>${`${when(new Date(p.at).toISOString())}: ${plot.text(p.value)}`}</title></circle>`,
        ],
  );
  const spoken = points
    .map(
      (p) => `${when(new Date(p.at).toISOString())} ${p.value === null ? 'not known' : plot.text(p.value)}`,
    )
    .join(', ');
  const day = (at: number): string => when(new Date(at).toISOString()).slice(5);
  return html`<figure><figcaption><strong>${name}</strong> ${note}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${`${name}: ${spoken}`}"><line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}" stroke="var(--line)"/>${lines}<path d="${path}" fill="none" stroke="var(--accent)" stroke-width="2"/>${dots}<text x="${LEFT}" y="12">${plot.text(highest)}</text><text x="${LEFT}" y="${HEIGHT - 6}">${day(from)}</text><text x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">${day(to)}</text></svg></figure>`;
}
