import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { filterCases } from '../../src/suite/index.ts';
import { suiteOf } from './world.ts';

const DATA = join(import.meta.dirname, '../../../shared/data');
const present = existsSync(DATA);
if (!present) console.log(`skipped: no recorded data at ${DATA}`);

test.skipIf(!present)('1,000 recorded prime questions are cases by a map alone', async () => {
  const suite = await suiteOf({
    'suite.yaml': `name: prime
cases:
  - file: ${join(DATA, 'llmdrift/prime/cases.jsonl')}
    map: { id: case_id, messages: input.messages, expected: expected, tags: tags, meta: metadata }
defaults:
  grade: [{ extract: { pattern: "\\\\[(Yes|No)\\\\]", pick: last, ignore-case: true } }]
`,
  });
  expect(suite.cases).toHaveLength(1000);
  expect(suite.cases.at(0)).toMatchObject({
    id: 'prime-4888c926689d',
    expected: 'yes',
    tags: ['prime'],
    meta: { number: 17077 },
    messages: [{ role: 'user' }],
  });
  expect(filterCases(suite, 'tag:prime').cases.length + filterCases(suite, '!tag:prime').cases.length).toBe(
    1000,
  );
});

test.skipIf(!present)('one file of several prompt sets is taken apart by `where`', async () => {
  const suite = await suiteOf({
    'suite.yaml': `name: navigate
cases:
  - file: ${join(DATA, 'llm-stability/cases.jsonl')}
    map: { id: case_id, messages: input.messages, expected: expected }
    where: { prompt_set: navigate.fewshot }
defaults: { grade: [equals] }
`,
  });
  expect(suite.cases).toHaveLength(250);
});
