// The rollback stories, each from the command line against the simulator: what is restored, what is refused, and why.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BisectReport, Rejection, RollbackDecision } from '../../src/core/index.ts';
import { loadRelease } from '../../src/release/index.ts';
import {
  anthropicRelease,
  BAD_PROMPT,
  deskCases,
  FALLBACK,
  GOOD_PROMPT,
  helpDesk,
  MODEL,
  openaiRelease,
} from './help-desk.ts';

const prompt = (system: string) => ({
  prompt: { system, messages: [{ role: 'user', content: '{{ question }}' }] },
});
const reasons = (d: RollbackDecision): Record<string, Rejection['reason']> =>
  Object.fromEntries(d.rejected.map((r) => [r.release, r.reason]));
const SILENT = { at: '2026-04-01', version: 'shaken' };

test('a silent provider change: the own release is refused, only the other route helps, and it is proven by running it', async () => {
  const desk = await helpDesk({
    scenario: {
      models: [
        { id: MODEL, provider: 'openai', version: 'steady', updates: [SILENT] },
        { id: FALLBACK, provider: 'anthropic', version: 'steady' },
      ],
    },
    releases: { desk: openaiRelease(), 'second-source': anthropicRelease() },
  });
  await desk.run('second-source');
  await desk.bless(await desk.run('desk'));
  desk.simulator.setDate('2026-04-02');
  await desk.run('desk');
  const { code, json } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(json).toMatchObject({
    kind: 'rollback',
    decision: 'verified',
    target: { release: 'second-source', hybrid: false, layersRestored: ['route', 'params'] },
    verification: { outcome: 'verified', recovered: 12, stillFailing: [] },
    onset: { layersChanged: [] },
    diagnosis: 'provider-side drift suspected',
  });
  expect(code).toBe(0);
  expect(reasons(json)).toEqual({ desk: 'same_as_current' });
  expect(json.reason).toContain('only another route can help');

  const history = await desk.cli('history', 'help-desk', '--json');
  expect(history.json).toMatchObject({ kind: 'history', onsets: [{ direction: 'fell', change: null }] });
  expect(history.json.onsets[0].cases).toHaveLength(12);
  expect(history.json.onsets[0].diagnosis).toContain('provider-side drift suspected');
});

test('a prompt change among innocent params and tools: bisect names the prompt, the smallest revert is verified and written', async () => {
  const tool = {
    name: 'lookup',
    description: 'Looks an order up.',
    parameters: { type: 'object', properties: {} },
  };
  const desk = await helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    releases: {
      desk: openaiRelease(),
      generous: openaiRelease({
        ...prompt(BAD_PROMPT),
        params: { temperature: 0.3, 'max-output-tokens': 500 },
        tools: { definitions: [tool], choice: 'auto' },
      }),
    },
  });
  const good = await desk.run('desk');
  await desk.bless(good);
  const bad = await desk.run('generous');

  const plan = await desk.cli<BisectReport>(
    'bisect',
    'help-desk',
    '--good',
    good,
    '--bad',
    bad,
    '--dry-run',
    '--json',
  );
  expect(plan).toMatchObject({ code: 0, json: { outcome: 'planned', callsSpent: 0 } });
  const found = await desk.cli<BisectReport>('bisect', 'help-desk', '--good', good, '--bad', bad, '--json');
  expect(found.json).toMatchObject({
    kind: 'bisect',
    layersChanged: ['prompt', 'params', 'tools'],
    outcome: 'found',
    cause: { layers: ['prompt'], minimal: true },
    cure: { layers: ['prompt'], minimal: true },
  });
  expect(found.code).toBe(0);
  expect(found.json.callsSpent).toBeGreaterThan(0);
  expect(found.json.callsSpent).toBeLessThanOrEqual(plan.json.plan?.calls.most ?? 0);

  const { json, code, stderr } = await desk.cli<RollbackDecision>(
    'rollback',
    'help-desk',
    '--write',
    'plan',
    '--json',
  );
  expect(json).toMatchObject({ decision: 'verified', target: { layersRestored: ['prompt'], hybrid: true } });
  expect(code).toBe(0);
  expect(json.target?.fingerprint).toBe(found.json.cure?.fingerprint);
  expect(json.rejected.find((r) => r.reason === 'same_as_current')?.detail).toBe(
    'this is the release that is failing now',
  );
  expect(json.reason).not.toContain('another route');
  for (const r of json.rejected.filter((x) => x.reason === 'verification_failed'))
    expect(r.detail).toMatch(/passes \d+ of \d+ trials/);
  const restored = await loadRelease(join(desk.dir, 'plan/release.yaml'));
  expect(restored.fingerprint).toBe(json.target?.fingerprint);
  expect(restored.layers.params).toEqual({ temperature: 0.3, 'max-output-tokens': 500 });
  expect(JSON.parse(await readFile(join(desk.dir, 'plan/rollback.json'), 'utf8'))).toEqual(json);
  const runbook = await readFile(join(desk.dir, 'plan/runbook.md'), 'utf8');
  expect(runbook).toContain('10 % of the traffic for 30 minutes');
  expect(runbook).toContain(GOOD_PROMPT);
  const customers = runbook.slice(runbook.indexOf('## 5'));
  expect(customers).not.toMatch(/gpt|openai|prompt|model|lastgood/i);
  expect(stderr).toContain('runbook.md');

  const file = await desk.cli<RollbackDecision>(
    'rollback',
    'help-desk',
    '--write',
    'restored.yaml',
    '--json',
  );
  expect((await loadRelease(join(desk.dir, 'restored.yaml'))).fingerprint).toBe(
    file.json.target?.fingerprint,
  );
});

