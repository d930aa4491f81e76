// A newcomer's path: init, validate, run, look, bless, run again, diff, export, import.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { json, lastgood, lastgoodHere, temporaryFolder } from './lastgood.ts';

interface RunJson {
  kind: string;
  schemaVersion: number;
  snapshot: {
    id: string;
    suite: string;
    fingerprint: string;
    exam: string;
    validity: string;
    startedAt: string;
    passRate: number;
    cases: number;
    trials: number;
    costUsd: number | null;
    simulated: boolean;
  };
  comparison: null | { kind: string; verdict: string; gate: { outcome: string } };
}

test('init writes a suite that runs at once, and everything after it works from there', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;

  const init = await lastgood(['init'], { cwd });
  expect(init).toMatchObject({ code: 0, stderr: '' });
  expect(await lastgood(['init'], { cwd })).toMatchObject({ code: 2 });

  const validated = await lastgood(['validate'], { cwd });
  expect(validated.code).toBe(0);
  expect(validated.stdout).toMatch(/suite first-suite: 24 cases/);

  const first = await lastgood(['run', 'first-suite', '--release', 'releases/recorded.yaml', '--json'], {
    cwd,
  });
  expect(first.code).toBe(0);
  const run = json<RunJson>(first);
  expect(run).toMatchObject({ kind: 'run', schemaVersion: 1, comparison: null });
  expect(run.snapshot).toMatchObject({
    suite: 'first-suite',
    validity: 'valid',
    passRate: 1,
    cases: 24,
    trials: 24,
    costUsd: null,
    simulated: true,
  });
  expect(run.snapshot.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  const { id } = run.snapshot;

  const list = await lastgoodHere(['list'], { cwd });
  expect(list.stdout).toContain(id);
  const show = await lastgoodHere(['show', id.slice(0, 6)], { cwd });
  expect(show.stdout).toMatch(/pass rate +100\.0 %/);
  const shown = await lastgoodHere(['show', 'latest', '--case', 'capital-of-france'], { cwd });
  expect(shown.stdout).toContain('Paris');
  expect(await lastgoodHere(['show', 'latest', '--case', 'capital-of-frence'], { cwd })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('did you mean "capital-of-france"?'),
  });

  expect(await lastgoodHere(['baseline'], { cwd })).toMatchObject({ code: 3 });
  expect(await lastgoodHere(['bless', id, '--by', 'Ada', '--why', 'read by hand'], { cwd })).toMatchObject({
    code: 0,
  });
  expect((await lastgoodHere(['baseline'], { cwd })).stdout).toMatch(/by Ada: read by hand {2}in force/);

  // Run again on the same recordings: every answer is the same, so that nothing is left to be decided.
  const same = await lastgood(['run', 'first-suite', '--release', 'releases/recorded.yaml', '--json'], {
    cwd,
  });
  expect(json<RunJson>(same).comparison?.verdict).toBe('no-regression-found');
  expect(same.code).toBe(0);

  const recordings = join(cwd, 'suites/first-suite/recorded.jsonl');
  await writeFile(
    recordings,
    (await readFile(recordings, 'utf8')).replace('"output":"Paris"', '"output":"Lyon"'),
  );
  const second = await lastgood(['run', 'first-suite', '--release', 'releases/recorded.yaml', '--json'], {
    cwd,
  });
  const again = json<RunJson>(second);
  expect(again.comparison?.kind).toBe('comparison');
  // One answer of 24 that changed cannot show anything either way: that is said, and it is not green.
  expect(again.comparison?.verdict).toBe('inconclusive');
  expect(second.code).toBe(3);
  expect(again.snapshot.fingerprint).not.toBe(run.snapshot.fingerprint);

  const diff = await lastgood(['diff', id, 'latest'], { cwd });
  expect(diff.stdout).toContain('capital-of-france');
  expect(diff.stdout).toContain('"Paris" → "Lyon"');
  expect(diff.code).toBe(3);
  for (const format of ['html', 'junit', 'json']) {
    const out = await lastgoodHere(['diff', id, 'latest', '--format', format, '-o', `out/report.${format}`], {
      cwd,
    });
    expect(out.code).toBe(3);
    expect(await readFile(join(cwd, `out/report.${format}`), 'utf8')).toContain('capital-of-france');
  }

  expect(await lastgoodHere(['export', id], { cwd })).toMatchObject({ code: 0 });
  const file = `snapshots/first-suite.${id}.snapshot.jsonl`;
  const exported = await readFile(join(cwd, file), 'utf8');
  expect(await lastgood(['import', file, '--db', 'other.db'], { cwd })).toMatchObject({ code: 0 });
  expect(await lastgoodHere(['import', file, '--db', 'other.db'], { cwd })).toMatchObject({ code: 0 });
  await lastgoodHere(['export', id, '--db', 'other.db', '--dir', 'again'], { cwd });
  expect(await readFile(join(cwd, 'again', `first-suite.${id}.snapshot.jsonl`), 'utf8')).toBe(exported);
});

