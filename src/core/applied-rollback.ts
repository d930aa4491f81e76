// A rollback on its way to users: the verified target gets a part of the traffic, then all, while the signals that moved are watched.

import type { FlagDefinition } from './flag.ts';
import type { LayerName } from './release.ts';
import type { FlagValues } from './ticket.ts';

/** How the level of a signal comes from counts: `sum` / `n`. `above`: the share of values above a limit, such as the usual 95% quantile. */
export interface SignalMeasure {
  readonly kind: 'share' | 'mean' | 'above';
  readonly sum: string;
  readonly n: string;
  /** Of `above`: in the unit of the signal; null otherwise. */
  readonly limit: number | null;
}

/** One period or arm of a signal. */
export interface SignalLevel {
  /** How many it is known of. */
  readonly n: number;
  readonly sum: number;
}

/** A signal that moved with the incident, as it is watched until it is back. */
export interface WatchedMove {
  readonly signal: string;
  readonly measure: SignalMeasure;
  /** The direction in which it moved. */
  readonly moved: 'up' | 'down';
  /** Who says that it moved; `release`: the time since the release in force came, against the week before. */
  readonly source: 'release' | 'timeline' | 'monitor' | 'named';
  /** Its facts come later than the answers. */
  readonly lagging: boolean;
  /** ISO time from which the incident counts for it. */
  readonly since: string;
  /** In the seven days before. */
  readonly usual: SignalLevel;
  /** From then to the start of the rollback. */
  readonly during: SignalLevel;
  /** Variance of one answer, and of the level of an hour beyond that; both from the usual hours. */
  readonly noise: { readonly answer: number; readonly hour: number; readonly hours: number };
}

/** A signal that must not become worse by the rollback itself. */
export interface GuardedSignal {
  readonly signal: string;
  readonly measure: SignalMeasure;
  /** In the 24 hours before. */
  readonly before: SignalLevel;
}

/** Everything since the hour of the start; additive. */
export interface AppliedCounts {
  /** Answers by the release that gave them; `unnamed` name none. */
  readonly answers: { readonly target: number; readonly replaced: number; readonly unnamed: number };
  /** In the order of `watched`. */
  readonly watched: readonly ArmLevels[];
  /** In the order of `guarded`. */
  readonly guarded: readonly ArmLevels[];
}

export interface ArmLevels {
  readonly target: SignalLevel;
  readonly replaced: SignalLevel;
  readonly unnamed: SignalLevel;
}

interface NamedRelease {
  readonly release: string;
  readonly fingerprint: string;
}

export interface AppliedStage {
  readonly percent: number;
  readonly forMs: number;
}

/** What an applied rollback does, fixed at its start. */
export interface AppliedSpec {
  readonly id: string;
  readonly feature: string;
  readonly environment: string;
  readonly suite: string;
  /** The release in force when it started. */
  readonly replaced: NamedRelease;
  readonly target: NamedRelease & {
    readonly hybrid: boolean;
    readonly layersRestored: readonly LayerName[];
    /** The snapshot that proved it, and when the decision was made. */
    readonly snapshot: string;
    readonly decidedAt: string;
    /** It was proven on a simulator, not on the provider. */
    readonly simulated: boolean;
  };
  readonly stages: readonly AppliedStage[];
  /** Set with the first stage for everybody: `first-rollback` of the ticket. */
  readonly flags: FlagValues;
  /** Set with the last stage: what these flags were when the target was last in force. */
  readonly restored: Readonly<Record<string, FlagDefinition>>;
  /** Flags that are replaced, as they were; null = not set. */
  readonly before: Readonly<Record<string, FlagDefinition | null>>;
  readonly watched: readonly WatchedMove[];
  readonly guarded: readonly GuardedSignal[];
  /** Signals that moved and cannot be watched, and why. */
  readonly unwatched: readonly { readonly signal: string; readonly why: string }[];
  /** What the hour of the start held before the start. */
  readonly origin: AppliedCounts;
  /** Newest change of each place in the log of shipping, before anything was set. */
  readonly places: AppliedPlaces;
  /** Why the registry's doubts about the target were overridden; null = they were not. */
  readonly override: string | null;
}

/** Number of the newest change by place: `pointer`, `candidate`, or `flag KEY`. 0 = there is none. */
export type AppliedPlaces = Readonly<Record<string, number>>;

interface Decided {
  /** ISO time. */
  readonly at: string;
  readonly by: string;
  readonly why: string;
}

