// What fresh trials must show before a candidate may be called verified: every condition holds, each at its own level.

import { percent, probability, signed } from '../base/numbers.ts';
import type {
  CaseResult,
  CriticalCheck,
  SnapshotResults,
  Verification,
  VerificationCondition,
} from '../core/index.ts';
import { asDetail, asReason, joinReasons, reason, statistic } from '../core/index.ts';
import { stratifiedExact } from '../stats/index.ts';
import type { RunVariance } from '../stats/run-variance.ts';
import {
  CRITICAL_ALPHA,
  CRITICAL_MARGIN,
  criticalEvidence,
  type Settled,
  suspectCases,
} from './case-conditions.ts';
import { type EconomyLimits, economyOf, economyProblems } from './economy.ts';
import {
  addCounts,
  countsOf,
  NO_TRIALS,
  type Reference,
  referenceOf,
  type SessionEffect,
} from './reference.ts';
import { byId, tally } from './regression.ts';
import { type Bounded, passRateEvidence, scoreEvidence, tagEvidence, tagFell } from './suite-conditions.ts';
import { trialsToSettle, type Wanted, wantedOf } from './wanted-trials.ts';

/** Level at which the candidate is refused for being worse by more than the margin. */
const REFUSE_ALPHA = 0.02;
/**
 * Level of the last good release itself once the noise between runs is counted. It was blessed and did not change, and one run against
 * its stored runs cannot show more than that noise lets it. On trial noise alone it has to hold at the full level as well.
 */
const SAME_RELEASE_ALPHA = 0.35;
const NO_SESSIONS: SessionEffect = {
  shift: 0,
  noise: { weights: Float64Array.of(1), variances: Float64Array.of(0) },
};

interface VerifyPolicy extends EconomyLimits {
  readonly margin: number;
  readonly scoreMargin: number;
}

export interface VerifyInput {
  /** The fresh trials of the candidate, all runs of the whole suite as one. */
  readonly fresh: SnapshotResults;
  /** The last good release, run beside it; null where it could not be run, or is the candidate itself. */
  readonly control: SnapshotResults | null;
  /** Fresh trials of single cases that were suspected. */
  readonly settled: { readonly candidate: readonly CaseResult[]; readonly control: readonly CaseResult[] };
  /** Runs of the last good release, the blessed one first. */
  readonly pool: readonly SnapshotResults[];
  /** How much they differ from each other. */
  readonly sessions: RunVariance;
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  readonly policy: VerifyPolicy;
  /** What the candidate did in its own stored run, where it has one; null = it was never run. */
  readonly own?: { readonly snapshot: string; readonly passRate: number | null } | null | undefined;
  /** One-sided level of this look. */
  readonly level: number;
  /** Level of the last look, and the share of all planned trials that this look has. */
  readonly lastLevel?: number | undefined;
  readonly share?: number | undefined;
}

export interface Judged {
  readonly verification: Verification;
  readonly wanted: Wanted;
}

type Condition = VerificationCondition;

/**
 * Intersection–union test (Berger 1982): pass rate and mean score within their margins, no tag that fell, the regressed cases back,
 * no case newly broken, the critical cases within theirs, cost and latency within the policy's limits. Pure.
 */
