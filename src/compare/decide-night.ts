// One scheduled night against the pinned baseline: what further evidence is wanted, and whether to raise the alarm.
// The levels keep 90 unchanged nights quiet nineteen times in twenty; they are spent on charts of nights and on single cases.

import { percent, probability } from '../base/numbers.ts';
import { asReason, type InWords, joinReasons, type Reason, reason, statistic } from '../core/reason.ts';
import { casesWanted, lookAtCases } from './night-cases.ts';
import {
  NIGHT_LEVELS,
  type NightCase,
  type NightEvidence,
  type NightLook,
  type NightPool,
} from './night-levels.ts';
import { nightDetectionLimit } from './night-power.ts';
import { withheld } from './night-usable.ts';
import { firstLook, secondLook, smoothedLook, type Watch, watchOf } from './night-watch.ts';
import { type PairedCase, pairCases } from './pairing.ts';
import { signedPoints, someIds } from './wording.ts';

export {
  NIGHT_LEVELS,
  type NightEvidence,
  type NightLook,
} from './night-levels.ts';
export { proveRecovery, type RecoveryEvidence } from './night-recovery.ts';
export { type EarlierNight, type TalliedRun, tallyRun } from './night-runs.ts';

/** `unknown` = could not tell, never green. `watch` = a detectable drop smaller than the policy's margin. */
export type NightOutcome = 'green' | 'watch' | 'alarm' | 'unknown';

/** Evidence still to be gathered before a decision is final. */
interface NightWants {
  readonly rerun: boolean;
  readonly cases: readonly string[];
  /** What of it should wait, so that one bad hour does not show twice. */
  readonly later: { readonly rerun: boolean; readonly cases: readonly string[] };
}

export interface NightDecision extends InWords {
  readonly outcome: NightOutcome;
  readonly reason: string;
  /** Tonight first, then the rerun and the smoothed charts; empty when nothing could be compared. */
  readonly looks: readonly NightLook[];
  readonly cases: readonly NightCase[];
  readonly wanted: NightWants;
  /** What the drop is about, for the proof of recovery. */
  readonly affected: { readonly tag: string | null; readonly cases: readonly string[] };
  /** The smallest uniform drop that tonight alone would have shown 4 times in 5; null = not known. */
  readonly minimumDetectable: number | null;
  /** null when nothing could be compared; missing in nights recorded by earlier versions. */
  readonly pool?: NightPool | null;
  readonly notes: readonly string[];
}

/** Upper bound (union of all charts so far) of the chance of a false alarm within the current stretch of 90 nights. */
export function alphaSpent(number: number): { readonly period: number; readonly spent: number } {
  const { horizon, chartBudget, caseAlarm } = NIGHT_LEVELS;
  const period = Math.max(1, Math.ceil(number / horizon));
  const nights = number - (period - 1) * horizon;
  const spent = (nights / horizon) * chartBudget + nights * caseAlarm;
  return { period, spent: Number(spent.toPrecision(6)) };
}

/**
 * Decides one night on the evidence at hand. Call it with the first run; gather what `wanted` asks for; call it again, until
 * nothing more is wanted. A night that stays short of what it wanted is `unknown`, never green. Pure and deterministic.
 */
