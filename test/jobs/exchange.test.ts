// Snapshots as files in a repository: the same bytes in every checkout, merged without conflict, never half written, and forgotten in, too.

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SILENT } from '../../src/base/index.ts';
import { exportEvents } from '../../src/engine/exchange/event-files.ts';
import { exportFiles, importFiles, readBlessing } from '../../src/engine/exchange/exchange.ts';
import { linesOf } from '../../src/engine/exchange/snapshot-file.ts';
import { addEvents, listEvents, type TimelineEvent } from '../../src/engine/records/events.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { forgetJob } from '../../src/jobs/ledger/db-upkeep.ts';
import { regradeJob } from '../../src/jobs/regrade/regrade-job.ts';
import { runJob } from '../../src/jobs/run/run-job.ts';
import { Mt19937 } from '../../src/stats/index.ts';

const FILES = {
  'suites/desk/suite.yaml':
    'name: desk\ncases: [cases.jsonl]\ndefaults: { grade: [{ javascript: rules.mjs }] }\n',
  'suites/desk/cases.jsonl': [
    { id: 'kettle', vars: { ticket: 'Where is my kettle? jane.roe@example.com' }, trials: 2 },
    { id: 'broken', vars: { ticket: 'It broke.' } },
    { id: 'lost', vars: { ticket: 'It is lost.' } },
  ]
    .map((c) => `${JSON.stringify(c)}\n`)
    .join(''),
  'suites/desk/rules.mjs':
    "export default ({ output }) => { if (output === \"boom\") throw new Error('in ' + import.meta.filename); return output.includes('refund'); };\n",
  'releases/desk.yaml': 'name: desk\nroute: { provider: replay, file: ../recordings/night.jsonl }\n',
  'recordings/night.jsonl': [
    { case_id: 'kettle', output: 'A refund, jane.roe@example.com' },
    { case_id: 'kettle', output: 'No.' },
    { case_id: 'broken', output: 'boom' },
  ]
    .map((c) => `${JSON.stringify(c)}\n`)
    .join(''),
};

interface Checkout {
  readonly root: string;
  open(seed?: number): Promise<Workplace>;
  night(seed?: number): Promise<string>;
}

async function checkout(...steps: string[]): Promise<Checkout> {
  const top = await mkdtemp(join(tmpdir(), 'lastgood-checkout-'));
  onTestFinished(() => rm(top, { recursive: true, force: true }));
  const root = join(top, ...steps);
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(join(root, name, '..'), { recursive: true });
    await writeFile(join(root, name), text);
  }
  const never = new AbortController().signal;
  const open = (seed = 1): Promise<Workplace> =>
    openWorkplace({
      ...{ db: join(root, 'snapshots/lastgood.db'), root, environment: { HOME: top }, progress: SILENT },
      ...{ version: 'test', node: 'test', platform: 'test', signal: never, hardSignal: never },
      clock: { now: () => new Date('2026-03-15T02:00:00Z') },
      rng: new Mt19937(seed),
    });
  return {
    root,
    open,
    async night(seed) {
      const work = await open(seed);
      try {
        const done = await runJob(work, {
          ...{ suite: 'suites/desk', release: 'releases/desk.yaml', cwd: root, dryRun: false, settings: {} },
        });
        if (done.kind !== 'run') throw new Error('nothing was run');
        await exportFiles(work, [done.summary.id], { dir: 'snapshots', cwd: root });
        return done.summary.id;
      } finally {
        await work.store.close();
      }
    },
  };
}

/** An exported file without the times and latencies of its trials. */
async function exported({ root }: Checkout, id: string): Promise<string> {
  const text = await readFile(join(root, 'snapshots', `desk.${id}.snapshot.jsonl`), 'utf8');
  return text.replace(/"startedAt":"[^"]*"|"latencyMs":[\d.]+/g, '"":""');
}