export function judgeVerification(input: VerifyInput): Judged {
  const { fresh, control, pool, regressed, policy, level, share = 1 } = input;
  const last = share >= 1;
  const reference = referenceOf({ ...input, candidate: fresh.cases, control: control?.cases ?? null });
  const same = pool[0]?.summary.fingerprint === fresh.summary.fingerprint;
  const bound = same ? SAME_RELEASE_ALPHA : level;
  const settled = settledOf(input);
  const suspects = suspectCases(reference.cases, settled, new Set(regressed));
  const some = reference.cases.length > 0;
  const noisyRate = some ? passRateEvidence(reference, policy.margin, bound) : null;
  const noisyScore = some ? scoreEvidence(reference, policy.scoreMargin, bound) : null;
  // Passed with the noise between runs counted: now the claim itself, at the full level.
  const calm: Reference = { ...reference, sessionsOf: () => NO_SESSIONS };
  const passes = (e: Bounded | null): boolean => same && e !== null && e.pWorse <= bound;
  const [rate, rateLevel] = passes(noisyRate)
    ? [passRateEvidence(calm, policy.margin, level), level]
    : [noisyRate, bound];
  const [score, scoreLevel] = passes(noisyScore)
    ? [scoreEvidence(calm, policy.scoreMargin, level), level]
    : [noisyScore, bound];
  const tags = some ? tagEvidence(reference) : [];
  const critical = criticalEvidence(reference, settled, same ? SAME_RELEASE_ALPHA : CRITICAL_ALPHA);
  const economy = economyOf(
    fresh.cases,
    control === null ? pool.flatMap((run) => run.cases) : control.cases,
    control === null ? 'stored' : 'control',
  );
  const cured = recoveryOf(input, suspects.broken);
  const conditions: Condition[] = [
    ...runConditions(fresh),
    rateCondition('pass-rate', 'pass rate', rate, policy.margin, rateLevel, level),
    ...(score === null
      ? []
      : [rateCondition('score', 'mean score', score, policy.scoreMargin, scoreLevel, level)]),
    ...(tags.length === 0 ? [] : [tagCondition(tags, policy.margin, last)]),
    recoveryCondition(cured, regressed.length, level, last),
    brokenCondition(suspects),
    ...(critical === null ? [] : [criticalCondition(critical)]),
    ...economyConditions(economy, policy),
  ];
  const failed = conditions.filter((c) => c.state === 'fails');
  const open = conditions.filter((c) => c.state === 'open');
  const outcome = failed.length > 0 ? 'failed' : open.length > 0 ? 'inconclusive' : 'verified';
  const wanted =
    outcome === 'inconclusive'
      ? wantedOf(input, reference, open, suspects.wanted, critical, [rate, score])
      : { kind: 'nothing' as const };
  const verification: Verification = {
    snapshot: fresh.summary.id,
    outcome,
    nonInferiority:
      rate === null
        ? null
        : {
            margin: policy.margin,
            delta: rate.delta,
            interval: [rate.lower, rate.upper],
            lowerBound: rate.lower,
            holds: rate.pWorse <= rateLevel,
          },
    score:
      score === null
        ? null
        : {
            margin: policy.scoreMargin,
            delta: score.delta,
            lowerBound: score.lower,
            holds: score.pWorse <= scoreLevel,
          },
    critical: critical === null ? null : criticalCheck(critical),
    recovered: regressed.length - cured.stillFailing.length,
    stillFailing: cured.stillFailing,
    brokenCases: suspects.broken,
    economy,
    conditions,
    control: control === null ? null : controlOf(control, reference),
    trialsToSettle: outcome === 'inconclusive' ? trialsToSettle(rate, input, rateLevel) : null,
    ...asReason(
      outcome === 'verified'
        ? `run now: ${cured.recovered} of ${regressed.length} regressed cases pass again, and its pass rate is at most ${percent(
            Math.max(0, -(rate?.lower ?? 0)),
          )} below ${control === null ? "the baseline's stored runs" : 'the baseline'} with ${percent(1 - rateLevel)} confidence (margin ${percent(policy.margin)})`
        : reason`${outcome === 'failed' ? noLonger(input) : ''}${joinReasons((outcome === 'failed' ? failed : open).map(({ detail, words }) => ({ full: detail, words: words ?? detail })))}`,
    ),
  };
  return { verification, wanted };
}

/** A candidate that was good and is not any more: worth saying first. */
function noLonger({ own, fresh, policy }: VerifyInput): string {
  const tallies = fresh.cases.map(tally).filter((t) => t.trials > 0);
  if (own?.passRate == null || tallies.length === 0) return '';
  const now = tallies.reduce((sum, t) => sum + t.passed / t.trials, 0) / tallies.length;
  return own.passRate - now <= policy.margin
    ? ''
    : `it was good in ${own.snapshot} (pass rate ${percent(own.passRate)}) but is no longer (now ${percent(now)}), with the same fingerprint: `;
}