test('two layers that only together break: bisect finds the pair, and putting back one of them cures it', async () => {
  const desk = await helpDesk({
    scenario: {
      effects: [
        {
          when: { promptContains: 'Always refund', temperatureAbove: 0.8 },
          tags: ['refund'],
          skill: { set: 0.05 },
        },
      ],
    },
    releases: {
      desk: openaiRelease(),
      both: openaiRelease({
        ...prompt(BAD_PROMPT),
        params: { temperature: 0.9 },
        automation: { mode: 'draft' },
      }),
    },
  });
  const good = await desk.run('desk');
  await desk.bless(good);
  const bad = await desk.run('both');
  const { json } = await desk.cli<BisectReport>(
    'bisect',
    'help-desk',
    '--good',
    good,
    '--bad',
    bad,
    '--json',
  );
  expect(json).toMatchObject({ outcome: 'found', cause: { layers: ['prompt', 'params'] } });
  expect(json.cure?.layers).toHaveLength(1);
  expect(json.cause?.reason).toContain('together');
  const text = await desk.cli('bisect', 'help-desk', '--good', good, '--bad', bad, '--max-calls', '40');
  expect(text.code).toBe(3);
  expect(text.stdout).toMatch(/INCONCLUSIVE .*limit of calls|cut short/);
  const rollback = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(rollback.json).toMatchObject({ decision: 'verified', target: { hybrid: true } });
  expect(rollback.json.target?.layersRestored).toHaveLength(1);
});

test('a target from two weeks ago that already had the regression is refused with its numbers', async () => {
  const desk = await helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    releases: {
      desk: openaiRelease(),
      'two-weeks-ago': openaiRelease(prompt(`${BAD_PROMPT} Sign with your name.`)),
      today: openaiRelease(prompt(`${BAD_PROMPT} Sign with the shop's name.`)),
    },
  });
  const good = await desk.run('desk');
  await desk.bless(good);
  await desk.run('two-weeks-ago');
  await desk.run('today');
  const { json, stdout } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(json, stdout).toMatchObject({ decision: 'verified', target: { release: 'desk' } });
  const refused = json.rejected.find((r) => r.release === 'two-weeks-ago');
  expect(refused?.reason).toMatch(/contained_regression|after_onset/);
  const earlier = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--no-verify', '--json');
  expect(earlier).toMatchObject({
    code: 3,
    json: { decision: 'unverified', target: { release: 'desk' }, callsSpent: 0 },
  });
  expect(earlier.json.verification).toBeNull();
});

test('a retired model is refused, whether the catalogue says so or the first call does; with nothing else left the answer is none', async () => {
  const desk = await helpDesk({
    scenario: {
      models: [
        { id: MODEL, provider: 'openai', version: 'shaken' },
        { id: 'gpt-desk-2025-06-01', provider: 'openai', version: 'steady', retires: '2026-05-01' },
        { id: 'claude-desk-4-5-20250901', provider: 'anthropic', version: 'steady', retires: '2026-05-01' },
      ],
    },
    releases: {
      old: openaiRelease({
        route: {
          provider: 'openai',
          api: 'responses',
          model: 'gpt-desk-2025-06-01',
          'base-url': { env: 'DESK_OPENAI_URL' },
        },
      }),
      'old-elsewhere': anthropicRelease({
        route: {
          provider: 'anthropic',
          model: 'claude-desk-4-5-20250901',
          'base-url': { env: 'DESK_ANTHROPIC_URL' },
        },
      }),
      new: openaiRelease(),
    },
  });
  await desk.run('old-elsewhere');
  await desk.bless(await desk.run('old'));
  await desk.run('new');
  desk.simulator.setDate('2026-05-02');
  const { json, code } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(code).toBe(5);
  expect(json).toMatchObject({ decision: 'none', target: null });
  expect(reasons(json)).toEqual({
    old: 'retired_model',
    'old-elsewhere': 'retired_model',
    new: 'same_as_current',
  });
  expect(json.callsSpent).toBeLessThan(40);
});

