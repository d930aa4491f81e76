// Whatever a snapshot holds comes through a file as it was: what is shown of it, and the next export to the byte.

import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contentHash } from '../../src/base/json.ts';
import type { Grade } from '../../src/core/grade.ts';
import type { GraderSpec } from '../../src/core/grader-spec.ts';
import type { GradedTrial, NewSnapshot, SnapshotClosing, SnapshotStore } from '../../src/core/snapshot.ts';
import { SNAPSHOT_PURPOSES } from '../../src/core/snapshot.ts';
import {
  exportSnapshot,
  importSnapshot,
  openLedger,
  pruneLedger,
  withLedgerFile,
} from '../../src/ledger/index.ts';
import { forget } from '../../src/ledger/sqlite/forget.ts';
import { anyEndedTrial, anyMessages, anyObject, anyText } from './any-trial.ts';
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
  ungraded,
} from './world.ts';

interface Ledgers extends AsyncDisposable {
  readonly home: SnapshotStore;
  readonly away: SnapshotStore;
  /** Of `home`. */
  readonly path: string;
}

async function twoLedgers(): Promise<Ledgers> {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'home.db');
  const home = await openLedger(path);
  const away = await openLedger(join(folder.path, 'away.db'));
  return {
    ...{ home, away, path },
    [Symbol.asyncDispose]: async () => {
      await home.close();
      await away.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function keep(
  store: SnapshotStore,
  snapshot: NewSnapshot,
  rows: readonly GradedTrial[],
  end: SnapshotClosing = closing({}),
): Promise<void> {
  await store.begin(snapshot);
  await store.append(snapshot.id, rows);
  await store.finish(snapshot.id, end);
}

/** All that `show` and comparisons read of it. */
async function shown(store: SnapshotStore, id: string): Promise<unknown> {
  const cases = [];
  for await (const one of store.examinedCases(id)) cases.push(one);
  const measured = { imported: false };
  const { cases: read, summary } = await store.results(id);
  expect(await store.resolve(id, { now: new Date() })).toStrictEqual(summary);
  return {
    summary: { ...summary, ...measured },
    results: read,
    removed: await store.removedOutputs(id),
    trials: await collect(store.trials(id)),
    suite: await store.suiteOf(id),
    cases,
  };
}

/** There and back; gives the lines. */
async function travels({ home, away }: Ledgers, id: string): Promise<string[]> {
  const lines = await collect(exportSnapshot(home, id));
  await importSnapshot(away, lines);
  expect(await shown(away, id)).toStrictEqual(await shown(home, id));
  expect(await collect(exportSnapshot(away, id))).toEqual(lines);
  // Again is no change, on either side.
  await importSnapshot(away, lines);
  await importSnapshot(home, lines);
  return lines;
}

it('any trials of any cases, under any closing', async () => {
  await using ledgers = await twoLedgers();
  const dictionary = fc.dictionary(anyText, anyText, { maxKeys: 2 });
  const snapshot = fc.record({
    purpose: fc.constantFrom(...SNAPSHOT_PURPOSES),
    rows: fc.tuple(
      ...[0, 1].map((n) => anyEndedTrial('b', n)),
      ...[0, 1, 2].map((n) => anyEndedTrial('a', n)),
    ),
    messages: fc.option(anyMessages, { nil: null }),
    ...{ vars: anyObject, meta: anyObject, options: anyObject, params: anyObject },
    tags: fc.array(anyText, { maxLength: 2 }),
    labels: dictionary,
    ...{ reasons: fc.array(anyText, { maxLength: 2 }), seed: fc.nat() },
    findings: fc.array(fc.record({ code: anyText, message: anyText }), { maxLength: 2 }),
    state: fc.constantFrom('finished' as const, 'interrupted' as const),
    validity: fc.constantFrom('valid' as const, 'degraded' as const, 'invalid' as const),
  });
  let n = 0;
  await fc.assert(
    fc.asyncProperty(snapshot, async (s) => {
      const id = `sany${String(n++).padStart(5, '0')}`;
      const grader = { type: 'javascript' as const, negate: false, weight: 1, required: true };
      const suite = refundSuite([
        refundCase('b', { vars: s.vars, messages: s.messages, tags: s.tags }),
        refundCase('a', {
          trials: 2,
          meta: s.meta,
          graders: [{ id: 'own', ...grader, options: s.options } as unknown as GraderSpec],
        }),
      ]);
      await keep(
        ledgers.home,
        newSnapshot(id, suite, {
          ...{ purpose: s.purpose, labels: s.labels, seed: s.seed },
          judge: refundRelease('gpt-4o-mini', { notes: s.tags.join() }),
        }),
        s.rows,
        closing({ validityReasons: s.reasons, findings: s.findings, state: s.state, validity: s.validity }),
      );
      await travels(ledgers, id);
    }),
    { numRuns: 25 },
  );
});

const panel: Grade = {
  ...{ graderId: 'tone', graderType: 'rubric', required: true, weight: 2 },
  ...{ status: 'scored', score: 0.6666666666666666, pass: true, reason: 'kind, but it flatters' },
  details: {
    judge: 'careful',
    cached: false,
    borderline: true,
    criteria: [{ id: 'empathy', pass: true, agreement: 0.6666666666666666, reason: '“sorry”' }],
    votes: [
      { judge: 'careful', rulings: [{ id: 'empathy', verdict: 'yes', reason: 'says sorry' }] },
      { judge: 'swift', rulings: [{ id: 'empathy', verdict: 'no', reason: null }], cached: true },
      { judge: 'careful', ungraded: 'judge_truncated', raw: '{"empathy": tr' },
    ],
  },
};

it('a grading again of stored answers: its own judge, votes of a panel, answers without a verdict', async () => {
  await using ledgers = await twoLedgers();
  const judge = refundRelease('gpt-4o-mini-2024-07-18', { name: 'judge' });
  const suite = refundSuite([refundCase('kettle', { trials: 3 })]);
  const regraded = newSnapshot('sregrade', suite, {
    ...{ purpose: 'regrade', judge, labels: { regraded: 'snight01' } },
  });
  const rows = [
    graded(answered('kettle', 0), [panel, scored('short', true)], { judgeCostUsd: 0.0123 }),
    graded(answered('kettle', 1), [ungraded('tone')], { judgeCostUsd: null }),
    graded(failed('kettle', 2, 'timeout'), [], { judgeCostUsd: 0 }),
  ];
  await keep(ledgers.home, regraded, rows, closing({ validity: 'degraded', plannedTrialsPerCase: 3 }));
  const lines = await travels(ledgers, 'sregrade');
  expect(lines.filter((l) => l.includes('"swift"'))).toHaveLength(1);
  expect((await ledgers.away.resolve('sregrade', { now: new Date() })).judge).toBe(judge.fingerprint);
});

it('answers that were pruned or forgotten, one of them said again since, and vectors that stay behind', async () => {
  await using ledgers = await twoLedgers();
  const { home, away, path } = ledgers;
  const suite = refundSuite([refundCase('kettle', { trials: 3 }), refundCase('lid')]);
  const embedder = refundRelease('text-embedding-3-small', { name: 'embedder' });
  const says = (trial: number, text: string) =>
    graded(answered('kettle', trial, { output: { text, toolCalls: [] } }), [panel]);
  const rows = [says(0, 'Dear Jane Roe, …'), says(1, 'It is on its way.'), says(2, 'No.')];
  await keep(home, newSnapshot('sold0001', suite, { embedder }), [...rows, graded(answered('lid'))]);
  await withLedgerFile(path, {}, async (file) => {
    await pruneLedger(file, { keepBlessed: true, now: new Date(), dryRun: false });
  });
  await travels(ledgers, 'sold0001');

  await keep(home, newSnapshot('snew0001', suite, { embedder }), [
    says(0, 'It is on its way.'),
    says(1, 'Jane Roe has her kettle.'),
  ]);
  await withLedgerFile(path, {}, (file) => forget(file, { kind: 'text', substring: true, text: 'Jane Roe' }));
  const hash = contentHash({ text: 'It is on its way.', toolCalls: [] });
  await home.keepVectors(embedder.fingerprint, new Map([[hash, new Float32Array([0.6, 0.8])]]));
  const lines = await travels(ledgers, 'snew0001');
  expect(lines.join('')).not.toContain('Jane Roe');
  expect(await home.vectorCounts('snew0001')).toEqual([{ embedder: embedder.fingerprint, trials: 1 }]);
  expect(await away.vectorCounts('snew0001')).toEqual([]);
  // The answer of the old snapshot came back to both with the new one.
  await travels(ledgers, 'sold0001');
});
