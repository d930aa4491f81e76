// From what happened to each suite to one verdict and one exit code. Pure.

import { count, percent } from '../../base/numbers.ts';
import type {
  CheckExam,
  CheckExitCode,
  CheckResult,
  CheckVerdict,
  Comparison,
  FirstRunCase,
  Gate,
  GateRule,
  OfflineCheck,
  SuiteCheck,
} from '../../core/index.ts';
import { asReason, inWords, type Reason, reason, reasonOf } from '../../core/index.ts';
import type { SuiteRun } from './check-suite.ts';
import type { FirstRunResult } from './first-run.ts';

/** What decides about one suite. */
export type CheckOutcome = Pick<SuiteCheck, 'status' | 'verdict' | 'reason' | 'words' | 'gate' | 'exitCode'>;

const PER_GATE: Readonly<Record<Gate['outcome'], CheckExitCode>> = { pass: 0, fail: 1, inconclusive: 3 };

/** A regression that was found stands, whatever cut the run short; "all is well" does not survive a cut. */
export function ruleRun(run: SuiteRun): CheckOutcome {
  const { comparison } = run;
  if (run.stoppedBy === 'cancelled')
    return ruling('interrupted', 'interrupted', 'the check was interrupted', 'inconclusive', 130);
  if (run.stoppedBy === 'fatal')
    return ruling(
      'failed',
      'failed',
      `the run could not continue: ${run.fatal ?? 'the provider refused'}`,
      'inconclusive',
      4,
    );
  if (run.firstRun.length > 0 && run.summary.validity !== 'invalid') return ruleFirstRun(run.firstRun);
  const { outcome } = comparison.gate;
  if (run.stoppedBy !== null && outcome === 'pass')
    return ruling(
      'compared',
      'inconclusive',
      reason`the run was cut short (${run.stoppedBy}) before it had seen everything; so far: ${reasonOf(comparison)}`,
      'inconclusive',
      3,
    );
  return ruling('compared', comparison.verdict, decisiveReason(comparison), outcome, PER_GATE[outcome]);
}

/** The verdict's own reason, or the gate rule that is stricter than the verdict. */
function decisiveReason(c: Comparison): Reason {
  if (c.gate.outcome === 'pass' || c.verdict === 'regressed') return reasonOf(c);
  const decisive = c.gate.rules.find((r) => r.outcome === c.gate.outcome);
  return decisive === undefined || decisive.rule === 'verdict'
    ? reasonOf(c)
    : reason`${decisive.rule}: ${reasonOf({ ...decisive, reason: decisive.message })}; verdict: ${reasonOf(c)}`;
}

/** Cases run apart decide nothing about the release, but missed floors and runs that were cut short are never green. */
export function withFirstRun(ruling: CheckOutcome, first: FirstRunResult | null): CheckOutcome {
  if (first === null || ruling.exitCode === 130 || ruling.exitCode === 4) return ruling;
  if (first.stoppedBy === 'cancelled' && ruling.exitCode !== 1)
    return {
      status: 'interrupted',
      verdict: 'interrupted',
      reason: 'the check was interrupted',
      gate: 'inconclusive',
      exitCode: 130,
    };
  if (first.stoppedBy === 'fatal' && ruling.exitCode !== 1)
    return {
      status: 'failed',
      verdict: 'failed',
      reason: `the new and edited cases could not be run: ${first.fatal ?? 'the provider refused'}`,
      gate: 'inconclusive',
      exitCode: 4,
    };
  const added = first.cases.filter((c) => c.state === 'added').length;
  const edited = first.cases.length - added;
  const apart = `${[added > 0 ? `${added} new` : '', edited > 0 ? `${edited} edited` : ''].filter(Boolean).join(', ')} ${first.cases.length === 1 ? 'case' : 'cases'}: not part of the verdict`;
  const missed = first.cases.filter((c) => c.outcome !== 'pass');
  if (missed.length === 0) return { ...ruling, ...asReason(reason`${reasonOf(ruling)}; ${apart}`) };
  const failed = missed.some((c) => c.outcome === 'fail');
  const why = asReason(
    reason`${missedText(missed)}; ${apart}; the cases that were compared: ${reasonOf(ruling)}`,
  );
  if (ruling.exitCode === 1)
    return { ...ruling, ...asReason(reason`${reasonOf(ruling)}; ${apart}; ${missedText(missed)}`) };
  return failed
    ? { ...ruling, ...why, gate: 'fail', exitCode: 1 }
    : { ...ruling, ...why, gate: 'inconclusive', exitCode: 3 };
}