it('two checkouts in different folders export the same bytes, and neither names its folder', async () => {
  const ann = await checkout('ann', 'desk');
  const ci = await checkout('builds', '4711', 'desk');
  const id = await ann.night();
  expect(await ci.night()).toBe(id);
  const text = await exported(ann, id);
  expect(await exported(ci, id)).toBe(text);
  expect(text).not.toContain(tmpdir());
  expect(text).toContain('in ./suites/desk/rules.mjs');
  for (const name of await readdir(join(ann.root, 'snapshots')))
    expect((await readFile(join(ann.root, 'snapshots', name))).includes('lastgood-checkout'), name).toBe(
      false,
    );
});

it('a ledger that moved to another checkout grades with the modules it finds there, and says which it misses', async () => {
  const ann = await checkout('ann', 'desk');
  const ci = await checkout('builds', 'desk');
  const ref = await ann.night();
  await mkdir(join(ci.root, 'snapshots'));
  await copyFile(join(ann.root, 'snapshots/lastgood.db'), join(ci.root, 'snapshots/lastgood.db'));
  await rm(ann.root, { recursive: true });
  const work = await ci.open(2);
  onTestFinished(() => work.store.close());
  const again = await regradeJob(work, { ref, cwd: ci.root, fresh: true });
  expect(again).toMatchObject({ changed: 0, summary: { answered: 3, ungraded: 1, failed: 1 } });
  await rm(join(ci.root, 'suites/desk/rules.mjs'));
  const blind = await regradeJob(work, { ref, cwd: ci.root, fresh: true });
  expect(blind.summary.ungraded).toBe(3);
  const grades = [];
  for await (const trial of work.store.trials(blind.summary.id, 'kettle')) grades.push(...trial.grades);
  expect(grades[0]?.reason).toContain('rules.mjs');
});

it('two branches that add snapshots merge in git without a conflict, and the merged files import', async () => {
  const desk = await checkout('desk');
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=ann', '-c', 'user.email=ann@example.com', ...args], {
      cwd: desk.root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  git('init', '-q', '-b', 'main');
  await writeFile(join(desk.root, '.gitignore'), '*.db*\n');
  const commit = (): void => {
    git('add', '.');
    git('commit', '-q', '-m', 'night');
  };
  const ids = [await desk.night(1)];
  commit();
  git('checkout', '-q', '-b', 'prompt');
  ids.push(await desk.night(2));
  commit();
  git('checkout', '-q', 'main');
  ids.push(await desk.night(3));
  // The one that both have, exported again, is no change.
  const work = await desk.open(9);
  await exportFiles(work, [ids[0] as string], { dir: 'snapshots', cwd: desk.root });
  await work.store.close();
  expect(git('status', '--short').trim().split('\n')).toEqual([`?? snapshots/desk.${ids[2]}.snapshot.jsonl`]);
  commit();
  git('merge', '-q', '--no-edit', 'prompt');
  await rm(join(desk.root, 'snapshots/lastgood.db'));
  const fresh = await desk.open(9);
  onTestFinished(() => fresh.store.close());
  const files = ids.map((id) => `snapshots/desk.${id}.snapshot.jsonl`);
  expect((await importFiles(fresh, files, desk.root)).snapshots.map((t) => t.snapshot)).toEqual(ids);
  await importFiles(fresh, files, desk.root);
  expect(await fresh.store.list()).toHaveLength(3);
});

const DEPLOY: TimelineEvent = {
  kind: 'deploy',
  at: '2026-03-15T06:00:00.000Z',
  text: 'prompt v14, asked for by jane.roe@example.com',
  ref: 'abc123',
  suite: 'desk',
};
const NOTICE: TimelineEvent = {
  kind: 'provider-notice',
  at: '2026-03-15T06:00:00.000Z',
  text: '“gpt-4o” moves\n@all',
  suite: null,
};

