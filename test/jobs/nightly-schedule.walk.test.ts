// The printed CI jobs, their steps run by a real shell: three nights, with the ledger kept in the cache or thrown away.

import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  /** One night, as the job's number `n`; the exit code of the step that failed, and what was printed. */
  night(n: number): Promise<{ code: number; said: string }>;
  /** What a person does by hand with last night's artifact. */
  makeBaseline(): Promise<void>;
  answer(good: boolean): Promise<void>;
}

const COUNT = 20;

/** A project whose nightly job was printed by `scheduler`. `keeps`: does the cache hold the ledger until the next night? */
async function job(path: string, scheduler: 'github' | 'gitlab', keeps: boolean): Promise<Job> {
  const bin = join(path, 'bin');
  await mkdir(bin);
  await mkdir(join(path, 'project/suites'), { recursive: true });
  const cwd = join(path, 'project');
  // The packages of the project: the same words reach this source tree.
  await writeFile(
    join(bin, 'npx'),
    `#!/usr/bin/env bash\nshift\nexec "${process.execPath}" "${join(ROOT, 'bin/lastgood.js')}" "$@"\n`,
  );
  await writeFile(join(bin, 'npm'), '#!/usr/bin/env bash\n');
  for (const tool of ['npx', 'npm']) await chmod(join(bin, tool), 0o755);
  const ids = Array.from({ length: COUNT }, (_, n) => `ask-${n}`);
  const rows = (of: (id: string) => unknown): string =>
    `${ids.map((id) => JSON.stringify(of(id))).join('\n')}\n`;
  await writeFile(join(cwd, 'suites/desk.yaml'), 'name: desk\ncases: [cases.jsonl]\n');
  await writeFile(
    join(cwd, 'suites/cases.jsonl'),
    rows((id) => ({ id, vars: { ask: id }, grade: [{ contains: 'yes' }] })),
  );
  // An application outside of the release: what it answers changes without a new fingerprint, as a provider's model does.
  await writeFile(
    join(cwd, 'release.yaml'),
    'name: desk\nroute: { provider: command, command: [bash, answer.sh] }\nprompt: { messages: [{ role: user, content: "{{ ask }}" }] }\n',
  );
  const answer = (good: boolean): Promise<void> =>
    writeFile(join(cwd, 'answer.sh'), `cat > /dev/null; echo ${good ? 'yes' : 'no'}\n`);
  await answer(true);

  const printed = await lastgoodHere(
    ['nightly', 'desk', '--release', 'release.yaml', '--print-schedule', scheduler],
    { cwd },
  );
  expect(printed.code).toBe(0);
  const steps = stepsOf(printed.stdout, scheduler);
  const ledger = join(cwd, cachedPath(printed.stdout, scheduler));
  const run = (script: string, env: Record<string, string>) =>
    new Promise<{ code: number; said: string }>((done) => {
      execFile(
        'bash',
        ['-e', '-c', script],
        {
          cwd,
          env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: process.env['HOME'] ?? '', ...env },
        },
        (error, stdout, stderr) =>
          done({ code: error === null ? 0 : Number(error.code), said: `${stdout}${stderr}` }),
      );
    });
  return {
    answer,
    async night(n) {
      if (!keeps) for (const end of ['', '-wal', '-shm']) await rm(`${ledger}${end}`, { force: true });
      await rm(join(cwd, 'lastgood-night'), { recursive: true, force: true });
      let code = 0;
      let said = '';
      for (const step of steps) {
        if (step.run === undefined || (code !== 0 && step.if !== 'always()')) continue;
        const env = Object.fromEntries(
          Object.entries(step.env ?? {}).map(([name, value]) => [
            name,
            value.replace(/^\$\{\{ github\.run_number \}\}$/, String(n)).replace(/\$\{\{.*?\}\}/g, ''),
          ]),
        );
        const outcome = await run(step.run, env);
        said += outcome.said;
        if (code === 0) code = outcome.code;
      }
      return { code, said };
    },
    async makeBaseline() {
      const [file] = await readdir(join(cwd, 'lastgood-night'));
      const db = ['--db', join(path, 'laptop.db')];
      for (const args of [
        ['import', join('lastgood-night', file ?? 'none')],
        [
          'bless',
          'latest',
          '--suite',
          'desk',
          '--by',
          'Ada',
          '--why',
          'read',
          '--override',
          'made elsewhere',
        ],
        ['export', 'baseline', '--suite', 'desk'],
      ]) {
        const outcome = await lastgoodHere([...args, ...db], { cwd });
        expect({ args, ...outcome }).toMatchObject({ code: 0 });
      }
    },
  };
}

function stepsOf(text: string, scheduler: 'github' | 'gitlab'): Step[] {
  const document = parse(text) as Record<string, Record<string, unknown>>;
  if (scheduler === 'github')
    return (document['jobs'] as unknown as { nightly: { steps: Step[] } }).nightly.steps;
  const { script, after_script: after } = document['lastgood-nightly'] as Record<string, string[]>;
  return [
    ...(script ?? []).map((line) => ({ run: line })),
    ...(after ?? []).map((line) => ({ run: line, if: 'always()' })),
  ];
}

/** The one path that is kept between nights: restored before, saved whatever happened. */
function cachedPath(text: string, scheduler: 'github' | 'gitlab'): string {
  if (scheduler === 'gitlab') {
    const { cache } = (parse(text) as Record<string, { cache: { paths: string[]; when: string } }>)[
      'lastgood-nightly'
    ] as { cache: { paths: string[]; when: string } };
    expect(cache.when).toBe('always');
    return cache.paths[0] ?? '';
  }
  const caches = stepsOf(text, scheduler).filter((s) => s.uses?.startsWith('actions/cache/'));
  expect(caches.map((s) => [s.uses, s.if])).toEqual([
    ['actions/cache/restore@v4', undefined],
    ['actions/cache/save@v4', 'always()'],
  ]);
  expect(new Set(caches.map((s) => s.with?.['path'])).size).toBe(1);
  return String(caches[0]?.with?.['path']);
}

describe.each([
  ['github', true],
  ['github', false],
  ['gitlab', true],
] as const)('the printed %s job, ledger kept: %s', (scheduler, keeps) => {
  test('has a baseline from the night after one is committed, and finds the night that broke', async () => {
    await using dir = await temporaryFolder();
    const nightly = await job(dir.path, scheduler, keeps);
    const first = await nightly.night(1);
    expect(first).toMatchObject({ code: 0, said: expect.stringContaining('no baseline yet') });
    await nightly.makeBaseline();
    const second = await nightly.night(2);
    expect(second).toMatchObject({ code: 0, said: expect.stringMatching(/^green/m) });
    await nightly.answer(false);
    const third = await nightly.night(3);
    expect(third).toMatchObject({ code: 1, said: expect.stringContaining('REGRESSED') });
  }, 60_000);
});

test.each([
  ['github', false],
  ['gitlab', true],
] as const)(
  'the printed %s job, ledger kept: %s, is no success from the third night on, where nobody ever blesses one',
  async (scheduler, keeps) => {
    await using dir = await temporaryFolder();
    const nightly = await job(dir.path, scheduler, keeps);
    const codes: number[] = [];
    for (const n of [1, 2, 3]) codes.push((await nightly.night(n)).code);
    expect(codes).toEqual([0, 0, 3]);
  },
  60_000,
);
