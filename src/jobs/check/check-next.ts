// The command to run after a check.

import type { CheckInput } from './check-input.ts';
import type { SuiteRun } from './check-suite.ts';
import type { CheckOutcome } from './check-verdict.ts';

/** The same check of one suite, as it would be typed. */
export function againText(
  input: CheckInput,
  { suite, release }: { readonly suite: string; readonly release: string },
): string {
  const given = (flag: string, value: string | number | undefined): string =>
    value === undefined ? '' : ` --${flag} ${value}`;
  return `lastgood check ${suite} --release ${release}${given('changed', input.changed)}${given('tier', input.tier)}${given('trials', input.trials)}`;
}

export function nextOf(ruling: CheckOutcome, run: SuiteRun, input: CheckInput): string | null {
  const { comparison } = run;
  if (ruling.status === 'first-run') {
    const first = run.firstRun.find((c) => c.outcome !== 'pass');
    return first === undefined ? null : `lastgood show ${run.summary.id} --case ${first.id}`;
  }
  if (ruling.gate === 'pass') return null;
  if (ruling.gate === 'fail') {
    const worst = comparison.cases.find((d) => d.verdict === 'regressed');
    return worst === undefined
      ? `lastgood diff ${comparison.baseline.id} ${run.summary.id}`
      : `lastgood show ${run.summary.id} --case ${worst.id}`;
  }
  return ruling.verdict === 'inconclusive' && run.rungsLeft
    ? `lastgood check ${input.suites.join(' ')}${input.release === undefined ? '' : ` --release ${input.release}`} --tier ladder  (continues with the trials it has)`
    : `lastgood diff ${comparison.baseline.id} ${run.summary.id}`;
}
