// A comparison or a check as JUnit XML: failure = regression, error = could not be measured, skipped = not comparable or not asked for.

import { signed } from '../../base/numbers.ts';
import type { CheckResult, Comparison, OutputExample, SuiteCheck } from '../../core/index.ts';
import { expectedText, inputText } from '../parts/case-content.ts';
import { terminalText } from '../parts/escape.ts';
import { differingBlocks } from '../parts/excerpt.ts';
import { looksBroken } from '../parts/looks-broken.ts';
import { isPaired } from '../text/comparison-text.ts';
import { type JunitSuite, type JunitTest, junitDocument } from './junit-document.ts';

/** Longest message and longest output of one case: CI servers show them whole, or not at all. */
const MESSAGE = 2000;
const OUTPUT = 4000;

/** One test case per suite case; its name is the case id, so that a CI server can track it over time. */
export function comparisonJunit(c: Comparison): string {
  const answer = { outcome: c.gate.outcome, reason: c.reason, type: c.verdict, places: {} };
  return junitDocument([comparedSuite(c, answer)]);
}

/** Every suite of a check as a test suite of one file. */
export function checkJunit(r: CheckResult): string {
  return junitDocument(
    r.suites.map((s) => {
      if (s.status !== 'compared' || s.comparison === null) return uncomparedSuite(s);
      const { gate: outcome, reason, verdict: type, places } = s;
      const suite = comparedSuite(s.comparison, { outcome, reason, type, places });
      return { ...suite, tests: [...suite.tests, ...firstRunTests(s)] };
    }),
  );
}

interface Answer {
  readonly outcome: Comparison['gate']['outcome'];
  readonly reason: string;
  readonly type: string;
  readonly places: SuiteCheck['places'];
}

function comparedSuite(c: Comparison, { outcome, reason, type, places }: Answer): JunitSuite {
  return {
    name: cut(c.suite),
    timestamp: c.candidate.startedAt,
    properties: {
      baseline: cut(c.baseline.id),
      candidate: cut(c.candidate.id),
      verdict: type,
      gate: outcome,
    },
    tests: [
      { name: 'gate', ...gateResult(outcome, reason, type) },
      ...c.cases.map((d): JunitTest => {
        const file = places[d.id]?.file;
        return { name: cut(d.id), ...(file === undefined ? {} : { file: cut(file) }), ...caseResult(d) };
      }),
    ],
  };
}

function gateResult(outcome: Answer['outcome'], reason: string, type: string): Omit<JunitTest, 'name'> {
  if (outcome === 'fail') return { failure: { message: cut(reason), type } };
  if (outcome === 'inconclusive') return { error: { message: cut(reason), type } };
  return {};
}

function caseResult(d: Comparison['cases'][number]): Omit<JunitTest, 'name'> {
  if (!isPaired(d))
    return d.verdict === 'ungraded'
      ? { error: { message: cut(d.reason), type: d.verdict } }
      : skipped(`${d.verdict}: ${d.reason}`);
  const failure =
    d.verdict === 'regressed'
      ? { failure: { message: cut(`${signed(d.delta, 2)}: ${d.reason}`), type: d.evidence ?? d.verdict } }
      : {};
  if (looksBroken(d)) {
    const { baseline: before, candidate: after } = d;
    const counts = `${before.passed}/${before.trials} → ${after.passed}/${after.trials}`;
    return { ...failure, ...skipped(`looks broken, not proven: ${counts}; ${d.reason}`) };
  }
  return { ...failure, ...(d.example === undefined ? {} : { output: cut(exampleText(d.example), OUTPUT) }) };
}

/** Why, as its message and as output: not every CI server shows the message of a skipped case. */
function skipped(why: string): Omit<JunitTest, 'name'> {
  return { skipped: cut(why), output: cut(why) };
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

function uncomparedSuite(s: SuiteCheck): JunitSuite {
  const nothing = s.status === 'nothing-to-check' || (s.status === 'not-evaluated' && s.exitCode === 0);
  const gate = nothing ? skipped(s.reason) : gateResult(s.gate, s.reason, s.verdict);
  return {
    name: cut(s.suite),
    properties: { verdict: s.verdict, gate: s.gate },
    tests: [{ name: 'gate', ...gate }, ...(s.status === 'first-run' ? firstRunTests(s) : [])],
  };
}

/** New and edited cases; an edited one was compared as the merge base has it, so it has another name here. */
function firstRunTests(s: SuiteCheck): JunitTest[] {
  const compared = new Set(s.status === 'compared' ? s.comparison?.cases.map((d) => d.id) : []);
  return s.firstRun.map((c) => {
    const name = cut(compared.has(c.id) ? `${c.id} (edited)` : c.id);
    const counts = `passes ${c.passed} of ${c.trials} trials on its first run${c.critical === true ? '; critical, and not compared' : ''}`;
    return { name, ...gateResult(c.outcome, counts, 'first-run') };
  });
}

/** At most so many characters, and none that acts on a terminal: CI logs print these files. */
function cut(text: string, max = MESSAGE): string {
  const safe = terminalText(text);
  const points = Array.from(safe);
  return points.length > max ? `${points.slice(0, max - 1).join('')}…` : safe;
}
