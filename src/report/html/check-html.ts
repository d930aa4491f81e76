// A check of several suites as one page: the answer, a row a suite, and what each of them says of its exam.

import { count, percent, usd } from '../../base/numbers.ts';
import type { CheckResult, SuiteCheck } from '../../core/index.ts';
import { examLines } from '../text/check-text.ts';
import { type Html, html, htmlLines, NOTHING } from './html.ts';
import { htmlPage, tone } from './html-page.ts';

/** `pages`: addresses of the pages of single suites, from this one, by the suite's place in the check. */
export function checkHtml(r: CheckResult, pages: ReadonlyMap<number, string> = new Map()): string {
  const rows = r.suites.map((s, n) => {
    const page = pages.get(n);
    const name = page === undefined ? s.suite : html`<a href="${encodeURI(page)}">${s.suite}</a>`;
    return html`<tr><td>${name}</td><td class="${tone(s.gate)}">${s.verdict}</td><td>${rate(s)}</td><td>${s.candidate === null ? 0 : s.scope.affected} of ${count(s.scope.cases, 'case')}</td><td>${s.calls}</td><td>${usd(s.costUsd)}</td><td>${s.reason}</td></tr>`;
  });
  const body = [
    html`<h1><span class="verdict ${tone(r.gate.outcome)}">${r.verdict}</span>${r.reason}</h1>`,
    html`<p>Gate: ${r.gate.outcome}; exit code ${r.exitCode}.</p>`,
    html`<table><thead><tr><th>suite</th><th>verdict</th><th>pass rate</th><th>run</th><th>calls</th><th>cost</th><th>why</th></tr></thead><tbody>${rows}</tbody></table>`,
    ...r.suites.map(suiteSection),
    r.warnings.length === 0
      ? NOTHING
      : html`<h2>Warnings</h2><ul>${r.warnings.map((w) => html`<li>${w.message} [${w.code}]</li>`)}</ul>`,
  ];
  return htmlPage(`check: ${r.verdict}`, htmlLines(body));
}

function rate({ comparison }: SuiteCheck): string {
  const run = comparison?.candidate.run;
  return run === undefined ? '' : percent(run.passRate);
}

function suiteSection(s: SuiteCheck): Html {
  const lines = examLines(s);
  const first = s.firstRun.map(
    (c) =>
      html`<tr><td>${c.id}</td><td>${c.state ?? ''}${c.critical === true ? ' critical' : ''}</td><td>${c.passed}/${c.trials}</td><td>${percent(c.floor)}</td><td class="${tone(c.outcome)}">${c.outcome}</td></tr>`,
  );
  return htmlLines([
    html`<h2>${s.suite}</h2>`,
    html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`,
    first.length === 0
      ? NOTHING
      : html`<table><thead><tr><th>new or edited case</th><th></th><th>passes</th><th>floor</th><th></th></tr></thead><tbody>${first}</tbody></table>`,
    s.next === null ? NOTHING : html`<p>Next: <code>${s.next}</code></p>`,
  ]);
}
