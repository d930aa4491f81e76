// An applied rollback as it is shown and printed as JSON.

import type { AppliedReport } from '../../core/applied-rollback.ts';
import { DEFAULT_ENVIRONMENT } from '../../core/shipping.ts';
import {
  type AppliedState,
  isLastStage,
  readingsOf,
  stageAnswers,
  targetPercent,
} from '../../rollout/applied-state.ts';

export type { AppliedState };

export function appliedReport(state: AppliedState): AppliedReport {
  const { spec, status, code, reason, since, by, stage, heardMs, holds, pending, lookedAt, history } = state;
  const { target, replaced, unnamed } = stageAnswers(state, state.counts);
  return {
    ...{ schemaVersion: 1, kind: 'applied-rollback', id: spec.id, feature: spec.feature },
    ...{ environment: spec.environment, suite: spec.suite, status, code, reason, since, by },
    ...{ replaced: spec.replaced, target: spec.target, percent: targetPercent(state) },
    ...{ stage, stages: spec.stages, heardMs, holds, flags: spec.flags, lookedAt, history },
    answers: { target, replaced, unnamed },
    signals: readingsOf(state),
    unwatched: spec.unwatched,
    pending: pending.map((e) => (e.kind === 'set' ? `set the target to ${e.target}%` : 'alert')),
    next: nextOf(state),
  };
}

/** Exit code of a step: 1 once a person must decide. */
export function appliedExit({ status }: Pick<AppliedState, 'status'>): 0 | 1 {
  return status === 'held' || status === 'interrupted' ? 1 : 0;
}

function nextOf(state: AppliedState): string | null {
  const { feature, environment } = state.spec;
  const where = environment === DEFAULT_ENVIRONMENT ? '' : ` --environment ${environment}`;
  switch (state.status) {
    case 'running':
      return `lastgood rollback ${feature} --apply${where}`;
    case 'held':
      return isLastStage(state)
        ? `lastgood rollback ${feature} --apply --now --why TEXT${where}`
        : `lastgood rollback cancel ${feature} --why TEXT${where}`;
    case 'recovered':
    case 'in-force':
      return `lastgood residue ${feature} --rollback ${state.history[0]?.at ?? state.since}`;
    case 'interrupted':
      return `lastgood registry history ${feature}`;
    case 'cancelled':
      return null;
  }
}
