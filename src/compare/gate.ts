// The gate: the policy applied to a comparison. Pure; an empty or invalid comparison fails closed, as could-not-tell.

import { count, pointsApart, probability } from '../base/numbers.ts';
import type {
  CaseDelta,
  Cause,
  Comparison,
  Contrasts,
  Coverage,
  EmbeddingMetric,
  Gate,
  GateRule,
  OverallVerdict,
  PairedDelta,
  RateMetric,
} from '../core/comparison.ts';
import type { ChannelAction, Policy } from '../core/policy.ts';
import { inWords, type Reason, reason, reasonOf, statistic } from '../core/reason.ts';
import type { CaseResult, SnapshotResults, SnapshotSummary } from '../core/snapshot.ts';
import { missingText } from './availability.ts';
import { floorRules } from './floors.ts';
import { uncomparedRules } from './uncompared-cases.ts';
import { someIds } from './wording.ts';

/** What the gate looks at. */
export interface Gated {
  readonly baseline: SnapshotSummary;
  readonly candidate: SnapshotResults;
  readonly verdict: OverallVerdict;
  readonly reason: Reason;
  readonly cases: readonly CaseDelta[];
  readonly coverage: Coverage;
  readonly metrics: Comparison['metrics'];
  /** A detectable drop that lies within the margin, with no confirmed case. */
  readonly tolerated?: boolean | undefined;
  readonly contrasts: Contrasts;
  readonly cause: Cause | null;
  /** Is so much missing that the verdict had to be checked? */
  readonly missingSuspicious: boolean;
  /** The baseline's cases, for those that an edit or a removal took out of the comparison. */
  readonly baselineCases: readonly CaseResult[];
}

/** Applies every rule of the policy. Any failure fails; else any could-not-tell is inconclusive; else it passes. */
export function gateOf(gated: Gated, policy: Policy): Gate {
  const validity = validityRules(gated);
  const rules = [
    ...validity,
    ...verdictRules(gated, policy),
    ...worldRules(gated),
    ...criticalRules(gated.cases),
    ...uncomparedRules({ ...gated, baseline: gated.baselineCases }, policy),
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
  'no-regression-found': 'pass',
  inconclusive: 'inconclusive',
  invalid: 'inconclusive',
};

/** What the policy makes of an answer that is open. */
const UNDECIDED_OUTCOME: Readonly<Record<Policy['undecided'], GateRule['outcome']>> = {
  'pass-if-sensitive': 'inconclusive',
  fail: 'fail',
  pass: 'warn',
};

function verdictRules({ verdict, reason: why, tolerated }: Gated, policy: Policy): GateRule[] {
  const outcome =
    tolerated === true && verdict === 'unchanged'
      ? 'warn'
      : verdict === 'inconclusive'
        ? UNDECIDED_OUTCOME[policy.undecided]
        : VERDICT_OUTCOME[verdict];
  return [
    {
      rule: 'verdict',
      value: verdict,
      limit: 'not regressed',
      outcome,
      message: why.full,
      ...inWords(why),
    },
  ];
}

/** The unchanged release does worse today: no fault of the change, and nothing to be silent about. */
function worldRules({ contrasts: { world, worldCases }, cause }: Gated): GateRule[] {
  if (cause !== 'world' && cause !== 'both') return [];
  const moved =
    world === null
      ? reason`the baseline release itself`
      : reason`the baseline release itself moved by ${pointsApart(world.delta)} since its stored runs${statistic(` (p = ${probability(world.p)})`)}`;
  const cases = worldCases.length === 0 ? '' : `; it fails today in ${someIds(worldCases)}`;
  const message = reason`the world moved: ${moved}${cases}`;
  return [
    {
      rule: 'world',
      value: world?.delta ?? null,
      limit: null,
      outcome: 'warn',
      message: message.full,
      ...inWords(message),
    },
  ];
}

function criticalRules(cases: readonly CaseDelta[]): GateRule[] {
  const rules: GateRule[] = [];
  const criticals = cases.filter((delta) => delta.critical).length;
  let steady = 0;
  for (const delta of cases) {
    if (!delta.critical || !('delta' in delta)) continue;
    const outcome = criticalOutcome(delta, criticals);
    if (outcome === 'pass') {
      steady += 1;
      continue;
    }
    const message = reason`critical case ${delta.id}: ${reasonOf(delta)}`;
    rules.push({
      rule: `critical:${delta.id}`,
      value: delta.verdict,
      limit: 'not regressed',
      outcome,
      message: message.full,
      ...inWords(message),
    });
  }
  if (steady > 0)
    rules.push({
      rule: 'critical',
      value: steady,
      limit: null,
      outcome: 'pass',
      message: `${count(steady, 'critical case')} without a sign of regression`,
    });
  return rules;
}

/** Above this p (times the number of critical cases) a critical case that only looks worse is noise to report, not a doubt that holds up the gate. */
const DOUBT = 0.1;

/**
 * A critical case fails the gate when fresh trials confirm it, like any case. On the trials that made it look bad alone it leaves the
 * gate open: looked at one by one, some would always fail.
 */
function criticalOutcome(delta: PairedDelta, criticals: number): GateRule['outcome'] {
  switch (delta.verdict) {
    case 'regressed':
      return delta.evidence === 'confirmed' ? 'fail' : 'inconclusive';
    case 'improved':
    case 'unchanged':
      return 'pass';
    case 'inconclusive':
      if (delta.evidence !== 'suspected' || delta.delta >= 0) return 'pass';
      if (delta.confirmation !== null && delta.p !== null) return delta.p <= DOUBT ? 'inconclusive' : 'warn';
      // One trial each has no p: a flip there looks like a loss.
      return delta.p === null || adjustedP(delta, criticals) <= DOUBT ? 'inconclusive' : 'warn';
  }
}

function adjustedP(delta: PairedDelta, criticals: number): number {
  return Math.min(1, (delta.p ?? 1) * criticals);
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
        message: `${count(ids.length, 'case')} ${state}: ${someIds(ids)}`,
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
  metric: Pick<RateMetric, 'verdict' | 'reason' | 'words'>,
  value: number | null,
  action: ChannelAction,
): GateRule[] {
  if (metric.verdict !== 'shifted' || action === 'off') return [];
  return [
    {
      rule: `channel:${name}`,
      value,
      limit: null,
      outcome: action,
      message: metric.reason,
      ...inWords(reasonOf(metric)),
    },
  ];
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

/** Only a fall of the mean score is a finding; absent in comparisons kept by earlier versions. */
function scoreRule(metric: Comparison['metrics']['score'], action: ChannelAction): GateRule[] {
  return metric === undefined || (metric.change ?? 0) >= 0
    ? []
    : channelRule('score', metric, metric.change, action);
}

function channelRules(metrics: Comparison['metrics'], { channels }: Policy): GateRule[] {
  return [
    ...channelRule('length', metrics.length, metrics.length.change, channels.length),
    ...channelRule('latency', metrics.latencyMs, metrics.latencyMs.change, channels.latency),
    ...channelRule('cost', metrics.costUsd, metrics.costUsd.change, channels.cost),
    ...meaningRule(metrics.embedding, channels.embedding),
    ...scoreRule(metrics.score, channels.score),
    ...channelRule('refusal', metrics.refusalRate, metrics.refusalRate.candidate, 'warn'),
  ];
}
