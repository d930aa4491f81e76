// `validate` fills every template a release has with the cases of a suite, the body of an http route too; `run` refuses the same.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { WireServer } from '../provider/wire-server.ts';

test('a body that asks for what a case does not have is an error before any call', async () => {
  await using server = await WireServer.start({});
  await using dir = await temporaryFolder();
  await mkdir(join(dir.path, 'releases'));
  const write = (name: string, text: string) => writeFile(join(dir.path, name), text);
  await write(
    'suite.yaml',
    'name: desk\ncases:\n  - { id: whole, vars: { question: "Where?" }, grade: [{ contains: x }] }\n' +
      '  - { id: lacking, vars: { qestion: "Where?" }, grade: [{ contains: x }] }\n',
  );
  const route = (q: string) => `route: { provider: http, url: "${server.url}/a", body: { q: "${q}" } }\n`;
  await write('releases/app.yaml', route('{{ question }}'));
  await write('releases/broken.yaml', route('{{ question'));
  const here = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });

  const checked = await here('validate', 'suite.yaml', '--release', 'app');
  expect(checked.code).toBe(2);
  expect(checked.stdout + checked.stderr).toMatch(/lacking[\s\S]*asks for "question"/);
  const run = await here('run', 'suite.yaml', '--release', 'app');
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('asks for "question"');
  expect(server.requests).toEqual([]);

  const alone = await here('validate', 'releases/broken.yaml');
  expect(alone.code).toBe(2);
  expect(alone.stdout + alone.stderr).toContain('route.body.q');
});

test('one mistake in many cases is printed once, and the release that is named is looked at too', async () => {
  await using dir = await temporaryFolder();
  const write = (name: string, text: string) => writeFile(join(dir.path, name), text);
  await mkdir(join(dir.path, 'prompts'));
  await write('prompts/p.md', 'Be brief.');
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  await write(
    'suite.yaml',
    `name: desk\ncases:\n${ids.map((id) => `  - { id: ${id}, vars: { question: "Where?" }, grade: [{ contains: x }] }\n`).join('')}`,
  );
  const release = (system: string, user: string) =>
    `route: { provider: openai, model: gpt-4o-2024-11-20 }\nprompt: { system: ${system}, messages: [{ role: user, content: "${user}" }] }\n`;
  await write('wrong.yaml', release('Hello', '{{ qestion }}'));
  await write('file.yaml', release('prompts/p.md', '{{ question }}'));
  const here = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });
  const wrong = await here('validate', 'suite.yaml', '--release', 'wrong.yaml');
  expect(wrong.code).toBe(2);
  expect(wrong.stdout.match(/TEMPLATE_VARIABLE_MISSING/g)).toHaveLength(1);
  expect(wrong.stdout).toContain('the same in 5 other cases: b, c, d and 2 more');
  const named = await here('validate', 'suite.yaml', '--release', 'file.yaml');
  expect(named.code).toBe(0);
  expect(named.stdout).toContain('did you mean { file: prompts/p.md }?');
});
