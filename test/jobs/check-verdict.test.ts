// Several suites, one answer: the worst of them, and no green without evidence.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CheckExitCode, Gate, SuiteCheck } from '../../src/core/index.ts';
import { combine, ruleOffline } from '../../src/jobs/check/check-verdict.ts';

const OUTCOMES: readonly { exitCode: CheckExitCode; gate: Gate['outcome']; status: SuiteCheck['status'] }[] =
  [
    { exitCode: 0, gate: 'pass', status: 'nothing-to-check' },
    { exitCode: 0, gate: 'inconclusive', status: 'not-evaluated' },
    { exitCode: 1, gate: 'fail', status: 'compared' },
    { exitCode: 3, gate: 'inconclusive', status: 'no-baseline' },
    { exitCode: 4, gate: 'inconclusive', status: 'failed' },
    { exitCode: 130, gate: 'inconclusive', status: 'interrupted' },
  ];

function suite(name: string, outcome: (typeof OUTCOMES)[number]): SuiteCheck {
  return {
    suite: name,
    place: { file: `suites/${name}/suite.yaml`, line: 1 },
    ...outcome,
    verdict: outcome.status === 'compared' ? 'regressed' : outcome.status,
    reason: `because of ${name}`,
    scope: { mode: 'all', base: null, why: 'every case', cases: 1, affected: 1, removed: [] },
    baseline: null,
    candidate: null,
    confirmation: null,
    estimate: null,
    calls: 0,
    costUsd: 0,
    offline: null,
    firstRun: [],
    comparison: null,
    places: {},
    next: null,
  };
}

test('the exit code is that of the worst suite, whatever their order', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...OUTCOMES), { minLength: 1, maxLength: 6 }), (outcomes) => {
      const suites = outcomes.map((o, i) => suite(`suite-${i}`, o));
      const forward = combine(suites, []);
      const backward = combine([...suites].reverse(), []);
      expect(backward.exitCode).toBe(forward.exitCode);
      expect(backward.verdict).toBe(forward.verdict);
      const codes = outcomes.map((o) => o.exitCode);
      expect(codes).toContain(forward.exitCode);
      expect(forward.exitCode === 0).toBe(codes.every((c) => c === 0));
      if (codes.includes(1)) expect(forward.exitCode).toBe(1);
      expect(forward.gate.outcome === 'pass').toBe(outcomes.every((o) => o.gate === 'pass'));
      expect(forward.gate.outcome === 'fail').toBe(outcomes.some((o) => o.gate === 'fail'));
    }),
  );
});

test('no suite at all is no green', () => {
  expect(combine([], [])).toMatchObject({ exitCode: 3, gate: { outcome: 'inconclusive' } });
});

test('a broken exam is not excused by --offline-ok', () => {
  const offline = {
    missing: 'no key',
    cases: 1,
    answers: 1,
    passed: 0,
    removed: 0,
    needExaminer: 0,
    changed: [],
    broken: [],
  };
  expect(ruleOffline(offline, true).exitCode).toBe(0);
  expect(ruleOffline(offline, false).exitCode).toBe(3);
  const broken = { ...offline, broken: [{ case: 'refund', reason: 'the function threw' }] };
  expect(ruleOffline(broken, true).exitCode).toBe(3);
});
