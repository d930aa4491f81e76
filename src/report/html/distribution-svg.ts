// One measure of all answers before and after as two histograms over the same axis, with their medians and 95th percentiles.

import { type Html, html, NOTHING } from './html.ts';
import { px } from './series-svg.ts';

/** Values of one measure over all answered trials of each side. */
export interface BeforeAfter {
  readonly baseline: ArrayLike<number>;
  readonly candidate: ArrayLike<number>;
}

const WIDTH = 470;
const HEIGHT = 190;
const LEFT = 56;
const BINS = 36;
const HALF = 66;

/** Empty when a side has fewer than 5 values: single points are no distribution. Wide ranges get a logarithmic axis. */
export function distributionSvg(title: string, values: BeforeAfter, show: (value: number) => string): Html {
  const sides = [values.baseline, values.candidate].map((v) => Float64Array.from(v).sort());
  const [before = new Float64Array(), after = new Float64Array()] = sides;
  if (before.length < 5 || after.length < 5) return NOTHING;
  const low = Math.min(before[0] ?? 0, after[0] ?? 0);
  const high = Math.max(quantile(before, 0.995), quantile(after, 0.995), low + 1e-9);
  const log = low >= 0 && high / Math.max(low, 1) > 30;
  const to = (v: number): number => (log ? Math.log10(Math.max(v, 0) + 1) : v);
  const [from, end] = [to(low), to(high)];
  const bin = (v: number): number =>
    Math.max(0, Math.min(BINS - 1, Math.floor(((to(v) - from) / (end - from || 1)) * BINS)));
  const x = (v: number): number =>
    LEFT + Math.max(0, Math.min(1, (to(v) - from) / (end - from || 1))) * (WIDTH - LEFT - 12);
  const shares = sides.map((side) => {
    const counts = new Array<number>(BINS).fill(0);
    for (const v of side) counts[bin(v)] = (counts[bin(v)] ?? 0) + 1;
    return counts.map((n) => n / side.length);
  });
  const top = Math.max(...shares.flat());
  const width = (WIDTH - LEFT - 12) / BINS;
  const parts: Html[] = [];
  for (const [s, share] of shares.entries()) {
    const base = 16 + HALF * (s + 1) + s * 8;
    const colour = s === 0 ? 'var(--before)' : 'var(--accent)';
    for (const [b, part] of share.entries()) {
      if (part === 0) continue;
      const tall = Math.max(1.5, (part / top) * (HALF - 12));
      parts.push(
        html`<rect x="${px(LEFT + b * width)}" y="${px(base - tall)}" width="${px(width - 0.7)}" height="${px(tall)}" fill="${colour}"/>`,
      );
    }
    const side = sides[s] ?? new Float64Array();
    for (const [q, name] of [
      [0.5, 'p50'],
      [0.95, 'p95'],
    ] as const) {
      const at = x(quantile(side, q));
      parts.push(
        html`<line x1="${px(at)}" x2="${px(at)}" y1="${px(base - HALF + 8)}" y2="${base}" stroke="var(--fg)" stroke-dasharray="2 2"><title>${name} ${show(quantile(side, q))}</title></line>`,
      );
    }
    parts.push(
      html`<line x1="${LEFT}" x2="${WIDTH - 12}" y1="${base}" y2="${base}" stroke="var(--line)"/>`,
      html`<text class="on" x="${LEFT - 6}" y="${base - 4}" text-anchor="end">${s === 0 ? 'before' : 'after'}</text>`,
    );
  }
  const ticks = [0, 0.5, 1].map((t) => {
    const scaled = from + t * (end - from);
    return [LEFT + t * (WIDTH - LEFT - 12), log ? 10 ** scaled - 1 : scaled] as const;
  });
  for (const [i, [at, v]] of ticks.entries())
    parts.push(
      html`<text x="${px(at)}" y="${HEIGHT - 8}" text-anchor="${['start', 'middle', 'end'][i] ?? ''}">${show(v)}</text>`,
    );
  const words = (side: Float64Array): string =>
    `p50 ${show(quantile(side, 0.5))}, p95 ${show(quantile(side, 0.95))} (${side.length} answers)`;
  const spoken = `before ${words(before)}; after ${words(after)}`;
  return html`<figure><figcaption>${title}: ${spoken}${log ? ' (logarithmic axis)' : ''}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${`${title}: ${spoken}`}">${parts}</svg></figure>`;
}

/** Linear interpolation between order statistics (Hyndman & Fan 1996, type 7); `sorted` ascending and not empty. */
function quantile(sorted: Float64Array, q: number): number {
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? 0;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}
