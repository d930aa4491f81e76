// One scheduled night against the pinned baseline: which looks are due, what further evidence is wanted, and whether to raise the alarm.
// The levels keep 90 unchanged nights quiet nineteen times in twenty; they are spent on nights, windows of nights, and single cases.

import type { Policy } from '../core/policy.ts';
import type { SnapshotResults } from '../core/snapshot.ts';
import { stratifiedExact } from '../stats/stratified-exact.ts';
import { rateOf } from './arm.ts';
import { sensitivity } from './evidence.ts';
import { casesWanted, lookAtCases } from './night-cases.ts';
import { NIGHT_LEVELS, type NightCase, type NightEvidence, type NightLook } from './night-evidence.ts';
import { type Weighed, weighNight, windowOf, withheld } from './night-looks.ts';
import { pairCases } from './pairing.ts';
import { decide } from './verdict.ts';
import { percent, probability, signedPoints, someIds } from './wording.ts';

export { NIGHT_LEVELS, type NightCase, type NightEvidence, type NightLook } from './night-evidence.ts';
export { windowOf } from './night-looks.ts';

/** `unknown` = could not tell, never green. `watch` = a detectable drop smaller than the policy's margin. */
export type NightOutcome = 'green' | 'watch' | 'alarm' | 'unknown';

export interface NightDecision {
  readonly outcome: NightOutcome;
  readonly reason: string;
  /** Tonight first, then the rerun and the windows that were due; empty when nothing could be compared. */
  readonly looks: readonly NightLook[];
  readonly cases: readonly NightCase[];
  /** Evidence still to be gathered before the decision is final. */
  readonly wanted: { readonly rerun: boolean; readonly cases: readonly string[] };
  /** What the drop is about, for the proof of recovery. */
  readonly affected: { readonly tag: string | null; readonly cases: readonly string[] };
  /** The smallest uniform drop tonight alone would have shown 4 times in 5; null = not known. */
  readonly minimumDetectable: number | null;
  readonly notes: readonly string[];
}

/** How many nights, tonight included, the looks that are due need. */
export function nightsNeeded(number: number): number {
  const { week, month } = NIGHT_LEVELS;
  return number % month.nights === 0 ? month.nights : number % week.nights === 0 ? week.nights : 1;
}

/** Upper bound (union of all looks so far) of the chance of a false alarm within the current stretch of 90 nights. */
export function alphaSpent(number: number): { readonly period: number; readonly spent: number } {
  const { suspicion, rerun, week, month, caseAlarm, horizon } = NIGHT_LEVELS;
  const period = Math.max(1, Math.ceil(number / horizon));
  const since = (period - 1) * horizon;
  const looks = (every: number): number => Math.floor(number / every) - Math.floor(since / every);
  const spent =
    (number - since) * (suspicion * rerun + caseAlarm) +
    looks(week.nights) * week.alpha +
    looks(month.nights) * month.alpha;
  return { period, spent: Number(spent.toPrecision(6)) };
}

const NO_CASES = { tests: new Map(), tested: 0, best: null, listed: [] };

function lookAt(
  look: NightLook['look'],
  alpha: number,
  { pairs, evidence }: Weighed,
  policy: Policy,
  snapshots: readonly string[],
): NightLook {
  const ruling = decide(pairs, evidence, NO_CASES, { ...policy, alphaAggregate: alpha });
  const mean = (arm: 'baseline' | 'candidate'): number =>
    pairs.reduce((sum, pair) => sum + rateOf(pair[arm]), 0) / pairs.length;
  const fell = evidence.pRegression <= alpha;
  const outcome = ruling.tolerated
    ? 'within-margin'
    : fell
      ? 'regressed'
      : evidence.pImprovement <= alpha
        ? 'improved'
        : 'quiet';
  return {
    look,
    // A first look never convicts: it only asks for a second one.
    outcome: look === 'night' && fell ? 'suspicious' : outcome,
    p: evidence.pRegression,
    alpha,
    delta: evidence.delta,
    interval: evidence.interval,
    drivenBy: evidence.drivenBy.less,
    passRate: mean('candidate'),
    baselinePassRate: mean('baseline'),
    snapshots,
  };
}

/**
 * Decides one night on the evidence at hand. Call it with the first run; gather what `wanted` asks for; call it again, until
 * nothing more is wanted. A night that stays short of what it wanted is `unknown`, never green. Pure and deterministic.
 */
