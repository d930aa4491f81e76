// Several releases as one table, and running only what failed.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';

/** Answers `right` unless the model or the prompt cannot do the case; `clever` does all of them. */
const BOT = `let t = '';
process.stdin.on('data', (d) => { t += d; }).on('end', () => {
  const { case_id: id, messages } = JSON.parse(t);
  const [model] = process.argv.slice(2);
  const system = messages.find((m) => m.role === 'system').content;
  const fails = (id === 'hard' && model === 'small') || (id === 'long' && system.includes('short')) || system.includes('lost');
  console.log(JSON.stringify({ output: fails ? 'wrong' : 'right', cost_usd: 0.25 }));
});
`;

const CASES = ['easy', 'hard', 'long', 'plain'];

async function project(folder: string): Promise<void> {
  await writeFile(join(folder, 'bot.mjs'), BOT);
  const suite = {
    name: 'desk',
    trials: 2,
    cases: CASES.map((id) => ({ id, vars: { q: id }, grade: [{ equals: 'right' }] })),
  };
  await writeFile(join(folder, 'suite.yaml'), JSON.stringify(suite));
  await release(folder, 'full-small', 'small', 'Answer in full.');
  await release(folder, 'full-large', 'large', 'Answer in full.');
  await release(folder, 'short-small', 'small', 'Be short.');
  await release(folder, 'short-large', 'large', 'Be short.');
}

async function release(folder: string, name: string, model: string, system: string): Promise<void> {
  const text = {
    route: { provider: 'command', command: ['node', 'bot.mjs', model], model },
    prompt: { system, messages: [{ role: 'user', content: '{{ q }}' }] },
  };
  await writeFile(join(folder, `${name}.yaml`), JSON.stringify(text));
}

const ALL = ['full-small', 'full-large', 'short-small', 'short-large'].flatMap((n) => [
  '--release',
  `${n}.yaml`,
]);

interface GridJson {
  kind: string;
  prompts: { label: string }[];
  models: { label: string }[];
  releases: {
    release: string;
    snapshot: string;
    prompt: number;
    model: number;
    passRate: number | null;
    interval: [number, number];
    validity: string;
    costUsd: number;
    gradedCases: number;
    ungraded: number;
  }[];
  differing: { id: string; passRates: (number | null)[] }[];
  calls: number;
  stoppedBy: string | null;
}

describe('run with several releases', () => {
  test('gives one table of prompts × models, as JSON, text and Markdown', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const cwd = dir.path;
    const ran = await lastgoodHere(['run', 'suite.yaml', ...ALL, '--json'], { cwd });
    expect(ran.code, ran.stderr).toBe(0);
    const grid = json<GridJson>(ran as never);
    expect(grid).toMatchObject({
      kind: 'grid',
      prompts: [{ label: 'full' }, { label: 'short' }],
      models: [{ label: 'small' }, { label: 'large' }],
      calls: 32,
      stoppedBy: null,
    });
    expect(grid.releases.map((r) => [r.prompt, r.model, r.passRate, r.gradedCases, r.costUsd])).toEqual([
      [0, 0, 0.75, 4, 2],
      [0, 1, 1, 4, 2],
      [1, 0, 0.5, 4, 2],
      [1, 1, 0.75, 4, 2],
    ]);
    // Eight trials of four cases are four observations: a perfect score of four is no certainty.
    expect(grid.releases[1]?.interval[0]).toBeCloseTo(0.51, 2);
    expect(grid.differing).toEqual([
      { id: 'hard', tags: [], passRates: [0, 1, 0, 1] },
      { id: 'long', tags: [], passRates: [1, 1, 0, 0] },
    ]);

    const text = await lastgoodHere(['run', 'suite.yaml', ...ALL], { cwd });
    expect(text.stdout).toMatch(/prompt +small +large\n +full +75\.0 ?% .*100\.0 ?%/);
    expect(text.stdout).toMatch(/hard +0 ?% +100 ?% +0 ?% +100 ?%/);
    expect(text.stdout).toMatch(/next: lastgood diff s\w+ s\w+/);
    const out = ['--format', 'markdown', '-o', 'grid.md'];
    expect((await lastgoodHere(['run', 'suite.yaml', ...ALL, ...out], { cwd })).code).toBe(0);
    const markdown = await readFile(join(cwd, 'grid.md'), 'utf8');
    expect(markdown).toMatch(/\| prompt \| small \| large \|\n\| --- \| --- \| --- \|\n\| full \| 75/);

    const { snapshot } = grid.releases[1] ?? { snapshot: '' };
    expect((await lastgoodHere(['show', snapshot], { cwd })).stdout).toContain('full-large');
    // A table of trials is not the newest run of production.
    const latest = await lastgoodHere(['show', 'latest', '--suite', 'desk'], { cwd });
    expect(latest.stderr).toContain('REF_NOT_FOUND');
  });

  test('shows what was not run as not run, and a release that broke as not measured', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const broken = {
      route: { provider: 'command', command: ['node', '-e', 'process.exit(9)'], model: 'tiny' },
    };
    await writeFile(join(dir.path, 'broken.yaml'), JSON.stringify(broken));
    const args = [
      '--release',
      'full-small.yaml',
      '--release',
      'short-large.yaml',
      '--release',
      'broken.yaml',
    ];
    const ran = await lastgoodHere(['run', 'suite.yaml', ...args, '--max-attempts', '1'], { cwd: dir.path });
    expect(ran.code).toBe(3);
    expect(ran.stdout).toContain('not run');
    expect(ran.stdout).toMatch(/broken +nothing graded|nothing graded/);
    expect(ran.stdout).toContain('broken: ');
  });

  test('has one budget for all, and stops where it ends', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const args = [...ALL, '--max-calls', '8', '--concurrency', '1', '--json'];
    const ran = await lastgoodHere(['run', 'suite.yaml', ...args], { cwd: dir.path });
    expect(ran.code).toBe(3);
    const grid = json<GridJson>(ran as never);
    expect(grid).toMatchObject({ calls: 8, stoppedBy: 'max-calls' });
    // Interleaved: every release has seen the same cases.
    expect(grid.releases.map((r) => r.gradedCases)).toEqual([2, 2, 2, 2]);
  });

  test.each([
    [['--release', 'full-small.yaml', '--release', 'full-small.yaml'], 'one and the same'],
    [[...ALL, '--rerun', 'failures'], '--rerun goes with one release'],
    [[...ALL, '--resume', 'latest'], '--resume goes with one release'],
    [['--release', 'full-small.yaml', '--format', 'markdown'], 'there is only one'],
  ])('refuses %j', async (args, why) => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const ran = await lastgoodHere(['run', 'suite.yaml', ...args], { cwd: dir.path });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(why);
  });

  test('--dry-run calls nothing and says what each would take', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const ran = await lastgoodHere(['run', 'suite.yaml', ...ALL, '--dry-run', '--json'], { cwd: dir.path });
    const { releases } = json<{ releases: { release: string; calls: number }[] }>(ran as never);
    expect(releases.map((r) => [r.release, r.calls])).toEqual(
      ['full-small', 'full-large', 'short-small', 'short-large'].map((name) => [name, 8]),
    );
  });
});