test('a dry run calls nothing and says what it would do', async () => {
  await using dir = await temporaryFolder();
  await lastgood(['init'], { cwd: dir.path });
  const dry = await lastgood(['run', 'first-suite', '--release', 'releases/live.yaml', '--dry-run'], {
    cwd: dir.path,
    env: { OPENAI_API_KEY: 'none' },
  });
  expect(dry.code).toBe(0);
  expect(dry.stdout).toMatch(/Nothing was called\. This run would make 24 calls/);
  expect(dry.stdout).toMatch(/cost +unknown/);
});

test('fingerprint shows the layers, and the difference of two releases', async () => {
  const triage = 'suites/support-triage/releases/triage.yaml';
  const one = await lastgood(['fingerprint', triage, '--json']);
  const { fingerprint, layers, pin } = json<{
    fingerprint: string;
    layers: Record<string, string>;
    pin: { state: string };
  }>(one);
  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(Object.keys(layers)).toEqual(['route', 'prompt', 'params', 'automation']);
  expect(pin.state).toBe('pinned');
  const two = await lastgood(['fingerprint', triage, 'suites/support-triage/releases/triage-concise.yaml']);
  expect(two.stdout).toMatch(/1 layer differs: prompt/);
});

test('a suite in a folder of its own names schemas that are there, and a command that runs', async () => {
  await using dir = await temporaryFolder();
  const installed = join(dir.path, 'node_modules/lastgood/schema');
  await mkdir(installed, { recursive: true });
  const init = await lastgoodHere(['init', 'apps/my-feature'], { cwd: dir.path });
  expect(init.stdout).toContain('cd apps/my-feature && npx lastgood run first-suite');
  for (const name of ['suites/first-suite/suite.yaml', 'releases/live.yaml', 'releases/recorded.yaml']) {
    const file = join(dir.path, 'apps/my-feature', name);
    const schema = /\$schema=(\S+)/.exec(await readFile(file, 'utf8'))?.[1] ?? '';
    expect(dirname(resolve(dirname(file), schema)), name).toBe(installed);
    expect(schema).not.toMatch(/^[/\\]|:/);
  }
});

test('a folder inside a clone names the schemas of the clone', async () => {
  await using dir = await temporaryFolder();
  const { initProject } = await import('../../src/jobs/project/init.ts');
  await initProject({ dir: 'try', cwd: dir.path, force: false, packaged: join(dir.path, 'schema') });
  const text = await readFile(join(dir.path, 'try/suites/first-suite/suite.yaml'), 'utf8');
  expect(text).toContain('$schema=../../../schema/suite.schema.json');
});

test('a suite that the ledger does not know is an error with those it has; an age needs its unit', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;
  await lastgoodHere(['init'], { cwd });
  await lastgoodHere(['run', 'first-suite', '--release', 'releases/recorded.yaml'], { cwd });
  for (const args of [
    ['list', '--suite', 'frist-suite'],
    ['list', '--suite', 'frist-suite', '--fingerprint', 'abcdef'],
    ['baseline', 'frist-suite'],
    ['status', 'frist-suite'],
  ]) {
    const typo = await lastgoodHere(args, { cwd });
    expect(typo, args.join(' ')).toMatchObject({ code: 2, stdout: '' });
    expect(typo.stderr).toContain('it has first-suite; did you mean "first-suite"?');
  }
  for (const suite of ['first-suite', 'suites/first-suite', 'suites/first-suite/suite.yaml'])
    expect((await lastgoodHere(['list', '--suite', suite], { cwd })).stdout).toContain('first-suite');
  const bare = await lastgoodHere(['status', '--max-age', '26'], { cwd });
  expect(bare.code).toBe(2);
  expect(bare.stderr).toContain('--max-age 26h');
  expect((await lastgoodHere(['status', '--max-age', '2d'], { cwd })).code).toBe(0);
});

test('a refused connection is exit code 4, however many cases there are', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;
  await lastgoodHere(['init'], { cwd });
  // Nothing listens on a port that was just given back.
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  const url = `http://127.0.0.1:${port}`;
  await writeFile(
    join(cwd, 'releases/http.yaml'),
    `name: http\nroute: { provider: http, url: "${url}", body: { q: "{{ vars.question }}" }, output: text }\n`,
  );
  await writeFile(
    join(cwd, 'releases/live.yaml'),
    `name: live\nroute: { provider: openai, model: gpt-4o-2024-11-20, base-url: "${url}" }\nprompt: { messages: [{ role: user, content: "{{ question }}" }] }\n`,
  );
  const env = { OPENAI_API_KEY: 'none' };
  for (const release of ['live', 'http'])
    for (const filter of [[], ['--filter', 'capital-of-france']]) {
      const run = await lastgoodHere(
        [
          'run',
          'first-suite',
          '--release',
          `releases/${release}.yaml`,
          '--max-attempts',
          '1',
          '--outage',
          '1s',
          ...filter,
        ],
        { cwd, env },
      );
      expect(run.code, `${release} ${filter.join(' ')}: ${run.stderr}`).toBe(4);
    }
  const args = ['check', 'first-suite', '--release', 'releases/http.yaml', '--outage', '1s', '--json'];
  const check = await lastgoodHere(args, { cwd, env });
  // Nothing was measured. An unknown option would be exit code 2.
  expect(check.code, check.stderr).toBe(3);
});