export function decideNight(e: NightEvidence): NightDecision {
  const tonight = e.nights.at(-1);
  if (tonight === undefined) throw new RangeError('decideNight needs tonight');
  const reason = withheld(e, tonight);
  const weighed = reason === null ? weighNight(e, tonight, [tonight]) : null;
  if (weighed === null) return unknown(reason ?? 'nothing could be compared');
  const { policy } = e;
  const first = lookAt('night', NIGHT_LEVELS.suspicion, weighed, policy, [tonight.summary.id]);
  const looks: NightLook[] = [first];
  const notes = new Set(weighed.notes);

  let lost: string | null = null;
  if (e.rerun !== undefined) {
    lost = withheld(e, e.rerun);
    const again = lost === null ? weighNight(e, e.rerun, [e.rerun]) : null;
    if (again !== null) looks.push(lookAt('rerun', NIGHT_LEVELS.rerun, again, policy, [e.rerun.summary.id]));
  }
  for (const [name, { nights, alpha }] of [
    ['week', NIGHT_LEVELS.week] as const,
    ['month', NIGHT_LEVELS.month] as const,
  ]) {
    if (e.number % nights !== 0) continue;
    const window = e.nights.slice(-nights);
    const pooled = weighNight(e, windowOf(window), window);
    if (pooled === null) continue;
    for (const note of pooled.notes) notes.add(note);
    looks.push(
      lookAt(
        name,
        alpha,
        pooled,
        policy,
        window.map((n) => n.summary.id),
      ),
    );
  }

  const cases = lookAtCases(e, tonight, weighed.pairs);
  const wanted = {
    rerun: first.outcome === 'suspicious' && e.rerun === undefined,
    cases: e.examineCases === false ? [] : casesWanted(cases, e.fresh ?? []),
  };
  const regressed = looks.filter((l) => l.outcome === 'regressed');
  const alarming = cases.filter((c) => c.outcome === 'alarm').map((c) => c.id);
  const tolerated = looks.filter((l) => l.outcome === 'within-margin');
  const driver = regressed[0]?.drivenBy ?? null;
  const decision = {
    looks,
    cases,
    wanted,
    affected: { tag: driver === 'suite' ? null : driver, cases: regressed.length > 0 ? [] : alarming },
    minimumDetectable: sensitivity(weighed.pairs, policy).minimumDetectable,
    notes: [...notes],
  };
  if (regressed.length > 0 || alarming.length > 0)
    return {
      ...decision,
      outcome: 'alarm',
      reason: [...regressed.map(tellLook), ...(alarming.length > 0 ? [tellCases(alarming)] : [])].join('; '),
    };
  if (lost !== null)
    return {
      ...decision,
      outcome: 'unknown',
      reason: `${tellLook(first)}; the second run does not count: ${lost}`,
    };
  if (wanted.rerun)
    return {
      ...decision,
      outcome: 'unknown',
      reason: `${tellLook(first)}; it has not been run a second time`,
    };
  if (wanted.cases.length > 0)
    return {
      ...decision,
      outcome: 'unknown',
      reason: `${someIds(wanted.cases)} looked worse and ${wanted.cases.length === 1 ? 'was' : 'were'} not given fresh trials`,
    };
  if (tolerated.length > 0)
    return {
      ...decision,
      outcome: 'watch',
      reason: `${tolerated.map(tellLook).join('; ')}; the whole interval lies within the margin of ${percent(policy.margin)}`,
    };
  return { ...decision, outcome: 'green', reason: tellLook(first) };
}

function unknown(reason: string): NightDecision {
  return {
    outcome: 'unknown',
    reason,
    looks: [],
    cases: [],
    wanted: { rerun: false, cases: [] },
    affected: { tag: null, cases: [] },
    minimumDetectable: null,
    notes: [],
  };
}

const LOOK_NAMES = {
  night: 'tonight',
  rerun: 'run again',
  week: 'the last 7 nights',
  month: 'the last 28 nights',
};

/** `the last 7 nights: 95.2 % → 91.0 % (-4.2 points), p = 0.0004 ≤ 0.001, most of it in refund` */
export function tellLook(l: NightLook): string {
  const where = l.drivenBy === 'suite' || l.p > l.alpha ? '' : `, most of it in ${l.drivenBy}`;
  return `${LOOK_NAMES[l.look]}: ${percent(l.baselinePassRate)} → ${percent(l.passRate)} (${signedPoints(l.delta)} points), p = ${probability(l.p)} ${l.p <= l.alpha ? '≤' : '>'} ${l.alpha}${where}`;
}

function tellCases(ids: readonly string[]): string {
  return `${someIds(ids)} ${ids.length === 1 ? 'fails' : 'fail'} on 16 fresh trials (adjusted p ≤ ${NIGHT_LEVELS.caseAlarm})`;
}

/** One-sided exact p that the affected cases do better in `now` than during the incident; 1 when nothing can be compared. */
export function recoveryP(
  incident: readonly SnapshotResults[],
  now: readonly SnapshotResults[],
  affected: NightDecision['affected'],
  policy: Pick<Policy, 'appError'>,
): number {
  const [before, after] = [incident, now].map((list) => (list.length === 0 ? null : windowOf(list)));
  if (before === null || after === null || before === undefined || after === undefined) return 1;
  const { paired } = pairCases(before, after, policy);
  const about = paired.filter(
    (pair) =>
      (affected.cases.length === 0 || affected.cases.includes(pair.id)) &&
      (affected.tag === null || pair.tags.includes(affected.tag)),
  );
  if (about.length === 0) return 1;
  return stratifiedExact(
    about.map(({ baseline: a, candidate: b }) => ({
      xA: a.passed,
      kA: a.graded,
      xB: b.passed,
      kB: b.graded,
    })),
  ).pGreater;
}
