// Who judges and what is asked of them: `judge`, `panel`, ready-made questions and the user's own.

import { expect, test } from 'vitest';
import { READY_JUDGE_NAMES, READY_JUDGES } from '../../src/core/ready-judges.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { folder, oneCase, problemsOf, suiteOf } from './world.ts';

const JUDGES = { 'strict.yaml': 'name: strict\n', 'mild.yaml': 'name: mild\n' };
const ASK = '[{ rubric: [{ id: kind, ask: "Is it kind?" }] }]';

const one = async (grade: string, rest = 'judge: strict.yaml\n', files = {}): ReturnType<typeof suiteOf> =>
  suiteOf({ ...oneCase(grade, rest), ...JUDGES, ...files });
const wrong = async (
  grade: string,
  rest = 'judge: strict.yaml\n',
  files = {},
): ReturnType<typeof problemsOf> => problemsOf({ ...oneCase(grade, rest), ...JUDGES, ...files });

test('a judge may be named plainly, with its votes, or as a panel', async () => {
  const plain = await one(ASK);
  expect(plain.judgeFile).toMatch(/strict\.yaml$/);
  expect(plain).not.toHaveProperty('judgeVotes');
  expect(await one(ASK, 'judge: { release: mild.yaml, votes: 3 }\n')).toMatchObject({
    judgeFile: expect.stringMatching(/mild\.yaml$/),
    judgeVotes: 3,
  });
  expect((await one(ASK, 'panel: [strict.yaml, mild.yaml]\n')).panelFiles).toEqual([
    expect.stringMatching(/strict\.yaml$/),
    expect.stringMatching(/mild\.yaml$/),
  ]);
  expect(await one('[{ contains: x }]', 'panel: [strict.yaml, mild.yaml]\n')).toMatchObject({
    judgeFile: null,
  });
});

test('what is wrong with judge and panel is said at its place', async () => {
  expect(await wrong(ASK, 'panel: [strict.yaml, nobody.yaml]\n')).toMatchObject([
    { code: 'SUITE_UNREADABLE', where: { line: 2, key: 'panel' } },
  ]);
  expect(await wrong(ASK, 'panel: [strict.yaml, strict.yaml]\n')).toMatchObject([
    { code: 'SUITE_TWO_JUDGES' },
  ]);
  expect(await wrong(ASK, 'judge: mild.yaml\npanel: [strict.yaml, mild.yaml]\n')).toMatchObject([
    { code: 'SUITE_TWO_JUDGES', where: { line: 3, key: 'panel' } },
  ]);
  expect(await wrong(ASK, 'panel: [strict.yaml]\n')).toMatchObject([{ where: { line: 2 } }]);
  expect(await wrong(ASK, 'judge: { release: mild.yaml, votes: 0 }\n')).toMatchObject([
    { where: { line: 2 } },
  ]);
});

test('a ready-made question comes with its whole wording, so that the wording is part of the exam', async () => {
  for (const use of READY_JUDGE_NAMES) {
    const needsContext = READY_JUDGES[use].needs.includes('context');
    const grade = needsContext ? `[{ judge: { use: ${use}, context: policy } }]` : `[{ judge: ${use} }]`;
    const suite = await suiteOf({
      'suite.yaml': `name: refund-bot\njudge: strict.yaml\ncases:\n  - { id: angry, expected: sorry, vars: { policy: p }, grade: ${grade} }\n`,
      ...JUDGES,
    });
    const { about: _about, ...question } = READY_JUDGES[use];
    expect(suite.cases.at(0)?.graders).toEqual([
      {
        type: 'judge',
        id: 'judge',
        negate: false,
        weight: 1,
        required: true,
        options: { ...question, context: needsContext ? 'policy' : null },
      },
    ]);
  }
});

test('a question of the user own is read from its file, and its text is part of the exam', async () => {
  const file = (score: number): string =>
    `name: apology\nask: How does it apologise?\nchoices:\n  - { choice: owns, meaning: it says sorry, score: 1 }\n  - { choice: dodges, meaning: it does not, score: ${score} }\n`;
  const grade = '[{ judge: { file: apology.yaml, weight: 2 } }]';
  const suite = await one(grade, 'judge: strict.yaml\n', { 'apology.yaml': file(0) });
  expect(suite.cases.at(0)?.graders[0]).toMatchObject({
    weight: 2,
    options: { name: 'apology', threshold: 1, kind: 'single' },
  });
  const other = await one(grade, 'judge: strict.yaml\n', { 'apology.yaml': file(0.2) });
  expect(other.cases.at(0)?.gradersHash).not.toBe(suite.cases.at(0)?.gradersHash);

  const problem = async (text: string): Promise<unknown> =>
    (await wrong(grade, 'judge: strict.yaml\n', { 'apology.yaml': text }))[0];
  expect(await problem(file(1))).toMatchObject({
    code: 'SUITE_BAD_JUDGE',
    message: 'every choice passes, so nothing could ever fail',
  });
  expect(await problem(file(0).replace('score: 1', 'score: 0.5'))).toMatchObject({
    message: 'no choice reaches the threshold, so nothing could ever pass',
  });
  expect(await problem(file(0).replace('dodges', 'Owns'))).toMatchObject({
    message: 'the choice "owns" is listed twice',
  });
  expect(await problem(file(0).replace('ask:', 'asks:'))).toMatchObject({ where: { file: 'apology.yaml' } });
});

test('what a judge lacks is known before anything is run', async () => {
  expect(await wrong('[{ judge: factuality }]')).toMatchObject([
    {
      code: 'SUITE_NO_EXPECTED',
      message: 'the judge "factuality" compares with `expected`, and the case has none',
    },
  ]);
  expect(await wrong('[{ judge: groundedness }]')).toMatchObject([
    {
      code: 'SUITE_BAD_JUDGE',
      hint: expect.stringContaining('write judge: { use: groundedness, context: VARIABLE }') as string,
    },
  ]);
  expect(await wrong('[{ judge: { use: tone, context: policy } }]')).toMatchObject([
    { code: 'SUITE_BAD_JUDGE' },
  ]);
  expect(await wrong('[{ judge: { use: tone, file: tone.yaml } }]')).toMatchObject([
    { code: 'SUITE_BAD_JUDGE' },
  ]);
  expect(await wrong('[{ judge: {} }]')).toMatchObject([{ code: 'SUITE_BAD_JUDGE' }]);
  expect(await wrong('[{ judge: kindness }]')).toHaveLength(1);
  expect(await wrong('[{ rubric: [{ id: a, check: { judge: tone } }] }]')).toMatchObject([
    { code: 'SUITE_BAD_GRADER', hint: 'write the question as `ask`' },
  ]);
  expect(await wrong('[{ judge: tone }]', '')).toMatchObject([{ code: 'SUITE_NO_JUDGE' }]);
});

test('a suite loaded twice has one hash, judges or not', async () => {
  const dir = await folder({ ...oneCase('[{ judge: tone }]', 'judge: strict.yaml\n'), ...JUDGES });
  expect((await loadSuite(`${dir}/suite.yaml`)).hash).toBe((await loadSuite(`${dir}/suite.yaml`)).hash);
});