function settledOf({ settled }: VerifyInput): Settled {
  const control = new Map(settled.control.map((c) => [c.id, countsOf(c)]));
  const merged = new Map<
    string,
    { candidate: ReturnType<typeof countsOf>; control: ReturnType<typeof countsOf> }
  >();
  for (const c of settled.candidate) {
    const before = merged.get(c.id);
    const now = countsOf(c);
    merged.set(c.id, {
      candidate: before === undefined ? now : addCounts(before.candidate, now),
      control: control.get(c.id) ?? NO_TRIALS,
    });
  }
  return merged;
}

function runConditions({ summary }: SnapshotResults): Condition[] {
  if (summary.validity === 'valid') return [];
  return [
    {
      name: 'run',
      state: 'open',
      detail: `the verification run is ${summary.validity}: ${summary.validityReasons.join('; ')}`,
    },
  ];
}

function rateCondition(
  name: 'pass-rate' | 'score',
  what: string,
  e: Bounded | null,
  margin: number,
  bound: number,
  level: number,
): Condition {
  if (e === null) return { name, state: 'open', detail: 'nothing comparable with the baseline was graded' };
  if (e.pWorse <= bound)
    return {
      name,
      state: 'holds',
      detail: `its ${what} is at most ${percent(Math.max(0, -e.lower))} below the baseline's (margin ${percent(margin)})`,
    };
  if (e.pNotWorse <= Math.min(level, REFUSE_ALPHA))
    return {
      name,
      state: 'fails',
      detail: `run now, its ${what} is worse than the baseline's by more than the margin of ${percent(margin)} (${signed(100 * e.delta)} points)`,
    };
  return {
    name,
    state: 'open',
    detail: `a drop of the ${what} of up to ${percent(-e.lower)} against the baseline cannot be ruled out (margin ${percent(margin)})`,
  };
}

