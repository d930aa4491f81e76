// Drafts in a check: cases without a grader are run and shown, and decide nothing.

import { expect, it } from 'vitest';
import { BAD_PROMPT, deskCases, helpDesk, openaiRelease } from './help-desk.ts';

const CASES = deskCases().slice(0, 8);
const DRAFT = { id: 'open-question', vars: { question: 'Question number K100 about my order' }, draft: true };

it('a draft neither gates nor hides: nothing fails for a good release, a bad one fails, and an added draft is no new case', async () => {
  const d = await helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    cases: CASES,
    releases: {
      desk: openaiRelease(),
      generous: openaiRelease({
        prompt: { system: BAD_PROMPT, messages: [{ role: 'user', content: '{{ question }}' }] },
      }),
    },
  });
  await d.bless(await d.run('desk'));
  const policy = { margin: 0.1, 'min-pass-rate': 0.8 };
  await d.write('suite.yaml', { name: 'help-desk', trials: 3, policy, cases: [...CASES, DRAFT] });
  const check = (release: string) =>
    d.cli('check', 'suite.yaml', '--release', `releases/${release}.yaml`, '--tier', 'smoke', '--json');

  const good = await check('desk');
  // Eight cases are too few for a proof; nothing fails.
  expect(good.json.gate.outcome, good.stderr).not.toBe('fail');
  const [checked] = good.json.suites;
  // It has no grade, so it is neither a new case with a floor nor one that could not be graded.
  expect(checked.firstRun?.cases ?? []).toEqual([]);
  expect(JSON.stringify(checked.comparison.cases)).not.toContain('open-question');
  expect(checked.comparison.coverage.ungraded ?? []).toEqual([]);
  const { candidate } = checked.comparison;
  // It was asked all the same, and its answer can be read.
  const shown = await d.cli('show', candidate.id, '--case', 'open-question');
  expect(shown.code, shown.stderr).toBe(0);
  expect(shown.stdout).toContain('open-question');

  const bad = await check('generous');
  expect(bad.code, bad.stderr).toBe(1);
  expect(bad.json.gate.rules.filter((r: { rule: string }) => r.rule.includes('open-question'))).toEqual([]);
}, 120_000);
