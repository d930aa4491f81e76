// The playbook of a feature from the command line: what it is filled with, what its check finds, and that nothing is changed by it.

import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Playbook } from '../../src/core/index.ts';
import { checkDesk, contents, MESSAGES, PEOPLE, WHOLE } from './playbook-world.ts';
import { atHalf, rolloutWorld } from './rollout-world.ts';

const DAY_MS = 86_400_000;
const day = (ago: number): string => new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10);

test('what is not there is said, and never invented', async () => {
  const d = await rolloutWorld({
    authority: { product: 'ada' },
    messages: { corrected: 'We use gpt-desk-2026-01-15.' },
  });
  const p = (await d.cli<Playbook>('playbook', 'desk', '--json')).json;
  expect(p).toMatchObject({ target: null, drill: null, rollout: null, monitors: [], fallbacks: [] });
  expect(p.authority.filter((a) => a.who !== null)).toMatchObject([{ role: 'product', who: 'ada' }]);
  expect((await d.cli('playbook', 'desk')).stdout).toMatch(
    /target {3}NONE[\s\S]*drill {4}NEVER[\s\S]*incident commander: NOT NAMED IN THE TICKET/,
  );
  await rm(join(d.dir, 'releases/brief.yaml'));
  const checked = await checkDesk(d);
  expect(checked.code).toBe(1);
  const broken = new Map(
    checked.json.lines.filter((l) => l.state === 'broken').map((l) => [l.what, l.detail]),
  );
  expect(broken.get('release file of the candidate')).toMatch(/brief\.yaml: .*RELEASE_/);
  expect(broken.get('verified rollback target')).toContain('nothing shows');
  expect(broken.get('authority: engineering')).toBe('not named in the ticket');
  expect(broken.get('message: unavailable')).toBe('the ticket has none');
  expect(broken.get('message: corrected')).toContain('names gpt-desk-2026-01-15');
  expect([...broken.keys()]).toEqual(expect.arrayContaining(['monitors', 'fallbacks', 'last drill']));

  // A ticket that cannot be read is wrong input.
  await d.write('features/typo.yaml', { feature: 'typo', monitor: [] });
  expect((await d.cli('playbook', 'typo')).code).toBe(2);
  expect((await d.cli('playbook', 'check', 'dusk')).stderr).toContain('did you mean "desk"?');
  expect((await d.cli('playbook', 'desk', '--url', 'file:///etc')).stderr).toContain('BAD_OPTION');
});

test('a monitor that was never checked or cannot tell is open, not quiet', async () => {
  const monitor = {
    name: 'length',
    signal: 'length.p95',
    reference: { from: day(40), to: day(20) },
    change: '20%',
  };
  const d = await rolloutWorld({ ...WHOLE, monitors: [monitor] });
  const before = contents(d);
  const never = (await checkDesk(d)).json.lines.filter(
    (l) => l.what === 'monitor length' || l.step === 'detect.monitor',
  );
  expect(contents(d)).toEqual(before);
  expect(never.map((l) => l.state)).toEqual(['open', 'open']);
  expect((await d.cli('monitor', 'desk')).code).toBe(3);
  const found = (await checkDesk(d)).json.lines.find((l) => l.what === 'monitor length');
  expect(found).toMatchObject({ state: 'open', detail: expect.stringContaining('cannot-tell') });
});

const HOSTILE =
  '`x` \u001b[2J<script>alert(1)</script> @all | a\n# Heading\n```\n~~~ ![i](http://e.vil/) ::error::';

test('texts of the ticket act on no terminal, page or shell', async () => {
  const path = "../releases/it's $(touch owned) `x`.yaml";
  const d = await rolloutWorld({
    ...WHOLE,
    workflow: HOSTILE,
    authority: { ...PEOPLE, 'incident-commander': HOSTILE },
    messages: { ...MESSAGES, unavailable: HOSTILE },
    fallbacks: [{ name: HOSTILE, release: path, 'use-when': HOSTILE, 'not-when': HOSTILE }],
  });
  await writeFile(join(d.dir, 'features', path), await readFile(join(d.dir, 'releases/brief.yaml'), 'utf8'));
  const short = await d.cli('playbook', 'desk');
  const checked = await d.cli('playbook', 'check', 'desk', '--verbose');
  await d.cli('playbook', 'desk', '--out', 'playbook.md');
  const page = await readFile(join(d.dir, 'playbook.md'), 'utf8');
  for (const text of [short.stdout, checked.stdout, page]) {
    expect(text).not.toContain('\u001b');
    expect(text).not.toMatch(/^::error/m);
  }
  // Outside of fences no markup of the ticket is left; each fence ends where it should.
  const outside = page.replace(/^(`{3,})(sh|text)\n[\s\S]*?\n\1$/gm, '');
  expect(outside).not.toMatch(/^`{3}/m);
  expect(outside).not.toMatch(/(?<!\\)<script|(?<!\\)!\[|@all/);
  expect(outside.match(/^#+ .*/gm)).toEqual([
    '# Playbook: desk in production',
    ...['## Now', '## 1. Detect', '## 2. Triage', '## 3. Roll back', '### Fallbacks'],
    ...['## 4. Communicate', '## 5. Investigate', '## 6. Post-mortem'],
  ]);

  // A shell that gets the printed command hands over exactly the words.
  const { steps } = (await d.cli<Playbook>('playbook', 'desk', '--json')).json;
  const bin = join(d.dir, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'lastgood'), '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done\n');
  await chmod(join(bin, 'lastgood'), 0o755);
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  for (const { command, words } of steps) {
    const got = execFileSync('/bin/sh', ['-c', command], { cwd: d.dir, env, encoding: 'utf8' });
    expect(got.split('\0').slice(0, -1)).toEqual(words);
  }
  expect(() => execFileSync('/bin/ls', [join(d.dir, 'owned')], { stdio: 'ignore' })).toThrow();
});

test('a dry run says what would happen, refuses what would be refused, and changes nothing', async () => {
  const d = await rolloutWorld(WHOLE);
  await atHalf(d);
  const before = contents(d);
  const signed = ['--by', 'ada', '--why', 'try'];
  const said = await d.cli(
    'flag',
    'set',
    'ai.action.mode',
    'draft',
    '--feature',
    'desk',
    '--dry-run',
    ...signed,
  );
  expect(said.stdout).toMatch(/^DRY RUN: nothing was changed[\s\S]*draft/);
  const stop = await d.cli('stop', 'desk', '--dry-run', '--json', ...signed);
  expect(stop.json).toMatchObject({ kind: 'stop', stopped: true, dryRun: true });
  const abort = await d.cli('rollout', 'abort', 'desk', '--dry-run', '--json', ...signed);
  expect(abort.json).toMatchObject({ status: 'aborted', percent: 0, dryRun: true });
  const refused = await d.cli('registry', 'set', 'desk', 'brief', '--dry-run', ...signed);
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('REGISTRY_DOUBTFUL') });
  expect((await d.cli('flag', 'set', 'ai.action.mode', 'no', '--dry-run', ...signed)).code).toBe(2);
  const event = await d.cli('event', 'add', '--kind', 'note', '--text', 'x', '--dry-run', '--json');
  expect(event.json).toMatchObject({ kind: 'event', dryRun: true });
  expect(contents(d)).toEqual(before);
  expect((await d.rollout('status')).json).toMatchObject({ status: 'running', percent: 50 });
});