/** Who takes a critical case away says so to a person. */
export function withRemoved(ruling: CheckOutcome, exam: CheckExam | undefined): CheckOutcome {
  const ids = exam?.removedCritical ?? [];
  if (ids.length === 0 || ruling.exitCode !== 0) return ruling;
  return {
    ...ruling,
    ...asReason(
      reason`${ids.length} critical ${ids.length === 1 ? 'case is' : 'cases are'} removed: ${ids.slice(0, 5).join(', ')}; ${reasonOf(ruling)}`,
    ),
    gate: 'inconclusive',
    exitCode: 3,
  };
}

/** `new case refund-9 passes 1 of 3 trials, floor 50 %`; of several the first five. */
function missedText(missed: readonly FirstRunCase[]): string {
  const named = missed.slice(0, 5).map((c) => {
    const kind = c.state === 'added' ? 'new' : c.state === 'edited' ? 'edited' : 'new or edited';
    const why =
      c.critical === true && c.outcome === 'inconclusive'
        ? 'it is critical, and there is no earlier run to compare it with'
        : `its floor is ${percent(c.floor)}`;
    return `${kind} case ${c.id} passes ${c.passed} of ${count(c.trials, 'trial')}, ${why}`;
  });
  return `${named.join('; ')}${missed.length > 5 ? `; … and ${missed.length - 5} more` : ''}`;
}

function ruleFirstRun(cases: readonly FirstRunCase[]): CheckOutcome {
  const missed = cases.filter((c) => c.outcome !== 'pass');
  const many = `${cases.length} new or edited ${cases.length === 1 ? 'case' : 'cases'}`;
  if (missed.length === 0)
    return ruling(
      'first-run',
      'first-run',
      `the release did not change; ${many} ran for the first time and ${cases.length === 1 ? 'reaches its' : 'reach their'} floor; nothing to compare with yet`,
      'pass',
      0,
    );
  const failed = missed.some((c) => c.outcome === 'fail');
  return ruling(
    'first-run',
    'first-run',
    `${missed.length} of ${many} cannot pass yet: ${missedText(missed)}`,
    failed ? 'fail' : 'inconclusive',
    failed ? 1 : 3,
  );
}

export function ruleNothing(why: string): CheckOutcome {
  return ruling('nothing-to-check', 'nothing-to-check', `nothing to check: ${why}`, 'pass', 0);
}

export function ruleOffline(offline: OfflineCheck, offlineOk: boolean): CheckOutcome {
  const whole = offline.broken.length === 0;
  const why = whole
    ? `not evaluated: ${offline.missing}`
    : `not evaluated, and the exam is broken: ${offline.broken[0]?.case}: ${offline.broken[0]?.reason}`;
  return ruling('not-evaluated', 'not-evaluated', why, 'inconclusive', whole && offlineOk ? 0 : 3);
}

export function ruleNoBaseline(suite: string): CheckOutcome {
  return ruling(
    'no-baseline',
    'no-baseline',
    `no baseline: no snapshot of "${suite}" is blessed in the ledger, and none is committed`,
    'inconclusive',
    3,
  );
}

/** A suite the limits left no room for. */
export function ruleNoBudget(): CheckOutcome {
  return ruling(
    'not-evaluated',
    'not-evaluated',
    'not evaluated: the suites before it used up the limit',
    'inconclusive',
    3,
  );
}

function ruling(
  status: CheckOutcome['status'],
  verdict: CheckVerdict,
  why: Reason | string,
  gate: Gate['outcome'],
  exitCode: CheckExitCode,
): CheckOutcome {
  return { status, verdict, ...asReason(why), gate, exitCode };
}

