// The script that a command runs is part of the release: its content is in the fingerprint, and in a file written from it.

import { expect, test } from 'vitest';
import { isJsonObject } from '../../src/base/json.ts';
import { releaseToYaml } from '../../src/release/index.ts';
import { fingerprintOf, problemsOf, releaseOf } from './memory.ts';

const command = (words: string, more = ''): string =>
  `name: bot\nroute: { provider: command, command: ${words}${more} }\n`;

async function scriptsOf(text: string, files: Record<string, string>): Promise<string[]> {
  const { scripts } = (await releaseOf(text, files)).layers.route;
  return isJsonObject(scripts) ? Object.keys(scripts) : [];
}

test('another script is another fingerprint; line ends and other files are not', async () => {
  const release = command('node bot.mjs --config rules.json');
  const before = await fingerprintOf(release, { 'bot.mjs': 'a();\nb();\n', 'rules.json': '1' });
  expect(await fingerprintOf(release, { 'bot.mjs': 'a();\nc();\n', 'rules.json': '1' })).not.toBe(before);
  expect(await fingerprintOf(release, { 'bot.mjs': 'a();\r\nb();\r\n', 'rules.json': '1' })).toBe(before);
  expect(await fingerprintOf(release, { 'bot.mjs': 'a();\nb();\n', 'rules.json': '2' })).toBe(before);
});

test.each([
  ['node bot.mjs', ['bot.mjs']],
  ['./bot.sh', ['./bot.sh']],
  ['app/bot --fast', ['app/bot']],
  ['[python3, -m, bot, ../app/bot.py]', ['../app/bot.py']],
  ['node --import tsx --env-file .env bot.ts out.json', ['bot.ts']],
  // Looked up in PATH, not here.
  ['bot', []],
  // Named by an absolute path, or not there: a program of the machine.
  ['[/usr/bin/env, node, /opt/bot.mjs, gone.mjs]', []],
  ['[bash, -c, "node bot.mjs"]', []],
])('%s runs %j', async (words, scripts) => {
  const files = {
    ...{ 'bot.mjs': '1', './bot.sh': '2', 'app/bot': '3', '../app/bot.py': '4', 'bot.ts': '5', bot: '6' },
    ...{ '.env': '7', 'out.json': '8', '/opt/bot.mjs': '9' },
  };
  expect(await scriptsOf(command(words), files)).toEqual(scripts);
});

test('a script is looked for where the command runs', async () => {
  const release = command('node bot.mjs', ', cwd: ../app');
  expect(await scriptsOf(release, { 'bot.mjs': '1' })).toEqual([]);
  expect(await scriptsOf(release, { '../app/bot.mjs': '1' })).toEqual(['bot.mjs']);
});

test('a release written as a file names its script by content, and refuses another', async () => {
  const files = { 'bot.mjs': 'a();\n' };
  const release = await releaseOf(command('node bot.mjs'), files);
  const written = releaseToYaml(release, '/shop');
  expect((await releaseOf(written, files)).fingerprint).toBe(release.fingerprint);
  for (const changed of [{ 'bot.mjs': 'b();\n' }, {}])
    expect(await problemsOf(written, changed)).toMatchObject([
      { code: 'RELEASE_SCRIPT_CHANGED', where: { key: 'route.scripts' } },
    ]);
});
