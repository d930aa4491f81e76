// The state of a rollout, and how it begins.

import type {
  GateReading,
  RolloutArm,
  RolloutCounts,
  RolloutEffect,
  RolloutSpec,
  RolloutStage,
  RolloutStatus,
} from '../core/rollout.ts';
import { addArms, type GateEvidence, isTested, NO_EVIDENCE, NOTHING } from './gate-evidence.ts';
import { type RecentLook, ruleText } from './gate-reading.ts';
import type { RatioEvidence } from './sample-ratio.ts';

export interface GateState {
  readonly evidence: GateEvidence;
  readonly recent: readonly RecentLook[];
  readonly metSince: number | null;
  readonly reading: GateReading;
}

export interface RolloutState {
  readonly spec: RolloutSpec;
  /** Number of the newest event. */
  readonly seq: number;
  readonly status: RolloutStatus;
  readonly reason: string;
  readonly since: string;
  readonly by: string;
  /** Index of the stage. */
  readonly stage: number;
  readonly percent: number;
  /** Milliseconds that count towards the stage. */
  readonly greenMs: number;
  /** When both arms were last heard of, or the stage began. */
  readonly dataAt: number;
  /** Since the percentage in force was set: its time, what was counted (calls and what gates know), and how much of it when units were read. */
  readonly window: { readonly from: number; readonly counted: number; readonly read: number };
  /** In this stage. */
  readonly calls: Readonly<Record<RolloutArm, number>>;
  readonly gates: readonly GateState[];
  readonly ratio: RatioEvidence;
  readonly holds: string | null;
  readonly disabled: readonly string[];
  /** Disabled segments whose observations are not counted. */
  readonly excluded: readonly string[];
  /** Everything that was counted since the start. */
  readonly seen: RolloutCounts;
  readonly looks: number;
  readonly lookedAt: string | null;
  /** What is not known to be done yet. */
  readonly pending: readonly RolloutEffect[];
  /** What happened, without the looks that changed nothing. */
  readonly history: readonly { readonly at: string; readonly by: string; readonly what: string }[];
}

/** Nothing counted yet. `at` = ISO time. */
export function windowFrom(at: string): RolloutState['window'] {
  return { from: Date.parse(at), counted: 0, read: 0 };
}

export function freshGates(spec: RolloutSpec): readonly GateState[] {
  return spec.gates.map((gate) => ({
    evidence: NO_EVIDENCE,
    recent: [],
    metSince: null,
    reading: {
      signal: gate.signal,
      rule: ruleText(gate),
      action: gate.action,
      literal: 'collecting',
      unit: gate.measure.kind === 'ratio' ? 'number' : 'share',
      candidate: { n: 0, value: null },
      control: { n: 0, value: null },
      evidence: isTested(gate) ? 0 : null,
      fired: false,
      units: null,
    },
  }));
}

/** No counts yet. */
export function noCounts(spec: Pick<RolloutSpec, 'gates'>): RolloutCounts {
  return {
    calls: { candidate: 0, control: 0 },
    gates: spec.gates.map(() => ({ candidate: NOTHING, control: NOTHING })),
  };
}

export function addCounts(a: RolloutCounts, b: RolloutCounts): RolloutCounts {
  return {
    calls: {
      candidate: a.calls.candidate + b.calls.candidate,
      control: a.calls.control + b.calls.control,
    },
    gates: a.gates.map((g, i) => ({
      candidate: addArms(g.candidate, b.gates[i]?.candidate ?? NOTHING),
      control: addArms(g.control, b.gates[i]?.control ?? NOTHING),
    })),
  };
}

export function stageOf({ spec, stage }: Pick<RolloutState, 'spec' | 'stage'>): RolloutStage {
  return spec.stages[stage] as RolloutStage;
}

/** Over: no event but `applied` changes it any more. */
export function isOver(status: RolloutStatus): boolean {
  return status === 'promoted' || status === 'rolled-back' || status === 'aborted';
}
