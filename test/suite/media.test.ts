// Images and files in messages: what they read as, that their bytes make the case's version, and what is refused before a run.

import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mediaTypeOf } from '../../src/base/media-file.ts';
import { withTrust } from '../../src/base/trust.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { MediaTotal } from '../../src/suite/media-total.ts';
import { PDF, PNG, PNG_HASH } from '../fixtures/media.ts';
import { caseOf, folder, problemsOf, suiteOf } from './world.ts';

const suiteText = (content: string, rest = '') =>
  `name: lamps\ncases:\n  - id: broken\n    vars: { what: lamp, host: img.example }\n    messages: [{ role: user, content: ${content} }]\n    grade: [{ contains: lamp }]\n${rest}`;

async function world(content: string): Promise<string> {
  const dir = await folder({ 'suite.yaml': suiteText(content) });
  await mkdir(join(dir, 'pics'));
  await writeFile(join(dir, 'pics/lamp.jpg'), PNG);
  await writeFile(join(dir, 'bill.pdf'), PDF);
  return dir;
}

const hashIn = async (dir: string) => caseOf(await loadSuite(join(dir, 'suite.yaml')), 'broken').contentHash;

test('parts are read with their bytes; the type is that of the bytes, texts and addresses are filled', async () => {
  const dir = await world(
    '[{ text: "Which {{ what }}?", cache: 1h }, { image: pics/lamp.jpg, detail: low }, { file: bill.pdf, name: "the bill" }, { image: "https://{{ host }}/a.png" }]',
  );
  const [message] = caseOf(await loadSuite(join(dir, 'suite.yaml')), 'broken').messages ?? [];
  expect(message?.parts).toEqual([
    { text: 'Which lamp?', cache: '1h' },
    {
      media: {
        kind: 'image',
        type: 'image/png',
        bytes: PNG.length,
        sha256: PNG_HASH,
        data: PNG.toString('base64'),
        name: 'lamp.jpg',
      },
      detail: 'low',
    },
    { media: expect.objectContaining({ kind: 'file', type: 'application/pdf', name: 'the bill' }) },
    { media: { kind: 'image', url: 'https://img.example/a.png' } },
  ]);
  expect(message?.content).toBe(
    `Which lamp?\n[image lamp.jpg: image/png, ${PNG.length} bytes, sha256 ${PNG_HASH.slice(0, 12)}]\n[file the bill: application/pdf, ${PDF.length} bytes, sha256 4688ecb15e6e]\n[image: https://img.example/a.png]`,
  );
});

test('other bytes make another version of the case, another path to the same image does not', async () => {
  const dir = await world('[{ text: Look }, { image: pics/lamp.jpg }]');
  const first = await hashIn(dir);
  await rename(join(dir, 'pics'), join(dir, 'photos'));
  await writeFile(join(dir, 'suite.yaml'), suiteText('[{ text: Look }, { image: photos/lamp.jpg }]'));
  expect(await hashIn(dir)).toBe(first);
  await writeFile(join(dir, 'photos/lamp.jpg'), Buffer.concat([PNG, Buffer.from([0])]));
  expect(await hashIn(dir)).not.toBe(first);
});

test("OpenAI's spelling of images and files reads the same", async () => {
  const url = `data:image/jpeg;base64,${PNG.toString('base64')}`;
  const suite = await suiteOf({
    'suite.yaml': suiteText(
      `[{ type: text, text: Look }, { type: image_url, image_url: { url: "${url}", detail: high } }, { type: input_file, filename: a.txt, file_data: "data:text/plain;base64,aGVsbG8=" }]`,
    ),
  });
  expect(caseOf(suite, 'broken').messages?.[0]?.parts).toMatchObject([
    { text: 'Look' },
    { media: { type: 'image/png', sha256: PNG_HASH }, detail: 'high' },
    { media: { kind: 'file', type: 'text/plain', name: 'a.txt', bytes: 5 } },
  ]);
});

