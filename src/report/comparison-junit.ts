// A comparison as JUnit XML: failure = regression, error = could not be measured, skipped = not comparable.

import junit, { type Builder } from 'junit-report-builder';
import type { Comparison } from '../core/index.ts';
import { isPaired } from './comparison-text.ts';
import { terminalText } from './escape.ts';
import { signed } from './format.ts';

// The package's types describe its CommonJS namespace; what Node imports is the builder itself.
const builder = junit as unknown as Builder;

/** One test case per suite case; its name is the case id, so that a CI server can track it over time. */
export function comparisonJunit(c: Comparison): string {
  const report = builder.newBuilder();
  const suite = report.testSuite().name(terminalText(c.suite)).timestamp(c.candidate.startedAt);
  suite.property('baseline', c.baseline.id).property('candidate', c.candidate.id);
  suite.property('verdict', c.verdict).property('gate', c.gate.outcome);
  const gate = suite.testCase().className(terminalText(c.suite)).name('gate');
  if (c.gate.outcome === 'fail') gate.failure(terminalText(c.reason), c.verdict);
  if (c.gate.outcome === 'inconclusive') gate.error(terminalText(c.reason), c.verdict);
  for (const d of c.cases) {
    const test = suite.testCase().className(terminalText(c.suite)).name(terminalText(d.id));
    if (!isPaired(d)) {
      if (d.verdict === 'ungraded') test.error(terminalText(d.reason), d.verdict);
      else test.skipped();
      continue;
    }
    if (d.verdict === 'regressed')
      test.failure(
        `${signed(d.delta, 2)}: ${terminalText(d.reason)}`.slice(0, 2000),
        d.evidence ?? d.verdict,
      );
    if (d.example !== undefined)
      test.standardOutput(
        terminalText(`before:\n${d.example.baseline}\n\nafter:\n${d.example.candidate}`).slice(0, 4000),
      );
  }
  return report.build();
}