/** Least severe first. A regression that was shown outweighs an undecided result; an interrupt outweighs all but that. */
const EXITS: readonly CheckExitCode[] = [0, 3, 4, 130, 1];
const GATES: readonly Gate['outcome'][] = ['pass', 'inconclusive', 'fail'];
/** Where exit code and gate are the same; among the green ones, something that was compared says more than "nothing to check". */
const VERDICTS: readonly CheckVerdict[] = [
  'nothing-to-check',
  'first-run',
  'improved',
  'unchanged',
  'no-regression-found',
  'not-evaluated',
  'no-baseline',
  'inconclusive',
  'invalid',
  'failed',
  'interrupted',
  'regressed',
];

function severity(s: SuiteCheck): number {
  return EXITS.indexOf(s.exitCode) * 100 + GATES.indexOf(s.gate) * 20 + VERDICTS.indexOf(s.verdict);
}

/** Many suites, one answer. */
export function combine(suites: readonly SuiteCheck[], warnings: CheckResult['warnings']): CheckResult {
  const worst = [...suites].sort((a, b) => severity(b) - severity(a))[0];
  const exitCode = worst?.exitCode ?? 3;
  const rules = suites.flatMap((s) => rulesOf(s, suites.length > 1 ? `${s.suite}/` : ''));
  return {
    schemaVersion: 1,
    kind: 'check',
    verdict: worst?.verdict ?? 'no-baseline',
    ...asReason(sentence(suites, worst)),
    gate: { outcome: gateOutcome(suites), rules },
    exitCode,
    suites,
    warnings,
  };
}

function gateOutcome(suites: readonly SuiteCheck[]): Gate['outcome'] {
  if (suites.some((s) => s.gate === 'fail')) return 'fail';
  return suites.length === 0 || suites.some((s) => s.gate === 'inconclusive') ? 'inconclusive' : 'pass';
}

/** With several suites every rule carries its suite's name in front. */
function rulesOf(s: SuiteCheck, prefix: string): GateRule[] {
  if (s.status === 'compared' && s.comparison !== null)
    return [...s.comparison.gate.rules, ...examRules(s)].map((r) => ({ ...r, rule: `${prefix}${r.rule}` }));
  return [
    {
      rule: `${prefix}${s.status}`,
      value: s.verdict,
      limit: null,
      outcome: s.gate,
      message: s.reason,
      ...inWords(reasonOf(s)),
    },
  ];
}

/** What the change does to its exam, as rules beside those of the comparison. */
function examRules({ exam, firstRun }: Pick<SuiteCheck, 'exam' | 'firstRun'>): GateRule[] {
  const rules = firstRun
    .filter((c) => c.outcome !== 'pass')
    .map(
      (c): GateRule => ({
        rule: `first-run:${c.id}`,
        value: c.trials === 0 ? null : c.passed / c.trials,
        limit: c.floor,
        outcome: c.outcome,
        message: `${c.state ?? 'new or edited'} case ${c.id} passes ${c.passed} of ${c.trials} trials${c.critical === true ? '; critical, and not compared' : ''}`,
      }),
    );
  if (exam === undefined) return rules;
  const { removedCritical, changes } = exam;
  if (removedCritical.length > 0)
    rules.push({
      rule: 'exam:removed-critical',
      value: removedCritical.length,
      limit: 0,
      outcome: 'inconclusive',
      message: `critical cases removed: ${removedCritical.slice(0, 10).join(', ')}`,
    });
  for (const { what, weaker } of changes)
    rules.push({
      rule: weaker ? 'exam:weaker' : 'exam:changed',
      value: null,
      limit: null,
      outcome: 'warn',
      message: `${what}${exam.from === 'base' ? ' (the merge base decided)' : ''}`,
    });
  return rules;
}

function sentence(suites: readonly SuiteCheck[], worst: SuiteCheck | undefined): Reason {
  if (worst === undefined) return reason`no suite was checked`;
  if (suites.length === 1) return reasonOf(worst);
  const alike = suites.filter((s) => s.exitCode === worst.exitCode);
  const names = alike.map((s) => s.suite).join(', ');
  return worst.exitCode === 0
    ? reason`all ${suites.length} suites: ${suites.map((s) => `${s.suite} ${s.verdict}`).join(', ')}`
    : reason`${alike.length} of ${suites.length} suites (${names}): ${reasonOf(worst)}`;
}
