// Tricks with which a change could get its regression past `check`. Every one of them has to end with 1, 2 or 3, never green.

import { cp, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CheckResult } from '../../src/core/index.ts';
import { json } from '../cli/lastgood.ts';
import {
  ANSWERS,
  answers,
  CASES,
  caseId,
  type Desk,
  type DeskTemplate,
  deskCases,
  deskTemplate,
  half,
  lines,
  SUITE,
  suiteFile,
} from './desk-repository.ts';

interface Trick {
  readonly name: string;
  /** What the branch commits. By default half of the answers are broken before. */
  readonly change: (d: Desk) => Promise<void>;
  readonly args?: readonly string[];
  readonly breaks?: (n: number) => boolean;
  readonly code: 2 | 3;
  /** Said on stdout or stderr. */
  readonly says: RegExp;
  /** Held also where the branch's own exam is asked for. */
  readonly alsoHead?: 3;
}

const edit = (d: Desk, change: (c: ReturnType<typeof deskCases>[number], n: number) => void) => {
  const cases = deskCases();
  for (const [n, c] of cases.entries()) change(c, n);
  return d.write(CASES, lines(cases));
};

/** A snapshot of the broken release, made and blessed as the author of the change would. */
async function ownBaseline(d: Desk, db = 'snapshots/lastgood.db'): Promise<void> {
  const ran = await d.lastgood('run', 'desk', '--release', 'releases/desk.yaml', '--quiet', '--db', db);
  expect([0, 1, 3]).toContain(ran.code);
  const blessed = await d.lastgood(
    ...['bless', 'latest', '--suite', 'desk', '--by', 'eve', '--why', 'fine', '--db', db],
  );
  expect(blessed.code).toBe(0);
}

