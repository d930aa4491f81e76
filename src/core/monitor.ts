// A monitor: which signal it watches, against which good period, and what it reports.

import { GATE_SIGNALS } from './ticket.ts';

/** Lengths of a monitor's window, in hours. Each divides a day, so that like hours are compared with like hours. */
export type MonitorWindowHours = 6 | 12 | 24;

/** `up`: an increase is bad. `both`: any change is reported. */
export const MONITOR_DIRECTIONS = ['up', 'down', 'both'] as const;
export type MonitorDirection = (typeof MONITOR_DIRECTIONS)[number];

/** A change in points of a share or score (5 points = 0.05), or as a ratio (20% = 0.2). */
export type MonitorChange =
  | { readonly kind: 'points'; readonly value: number }
  | { readonly kind: 'ratio'; readonly value: number };

/** Milliseconds since 1970, whole days (UTC): from inclusive, to exclusive. */
export interface ReferencePeriod {
  readonly from: number;
  readonly to: number;
}

/** What a monitor compares within: answers of one template or segment are compared with their own kind. */
export const MONITOR_GROUPS = ['template', 'segment'] as const;
export type MonitorGroup = (typeof MONITOR_GROUPS)[number];

export interface Monitor {
  readonly name: string;
  readonly signal: string;
  readonly by: MonitorGroup;
  /** Only answers of this segment; null = all. */
  readonly segment: string | null;
  readonly windowHours: MonitorWindowHours;
  readonly reference: ReferencePeriod;
  /** The smallest change that matters. */
  readonly change: MonitorChange;
  readonly direction: MonitorDirection;
  readonly action: 'warn' | 'alert';
  /** Hours after its end that a window is judged: outcomes come late. */
  readonly settleHours: number;
}

/** What a monitor says at one time. `cannot-tell` is never quiet. */
export type MonitorOutcome = 'quiet' | 'drift' | 'cannot-tell';

/** Cosine distance of answers to those of the reference. It needs a reference, so only a monitor has it. */
export const EMBEDDING_DISTANCE = 'embedding-distance';

/** Signals whose change is a ratio; the others are shares and scores, which change by points. */
const RATIOS: readonly string[] = [
  'length.p50',
  'length.p95',
  'latency.p50',
  'latency.p95',
  'output-tokens',
  'cost-per-call',
  'cost-per-completed',
];

/** How a change of this signal is written; null for a signal that does not exist. */
export function changeKindOf(signal: string): MonitorChange['kind'] | null {
  if (/^kpi:.+$/.test(signal)) return 'ratio';
  if (/^judge-score:.+$/.test(signal) || signal === EMBEDDING_DISTANCE) return 'points';
  if (!(GATE_SIGNALS as readonly string[]).includes(signal)) return null;
  return RATIOS.includes(signal) ? 'ratio' : 'points';
}
