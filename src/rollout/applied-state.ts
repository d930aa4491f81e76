// The state of an applied rollback, and how it begins.

import type {
  AppliedCounts,
  AppliedEffect,
  AppliedEvent,
  AppliedPlaces,
  AppliedSpec,
  AppliedStage,
  AppliedStatus,
  ArmLevels,
  RecoveryReading,
  RecoveryState,
  WatchedMove,
} from '../core/applied-rollback.ts';
import { addLevels, LEFT_OVER, lessLevel, levelValue, limitOf } from './recovery.ts';

export interface AppliedState {
  readonly spec: AppliedSpec;
  /** Number of the newest event. */
  readonly seq: number;
  readonly status: AppliedStatus;
  /** Why it stands still. */
  readonly code: string | null;
  readonly reason: string;
  readonly since: string;
  readonly by: string;
  /** Index of the stage, when it began, and what was counted until then. */
  readonly stage: number;
  readonly stageAt: number;
  readonly origin: AppliedCounts;
  /** Everything since the hour of the start, as it was last counted. */
  readonly counts: AppliedCounts;
  /** Milliseconds of the stage with answers of the target, and when it was last heard of. */
  readonly heardMs: number;
  readonly dataAt: number;
  /** Tests so far in this stage, and how much had been seen at the last one: recovery, and harm. */
  readonly tests: number;
  readonly testedAt: number;
  readonly harmTests: number;
  readonly harmTestedAt: number;
  /** In the order of `spec.watched`, as the last test found them. */
  readonly found: readonly RecoveryState[];
  readonly holds: string | null;
  readonly places: AppliedPlaces;
  readonly pending: readonly AppliedEffect[];
  readonly lookedAt: string | null;
  readonly history: readonly { readonly at: string; readonly by: string; readonly what: string }[];
}

const NOTHING_YET = 'no answer of the target yet';

export function beginApplied(event: Extract<AppliedEvent, { kind: 'started' }>): AppliedState {
  const { spec, at, by, why } = event;
  const percent = spec.stages[0]?.percent ?? 100;
  return {
    ...{ spec, seq: 1, status: 'running', code: null, reason: why, since: at, by },
    ...freshStage(spec, { stage: 0, at, counts: spec.origin }),
    counts: spec.origin,
    places: spec.places,
    pending: [{ kind: 'set', target: percent }],
    lookedAt: null,
    history: [{ at, by, what: `started: ${percent}% get ${spec.target.release}: ${why}` }],
  };
}

export function freshStage(
  spec: AppliedSpec,
  { stage, at, counts }: { readonly stage: number; readonly at: string; readonly counts: AppliedCounts },
) {
  return {
    ...{ stage, stageAt: Date.parse(at), origin: counts, heardMs: 0, dataAt: Date.parse(at) },
    ...{ tests: 0, testedAt: 0, harmTests: 0, harmTestedAt: 0, holds: NOTHING_YET },
    found: spec.watched.map((): RecoveryState => 'cannot-tell'),
  };
}

/** Over: no event but `applied` changes it any more. */
export function isAppliedOver(status: AppliedStatus): boolean {
  return status !== 'running' && status !== 'held';
}

export const isLastStage = ({ spec, stage }: Pick<AppliedState, 'spec' | 'stage'>): boolean =>
  stage === spec.stages.length - 1;

export function appliedStage({ spec, stage }: Pick<AppliedState, 'spec' | 'stage'>): AppliedStage {
  return spec.stages[stage] as AppliedStage;
}

/** Share of the traffic that is known to get the target: what is still pending does not count. */
export function targetPercent(state: AppliedState): number {
  const { pending, status, stage, spec } = state;
  const isCancelled = status === 'cancelled' && !isLastStage(state);
  const isPending = pending.some((effect) => effect.kind === 'set');
  if (isCancelled) return isPending ? appliedStage(state).percent : 0;
  return isPending ? (spec.stages[stage - 1]?.percent ?? 0) : appliedStage(state).percent;
}

/** Of one level of the stage. Once everybody has the target, answers that name no release are its own. */
export function stageLevels(state: AppliedState, now: ArmLevels, origin: ArmLevels | undefined) {
  const since = (arm: keyof ArmLevels) =>
    origin === undefined ? now[arm] : lessLevel(now[arm], origin[arm]);
  const target = since('target');
  return {
    target: isLastStage(state) ? addLevels(target, since('unnamed')) : target,
    replaced: since('replaced'),
  };
}

export function stageAnswers(
  state: AppliedState,
  counts: AppliedCounts,
): AppliedCounts['answers'] & { readonly all: number } {
  const since = (arm: keyof AppliedCounts['answers']): number =>
    Math.max(0, counts.answers[arm] - state.origin.answers[arm]);
  const [target, replaced, unnamed] = [since('target'), since('replaced'), since('unnamed')];
  return { target, replaced, unnamed, all: isLastStage(state) ? target + unnamed : target };
}

/** The part of a move that may be left in this stage. */
export const leftOver = (state: AppliedState): number =>
  isLastStage(state) ? LEFT_OVER.end : LEFT_OVER.stage;

export function readingsOf(state: AppliedState): readonly RecoveryReading[] {
  return state.spec.watched.map((move: WatchedMove, i) => {
    const now = state.counts.watched[i];
    const { target, replaced } =
      now === undefined
        ? { target: { n: 0, sum: 0 }, replaced: { n: 0, sum: 0 } }
        : stageLevels(state, now, state.origin.watched[i]);
    return {
      ...{ signal: move.signal, kind: move.measure.kind, limit: move.measure.limit, source: move.source },
      ...{ usual: levelValue(move.usual), during: levelValue(move.during) },
      target: { n: target.n, value: levelValue(target) },
      replaced: { n: replaced.n, value: levelValue(replaced) },
      needed: limitOf(move, leftOver(state)),
      state: state.found[i] ?? 'cannot-tell',
    };
  });
}