function tagCondition(tags: ReturnType<typeof tagEvidence>, margin: number, last: boolean): Condition {
  const fell = tags.filter((t) => tagFell(t, margin, last));
  const drops = fell.map(
    (t) =>
      reason`\`${t.tag}\` fell by ${percent(-t.delta)} over ${t.cases} cases${statistic(` (p = ${probability(t.p)})`)}`,
  );
  if (fell.length > 0)
    return { name: 'tags', state: 'fails', ...asDetail(reason`run now, ${joinReasons(drops, ', ')}`) };
  const doubtful = tags.filter((t) => tagFell(t, margin, true));
  return doubtful.length > 0
    ? {
        name: 'tags',
        state: 'open',
        detail: `${doubtful.map((t) => `\`${t.tag}\``).join(', ')} looks worse than the baseline`,
      }
    : { name: 'tags', state: 'holds', detail: `none of ${tags.length} tags fell` };
}

interface Recovery {
  readonly recovered: number;
  readonly stillFailing: readonly string[];
  readonly pBetter: number;
}

/** The regressed cases now, against the incident. */
function recoveryOf(input: VerifyInput, broken: readonly string[]): Recovery {
  const now = byId(input.fresh);
  const then = byId(input.incident);
  const strata: { xA: number; kA: number; xB: number; kB: number }[] = [];
  const stillFailing: string[] = [];
  for (const id of input.regressed) {
    const a = tally(then.get(id));
    const b = tally(now.get(id));
    if (a.trials > 0 && b.trials > 0) strata.push({ xA: a.passed, kA: a.trials, xB: b.passed, kB: b.trials });
    if (b.trials === 0 || b.passed / b.trials <= 0.5 || broken.includes(id)) stillFailing.push(id);
  }
  return {
    recovered: input.regressed.length - stillFailing.length,
    stillFailing,
    pBetter: strata.length > 0 ? stratifiedExact(strata).pGreater : 1,
  };
}

function recoveryCondition(r: Recovery, of: number, level: number, last: boolean): Condition {
  const failing = r.stillFailing.length;
  if (r.pBetter > level) {
    if (failing > of / 2)
      return {
        name: 'recovery',
        state: 'fails',
        detail: `run now, it still fails ${failing} of the ${of} regressed cases`,
      };
    return {
      name: 'recovery',
      state: 'open',
      ...asDetail(
        reason`on the regressed cases it is not shown to be better than the incident${statistic(` (p = ${probability(r.pBetter)})`)}`,
      ),
    };
  }
  if (last && failing > of / 2)
    return {
      name: 'recovery',
      state: 'open',
      detail: `${failing} of the ${of} regressed cases still fail more often than not`,
    };
  return { name: 'recovery', state: 'holds', detail: `${r.recovered} of ${of} regressed cases pass again` };
}

function brokenCondition({ broken, open }: ReturnType<typeof suspectCases>): Condition {
  if (broken.length > 0)
    return {
      name: 'broken-cases',
      state: 'fails',
      detail: `${some(broken)} ${broken.length === 1 ? 'was' : 'were'} good and ${broken.length === 1 ? 'fails' : 'fail'} now, on fresh trials too`,
    };
  return open.length > 0
    ? {
        name: 'broken-cases',
        state: 'open',
        detail: `${some(open)} ${open.length === 1 ? 'looks' : 'look'} broken, and no fresh trials have cleared ${open.length === 1 ? 'it' : 'them'}`,
      }
    : { name: 'broken-cases', state: 'holds', detail: 'no case that was good is broken' };
}

function criticalCheck(c: NonNullable<ReturnType<typeof criticalEvidence>>): CriticalCheck {
  return { cases: c.cases, margin: CRITICAL_MARGIN, delta: c.delta, lowerBound: c.lower, holds: c.holds };
}

function criticalCondition(c: NonNullable<ReturnType<typeof criticalEvidence>>): Condition {
  const on = `on the ${c.cases} critical case${c.cases === 1 ? '' : 's'}`;
  if (c.holds)
    return {
      name: 'critical',
      state: 'holds',
      detail: `${on} a drop of more than ${percent(Math.max(0, -c.lower))} is ruled out (their margin is ${percent(CRITICAL_MARGIN)})`,
    };
  if (c.fell && c.delta < -CRITICAL_MARGIN)
    return { name: 'critical', state: 'fails', detail: `run now, ${on} it is worse by ${percent(-c.delta)}` };
  return {
    name: 'critical',
    state: 'open',
    detail: `${on} a drop of up to ${percent(-c.lower)} cannot be ruled out (their margin is ${percent(CRITICAL_MARGIN)})`,
  };
}

function economyConditions(economy: ReturnType<typeof economyOf>, limits: EconomyLimits): Condition[] {
  const { exceeded, unknown } = economyProblems(economy, limits);
  if (exceeded.length > 0) return [{ name: 'economy', state: 'fails', detail: exceeded.join('; ') }];
  return unknown.length > 0 ? [{ name: 'economy', state: 'open', detail: unknown.join('; ') }] : [];
}

function controlOf(control: SnapshotResults, { world }: Reference): NonNullable<Verification['control']> {
  const { summary } = control;
  const tallies = control.cases.map(tally).filter((t) => t.trials > 0);
  return {
    release: summary.release,
    fingerprint: summary.fingerprint,
    snapshot: summary.id,
    passRate:
      tallies.length === 0 ? null : tallies.reduce((sum, t) => sum + t.passed / t.trials, 0) / tallies.length,
    delta: world.delta,
    p: world.p,
    fell: world.cases,
    moved: world.moved,
  };
}

function some(ids: readonly string[]): string {
  const shown = ids.slice(0, 4).join(', ');
  return ids.length > 4 ? `${shown} and ${ids.length - 4} more` : shown;
}