it('events travel in files of their own: the same bytes from any ledger, merged without a conflict, taken in once', async () => {
  const ann = await checkout('ann', 'desk');
  const bob = await checkout('bob', 'desk');
  const exportedBy = async ({ root, open }: Checkout, ...events: TimelineEvent[]): Promise<string[]> => {
    const work = await open();
    onTestFinished(() => work.store.close());
    await addEvents(work, events);
    return [...(await exportEvents(work, { dir: 'snapshots', cwd: root }))];
  };
  // Told of a place on this machine, which the ledger does not keep.
  const note: TimelineEvent = {
    kind: 'note',
    at: '2026-03-16T00:00:00.000Z',
    text: `see ${ann.root}/suites`,
    suite: null,
  };
  const anns = await exportedBy(ann, DEPLOY, NOTICE, note);
  const bobs = await exportedBy(bob, NOTICE, { ...DEPLOY, text: 'prompt v15' });
  expect([anns.length, bobs.length]).toEqual([3, 2]);
  const shared = anns.filter((file) => bobs.includes(file));
  expect(shared).toEqual([
    expect.stringMatching(/^snapshots\/2026-03-15\.provider-notice\.[0-9a-f]{12}\.event\.jsonl$/),
  ]);
  const bytes = (at: Checkout, file: string) => readFile(join(at.root, file), 'utf8');
  expect(await bytes(ann, shared[0] as string)).toBe(await bytes(bob, shared[0] as string));
  for (const file of anns) expect(await bytes(ann, file)).not.toContain(ann.root);

  // What a merge of the two branches has: the union of the files, since no file is on both sides with other bytes.
  for (const file of bobs) await copyFile(join(bob.root, file), join(ann.root, file));
  const all = [...new Set([...anns, ...bobs])];
  const merged = await (await checkout('merged')).open();
  onTestFinished(() => merged.store.close());
  expect(await importFiles(merged, all, ann.root)).toEqual({ snapshots: [], events: { added: 4, known: 0 } });
  expect(await importFiles(merged, all, ann.root)).toEqual({ snapshots: [], events: { added: 0, known: 4 } });
  const again = await exportEvents(merged, { dir: 'again', cwd: ann.root });
  expect(again.map((file) => file.replace(/^again/, 'snapshots')).sort()).toEqual(all.sort());
  for (const file of again)
    expect(await bytes(ann, file)).toBe(await bytes(ann, file.replace(/^again/, 'snapshots')));
  expect((await listEvents(merged.store, 'other')).map((e) => e.kind)).toEqual(['provider-notice', 'note']);
  // Of one suite: what concerns it.
  expect(await exportEvents(merged, { suite: 'other', dir: 'other', cwd: ann.root })).toHaveLength(2);
  // The file it was first told in is still known, place and all.
  expect(await addEvents(await ann.open(), [note, DEPLOY])).toMatchObject({ added: 0, known: 2 });

  const project = { root: ann.root };
  const folder = join(ann.root, 'snapshots');
  const request = { kind: 'text', substring: true, text: 'jane.roe@example.com' } as const;
  const report = await forgetJob(join(folder, 'lastgood.db'), request, [folder], project);
  expect(report.rewritten).toEqual([expect.stringContaining('.deploy.')]);
  for (const name of await readdir(folder))
    expect((await readFile(join(folder, name))).includes('jane.roe'), name).toBe(false);
  // What the ledger says now is what the files say.
  const work = await ann.open();
  onTestFinished(() => work.store.close());
  const names = (await readdir(folder)).filter((n) => n.endsWith('.event.jsonl'));
  expect(names).toHaveLength(4);
  const known = await importFiles(work, names, folder);
  expect(known.events).toEqual({ added: 1, known: 3 });
});

it('an event that could not be read again is not taken', async () => {
  const work = await (await checkout('desk')).open();
  onTestFinished(() => work.store.close());
  for (const text of ['  ', 'x'.repeat(2001)])
    await expect(addEvents(work, [{ ...NOTICE, text }])).rejects.toMatchObject({ code: 'EVENT_TEXT' });
  expect(await addEvents(work, [{ ...NOTICE, text: ` ${NOTICE.text}\n` }, NOTICE])).toMatchObject({
    added: 1,
    known: 1,
  });
});

