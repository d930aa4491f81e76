// Floors of the policy: claims about the true pass rate, so that one unlucky run does not fail a gate and one lucky run does not hide a failure.

import { count, percent, probability } from '../base/numbers.ts';
import type { GateRule } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { inWords, type Reason, reason, statistic } from '../core/reason.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import { binomCdf } from '../stats/binomial.ts';
import { caseRatePrior, rateAtLeast } from '../stats/mean-change.ts';
import { estimateRunVariance } from '../stats/run-variance.ts';
import { type ArmTally, rateOf, tallyOf } from './arm.ts';

/** Rate at which any floor of a policy may fail a release whose true rates all reach their floors (Holm over the floors). */
export const FLOOR_ALPHA = 0.005;

interface Floor {
  readonly rule: string;
  readonly what: string;
  readonly limit: number;
  readonly value: number;
  /** One-sided p of "the true rate reaches the floor". */
  readonly p: number;
  /** The floor of a single case; those that hold are reported together. */
  readonly single: boolean;
}

/** The floors of the policy on one snapshot alone, whatever it is compared with. */
export function floorRules(candidate: SnapshotResults, policy: Policy): GateRule[] {
  const tallies = candidate.cases.map((result) => ({ result, tally: tallyOf(result, policy.appError) }));
  const rules: GateRule[] = [];
  const floors: Floor[] = [];
  const group = (
    rule: string,
    what: string,
    of: readonly (typeof tallies)[number][],
    limit: number,
  ): void => {
    const graded = of.map(({ tally }) => tally).filter((t) => t.graded > 0);
    if (graded.length === 0) rules.push(unchecked(rule, what, limit, of.length === 0));
    else
      floors.push({
        rule,
        what: `pass rate of ${what}`,
        limit,
        single: false,
        ...meanFloor(graded, limit, policy),
      });
  };
  if (policy.minPassRate !== null) group('min-pass-rate', 'the suite', tallies, policy.minPassRate);
  for (const [tag, limit] of Object.entries(policy.tagMinPassRate).sort(([a], [b]) => (a < b ? -1 : 1)))
    group(
      `min-pass-rate:tag:${tag}`,
      `tag \`${tag}\``,
      tallies.filter(({ result }) => result.tags.includes(tag)),
      limit,
    );
  for (const { result, tally } of tallies) {
    const limit = result.minPassRate;
    if (limit === null) continue;
    const rule = `min-pass-rate:case:${result.id}`;
    if (tally.graded === 0) rules.push(ungradedCase(result, limit));
    else
      floors.push({
        rule,
        what: `pass rate of case ${result.id}`,
        limit,
        single: true,
        value: rateOf(tally),
        p: binomCdf(tally.passed, tally.graded, limit).cdf,
      });
  }
  return [...judged(floors), ...rules];
}

/** A mean over cases against its floor: trial noise as it would be at the floor, and the session of one run. */
function meanFloor(
  tallies: readonly ArmTally[],
  limit: number,
  { sessionSd }: Policy,
): Pick<Floor, 'value' | 'p'> {
  const counts = tallies.map(({ passed, graded }) => ({ x: passed, k: graded }));
  const value = tallies.reduce((sum, t) => sum + rateOf(t), 0) / tallies.length;
  const sessions = (sensitivity: number) =>
    estimateRunVariance([], sensitivity, { sd: sessionSd, weight: 4 });
  return { value, p: rateAtLeast(counts, limit, caseRatePrior(counts), sessions) };
}

function judged(floors: readonly Floor[]): GateRule[] {
  const order = [...floors].sort((a, b) => a.p - b.p);
  const failed = new Set<string>();
  // Holm: the smallest p against all floors, the next against those left.
  for (const [i, floor] of order.entries()) {
    if (reaches(floor.value, floor.limit) || floor.p * (floors.length - i) > FLOOR_ALPHA) break;
    failed.add(floor.rule);
  }
  const rules: GateRule[] = [];
  let held = 0;
  for (const floor of floors) {
    const { rule, value, limit, single } = floor;
    const holds = reaches(value, limit);
    if (holds && single) {
      held += 1;
      continue;
    }
    const outcome = failed.has(rule) ? 'fail' : holds ? 'pass' : 'warn';
    const message = sentence(floor, outcome);
    rules.push({ rule, value, limit, outcome, message: message.full, ...inWords(message) });
  }
  if (held > 0)
    rules.push({
      rule: 'min-pass-rate:cases',
      value: held,
      limit: null,
      outcome: 'pass',
      message: `${count(held, 'case')} with a floor of their own reach it`,
    });
  return rules;
}

function sentence({ what, value, limit, p }: Floor, outcome: 'fail' | 'pass' | 'warn'): Reason {
  const seen = `${what} ${percent(value)}`;
  switch (outcome) {
    case 'pass':
      return reason`${seen} ≥ ${percent(limit)}`;
    case 'fail':
      return reason`${seen} < ${percent(limit)}, and its true rate is below the floor${statistic(` (p = ${probability(p)})`)}`;
    case 'warn':
      return reason`at risk: ${seen} < ${percent(limit)}${statistic(`, which these trials cannot tell from a rate that reaches it (p = ${probability(p)})`, ' (not proven)')}`;
  }
}

/** At or above the floor, rounding of a mean of thirds aside. */
function reaches(value: number, limit: number): boolean {
  return value >= limit - 1e-9;
}

function unchecked(rule: string, what: string, limit: number, empty: boolean): GateRule {
  const message = empty
    ? `${what} has no case, so its floor of ${percent(limit)} cannot be checked`
    : `no case of ${what} was graded, so its floor of ${percent(limit)} cannot be checked`;
  return { rule, value: null, limit, outcome: 'inconclusive', message };
}

function ungradedCase({ id }: CaseResult, limit: number): GateRule {
  return {
    rule: `min-pass-rate:case:${id}`,
    value: null,
    limit,
    outcome: 'inconclusive',
    message: `case ${id} was not graded, so its floor of ${percent(limit)} cannot be checked`,
  };
}

/** Cases whose own floor is at risk: more trials would settle it. */
export function floorsAtRisk(candidate: SnapshotResults, policy: Policy): string[] {
  const prefix = 'min-pass-rate:case:';
  return floorRules(candidate, policy)
    .filter((r) => r.outcome === 'warn' && r.rule.startsWith(prefix))
    .map((r) => r.rule.slice(prefix.length));
}
