// A rollout as it is shown and printed as JSON.

import type { GateReading, GateReport, RolloutGateSpec, RolloutReport } from '../../core/rollout.ts';
import type { RolloutState } from '../../rollout/rollout-state.ts';
import { sinceStart } from '../../rollout/since-start.ts';

export type { RolloutState };

export function rolloutReport(state: RolloutState): RolloutReport {
  const { spec, gates, pending } = state;
  const { status, reason, since, by, percent, stage, greenMs, calls, holds } = state;
  return {
    schemaVersion: 1,
    kind: 'rollout',
    id: spec.id,
    feature: spec.feature,
    environment: spec.environment,
    ...{ status, reason, since, by },
    control: spec.control,
    candidate: spec.candidate,
    ...{ percent, stage, stages: spec.stages, greenMs, calls, holds },
    callsSinceStart: state.seen.calls,
    gates: gates.map((gate, i) => gateReport(state, gate.reading, i)),
    needed: -Math.log10(spec.alpha),
    lookedAt: state.lookedAt,
    looks: state.looks,
    disabled: state.disabled,
    waived: spec.waived,
    pending: pending.map((e) => e.kind),
    history: state.history,
  };
}

function gateReport({ spec, seen }: RolloutState, reading: GateReading, i: number): GateReport {
  const gate = spec.gates[i] as RolloutGateSpec;
  const limit = gate.measure.kind === 'quantile' ? gate.measure.limit : null;
  return { ...reading, limit, sinceStart: sinceStart(gate, seen.gates[i]) };
}
