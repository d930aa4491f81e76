// The comparison with the baseline as a test of its own, printed whatever it says.

import type { Warning } from '../base/index.ts';
import { percent } from '../base/numbers.ts';
import type { Comparison } from '../core/index.ts';
import type { RunJobResult } from '../jobs/run/run-job.ts';
import { terminalText } from '../report/parts/escape.ts';
import { runSummary } from '../report/text/run-summary.ts';
import { printReport } from './print-report.ts';
import type { TestErrorName } from './test-errors.ts';

interface Summary {
  readonly failure: { readonly name: TestErrorName; readonly text: string } | null;
  /** Why the test neither passes nor fails. */
  readonly skip: string | null;
}

/** Prints the report, and says how the test ends: only a gate that passed is a pass. */
export function summaryOf(
  result: Extract<RunJobResult, { kind: 'run' }>,
  warnings: readonly Warning[],
  { failOn, isBaseline }: { readonly failOn: 'unclear' | 'regression'; readonly isBaseline: boolean },
): Summary {
  const { summary, comparison, stoppedBy, reused, next } = result;
  const from = reused ? `stored run of ${summary.startedAt}; nothing was called\n` : '';
  const warned = warnings.map((w) => `warning: ${w.message} [${w.code}]\n`).join('');
  const rate = summary.passRate === null ? 'nothing was graded' : `pass rate ${percent(summary.passRate)}`;
  const report =
    comparison === null
      ? `snapshot ${summary.id}: ${rate}, ${summary.validity}; ${isBaseline ? 'it is the baseline' : 'there is no baseline'} of suite ${summary.suite}\n`
      : runSummary(summary, comparison, { next });
  printReport(`${from}${report}${warned}`);
  const fail = (name: TestErrorName, text: string): Summary => ({ failure: { name, text }, skip: null });
  if (summary.validity === 'invalid' || stoppedBy !== null) {
    const why = stoppedBy === null ? summary.validityReasons.join('; ') : `the run ended early: ${stoppedBy}`;
    // A regression that was found stands, however the run ended.
    if (comparison?.gate.outcome !== 'fail') return fail('NotMeasured', `${why}\n${report}`);
  }
  if (comparison === null)
    return {
      failure: null,
      skip: isBaseline
        ? 'the stored run is the baseline itself'
        : `no baseline: lastgood bless ${summary.id} --by NAME --why TEXT`,
    };
  if (comparison.gate.outcome === 'fail') return fail('Regressed', gateText(comparison));
  if (comparison.gate.outcome === 'pass') return { failure: null, skip: null };
  return failOn === 'unclear'
    ? fail('CannotTell', gateText(comparison))
    : { failure: null, skip: 'could not tell, which fails nothing here (failOn: regression)' };
}

/** Why the gate did not pass; the whole report is printed above. */
function gateText({ suite, gate, verdict, reason }: Comparison): string {
  const rules = gate.rules.filter((rule) => rule.outcome === 'fail' || rule.outcome === 'inconclusive');
  return [
    `suite ${suite} is ${verdict} against its baseline: ${terminalText(reason)}`,
    ...rules.map((rule) => `  gate ${rule.rule}: ${terminalText(rule.message)}`),
  ].join('\n');
}