test('a target that was good but is no longer: the provider moved under it too', async () => {
  const desk = await helpDesk({
    scenario: {
      models: [
        { id: MODEL, provider: 'openai', version: 'steady', updates: [SILENT] },
        {
          id: FALLBACK,
          provider: 'anthropic',
          version: 'steady',
          updates: [{ at: '2026-04-01', version: 'lost' }],
        },
      ],
    },
    // Only the delivery cases of the fallback break, which a probe of the refund cases cannot see.
    releases: { desk: openaiRelease(), 'second-source': anthropicRelease() },
  });
  await desk.run('second-source');
  await desk.bless(await desk.run('desk'));
  desk.simulator.setDate('2026-04-02');
  await desk.run('desk');
  const { json, code } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(code).toBe(5);
  expect(json.decision).toBe('none');
  const refused = json.rejected.find((r) => r.release === 'second-source');
  expect(refused?.reason).toBe('verification_failed');
  expect(refused?.detail).toMatch(/run fresh as|probed as/);
  expect(json.reason).toContain('all 2 candidates were refused');
});

test('the same with damage the incident does not show: the candidate is compared with its own stored snapshot', async () => {
  const desk = await helpDesk({
    scenario: {
      versions: {
        steady: { skill: 1 },
        shaken: { skill: { default: 1, refund: 0.05 } },
        'late-deliveries': { skill: { default: 1, delivery: 0.1 } },
      },
      models: [
        { id: MODEL, provider: 'openai', version: 'steady', updates: [SILENT] },
        {
          id: FALLBACK,
          provider: 'anthropic',
          version: 'steady',
          updates: [{ at: '2026-04-01', version: 'late-deliveries' }],
        },
      ],
    },
    releases: { desk: openaiRelease(), 'second-source': anthropicRelease() },
  });
  const stored = await desk.run('second-source');
  await desk.bless(await desk.run('desk'));
  desk.simulator.setDate('2026-04-02');
  await desk.run('desk');
  const { json, code } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(code).toBe(5);
  const refused = json.rejected.find((r) => r.release === 'second-source');
  expect(refused).toMatchObject({ reason: 'verification_failed' });
  expect(refused?.detail).toContain(`it was good in ${stored}`);
  expect(refused?.detail).toContain('but is no longer');
});

test('nothing regressed: none, exit 5, and the reason says so', async () => {
  const desk = await helpDesk({ releases: { desk: openaiRelease() } });
  await desk.bless(await desk.run('desk'));
  await desk.run('desk');
  const { json, code } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(code).toBe(5);
  expect(json).toMatchObject({ decision: 'none', callsSpent: 0 });
  expect(json.reason).toContain('nothing to cure');
});

test('the judge changed in between: it says that the exam differs and how to regrade, instead of guessing', async () => {
  const judge = (model: string) => ({
    route: { provider: 'openai', api: 'responses', model, 'base-url': { env: 'DESK_OPENAI_URL' } },
  });
  const desk = await helpDesk({
    scenario: {
      models: [
        { id: MODEL, provider: 'openai', version: 'steady', updates: [SILENT] },
        { id: 'gpt-judge-2026-01-01', provider: 'openai', version: 'steady' },
        { id: 'gpt-judge-2026-02-01', provider: 'openai', version: 'steady' },
      ],
      judge: {
        criteria: [{ ask: 'kind regards', yesWhen: { textContains: 'kind regards' } }],
        otherwise: 'no',
      },
    },
    cases: deskCases(() => ({
      grade: [{ rubric: [{ id: 'kind', ask: 'Does the reply end with kind regards?', must: true }] }],
    })),
    suite: { judge: 'judge.yaml' },
    releases: { desk: openaiRelease() },
  });
  await desk.write('judge.yaml', judge('gpt-judge-2026-01-01'));
  await desk.write('new-judge.yaml', judge('gpt-judge-2026-02-01'));
  await desk.bless(await desk.run('desk'));
  desk.simulator.setDate('2026-04-02');
  const after = await desk.run('desk', '--judge', 'new-judge.yaml');
  const { json, code } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(code).toBe(5);
  expect(json.reason).toContain('judge');
  expect(json.reason).toContain(`lastgood regrade ${after}`);
  const bisect = await desk.cli('bisect', 'help-desk', '--good', 'baseline', '--bad', after, '--json');
  expect(bisect).toMatchObject({ code: 3, json: { outcome: 'nothing', callsSpent: 0 } });
});

