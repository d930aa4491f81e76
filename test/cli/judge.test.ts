// The examiner from the command line, against the simulator: the commands of docs/judges.md, in their order.

import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { json, lastgood, lastgoodHere, type Outcome, ROOT, temporaryFolder } from './lastgood.ts';

const SUITE = join(ROOT, 'suites/support-triage');
let page: string;
beforeAll(async () => {
  page = await readFile(join(ROOT, 'docs/judges.md'), 'utf8');
});

interface SnapshotJson {
  snapshot: { id: string; exam: string; purpose: string; passRate: number; calls: number };
}

test('regrade, judge check, judge calibrate and judge sentinel as the page tells them', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;
  await cp(SUITE, join(cwd, 'suites/support-triage'), { recursive: true });
  const suite = join(cwd, 'suites/support-triage');
  const judge = await readFile(join(suite, 'judge.yaml'), 'utf8');
  await writeFile(join(suite, 'judge-june.yaml'), judge.replace('judge-2026-02-01', 'judge-2026-06-01'));
  const simulator = await startSimulator({
    scenario: parseScenario(await readFile(join(SUITE, 'scenario.yaml'), 'utf8')),
    // Both judges are served by then.
    date: '2026-05-25',
  });
  onTestFinished(() => simulator.close());
  const env = { LASTGOOD_SIM_URL: simulator.openaiBaseUrl, OPENAI_API_KEY: 'unused' };
  /** Runs a command that stands on the page, its placeholders filled in. */
  const told = async (
    command: string,
    values: Record<string, string> = {},
    more: string[] = [],
  ): Promise<Outcome> => {
    expect(page, command).toContain(`lastgood ${command}\n`);
    const words = command.split(' ').map((word) => values[word] ?? word);
    return lastgoodHere([...words, '--quiet', ...more], { cwd, env });
  };

  const run = json<SnapshotJson>(
    await lastgoodHere(
      [
        'run',
        'support-triage',
        '--release',
        'suites/support-triage/releases/triage.yaml',
        '--filter',
        'tag:tone,tag:format !refund !escalation',
        '--trials',
        '1',
        '--json',
        '--quiet',
      ],
      { cwd, env },
    ),
  ).snapshot;
  const asked = simulator.stats().requests;

  const regraded = await told('regrade latest --judge suites/support-triage/judge-june.yaml', {}, ['--json']);
  expect(regraded).toMatchObject({ code: 0, stderr: '' });
  const other = json<SnapshotJson & { source: string; judgeCalls: number }>(regraded);
  expect(other).toMatchObject({
    kind: 'regrade',
    source: run.id,
    snapshot: { purpose: 'regrade', calls: run.calls },
  });
  expect(simulator.stats().requests - asked).toBe(other.judgeCalls);
  const again = await told('regrade latest --judge suites/support-triage/judge-june.yaml');
  expect(again.stdout).toContain('already holds these grades');
  const ofToday = await told('regrade latest --suite support-triage');
  expect(ofToday).toMatchObject({ code: 0 });
  expect(ofToday.stdout).toContain('left out: ');

  const refused = await told('diff A B', { A: run.id, B: other.snapshot.id });
  expect(refused.code).toBe(3);
  expect(refused.stdout).toMatch(
    /coverage +6 of 12 cases compared; 6 edited \(exam changed: judge; lastgood regrade/,
  );
  expect(refused.stdout).toContain(`next: lastgood diff ${run.id} ${other.snapshot.id} --regrade-baseline`);
  const compared = json<{ counts: { edited: number }; overall: { delta: number }; notes: string[] }>(
    await told('diff A B --regrade-baseline', { A: run.id, B: other.snapshot.id }, ['--json']),
  );
  // The same outputs under one exam: nothing left out, nothing different.
  expect(compared).toMatchObject({ counts: { edited: 0 }, overall: { delta: 0 } });
  expect(compared.notes.join('\n')).toMatch(/judge [0-9a-f]{12} uncalibrated/);

  const check = await told('judge check latest --times 3 --outputs 5');
  expect(check).toMatchObject({ code: 0, stderr: '' });
  expect(check.stdout).toMatch(/on 5 frozen outputs of \S+, each judged 3 times \(15 calls\)/);
  expect(check.stdout).toMatch(/flip rate +\d/);

  const shown = json<{
    cases: { id: string; exam: { judge: string | null }; trials: { pass: boolean }[] }[];
  }>(await lastgoodHere(['show', run.id, '--json'], { cwd, env }));
  const judged = shown.cases.filter((c) => c.exam.judge !== null);
  const labels = judged.map(({ id, trials }) =>
    JSON.stringify({ case: id, trial: 0, human: trials[0]?.pass === true ? 'pass' : 'fail' }),
  );
  await writeFile(join(cwd, 'labels.jsonl'), labels.join('\n'));
  const calibrated = await told('judge calibrate labels.jsonl --snapshot latest');
  expect(calibrated).toMatchObject({ code: 0, stderr: '' });
  expect(calibrated.stdout).toMatch(/Cohen's kappa +/);
  expect(calibrated.stdout).toMatch(/note: only \d+ labelled items/);
  const after = await told('diff A B --regrade-baseline', { A: run.id, B: run.id }, ['--verbose']);
  expect(after.stdout).toMatch(/note: judge [0-9a-f]{12}: .*κ/);

  const steady = await told('judge sentinel latest --outputs 6');
  expect(steady).toMatchObject({ code: 0, stderr: '' });
  expect(steady.stdout).toMatch(/^the judge is steady: of 6 frozen outputs/);

  const suiteFile = join(suite, 'suite.yaml');
  const panel = (await readFile(suiteFile, 'utf8')).replace(
    'judge: judge.yaml',
    'panel: [judge.yaml, judge-june.yaml]',
  );
  await writeFile(suiteFile, panel);
  const voted = await told('regrade latest --suite support-triage', {}, ['--json']);
  expect(voted.stderr).toBe('');
  expect(json<SnapshotJson>(voted).snapshot.exam).not.toBe(run.exam);
  const release = 'suites/support-triage/releases/triage.yaml';
  const byPanel = await lastgoodHere(
    [
      'run',
      'support-triage',
      '--release',
      release,
      '--filter',
      'tone-*',
      '--trials',
      '1',
      '--json',
      '--quiet',
    ],
    { cwd, env },
  );
  expect(byPanel.stderr).toBe('');
  expect(json<SnapshotJson>(byPanel)).toMatchObject({ snapshot: { state: 'finished', ungraded: 0 } });

  const same = await told('judge prefer A B --cases 5', { A: run.id, B: other.snapshot.id });
  expect(same).toMatchObject({ code: 0, stderr: '' });
  expect(same.stdout).toContain('better 0, worse 0, tie 5');

  await writeFile(
    join(cwd, 'pairs.csv'),
    'id,human1,human2,judge,judge_swapped\n1,first,first,first,first\n2,second,second,first,second\n3,first,second,tie,tie\n',
  );
  const pairs = await told('judge calibrate pairs.csv --verdict judge --swapped judge_swapped');
  expect(pairs).toMatchObject({ code: 0, stderr: '' });
  expect(pairs.stdout).toContain('1 more without a majority');
  expect(pairs.stdout).toMatch(/position +/);
}, 60_000);

test('what is wrong in a judge command is said before anything is paid', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;
  await writeFile(join(cwd, 'labels.jsonl'), '{"human":"pass"}\n');
  const none = await lastgood(['judge', 'calibrate', 'labels.jsonl'], { cwd });
  expect(none.code).toBe(2);
  expect(none.stderr).toContain('LABELS_NO_VERDICT');
  const missing = await lastgood(['judge', 'calibrate', 'nowhere.jsonl'], { cwd });
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain('nowhere.jsonl');
  const ledger = await lastgood(['regrade', 'latest', '--db', 'other.db'], { cwd });
  expect(ledger.code).not.toBe(0);
});
