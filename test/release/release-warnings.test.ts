// A prompt that is the name of a file would send the name.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadRelease, releaseWarnings } from '../../src/release/index.ts';

async function warningsOf(prompt: string): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-release-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const folder of ['prompts', 'releases']) await mkdir(join(dir, folder));
  await writeFile(join(dir, 'prompts/p.md'), 'Be kind.');
  const file = join(dir, 'releases/r.yaml');
  await writeFile(file, `route: { provider: openai, model: gpt-4o-2024-11-20 }\nprompt: ${prompt}\n`);
  return releaseWarnings(await loadRelease(file)).map((w) => `${w.message.replace(dir, '')} | ${w.hint}`);
}

test('a system prompt that names an existing file is a warning that says what to write', async () => {
  expect(await warningsOf('{ system: ../prompts/p.md }')).toEqual([
    '/releases/r.yaml: `prompt.system` is the text "../prompts/p.md", which is the name of a file; the name is sent, not the file\'s content | did you mean { file: ../prompts/p.md }?',
  ]);
  const [inMessage] = await warningsOf('{ messages: [{ role: user, content: ../prompts/p.md }] }');
  expect(inMessage).toContain('`prompt.messages[0].content`');
});

test.each([
  '{ system: { file: ../prompts/p.md } }',
  '{ system: ../prompts/gone.md }',
  '{ system: "See ../prompts/p.md" }',
  '{ system: ../prompts }',
])('no warning for %s', async (prompt) => {
  expect(await warningsOf(prompt)).toEqual([]);
});
