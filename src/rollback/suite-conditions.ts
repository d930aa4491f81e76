// What the whole suite and its tags say of a candidate: pass rate, mean score, and no tag that fell.

import { holm, stratifiedExact } from '../stats/index.ts';
import { MeanChange } from '../stats/mean-change.ts';
import { mixtureCdf, mixtureQuantile, type NoiseMixture } from '../stats/run-variance.ts';
import type { Counts, MeasuredCase, Reference } from './reference.ts';

/** Level over all tags (Holm) at which a tag fell, at the last look; and before it (Haybittle 1971, Peto et al. 1976). */
const TAG_ALPHA = 0.03;
const EARLY_TAG_ALPHA = 0.001;
/** A tag with fewer cases is not tested. */
const LEAST_CASES = 5;

/** A mean change with its one-sided bound. */
export interface Bounded {
  readonly delta: number;
  readonly lower: number;
  readonly upper: number;
  /** One-sided p of "worse by the margin or more". */
  readonly pWorse: number;
  /** One-sided p of "no worse than the margin". */
  readonly pNotWorse: number;
  /** Standard deviation of the estimate. */
  readonly sd: number;
}

/** What a case of the candidate is measured against. */
function yardstick(c: MeasuredCase): Counts {
  return c.controlHolds && c.control !== null ? c.control : c.stored;
}

/** Change of the pass rate; cases on which the control does not hold carry the noise between runs. */
export function passRateEvidence(reference: Reference, margin: number, level: number): Bounded {
  const { cases } = reference;
  const { shift, noise } = reference.sessionsOf(cases);
  const change = new MeanChange(
    cases.map((c) => {
      const good = yardstick(c);
      return { xA: good.x, kA: good.k, xB: c.candidate.x, kB: c.candidate.k };
    }),
    noise,
    reference.rates.prior,
  );
  // What the session does to the cases measured against stored runs is no change of the candidate.
  return {
    delta: change.delta - shift,
    lower: change.lower(level) - shift,
    upper: change.upper(level) - shift,
    pWorse: change.pAtMost(shift - margin),
    pNotWorse: change.pAtLeast(shift - margin),
    sd: Math.sqrt(meanVariance(noise) + change.varianceAt(0)),
  };
}

/** The same of the mean score; null where the score says no more than pass and fail. */
export function scoreEvidence(reference: Reference, margin: number, level: number): Bounded | null {
  const { cases } = reference;
  const rows = cases.map((c) => ({ good: yardstick(c), now: c.candidate }));
  const graded = rows.some(({ good, now }) =>
    [...good.scores, ...now.scores].some((s) => s !== 0 && s !== 1),
  );
  if (!graded) return null;
  const arms = rows.flatMap(({ good, now }) => [good.scores, now.scores]);
  const sums = arms.map(squares);
  const freedom = arms.reduce((n, s) => n + s.length - 1, 0);
  const typical = freedom === 0 ? 0.05 : sums.reduce((a, b) => a + b, 0) / freedom;
  // A few scores say little of a case's own spread: shrunk towards that of all cases, which is worth three trials.
  const spread = (scores: readonly number[]): number =>
    (squares(scores) + 3 * typical) / (scores.length + 2) / scores.length;
  const n = rows.length;
  // Sessions move the score through pass and fail: by what a passed trial scores above a failed one.
  const slope = scoreOfPassing(rows);
  const session = reference.sessionsOf(cases);
  const sessions = {
    ...session.noise,
    variances: session.noise.variances.map((v) => v * slope * slope),
  };
  const delta =
    rows.reduce((sum, { good, now }) => sum + mean(now.scores) - mean(good.scores), 0) / n -
    slope * session.shift;
  const own =
    rows.reduce((sum, { good, now }) => sum + spread(good.scores) + spread(now.scores), 0) / (n * n);
  const noise = { weights: sessions.weights, variances: sessions.variances.map((v) => v + own) };
  return {
    delta,
    lower: delta + mixtureQuantile(noise, level),
    upper: delta - mixtureQuantile(noise, level),
    pWorse: mixtureCdf(noise, -margin - delta),
    pNotWorse: mixtureCdf(noise, delta + margin),
    sd: Math.sqrt(own + meanVariance(sessions)),
  };
}

/** Mean score of a passed trial less that of a failed one. */
function scoreOfPassing(rows: readonly { readonly good: Counts; readonly now: Counts }[]): number {
  const all = rows.flatMap(({ good, now }) => [good, now]);
  const passed = all.reduce((sum, c) => sum + c.x, 0);
  const failed = all.reduce((sum, c) => sum + c.k - c.x, 0);
  const passedScore = all.reduce((sum, c) => sum + c.passedScore, 0);
  const failedScore = all.reduce((sum, c) => sum + c.scores.reduce((a, b) => a + b, 0) - c.passedScore, 0);
  const slope = (passed === 0 ? 0 : passedScore / passed) - (failed === 0 ? 0 : failedScore / failed);
  return Math.min(1, Math.max(0, slope));
}

export interface TagEvidence {
  readonly tag: string;
  readonly cases: number;
  readonly delta: number;
  /** One-sided, adjusted for all tags (Holm). */
  readonly p: number;
}

/** Every tag with at least five cases: exact against a control, with the noise between runs against stored runs. */
export function tagEvidence(reference: Reference): TagEvidence[] {
  const { cases } = reference;
  const tags = [...new Set(cases.flatMap((c) => c.tags))].sort();
  const rows = tags.flatMap((tag) => {
    const members = cases.filter((c) => c.tags.includes(tag));
    if (members.length < LEAST_CASES || members.length === cases.length) return [];
    const strata = members.map((c) => {
      const good = yardstick(c);
      return { xA: good.x, kA: good.k, xB: c.candidate.x, kB: c.candidate.k };
    });
    const stored = members.filter((c) => !c.controlHolds);
    const { shift, noise } = reference.sessionsOf(members);
    const change = new MeanChange(strata, noise, reference.rates.prior);
    const p = stored.length < members.length / 2 ? stratifiedExact(strata).pLess : change.pAtLeast(shift);
    return [{ tag, cases: members.length, delta: change.delta - shift, p }];
  });
  const adjusted = holm(rows.map((r) => r.p));
  return rows.map((r, i) => ({ ...r, p: adjusted[i] ?? 1 }));
}

/** Did the tag fall, by more than the margin? Before the last look only on strong evidence. */
export function tagFell(t: TagEvidence, margin: number, last: boolean): boolean {
  return t.delta < -margin && t.p <= (last ? TAG_ALPHA : EARLY_TAG_ALPHA);
}

function meanVariance({ weights, variances }: NoiseMixture): number {
  return variances.reduce((sum, v, i) => sum + v * (weights[i] ?? 0), 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function squares(values: readonly number[]): number {
  const centre = mean(values);
  return values.reduce((sum, v) => sum + (v - centre) ** 2, 0);
}
