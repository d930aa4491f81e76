// Did the mean move because other templates are asked for, and not because answers changed?

import { addMoments, comparable, NO_MOMENTS, readable } from './moments.ts';
import type { ReferenceModel } from './reference-model.ts';
import { leftOver } from './shift-size.ts';
import type { LaidSignal } from './standardise.ts';

/** Days that are reported. */
const DAYS = 7;
/** The mix is reported when it moves the mean by this share of the smallest change that matters. */
const WORTH_TELLING = 0.5;
/** A mix effect within this many of its daily standard deviations in the reference is ordinary. */
const ORDINARY = 4;

export interface MixReport {
  /** Readable mean of the reference, and what today's mix alone would make of it. */
  readonly from: number;
  readonly to: number;
  /** Change within templates at today's mix, on the scale of comparison, and the change by mix. */
  readonly within: number;
  readonly mix: number;
  /** Shares of the templates that moved most, largest first. */
  readonly shares: readonly {
    readonly template: string | null;
    readonly from: number;
    readonly to: number;
  }[];
}

/** The last days before `end` against the reference; null when the mix is as ever. */
export function mixReport(laid: LaidSignal, model: ReferenceModel, end: number): MixReport | null {
  const perDay = 24 / laid.hours;
  const from = Math.max(laid.reference, end - DAYS * perDay);
  const values = (a: number, b: number): number[] =>
    [...laid.mix.subarray(a, b)].filter((x) => !Number.isNaN(x));
  const now = values(from, end);
  const usual = values(0, laid.reference);
  if (now.length === 0 || usual.length === 0) return null;
  const mean = (list: readonly number[]): number => list.reduce((s, x) => s + x, 0) / list.length;
  const middle = mean(usual);
  const sd = Math.sqrt(mean(usual.map((x) => (x - middle) ** 2)));
  const mix = mean(now) - middle;
  const { change, level } = model.series;
  const matters = WORTH_TELLING * (mix > 0 ? change.up : change.down);
  if (Math.abs(mix) < Math.max(matters, ORDINARY * sd)) return null;
  const within: number[] = [];
  for (let t = from; t < end; t++) {
    const value = leftOver(model, laid.first, t);
    if (!Number.isNaN(value)) within.push(value);
  }
  const { scale } = laid.signal;
  const all = laid.known.reduce((sum, t) => addMoments(sum, t.total), NO_MOMENTS);
  return {
    from: level,
    to: readable(scale, comparable(scale, all.n, all.sum) + mix),
    within: within.length === 0 ? 0 : mean(within),
    mix,
    shares: sharesOf(laid, from, end),
  };
}

/** New templates included: their share was 0. */
function sharesOf(laid: LaidSignal, from: number, end: number): MixReport['shares'] {
  const counts = [...laid.cells].map(([template, row]) => ({
    template,
    n: row.slice(from, end).reduce((sum, m) => sum + m.n, 0),
  }));
  const total = counts.reduce((sum, c) => sum + c.n, 0);
  const before = new Map(laid.known.map((t) => [t.template, t.share]));
  return counts
    .map(({ template, n }) => ({ template, from: before.get(template) ?? 0, to: n / total }))
    .sort((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from))
    .slice(0, 3);
}
