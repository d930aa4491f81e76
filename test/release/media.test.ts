// Images and files in a prompt: their bytes are in the fingerprint, the written file stands on its own, and a diff shows labels.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { diffReleases, loadRelease, parseRelease, releaseToYaml } from '../../src/release/index.ts';
import { checkRequests, renderRequest } from '../../src/run/index.ts';
import { PDF, PNG } from '../fixtures/media.ts';
import { refundCase } from '../run/refund-bot.ts';

async function folder(prompt: string, route = '{ provider: openai, model: gpt-5-2026-04-01 }') {
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-media-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'a.png'), PNG);
  await writeFile(join(dir, 'a.pdf'), PDF);
  await writeFile(join(dir, 'rules.md'), 'Be {{ tone }}.\n');
  await writeFile(join(dir, 'r.yaml'), `route: ${route}\nprompt: ${prompt}\n`);
  return join(dir, 'r.yaml');
}

const PROMPT = `
  system: [{ text: { file: rules.md }, cache: true }]
  examples: [{ user: [{ image: a.png }], assistant: a dot }]
  messages: [{ role: user, content: [{ text: "{{ ticket }}" }, { file: a.pdf }, { image: "https://img.example/{{ id }}.png" }] }]`;

test('a prompt with parts is filled for each case', async () => {
  const release = await loadRelease(await folder(PROMPT));
  const c = refundCase('t', { vars: { tone: 'kind', ticket: 'Broken', id: '7' } });
  expect(renderRequest(release, c, 0).messages).toMatchObject([
    { role: 'system', content: 'Be kind.\n', parts: [{ text: 'Be kind.\n', cache: true }] },
    { role: 'user', parts: [{ media: { type: 'image/png', bytes: PNG.length } }] },
    { role: 'assistant', content: 'a dot' },
    {
      role: 'user',
      parts: [
        { text: 'Broken' },
        { media: { kind: 'file', name: 'a.pdf', data: PDF.toString('base64') } },
        { media: { kind: 'image', url: 'https://img.example/7.png' } },
      ],
    },
  ]);
});

test('other bytes make another fingerprint; the written release is the same release', async () => {
  const file = await folder(PROMPT);
  const before = await loadRelease(file);
  const written = releaseToYaml(before);
  const again = await parseRelease(written, '/elsewhere/r.yaml', () => Promise.reject(new Error('no file')));
  expect(again.fingerprint).toBe(before.fingerprint);
  await writeFile(join(file, '../a.png'), Buffer.concat([PNG, Buffer.from([0])]));
  const after = await loadRelease(file);
  expect(after.fingerprint).not.toBe(before.fingerprint);
  const prompt = diffReleases(before, after).find(({ layer }) => layer === 'prompt');
  expect(prompt?.lines).toEqual([
    expect.stringMatching(
      /^examples\[0\]\.content\[0\]\.image: "\[file: image\/png, 70 bytes, sha256 6b7fa434f92a\]" -> "\[file: image\/png, 71 bytes/,
    ),
  ]);
});

test.each([
  ['{ messages: [{ role: user, content: [{ image: gone.png }] }] }', 'MEDIA_UNREADABLE'],
  ['{ messages: [{ role: user, content: [{ image: a.pdf }] }] }', 'MEDIA_TYPE'],
  ['{ messages: [{ role: assistant, content: [{ image: a.png }] }] }', 'RELEASE_BAD_VALUE'],
  ['{ system: [{ image: a.png }] }', 'RELEASE_BAD_VALUE'],
])('%s is refused', async (prompt, code) => {
  const file = await folder(prompt);
  await expect(loadRelease(file)).rejects.toMatchObject({ code, where: { file, line: 2 } });
});

test.each([
  [
    '{ provider: anthropic, model: claude-x }',
    '[{ file: "data:audio/wav;base64,UklGRgAAAABXQVZF" }]',
    'PDF and text files',
  ],
  [
    '{ provider: openai, api: chat, model: gpt-x }',
    '[{ file: "https://x.example/a.pdf" }]',
    'api: responses',
  ],
  ['{ provider: openai, model: gpt-x }', '[{ image: "{{ ticket }}" }]', 'expected an address'],
])('%s: what the API does not take is refused before a call', async (route, content, why) => {
  const release = await loadRelease(
    await folder(`{ messages: [{ role: user, content: ${content} }] }`, route),
  );
  const [problem] = checkRequests([refundCase('t', { vars: { ticket: 'pics/a.png' } })], release);
  expect(problem?.message).toContain(why);
  expect(problem?.where).toMatchObject({ caseId: 't' });
});