it('a file that cannot be read as it was written is named, and nothing of it is taken', async () => {
  const home = await checkout('home');
  await home.night();
  const work = await home.open();
  const [{ file = '' } = {}] = await exportFiles(work, ['latest'], { dir: 'out', cwd: home.root });
  await work.store.close();
  const bytes = await readFile(join(home.root, file));
  const put = (name: string, content: Buffer) => writeFile(join(home.root, name), content);
  const at = bytes.indexOf('refund,');
  await put('latin.jsonl', Buffer.concat([bytes.subarray(0, at), Buffer.from([0xe9]), bytes.subarray(at)]));
  await put('cut.jsonl', Buffer.concat([bytes.subarray(0, at), Buffer.from([0xc3])]));
  await put('marked.jsonl', Buffer.concat([Buffer.from('\ufeff'), bytes]));

  const away = await checkout('away');
  const into = await away.open();
  const taken = (name: string) => importFiles(into, [join(home.root, name)], away.root);
  for (const [name, code] of [
    ['nosuch.jsonl', 'FILE_UNREADABLE'],
    ['out', 'FILE_UNREADABLE'],
    ['latin.jsonl', 'FILE_NOT_UTF8'],
    ['cut.jsonl', 'IMPORT_INVALID'],
  ] as const)
    await expect(taken(name)).rejects.toMatchObject({
      code,
      exitCode: 2,
      where: { file: join(home.root, name) },
    });
  expect(await into.store.list()).toEqual([]);
  await taken('marked.jsonl');
  expect(await into.store.list()).toHaveLength(1);
  await into.store.close();
});

it('letters that lie across two pieces of a file come back whole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-lines-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'letters.txt');
  // Longer than a piece, with letters of two, three and four bytes at each possible cut.
  const lines = Array.from({ length: 8 }, (_, i) => `${'x'.repeat(i)}${'é€𝄞'.repeat(20_000)}`);
  await writeFile(file, lines.join('\n'));
  const read: string[] = [];
  for await (const line of linesOf(file)) read.push(line);
  expect(read).toEqual(lines);
});

it('an export that cannot be made leaves the last good file as it was', async () => {
  const desk = await checkout('desk');
  const id = await desk.night();
  const before = await exported(desk, id);
  const work = await desk.open();
  onTestFinished(() => work.store.close());
  const broken: Workplace = {
    ...work,
    store: Object.assign(Object.create(work.store), {
      list: work.store.list.bind(work.store),
      resolve: work.store.resolve.bind(work.store),
      results: work.store.results.bind(work.store),
      suiteOf: work.store.suiteOf.bind(work.store),
      releaseOf: work.store.releaseOf.bind(work.store),
      verify: work.store.verify.bind(work.store),
      blessings: work.store.blessings.bind(work.store),
      importedBlessings: work.store.importedBlessings.bind(work.store),
      examinedCases: work.store.examinedCases.bind(work.store),
      trials: async function* () {
        yield* [];
        throw new Error('the disk is gone');
      },
    }),
  };
  await expect(exportFiles(broken, [id], { dir: 'snapshots', cwd: desk.root })).rejects.toMatchObject({
    code: 'EXPORT_FAILED',
  });
  expect(await exported(desk, id)).toBe(before);
  expect((await readdir(join(desk.root, 'snapshots'))).filter((n) => n.endsWith('.part'))).toEqual([]);
});

