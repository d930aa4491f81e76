// One time axis of a feature: what its signals did, which releases and models answered, and what people and monitors recorded.

import type { SignalValue } from './signals.ts';

/** Where an item comes from. */
export const TIMELINE_SOURCES = [
  'signal',
  'release',
  'served-model',
  'event',
  'shipping',
  'monitor',
  'nightly',
] as const;
type TimelineSource = (typeof TIMELINE_SOURCES)[number];

/** A stretch in which a signal left its usual level. */
export interface MoveFacts {
  readonly signal: string;
  readonly unit: SignalValue['unit'] | 'score';
  /** Usual level and the level of the stretch, within templates at the usual mix; a 95% quantile is that of all answers. */
  readonly from: number;
  readonly to: number;
  /** The change began between these, ISO times. */
  readonly earliest: string;
  readonly latest: string;
  /** null = it lasts until the end of the timeline. */
  readonly until: string | null;
  readonly answers: number;
  /** Templates with their values before and in the stretch, largest change first; for reading, not proven one by one. */
  readonly templates: readonly {
    readonly template: string | null;
    readonly from: number;
    readonly to: number;
  }[];
}

export interface TimelineItem {
  /** ISO time. */
  readonly at: string;
  readonly source: TimelineSource;
  /** e.g. `moved`, `back`, `first seen`, `provider-notice`, `drift opened`. */
  readonly kind: string;
  readonly text: string;
  readonly ref: string | null;
  /** Of `moved`. */
  readonly move: MoveFacts | null;
}

/** The first move of a signal, in the order in which signals moved. */
export interface OrderedMove {
  readonly signal: string;
  readonly at: string;
  /** Its time of onset overlaps that of the signal before: the two may have moved in the other order. */
  readonly uncertain: boolean;
}

export interface TimelineSeries {
  readonly signal: string;
  readonly unit: SignalValue['unit'];
  readonly values: readonly (number | null)[];
}

export interface FeatureTimeline {
  readonly schemaVersion: 1;
  readonly kind: 'timeline';
  readonly feature: string;
  /** ISO times, whole hours. */
  readonly from: string;
  readonly to: string;
  /** Answers between them. */
  readonly observations: number;
  /** Oldest first. */
  readonly items: readonly TimelineItem[];
  readonly order: readonly OrderedMove[];
  /** Items that are no signals, in the day before the first move. */
  readonly before: readonly number[];
  /** What is usual was learnt from this time on, until `from`; null = there are too few days before. */
  readonly usualSince: string | null;
  readonly judged: readonly { readonly signal: string; readonly windowHours: number }[];
  readonly unjudged: readonly {
    readonly signal: string;
    readonly why: 'history' | 'few-answers' | 'other-base';
  }[];
  /** Starts of the windows of `series`, ISO times. */
  readonly starts: readonly string[];
  readonly series: readonly TimelineSeries[];
}
