// Is a signal that moved back where it was? The target's answers against the level of a usual time and of the incident.

import type { RecoveryState, SignalLevel, SignalMeasure, WatchedMove } from '../core/applied-rollback.ts';
import { normalQuantile } from '../stats/normal.ts';

/** Fewer known answers say nothing. */
export const LEAST_ANSWERS = 30;
/** So many of the rarer kind must be expected at the limit, or the normal approximation does not hold. */
const LEAST_EXPECTED = 5;

export const NO_LEVEL: SignalLevel = { n: 0, sum: 0 };

export const levelValue = ({ n, sum }: SignalLevel): number | null => (n <= 0 ? null : sum / n);

export function addLevels(a: SignalLevel, b: SignalLevel): SignalLevel {
  return { n: a.n + b.n, sum: a.sum + b.sum };
}

/** Corrections of earlier answers may make a count smaller; it is never below 0. */
export function lessLevel(a: SignalLevel, b: SignalLevel): SignalLevel {
  return a.n <= b.n ? NO_LEVEL : { n: a.n - b.n, sum: a.sum - b.sum };
}

const spread = (p: number): number => Math.max(0, p * (1 - p));

/**
 * Variance of one answer, and of the level of an hour beyond what its answers explain (one-way random effects, the moment estimator of
 * DerSimonian & Laird 1986). The counts of a mean do not hold the spread of its answers, so all that its hours show is put on the answers.
 */
export function noiseOf(measure: SignalMeasure, hours: readonly SignalLevel[]): WatchedMove['noise'] {
  const known = hours.filter(({ n }) => n > 0);
  const all = known.reduce(addLevels, NO_LEVEL);
  const value = levelValue(all);
  // Two more of each side (Agresti & Coull 1998): no hits at all are not certainty.
  const answer = spread((all.sum + 2) / (all.n + 4));
  if (value === null || known.length < 2)
    return { answer: measure.kind === 'mean' ? 0 : answer, hour: 0, hours: known.length };
  const between = known.reduce((sum, l) => sum + l.n * (l.sum / l.n - value) ** 2, 0);
  if (measure.kind === 'mean') return { answer: between / (known.length - 1), hour: 0, hours: known.length };
  const size = all.n - known.reduce((sum, l) => sum + l.n * l.n, 0) / all.n;
  const hour = Math.max(0, (between - (known.length - 1) * answer) / Math.max(1, size));
  return { answer, hour, hours: known.length };
}

/** The part of the move that may be left: half while a part of the users has the target, a quarter at the end. */
export const LEFT_OVER = { stage: 0.5, end: 0.25 } as const;

/** The level between usual and incident at which this part of the move is left. */
export function limitOf(
  { usual, during }: Pick<WatchedMove, 'usual' | 'during'>,
  left: number,
): number | null {
  const [u, m] = [levelValue(usual), levelValue(during)];
  return u === null || m === null ? null : u + left * (m - u);
}

type Move = Pick<WatchedMove, 'measure' | 'moved' | 'usual' | 'during' | 'noise'>;

/** Standard error of a level minus the limit. `answer`: variance of one answer at the limit. `hours`: over which it was observed. */
function errorOf(
  { measure, noise, usual, during }: Move,
  level: { readonly n: number; readonly hours: number },
  { left, answer }: { readonly left: number; readonly answer: number },
): number {
  const ofDuring = measure.kind === 'mean' ? noise.answer : spread(levelValue(during) ?? 0);
  return Math.sqrt(
    answer / level.n +
      noise.hour / Math.max(1, level.hours) +
      (1 - left) ** 2 * (noise.answer / usual.n + noise.hour / Math.max(1, noise.hours)) +
      left ** 2 * (ofDuring / Math.max(1, during.n)),
  );
}

/** Is the incident's level further from the usual one than `z` standard errors? `hours`: how many independent ones it had. */
export function isMove(move: Move, { hours, z }: { readonly hours: number; readonly z: number }): boolean {
  const [u, m] = [levelValue(move.usual), levelValue(move.during)];
  if (u === null || m === null) return false;
  const answer = move.measure.kind === 'mean' ? move.noise.answer : spread(m);
  const error = errorOf(move, { n: move.during.n, hours }, { left: 0, answer });
  return error > 0 && Math.abs(m - u) > z * error;
}

/**
 * Score test of the target's level against the limit: `back` on the good side at level `alpha.back`, `not-back` on the bad side at
 * `alpha.notBack`. The errors of the usual level, of the incident's and of single hours count as well.
 */
export function judgeRecovery(
  move: Move,
  target: SignalLevel & { readonly hours: number },
  by: { readonly left: number; readonly alpha: { readonly back: number; readonly notBack: number } },
): RecoveryState {
  const limit = limitOf(move, by.left);
  const value = levelValue(target);
  if (limit === null || value === null || target.n < LEAST_ANSWERS) return 'cannot-tell';
  const isShare = move.measure.kind !== 'mean';
  if (isShare && target.n * Math.min(limit, 1 - limit) < LEAST_EXPECTED) return 'cannot-tell';
  const answer = isShare ? spread(limit) : move.noise.answer;
  if (!(answer > 0)) return 'cannot-tell';
  const error = errorOf(move, target, { left: by.left, answer });
  const z = ((move.moved === 'up' ? 1 : -1) * (value - limit)) / error;
  if (z <= -normalQuantile(1 - by.alpha.back)) return 'back';
  return z >= normalQuantile(1 - by.alpha.notBack) ? 'not-back' : 'cannot-tell';
}

/** A bad share above another by more than this is harm. */
const HARM = 0.01;

/** Is a bad share of the target above the other by more than a point? Unpooled z test at level `alpha`, with continuity correction. */
export function isHarmed(target: SignalLevel, other: SignalLevel, alpha: number): boolean {
  if (target.n < LEAST_ANSWERS || other.n < LEAST_ANSWERS) return false;
  const variance = ({ n, sum }: SignalLevel): number => spread((sum + 1) / (n + 2)) / n;
  const excess = target.sum / target.n - other.sum / other.n - HARM - 0.5 / target.n;
  return excess / Math.sqrt(variance(target) + variance(other)) >= normalQuantile(1 - alpha);
}
