// A change of the application behind an unchanged release: a control of today would run it for both, and must not acquit it.

import { expect, test } from 'vitest';
import type { CheckResult } from '../../src/core/index.ts';
import { json } from '../cli/lastgood.ts';
import { caseId, type Desk, deskTemplate } from '../security/desk-repository.ts';

// A shell answers ten times as fast as Node starts, and these tests ask a thousand times.
const BOT = `. app/words.sh
asked=$(cat)
n=\${asked#*say word }
n=\${n%%[!0-9]*}
if broken "$n" "$asked"; then printf 'Sorry?'; else printf 'The word %s.' "$n"; fi
`;
const RELEASE = (more = ''): string =>
  `name: desk\nroute: { provider: command, command: [/bin/sh, app/bot.sh], cwd: .. }\n${more}`;
/** What the program takes from beside it: when it fails, by the number of the word ($1) and what it is asked ($2). */
const words = (broken: string): string => `broken() { ${broken}; }\n`;
const BRIEFLY = 'case $2 in *briefly*) [ $(($1 % 2)) = 0 ];; *) false;; esac';
const FEW = 24;

/** The desk of a command: 24 cases, each answered by a program of the repository, with a committed baseline. */
async function commandDesk(d: Desk): Promise<void> {
  await d.git('switch', '--quiet', 'main');
  await d.write('app/words.sh', words(BRIEFLY));
  await d.write('app/bot.sh', BOT);
  await d.write('releases/desk.yaml', RELEASE());
  await d.write(
    'suites/desk/cases.jsonl',
    `${Array.from({ length: FEW }, (_, n) =>
      JSON.stringify({ id: caseId(n), vars: { ask: `say word ${n}` }, grade: [{ contains: `word ${n}.` }] }),
    ).join('\n')}\n`,
  );
  await d.git('rm', '--quiet', await d.baseline());
  const db = ['--db', 'report/app.db'];
  const ran = await d.lastgood('run', 'desk', '--release', 'releases/desk.yaml', '--quiet', ...db);
  expect(ran.code).toBe(0);
  expect((await d.lastgood('export', 'latest', '--suite', 'desk', ...db)).code).toBe(0);
  await d.git('add', '--all');
  await d.git('commit', '--quiet', '--message', 'an application');
  await d.git('switch', '--quiet', '--create', 'app-change');
}

async function checked(d: Desk): Promise<{ code: number | null; result: CheckResult }> {
  const outcome = await d.check('--json', '--concurrency', '4');
  return { code: outcome.code, result: json<CheckResult>(outcome) };
}

test('an application that breaks a sixth of its answers is suspected, never acquitted as a moved world', async () => {
  await using template = await deskTemplate();
  await using d = await template.desk();
  await commandDesk(d);
  await d.write('app/words.sh', words('[ $(($1 % 6)) = 0 ]'));
  const { code, result } = await checked(d);
  expect(code).toBe(3);
  const [suite] = result.suites;
  expect(suite).toMatchObject({ verdict: 'inconclusive', gate: 'inconclusive' });
  expect(suite?.comparison?.cause).toBeNull();
  expect(suite?.reason).toContain('suspected, not proven');
  expect(suite?.reason).toContain('the application as it is now');
});

test('an application that breaks half of its answers is regressed without a control, and nobody is named as the cause', async () => {
  await using template = await deskTemplate();
  await using d = await template.desk();
  await commandDesk(d);
  await d.write('app/words.sh', words('[ $(($1 % 2)) = 0 ]'));
  const { code, result } = await checked(d);
  const [suite] = result.suites;
  expect(suite).toMatchObject({ verdict: 'regressed', gate: 'fail', comparison: { cause: null } });
  expect(suite?.reason).toContain('the pass rate collapsed by 50.0 points');
  expect(suite?.reason).toContain('the application as it is now');
  expect(code).toBe(1);
});

test('where only the release file changed, the application stands, and a control convicts the change', async () => {
  await using template = await deskTemplate();
  await using d = await template.desk();
  await commandDesk(d);
  // The program is what it was; the release asks it something else.
  await d.write(
    'releases/desk.yaml',
    RELEASE('prompt: { messages: [{ role: user, content: "{{ ask }} briefly" }] }\n'),
  );
  const { code, result } = await checked(d);
  expect(result.suites[0]).toMatchObject({ verdict: 'regressed', comparison: { cause: 'change' } });
  expect(code).toBe(1);
});

test('where the application changed too, the same control convicts a worse release and clears no broken application', async () => {
  await using template = await deskTemplate();
  await using d = await template.desk();
  await commandDesk(d);
  const asks = (how: string): Promise<unknown> =>
    d.write(
      'releases/desk.yaml',
      RELEASE(`prompt: { messages: [{ role: user, content: "{{ ask }} ${how}" }] }\n`),
    );
  // An innocent edit of both: half of the answers fail only where they are asked for briefly.
  await d.write('app/words.sh', `# edited\n${words(BRIEFLY)}`);
  await asks('briefly');
  const worse = await checked(d);
  expect(worse.result.suites[0]).toMatchObject({ verdict: 'regressed', comparison: { cause: 'change' } });
  expect(worse.code).toBe(1);
  await asks('please');
  await d.write('app/words.sh', words('[ $(($1 % 6)) = 0 ]'));
  const broken = await checked(d);
  expect(broken.result.suites[0]).toMatchObject({ verdict: 'inconclusive', gate: 'inconclusive' });
  expect(broken.result.suites[0]?.comparison?.cause).toBeNull();
  expect(broken.code).toBe(3);
});