test('another embedding: not called verified until the check of the index built from it passes', async () => {
  const dependents = [
    {
      name: 'kb-index',
      'built-from': 'retrieval',
      check: 'node check-index.mjs',
      rebuild: 'node build-index.mjs',
    },
  ];
  const retrieval = (index: string, embedding: string) => ({ retrieval: { index, embedding }, dependents });
  const desk = await helpDesk({
    scenario: {
      // While the new index answers, refunds go wrong; it is back on the old one when the target is verified.
      models: [
        {
          id: MODEL,
          provider: 'openai',
          version: 'steady',
          updates: [SILENT, { at: '2026-04-10', version: 'steady' }],
        },
      ],
    },
    releases: {
      desk: openaiRelease(retrieval('kb-2026-01', 'embed-small')),
      reindexed: openaiRelease(retrieval('kb-2026-04', 'embed-large')),
    },
  });
  await desk.write(
    'check-index.mjs',
    `import { readFileSync } from 'node:fs';
const built = JSON.parse(readFileSync('index.json', 'utf8')).embedding;
console.log('built with', built, 'key', process.env.OPENAI_API_KEY);
process.exit(built === process.env.LASTGOOD_EMBEDDING ? 0 : 1);`,
  );
  await desk.write('index.json', '{"embedding":"embed-large"}');
  await desk.bless(await desk.run('desk'));
  desk.simulator.setDate('2026-04-02');
  const incident = await desk.run('reindexed');
  desk.simulator.setDate('2026-04-11');

  const first = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(first.code).toBe(3);
  expect(first.json).toMatchObject({
    decision: 'unverified',
    verification: { outcome: 'verified' },
    target: { layersRestored: ['retrieval'], dependentStates: [{ name: 'kb-index', state: 'not-checked' }] },
  });
  expect(first.json.reason).toContain('mixed state');
  expect(first.json.steps.join('\n')).toContain('lastgood rollback verify-state help-desk');

  const misfit = await desk.cli('rollback', 'verify-state', 'help-desk', '--json');
  expect(misfit).toMatchObject({
    code: 1,
    json: { checks: [{ name: 'kb-index', outcome: 'does-not-fit', exitCode: 1 }] },
  });
  expect(misfit.stdout).toContain('built with embed-large');
  expect(misfit.stdout).not.toContain('sk-desk-key');
  const second = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--from', incident, '--json');
  expect(second).toMatchObject({ code: 3, json: { decision: 'unverified' } });
  expect(second.json.reason).toContain('does not fit');

  await desk.write('index.json', '{"embedding":"embed-small"}');
  expect((await desk.cli('rollback', 'verify-state', 'help-desk')).stdout).toContain('fits');
  const third = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--from', incident, '--json');
  expect(third).toMatchObject({ code: 0, json: { decision: 'verified' } });

  const withdrawn = await desk.cli(
    'list',
    '--fingerprint',
    third.json.current.fingerprint.slice(0, 8),
    '--json',
  );
  expect(withdrawn.json.snapshots.map((s: { id: string }) => s.id)).toContain(incident);
  expect(withdrawn.json.decisions.map((d: { role: string }) => d.role)).toEqual([
    'incident',
    'incident',
    'incident',
  ]);
});

test('a degraded history: a run that was cut short is no evidence, and its release is refused with the reason', async () => {
  const desk = await helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    releases: {
      desk: openaiRelease(),
      'cut-short': openaiRelease({ params: { temperature: 0.1 } }),
      generous: openaiRelease(prompt(BAD_PROMPT)),
    },
  });
  await desk.bless(await desk.run('desk'));
  await desk.run('cut-short', '--max-calls', '30');
  await desk.run('generous');
  const { json } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(json).toMatchObject({ decision: 'verified', target: { release: 'desk' } });
  const refused = json.rejected.find((r) => r.release === 'cut-short');
  expect(refused).toMatchObject({ reason: 'degraded_snapshot' });
  expect(refused?.detail).toContain('limit of calls');
});

test('a budget that ends before the proof leaves the best candidate unverified and says so', async () => {
  const desk = await helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    releases: { desk: openaiRelease(), generous: openaiRelease(prompt(BAD_PROMPT)) },
  });
  await desk.bless(await desk.run('desk'));
  await desk.run('generous');
  const { json, code } = await desk.cli<RollbackDecision>(
    'rollback',
    'help-desk',
    '--max-calls',
    '50',
    '--json',
  );
  expect(code).toBe(3);
  expect(json).toMatchObject({ decision: 'unverified', target: { release: 'desk' } });
  expect(json.callsSpent).toBeLessThanOrEqual(50);
  expect(json.reason).toContain('limit of 50 calls');
});
