// The default terminal reports of six commands fit 25 lines of 100 columns, on a world in which three cases break.

import { expect, test } from 'vitest';
import { BAD_PROMPT, deskCases, helpDesk, openaiRelease, type Said } from '../jobs/help-desk.ts';

const BROKEN = ['refund-00', 'refund-01', 'refund-02'];

/** What holds for every short report: size, one verdict on top, no statistics, the next command at the end. */
function expectShort({ stdout, stderr }: Said<unknown>, verdict: RegExp): void {
  const lines = stdout.trimEnd().split('\n');
  expect(lines.length, stdout + stderr).toBeLessThanOrEqual(25);
  expect(lines.filter((line) => Array.from(line).length > 100 && !line.startsWith('next:'))).toEqual([]);
  expect(lines[0], stdout + stderr).toMatch(verdict);
  expect(lines.at(-1)).toMatch(/^next: lastgood /);
  expect(stdout).not.toMatch(/\b[pq] = |% interval \[|seed \d|replicates/);
}

/** The three broken cases, each with an answer of both sides on one line. */
function expectCases(stdout: string): void {
  for (const id of BROKEN) expect(stdout).toMatch(new RegExp(`^ {4}${id} .*→`, 'm'));
  expect(stdout.match(/^ {6}".*" → ".*"$/gm)).toHaveLength(3);
  expect(stdout).toContain('We will look into that');
}

test('run, diff, check, rollback, incident and nightly: the answer on one screen, the numbers with --verbose', async () => {
  const desk = await helpDesk({
    scenario: {
      knowledge: Array.from({ length: 24 }, (_, i) => ({
        match: `Question number K${100 + i}`,
        tags: [i < BROKEN.length ? 'refund' : 'delivery'],
        right: `Here is your answer K${100 + i}, with kind regards.`,
        wrong: ['We will look into that, with kind regards.'],
      })),
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0 } }],
    },
    cases: deskCases((i) => (i < BROKEN.length ? { tags: ['refund'], critical: i === 0 } : {})),
    suite: { trials: 5 },
    releases: {
      desk: openaiRelease(),
      generous: openaiRelease({
        prompt: { system: BAD_PROMPT, messages: [{ role: 'user', content: '{{ question }}' }] },
      }),
    },
  });
  const good = await desk.run('desk');
  await desk.run('desk');
  await desk.run('desk');
  await desk.bless(good);

  const run = await desk.cli('run', 'suite.yaml', '--release', 'releases/generous.yaml');
  expect(run.code).toBe(1);
  expectShort(run, /^REGRESSED {2}help-desk got worse: pass rate 100\.0 % → 87\.5 % \(−12\.5 points/);
  expectCases(run.stdout);
  expect(run.stdout).toContain('3 cases regressed');
  expect(run.stdout).toContain('1 critical case regressed: refund-00');
  expect(run.stdout).toMatch(/^ {2}cause {6}your change: .*prompt/m);
  expect(run.stdout).toMatch(/^ {2}run {8}120 of 120 trials answered; 120 calls/m);
  const bad = /candidate {2}(s\w+)/.exec(run.stdout)?.[1] ?? '';

  const diff = await desk.cli('diff', good, bad);
  expectShort(diff, /^REGRESSED {2}help-desk got worse/);
  expectCases(diff.stdout);
  const long = await desk.cli('diff', good, bad, '--verbose');
  expect(long.stdout).toMatch(/p = .*\n[\s\S]*Method: .*seed \d/);
  expect(long.code).toBe(diff.code);

  const check = await desk.cli('check', 'suite.yaml', '--release', 'releases/generous.yaml');
  expect(check.code).toBe(1);
  expectShort(check, /^CHECK FAIL {2}regressed \(exit 1\); \d+ calls/);
  expectCases(check.stdout);

  const rollback = await desk.cli('rollback', 'help-desk', '--from', bad);
  expect(rollback.code).toBe(0);
  expectShort(rollback, /^VERIFIED {2}desk /);
  expect(rollback.stdout).toContain('3 regressed: refund-00, refund-01, refund-02');
  expect(rollback.stdout).toMatch(/3 of 3 regressed cases pass again; (\d+) of \1\s+conditions hold/);

  const incident = await desk.cli('incident', '--suite', 'help-desk', '--good', good, '--bad', bad);
  expectShort(incident, /^REGRESSED {2}help-desk got worse/);
  expectCases(incident.stdout);
  expect((await desk.cli('incident', '--suite', 'help-desk', '--bad', bad, '--verbose')).stdout).toMatch(
    /^# Post-mortem: help-desk/,
  );

  const nightly = await desk.cli(
    ...['nightly', 'suite.yaml', '--release', 'releases/generous.yaml', '--confirm-after', '0s'],
  );
  expect(nightly.code).toBe(1);
  expectShort(nightly, /^REGRESSED {2}help-desk/);
  expectCases(nightly.stdout);
});
