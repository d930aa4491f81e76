// Places of files as they are kept: from the project's folder, on any system, and back again.

import { join, posix, win32 } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportSnapshot, importSnapshot, openLedger } from '../../src/ledger/index.ts';
import { placesOf } from '../../src/ledger/model/portable-paths.ts';
import {
  answered,
  closing,
  collect,
  failed,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  temporaryFolder,
} from './world.ts';

describe('a place', () => {
  const posixCases = [
    ['/home/ann/desk', '/home/ann/desk/suites/refund/suite.yaml', './suites/refund/suite.yaml'],
    ['/home/ann/desk', '/home/ann/desk', '.'],
    ['/home/ann/desk', '/home/ann/desk/..data/x', './..data/x'],
    ['/home/ann/desk', '/home/ann/judges/strict.yaml', '../judges/strict.yaml'],
    ['/home/ann/desk', '/home/ann/desk-2/x.yaml', '../desk-2/x.yaml'],
    // Nothing in common: neither tells of the other.
    ['/home/ann/desk', '/mnt/recordings/night.jsonl', '/mnt/recordings/night.jsonl'],
    ['/app', '/data/night.jsonl', '/data/night.jsonl'],
    ['/', '/data/night.jsonl', './data/night.jsonl'],
  ] as const;
  it.each(posixCases)('from %s, %s is kept as %s and found again', (root, path, kept) => {
    const places = placesOf({ root }, posix);
    expect(places.kept(path)).toBe(kept);
    expect(places.found(kept)).toBe(path);
  });

  const win32Cases = [
    ['C:\\Users\\ann\\desk', 'C:\\Users\\ann\\desk\\suites\\suite.yaml', './suites/suite.yaml'],
    ['C:\\Users\\ann\\desk', 'C:\\Users\\ann\\judges\\strict.yaml', '../judges/strict.yaml'],
    ['C:\\Users\\ann\\desk', 'D:\\recordings\\night.jsonl', 'D:\\recordings\\night.jsonl'],
    ['C:\\Users\\ann\\desk', 'C:\\data\\night.jsonl', 'C:\\data\\night.jsonl'],
  ] as const;
  it.each(win32Cases)('on Windows, from %s, %s is kept as %s and found again', (root, path, kept) => {
    const places = placesOf({ root }, win32);
    expect(places.kept(path)).toBe(kept);
    expect(places.found(kept)).toBe(path);
  });

  it('that is no place stays as it is: names of variables, relative names, the absolute ones of older ledgers', () => {
    const places = placesOf({ root: '/home/ann/desk' }, posix);
    for (const text of ['OPENAI_API_KEY', 'suites/suite.yaml', '.env', 'C:\\Users\\bob\\x.yaml']) {
      expect(places.kept(text)).toBe(text);
      expect(places.found(text)).toBe(text);
    }
    expect(places.found('/home/bob/desk/suite.yaml')).toBe('/home/bob/desk/suite.yaml');
  });
});

describe('a message', () => {
  it.each([
    ['no /home/ann/desk/a.mjs', 'no ./a.mjs'],
    ['at file:///home/ann/desk/a.mjs:3', 'at ./a.mjs:3'],
    ['"/home/ann/desk"', '"."'],
    ['in /home/ann/desk.', 'in ..'],
    ['/home/ann/desk-2/x', '~/desk-2/x'],
    ['/home/ann/.nvm/node and /home/ann/desk/b', '~/.nvm/node and ./b'],
    ['/home/annabel/x', '/home/annabel/x'],
  ])('%s is kept as %s', (message, kept) => {
    expect(placesOf({ root: '/home/ann/desk', home: '/home/ann' }, posix).text(message)).toBe(kept);
  });

  it('keeps a folder right under the root: it tells nothing, and may be the path of a service', () => {
    const places = placesOf({ root: '/app', home: '/root' }, posix);
    expect(places.text('GET /app/users answered 500 in /root/x')).toBe(
      'GET /app/users answered 500 in /root/x',
    );
  });
});

