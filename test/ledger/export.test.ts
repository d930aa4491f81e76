// Snapshots as text files: the same bytes every time, nothing lost on the way, nothing half imported.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SnapshotStore } from '../../src/core/snapshot.ts';
import { exportSnapshot, importSnapshot, openLedger } from '../../src/ledger/index.ts';
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
  SYSTEM_PROMPT,
  scored,
  skipped,
  temporaryFolder,
  ungraded,
} from './world.ts';

interface Ledgers extends AsyncDisposable {
  readonly home: SnapshotStore;
  readonly away: SnapshotStore;
}

async function twoLedgers(): Promise<Ledgers> {
  const folder = await temporaryFolder();
  const home = await openLedger(join(folder.path, 'home.db'));
  const away = await openLedger(join(folder.path, 'away.db'));
  return {
    home,
    away,
    [Symbol.asyncDispose]: async () => {
      await home.close();
      await away.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const suite = refundSuite([
  refundCase('kettle-02', { trials: 3, expected: undefined }),
  refundCase('kettle-01', {
    tags: ['refund', 'tone'],
    group: 'ticket-8812',
    critical: true,
    minPassRate: 0.8,
  }),
  refundCase('kettle-03', { messages: [{ role: 'user', content: 'hello' }], meta: { mark: '\u0001#0' } }),
]);
const judge = refundRelease('gpt-4o-mini-2024-07-18', { name: 'judge', notes: 'strict' });
const rows = [
  graded(
    answered('kettle-02', 2, { costUsd: 0.1, sent: { mark: '\u0001=', text: `${SYSTEM_PROMPT} again` } }),
  ),
  graded(
    answered('kettle-02', 0, { costUsd: 0.2, usage: null }),
    [scored('names-refund', false), ungraded('tone')],
    { judgeCostUsd: 0.3 },
  ),
  graded(answered('kettle-02', 1, { costUsd: 0.3 }), [scored('names-refund', false)]),
  graded(failed('kettle-01', 0, 'timeout')),
  graded(
    answered('kettle-03', 0, {
      output: {
        text: 'line one\nline two\r\n\u2028 <b>&amp;</b> \u0000',
        toolCalls: [{ name: 'refund', args: { n: 1 } }],
        refusal: 'no',
      },
      served: { ...answered('kettle-03').served, simulated: true },
      stopReason: 'other:paused',
    }),
  ),
];

async function kept(store: SnapshotStore, order = rows, id = 'snight01'): Promise<string[]> {
  await store.begin(newSnapshot(id, suite, { judge, labels: { branch: 'main' } }));
  for (const row of order) await store.append(id, [row]);
  await store.finish(
    id,
    closing({
      validity: 'degraded',
      validityReasons: ['a trial failed'],
      findings: [{ code: 'ALIAS', message: 'floating' }],
    }),
  );
  return collect(exportSnapshot(store, id));
}

const code = (value: string) => expect.objectContaining({ name: 'LastgoodError', code: value, exitCode: 2 });

describe('an export', () => {
  it('is the same bytes twice, and in whatever order the trials were finished', async () => {
    await using ledgers = await twoLedgers();
    const lines = await kept(ledgers.home);
    expect(await collect(exportSnapshot(ledgers.home, 'snight01'))).toEqual(lines);
    expect(await kept(ledgers.away, rows.toReversed())).toEqual(lines);
    expect((await ledgers.away.list())[0]).toEqual((await ledgers.home.list())[0]);
  });

  it('has a line for the snapshot, each case by id, each trial and the end, and each long prompt once', async () => {
    await using ledgers = await twoLedgers();
    const lines = await kept(ledgers.home);
    for (const line of lines) expect(line).not.toMatch(/[\n\r]/);
    const parsed = lines.map((line) => JSON.parse(line));
    expect(parsed.map((l) => l.kind).filter((kind) => kind !== 'text')).toEqual([
      'snapshot',
      'case',
      'case',
      'case',
      'trial',
      'trial',
      'trial',
      'trial',
      'trial',
      'end',
    ]);
    expect(parsed.filter((l) => l.kind === 'case').map((l) => [l.case.id, l.position])).toEqual([
      ['kettle-01', 1],
      ['kettle-02', 0],
      ['kettle-03', 2],
    ]);
    expect(parsed.filter((l) => l.kind === 'text').map((l) => l.text)).toEqual([
      SYSTEM_PROMPT,
      `${SYSTEM_PROMPT} again`,
    ]);
    expect(parsed.at(-1)).toEqual({ kind: 'end', cases: 3, trials: 5 });
  });

  it('is refused while the run goes on', async () => {
    await using ledgers = await twoLedgers();
    await ledgers.home.begin(newSnapshot('srunning', suite));
    await expect(collect(exportSnapshot(ledgers.home, 'srunning'))).rejects.toEqual(code('SNAPSHOT_RUNNING'));
  });
});

describe('an import', () => {
  it('brings everything over: summary, suite, releases, trials, and the next export to the byte', async () => {
    await using ledgers = await twoLedgers();
    const { home, away } = ledgers;
    const lines = await kept(home);
    const summary = await importSnapshot(
      away,
      lines.map((line) => `${line}\r\n`),
    );
    expect(summary).toEqual({ ...(await home.list())[0], imported: true });
    expect(await collect(exportSnapshot(away, 'snight01'))).toEqual(lines);
    expect(await away.suiteOf('snight01')).toStrictEqual(await home.suiteOf('snight01'));
    // Commands do not travel.
    const dependents = [{ name: 'kb-index', builtFrom: 'retrieval' }];
    expect(await away.releaseOf('snight01', 'judge')).toEqual({ ...judge, dependents });
    expect((await away.results('snight01')).cases).toEqual((await home.results('snight01')).cases);
    expect(await collect(away.trials('snight01'))).toEqual(await collect(home.trials('snight01')));
    expect((await away.resolve('latest', { now: new Date() })).id).toBe('snight01');
  });

  it('keeps an interrupted run resumable', async () => {
    await using ledgers = await twoLedgers();
    await ledgers.home.begin(newSnapshot('sstopped', suite));
    await ledgers.home.append('sstopped', [graded(answered('kettle-01')), graded(skipped('kettle-03'))]);
    await ledgers.home.finish('sstopped', closing({ state: 'interrupted', validity: 'degraded' }));
    const summary = await importSnapshot(ledgers.away, exportSnapshot(ledgers.home, 'sstopped'));
    expect(summary).toMatchObject({ state: 'interrupted', skipped: 1 });
    await ledgers.away.reopen('sstopped');
    expect([...(await ledgers.away.doneTrials('sstopped')).keys()]).toEqual(['kettle-01']);
  });

  it('does nothing when the snapshot is there already, and refuses another one of the same id', async () => {
    await using ledgers = await twoLedgers();
    const lines = await kept(ledgers.home);
    const before = await ledgers.home.list();
    expect(await importSnapshot(ledgers.home, lines)).toEqual(before[0]);
    // Written by another tool: other white space and order of keys, same content.
    const reformatted = lines.map((line) =>
      JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).reverse()), null, 1).replaceAll(
        '\n',
        ' ',
      ),
    );
    expect(await importSnapshot(ledgers.home, reformatted)).toEqual(before[0]);
    const edited = lines.map((line) => line.replace('"score":0,', '"score":1,'));
    expect(edited).not.toEqual(lines);
    await expect(importSnapshot(ledgers.home, edited)).rejects.toEqual(code('SNAPSHOT_DIFFERS'));
    expect(await ledgers.home.list()).toEqual(before);
    expect(await collect(exportSnapshot(ledgers.home, 'snight01'))).toEqual(lines);
  });

  it('ends an import that was cut short, if what is there is from the same file', async () => {
    await using ledgers = await twoLedgers();
    const lines = await kept(ledgers.home);
    await ledgers.away.begin(
      newSnapshot('snight01', suite, { judge, imported: true, labels: { branch: 'main' } }),
    );
    await ledgers.away.append('snight01', rows.slice(0, 2));
    await importSnapshot(ledgers.away, lines);
    expect(await collect(exportSnapshot(ledgers.away, 'snight01'))).toEqual(lines);
  });

  it('carries a suite of many pages, in the order of the suite, and ends it where it was cut short', async () => {
    await using ledgers = await twoLedgers();
    // Ids that UTF-16 and UTF-8 put in another order, and cases whose long texts are more than is held in memory.
    const long = (i: number): string => `${i} ${'a long ticket '.repeat(3000)}`;
    const wide = refundSuite(
      Array.from({ length: 300 }, (_, i) =>
        refundCase(`${i % 3 === 0 ? '\u{1f600}' : '\uff01'}-${(i * 7919) % 300}`, {
          meta: { ticket: long(i) },
        }),
      ),
    );
    const trial = (c: { id: string }, i: number) =>
      graded(answered(c.id, 0, { sent: { text: long(i % 2) } }), [scored('names-refund', i % 4 > 0)]);
    await ledgers.home.begin(newSnapshot('swide001', wide));
    await ledgers.home.append('swide001', wide.cases.map(trial));
    await ledgers.home.finish('swide001', closing({}));
    const lines = await collect(exportSnapshot(ledgers.home, 'swide001'));
    const ids = lines.filter((l) => l.includes('"kind":"case"')).map((l) => JSON.parse(l).case.id as string);
    expect(ids).toEqual([...ids].sort());
    expect(lines.join('').length).toBeGreaterThan(8 * 1024 * 1024);

    await ledgers.away.begin(newSnapshot('swide001', wide, { imported: true }));
    await ledgers.away.append(
      'swide001',
      wide.cases.slice(100, 120).map((c, i) => trial(c, i + 100)),
    );
    const taken = await importSnapshot(ledgers.away, lines);
    expect(taken).toMatchObject({ trials: 300, passRate: 0.75 });
    expect(await importSnapshot(ledgers.away, lines)).toEqual(taken);
    expect(await collect(exportSnapshot(ledgers.away, 'swide001'))).toEqual(lines);
    expect([...(await ledgers.away.suiteOf('swide001')).cases].map((c) => c.id)).toEqual(
      wide.cases.map((c) => c.id),
    );
  });

  it('takes lines in any order that makes sense, and no running one that has more than the file', async () => {
    await using ledgers = await twoLedgers();
    const lines = await kept(ledgers.home);
    const isCase = (l: string): boolean => l.includes('"kind":"case"');
    const moved = [
      lines[0] as string,
      ...lines.slice(1, -1).filter((l) => !isCase(l)),
      ...lines.filter(isCase).reverse(),
      lines.at(-1) as string,
    ];
    await importSnapshot(ledgers.away, moved);
    expect(await collect(exportSnapshot(ledgers.away, 'snight01'))).toEqual(lines);

    await using others = await twoLedgers();
    await others.away.begin(
      newSnapshot('snight01', suite, { judge, imported: true, labels: { branch: 'main' } }),
    );
    await others.away.append('snight01', [...rows, graded(answered('kettle-02', 7))]);
    await expect(importSnapshot(others.away, lines)).rejects.toMatchObject({
      code: 'SNAPSHOT_DIFFERS',
      message: expect.stringContaining('trial 7 of case "kettle-02" is not in the file'),
    });
  });

  it('leaves a run of the same id that is going on alone', async () => {
    await using ledgers = await twoLedgers();
    const lines = await kept(ledgers.home);
    await ledgers.away.begin(newSnapshot('snight01', suite, { judge, labels: { branch: 'main' } }));
    await ledgers.away.append('snight01', [graded(answered('kettle-01'))]);
    await expect(importSnapshot(ledgers.away, lines)).rejects.toEqual(code('SNAPSHOT_DIFFERS'));
    expect((await ledgers.away.list())[0]).toMatchObject({ state: 'running', trials: 1 });
  });

  const damaged: readonly (readonly [string, (lines: string[]) => string[], string])[] = [
    ['empty', () => [], 'cut off'],
    ['cut off', (lines) => lines.slice(0, -1), 'cut off'],
    [
      'cut off in a line',
      (lines) => [...lines.slice(0, -2), lines.at(-2)?.slice(0, 40) ?? ''],
      'is not JSON',
    ],
    ['without its first line', (lines) => lines.slice(1), 'first line'],
    ['two files in one', (lines) => [...lines, ...lines], 'after the end'],
    ['short of a trial', (lines) => lines.toSpliced(-2, 1), 'its end line says'],
    [
      'holding a trial twice',
      (lines) => [...lines.slice(0, -1), lines.at(-2) ?? '', '{"kind":"end","cases":3,"trials":6}'],
      'twice',
    ],
    [
      'of a newer format',
      (lines) => lines.map((l) => l.replace('"schemaVersion":2', '"schemaVersion":3')),
      'up to 2',
    ],
    [
      'with a key nobody knows',
      (lines) => lines.map((l) => l.replace('"kind":"trial"', '"kind":"trial","api_key":"x"')),
      'api_key',
    ],
    ['with a score beyond 1', (lines) => lines.map((l) => l.replace('"score":1,', '"score":7,')), 'score'],
    [
      'with an edited prompt',
      (lines) =>
        lines.map((l) => (l.includes('"kind":"snapshot"') ? l.replace('refund desk', 'complaints desk') : l)),
      'fingerprint',
    ],
    [
      'with an edited text',
      (lines) =>
        lines.map((l) => (l.includes('"kind":"text"') ? l.replace('refund desk', 'complaints desk') : l)),
      'hash',
    ],
    [
      'leaving a place of the suite empty',
      (lines) => lines.map((l) => l.replace('"position":1}', '"position":5}')),
      'positions',
    ],
    [
      'two cases in one place',
      (lines) => lines.map((l) => l.replace('"position":1}', '"position":0}')),
      'positions',
    ],
    ['short of a text', (lines) => lines.filter((l) => !l.includes('"kind":"text"')), 'it refers to'],
    [
      'of a case it has not',
      (lines) => lines.map((l) => l.replace('"caseId":"kettle-03"', '"caseId":"toaster"')),
      'toaster',
    ],
  ];
  it.each(damaged)('refuses a file that is %s, and imports nothing of it', async (_what, damage, says) => {
    await using ledgers = await twoLedgers();
    const lines = await kept(ledgers.home);
    const broken = damage(lines);
    expect(broken).not.toEqual(lines);
    await expect(importSnapshot(ledgers.away, broken)).rejects.toMatchObject({
      code: 'IMPORT_INVALID',
      exitCode: 2,
      message: expect.stringContaining(says),
    });
    expect(await ledgers.away.list()).toEqual([]);
  });
});