test('turns take parts too', async () => {
  const dir = await folder({
    'suite.yaml':
      'name: lamps\ncases:\n  - id: t\n    turns: [{ user: [{ text: Look }, { image: a.png }], grade: [{ contains: x }] }, And now?]\n',
  });
  await writeFile(join(dir, 'a.png'), PNG);
  const { turns } = caseOf(await loadSuite(join(dir, 'suite.yaml')), 't');
  expect(turns).toMatchObject([
    {
      user: expect.stringContaining('[image a.png:'),
      parts: [{ text: 'Look' }, { media: { sha256: PNG_HASH } }],
    },
    { user: 'And now?' },
  ]);
});

test.each([
  ['[{ image: gone.png }]', 'MEDIA_UNREADABLE', 'the file "gone.png" does not exist'],
  ['[{ image: suite.yaml }]', 'MEDIA_TYPE', 'is text/plain, expected PNG, JPEG, GIF or WebP'],
  ['[{ image: "data:image/png;base64,%%" }]', 'MEDIA_UNREADABLE', 'data:TYPE;base64,BYTES'],
  ['[{ type: file, file: { file_id: f1 } }]', 'MEDIA_UNREADABLE', 'named by its id'],
  ['[{ imag: a.png }]', 'SUITE_UNKNOWN_KEY', 'imag'],
])('%s is refused with its place', async (content, code, message) => {
  const [problem] = await problemsOf({ 'suite.yaml': suiteText(content) });
  expect(problem).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(problem?.where).toMatchObject({ file: 'suite.yaml', line: 5 });
});

test('only the user sends files', async () => {
  const problems = await problemsOf({
    'suite.yaml': suiteText('hello }, { role: assistant, content: [{ image: "https://x.example/a.png" }]'),
  });
  expect(problems).toMatchObject([
    { code: 'SUITE_BAD_CASE', message: expect.stringContaining('"assistant"') },
  ]);
});

test('a path or a link that leads out of the working tree is refused', async () => {
  const outside = await folder({});
  await writeFile(join(outside, 'a.png'), PNG);
  const dir = await world(`[{ image: link.png }]`);
  await symlink(join(outside, 'a.png'), join(dir, 'link.png'));
  const rules = {
    root: null,
    allowOutside: false,
    code: true,
    allowCommands: false,
    untrusted: false,
    standing: new Set<string>(),
    announce: () => {},
  };
  await expect(withTrust(rules, () => hashIn(dir))).rejects.toMatchObject({ code: 'PATH_OUTSIDE' });
  await expect(withTrust({ ...rules, allowOutside: true }, () => hashIn(dir))).resolves.toMatch(
    /^[0-9a-f]{64}$/,
  );
});

test('a suite whose files are too large together is refused', async () => {
  const dir = await world('[{ image: pics/lamp.jpg }, { image: pics/lamp.jpg }]');
  const c = caseOf(await loadSuite(join(dir, 'suite.yaml')), 'broken');
  expect(() => new MediaTotal({ mostBytes: PNG.length }).add(c)).toThrow(/more than \d+ bytes together/);
  expect(new MediaTotal({ mostBytes: 2 * PNG.length }).add(c)).toBe(2 * PNG.toString('base64').length);
});

test('types are told by the first bytes', () => {
  const type = (bytes: string) => mediaTypeOf(Buffer.from(bytes, 'latin1'));
  expect(type('RIFF\x10\0\0\0WEBPVP8 ')).toBe('image/webp');
  expect(type('\xff\xd8\xff\xe0..JFIF')).toBe('image/jpeg');
  expect(type('BMW sells cars')).toBe('text/plain');
  expect(type('PK\x03\x04......word/document.xml')).toMatch(/wordprocessingml/);
  expect(type('PK\x03\x04......anything')).toBeNull();
  expect(type('\0\x01\x02')).toBeNull();
  expect(type('')).toBeNull();
});