it('what is forgotten goes from the exported files, too, also of snapshots that this ledger does not have', async () => {
  const desk = await checkout('desk');
  const other = await checkout('other');
  const own = await desk.night(1);
  const theirs = await other.night(2);
  const foreign = `desk.${theirs}.snapshot.jsonl`;
  await copyFile(join(other.root, 'snapshots', foreign), join(desk.root, 'snapshots', foreign));
  await writeFile(join(desk.root, 'snapshots/cut.snapshot.jsonl'), '{"kind":"snapshot" jane.roe@example.com');
  const at = (name: string): string => join(desk.root, 'snapshots', name);
  const db = at('lastgood.db');
  const project = { root: desk.root };
  const report = await forgetJob(
    db,
    { kind: 'text', substring: true, text: 'jane.roe@example.com' },
    [at('.')],
    project,
  );
  expect(report.rewritten.toSorted()).toEqual([at(`desk.${own}.snapshot.jsonl`), at(foreign)].toSorted());
  expect(report.files).toEqual([at('cut.snapshot.jsonl')]);
  for (const name of [`desk.${own}.snapshot.jsonl`, foreign, 'lastgood.db'])
    expect((await readFile(at(name))).includes('jane.roe'), name).toBe(false);
  // The rewritten file is what this ledger has, and the foreign one can still be taken in.
  const work = await desk.open();
  await importFiles(work, [at(`desk.${own}.snapshot.jsonl`), at(foreign)], '/');
  await work.store.close();
  const once = await forgetJob(db, { kind: 'case', caseId: 'broken' }, [at('.')], project);
  expect(once.rewritten).toHaveLength(2);
  expect((await forgetJob(db, { kind: 'case', caseId: 'broken' }, [at('.')], project)).rewritten).toEqual([]);
  expect(await readFile(at(foreign), 'utf8')).not.toContain('It broke.');
});

it('blessings travel with the file as evidence: who, when, why, fingerprint; they make no baseline where they arrive', async () => {
  const [home, away] = [await checkout('home'), await checkout('away')];
  const answers = ['kettle', 'kettle', 'broken', 'lost'].map((c) => ({ case_id: c, output: 'A refund.' }));
  await writeFile(
    join(home.root, 'recordings/night.jsonl'),
    answers.map((a) => `${JSON.stringify(a)}\n`).join(''),
  );
  const id = await home.night();
  const said = { by: 'ann', why: 'the Friday release', at: '2026-03-15T09:00:00.000Z' };
  const work = await home.open();
  await work.store.bless({ snapshot: id, suite: 'desk', ...said, overrode: [] });
  const [file] = await exportFiles(work, [id], { dir: 'snapshots', cwd: home.root });
  const { fingerprint } = await work.store.resolve(id, { now: work.clock.now() });
  // Its own file is no news to the ledger that gave the blessing.
  await importFiles(work, [file?.file ?? ''], home.root);
  expect(await work.store.importedBlessings()).toEqual([]);
  await work.store.close();
  const path = join(home.root, file?.file ?? '');
  const blessing = { ...said, snapshot: id, suite: 'desk', fingerprint, overrode: [] };
  expect(await readBlessing(path)).toEqual(blessing);

  const other = await away.open(2);
  onTestFinished(() => other.store.close());
  await importFiles(other, [path, path], away.root);
  expect(await other.store.importedBlessings('desk')).toEqual([blessing]);
  expect(await other.store.blessings()).toEqual([]);
  expect(await other.store.list()).toMatchObject([{ id, imported: true }]);
  await expect(other.store.resolve('baseline', { now: new Date() })).rejects.toMatchObject({
    code: 'REF_NOT_FOUND',
    exitCode: 3,
  });
  // The next export carries it on, to the byte.
  const [again] = await exportFiles(other, [id], { dir: 'out', cwd: away.root });
  expect(await readFile(join(away.root, again?.file ?? ''), 'utf8')).toBe(await readFile(path, 'utf8'));

  const forged = (await readFile(path, 'utf8')).replace(/"kind":"blessing"/, '"kind":"blessing","x":1');
  await writeFile(path, forged);
  await expect(readBlessing(path)).rejects.toMatchObject({ code: 'IMPORT_INVALID', where: { line: 2 } });
  await writeFile(path, forged.replace(',"x":1', '').replaceAll('"suite":"desk"', '"suite":"till"'));
  await expect(readBlessing(path)).rejects.toMatchObject({ code: 'IMPORT_INVALID', where: { line: 2 } });
});
