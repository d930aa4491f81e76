// Differences with their intervals, one row each, around a line at zero: which cases moved, and how surely.

import { pointInterval, signed } from '../../base/numbers.ts';
import type { Interval } from '../../core/index.ts';
import { type Html, html, NOTHING } from './html.ts';
import { px } from './series-svg.ts';

export interface ForestRow {
  readonly label: string;
  /** Candidate minus baseline, in [−1, 1]. */
  readonly delta: number;
  readonly interval: Interval | null;
  readonly verdict: string;
}

const WIDTH = 960;
const NAMES = 300;
const ROW = 20;
const COLOUR: Readonly<Record<string, string>> = { regressed: 'var(--bad)', improved: 'var(--good)' };

/** A forest plot; `margin` (a share) is drawn as a band around zero. Empty without rows. */
export function forestSvg(title: string, rows: readonly ForestRow[], margin: number): Html {
  if (rows.length === 0) return NOTHING;
  const reach = Math.min(
    1,
    Math.max(0.1, ...rows.flatMap((r) => [r.delta, ...(r.interval ?? [])].map(Math.abs))),
  );
  const middle = NAMES + (WIDTH - NAMES - 70) / 2;
  const scale = (WIDTH - NAMES - 70) / 2 / reach;
  const x = (v: number): number => middle + Math.max(-reach, Math.min(reach, v)) * scale;
  const height = rows.length * ROW + 44;
  const bottom = height - 24;
  const parts = [
    html`<rect x="${px(x(-margin))}" y="16" width="${px(x(margin) - x(-margin))}" height="${bottom - 16}" fill="var(--line)" opacity=".45"/>`,
    html`<line x1="${px(middle)}" x2="${px(middle)}" y1="16" y2="${bottom}" stroke="var(--dim)"/>`,
    html`<text x="${px(x(-reach))}" y="12">← worse</text><text x="${px(x(reach))}" y="12" text-anchor="end">better →</text>`,
    ...[-reach, -reach / 2, 0, reach / 2, reach].map(
      (v) => html`<text x="${px(x(v))}" y="${height - 6}" text-anchor="middle">${signed(100 * v, 0)}</text>`,
    ),
  ];
  for (const [i, row] of rows.entries()) {
    const y = 16 + i * ROW + ROW / 2;
    const colour = COLOUR[row.verdict] ?? 'var(--dim)';
    parts.push(
      html`<text class="on" x="${NAMES - 12}" y="${px(y + 4)}" text-anchor="end">${short(row.label)}</text>`,
      row.interval === null
        ? NOTHING
        : html`<line x1="${px(x(row.interval[0]))}" x2="${px(x(row.interval[1]))}" y1="${px(y)}" y2="${px(y)}" stroke="${colour}" stroke-width="2"/>`,
      html`<rect x="${px(x(row.delta) - 4)}" y="${px(y - 4)}" width="8" height="8" fill="${colour}"><title>${`${row.label}: ${signed(100 * row.delta, 0)} points, ${pointInterval(row.interval, 0)}, ${row.verdict}`}</title></rect>`,
      html`<text x="${WIDTH}" y="${px(y + 4)}" text-anchor="end">${signed(100 * row.delta, 0)}</text>`,
    );
  }
  const spoken = rows.map((r) => `${r.label} ${signed(100 * r.delta, 0)}, ${r.verdict}`).join('; ');
  return html`<figure class="wide"><figcaption>${title}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${`${title}: ${spoken}`}">${parts}</svg></figure>`;
}

/** One interval as a small strip for a table cell; the numbers stand beside it. */
export function intervalStrip(
  delta: number,
  interval: Interval | null,
  verdict: string,
  reach: number,
): Html {
  const x = (v: number): string => px(60 + (Math.max(-reach, Math.min(reach, v)) / (reach || 1)) * 56);
  const colour = COLOUR[verdict] ?? 'var(--dim)';
  return html`<svg width="120" height="16" viewBox="0 0 120 16" aria-hidden="true"><line x1="60" x2="60" y1="1" y2="15" stroke="var(--line)"/>${
    interval === null
      ? NOTHING
      : html`<line x1="${x(interval[0])}" x2="${x(interval[1])}" y1="8" y2="8" stroke="${colour}" stroke-width="2"/>`
  }<circle cx="${x(delta)}" cy="8" r="3.5" fill="${colour}"/></svg>`;
}

function short(label: string): string {
  const points = Array.from(label);
  return points.length > 42 ? `${points.slice(0, 41).join('')}…` : label;
}
