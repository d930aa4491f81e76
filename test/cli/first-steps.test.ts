// A newcomer's path: init, validate, run, look, bless, run again, diff, export, import.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  expect(validated.stdout).toMatch(/suite first-suite: 4 cases/);

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
    cases: 4,
    trials: 4,
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
  // Four cases with one trial each cannot show anything either way: that is said, and it is not green.
  expect(again.comparison?.verdict).toBe('inconclusive');
  expect(second.code).toBe(3);
  expect(again.snapshot.fingerprint).not.toBe(run.snapshot.fingerprint);

  const diff = await lastgood(['diff', id, 'latest'], { cwd });
  expect(diff.stdout).toContain('capital-of-france');
  expect(diff.stdout).toContain('before: Paris');
  expect(diff.stdout).toContain('after:  Lyon');
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
    env: { OPENAI_API_KEY: 'none', OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' },
  });
  expect(dry.code).toBe(0);
  expect(dry.stdout).toMatch(/Nothing was called\. This run would make 4 calls/);
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
