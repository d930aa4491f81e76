// Answers of an applied rollback by the release that gave them, out of the hourly windows.

import type { AppliedCounts, AppliedSpec, ArmLevels } from '../../core/applied-rollback.ts';
import {
  type CountedWindow,
  HOUR_MS,
  type ObservationStore,
  type WindowCounts,
} from '../../core/observation.ts';
import { levelOf } from '../../monitor/signal-levels.ts';
import { addCounts } from '../../monitor/window-counts.ts';

type Arm = keyof ArmLevels;
type Compared = Pick<AppliedSpec, 'replaced' | 'target'>;

/** By `variant`, else by `release`; null = another release. A fingerprint may be shortened to 12 digits. */
function armOf(
  { variant, release }: CountedWindow['dimensions'],
  { replaced, target }: Compared,
): Arm | null {
  const named = variant ?? release;
  if (named === null) return 'unnamed';
  const isOf = (fingerprint: string): boolean => named.length >= 12 && fingerprint.startsWith(named);
  if (isOf(target.fingerprint)) return 'target';
  if (isOf(replaced.fingerprint)) return 'replaced';
  // The role of a flag answer: the target is the candidate until it is in force, and from then on it is unknown.
  if (named === 'candidate') return 'target';
  if (named === 'control') return 'unnamed';
  if (replaced.release === target.release) return null;
  return named === target.release ? 'target' : named === replaced.release ? 'replaced' : null;
}

/** Everything since the hour of the start. Windows must be up to date. */
export async function countApplied(
  store: ObservationStore,
  spec: Compared & Pick<AppliedSpec, 'feature' | 'watched' | 'guarded'>,
  { startedAt, now }: { readonly startedAt: Date; readonly now: Date },
): Promise<AppliedCounts> {
  const arms: Record<Arm, WindowCounts> = { target: new Map(), replaced: new Map(), unnamed: new Map() };
  const from = Math.floor(startedAt.getTime() / HOUR_MS) * HOUR_MS;
  const to = (Math.floor(now.getTime() / HOUR_MS) + 1) * HOUR_MS;
  for await (const w of store.windows({ feature: spec.feature, from, to, span: 'any' })) {
    const arm = armOf(w.dimensions, spec);
    if (arm !== null) addCounts(arms[arm], w.counts);
  }
  const n = (arm: Arm): number => arms[arm].get('n') ?? 0;
  const levels = ({ measure }: Pick<AppliedSpec['guarded'][number], 'measure'>): ArmLevels => ({
    target: levelOf(measure, arms.target),
    replaced: levelOf(measure, arms.replaced),
    unnamed: levelOf(measure, arms.unnamed),
  });
  return {
    answers: { target: n('target'), replaced: n('replaced'), unnamed: n('unnamed') },
    watched: spec.watched.map(levels),
    guarded: spec.guarded.map(levels),
  };
}
