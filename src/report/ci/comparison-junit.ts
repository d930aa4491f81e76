// A comparison or a check as JUnit XML: failure = regression, error = could not be measured, skipped = not comparable or not asked for.

import junit, { type Builder, type TestSuite } from 'junit-report-builder';
import { signed } from '../../base/numbers.ts';
import type { CheckResult, Comparison, OutputExample, SuiteCheck } from '../../core/index.ts';
import { expectedText, inputText } from '../parts/case-content.ts';
import { terminalText } from '../parts/escape.ts';
import { differingBlocks } from '../parts/excerpt.ts';
import { looksBroken } from '../parts/looks-broken.ts';
import { isPaired } from '../text/comparison-text.ts';

// The package's types describe its CommonJS namespace; what Node imports is the builder itself.
const builder = junit as unknown as Builder;

/** Longest message and longest output of one case: CI servers show them whole, or not at all. */
const MESSAGE = 2000;
const OUTPUT = 4000;

/** One test case per suite case; its name is the case id, so that a CI server can track it over time. */
export function comparisonJunit(c: Comparison): string {
  const report = builder.newBuilder();
  addComparison(report.testSuite(), c, {
    outcome: c.gate.outcome,
    reason: c.reason,
    type: c.verdict,
    places: {},
  });
  return report.build();
}

/** Every suite of a check as a test suite of one file. */
export function checkJunit(r: CheckResult): string {
  const report = builder.newBuilder();
  for (const s of r.suites) {
    const suite = report.testSuite();
    if (s.status === 'compared' && s.comparison !== null) {
      addComparison(suite, s.comparison, {
        outcome: s.gate,
        reason: s.reason,
        type: s.verdict,
        places: s.places,
      });
      addFirstRun(suite, s);
    } else addUncompared(suite, s);
  }
  return report.build();
}

interface Answer {
  readonly outcome: Comparison['gate']['outcome'];
  readonly reason: string;
  readonly type: string;
  readonly places: SuiteCheck['places'];
}

function addComparison(suite: TestSuite, c: Comparison, answer: Answer): void {
  const name = xml(c.suite, MESSAGE);
  suite.name(name).timestamp(c.candidate.startedAt);
  suite.property('baseline', xml(c.baseline.id, MESSAGE)).property('candidate', xml(c.candidate.id, MESSAGE));
  suite.property('verdict', answer.type).property('gate', answer.outcome);
  const gate = suite.testCase().className(name).name('gate');
  if (answer.outcome === 'fail') gate.failure(xml(answer.reason, MESSAGE), answer.type);
  if (answer.outcome === 'inconclusive') gate.error(xml(answer.reason, MESSAGE), answer.type);
  for (const d of c.cases) {
    const test = suite.testCase().className(name).name(xml(d.id, MESSAGE));
    const place = answer.places[d.id];
    if (place !== undefined) test.file(xml(place.file, MESSAGE));
    if (!isPaired(d)) {
      if (d.verdict === 'ungraded') test.error(xml(d.reason, MESSAGE), d.verdict);
      else test.skipped().standardOutput(xml(`${d.verdict}: ${d.reason}`, MESSAGE));
      continue;
    }
    if (d.verdict === 'regressed')
      test.failure(xml(`${signed(d.delta, 2)}: ${d.reason}`, MESSAGE), d.evidence ?? d.verdict);
    if (looksBroken(d)) {
      // The writer takes no message for a skipped case; the output is shown with it everywhere.
      test
        .skipped()
        .standardOutput(
          xml(
            `looks broken, not proven: ${d.baseline.passed}/${d.baseline.trials} → ${d.candidate.passed}/${d.candidate.trials}; ${d.reason}`,
            MESSAGE,
          ),
        );
      continue;
    }
    if (d.example !== undefined) {
      test.standardOutput(xml(exampleText(d.example), OUTPUT));
    }
  }
}

/** Why, input, expected, before and after; each cut so that all of them are there. */
function exampleText({ baseline, candidate, candidateReasons, content }: OutputExample): string {
  const most = OUTPUT / 4;
  const [before, after] = differingBlocks(baseline, candidate, most);
  const parts: (readonly [string, string])[] = [
    ['why: ', candidateReasons.join('; ').slice(0, most)],
    ['input:\n', content === undefined ? '' : inputText(content, most)],
    ['expected: ', content === undefined ? '' : (expectedText(content) ?? '').slice(0, most / 2)],
    ['before:\n', before],
    ['after:\n', after],
  ];
  return parts.flatMap(([name, text]) => (text === '' ? [] : [`${name}${text}`])).join('\n\n');
}

function addUncompared(suite: TestSuite, s: SuiteCheck): void {
  const name = xml(s.suite, MESSAGE);
  suite.name(name).property('verdict', s.verdict).property('gate', s.gate);
  const gate = suite.testCase().className(name).name('gate');
  const reason = xml(s.reason, MESSAGE);
  if (s.status === 'nothing-to-check' || (s.status === 'not-evaluated' && s.exitCode === 0))
    gate.skipped().standardOutput(reason);
  else if (s.gate === 'fail') gate.failure(reason, s.verdict);
  else if (s.gate === 'inconclusive') gate.error(reason, s.verdict);
  if (s.status === 'first-run') addFirstRun(suite, s);
}

/** New and edited cases; an edited one was compared as the merge base has it, so it has another name here. */
function addFirstRun(suite: TestSuite, s: SuiteCheck): void {
  const compared = new Set(s.status === 'compared' ? s.comparison?.cases.map((d) => d.id) : []);
  for (const c of s.firstRun) {
    const name = compared.has(c.id) ? `${c.id} (edited)` : c.id;
    const test = suite.testCase().className(xml(s.suite, MESSAGE)).name(xml(name, MESSAGE));
    const counts = `passes ${c.passed} of ${c.trials} trials on its first run${c.critical === true ? '; critical, and not compared' : ''}`;
    if (c.outcome === 'fail') test.failure(counts, 'first-run');
    if (c.outcome === 'inconclusive') test.error(counts, 'first-run');
  }
}

/**
 * Text XML may hold. The writer escapes markup in attributes, but puts output into CDATA as it is: its end mark is broken here,
 * and control characters, lone surrogates and the two non-characters go.
 */
function xml(text: string, max: number): string {
  const safe = terminalText(text)
    .replace(/[\ufffe\uffff]/g, '\ufffd')
    .replace(/\]\]>/g, ']]\u2060>');
  const points = Array.from(safe);
  return points.length > max ? `${points.slice(0, max - 1).join('')}…` : safe;
}
