// What happens to standard output and standard error never decides the exit code, and a lost result is never silent.

import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { emptyProject, type Project, project } from './world.ts';

let echo: Project;
/** Of the bad release where every stream is open: 1 or 3. */
let verdict: number;
beforeAll(async () => {
  echo = await project();
  verdict = (await echo.shell(CHECK)).code ?? -1;
  expect([1, 3]).toContain(verdict);
});
afterAll(() => echo[Symbol.asyncDispose]());

const CHECK = '$LASTGOOD check suites/echo --release releases/bad.yaml --quiet';
const GOOD = '$LASTGOOD check suites/echo --release releases/good.yaml --quiet';

test('a closed pipe keeps the exit code of a regression and ends quietly', async () => {
  for (const reader of ['head -c 10', 'true', 'head -n 1']) {
    const bad = await echo.shell(`${CHECK} --json | ${reader} >/dev/null; echo \${PIPESTATUS[0]}`);
    // Warnings of the check itself; nothing is said of the pipe.
    expect([reader, bad.stdout.trim(), bad.stderr.replace(/^warning: .*\n/gm, '')]).toEqual([
      reader,
      `${verdict}`,
      '',
    ]);
  }
  const good = await echo.shell(`${GOOD} --json | true; echo \${PIPESTATUS[0]}`);
  expect([good.stdout.trim(), good.stderr.replace(/^warning: .*\n/gm, '')]).toEqual(['0', '']);
});

test('a large document into a closed pipe does not hang', async () => {
  const shown = await echo.shell(`$LASTGOOD diff latest latest --format html | true; echo \${PIPESTATUS[0]}`);
  expect(shown.stdout.trim()).toBe('0');
});

test.skipIf(!existsSync('/dev/full'))(
  'a full disk under standard output is reported and is exit 4',
  async () => {
    for (const command of [GOOD, CHECK, `${CHECK} --json`, '$LASTGOOD --help', '$LASTGOOD list --json']) {
      const full = await echo.shell(`${command} > /dev/full`);
      expect([command, full.code, full.stderr]).toEqual([command, 4, expect.stringContaining('[DISK_FULL]')]);
    }
  },
);

test('standard error that is closed, full or without a reader changes no verdict', async () => {
  expect((await echo.shell(`${CHECK.replace(' --quiet', '')} 2>&- >/dev/null`)).code).toBe(verdict);
  expect((await echo.shell(`${GOOD.replace(' --quiet', '')} 2>&- >/dev/null`)).code).toBe(0);
  const gone = await echo.shell(
    `{ ${CHECK.replace(' --quiet', '')}; echo $? >&3; } 3>&1 >/dev/null 2> >(true)`,
  );
  expect(gone.stdout.trim()).toBe(`${verdict}`);
  if (existsSync('/dev/full'))
    expect((await echo.shell(`${GOOD.replace(' --quiet', '')} 2>/dev/full`)).code).toBe(0);
  // An error keeps its own exit code where nobody can read it.
  expect((await echo.shell('$LASTGOOD run nothing-here --release x 2>&-')).code).toBe(2);
});

test('a `.env` that cannot be read is exit 4 with its reason', async () => {
  await using odd = await emptyProject();
  await mkdir(join(odd.path, '.env'));
  const folder = await odd.shell('$LASTGOOD doctor');
  expect([folder.code, folder.stderr]).toEqual([4, expect.stringContaining('[ENV_FILE_UNREADABLE]')]);
});

test.skipIf(!existsSync('/dev/zero'))(
  'a device where a file belongs is an error, not an endless read',
  async () => {
    await using odd = await project();
    await odd.shell(
      'mkdir -p committed releases; ln -s /dev/zero committed/a.snapshot.jsonl; ln -s /dev/zero releases/zero.yaml',
    );
    await odd.shell('ln -s /dev/zero suites/echo/zero.jsonl; ln -s /dev/zero zero.prices');
    await odd.write('releases/tape.yaml', 'name: tape\nroute: { provider: replay, file: zero.yaml }\n');
    const checked = await odd.shell(`${GOOD} --snapshots committed`);
    expect([checked.code, checked.stderr]).toEqual([4, expect.stringContaining('[FILE_UNREADABLE]')]);
    for (const [line, code] of [
      ['$LASTGOOD import committed/a.snapshot.jsonl', 4],
      ['$LASTGOOD run suites/echo --release releases/zero.yaml', 2],
      ['$LASTGOOD run suites/echo --release releases/tape.yaml', 2],
      ['$LASTGOOD run suites/echo --release releases/tape.yaml --allow-outside', 2],
      ['$LASTGOOD run suites/echo --release releases/good.yaml --prices zero.prices', 2],
      ['$LASTGOOD event import suites/echo/zero.jsonl', 2],
    ] as const) {
      const outcome = await odd.shell(line);
      expect([line, outcome.code, outcome.stderr.includes('defect')]).toEqual([line, code, false]);
    }
  },
);

test('an error that nothing catches is exit 4 with its stack, and no secret in it', async () => {
  await echo.write(
    'preload.mjs',
    `setTimeout(() => { ${'throw'} new Error('boom with ' + process.env.MY_API_KEY); }, 20); setTimeout(() => {}, 60_000);`,
  );
  await echo.write(
    'reject.mjs',
    `setTimeout(() => { Promise.reject(new Error('lost')); }, 20); setTimeout(() => {}, 60_000);`,
  );
  for (const [file, says] of [
    ['preload.mjs', 'boom with [secret]'],
    ['reject.mjs', 'lost'],
  ] as const) {
    const end = await echo.shell(`$NODE --import ./${file} ${'$'}{LASTGOOD#* } simulate`, {
      MY_API_KEY: 'abcdefghijkl',
    });
    expect([file, end.code, end.stderr]).toEqual([file, 4, expect.stringContaining(says)]);
    expect(end.stderr).not.toContain('abcdefghijkl');
  }
});

test('an old report stays where the disk is full, and the error says so', async () => {
  await echo.write('out/report.md', 'the report of yesterday\n');
  // The shell's limit on file sizes stands in for a disk without room; the ledger is made before it holds.
  const full = await echo.shell(
    `trap '' XFSZ; ulimit -f 1; $LASTGOOD diff latest latest --format html -o out/report.md`,
  );
  expect(full.code).not.toBe(1);
  expect(await readFile(join(echo.path, 'out/report.md'), 'utf8')).toBe('the report of yesterday\n');
  if (!existsSync('/dev/full')) return;
  const device = await echo.shell(`${GOOD} -o /dev/full`);
  expect([device.code, device.stderr]).toEqual([4, expect.stringContaining('[DISK_FULL]')]);
});

test('a report is replaced as a whole, keeps its mode, and leaves no part behind', async () => {
  await echo.write('out/kept.txt', 'old');
  await chmod(join(echo.path, 'out/kept.txt'), 0o640);
  expect((await echo.shell(`${GOOD} -o out/kept.txt`)).code).toBe(0);
  expect((await echo.shell('stat -c %a out/kept.txt; ls out')).stdout).toMatch(/^640\n(.*\n)*kept\.txt/);
  expect((await echo.shell('ls out')).stdout).not.toContain('.part');
});
