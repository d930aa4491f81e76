// Splits what a window shows into change within templates and change of their mix (Kitagawa 1955), window by window.

import type { Monitor } from '../../core/monitor.ts';
import {
  addMoments,
  comparable,
  comparableChange,
  type Moments,
  NO_MOMENTS,
  readable,
  type SignalScale,
  withinVariance,
} from './moments.ts';

/** Answers of one window and template that a monitor looks at. */
export interface DriftWindow {
  /** Milliseconds since 1970; within the window, normally its start. */
  readonly at: number;
  /** null = the answers name none. */
  readonly template: string | null;
  readonly moments: Moments;
}

/** A monitor with the windows of its signal, from the reference to now. */
export interface WatchedSignal {
  readonly monitor: Pick<Monitor, 'name' | 'reference' | 'change' | 'direction' | 'settleHours'> & {
    /** A timeline looks at hours and minutes as well. */
    readonly windowHours: number;
  };
  readonly scale: SignalScale;
  readonly windows: readonly DriftWindow[];
}

/** A window with fewer answers says nothing. */
export const LEAST_ANSWERS = 20;
/** A template with fewer answers in the reference is new. */
const LEAST_IN_REFERENCE = 100;
/** A template is watched on its own when it reaches `LEAST_ANSWERS` in this share of the reference's windows. */
const REGULAR = 0.9;

/** One series that is charted: all templates at the reference's mix, or one template. */
export interface Series {
  /** null = all templates. */
  readonly template: string | null;
  /** Residual by step on the scale of comparison; NaN where a window has too few answers. Reference first, then the live steps. */
  readonly residual: Float64Array;
  /** Sampling variance of the residual. */
  readonly variance: Float64Array;
  /** Readable level of the reference. */
  readonly level: number;
  /** Smallest change that matters upwards and downwards, on the scale of comparison. */
  readonly change: { readonly up: number; readonly down: number };
}

interface KnownTemplate {
  readonly template: string | null;
  readonly total: Moments;
  readonly share: number;
  readonly level: number;
}

export interface LaidSignal {
  readonly signal: WatchedSignal;
  readonly hours: number;
  /** Index of the first step (whole windows since 1970), steps of the reference, all steps. */
  readonly first: number;
  readonly reference: number;
  readonly steps: number;
  readonly series: readonly Series[];
  readonly known: readonly KnownTemplate[];
  /** Templates of the live windows that the reference does not know. */
  readonly unseen: readonly (string | null)[];
  /** Moments by template and step. */
  readonly cells: ReadonlyMap<string | null, readonly Moments[]>;
  /** By step; NaN without answers. */
  readonly mix: Float64Array;
}

const HOUR_MS = 3_600_000;

/** Lays the windows of one monitor out by step; null when the reference holds too few answers. `at` = now. */
export function layOut(signal: WatchedSignal, at: number): LaidSignal | null {
  const { monitor, scale } = signal;
  const stepMs = monitor.windowHours * HOUR_MS;
  const first = Math.floor(monitor.reference.from / stepMs);
  const reference = Math.floor(monitor.reference.to / stepMs) - first;
  const end = Math.max(first + reference, Math.floor((at - monitor.settleHours * HOUR_MS) / stepMs));
  const steps = end - first;
  const cells = new Map<string | null, Moments[]>();
  for (const { at: time, template, moments } of signal.windows) {
    const step = Math.floor(time / stepMs) - first;
    if (step < 0 || step >= steps) continue;
    let row = cells.get(template);
    if (row === undefined) {
      row = new Array<Moments>(steps).fill(NO_MOMENTS);
      cells.set(template, row);
    }
    row[step] = addMoments(row[step] ?? NO_MOMENTS, moments);
  }
  const known = knownTemplates(cells, reference, scale);
  const all = known.reduce((sum, t) => addMoments(sum, t.total), NO_MOMENTS);
  if (all.n < LEAST_ANSWERS) return null;
  const frame = { scale, steps, reference, change: monitor.change.value };
  const series = [
    seriesOf(frame, null, known, cells),
    ...(known.length < 2
      ? []
      : known
          .filter(({ template }) => isRegular(cells.get(template) ?? [], reference))
          .map((t) => seriesOf(frame, t.template, [t], cells))),
  ];
  const knownNames = new Set(known.map((t) => t.template));
  const unseen = [...cells]
    .filter(([name, row]) => !knownNames.has(name) && row.slice(reference).some((m) => m.n > 0))
    .map(([name]) => name);
  const mix = new Float64Array(steps).map((_, t) => {
    const now = mixedMoments(known, cells, t);
    return now.n < LEAST_ANSWERS
      ? Number.NaN
      : comparable(scale, now.n, now.expected) - comparable(scale, now.n, (all.sum / all.n) * now.n);
  });
  return {
    ...{ signal, first, reference, steps, series, known, unseen, cells, mix },
    hours: monitor.windowHours,
  };
}

