// From what happened to each suite to one verdict and one exit code. Pure.

import type {
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
import type { SuiteRun } from './check-suite.ts';

/** What decides about one suite. */
export type Ruling = Pick<SuiteCheck, 'status' | 'verdict' | 'reason' | 'gate' | 'exitCode'>;

const PER_GATE: Readonly<Record<Gate['outcome'], CheckExitCode>> = { pass: 0, fail: 1, inconclusive: 3 };

/** A regression that was found stands, whatever cut the run short; "all is well" does not survive a cut. */
export function ruleRun(run: SuiteRun): Ruling {
  const { comparison } = run;
  if (run.stoppedBy === 'cancelled')
    return ruling('interrupted', 'interrupted', 'the check was interrupted', 'inconclusive', 130);
  if (run.stoppedBy === 'fatal')
    return ruling(
      'failed',
      'failed',
      `the run could not go on: ${run.fatal ?? 'the provider refused'}`,
      'inconclusive',
      4,
    );
  if (run.firstRun.length > 0 && run.summary.validity !== 'invalid') return ruleFirstRun(run.firstRun);
  const { outcome } = comparison.gate;
  if (run.stoppedBy !== null && outcome === 'pass')
    return ruling(
      'compared',
      'inconclusive',
      `the run was cut short (${run.stoppedBy}) before it had seen everything; so far: ${comparison.reason}`,
      'inconclusive',
      3,
    );
  return ruling('compared', comparison.verdict, reasonOf(comparison), outcome, PER_GATE[outcome]);
}

/** The verdict's own reason, or the gate rule that is stricter than the verdict. */
function reasonOf(c: Comparison): string {
  if (c.gate.outcome === 'pass' || c.verdict === 'regressed') return c.reason;
  const decisive = c.gate.rules.find((r) => r.outcome === c.gate.outcome);
  return decisive === undefined || decisive.rule === 'verdict'
    ? c.reason
    : `${decisive.rule}: ${decisive.message}; verdict: ${c.reason}`;
}

function ruleFirstRun(cases: readonly FirstRunCase[]): Ruling {
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
  const named = missed
    .slice(0, 5)
    .map((c) => `${c.id} ${c.passed}/${c.trials}`)
    .join(', ');
  const failed = missed.some((c) => c.outcome === 'fail');
  return ruling(
    'first-run',
    'first-run',
    `of ${many}, ${missed.length} ${missed.length === 1 ? 'does not reach its' : 'do not reach their'} floor: ${named}`,
    failed ? 'fail' : 'inconclusive',
    failed ? 1 : 3,
  );
}

export function ruleNothing(why: string): Ruling {
  return ruling('nothing-to-check', 'nothing-to-check', `nothing to check: ${why}`, 'pass', 0);
}

export function ruleOffline(offline: OfflineCheck, offlineOk: boolean): Ruling {
  const whole = offline.broken.length === 0;
  const reason = whole
    ? `not evaluated: ${offline.missing}`
    : `not evaluated, and the exam is broken: ${offline.broken[0]?.case}: ${offline.broken[0]?.reason}`;
  return ruling('not-evaluated', 'not-evaluated', reason, 'inconclusive', whole && offlineOk ? 0 : 3);
}

export function ruleNoBaseline(suite: string): Ruling {
  return ruling(
    'no-baseline',
    'no-baseline',
    `no baseline: no snapshot of "${suite}" is blessed in the ledger, and none is committed`,
    'inconclusive',
    3,
  );
}

/** A suite the limits left no room for. */
export function ruleNoBudget(): Ruling {
  return ruling(
    'not-evaluated',
    'not-evaluated',
    'not evaluated: the suites before it used up the limit',
    'inconclusive',
    3,
  );
}

function ruling(
  status: Ruling['status'],
  verdict: CheckVerdict,
  reason: string,
  gate: Gate['outcome'],
  exitCode: CheckExitCode,
): Ruling {
  return { status, verdict, reason, gate, exitCode };
}

/** Least severe first. A regression that was shown outweighs what could not be told; an interrupt outweighs all but that. */
const EXITS: readonly CheckExitCode[] = [0, 3, 4, 130, 1];
const GATES: readonly Gate['outcome'][] = ['pass', 'inconclusive', 'fail'];
/** Where exit code and gate are the same; among the green ones, something that was compared says more than "nothing to check". */
const VERDICTS: readonly CheckVerdict[] = [
  'nothing-to-check',
  'first-run',
  'improved',
  'unchanged',
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
    reason: sentence(suites, worst),
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
    return s.comparison.gate.rules.map((r) => ({ ...r, rule: `${prefix}${r.rule}` }));
  return [
    { rule: `${prefix}${s.status}`, value: s.verdict, limit: null, outcome: s.gate, message: s.reason },
  ];
}

function sentence(suites: readonly SuiteCheck[], worst: SuiteCheck | undefined): string {
  if (worst === undefined) return 'no suite was checked';
  if (suites.length === 1) return worst.reason;
  const alike = suites.filter((s) => s.exitCode === worst.exitCode);
  const names = alike.map((s) => s.suite).join(', ');
  return worst.exitCode === 0
    ? `all ${suites.length} suites: ${suites.map((s) => `${s.suite} ${s.verdict}`).join(', ')}`
    : `${alike.length} of ${suites.length} suites (${names}): ${worst.reason}`;
}
