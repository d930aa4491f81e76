// A pull request's check, in a real git repository, on a machine that has nothing but the clone.

import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CheckResult, SuiteCheck } from '../../src/core/index.ts';
import { json, lastgood } from '../cli/lastgood.ts';
import { NOTES, type Repository, repository, TRIAGE } from './check-repository.ts';

const PROMPT = 'suites/support-triage/prompts/triage.md';
const CASES = 'suites/support-triage/cases.jsonl';

let repo: Repository;
beforeAll(async () => {
  repo = await repository();
});
afterAll(() => repo[Symbol.asyncDispose]());
beforeEach(() => repo.reset());

/** The change is made in the work tree and committed, as on a pull request's branch. */
async function commit(file: string, text: string): Promise<void> {
  await repo.write(file, text);
  await repo.git('commit', '--quiet', '--all', '--message', `change ${file}`);
}

const suiteOf = (r: CheckResult, name: string): SuiteCheck => {
  const found = r.suites.find((s) => s.suite === name);
  if (found === undefined) throw new Error(`no suite ${name}`);
  return found;
};

describe('a prompt-only pull request', () => {
  test('that breaks the refund policy fails; only the suite of that prompt runs, and the broken cases are named', async () => {
    await commit(PROMPT, await repo.read('suites/support-triage/prompts/triage-generous.md'));
    const outcome = await repo.check([
      TRIAGE,
      NOTES,
      '--changed',
      'main',
      '--json',
      '--markdown',
      'comment.md',
    ]);
    expect(outcome.code).toBe(1);
    const result = json<CheckResult>(outcome);
    expect(result).toMatchObject({ kind: 'check', schemaVersion: 1, verdict: 'regressed', exitCode: 1 });
    expect(result.gate.outcome).toBe('fail');
    expect(suiteOf(result, 'release-notes')).toMatchObject({
      status: 'nothing-to-check',
      exitCode: 0,
      calls: 0,
    });

    const triage = suiteOf(result, 'support-triage');
    expect(triage.scope).toMatchObject({ mode: 'all', affected: 42, why: 'the release changed: prompt' });
    expect(triage.baseline).toMatchObject({ source: 'file', pooled: 1 });
    expect(triage.comparison?.attribution.layersChanged).toEqual(['prompt']);
    const regressed = (triage.comparison?.cases ?? []).filter((c) => c.verdict === 'regressed');
    expect(regressed.length).toBeGreaterThan(0);
    expect(regressed.every((c) => 'evidence' in c && c.evidence === 'confirmed')).toBe(true);
    const comment = await repo.read('comment.md');
    expect(comment.split('\n')[1]).toMatch(/^## ❌ Regressed/);
    for (const c of regressed) {
      expect(comment).toContain(c.id);
      expect(triage.places[c.id]?.file).toBe(CASES);
      const line = (await repo.read(CASES)).split('\n')[(triage.places[c.id]?.line ?? 0) - 1] ?? '';
      expect(JSON.parse(line).id).toBe(c.id);
    }
    // The calls made are within those announced: the screening, and what settles suspicions at the most.
    expect(outcome.stderr).toContain('check support-triage: from 84 to 126 calls');
    // Red rests on a control of today: both releases run side by side.
    expect(triage.comparison?.cause).toBe('change');
    expect(outcome.stderr).toContain('check release-notes: no call');
    expect(triage.calls).toBeLessThanOrEqual(
      (triage.estimate?.calls ?? 0) + (triage.estimate?.confirmationCalls ?? 0),
    );
  });

  test('with an innocent edit passes', async () => {
    await commit(PROMPT, await repo.read('suites/support-triage/prompts/triage-concise.md'));
    const outcome = await repo.check([TRIAGE, NOTES, '--changed', 'main', '--trials', '12', '--quiet']);
    expect(outcome.stdout).toMatch(/^CHECK PASS {2}(unchanged|no regression found) \(exit 0\)/);
    expect(outcome.code).toBe(0);
  });

  test('that changes only line ends, comments and notes has nothing to check, and calls nobody', async () => {
    await commit(PROMPT, (await repo.read(PROMPT)).replaceAll('\n', '\r\n'));
    const release = 'suites/support-triage/releases/triage.yaml';
    await commit(release, `# a comment\n${await repo.read(release)}notes: reviewed on Monday\n`);
    const outcome = await repo.check([TRIAGE, NOTES, '--changed', 'main'], {});
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain('nothing to check');
    expect(outcome.stdout).toContain('release, cases and graders are what they were');
    expect(repo.simulator.stats().requests).toBe(0);
  });
});

describe('a pull request that touches cases', () => {
  test('runs the new case only; it passes its first run, with nothing to compare it with', async () => {
    const first = JSON.parse((await repo.read(CASES)).split('\n')[0] ?? '');
    await appendFile(
      join(repo.path, CASES),
      `${JSON.stringify({ ...first, id: 'refund-after-a-fortnight' })}\n`,
    );
    const outcome = await repo.check([TRIAGE, '--changed', 'main', '--json', '--quiet']);
    const triage = suiteOf(json<CheckResult>(outcome), 'support-triage');
    expect(triage).toMatchObject({ status: 'first-run', exitCode: 0, calls: 3 });
    expect(triage.scope).toMatchObject({ mode: 'some', affected: 1, cases: 43 });
    expect(triage.firstRun).toMatchObject([{ id: 'refund-after-a-fortnight', trials: 3, outcome: 'pass' }]);
  });

  test('a new case that the release cannot pass is no green', async () => {
    const impossible = {
      id: 'speaks-latin',
      vars: { ticket: 'Hello?' },
      grade: [{ contains: 'quo usque tandem' }],
    };
    await appendFile(join(repo.path, CASES), `${JSON.stringify(impossible)}\n`);
    const outcome = await repo.check([TRIAGE, '--changed', 'main', '--quiet']);
    expect(outcome.code).toBe(3);
    expect(outcome.stdout).toContain('speaks-latin  0/3');
  });

  test('a removed case is told of', async () => {
    await repo.write(CASES, (await repo.read(CASES)).split('\n').slice(1).join('\n'));
    const outcome = await repo.check([TRIAGE, '--changed', 'main']);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain('removed: refund-unused-12-days');
    expect(outcome.stderr).toContain('CASES_REMOVED');
  });
});

describe('where the baseline comes from', () => {
  test('a change cannot bring its own yardstick: with --changed the files of the base commit count', async () => {
    const name = (await repo.git('ls-files', 'snapshots/support-triage.*')).trim().split('\n');
    await repo.git('rm', '--quiet', ...name);
    await commit(PROMPT, await repo.read('suites/support-triage/prompts/triage-generous.md'));
    const outcome = await repo.check([TRIAGE, '--changed', 'main', '--tier', 'smoke', '--json', '--quiet']);
    expect(outcome.code).toBe(1);
    expect(suiteOf(json<CheckResult>(outcome), 'support-triage').baseline?.source).toBe('file');
  });

  test('without any, nothing runs and the answer is the command that makes one', async () => {
    const outcome = await repo.check([TRIAGE, '--snapshots', 'elsewhere']);
    expect(outcome.code).toBe(3);
    expect(outcome.stdout).toContain('no baseline');
    expect(outcome.stdout).toContain('lastgood bless latest --suite support-triage');
    expect(repo.simulator.stats().requests).toBe(0);
  });

  test('--against names another one, a file or a reference', async () => {
    const file = (await repo.git('ls-files', 'snapshots/release-notes.*')).trim();
    const outcome = await repo.check([NOTES, '--against', file, '--json', '--quiet'], {});
    const notes = suiteOf(json<CheckResult>(outcome), 'release-notes');
    expect(notes).toMatchObject({ verdict: 'unchanged', exitCode: 0, baseline: { source: 'against', file } });
    const wrong = await repo.check([NOTES, '--against', 'szzzzzz']);
    expect(wrong.code).toBe(2);
  });
});

describe('without keys, as on a fork', () => {
  test('the offline part runs, and says that nothing was evaluated', async () => {
    await commit(PROMPT, await repo.read('suites/support-triage/prompts/triage-generous.md'));
    const outcome = await repo.check([TRIAGE, NOTES, '--changed', 'main', '--json', '--quiet'], {});
    expect(outcome.code).toBe(3);
    const triage = suiteOf(json<CheckResult>(outcome), 'support-triage');
    expect(triage.status).toBe('not-evaluated');
    expect(triage.offline?.missing).toContain('OPENAI_API_KEY is not set');
    expect(triage.offline?.answers).toBe(42 * 8);
    expect(triage.offline?.broken).toEqual([]);
    const allowed = await repo.check([TRIAGE, '--offline-ok', '--quiet'], {});
    expect(allowed.code).toBe(0);
    expect(allowed.stdout).toContain('not evaluated');
    expect(allowed.stdout).toContain('deterministic graders over 336 stored answers of 42 cases');
  });

  test('a grader that no longer fits its stored answers shows, without a call', async () => {
    await repo.write(CASES, (await repo.read(CASES)).replaceAll('"30 days"', '"thirty days"'));
    const outcome = await repo.check([TRIAGE, '--json', '--quiet'], {});
    const offline = suiteOf(json<CheckResult>(outcome), 'support-triage').offline;
    expect(offline?.changed.length).toBeGreaterThan(0);
    expect(offline?.changed.every((c) => c.before && !c.now)).toBe(true);
  });
});

describe('limits and wrong input', () => {
  test('more calls than allowed are refused before the first one', async () => {
    const outcome = await repo.check([TRIAGE, '--max-calls', '20']);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('needs at least 84 calls');
    expect(repo.simulator.stats().requests).toBe(0);
  });

  test('a cost limit without prices is refused before the first call', async () => {
    const outcome = await repo.check([TRIAGE, '--max-cost', '0.01']);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('COST_UNKNOWN');
    expect(repo.simulator.stats().requests).toBe(0);
  });

  test('a base that is not there, an unwritable report and a suite without a release are named', async () => {
    const base = await repo.check([TRIAGE, '--changed', 'origin/main']);
    expect([base.code, base.stderr]).toEqual([2, expect.stringContaining('CHANGED_NO_BASE')]);
    const report = await repo.check([TRIAGE, '--junit', 'suites/support-triage/suite.yaml/x.xml']);
    expect([report.code, report.stderr]).toEqual([2, expect.stringContaining('OUTPUT_UNWRITABLE')]);
    const release = await repo.check(['suites/release-notes']);
    expect([release.code, release.stderr]).toEqual([2, expect.stringContaining('NO_RELEASE')]);
  });
});

describe('when the work cannot be done', () => {
  test('an account without quota is exit 4, never a regression', async () => {
    repo.simulator.setFaults({ quota: 1 });
    try {
      const outcome = await repo.check([TRIAGE, NOTES, '--json', '--quiet']);
      expect(outcome.code).toBe(4);
      const result = json<CheckResult>(outcome);
      expect(result).toMatchObject({ verdict: 'failed', gate: { outcome: 'inconclusive' } });
      expect(suiteOf(result, 'release-notes').status).toBe('compared');
    } finally {
      repo.simulator.setFaults([]);
    }
  });

  test('an interrupt is exit 130, and no green', async () => {
    const outcome = await lastgood(['check', TRIAGE, '--concurrency', '1', '--trials', '20', '--json'], {
      cwd: repo.path,
      env: repo.keys,
      onStart: (pid, output) => {
        const timer = setInterval(() => {
          if (!output.stderr().includes('in all 840 calls')) return;
          clearInterval(timer);
          process.kill(pid, 'SIGINT');
        }, 5);
      },
    });
    expect(outcome.code).toBe(130);
    expect(json<CheckResult>(outcome)).toMatchObject({
      verdict: 'interrupted',
      gate: { outcome: 'inconclusive' },
    });
  });
});

test('on GitHub the log is guarded, annotations point at cases, and summary and outputs are written', async () => {
  await commit(PROMPT, await repo.read('suites/support-triage/prompts/triage-generous.md'));
  const [summary, outputs] = [join(repo.path, 'summary.md'), join(repo.path, 'outputs.txt')];
  const outcome = await lastgood(
    ['check', TRIAGE, '--tier', 'smoke', '--format', 'github', '--gitlab', 'quality.json'],
    { cwd: repo.path, env: { ...repo.keys, GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: outputs } },
  );
  expect(outcome.code).toBe(1);
  const lines = outcome.stdout.split('\n');
  const token = /^::stop-commands::([0-9a-f]{32})$/.exec(lines[0] ?? '')?.[1];
  const end = lines.indexOf(`::${token}::`);
  expect(end).toBeGreaterThan(1);
  expect(lines.slice(1, end).filter((l) => /^\s*::|##\[/.test(l))).toEqual([]);
  const annotations = lines.slice(end + 1).filter((l) => l !== '');
  expect(annotations.length).toBeGreaterThan(0);
  expect(annotations.length).toBeLessThanOrEqual(10);
  for (const a of annotations)
    expect(a).toMatch(/^::error file=suites\/support-triage\/cases\.jsonl,line=\d+,title=support-triage%3A /);
  expect(await readFile(outputs, 'utf8')).toBe('verdict=regressed\ngate=fail\nexit-code=1\n');
  expect(await readFile(summary, 'utf8')).toContain('## ❌ Regressed');
  const quality = JSON.parse(await repo.read('quality.json')) as { location: { path: string } }[];
  expect(quality.length).toBeGreaterThan(0);
  expect(quality.every((q) => q.location.path === CASES)).toBe(true);
});
