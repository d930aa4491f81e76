import { join } from 'node:path';
import { expect, test } from 'vitest';
import { filterCases, loadSuite } from '../../src/suite/index.ts';
import { REFUND_BOT } from './world.ts';

const suite = await loadSuite(join(REFUND_BOT, 'suite.yaml'));
const ids = (expression: string) => filterCases(suite, expression).cases.map((c) => c.id);

test.each([
  ['tag:refund', ['refund-angry-01', 'refund-late-02', 'inc-42-double-charge']],
  ['tag:refund tag:tone', ['refund-angry-01']],
  ['tag:tone,tag:tools', ['refund-angry-01', 'inc-43-tool']],
  ['tag:tone, tag:tools', ['refund-angry-01', 'inc-43-tool']],
  ['tag:refund,tag:billing !id:refund-*', ['inc-42-double-charge', 'billing-01', 'billing-02']],
  ['critical', ['refund-angry-01', 'billing-01']],
  ['critical !tag:refund', ['billing-01']],
  ['id:inc-*-tool', ['inc-43-tool']],
  ['group:ticket-8812', ['refund-angry-01']],
  ['tone', ['refund-angry-01']],
  ['billing-02', ['billing-02']],
  ['billing', ['inc-42-double-charge', 'billing-01', 'billing-02']],
])('%s keeps the right cases', (expression, kept) => {
  expect(ids(expression)).toEqual(kept);
});

test('what a term keeps and what its negation keeps make the whole suite', () => {
  for (const term of ['tag:refund', 'critical', 'id:billing-*', 'group:ticket-8812', 'colour']) {
    expect([...ids(term), ...ids(`!${term}`)].sort()).toEqual(suite.cases.map((c) => c.id).sort());
  }
});

test('a filtered suite has its own hash, and a judge only where one is asked', () => {
  const tone = filterCases(suite, 'tag:tone');
  expect(tone.hash).not.toBe(suite.hash);
  expect(tone.judgeFile).toBeNull();
  expect(filterCases(suite, 'inc-42-*').judgeFile).toBe(suite.judgeFile);
  expect(filterCases(suite, 'tag:shop').hash).toBe(suite.hash);
});

test.each([
  ['tag:refnd', 'SUITE_EMPTY_FILTER', /did you mean "refund"\? \(tags: billing, colour, invoice/],
  ['id:nobody-*', 'SUITE_EMPTY_FILTER', /^tags: billing/],
  ['tag:tone tag:tools', 'SUITE_EMPTY_FILTER', /tags: /],
  ['refund-angry-02', 'SUITE_EMPTY_FILTER', /did you mean "refund-angry-01"/],
  ['!tag:refnd', 'SUITE_UNKNOWN_TAG', /did you mean "refund"/],
  ['tga:refund', 'SUITE_BAD_FILTER', /did you mean "tag:refund"/],
  ['tag:', 'SUITE_BAD_FILTER', /write e\.g\. tag:refund/],
  ['  ', 'SUITE_BAD_FILTER', /leave it out/],
])('%j is an error with a remedy', (expression, code, hint) => {
  try {
    filterCases(suite, expression);
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code, hint: expect.stringMatching(hint) as string });
  }
});
