// Single cases of a candidate: which look broken, which are shown to be by fresh trials, and what the critical ones show.

import { holm } from '../stats/index.ts';
import { MeanChange } from '../stats/mean-change.ts';
import { addCounts, type Counts, fall, type MeasuredCase, NO_TRIALS, type Reference } from './reference.ts';

/** A case looks broken at this p and with at least this fall of its pass rate. */
const SUSPECT_ALPHA = 0.1;
const SUSPECT_FALL = 0.25;
/** Adjusted level (Holm over the suspects) at which fresh trials show a case to be broken. */
const BROKEN_ALPHA = 0.005;
/** Fresh trials an arm that settle a suspect, one batch; an open answer gets more batches, up to so many trials. */
export const SETTLE_TRIALS = 8;
const MOST_SETTLE_TRIALS = 24;
/** Above this p the fresh trials clear a suspect. */
const CLEARED = 0.25;
/** The same once it has all its fresh trials; below it the case stays open. */
const CLEARED_AT_LAST = 0.02;

export const MOST_SETTLED = 12;
/** Largest drop of the critical cases together that is still tolerated; they are few, so it is wider than the suite's. */
export const CRITICAL_MARGIN = 0.1;
export const CRITICAL_ALPHA = 0.04;
/** Level at which the critical cases are called worse. */
const CRITICAL_FELL = 0.005;
/** Trials of all critical cases together, in the candidate's arm, with which an open answer about them is left open. */
export const CRITICAL_TRIALS = 160;

/** Fresh trials of single cases, by id: the candidate's, and the control's where it still shows what was good. */
export type Settled = ReadonlyMap<string, { readonly candidate: Counts; readonly control: Counts }>;

export interface SuspectCases {
  /** Neither shown to be broken nor cleared, worst first. */
  readonly open: readonly string[];
  /** Those of them that get more fresh trials. */
  readonly wanted: readonly string[];
  /** Shown to be worse than it was. */
  readonly broken: readonly string[];
}

/** What is known of a case when it was good: its stored trials, and those of the control where it holds. */
function goodCounts(c: MeasuredCase): Counts {
  return c.controlHolds && c.control !== null ? addCounts(c.stored, c.control) : c.stored;
}

/**
 * Cases that were good and fail now. A suspicion never decides: only trials made after it do. `named`: cases to be cured, which were
 * suspected before the candidate was run, so that all its trials count.
 */
export function suspectCases(
  cases: readonly MeasuredCase[],
  settled: Settled,
  named: ReadonlySet<string>,
): SuspectCases {
  const suspects = cases.filter((c) => {
    const good = goodCounts(c);
    const gap = good.x / good.k - c.candidate.x / c.candidate.k;
    return settled.has(c.id) || (gap >= SUSPECT_FALL && fall(good, c.candidate) <= SUSPECT_ALPHA);
  });
  const tested = suspects.flatMap((c) => {
    const fresh = settled.get(c.id) ?? { candidate: NO_TRIALS, control: NO_TRIALS };
    const now = named.has(c.id) ? addCounts(c.candidate, fresh.candidate) : fresh.candidate;
    if (now.k === 0) return [];
    const good = addCounts(goodCounts(c), c.controlHolds ? fresh.control : NO_TRIALS);
    return [{ id: c.id, p: fall(good, now), trials: fresh.candidate.k }];
  });
  const adjusted = holm(tested.map((t) => t.p));
  const broken = tested.filter((_, i) => (adjusted[i] ?? 1) <= BROKEN_ALPHA).map((t) => t.id);
  const done = tested.filter((t) => t.trials >= MOST_SETTLE_TRIALS);
  const clear = new Set([
    ...tested.filter((t) => t.trials > 0 && t.p > CLEARED).map((t) => t.id),
    ...done.filter((t) => t.p > CLEARED_AT_LAST).map((t) => t.id),
  ]);
  const rate = (c: MeasuredCase): number => c.candidate.x / c.candidate.k;
  const open = suspects
    .filter((c) => !clear.has(c.id) && !broken.includes(c.id))
    .sort((a, b) => rate(a) - rate(b) || (a.id < b.id ? -1 : 1))
    .map((c) => c.id);
  const exhausted = new Set(done.map((t) => t.id));
  return { open, wanted: open.filter((id) => !exhausted.has(id)), broken };
}

export interface CriticalEvidence {
  readonly cases: number;
  readonly delta: number;
  readonly lower: number;
  readonly holds: boolean;
  /** Shown to be worse. */
  readonly fell: boolean;
  readonly ids: readonly string[];
  /** Trials of the candidate on them. */
  readonly trials: number;
}

/** The critical cases together, with the trials that settled them; null without any. */
export function criticalEvidence(
  reference: Reference,
  settled: Settled,
  level: number = CRITICAL_ALPHA,
): CriticalEvidence | null {
  const cases = reference.cases.filter((c) => c.critical);
  if (cases.length === 0) return null;
  const rows = cases.map((c) => {
    const fresh = settled.get(c.id);
    const control =
      c.control === null || fresh === undefined ? c.control : addCounts(c.control, fresh.control);
    const now = fresh === undefined ? c.candidate : addCounts(c.candidate, fresh.candidate);
    return {
      measured: { ...c, control },
      good: c.controlHolds && control !== null ? control : c.stored,
      now,
    };
  });
  const { shift, noise } = reference.sessionsOf(rows.map((r) => r.measured));
  const change = new MeanChange(
    rows.map(({ good, now }) => ({ xA: good.x, kA: good.k, xB: now.x, kB: now.k })),
    noise,
    reference.rates.prior,
  );
  return {
    cases: cases.length,
    delta: change.delta - shift,
    lower: change.lower(level) - shift,
    holds: change.pAtMost(shift - CRITICAL_MARGIN) <= level,
    fell: change.pAtLeast(shift) <= CRITICAL_FELL,
    ids: cases.map((c) => c.id),
    trials: rows.reduce((sum, { now }) => sum + now.k, 0),
  };
}
