// What a check says in its first line: the verdict, or what keeps the gate open or red although the compared cases are fine.

import { count } from '../../base/numbers.ts';
import type { CheckResult, CheckVerdict, GateRule } from '../../core/index.ts';

const GREEN: ReadonlySet<CheckVerdict> = new Set([
  'unchanged',
  'improved',
  'no-regression-found',
  'first-run',
]);

const COMPARED: Readonly<Partial<Record<CheckVerdict, string>>> = {
  unchanged: 'the compared cases are unchanged',
  improved: 'the compared cases improved',
  'no-regression-found': 'the compared cases show no regression',
  'first-run': 'nothing to compare with yet',
};

/** `unchanged`; or `open: 1 new or edited case; the compared cases are unchanged`, where the gate does not follow the verdict. */
export function checkHeadline(r: Pick<CheckResult, 'verdict' | 'gate' | 'suites'>): string {
  const words = r.verdict.replaceAll('-', ' ');
  const compared = COMPARED[r.verdict];
  const { outcome } = r.gate;
  if (outcome === 'pass' || !GREEN.has(r.verdict) || compared === undefined) return words;
  const causes = causesOf(r, outcome);
  if (causes.length === 0) return words;
  return `${outcome === 'fail' ? 'failed' : 'open'}: ${causes.join(', ')}; ${compared}`;
}

/** What does not pass, kind by kind, each counted. */
function causesOf(
  { gate, suites }: Pick<CheckResult, 'gate' | 'suites'>,
  outcome: 'fail' | 'inconclusive',
): string[] {
  const firstRun = suites.flatMap((s) => s.firstRun).filter((c) => c.outcome === outcome);
  const apart = new Set(firstRun.map((c) => c.id));
  const kinds = new Map<string, number>();
  const add = (kind: string, n: number): void => void kinds.set(kind, (kinds.get(kind) ?? 0) + n);
  for (const c of firstRun) add(c.critical === true ? 'critical case|not compared' : stateText(c.state), 1);
  for (const rule of gate.rules) {
    if (rule.outcome !== outcome) continue;
    const kind = kindOf(
      rule,
      suites.map((s) => s.suite),
      apart,
    );
    if (kind !== null) add(kind, typeof rule.value === 'number' && COUNTED.has(kind) ? rule.value : 1);
  }
  return [...kinds].map(([kind, n]) => {
    const [what = kind, how] = kind.split('|');
    return `${what.endsWith('case') ? count(n, what) : what}${how === undefined ? '' : ` ${how}`}`;
  });
}

function stateText(state: 'added' | 'edited' | undefined): string {
  return state === 'added' ? 'new case' : state === 'edited' ? 'edited case' : 'new or edited case';
}

/** Rules whose value is a number of cases. */
const COUNTED: ReadonlySet<string> = new Set(['new or edited case', 'removed critical case']);

const UNCOMPARED: ReadonlySet<string> = new Set(['added', 'edited', 'removed', 'ungraded']);

function kindOf(
  { rule, value }: GateRule,
  suites: readonly string[],
  apart: ReadonlySet<string>,
): string | null {
  const suite = suites.find((name) => suites.length > 1 && rule.startsWith(`${name}/`));
  const name = suite === undefined ? rule : rule.slice(suite.length + 1);
  const [kind, id = ''] = [name.split(':')[0] ?? name, name.slice(name.indexOf(':') + 1)];
  switch (kind) {
    case 'verdict':
      return null;
    case 'first-run':
      // Cases that were run apart are counted one by one.
      return apart.size > 0 ? null : 'new or edited case';
    case 'critical':
      if (apart.has(id)) return null;
      return UNCOMPARED.has(String(value)) ? 'critical case|not compared' : 'critical case|in doubt';
    case 'exam':
      return name === 'exam:removed-critical' ? 'removed critical case' : 'the exam of this change';
    case 'min-pass-rate':
      return 'a pass-rate floor';
    case 'coverage':
      return 'cases without a usable answer';
    case 'multiplicity':
      return 'this change was checked before with another answer';
    case 'channel':
      return `the limit of ${id}`;
    default:
      return `the rule ${name}`;
  }
}
