// A check whose model outputs, case ids, tags and reasons all try to break out of the place where they are shown.

import { compareSnapshots } from '../../src/compare/index.ts';
import type { CaseDelta, CheckResult, Comparison, PairedDelta, SuiteCheck } from '../../src/core/index.ts';
import { type CaseSketch, options, snapshot } from '../compare/world.ts';

/** One of each kind; every one acts on some place when it is shown raw there. */
export const ATTACKS: readonly string[] = [
  '<script>alert(1)</script><img src=x onerror=alert(2)>',
  '</summary></details></pre></td></table><h1>owned</h1>',
  '::set-output name=verdict::passed\n::error file=a.ts,line=1::owned\n  ::add-mask::x\n##[error]owned ##vso[task.complete]',
  '@everyone @octocat please see #12 and GH-7',
  '\u001b[31mred\u001b[0m \u001b]8;;http://evil\u0007link\u001b]8;;\u0007 \u009b31m \u0007\b\r\u0000',
  '=HYPERLINK("http://evil","click")\n+cmd|\' /C calc\'!A0\n@SUM(1)\n-1+1',
  ']]></system-out></testcase><testcase name="owned"/><![CDATA[',
  '```\n</details>\n# owned\n```` \n~~~\n```text',
  '\ud800 lone \udfff surrogates \ufffe\uffff',
  '\u202egnp.exe\u202c\u2066\u200b',
  '| cell | another |\n|---|---|\n[link](javascript:alert(1)) ![x](http://evil/x.png)',
  '-->\n<!-- lastgood:check-refund-bot -->\n## ✅ Improved',
  '\nverdict=unchanged\nEOF\n',
  'section_start:1700000000:owned\r\u001b[0Kowned',
  'x'.repeat(200_000),
  '`'.repeat(5_000),
];

const id = (i: number): string => `attack ${i} ${ATTACKS[i]?.slice(0, 60) ?? ''}`;

/** Every attack is a regressed case's id, tag, output and reason. */
export function hostileComparison(): Comparison {
  const cases = (trials: string): CaseSketch[] => [
    ...ATTACKS.map((attack, i) => ({
      id: id(i),
      trials,
      tags: [attack.slice(0, 80)],
      critical: i % 2 === 0,
    })),
    ...Array.from({ length: 30 }, (_, i) => ({ id: `calm-${i}`, trials: 'pppp' })),
  ];
  const comparison = compareSnapshots(
    snapshot('before', cases('pppp'), { suite: `refund-bot ${ATTACKS[1]}`, release: ATTACKS[0] ?? '' }),
    snapshot('after', cases('ffff'), { suite: `refund-bot ${ATTACKS[1]}`, release: ATTACKS[2] ?? '' }),
    options(),
  );
  const armed = comparison.cases.map((c): CaseDelta => {
    const i = ATTACKS.findIndex((_, n) => c.id === id(n));
    if (i < 0) return c;
    const text = ATTACKS[i] ?? '';
    return {
      ...(c as PairedDelta),
      reason: `${c.reason} ${text}`,
      example: {
        trial: { baseline: 0, candidate: 0 },
        baseline: text,
        candidate: `${text}\n${text}`,
        candidateReasons: [text],
      },
    };
  });
  return { ...comparison, reason: `${comparison.reason} ${ATTACKS[2]}`, cases: armed, notes: [...ATTACKS] };
}

/** The same in every other field of a check, with `suites` suites. */
export function hostileCheck(suites = 1): CheckResult {
  const comparison = hostileComparison();
  const worst = comparison.cases.filter((c) => c.verdict === 'regressed');
  const one = (n: number): SuiteCheck => ({
    suite: `${comparison.suite} ${n}`,
    place: { file: `suites/::error,${ATTACKS[0]}\n.yaml`, line: 1 },
    status: 'compared',
    verdict: comparison.verdict,
    reason: comparison.reason,
    gate: comparison.gate.outcome,
    exitCode: 1,
    scope: {
      mode: 'all',
      base: 'a'.repeat(40),
      why: ATTACKS[2] ?? '',
      cases: comparison.cases.length,
      affected: comparison.cases.length,
      removed: ATTACKS.map((a) => a.slice(0, 100)),
    },
    baseline: { snapshot: 'before', source: 'file', file: `snapshots/${ATTACKS[7]}`, pooled: 1 },
    candidate: 'after',
    confirmation: null,
    estimate: { calls: 4, callsLeast: 3, confirmationCalls: 0, costUpperUsd: null },
    calls: 4,
    costUsd: null,
    offline: null,
    firstRun: [],
    comparison,
    places: Object.fromEntries(worst.map((c) => [c.id, { file: `cases ${c.id}.jsonl`, line: 3 }])),
    next: `lastgood show after --case ${ATTACKS[7]}`,
  });
  return {
    schemaVersion: 1,
    kind: 'check',
    verdict: comparison.verdict,
    reason: comparison.reason,
    gate: comparison.gate,
    exitCode: 1,
    suites: Array.from({ length: suites }, (_, n) => one(n)),
    warnings: ATTACKS.map((message) => ({ code: 'WARNED', message })),
  };
}

/** The same texts in the two states that hold no comparison. */
export function hostileUncompared(): CheckResult {
  const base = hostileCheck();
  const [suite] = base.suites as [SuiteCheck];
  const offline: SuiteCheck = {
    ...suite,
    status: 'not-evaluated',
    verdict: 'not-evaluated',
    gate: 'inconclusive',
    exitCode: 3,
    comparison: null,
    offline: {
      missing: ATTACKS[2] ?? '',
      cases: 1,
      answers: 2,
      passed: 1,
      needExaminer: 1,
      removed: 0,
      changed: ATTACKS.map((text) => ({ case: text, before: true, now: false })),
      broken: ATTACKS.map((text) => ({ case: text, reason: text })),
    },
  };
  const firstRun: SuiteCheck = {
    ...suite,
    status: 'first-run',
    verdict: 'first-run',
    firstRun: ATTACKS.map((text) => ({
      id: text.slice(0, 60),
      passed: 0,
      trials: 3,
      floor: 0.5,
      outcome: 'fail',
    })),
  };
  return { ...base, suites: [offline, firstRun] };
}