const TRICKS: readonly Trick[] = [
  {
    name: 'no trick: half of the answers broken',
    change: async () => {},
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven/,
    alsoHead: 3,
  },
  {
    name: 'one more harmless grader on every failing case',
    change: (d) => edit(d, (c, n) => void (half(n) && c.grade.push({ 'max-length': 9999 }))),
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /64 edited: not part of the verdict/,
    alsoHead: 3,
  },
  {
    name: 'another variable in every failing case',
    change: (d) => edit(d, (c, n) => void (half(n) && Object.assign(c.vars, { hint: 'none' }))),
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven/,
    alsoHead: 3,
  },
  {
    name: 'another variable and a floor of 0 in every failing case',
    change: (d) =>
      edit(d, (c, n) => {
        if (half(n)) Object.assign(c, { 'min-pass-rate': 0, vars: { ...c.vars, hint: 'none' } });
      }),
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven/,
    alsoHead: 3,
  },
  {
    name: 'twenty new critical cases that fail, and nothing else',
    breaks: () => false,
    change: async (d) => {
      const more = Array.from({ length: 20 }, (_, n) => `new-${n}`);
      await d.write(
        CASES,
        lines([
          ...deskCases(),
          ...more.map((id) => ({ id, vars: { ask: id }, critical: true, grade: [{ contains: 'yes' }] })),
        ]),
      );
      await d.write(
        ANSWERS,
        answers(
          () => false,
          more.map((id) => JSON.stringify({ case_id: id, output: 'no' })),
        ),
      );
    },
    code: 3,
    says: /20 new or edited cases, not compared: 0 reach their floor\n +new-0 \(critical\) +0\/1/,
    alsoHead: 3,
  },
  {
    name: 'a new critical case that passes is still not compared',
    breaks: () => false,
    change: async (d) => {
      await d.write(
        CASES,
        lines([
          ...deskCases(),
          { id: 'new', vars: { ask: 'x' }, critical: true, grade: [{ contains: 'yes' }] },
        ]),
      );
      await d.write(
        ANSWERS,
        answers(() => false, [JSON.stringify({ case_id: 'new', output: 'yes' })]),
      );
    },
    code: 3,
    says: /1 new or edited case, not compared: 0 reach their floor\n +new \(critical\) +1\/1/,
    alsoHead: 3,
  },
  {
    name: 'the failing cases removed',
    change: (d) => d.write(CASES, lines(deskCases().filter((_, n) => !half(n)))),
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /CASES_REMOVED|removed/,
  },
  {
    name: 'the one failing critical case removed',
    breaks: (n) => n === 0,
    change: (d) => d.write(CASES, lines(deskCases().slice(1))),
    code: 3,
    says: /critical cases? (is )?removed: ask-000|critical case ask-000/,
    alsoHead: 3,
  },
  {
    name: 'the one failing critical case no longer critical',
    breaks: (n) => n === 0,
    change: (d) => edit(d, (c) => void delete c.critical),
    code: 3,
    says: /weaker: no longer critical: ask-000, ask-001, ask-002/,
  },
  {
    name: 'a critical case renamed',
    breaks: (n) => n === 0,
    change: async (d) => {
      const [first, ...rest] = deskCases();
      await d.write(CASES, lines([{ ...first, id: 'ask-zero', critical: false }, ...rest]));
      await d.write(
        ANSWERS,
        answers((n) => n === 0, [JSON.stringify({ case_id: 'ask-zero', output: 'The word 0.' })]),
      );
    },
    code: 3,
    says: /removed: ask-000/,
    alsoHead: 3,
  },
  {
    name: 'a policy with a margin of 0.6',
    change: (d) => d.write(SUITE, suiteFile('policy: { margin: 0.6, require-margin: true }\n')),
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /weaker: policy margin: 0\.05 → 0\.6/,
  },
  {
    name: 'graders that accept anything',
    change: (d) => edit(d, (c) => void Object.assign(c, { grade: [{ 'max-length': 9999 }] })),
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /changed: other graders/,
    alsoHead: 3,
  },
  {
    name: 'a looser module behind an unchanged grader file',
    breaks: () => false,
    change: async (d) => {
      await d.write('suites/desk/limit.mjs', 'export const LIMIT = 4000;\n');
      await d.write(ANSWERS, answers(() => false).replaceAll('The word', `${'Well. '.repeat(20)}The word`));
    },
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven/,
  },
  {
    name: 'lastgood.yaml with another ledger, blessed by the author',
    change: async (d) => {
      await d.write('lastgood.yaml', 'db: mine.db\n');
      await ownBaseline(d, 'mine.db');
    },
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /changed: lastgood\.yaml: `db` is another one; the value of the merge base holds/,
  },
  {
    name: 'a committed ledger at the usual place, blessed by the author',
    change: async (d) => {
      await ownBaseline(d);
      await d.git('add', '--force', 'snapshots/lastgood.db');
    },
    code: 2,
    says: /EXAM_LEDGER/,
  },
  {
    name: 'a committed ledger behind a link',
    change: async (d) => {
      await ownBaseline(d, 'mine.db');
      await symlink('../mine.db', join(d.path, 'snapshots/lastgood.db'));
      await d.git('add', '--force', 'snapshots/lastgood.db', 'mine.db');
    },
    code: 2,
    says: /EXAM_LEDGER/,
  },
  {
    name: 'a committed ledger that the command line names',
    change: (d) => ownBaseline(d, 'mine.db'),
    args: ['--db', 'mine.db'],
    code: 2,
    says: /EXAM_LEDGER/,
  },
  {
    name: 'a newer baseline file of the broken release beside the good one',
    change: async (d) => {
      await ownBaseline(d, 'report/mine.db');
      await d.lastgood('export', 'latest', '--suite', 'desk', '--db', 'report/mine.db');
    },
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven/,
  },
  {
    name: 'the good baseline file removed, a broken one in its place',
    change: async (d) => {
      await d.git('rm', '--quiet', await d.baseline());
      await ownBaseline(d, 'report/mine.db');
      await d.lastgood('export', 'latest', '--suite', 'desk', '--db', 'report/mine.db');
    },
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven/,
  },
  {
    name: 'another folder of baselines named, with nothing in it at the merge base',
    change: async (d) => {
      await ownBaseline(d, 'report/mine.db');
      await d.lastgood('export', 'latest', '--suite', 'desk', '--db', 'report/mine.db', '--dir', 'mine');
    },
    args: ['--snapshots', 'mine'],
    code: 3,
    says: /BASELINE_FROM_THIS_CHANGE/,
  },
  {
    name: 'a decoy suite in front of the one that is asked for',
    change: async (d) => {
      await d.write('desk/suite.yaml', suiteFile().replace('name: desk', 'name: decoy'));
      await d.write(
        'desk/cases.jsonl',
        lines(deskCases().slice(0, 10)).replaceAll('"javascript"', '"nothing"'),
      );
    },
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven/,
  },
  {
    name: 'the suite moved to another folder, with half of its cases',
    change: async (d) => {
      await rename(join(d.path, 'suites/desk'), join(d.path, 'suites/help-desk'));
      await d.write('suites/help-desk/cases.jsonl', lines(deskCases().filter((_, n) => !half(n))));
      await symlink('help-desk', join(d.path, 'suites/desk'));
    },
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven|where the suite stood/,
  },
  {
    name: 'the suite under another name, so that it has no baseline',
    change: async (d) => d.write(SUITE, suiteFile().replace('name: desk', 'name: desk-2')),
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /suspected, not proven/,
  },
  {
    name: 'a rule that rewrites the broken answers before they are graded',
    change: (d) => d.write('lastgood.yaml', "redact:\n  - { pattern: 'Sorry\\\\?', with: 'The word 1.' }\n"),
    // A recording cannot be run beside its baseline: suspected, and never green.
    code: 3,
    says: /`redact` is another one/,
  },
];