export function decideNight(e: NightEvidence): NightDecision {
  const { policy } = e;
  const pairing = pairCases(e.baseline, e.tonight, policy, e.pool);
  const unusable = withheld(e, e.tonight, pairing);
  if (unusable !== null) return unknown(unusable);
  const lost = e.rerun === undefined ? null : withheld(e, e.rerun);
  const watch = watchOf(lost === null ? e : { ...e, rerun: undefined }, pairing);
  const first = watch === null ? null : firstLook(watch, policy);
  if (watch === null || first === null) return unknown('nothing could be compared');
  const looks = [
    first.look,
    secondLook(watch, policy),
    smoothedLook(watch, 'fast', policy),
    smoothedLook(watch, 'slow', policy),
  ].filter((l) => l !== null);

  const cases = e.examineCases === false ? [] : lookAtCases(e, e.tonight, againstPool(watch));
  const wantedCases = casesWanted(cases, e.fresh ?? []);
  const rerun = first.look.outcome === 'suspicious' && e.rerun === undefined;
  const wanted: NightWants = {
    rerun,
    cases: [...wantedCases.now, ...wantedCases.later],
    later: { rerun: rerun && !first.collapsed, cases: wantedCases.later },
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
    minimumDetectable: e.detectionLimit === false ? null : nightDetectionLimit(watch),
    pool: poolOf(e, watch),
    notes: [],
  };
  if (regressed.length > 0 || alarming.length > 0)
    return {
      ...decision,
      outcome: 'alarm',
      ...asReason(
        joinReasons([...regressed.map(lookReason), ...(alarming.length > 0 ? [casesReason(alarming)] : [])]),
      ),
    };
  if (lost !== null)
    return {
      ...decision,
      outcome: 'unknown',
      ...asReason(reason`${lookReason(first.look)}; the second run does not count: ${lost}`),
    };
  if (wanted.rerun)
    return {
      ...decision,
      outcome: 'unknown',
      ...asReason(reason`${lookReason(first.look)}; it has not been run a second time`),
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
      ...asReason(
        reason`${joinReasons(tolerated.map(lookReason))}; the whole interval lies within the margin of ${percent(policy.margin)}`,
      ),
    };
  return { ...decision, outcome: 'green', ...asReason(lookReason(first.look)) };
}

/** The cases with all trials of the pool, those of the warm-up included: few trials a case are believed too well. */
function againstPool({ pairs, runs: { poolTotals } }: Watch): readonly PairedCase[] {
  return pairs.map((pair, i) => {
    const [passed, graded] = [poolTotals.passed[i]!, poolTotals.graded[i]!];
    return { ...pair, baseline: { ...pair.baseline, passed, graded } };
  });
}

function poolOf(e: NightEvidence, { runs, suite }: Watch): NightPool {
  const { sd, correlation, prior } = suite.variance();
  const { fingerprint } = e.baseline.summary;
  const unfit = e.pool.flatMap(({ summary: s }) =>
    s.fingerprint !== fingerprint
      ? [{ snapshot: s.id, reason: 'another fingerprint' }]
      : s.validity === 'invalid'
        ? [{ snapshot: s.id, reason: 'invalid' }]
        : [],
  );
  return { runs: runs.pool.length, sd, correlation, prior, leftOut: [...(e.leftOut ?? []), ...unfit] };
}

function unknown(reason: string): NightDecision {
  return {
    outcome: 'unknown',
    reason,
    looks: [],
    cases: [],
    wanted: { rerun: false, cases: [], later: { rerun: false, cases: [] } },
    affected: { tag: null, cases: [] },
    minimumDetectable: null,
    pool: null,
    notes: [],
  };
}

const LOOK_NAMES: Readonly<Record<NightLook['look'], string>> = {
  night: 'tonight',
  rerun: 'run again',
  'ewma-fast': 'mean of the last nights',
  'ewma-slow': 'mean of the last weeks',
  week: 'the last 7 nights',
  month: 'the last 28 nights',
};

/** `mean of the last nights: 95.2 % → 91.0 % (-4.2 points), p = 0.00004 ≤ 0.0001, most of it in refund` */
export function lookReason(l: NightLook): Reason {
  const where = l.drivenBy === 'suite' || l.p > l.alpha ? '' : `, most of it in ${l.drivenBy}`;
  const p = statistic(`, p = ${probability(l.p)} ${l.p <= l.alpha ? '≤' : '>'} ${probability(l.alpha)}`);
  return reason`${LOOK_NAMES[l.look]}: ${percent(l.baselinePassRate)} → ${percent(l.passRate)} (${signedPoints(l.delta)} points)${p}${where}`;
}

function casesReason(ids: readonly string[]): Reason {
  return reason`${someIds(ids)} ${ids.length === 1 ? 'fails' : 'fail'} on 16 fresh trials${statistic(` (adjusted p ≤ ${NIGHT_LEVELS.caseAlarm})`)}`;
}
