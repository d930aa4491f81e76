// State that was built from a layer: does it fit the layer that would be restored? Judged from recorded checks only.

import type { Dependent, DependentState, LayerName, Release, StateCheck } from '../core/index.ts';
import { layerText } from '../core/index.ts';

/** A check older than this says nothing about the state as it is now. */
const CHECK_LASTS_MS = 24 * 3_600_000;

/** What is known of every dependent of the layers that change when `target` is restored. `checks` in any order. */
export function dependentStates(input: {
  readonly dependents: readonly Dependent[];
  readonly target: Pick<Release, 'layerHashes'>;
  readonly layersRestored: readonly LayerName[];
  readonly checks: readonly StateCheck[];
  readonly now: Date;
}): DependentState[] {
  return input.dependents
    .filter((d) => input.layersRestored.includes(d.builtFrom))
    .map((d) => stateOf(d, input.target.layerHashes[d.builtFrom] ?? null, input.checks, input.now));
}

function stateOf(
  d: Dependent,
  layerHash: string | null,
  checks: readonly StateCheck[],
  now: Date,
): DependentState {
  const base = {
    name: d.name,
    builtFrom: d.builtFrom,
    ...(d.check === undefined ? {} : { check: d.check }),
    ...(d.rebuild === undefined ? {} : { rebuild: d.rebuild }),
  };
  const how = d.rebuild === undefined ? `rebuild it from the restored ${d.builtFrom} layer` : d.rebuild;
  if (d.check === undefined) {
    return {
      ...base,
      state: 'no-check',
      checkedAt: null,
      detail: `it names no check, so nothing can tell whether it fits; ${how}`,
    };
  }
  const newest = checks
    .filter(
      (c) =>
        c.name === d.name &&
        c.builtFrom === d.builtFrom &&
        c.layerHash === layerHash &&
        c.command === d.check,
    )
    .sort((a, b) => (a.at < b.at ? 1 : -1))[0];
  if (newest === undefined) {
    return {
      ...base,
      state: 'not-checked',
      checkedAt: null,
      detail: `its check has not been run against this target; ${how}`,
    };
  }
  const ageMs = now.getTime() - Date.parse(newest.at);
  if (newest.outcome !== 'fits') {
    const how_ended =
      newest.outcome === 'does-not-fit'
        ? `exit code ${newest.exitCode}`
        : newest.outcome === 'timeout'
          ? 'no end within the time limit'
          : 'could not be started';
    return {
      ...base,
      state: 'does-not-fit',
      checkedAt: newest.at,
      detail: `its check failed (${how_ended}); ${how}`,
    };
  }
  if (ageMs > CHECK_LASTS_MS) {
    return {
      ...base,
      state: 'not-checked',
      checkedAt: newest.at,
      detail: `it fitted ${Math.floor(ageMs / 3_600_000)} hours ago, which is too long ago to count; check it again`,
    };
  }
  return { ...base, state: 'fits', checkedAt: newest.at, detail: 'its check passed' };
}

/**
 * Why restoring `target` over `current` would mix states, or null: an index built with one embedding must not be asked with
 * another, and a dependent whose own check says that it does not fit must not be served.
 */
export function mixedState(
  current: Pick<Release, 'layers'>,
  target: Pick<Release, 'layers'>,
  states: readonly DependentState[],
): string | null {
  const misfit = states.find((s) => s.state === 'does-not-fit');
  if (misfit !== undefined)
    return `dependent state does not fit the target: ${misfit.name} (built from ${misfit.builtFrom}): ${misfit.detail}`;
  const now = layerText(current.layers.retrieval, 'embedding') ?? null;
  const then = layerText(target.layers.retrieval, 'embedding') ?? null;
  if (now === then) return null;
  const open = states.find((s) => s.builtFrom === 'retrieval' && s.state !== 'fits');
  return open === undefined
    ? null
    : `mixed state: the target embeds with ${then ?? 'no embedding'}, what runs now with ${now ?? 'no embedding'}, and ${open.name} is not shown to fit the target: ${open.detail}`;
}