/** The same run as it was kept in a checkout at `root`. */
async function keptAt(root: string, folder: string) {
  const at = (path: string): string => join(root, path);
  const script = (): ReturnType<typeof refundCase>['graders'][number] => ({
    ...{ id: 'script', type: 'javascript', negate: false, weight: 1, required: true },
    options: { path: at('graders/g.mjs'), sourceHash: 'h', export: 'default', timeoutMs: 1000 },
  });
  const graders: ReturnType<typeof refundCase>['graders'] = [
    script(),
    {
      ...{ id: 'rubric', type: 'rubric', negate: false, weight: 1, required: true },
      options: {
        threshold: 1,
        criteria: [{ id: 'c', kind: 'check', weight: 1, must: false, check: script() }],
      },
    },
  ];
  const suite = refundSuite(
    [
      refundCase('kettle-01', { graders, where: { file: at('cases.jsonl'), line: 1 } }),
      refundCase('kettle-02', { where: { file: at('../shared/cases.jsonl'), line: 7, key: 'vars' } }),
    ],
    {
      ...{ file: at('suites/suite.yaml'), judgeFile: at('judges/a.yaml'), embedderFile: at('e.yaml') },
      panelFiles: [at('judges/a.yaml'), at('judges/b.yaml')],
    },
  );
  const release = refundRelease('gpt-4o-2024-11-20', {
    file: at('releases/r.yaml'),
    paths: { recordings: at('rec/night.jsonl'), cwd: root, 'api-key-env': 'OPENAI_API_KEY' },
  });
  const judge = refundRelease('judge-2026-01-01', { name: 'judge', file: at('judges/a.yaml'), paths: {} });
  const project = { root };
  const path = join(folder, 'lastgood.db');
  const store = await openLedger(path, { project });
  const opening = newSnapshot('snight01', suite, { release, judge });
  await store.begin(opening);
  const broken = failed('kettle-02');
  await store.append('snight01', [
    graded(answered('kettle-01'), [
      scored('script', true, {
        reason: `said so at ${at('graders/g.mjs')}:3`,
        details: { said: `in ${at('x')}` },
      }),
    ]),
    graded({
      ...broken,
      message: `Traceback: File "${at('app.py')}", line 3`,
      attempts: broken.attempts.map((a) => ({ ...a, message: `File "${at('app.py')}"` })),
    }),
  ]);
  await store.finish('snight01', closing({ findings: [{ code: 'X', message: `see ${at('rec')}` }] }));
  await store.keepRecord({
    ...{ kind: 'comparison', suite: 'refund-bot', at: '2026-03-16T09:00:00Z' },
    body: { file: at('suites/suite.yaml') },
  });
  return { store, path, opening, project };
}

describe('a ledger of a project', () => {
  it('holds no folder of the machine, exports the same bytes in every checkout, and finds its files in the one it is in', async () => {
    await using folder = await temporaryFolder();
    await using other = await temporaryFolder();
    const roots = ['/home/ann/projects/desk', '/builds/4711/desk'] as const;
    const ann = await keptAt(roots[0], folder.path);
    const ci = await keptAt(roots[1], other.path);
    const lines = await collect(exportSnapshot(ann.store, 'snight01', ann.project));
    expect(await collect(exportSnapshot(ci.store, 'snight01', ci.project))).toEqual(lines);
    expect(lines.join('\n')).not.toMatch(/home\/|builds/);
    expect(lines.join('\n')).toContain('"path":"./graders/g.mjs"');
    expect(lines.join('\n')).toContain('"file":"../shared/cases.jsonl"');

    // The same project finds what it gave.
    expect(await ann.store.suiteOf('snight01')).toEqual(ann.opening.suite);
    expect(await ann.store.releaseOf('snight01')).toEqual(ann.opening.release);
    expect(await ann.store.releaseOf('snight01', 'judge')).toEqual(ann.opening.judge);
    await ann.store.close();
    const { readFile } = await import('node:fs/promises');
    expect((await readFile(ann.path)).includes('/home/ann')).toBe(false);

    // The ledger carried to the other checkout finds them there.
    const carried = await openLedger(ann.path, { project: ci.project });
    expect(await carried.suiteOf('snight01')).toEqual(ci.opening.suite);
    expect(await carried.releaseOf('snight01')).toEqual(ci.opening.release);
    await carried.close();
    await ci.store.close();
  });

  it('takes an older export, with places from the root of another machine, for the same snapshot', async () => {
    await using folder = await temporaryFolder();
    const { store, opening, project } = await keptAt('/home/ann/projects/desk', folder.path);
    const lines = await collect(exportSnapshot(store, 'snight01', project));
    // As a version before this one wrote it.
    const older = lines.map((line) =>
      line
        .replaceAll(/(?<!\\)"\.\//g, '"/home/bob/desk/')
        .replaceAll('"../', '"/home/bob/')
        .replace('"cwd":"."', '"cwd":"/home/bob/desk"'),
    );
    expect(older.join('\n')).toContain('"cwd":"/home/bob/desk"');
    expect(await importSnapshot(store, older, project)).toMatchObject({ id: 'snight01' });
    // And into a ledger that has it not: read, and found where it says.
    const away = await openLedger(join(folder.path, 'away.db'), { project });
    await importSnapshot(away, older, project);
    expect((await away.releaseOf('snight01')).paths['recordings']).toBe('/home/bob/desk/rec/night.jsonl');
    expect((await away.releaseOf('snight01')).fingerprint).toBe(opening.release.fingerprint);
    // The new export is the same snapshot to it, too.
    await importSnapshot(away, lines, project);
    const edited = lines.map((line) => line.replace('"line":7', '"line":8'));
    expect(edited).not.toEqual(lines);
    await expect(importSnapshot(away, edited, project)).rejects.toMatchObject({ code: 'SNAPSHOT_DIFFERS' });
    await away.close();
    await store.close();
  });
});
