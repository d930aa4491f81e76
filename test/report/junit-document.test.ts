// JUnit documents hold model output: whatever it is, the document stays one.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { junitDocument } from '../../src/report/ci/junit-document.ts';

test('texts of any kind neither end their element nor bring in what XML cannot hold', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const hostile = `${text}]]></system-out><testcase/>&\u0000\ud800\ufffe"'${text}`;
      const document = junitDocument([
        {
          name: hostile,
          properties: { verdict: hostile },
          tests: [{ name: hostile, failure: { message: hostile, type: hostile }, output: hostile }],
        },
      ]);
      expect(document.match(/<[a-z?]/g)).toHaveLength(8);
      expect(document).not.toMatch(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
    }),
    { numRuns: 50 },
  );
});

test('the counts stand on the document and on each suite', () => {
  const tests = [
    { name: 'a' },
    { name: 'b', error: { message: 'm', type: 't' } },
    { name: 'c', skipped: 'why' },
  ];
  const suite = { properties: { verdict: 'v' }, tests };
  const document = junitDocument([
    { name: 'one', ...suite },
    { name: 'two', ...suite },
  ]);
  expect(document).toContain('<testsuites tests="6" failures="0" errors="2" skipped="2">');
  expect(document).toContain('<testsuite name="two" tests="3" failures="0" errors="1" skipped="1">');
  expect(document).toContain('<skipped message="why"/>');
});
