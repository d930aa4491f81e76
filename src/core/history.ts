// The series of a suite's snapshots: how often it, a tag or a case passed, when that changed, and what changed with it.

import type { Interval } from './comparison.ts';
import type { LayerName } from './release.ts';
import type { Validity } from './snapshot.ts';

/** One snapshot of the series. */
export interface HistoryPoint {
  readonly snapshot: string;
  readonly at: string;
  readonly release: string;
  readonly fingerprint: string;
  readonly validity: Validity;
  /** Mean pass rate over those of the common cases that were graded by the newest exam; null = not known. */
  readonly passRate: number | null;
  /** 95 % Wilson interval of the pooled trials; null where there is none. */
  readonly interval: Interval | null;
  readonly passed: number;
  readonly trials: number;
  /** Common cases that were graded here. */
  readonly cases: number;
  /** A run of a part of the suite (`--filter`), or of mostly other cases: shown, but left out of onsets, shifts and trend. */
  readonly subset: boolean;
}

/** What differs in the configuration, or in what the provider said it served, from the point before. */
export interface SeriesChange {
  /** Index in `points` of the first snapshot with the change. */
  readonly index: number;
  readonly snapshot: string;
  readonly at: string;
  readonly layersChanged: readonly LayerName[];
  readonly release: { readonly before: string; readonly after: string } | null;
  /** Disclosed ids that differ; null when they do not, or when nothing was disclosed. */
  readonly servedModels: { readonly before: readonly string[]; readonly after: readonly string[] } | null;
  readonly systemFingerprints: {
    readonly before: readonly string[];
    readonly after: readonly string[];
  } | null;
  readonly examChanged: boolean;
}

/** A lasting change of the level, and where it began. */
export interface HistoryShift {
  readonly direction: 'fell' | 'rose';
  /** Cases it was looked for in; empty = the whole scope. */
  readonly cases: readonly string[];
  /** First snapshot at the new level. */
  readonly index: number;
  readonly snapshot: string;
  readonly at: string;
  /** Last snapshot at the old level: the change happened in between. */
  readonly after: { readonly snapshot: string; readonly at: string };
  readonly before: number;
  readonly level: number;
  /** Runs at the new level. With one, nothing says yet that it lasts. */
  readonly runs: number;
  /** One-sided exact stratified p, times the number of places it could have been. */
  readonly p: number;
  readonly method: 'change point' | 'first bad';
  readonly change: SeriesChange | null;
  /** e.g. `prompt change`, `served model changed`, `nothing of yours changed: provider-side drift suspected`. */
  readonly diagnosis: string;
}

/** Slow drift since the blessed baseline, over runs of its own fingerprint. */
export type HistoryTrend =
  | { readonly state: 'not-tested'; readonly reason: string }
  | {
      readonly state: 'decaying' | 'improving' | 'no-trend' | 'step';
      readonly nights: number;
      /** Theil–Sen slope over 30 snapshots, as a share. */
      readonly per30: number;
      /** Where the line is 90 snapshots after the last one, as a change from it. */
      readonly projected90: number;
      /** Two-sided Mann–Kendall p. */
      readonly p: number;
      /** Newest rate minus the anchor's own; null when one is not known. */
      readonly sinceAnchor: number | null;
      readonly reason: string;
    };

export interface HistoryReport {
  readonly schemaVersion: 1;
  readonly kind: 'history';
  readonly suite: string;
  readonly scope: { readonly kind: 'suite' | 'tag' | 'case'; readonly name: string };
  /** The series is over the cases that all runs but the subset ones have; `of` = all cases of the scope. */
  readonly common: { readonly cases: number; readonly of: number };
  readonly anchor: {
    readonly snapshot: string;
    readonly blessedAt: string;
    readonly ageDays: number;
  } | null;
  /** Oldest first. */
  readonly points: readonly HistoryPoint[];
  readonly changes: readonly SeriesChange[];
  /** Onset of each regression against the baseline that is still there, largest first. */
  readonly onsets: readonly HistoryShift[];
  /** Every lasting change of the scope's level, oldest first. */
  readonly shifts: readonly HistoryShift[];
  readonly trend: HistoryTrend;
  readonly notes: readonly string[];
}