let template: DeskTemplate;
beforeAll(async () => {
  template = await deskTemplate();
});
afterAll(() => template[Symbol.asyncDispose]());

describe('a change cannot get its regression past the gate', () => {
  test.each(TRICKS)('$name', async ({ change, args = [], breaks = half, code, says }) => {
    await using d = await template.desk();
    await d.write(ANSWERS, answers(breaks));
    await change(d);
    const outcome = await d.check(...args);
    expect({ code: outcome.code, said: `${outcome.stdout}${outcome.stderr}` }).toEqual({
      code,
      said: expect.stringMatching(says),
    });
  });

  test.each(TRICKS.filter((t) => t.alsoHead !== undefined))(
    "by the branch's own exam: $name",
    async ({ change, breaks = half, alsoHead }) => {
      await using d = await template.desk();
      await d.write(ANSWERS, answers(breaks));
      await change(d);
      const outcome = await d.check('--exam', 'head');
      expect([outcome.code, outcome.stdout]).toEqual([alsoHead, expect.stringContaining('CHECK')]);
    },
  );
});

describe('what an honest change may do', () => {
  test('new and edited cases that pass are run apart, named, and hold nothing up', async () => {
    await using d = await template.desk();
    await edit(d, (c, n) => void (n === 9 && c.grade.push({ 'max-length': 9999 })));
    await d.write(
      CASES,
      `${await d.read(CASES)}${lines([{ id: 'new', vars: { ask: 'x' }, grade: [{ contains: 'yes' }] }])}`,
    );
    await d.write(
      ANSWERS,
      answers(() => false, [JSON.stringify({ case_id: 'new', output: 'yes' })]),
    );
    const outcome = await d.check('--json');
    expect(outcome.code).toBe(0);
    const [suite] = json<CheckResult>(outcome).suites;
    expect(suite).toMatchObject({
      verdict: 'unchanged',
      exam: { from: 'base', added: ['new'], edited: [caseId(9)], removedCritical: [] },
      firstRun: [
        { id: caseId(9), state: 'edited', outcome: 'pass' },
        { id: 'new', state: 'added', outcome: 'pass' },
      ],
    });
    expect(suite?.reason).toContain('1 new, 1 edited cases: not part of the verdict');
    expect(suite?.comparison?.coverage.paired).toBe(128);
    // The ledger knows places in the repository, not the temporary folder of the merge base.
    const shown = await d.lastgood('export', suite?.candidate ?? '', '--dir', 'report');
    expect(shown.code).toBe(0);
    const file = (await d.lastgood('list', '--json')).stdout;
    expect(file).not.toContain('lastgood-base-');
  });
});

