// The steps a person takes to restore a target, in the order that never serves a mixed state.

import type { LayerName, RollbackDecision, RollbackTarget } from '../core/index.ts';

/** Layers in the order in which they are put back: first what limits the damage, last what carries the traffic. */
const ORDER: readonly LayerName[] = [
  'automation',
  'tools',
  'output',
  'retrieval',
  'params',
  'prompt',
  'route',
  'routing',
];

/** The restored layers in the order in which they are to be changed. */
export function restoreOrder(layers: readonly LayerName[]): LayerName[] {
  return ORDER.filter((layer) => layers.includes(layer));
}

/** One line a step. */
export function rollbackSteps(
  target: RollbackTarget,
  state: RollbackDecision['decision'],
  suite: string,
): string[] {
  const states = target.dependentStates ?? [];
  const open = states.filter((s) => s.state !== 'fits');
  const steps: string[] = [];
  if (state === 'unverified' && open.length === 0)
    steps.push(`verify it first if there is any time: lastgood rollback ${suite}`);
  for (const s of open) {
    const how = s.rebuild === undefined ? '' : `: ${s.rebuild}`;
    steps.push(
      `rebuild ${s.name} from the target's ${s.builtFrom} layer, before any traffic${how}${s.check === undefined ? '' : ` (its check: ${s.check})`}`,
    );
  }
  if (open.some((s) => s.check !== undefined))
    steps.push(`run the checks of the dependent state: lastgood rollback verify-state ${suite}`);
  if (state === 'unverified' && open.length > 0)
    steps.push(`then decide again, with the checks on record: lastgood rollback ${suite}`);
  const layers = restoreOrder(target.layersRestored);
  steps.push(
    `restore ${layers.join(', then ') || 'the release'} to ${target.release} (--write FILE gives the exact release file)`,
    'send 10 % of the traffic to it for 30 minutes and watch the signals that moved',
    `then 100 %, and run the suite again: lastgood run ${suite} --release FILE`,
  );
  return steps;
}
