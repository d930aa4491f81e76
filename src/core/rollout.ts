// A rollout: a candidate that gets more of the traffic stage by stage. Its state is made of a log of events.

import type { FlagValues, RolloutGate } from './ticket.ts';

export type RolloutArm = 'candidate' | 'control';

/** What a gate knows of one arm; additive. Shares: `hits` bad of `n`. Costs and means: `sum` over `hits`, from `n` tasks or calls. */
export interface ArmCounts {
  readonly n: number;
  readonly hits: number;
  readonly sum: number;
}

/** How a signal is counted and tested. */
export type GateMeasure =
  | { readonly kind: 'share'; readonly of: 'known' | 'all' }
  /** Values above `limit` are hits: the quantile q lies above it where more than 1 - q of them do. */
  | { readonly kind: 'quantile'; readonly q: number; readonly limit: number }
  | { readonly kind: 'ratio'; readonly bounded: boolean };

/** A gate of the ticket with what was known when the rollout started. */
export interface RolloutGateSpec extends RolloutGate {
  readonly measure: GateMeasure;
  /** The fixed number that it is compared with; null = the control's own at the same time. */
  readonly reference: number | null;
  /** The control in the seven days before the start. */
  readonly history: ArmCounts;
}

export interface RolloutStage {
  readonly percent: number;
  readonly forMs: number | null;
  readonly sample: number | null;
}

interface RolloutRelease {
  readonly release: string;
  readonly fingerprint: string;
}

/** A start condition that was not met, and who took responsibility for it. */
export interface RolloutWaiver {
  readonly condition: string;
  readonly detail: string;
  readonly by: string;
  readonly why: string;
}

/** Observations by arm, and what each gate counts of them; additive. */
export interface RolloutCounts {
  readonly calls: Readonly<Record<RolloutArm, number>>;
  readonly gates: readonly Readonly<Record<RolloutArm, ArmCounts>>[];
}

/** What a rollout does, fixed at its start: a later edit of the ticket does not change the gates. */
export interface RolloutSpec {
  readonly id: string;
  readonly feature: string;
  readonly environment: string;
  readonly suite: string;
  readonly control: RolloutRelease;
  readonly candidate: RolloutRelease;
  readonly stages: readonly RolloutStage[];
  readonly gates: readonly RolloutGateSpec[];
  /** Set along with a rollback. */
  readonly rollbackFlags: FlagValues;
  /** Set at the start: values that hold during the rollout. */
  readonly flags: FlagValues;
  /** Probability of any false action over all gates and stages. */
  readonly alpha: number;
  readonly waived: readonly RolloutWaiver[];
  /** What the hour of the start held before the start. */
  readonly origin: RolloutCounts;
}

/** What is new since the look before. */
export interface GateBlock {
  readonly candidate: ArmCounts;
  readonly control: ArmCounts;
  /** Segment with the worst candidate, for gates that disable one; null = none is named. */
  readonly segment: string | null;
}

interface Decided {
  /** ISO time. */
  readonly at: string;
  readonly by: string;
  readonly why: string;
}

export type RolloutEvent =
  | ({ readonly kind: 'started'; readonly spec: RolloutSpec } & Decided)
  | {
      readonly kind: 'looked';
      readonly at: string;
      readonly by: string;
      /** New observations. */
      readonly calls: Readonly<Record<RolloutArm, number>>;
      /** In the order of the gates. */
      readonly gates: readonly GateBlock[];
    }
  | ({ readonly kind: 'paused' } & Decided)
  /** `seen`: all counts since the start, without the segments that are disabled. */
  | ({ readonly kind: 'resumed'; readonly seen: RolloutCounts } & Decided)
  | ({ readonly kind: 'aborted' } & Decided)
  | ({ readonly kind: 'promoted' } & Decided)
  /** A person set `ai.rollout.percent` while the rollout was under way. */
  | ({ readonly kind: 'flag-changed'; readonly percent: number } & Decided)
  /** Everything that was pending after event `through` is done. */
  | { readonly kind: 'applied'; readonly at: string; readonly by: string; readonly through: number };

/** An event in its place in the log of its rollout, from 1. */
export type LoggedRolloutEvent = RolloutEvent & {
  readonly rollout: string;
  readonly seq: number;
  /** Random: tells the writers of a race apart. */
  readonly writer: string;
};

/** What must be done after an event; each can be done twice without harm. */
export type RolloutEffect =
  | {
      readonly kind: 'set-flags';
      readonly percent: number;
      readonly flags: FlagValues;
      readonly disabled: readonly string[];
    }
  | { readonly kind: 'open-episode'; readonly reason: string }
  | { readonly kind: 'alert'; readonly event: string; readonly reason: string };

export type RolloutStatus =
  | 'running'
  | 'paused'
  | 'frozen'
  | 'complete'
  | 'promoted'
  | 'rolled-back'
  | 'aborted';

/** The rule of the ticket, read literally. `collecting` = fewer seen than the rule asks for. */
export type LiteralReading = 'green' | 'red' | 'collecting' | 'no-control';

/** One gate as it was last read. */
export interface GateReading {
  readonly signal: string;
  readonly rule: string;
  readonly action: RolloutGate['action'];
  readonly literal: LiteralReading;
  /** Of the values. */
  readonly unit: 'share' | 'number';
  /** Of the newest that the rule is read over. */
  readonly candidate: { readonly n: number; readonly value: number | null };
  readonly control: { readonly n: number; readonly value: number | null };
  /** log10 of the e-value after e-Holm; null = this signal has no such test. */
  readonly evidence: number | null;
  /** The evidence, or the literal rule where there is no test, asks for the action. */
  readonly fired: boolean;
}

/** One arm of a gate since the rollout started, disabled segments aside. */
export interface ArmSinceStart {
  readonly n: number;
  readonly value: number | null;
  /** 95% for both arms together, valid at every time, for independent answers; null = not a share, or nothing seen. */
  readonly interval: readonly [number, number] | null;
}

/** A gate with everything that was counted since the start. */
export interface GateReport extends GateReading {
  /** Of a quantile: the shares are those of the values above it, in the unit of the signal; null = another signal. */
  readonly limit: number | null;
  readonly sinceStart: Readonly<Record<RolloutArm, ArmSinceStart>> & {
    /** Candidate minus control. */
    readonly difference: Pick<ArmSinceStart, 'value' | 'interval'>;
  };
}

/** The answer of `rollout status` and `rollout step`. */
export interface RolloutReport {
  readonly schemaVersion: 1;
  readonly kind: 'rollout';
  readonly id: string;
  readonly feature: string;
  readonly environment: string;
  readonly status: RolloutStatus;
  readonly reason: string;
  readonly since: string;
  readonly by: string;
  readonly control: RolloutRelease;
  readonly candidate: RolloutRelease;
  readonly percent: number;
  readonly stage: number;
  readonly stages: readonly RolloutStage[];
  /** Milliseconds that count towards the time of the stage. */
  readonly greenMs: number;
  readonly calls: Readonly<Record<RolloutArm, number>>;
  /** Calls of each arm since the rollout started. */
  readonly callsSinceStart: Readonly<Record<RolloutArm, number>>;
  /** Why the stage does not end now; null where it is not running. */
  readonly holds: string | null;
  readonly gates: readonly GateReport[];
  /** log10 an action needs. */
  readonly needed: number;
  readonly lookedAt: string | null;
  readonly looks: number;
  readonly disabled: readonly string[];
  readonly waived: readonly RolloutWaiver[];
  readonly pending: readonly string[];
  readonly history: readonly { readonly at: string; readonly by: string; readonly what: string }[];
}
