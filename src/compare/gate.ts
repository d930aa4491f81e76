// The gate: the policy applied to a comparison. Pure; an empty or invalid comparison fails closed, as could-not-tell.

import type {
  CaseDelta,
  Comparison,
  Coverage,
  EmbeddingMetric,
  Gate,
  GateRule,
  OverallVerdict,
  PairedDelta,
  RateMetric,
} from '../core/comparison.ts';
import type { ChannelAction, Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults, SnapshotSummary } from '../core/snapshot.ts';
import { rateOf, tallyOf } from './arm.ts';
import { missingText } from './availability.ts';
import { percent, plural, someIds } from './wording.ts';

/** What the gate looks at. */
export interface Gated {
  readonly baseline: SnapshotSummary;
  readonly candidate: SnapshotResults;
  readonly verdict: OverallVerdict;
  readonly reason: string;
  readonly cases: readonly CaseDelta[];
  readonly coverage: Coverage;
  readonly metrics: Comparison['metrics'];
  /** A detectable drop that lies within the margin, with no confirmed case. */
  readonly tolerated?: boolean;
  /** Is so much missing that the verdict had to be checked? */
  readonly missingSuspicious: boolean;
}

/** Applies every rule of the policy. Any failure fails; else any could-not-tell is inconclusive; else it passes. */
export function gateOf(gated: Gated, policy: Policy): Gate {
  const validity = validityRules(gated);
  const rules = [
    ...validity,
    ...verdictRules(gated),
    ...criticalRules(gated.cases, policy),
    ...floorRules(gated.candidate, policy),
    ...coverageRules(gated),
    ...channelRules(gated.metrics, policy),
  ];
  // Nothing that an invalid snapshot says can fail or pass a gate.
  if (validity.some((rule) => rule.outcome === 'inconclusive')) return { outcome: 'inconclusive', rules };
  return { outcome: outcomeOf(rules), rules };
}

function outcomeOf(rules: readonly GateRule[]): Gate['outcome'] {
  if (rules.some((rule) => rule.outcome === 'fail')) return 'fail';
  return rules.some((rule) => rule.outcome === 'inconclusive') ? 'inconclusive' : 'pass';
}

function validityRules({ baseline, candidate }: Gated): GateRule[] {
  const rules: GateRule[] = [];
  for (const [arm, { validity, validityReasons }] of [
    ['baseline', baseline],
    ['candidate', candidate.summary],
  ] as const) {
    if (validity === 'valid') continue;
    const why = validityReasons.length === 0 ? '' : `: ${validityReasons.join('; ')}`;
    rules.push({
      rule: `validity:${arm}`,
      value: validity,
      limit: 'valid',
      outcome: validity === 'invalid' ? 'inconclusive' : 'warn',
      message: `the ${arm} snapshot is ${validity}${why}`,
    });
  }
  return rules;
}

const VERDICT_OUTCOME: Readonly<Record<OverallVerdict, GateRule['outcome']>> = {
  regressed: 'fail',
  improved: 'pass',
  unchanged: 'pass',
  inconclusive: 'inconclusive',
  invalid: 'inconclusive',
};

function verdictRules({ verdict, reason, tolerated }: Gated): GateRule[] {
  return [
    {
      rule: 'verdict',
      value: verdict,
      limit: 'not regressed',
      outcome: tolerated === true && verdict === 'unchanged' ? 'warn' : VERDICT_OUTCOME[verdict],
      message: reason,
    },
  ];
}

function criticalRules(cases: readonly CaseDelta[], policy: Policy): GateRule[] {
  const rules: GateRule[] = [];
  const criticals = cases.filter((delta) => delta.critical).length;
  let steady = 0;
  for (const delta of cases) {
    if (!delta.critical) continue;
    const outcome = criticalOutcome(delta, criticals, policy);
    if (outcome === 'pass') steady += 1;
    else
      rules.push({
        rule: `critical:${delta.id}`,
        value: delta.verdict,
        limit: 'not regressed',
        outcome,
        message: `critical case ${delta.id}: ${delta.reason}`,
      });
  }
  if (steady > 0)
    rules.push({
      rule: 'critical',
      value: steady,
      limit: null,
      outcome: 'pass',
      message: `${plural(steady, 'critical case')} without a sign of regression`,
    });
  return rules;
}

/** Above this p (times the number of critical cases) a critical case that only looks worse is noise to be told, not a doubt that holds up the gate. */
const DOUBT = 0.1;

/**
 * A critical case fails the gate on its own when it is confirmed on fresh trials, or, without them, when its p holds after
 * Bonferroni over the critical cases; looked at one by one on the trials that made them look bad, some would always fail.
 */
function criticalOutcome(delta: CaseDelta, criticals: number, policy: Policy): GateRule['outcome'] {
  switch (delta.verdict) {
    case 'regressed':
      return delta.evidence === 'confirmed' || adjustedP(delta, criticals) <= policy.alphaCase
        ? 'fail'
        : 'inconclusive';
    case 'improved':
    case 'unchanged':
    case 'added':
      return 'pass';
    case 'inconclusive':
      if (delta.evidence !== 'suspected' || delta.delta >= 0) return 'pass';
      // One trial each has no p: a flip there cannot be told from a loss.
      return delta.p === null || adjustedP(delta, criticals) <= DOUBT ? 'inconclusive' : 'warn';
    case 'ungraded':
      return 'inconclusive';
    case 'removed':
    case 'edited':
      return 'warn';
  }
}

