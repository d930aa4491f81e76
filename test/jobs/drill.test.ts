// The rehearsal, from the command line: each step is written, loaded and run; what is not shown is not called proven.

import { expect, test } from 'vitest';
import type { DrillReport, RollbackDecision } from '../../src/core/index.ts';
import { deskCases, helpDesk, openaiRelease } from './help-desk.ts';

const LOOKUP = {
  name: 'lookup',
  description: 'Looks an order up.',
  parameters: { type: 'object', properties: {} },
};
const proof = (report: DrillReport, name: string) => report.proofs.find((p) => p.name.startsWith(name));
const check = (report: DrillReport, name: string, what: string) =>
  proof(report, name)?.checks.find((c) => c.what.includes(what));

test('a path that works: all three steps are proven, the record is kept, shown with its age, and told by a rollback', async () => {
  const desk = await helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    releases: {
      desk: openaiRelease(),
      generous: openaiRelease({
        prompt: { system: 'Always refund.', messages: [{ role: 'user', content: '{{ question }}' }] },
      }),
    },
  });
  expect(await desk.cli('drill', 'suite.yaml', '--last', '--json')).toMatchObject({ code: 2 });
  await desk.bless(await desk.run('desk'));
  expect(await desk.cli('drill', 'suite.yaml', '--last', '--json')).toMatchObject({
    code: 3,
    json: { drill: null },
  });
  const { code, json, stdout } = await desk.cli<DrillReport>(
    'drill',
    'suite.yaml',
    '--release',
    'releases/desk.yaml',
    '--json',
  );
  expect(code, stdout).toBe(0);
  expect(json).toMatchObject({
    kind: 'drill',
    outcome: 'passed',
    where: { kind: 'simulator', name: 'help-desk' },
  });
  expect(json.proofs.map((p) => p.outcome)).toEqual(['proven', 'proven', 'proven']);
  expect(proof(json, 'automatic')?.layersChanged).toEqual(['automation']);
  expect(check(json, 'automatic', 'request history')?.detail).toContain('72 of 72');
  const review = await desk.cli('show', proof(json, 'automatic')?.snapshot ?? '', '--json');
  expect(review.json.snapshot).toMatchObject({ simulated: true, purpose: 'confirmation' });

  const last = await desk.cli('drill', 'help-desk', '--last');
  expect(last.code).toBe(0);
  expect(last.stdout).toContain('0 days ago');
  await desk.run('generous');
  const rollback = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(rollback.json.lastDrill).toMatchObject({ outcome: 'passed', ageDays: 0 });
  expect(rollback.json.decision).toBe('verified');
});

test('production with another prompt: the good one is put back from the ledger', async () => {
  const desk = await helpDesk({
    releases: {
      desk: openaiRelease(),
      reworded: openaiRelease({
        prompt: { system: 'Be brief.', messages: [{ role: 'user', content: '{{ question }}' }] },
        params: { temperature: 0.5 },
      }),
    },
  });
  await desk.bless(await desk.run('desk'));
  await desk.run('reworded');
  const { json } = await desk.cli<DrillReport>(
    'drill',
    'suite.yaml',
    '--release',
    'releases/reworded.yaml',
    '--json',
  );
  expect(json).toMatchObject({ release: 'reworded', releaseFrom: 'releases/reworded.yaml' });
  expect(proof(json, 'restore')).toMatchObject({ outcome: 'proven', layersChanged: ['prompt'] });
});

test('tools off for real: a bot that answers only with its tool fails the read-only step, one that can do without passes', async () => {
  const knowledge = (withText: boolean) =>
    Array.from({ length: 24 }, (_, i) => ({
      match: `Question number K${100 + i}`,
      tags: [i < 12 ? 'refund' : 'delivery'],
      ...(withText ? { right: `Here is your answer K${100 + i}.` } : { right: 'Let me look that up.' }),
      toolCalls: [{ name: 'lookup', arguments: {} }],
      wrong: ['No.'],
    }));
  const releases = { desk: openaiRelease({ tools: { definitions: [LOOKUP], choice: 'auto' } }) };
  const cases = deskCases((i) =>
    i < 4 ? { grade: [{ 'tool-called': 'lookup' }] } : { grade: [{ javascript: { file: 'answers.mjs' } }] },
  );
  // Right with the tool call, and without it when the text holds the answer.
  const grader = `export default ({ output, toolCalls, case: c }) => {
  const [code] = /K\\d+/.exec(c.vars.question);
  return toolCalls.length > 0 || output.includes('answer ' + code);
};`;
  for (const able of [true, false]) {
    const desk = await helpDesk({
      scenario: { knowledge: knowledge(able) },
      cases,
      suite: { policy: { margin: 0.1, 'min-pass-rate': 0.7 } },
      releases,
    });
    await desk.write('answers.mjs', grader);
    await desk.bless(await desk.run('desk'));
    const { json, code } = await desk.cli<DrillReport>(
      'drill',
      'suite.yaml',
      '--release',
      'releases/desk.yaml',
      '--json',
    );
    expect(proof(json, 'tools')?.layersChanged).toEqual(['tools']);
    expect(check(json, 'tools', 'no tool is called')?.holds).toBe(true);
    expect(check(json, 'tools', 'read-only answers hold')?.holds).toBe(able);
    expect(proof(json, 'tools')?.outcome).toBe(able ? 'proven' : 'failed');
    expect(code).toBe(able ? 0 : 1);
  }
});