export type AppliedEvent =
  | ({ readonly kind: 'started'; readonly spec: AppliedSpec } & Decided)
  | { readonly kind: 'looked'; readonly at: string; readonly by: string; readonly counts: AppliedCounts }
  /** A person ends the wait of a stage, or continues after a stop. `counts` = everything up to then. */
  | ({ readonly kind: 'advanced'; readonly counts: AppliedCounts } & Decided)
  | ({ readonly kind: 'cancelled' } & Decided)
  /** Another person or program changed what this rollback had set: `place` and the number of the change. */
  | ({ readonly kind: 'changed'; readonly place: string; readonly no: number } & Decided)
  /** Everything that was pending after event `through` is done; `places` as they are now. */
  | {
      readonly kind: 'applied';
      readonly at: string;
      readonly by: string;
      readonly through: number;
      readonly places: AppliedPlaces;
    };

/** An event in its place in the log, from 1. */
export type LoggedAppliedEvent = AppliedEvent & {
  readonly rollback: string;
  readonly seq: number;
  /** Random: tells the writers of a race apart. */
  readonly writer: string;
};

/** What must be done after an event; each can be done twice without harm. */
export type AppliedEffect =
  /** `target`: percent of the keys that get it; 100 = the feature points to it; 0 = back to the release in force. */
  | { readonly kind: 'set'; readonly target: number }
  | { readonly kind: 'alert'; readonly event: 'rollback.held' | 'rollback.ended'; readonly reason: string };

/** `in-force`: everybody has the target, and recovery was not shown. */
export const APPLIED_STATUSES = [
  'running',
  'held',
  'recovered',
  'in-force',
  'interrupted',
  'cancelled',
] as const;
export type AppliedStatus = (typeof APPLIED_STATUSES)[number];

/** `back`: more of the move is shown to be undone than must be; `cannot-tell` is never called back. */
export type RecoveryState = 'back' | 'not-back' | 'cannot-tell';

/** A watched signal as it was last read. */
export interface RecoveryReading {
  readonly signal: string;
  readonly kind: SignalMeasure['kind'];
  readonly limit: number | null;
  readonly source: WatchedMove['source'];
  readonly usual: number | null;
  readonly during: number | null;
  /** Of the answers of the target in this stage, and of the release that is replaced beside it. */
  readonly target: { readonly n: number; readonly value: number | null };
  readonly replaced: { readonly n: number; readonly value: number | null };
  /** The level that the target must be shown to be on the good side of. */
  readonly needed: number | null;
  readonly state: RecoveryState;
}

/** The answer of `rollback --apply` and `rollback status`. */
export interface AppliedReport {
  readonly schemaVersion: 1;
  readonly kind: 'applied-rollback';
  readonly id: string;
  readonly feature: string;
  readonly environment: string;
  readonly suite: string;
  readonly status: AppliedStatus;
  /** Why it stands still; null while it runs and once it is done. */
  readonly code: string | null;
  readonly reason: string;
  readonly since: string;
  readonly by: string;
  readonly replaced: NamedRelease;
  readonly target: AppliedSpec['target'];
  /** Of the traffic that gets the target. */
  readonly percent: number;
  readonly stage: number;
  readonly stages: readonly AppliedStage[];
  /** Milliseconds of the stage with answers of the target. */
  readonly heardMs: number;
  readonly answers: AppliedCounts['answers'];
  readonly signals: readonly RecoveryReading[];
  readonly unwatched: AppliedSpec['unwatched'];
  /** Why the stage does not end now. */
  readonly holds: string | null;
  readonly flags: FlagValues;
  readonly pending: readonly string[];
  readonly lookedAt: string | null;
  readonly history: readonly { readonly at: string; readonly by: string; readonly what: string }[];
  /** Command to run next; null = nothing. */
  readonly next: string | null;
}

/** What `rollback --apply --dry-run` prints. Nothing is changed, and no call is made. */
export interface AppliedPlan {
  readonly schemaVersion: 1;
  readonly kind: 'rollback-plan';
  readonly feature: string;
  readonly environment: string;
  readonly suite: string;
  readonly replaced: NamedRelease;
  /** null = no verified target is known. */
  readonly target: AppliedSpec['target'] | null;
  /** What would be set, in order. */
  readonly changes: readonly {
    readonly stage: number;
    readonly place: string;
    readonly from: string;
    readonly to: string;
  }[];
  readonly stages: readonly AppliedStage[];
  readonly watched: readonly Pick<
    RecoveryReading,
    'signal' | 'kind' | 'limit' | 'source' | 'usual' | 'during'
  >[];
  readonly unwatched: AppliedSpec['unwatched'];
  /** Why it would be refused now. */
  readonly refusals: readonly {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
  }[];
  readonly notes: readonly string[];
}