describe('where there is no merge base', () => {
  test('outside of git the files are taken as they are; --exam base is refused', async () => {
    await using d = await template.desk();
    await rm(join(d.path, '.git'), { recursive: true });
    const outcome = await d.lastgood('check', 'desk', '--release', 'releases/desk.yaml', '--quiet');
    expect([outcome.code, outcome.stdout]).toEqual([
      0,
      expect.stringMatching(/exam +the files as they are here: this is not a git repository/),
    ]);
    const asked = await d.lastgood('check', 'desk', '--release', 'releases/desk.yaml', '--exam', 'base');
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('CHANGED_NO_GIT')]);
  });

  test('before the first commit the files are taken as they are', async () => {
    await using d = await template.desk();
    await rm(join(d.path, '.git'), { recursive: true });
    await d.git('init', '--quiet', '--initial-branch=main');
    const outcome = await d.lastgood('check', 'desk', '--release', 'releases/desk.yaml', '--quiet');
    expect([outcome.code, outcome.stdout]).toEqual([0, expect.stringContaining('nothing is committed yet')]);
  });

  test('a clone that git refuses to read is no folder without git', async () => {
    await using d = await template.desk();
    await rm(join(d.path, '.git/HEAD'));
    const outcome = await d.lastgood('check', 'desk', '--release', 'releases/desk.yaml', '--quiet');
    expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining('EXAM_GIT_UNREADABLE')]);
  });

  test('a shallow clone of a pull request names what to fetch; with the base fetched it works', async () => {
    await using d = await template.desk();
    await d.write(ANSWERS, answers(half));
    await d.git('commit', '--quiet', '--all', '--message', 'broken');
    await mkdir(join(d.path, 'report'));
    const clone = join(d.path, 'report/clone');
    await d.git('clone', '--quiet', '--depth', '1', '--branch', 'change', `file://${d.path}`, clone);
    const { lastgoodHere } = await import('../cli/lastgood.ts');
    const check = (env: Record<string, string>) =>
      lastgoodHere(['check', 'desk', '--release', 'releases/desk.yaml', '--quiet'], { cwd: clone, env });
    const named = await check({ GITHUB_BASE_REF: 'main' });
    expect([named.code, named.stderr]).toEqual([2, expect.stringContaining('fetch-depth: 0')]);
    const unnamed = await check({ CI: 'true' });
    expect(unnamed.code).toBe(2);
    await d.git('-C', clone, 'fetch', '--quiet', '--depth', '1', 'origin', 'main:refs/remotes/origin/main');
    const fetched = await check({ GITHUB_BASE_REF: 'main' });
    expect([fetched.code, fetched.stdout]).toEqual([3, expect.stringContaining('too shallow')]);
  });

  test('a suite that the merge base does not have is run, and has no baseline', async () => {
    await using d = await template.desk();
    await cp(join(d.path, 'suites/desk'), join(d.path, 'suites/other'), { recursive: true });
    await d.write('suites/other/suite.yaml', suiteFile().replace('name: desk', 'name: other'));
    await d.git('add', '--all');
    const outcome = await d.lastgood('check', 'other', '--release', 'releases/desk.yaml', '--quiet');
    expect([outcome.code, outcome.stdout]).toEqual([3, expect.stringContaining('no baseline')]);
    expect(outcome.stdout).toContain('has no such suite');
  });
});
