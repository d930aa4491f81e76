// What the server's pages and their JSON twins show: features at a glance, and the guard.

import type { Flag } from './flag.ts';
import type { Approval, GuardDecision, GuardStop } from './guard.ts';
import type { RolloutReport } from './rollout.ts';
import type { MeasuredQuality, PointedRelease, Pointer, ShippingChange } from './shipping.ts';
import type { SignalReport } from './signals.ts';
import type { FeatureTimeline } from './timeline.ts';

/** A regression that nightly runs found, a drift that a monitor found, or a rollout that a gate stopped, and that nothing has shown to be over. */
export interface OpenEpisode {
  readonly id: string;
  readonly kind: 'nightly' | 'monitor' | 'rollout';
  /** Name of the suite, the monitor or the feature. */
  readonly of: string;
  /** ISO time. */
  readonly openedAt: string;
  readonly reason: string;
}

/** A release that was in force and that the ledger shows to be good. */
export interface LastGood extends Pick<PointedRelease, 'release' | 'fingerprint' | 'suite'> {
  readonly snapshot: string;
  /** ISO time of its measurement. */
  readonly at: string;
  /** null = nothing was graded. */
  readonly passRate: number | null;
}

/**
 * `stopped`: all its agents are stopped. `alert`: an open episode, or a release in force that was withdrawn. `unproven`: nothing shows that the
 * release in force is good. `steady`: the ledger shows that it is good, and nothing is open.
 */
export type FeatureState = 'stopped' | 'alert' | 'unproven' | 'steady';

/** One line of the overview. */
export interface FeatureOverview {
  readonly feature: string;
  readonly state: FeatureState;
  /** One sentence. */
  readonly reason: string;
  /** null = no release is in force here. */
  readonly current: Pointer | null;
  readonly candidate: Pointer | null;
  /** Of the release in force. */
  readonly quality: MeasuredQuality | null;
  readonly lastGood: LastGood | null;
  readonly episodes: readonly OpenEpisode[];
  /** Those that hold for it, stops of every feature included. */
  readonly stops: readonly GuardStop[];
  readonly pendingApprovals: number;
  /** The newest rollout here; null = none was started. */
  readonly rollout:
    | (Pick<RolloutReport, 'id' | 'status' | 'percent' | 'stage' | 'since'> & {
        readonly stages: number;
      })
    | null;
}

/** A suite that no feature's release in force was measured on. */
export interface SuiteOverview {
  readonly suite: string;
  readonly lastValid: { readonly snapshot: string; readonly at: string } | null;
  readonly baseline: { readonly snapshot: string; readonly at: string } | null;
  readonly episodes: readonly OpenEpisode[];
}

export interface Overview {
  readonly environment: string;
  /** ISO time. */
  readonly at: string;
  readonly features: readonly FeatureOverview[];
  readonly suites: readonly SuiteOverview[];
}

/** What the guard holds in one environment. */
export interface GuardOverview {
  readonly environment: string;
  /** ISO time. */
  readonly at: string;
  /** Features that can be stopped by name. */
  readonly features: readonly string[];
  readonly stops: readonly GuardStop[];
  /** Newest first. */
  readonly pending: readonly Approval[];
  /** The newest that are no longer waiting. */
  readonly answered: readonly Approval[];
  /** Newest first. */
  readonly decisions: readonly GuardDecision[];
}

/** Something that happened around the model, on a feature's page. */
export interface FeatureEvent {
  readonly kind: string;
  /** ISO time. */
  readonly at: string;
  readonly text: string;
  readonly ref?: string | undefined;
  /** null = it concerns every suite. */
  readonly suite: string | null;
}

/** Everything that is known of one feature over a time. */
export interface FeatureView {
  readonly environment: string;
  /** ISO time. */
  readonly at: string;
  readonly overview: FeatureOverview;
  /** null = no observations of it. */
  readonly signals: SignalReport | null;
  /** Releases, flags and stops of it and of every feature, oldest first. */
  readonly changes: readonly ShippingChange[];
  /** Oldest first. */
  readonly events: readonly FeatureEvent[];
  /** What moved, and in which order; null = no observations of it. */
  readonly timeline: FeatureTimeline | null;
}

/** The flags of one environment. */
export interface FlagsView {
  readonly environment: string;
  /** ISO time. */
  readonly at: string;
  /** Features that a flag can be set for by name. */
  readonly features: readonly string[];
  readonly flags: readonly Flag[];
  /** Settings and drills of flags, oldest first. */
  readonly changes: readonly ShippingChange[];
}

/** The newest rollout of each feature in one environment. */
export interface RolloutsView {
  readonly environment: string;
  /** ISO time. */
  readonly at: string;
  readonly rollouts: readonly RolloutReport[];
  /** Features without a rollout. */
  readonly others: readonly string[];
}
