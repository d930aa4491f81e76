// The control of today: what the baseline's release does when it is run beside the candidate, and what that says of each.

import type { Cause, Contrast, Contrasts } from '../core/comparison.ts';
import { examDifferences } from '../core/exam.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult } from '../core/snapshot.ts';
import { ratePredictive } from '../stats/empirical-bayes.ts';
import { tallyOf } from './arm.ts';
import type { Confirmed } from './confirmation.ts';
import { changeOf, type Evidence } from './evidence.ts';
import type { Control } from './options.ts';
import type { PairedCase } from './pairing.ts';
import type { CasePrior } from './screen.ts';
import { type Sessions, sessionNoise } from './sessions.ts';

/** Two-sided: today's control differs from its stored runs by more than trials and sessions explain. */
const WORLD_ALPHA = 0.05;
/** Holm-like rate for naming cases in which the baseline's release itself fails today. */
const WORLD_CASE_ALPHA = 0.01;

/** The cases both releases were run on today, paired; what is stored of the baseline is their history. */
export function controlPairs(
  pairs: readonly PairedCase[],
  control: Pick<Control, 'baseline' | 'candidate'>,
  appError: Policy['appError'],
): PairedCase[] {
  const read = (cases: readonly CaseResult[]): Map<string, CaseResult> =>
    new Map(cases.map((c) => [c.id, c]));
  const before = read(control.baseline);
  const after = read(control.candidate);
  return pairs.flatMap((pair) => {
    const a = before.get(pair.id);
    const b = after.get(pair.id);
    if (a === undefined || b === undefined) return [];
    if (examDifferences(pair.exam, a.exam).length > 0 || examDifferences(pair.exam, b.exam).length > 0)
      return [];
    const baseline = tallyOf(a, appError);
    const candidate = tallyOf(b, appError);
    if (baseline.graded === 0 || candidate.graded === 0) return [];
    const history = { x: pair.baseline.passed, k: pair.baseline.graded };
    return [{ ...pair, baseline, candidate, history }];
  });
}

/** Today's control against its stored runs, session noise counted; null without one. */
export function worldContrast(
  pairs: readonly PairedCase[],
  today: readonly PairedCase[],
  sessions: Sessions,
  confidence: number,
): Contrast | null {
  if (today.length === 0) return null;
  const stored = new Map(pairs.map((pair) => [pair.id, pair]));
  const moved = today.map((pair): PairedCase => {
    const before = stored.get(pair.id) ?? pair;
    return { ...pair, baseline: before.baseline, candidate: pair.baseline };
  });
  const change = changeOf(moved, sessionNoise(sessions.suite, sessions));
  const level = (1 - confidence) / 2;
  return {
    delta: change.delta,
    interval: [change.lower(level), change.upper(level)],
    p: Math.min(1, 2 * Math.min(change.pAtLeast(0), change.pAtMost(0))),
    cases: moved.length,
  };
}

/**
 * Cases with fresh trials in which the baseline's release does worse than all that is stored of it explains. Those that were given fresh
 * trials are the ones that looked worst of all, so each p counts once for every case of the suite.
 */
export function worldCases(pairs: readonly PairedCase[], confirmed: Confirmed, prior: CasePrior): string[] {
  const tested = [...confirmed.tests].filter(([, { baseline }]) => baseline.trials > 0);
  const byId = new Map(pairs.map((pair) => [pair.id, pair]));
  return tested.flatMap(([id, { baseline }]) => {
    const pair = byId.get(id);
    if (pair === undefined) return [];
    const history = { x: pair.baseline.passed, k: pair.baseline.graded };
    const { pLess } = ratePredictive(prior.cautious, history, { x: baseline.passed, k: baseline.trials });
    return pLess * pairs.length <= WORLD_CASE_ALPHA ? [id] : [];
  });
}

/** The change as a contrast. */
export function changeContrast(
  pairs: readonly PairedCase[],
  { delta, interval, pRegression }: Evidence,
): Contrast {
  return { delta, interval, p: pRegression, cases: pairs.length };
}

/** Whose doing: `regressed` is the verdict on the change; the world has moved where today's control shows it. */
export function causeOf(regressed: boolean, { world, worldCases: cases }: Contrasts): Cause {
  const moved = (world !== null && world.p <= WORLD_ALPHA) || cases.length > 0;
  return regressed ? (moved ? 'both' : 'change') : moved ? 'world' : 'neither';
}

/** Is the control of today compatible with the stored runs, so that both may serve as one baseline? */
export function worldStands(world: Contrast | null): boolean {
  return world === null || world.p > WORLD_ALPHA;
}
