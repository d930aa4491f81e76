// What production looks like in numbers: signals of one feature over a time, and of the same time before it.

import type { Dimension } from './observation.ts';

/** What a signal's value is a part of. */
export type SignalBase = 'observations' | 'answers' | 'outcomes' | 'reviews' | 'completed tasks' | 'sample';

/** One number about production. */
export interface SignalValue {
  /** e.g. `errors`, `length.p95`, `kpi:conversion`. */
  readonly signal: string;
  readonly unit: 'share' | 'count' | 'characters' | 'tokens' | 'ms' | 'usd' | 'distance' | 'number';
  /** null = nothing is known; never 0 in its place. */
  readonly value: number | null;
  /** How many of `of` it is known of. */
  readonly n: number;
  readonly of: SignalBase;
  /** 95% interval of a share or mean, if observations were independent; null where there is none. */
  readonly interval: readonly [number, number] | null;
  /** Relative error of the value at most; 0 = exact. */
  readonly error: number;
  /** It lags: the newest windows are not complete yet. */
  readonly lagging: boolean;
  /** Costs of some calls are unknown: the value is a lower bound. */
  readonly partial: boolean;
}

/** Signals of the answers that share the dimensions of `key`. */
export interface SignalGroup {
  /** Empty for all answers. */
  readonly key: Readonly<Partial<Record<Dimension, string | null>>>;
  readonly observations: number;
  readonly signals: readonly SignalValue[];
  /** The same of the time before; null without observations there. */
  readonly before: readonly SignalValue[] | null;
  /** Answers by the model that the provider says it used. */
  readonly servedModels: Readonly<Record<string, number>>;
}

/** Signals of one hour or day, by name; only what is known. */
export interface SignalWindow {
  /** ISO time. */
  readonly start: string;
  readonly observations: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface SignalReport {
  readonly feature: string;
  /** ISO times, whole hours: from inclusive, to exclusive. */
  readonly from: string;
  readonly to: string;
  /** Where the time before begins; it ends at `from`. */
  readonly beforeFrom: string;
  readonly by: Dimension | null;
  /** All answers first, then by the dimension, most answers first. */
  readonly groups: readonly SignalGroup[];
  /** Groups that are left out. */
  readonly moreGroups: number;
  readonly windowMs: number;
  readonly windows: readonly SignalWindow[];
  readonly embedding: string;
}
