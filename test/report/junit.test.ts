// JUnit: failure, error and skipped are three things, several suites stand in one file, and no text can end its element.

import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import type { SuiteCheck } from '../../src/core/index.ts';
import { checkJunit, comparisonJunit } from '../../src/report/index.ts';
import { options, snapshot } from '../compare/world.ts';
import { ATTACKS, hostileCheck, hostileComparison, hostileUncompared } from './hostile-check.ts';

interface Counts {
  readonly suites: number;
  readonly cases: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
  readonly names: string[];
}

const hasPython = (() => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Read by a real XML parser: Python's expat. */
function parse(xml: string): Counts {
  const script = `
import json, sys, xml.etree.ElementTree as E
r = E.fromstring(sys.stdin.buffer.read())
n = lambda t: len(list(r.iter(t)))
print(json.dumps({"suites": n("testsuite"), "cases": n("testcase"), "failures": n("failure"), "errors": n("error"),
  "skipped": n("skipped"), "names": [c.get("name") for c in r.iter("testcase")]}))`;
  return JSON.parse(execFileSync('python3', ['-c', script], { input: xml, encoding: 'utf8' })) as Counts;
}

describe.skipIf(!hasPython)('read by an XML parser (needs python3)', () => {
  test('regressed is a failure, ungraded an error, added and removed are skipped, the rest passes', () => {
    const c = compareSnapshots(
      snapshot('before', [
        ...Array.from({ length: 30 }, (_, i) => ({ id: `calm-${i}`, trials: 'pppppp' })),
        { id: 'broken', trials: 'pppppp' },
        { id: 'unjudged', trials: 'pppppp' },
        { id: 'gone', trials: 'pppppp' },
      ]),
      snapshot('after', [
        ...Array.from({ length: 30 }, (_, i) => ({ id: `calm-${i}`, trials: 'pppppp' })),
        { id: 'broken', trials: 'ffffff' },
        { id: 'unjudged', trials: 'jjjjjj' },
        { id: 'new', trials: 'pppppp' },
      ]),
      options(),
    );
    expect(c.cases.find((d) => d.id === 'broken')?.verdict).toBe('regressed');
    const read = parse(comparisonJunit(c));
    expect(read).toMatchObject({ suites: 1, cases: 35, skipped: 2 });
    expect(read.names).toContain('broken');
    const gate = c.gate.outcome;
    expect(read.failures).toBe(1 + Number(gate === 'fail'));
    expect(read.errors).toBe(1 + Number(gate === 'inconclusive'));
  });

  test('hostile text is text: the file has our elements only', () => {
    const one = parse(comparisonJunit(hostileComparison()));
    const cases = hostileComparison().cases.length;
    expect(one).toMatchObject({ suites: 1, cases: cases + 1 });
    expect(one.names).not.toContain('owned');
    const three = parse(checkJunit(hostileCheck(3)));
    expect(three).toMatchObject({ suites: 3, cases: 3 * (cases + 1) });
    const none = parse(checkJunit(hostileUncompared()));
    expect(none).toMatchObject({
      suites: 2,
      cases: 2 + ATTACKS.length,
      failures: 1 + ATTACKS.length,
      errors: 1,
    });
  });
});

test('one case is never endless', () => {
  for (const part of checkJunit(hostileCheck(1)).split('<testcase')) expect(part.length).toBeLessThan(40_000);
});

test('nothing to check is skipped, not passed', () => {
  const base = hostileCheck(1);
  const [suite] = base.suites as [SuiteCheck];
  const quiet: SuiteCheck = {
    ...suite,
    status: 'nothing-to-check',
    verdict: 'nothing-to-check',
    gate: 'pass',
    exitCode: 0,
    comparison: null,
  };
  const xml = checkJunit({ ...base, suites: [quiet] });
  expect(xml).toContain('<skipped message=');
  expect(xml).not.toMatch(/<failure|<error/);
});
