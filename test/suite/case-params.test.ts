// Params of a case: they replace the release's, are content of the case, and take nothing that is no parameter.

import { expect, test } from 'vitest';
import { outputCap } from '../../src/core/params.ts';
import { inputText } from '../../src/report/parts/case-content.ts';
import { renderRequest } from '../../src/run/index.ts';
import { refundRelease } from '../run/refund-bot.ts';
import { caseOf, problemsOf, suiteOf } from './world.ts';

const suite = (params: string) => ({
  'suite.yaml': `name: bot\ncases:\n  - id: long\n    vars: { ticket: Tell me all }\n    grade: [{ contains: a }]\n${params}`,
});
const read = async (params: string) => caseOf(await suiteOf(suite(params)), 'long');

test('they take the place of those of the release, under whatever name it has the cap', async () => {
  const c = await read(
    '    params: { max-output-tokens: 900, stop: END, provider-options: { logit_bias: { "7": 1 } } }\n',
  );
  const release = refundRelease({ params: { temperature: 0, max_tokens: 50, 'logit-bias': {} } });
  expect(renderRequest(release, c, 0).params).toEqual({
    temperature: 0,
    'max-output-tokens': 900,
    stop: ['END'],
    logit_bias: { 7: 1 },
  });
  expect(outputCap(release, c)).toBe(900);
  expect(inputText(c)).toBe(
    'Tell me all\nparams: {"max-output-tokens":900,"stop":["END"],"logit_bias":{"7":1}}',
  );
});

test('other params make another case; none leave the hash as it was', async () => {
  const plain = await read('');
  const hot = await read('    params: { temperature: 1 }\n');
  expect(hot.contentHash).not.toBe(plain.contentHash);
  expect((await read('    params: { temperature: 0.5 }\n')).contentHash).not.toBe(hot.contentHash);
  const none = await read('    params: {}\n');
  expect(none.params).toBeUndefined();
  expect(none.contentHash).toBe(plain.contentHash);
});

test.each([
  ['{ temprature: 1 }', 'SUITE_UNKNOWN_KEY', 'temprature'],
  ['{ temperature: hot }', 'SUITE_BAD_VALUE', 'a number'],
  ['{ provider-options: { model: gpt-6 } }', 'SUITE_BAD_CASE', '"model" cannot be set as a parameter'],
  ['{ provider-options: { tools: [] } }', 'SUITE_BAD_CASE', '"tools" cannot be set'],
  ['{ dimensions: 3 }', 'SUITE_BAD_CASE', 'an embedder'],
  ['{ top-p: 1, provider-options: { top_p: 1 } }', 'SUITE_BAD_CASE', 'given twice'],
])('%s is refused with its place', async (params, code, message) => {
  const problems = await problemsOf(suite(`    params: ${params}\n`));
  expect(problems).toMatchObject([{ code, message: expect.stringContaining(message) }]);
  expect(problems[0]?.where).toMatchObject({ file: 'suite.yaml', line: 6 });
});
