// What `lastgood monitor` reports: each monitor of a feature, its episode, and what it can see.

import type { MonitorChange, MonitorDirection, MonitorGroup, MonitorOutcome } from './monitor.ts';

/** What levels are measured in. `tail`: the share of answers above the 95% quantile of the reference, 5% there by construction. */
export type LevelUnit = 'share' | 'tail' | 'score' | 'characters' | 'ms' | 'tokens' | 'usd' | 'number';

/** Why a monitor cannot tell. */
export type MonitorGap =
  /** Too few answers in the reference, or an hour or weekday is missing. */
  | 'reference'
  /** The last window has too few answers. */
  | 'gap'
  /** No window has ended since the reference. */
  | 'not-begun'
  /** It would not find a change of the smallest size that matters. */
  | 'blunt'
  /** The application began to send `false` for a fact that it only sent when true. */
  | 'other-base';

export interface MonitorEpisodeFacts {
  readonly id: string;
  /** ISO times. */
  readonly openedAt: string;
  readonly endedAt: string | null;
  /** `superseded`: the monitor or its data changed while the episode was open. */
  readonly status: 'open' | 'recovered' | 'superseded';
  /** What this check did to it. */
  readonly event: 'opened' | 'still' | 'recovered' | 'superseded';
}

export interface DriftFacts {
  readonly chart: string;
  /** Template or segment that opened the episode on its own; null = all together. */
  readonly group: string | null;
  readonly openedAt: string;
  /** When the change began; null for a single template. */
  readonly since: { readonly earliest: string; readonly best: string; readonly latest: string } | null;
  readonly from: number;
  readonly to: number | null;
  /** 90% interval of `to`. */
  readonly interval: readonly [number, number] | null;
  /** Templates or segments that moved, largest change first. */
  readonly affected: readonly {
    readonly group: string | null;
    readonly from: number;
    readonly to: number;
  }[];
}

/** The mean moved because other templates are asked for; within templates answers are as before. */
interface MixFacts {
  /** Mean of the reference, and what the mix of the last week alone makes of it. */
  readonly from: number;
  readonly to: number;
  readonly shares: readonly {
    readonly group: string | null;
    readonly from: number;
    readonly to: number;
  }[];
}

export interface MonitorState {
  readonly name: string;
  readonly signal: string;
  readonly by: MonitorGroup;
  readonly segment: string | null;
  readonly windowHours: number;
  /** ISO days, both included. */
  readonly reference: { readonly from: string; readonly to: string };
  readonly change: MonitorChange;
  readonly direction: MonitorDirection;
  readonly action: 'warn' | 'alert';
  readonly outcome: MonitorOutcome;
  readonly reason: MonitorGap | null;
  readonly unit: LevelUnit;
  /** Level of the reference. */
  readonly level: number | null;
  /** Level of the last 7 days within templates, at the mix of the reference, with its 90% interval. */
  readonly recent: { readonly value: number; readonly interval: readonly [number, number] } | null;
  /** End of the last judged window, and its answers. */
  readonly through: string | null;
  readonly answers: number | null;
  readonly drift: DriftFacts | null;
  readonly mix: MixFacts | null;
  /** New templates or segments, which no reference knows. */
  readonly unseen: readonly {
    readonly group: string | null;
    readonly answers: number;
    readonly level: number;
    readonly comparedWith: number;
    readonly worse: boolean;
  }[];
  readonly episode: MonitorEpisodeFacts | null;
  /** Earlier episodes in the windows, ISO times. */
  readonly earlier: readonly { readonly openedAt: string; readonly recoveredAt: string }[];
  /** Levels beyond which a change that stays is found within 28 days, 4 times in 5. */
  readonly sees: readonly [number, number] | null;
  /** Days until a change of the size `change` is found 4 times in 5; null = not within 28. */
  readonly delayDays: { readonly up: number | null; readonly down: number | null } | null;
}

export interface MonitorReport {
  readonly schemaVersion: 1;
  readonly kind: 'monitor';
  readonly feature: string;
  /** As it is typed from the working folder. */
  readonly file: string;
  /** ISO time that was judged. */
  readonly at: string;
  readonly outcome: MonitorOutcome;
  readonly monitors: readonly MonitorState[];
  /** When the limits were found, and whether now. */
  readonly calibration: { readonly at: string; readonly fresh: boolean } | null;
  /** False where a later time was judged before, and in a dry run: nothing was recorded or posted. */
  readonly recorded: boolean;
  /** Only in a dry run. */
  readonly dryRun?: boolean;
  /** Alerts that were pending or came with this check. */
  readonly alerts: readonly {
    readonly id: string;
    readonly event: string;
    readonly at: string;
    readonly delivered: boolean;
    readonly lastError: string | null;
  }[];
  readonly webhook: boolean;
}