interface RerunJson {
  snapshot: { id: string; cases: number; purpose: string } | null;
  rerun: {
    of: string;
    cases: number;
    nowPassing: string[];
    stillFailing: string[];
    edited: string[];
    gone: string[];
  };
}

describe('run --rerun failures', () => {
  const run = (cwd: string, name: string, ...more: string[]) =>
    lastgoodHere(['run', 'suite.yaml', '--release', `${name}.yaml`, ...more, '--json'], { cwd });

  test('runs what did not pass in the newest run, with the release as it is now', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const whole = json<{ snapshot: { id: string } }>((await run(dir.path, 'short-small')) as never).snapshot;
    const again = await run(dir.path, 'short-large', '--rerun', 'failures');
    expect(again.code, again.stderr).toBe(0);
    const { rerun, snapshot } = json<RerunJson>(again as never);
    expect(rerun).toMatchObject({ of: whole.id, cases: 2, nowPassing: ['hard'], stillFailing: ['long'] });
    expect(snapshot).toMatchObject({ cases: 2, purpose: 'confirmation' });
    // It does not become the newest run: the next one runs the same failures again.
    const third = json<RerunJson>((await run(dir.path, 'full-large', '--rerun', 'failures')) as never);
    expect(third.rerun).toMatchObject({ of: whole.id, cases: 2, nowPassing: ['hard', 'long'] });
    const text = await lastgoodHere(
      ['run', 'suite.yaml', '--release', 'short-large.yaml', '--rerun', 'failures'],
      { cwd: dir.path },
    );
    expect(text.stdout).toContain('of 2 cases that did not pass');
    expect(text.stdout).toContain('This is not a verdict on the suite: the other 2 cases were not run');
  });

  test('names cases that were edited or removed since, and calls nothing when there is nothing to run', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    await run(dir.path, 'short-small');
    const suite = JSON.parse(await readFile(join(dir.path, 'suite.yaml'), 'utf8'));
    suite.cases = suite.cases
      .filter((c: { id: string }) => c.id !== 'hard')
      .map((c: { id: string }) => (c.id === 'long' ? { ...c, vars: { q: 'longer' } } : c));
    await writeFile(join(dir.path, 'suite.yaml'), JSON.stringify(suite));
    const { rerun } = json<RerunJson>((await run(dir.path, 'full-small', '--rerun', 'failures')) as never);
    expect(rerun).toMatchObject({ cases: 1, edited: ['long'], gone: ['hard'], nowPassing: ['long'] });
    await run(dir.path, 'full-small');
    const nothing = await run(dir.path, 'full-small', '--rerun', 'failures');
    expect(nothing.code).toBe(0);
    expect(json<RerunJson>(nothing as never)).toMatchObject({ snapshot: null, rerun: { cases: 0 } });
  });

  test('counts what failed or has no grade as not passed', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    await writeFile(join(dir.path, 'bot.mjs'), "process.exitCode = 3; console.error('down');");
    await run(dir.path, 'full-large', '--max-attempts', '1');
    const list = await lastgoodHere(['list', '--json', '--all'], { cwd: dir.path });
    const [{ id }] = json<{ snapshots: { id: string }[] }>(list as never).snapshots as [{ id: string }];
    await writeFile(join(dir.path, 'bot.mjs'), BOT);
    const again = json<RerunJson>(
      (await run(dir.path, 'full-large', '--rerun', 'failures', '--against', id)) as never,
    );
    expect(again.rerun).toMatchObject({ cases: 4, stillFailing: [] });
  });

  test('turns no red suite green: with a baseline its exit code is 3', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const good = json<{ snapshot: { id: string } }>((await run(dir.path, 'full-large')) as never).snapshot;
    await lastgoodHere(['bless', good.id, '--by', 'mia', '--why', 'good', '--override', 'a test'], {
      cwd: dir.path,
    });
    await run(dir.path, 'full-small');
    expect((await run(dir.path, 'full-large', '--rerun', 'failures')).code).toBe(3);
  });

  test('without a run to look at is wrong input', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const ran = await run(dir.path, 'full-large', '--rerun', 'failures');
    expect(ran.code).toBe(2);
  });
});
