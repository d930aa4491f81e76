// Gate rules for cases that have no counterpart in the baseline: new, edited, ungraded and removed ones.

import { count, percent } from '../base/numbers.ts';
import type { CaseDelta, CoverageDelta, GateRule, RunSummary } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import { rateOf, tallyOf } from './arm.ts';
import { someIds } from './wording.ts';

/** Without a floor of its own a new or edited case has to pass this share of its trials: one that never passes shows nothing. */
const FIRST_RUN_FLOOR = 0.5;

/** A case on its first run: graded trials against its floor. */
export interface FirstRun {
  readonly passed: number;
  /** Graded trials. */
  readonly trials: number;
  readonly floor: number;
  /** `fail`: below the case's own floor. `inconclusive`: below the general floor, not graded, or critical and not compared. */
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
}

/**
 * Judges a case that cannot be compared by its own trials alone. `before` is the case that an edit replaced: an edit cannot lower the
 * floor. A critical case is never green this way, because nothing shows that it still guards what it guarded.
 */
export function firstRunOf(
  now: CaseResult,
  before: Pick<CaseResult, 'minPassRate' | 'critical'> | null,
  policy: Pick<Policy, 'appError'>,
): FirstRun {
  const tallied = tallyOf(now, policy.appError);
  const own = now.minPassRate;
  const floor =
    before === null
      ? (own ?? FIRST_RUN_FLOOR)
      : Math.max(own ?? FIRST_RUN_FLOOR, before.minPassRate ?? FIRST_RUN_FLOOR);
  const rate = tallied.graded === 0 ? null : rateOf(tallied);
  const seen = { passed: tallied.passed, trials: tallied.graded, floor };
  if (rate === null) return { ...seen, outcome: 'inconclusive' };
  if (own !== null && rate < own - ROUNDING) return { ...seen, outcome: 'fail' };
  const critical = now.critical || before?.critical === true;
  return { ...seen, outcome: rate < floor - ROUNDING || critical ? 'inconclusive' : 'pass' };
}

/** A mean of thirds must still reach two thirds. */
const ROUNDING = 1e-9;

/** What the rules look at. */
export interface Uncompared {
  readonly cases: readonly CaseDelta[];
  readonly baseline: readonly CaseResult[];
  readonly candidate: SnapshotResults;
}

/** One rule for the new and edited cases that miss their floor, one for each critical case that was not compared. */
export function uncomparedRules({ cases, baseline, candidate }: Uncompared, policy: Policy): GateRule[] {
  const before = new Map(baseline.map((c) => [c.id, c]));
  const rules = weakenedRules(before, candidate.cases);
  const open = cases.filter((delta): delta is CoverageDelta => !('delta' in delta));
  if (open.length === 0) return rules;
  const now = new Map(candidate.cases.map((c) => [c.id, c]));
  const missed: string[] = [];
  let ran = 0;
  for (const delta of open) {
    const critical = delta.critical || before.get(delta.id)?.critical === true;
    const result = now.get(delta.id);
    if (critical)
      rules.push({
        rule: `critical:${delta.id}`,
        value: delta.verdict,
        limit: 'compared',
        outcome: 'inconclusive',
        message: `critical case ${delta.id} was not compared (${delta.verdict}): ${delta.reason}${result === undefined ? '' : trialsText(result, policy)}`,
      });
    if (result === undefined || (delta.verdict !== 'added' && delta.verdict !== 'edited')) continue;
    ran += 1;
    const first = firstRunOf(result, before.get(delta.id) ?? null, policy);
    // Its own floor has a rule of its own, and so has a critical case.
    if (first.outcome === 'inconclusive' && !critical)
      missed.push(`${delta.id} ${first.passed}/${first.trials}`);
  }
  if (missed.length > 0)
    rules.push({
      rule: 'first-run',
      value: missed.length,
      limit: 0,
      outcome: 'inconclusive',
      message: `${missed.length} of ${count(ran, 'new or edited case')} below the floor for cases without a comparison (${percent(FIRST_RUN_FLOOR)} unless the case has its own): ${someIds(missed)}`,
    });
  else if (ran > 0)
    rules.push({
      rule: 'first-run',
      value: 0,
      limit: 0,
      outcome: 'warn',
      message: `${count(ran, 'new or edited case')} not part of the verdict; each reaches its floor`,
    });
  return rules;
}

/** Names the cases that were critical, or had a higher floor, when the baseline ran. */
function weakenedRules(before: ReadonlyMap<string, CaseResult>, now: readonly CaseResult[]): GateRule[] {
  const demoted: string[] = [];
  const lowered: string[] = [];
  for (const { id, critical, minPassRate } of now) {
    const was = before.get(id);
    if (was === undefined) continue;
    if (was.critical && !critical) demoted.push(id);
    if ((was.minPassRate ?? 0) > (minPassRate ?? 0)) lowered.push(id);
  }
  const rule = (name: string, ids: readonly string[], what: string): GateRule[] =>
    ids.length === 0
      ? []
      : [
          {
            rule: `weakened:${name}`,
            value: ids.length,
            limit: 0,
            outcome: 'warn',
            message: `${count(ids.length, 'case')} ${what}: ${someIds([...ids].sort())}`,
          },
        ];
  return [
    ...rule('critical', demoted, 'critical in the baseline and not critical now'),
    ...rule('min-pass-rate', lowered, 'with a lower min-pass-rate than in the baseline'),
  ];
}

function trialsText(result: CaseResult, policy: Policy): string {
  const { passed, graded } = tallyOf(result, policy.appError);
  return `; passes ${passed} of ${count(graded, 'trial')} now`;
}

/** The whole run, compared or not: the pass rate that a headline has to name. */
export function runSummary({ cases }: SnapshotResults, policy: Pick<Policy, 'appError'>): RunSummary {
  const rates: number[] = [];
  let passed = 0;
  let trials = 0;
  for (const result of cases) {
    const tallied = tallyOf(result, policy.appError);
    if (tallied.graded === 0) continue;
    rates.push(rateOf(tallied));
    passed += tallied.passed;
    trials += tallied.graded;
  }
  // Added up in order of size: the order of the cases must not change the last digit.
  const sum = rates.sort((a, b) => a - b).reduce((total, rate) => total + rate, 0);
  return { passRate: rates.length === 0 ? null : sum / rates.length, cases: rates.length, trials, passed };
}