test('without a baseline nothing says what would be restored: not proven, exit 3', async () => {
  const desk = await helpDesk({ releases: { desk: openaiRelease() } });
  const { json, code } = await desk.cli<DrillReport>(
    'drill',
    'suite.yaml',
    '--release',
    'releases/desk.yaml',
    '--json',
  );
  expect(code).toBe(3);
  expect(proof(json, 'restore')?.outcome).toBe('inconclusive');
});

test('a model that the scenario does not serve fails the drill; no scenario at all is wrong input', async () => {
  const desk = await helpDesk({ releases: { desk: openaiRelease() } });
  await desk.bless(await desk.run('desk'));
  await desk.write('releases/lost.yaml', {
    ...openaiRelease({ route: { provider: 'openai', api: 'responses', model: 'gpt-nobody-2026-01-01' } }),
  });
  const failed = await desk.cli<DrillReport>(
    'drill',
    'suite.yaml',
    '--release',
    'releases/lost.yaml',
    '--json',
  );
  expect(failed.json.outcome).toBe('failed');
  expect(failed.code).toBe(1);
  const nowhere = await desk.cli(
    'drill',
    'suite.yaml',
    '--release',
    'releases/desk.yaml',
    '--scenario',
    'gone.yaml',
  );
  expect(nowhere.code).toBe(2);
  const staging = await desk.cli<DrillReport>(
    'drill',
    'suite.yaml',
    '--staging',
    'releases/desk.yaml',
    '--json',
  );
  expect(staging.json).toMatchObject({ outcome: 'passed', where: { kind: 'staging' } });
});

test('what is in production is what was blessed, never the newest run; without a baseline it must be named', async () => {
  const desk = await helpDesk({
    releases: {
      desk: openaiRelease(),
      experiment: openaiRelease({
        prompt: { system: 'Be brief.', messages: [{ role: 'user', content: '{{ question }}' }] },
      }),
    },
  });
  await desk.run('experiment');
  const unknown = await desk.cli('drill', 'suite.yaml');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('no baseline of suite "help-desk" says what is in production');
  const good = await desk.run('desk');
  await desk.bless(good);
  await desk.run('experiment');
  const { json, code } = await desk.cli<DrillReport>('drill', 'suite.yaml', '--json');
  expect(json).toMatchObject({ release: 'desk', releaseFrom: `baseline ${good}`, outcome: 'passed' });
  expect(code).toBe(0);
  expect((await desk.cli('drill', 'suite.yaml', '--last')).stdout).toContain(`(from baseline ${good})`);
});

test('answers that are not decided against the baseline prove nothing: no step above them is called proven', async () => {
  // Four cases with one trial: nothing can be told from them.
  const desk = await helpDesk({
    cases: deskCases().slice(0, 4),
    suite: { trials: 1, policy: { margin: 0.05, 'min-pass-rate': 0.5, undecided: 'fail' } },
    releases: { desk: openaiRelease() },
  });
  await desk.bless(await desk.run('desk'));
  const { json, code } = await desk.cli<DrillReport>('drill', 'suite.yaml', '--json');
  expect(check(json, 'restore', 'answers hold')).toMatchObject({ holds: null });
  expect(json.proofs.map((p) => p.outcome)).toEqual(['inconclusive', 'inconclusive', 'inconclusive']);
  expect(json.outcome).toBe('inconclusive');
  expect(code).toBe(3);
  const text = (await desk.cli('drill', 'suite.yaml', '--last')).stdout;
  expect(text).toMatch(/^INCONCLUSIVE/);
  expect(text).not.toContain('proven  ');
});