function adjustedP(delta: PairedDelta, criticals: number): number {
  return Math.min(1, (delta.p ?? 1) * criticals);
}

interface CaseRate {
  readonly result: CaseResult;
  readonly rate: number | null;
}

/** The floors of the policy on one snapshot alone, whatever it is compared with. */
export function floorRules(candidate: SnapshotResults, policy: Policy): GateRule[] {
  const rates = candidate.cases.map((result): CaseRate => {
    const tallied = tallyOf(result, policy.appError);
    return { result, rate: tallied.graded === 0 ? null : rateOf(tallied) };
  });
  const rules: GateRule[] = [];
  if (policy.minPassRate !== null) rules.push(floor('min-pass-rate', 'the suite', rates, policy.minPassRate));
  for (const [tag, limit] of Object.entries(policy.tagMinPassRate).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const carriers = rates.filter(({ result }) => result.tags.includes(tag));
    rules.push(floor(`min-pass-rate:tag:${tag}`, `tag \`${tag}\``, carriers, limit));
  }
  return [...rules, ...caseFloors(rates)];
}

function floor(rule: string, what: string, rates: readonly CaseRate[], limit: number): GateRule {
  const known = rates.flatMap(({ rate }) => (rate === null ? [] : [rate]));
  if (known.length === 0) {
    const message =
      rates.length === 0
        ? `${what} has no case, so its floor of ${percent(limit)} cannot be checked`
        : `no case of ${what} was graded, so its floor of ${percent(limit)} cannot be checked`;
    return { rule, value: null, limit, outcome: 'inconclusive', message };
  }
  const value = known.reduce((sum, rate) => sum + rate, 0) / known.length;
  const holds = reaches(value, limit);
  return {
    rule,
    value,
    limit,
    outcome: holds ? 'pass' : 'fail',
    message: `pass rate of ${what} ${percent(value)} ${holds ? '≥' : '<'} ${percent(limit)}`,
  };
}

/** At or above the floor, rounding of a mean of thirds aside. */
function reaches(value: number, limit: number): boolean {
  return value >= limit - 1e-9;
}

function caseFloors(rates: readonly CaseRate[]): GateRule[] {
  const rules: GateRule[] = [];
  let held = 0;
  for (const { result, rate } of rates) {
    const limit = result.minPassRate;
    if (limit === null) continue;
    if (rate !== null && reaches(rate, limit)) {
      held += 1;
      continue;
    }
    rules.push({
      rule: `min-pass-rate:case:${result.id}`,
      value: rate,
      limit,
      outcome: rate === null ? 'inconclusive' : 'fail',
      message:
        rate === null
          ? `case ${result.id} was not graded, so its floor of ${percent(limit)} cannot be checked`
          : `pass rate of case ${result.id} ${percent(rate)} < ${percent(limit)}`,
    });
  }
  if (held > 0)
    rules.push({
      rule: 'min-pass-rate:cases',
      value: held,
      limit: null,
      outcome: 'pass',
      message: `${plural(held, 'case')} with a floor of their own reach it`,
    });
  return rules;
}

function coverageRules({ coverage, missingSuspicious }: Gated): GateRule[] {
  const rules: GateRule[] = [];
  if (coverage.paired === 0)
    rules.push({
      rule: 'coverage:paired',
      value: 0,
      limit: 1,
      outcome: 'inconclusive',
      message: 'no case could be compared',
    });
  for (const state of ['removed', 'edited', 'ungraded'] as const) {
    const ids = coverage[state];
    if (ids.length > 0)
      rules.push({
        rule: `coverage:${state}`,
        value: ids.length,
        limit: 0,
        outcome: 'warn',
        message: `${plural(ids.length, 'case')} ${state}: ${someIds(ids)}`,
      });
  }
  if (missingSuspicious)
    rules.push({
      rule: 'coverage:missing-trials',
      value: coverage.missing.candidate.missing,
      limit: null,
      outcome: 'warn',
      message: `trials without a grade: baseline ${missingText(coverage.missing.baseline)}; candidate ${missingText(coverage.missing.candidate)}`,
    });
  return rules;
}

function channelRule(
  name: string,
  metric: Pick<RateMetric, 'verdict' | 'reason'>,
  value: number | null,
  action: ChannelAction,
): GateRule[] {
  if (metric.verdict !== 'shifted' || action === 'off') return [];
  return [{ rule: `channel:${name}`, value, limit: null, outcome: action, message: metric.reason }];
}

/** Who asks for this channel pays for it: where it could not be measured, that is said, and never passes for green. */
function meaningRule(metric: EmbeddingMetric, action: ChannelAction): GateRule[] {
  if (metric.verdict !== 'unavailable' || action === 'off')
    return channelRule('embedding', metric, metric.shift, action);
  return [
    {
      rule: 'channel:embedding',
      value: null,
      limit: null,
      outcome: action === 'fail' ? 'inconclusive' : 'warn',
      message: `the embedding channel is unavailable: ${metric.reason}`,
    },
  ];
}

function channelRules(metrics: Comparison['metrics'], { channels }: Policy): GateRule[] {
  return [
    ...channelRule('length', metrics.length, metrics.length.change, channels.length),
    ...channelRule('latency', metrics.latencyMs, metrics.latencyMs.change, channels.latency),
    ...channelRule('cost', metrics.costUsd, metrics.costUsd.change, channels.cost),
    ...meaningRule(metrics.embedding, channels.embedding),
    ...channelRule('refusal', metrics.refusalRate, metrics.refusalRate.candidate, 'warn'),
  ];
}