/** Most answers first: the order does not depend on names. */
function knownTemplates(
  cells: ReadonlyMap<string | null, readonly Moments[]>,
  reference: number,
  scale: SignalScale,
): KnownTemplate[] {
  const totals = [...cells].map(([template, row]) => ({
    template,
    total: row.slice(0, reference).reduce(addMoments, NO_MOMENTS),
  }));
  const enough = totals.filter(({ total }) => total.n >= LEAST_IN_REFERENCE);
  const n = enough.reduce((sum, { total }) => sum + total.n, 0);
  return enough
    .map(({ template, total }) => ({
      ...{ template, total },
      share: total.n / n,
      level: readable(scale, comparable(scale, total.n, total.sum)),
    }))
    .sort((a, b) => b.total.n - a.total.n || b.total.sum - a.total.sum);
}

function isRegular(row: readonly Moments[], reference: number): boolean {
  const full = row.slice(0, reference).filter((m) => m.n >= LEAST_ANSWERS).length;
  return full >= REGULAR * reference;
}

interface Mixed extends Moments {
  /** The sum if every template were as in the reference. */
  readonly expected: number;
}

function mixedMoments(
  known: readonly KnownTemplate[],
  cells: ReadonlyMap<string | null, readonly Moments[]>,
  step: number,
): Mixed {
  let now = NO_MOMENTS;
  let expected = 0;
  for (const { template, total } of known) {
    const m = cells.get(template)?.[step] ?? NO_MOMENTS;
    now = addMoments(now, m);
    expected += (m.n * total.sum) / total.n;
  }
  return { ...now, expected };
}

interface Frame {
  readonly scale: SignalScale;
  readonly steps: number;
  readonly reference: number;
  readonly change: number;
}

function seriesOf(
  { scale, steps, change }: Frame,
  template: string | null,
  members: readonly KnownTemplate[],
  cells: ReadonlyMap<string | null, readonly Moments[]>,
): Series {
  const residual = new Float64Array(steps).fill(Number.NaN);
  const variance = new Float64Array(steps);
  const total = members.reduce((sum, t) => addMoments(sum, t.total), NO_MOMENTS);
  const level = readable(scale, comparable(scale, total.n, total.sum));
  const changes = {
    up: comparableChange(scale, change, level, 1),
    down: comparableChange(scale, change, level, -1),
  };
  const smaller = Math.min(changes.up, changes.down);
  const within = members.map((t) => withinVariance(scale, t.total, smaller));
  for (let t = 0; t < steps; t++) {
    const now = mixedMoments(members, cells, t);
    if (now.n < LEAST_ANSWERS || (scale === 'ratio' && !(now.sum > 0 && now.expected > 0))) continue;
    residual[t] = comparable(scale, now.n, now.sum) - comparable(scale, now.n, now.expected);
    let sampling = scale === 'share' ? 1 / (4 * now.n + 2) : 0;
    for (const [i, member] of members.entries()) {
      const n = cells.get(member.template)?.[t]?.n ?? 0;
      const own = within[i] ?? 0;
      // The second part: a template's level in the reference is an estimate; its error shows when the mix moves.
      const moved = n / now.n - member.total.n / total.n;
      sampling += (n * own) / (now.n * now.n) + (moved * moved * (own || 0.25)) / member.total.n;
    }
    variance[t] = sampling;
  }
  return { template, residual, variance, level, change: changes };
}
