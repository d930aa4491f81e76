// What an applied rollback would set, place by place, for a dry run.

import { isDeepStrictEqual } from 'node:util';
import { shortHash } from '../../base/index.ts';
import type { AppliedPlan } from '../../core/applied-rollback.ts';
import type { FlagDefinition, ShippingChange } from '../../core/index.ts';
import { levelValue } from '../../rollout/recovery.ts';
import type { Draft } from './draft-rollback.ts';
import { definitionOf, newestChange, type ShippingWrite, writesFor } from './shipping-writes.ts';

export function planOf(
  draft: Draft,
  refusals: AppliedPlan['refusals'],
  changes: readonly ShippingChange[],
): AppliedPlan {
  const { feature, environment, suite, replaced, target, stages, watched, unwatched } = draft;
  return {
    ...{ schemaVersion: 1, kind: 'rollback-plan', feature, environment, suite, replaced, target },
    changes: changesOf(draft, changes),
    ...{ stages, unwatched, refusals },
    watched: watched.map(({ signal, measure, source, usual, during }) => ({
      ...{ signal, source, kind: measure.kind, limit: measure.limit },
      ...{ usual: levelValue(usual), during: levelValue(during) },
    })),
    notes: [...draft.notes, ...draft.warnings.map((w) => w.message)],
  };
}

/** In the order in which they are set; what is so already is left out. */
function changesOf(draft: Draft, changes: readonly ShippingChange[]): AppliedPlan['changes'] {
  const { target } = draft;
  if (target === null) return [];
  const now = new Map<string, string>();
  const stateOf = (write: ShippingWrite): string =>
    now.get(write.place) ?? present(newestChange(changes, draft, write.place), write);
  return draft.stages.flatMap(({ percent }, stage) =>
    writesFor(draft, percent).flatMap((write) => {
      const from = stateOf(write);
      const to =
        'key' in write ? flagText(write.definition) : `${target.release} ${shortHash(target.fingerprint)}`;
      now.set(write.place, to);
      return from === to ? [] : [{ stage, place: nameOf(write), from, to }];
    }),
  );
}

const nameOf = (write: ShippingWrite): string =>
  'key' in write ? write.key : write.place === 'pointer' ? 'registry' : 'registry candidate';

function present(change: ShippingChange | undefined, write: ShippingWrite): string {
  if (change === undefined) return 'not set';
  if ('key' in write) return flagText(definitionOf(change));
  return `${String(change.body['release'])} ${shortHash(String(change.body['fingerprint']))}`;
}

function flagText({ type, value, rules }: FlagDefinition): string {
  const plain = isDeepStrictEqual({ type, value, rules: [] }, { type, value, rules });
  return plain ? String(value) : `${String(value)} with ${rules.length} rule${rules.length === 1 ? '' : 's'}`;
}
