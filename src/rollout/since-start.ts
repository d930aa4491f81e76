// What a gate counted since the start of a rollout, with intervals that stay valid however often they are read.

import type {
  ArmCounts,
  ArmSinceStart,
  GateReport,
  RolloutCounts,
  RolloutGateSpec,
} from '../core/rollout.ts';
import { anytimeShare } from '../stats/anytime-interval.ts';
import { NOTHING } from './gate-evidence.ts';

/** Both intervals hold together with 95%, so the difference of their ends does too. */
const ALPHA_OF_ONE_ARM = 0.025;

export function sinceStart(
  gate: Pick<RolloutGateSpec, 'measure'>,
  counts: RolloutCounts['gates'][number] | undefined,
): GateReport['sinceStart'] {
  const candidate = armOf(gate, counts?.candidate ?? NOTHING);
  const control = armOf(gate, counts?.control ?? NOTHING);
  const [a, b] = [candidate.interval, control.interval];
  const difference = {
    value: candidate.value === null || control.value === null ? null : candidate.value - control.value,
    interval: a === null || b === null ? null : ([a[0] - b[1], a[1] - b[0]] as const),
  };
  return { candidate, control, difference };
}

/** Only sums are kept of costs and means, so nothing says how much they vary. */
function armOf({ measure }: Pick<RolloutGateSpec, 'measure'>, { n, hits, sum }: ArmCounts): ArmSinceStart {
  if (measure.kind === 'ratio') return { n, value: hits > 0 ? sum / hits : null, interval: null };
  const interval = anytimeShare({ n, hits }, ALPHA_OF_ONE_ARM);
  return {
    n,
    value: n > 0 ? hits / n : null,
    interval: interval === null ? null : [interval.lower, interval.upper],
  };
}
