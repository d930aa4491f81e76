// Forgetting one case: everything that was said in it is gone, and nothing of its neighbours, of the release or of the exam.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import {
  checkLedger,
  exportSnapshot,
  forget,
  importSnapshot,
  openLedger,
  withLedgerFile,
} from '../../src/ledger/index.ts';
import {
  answered,
  collect,
  failed,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  SYSTEM_PROMPT,
  scored,
  temporaryFolder,
  VALID,
} from './world.ts';

const MAIL = 'jane.roe@example.com';
const QUESTION = `Does the reply tell the customer, in plain words, when and how the money will be back? ${'Say why. '.repeat(5)}`;
const GRADERS: ReturnType<typeof refundCase>['graders'] = [
  {
    ...{ id: 'tone', type: 'rubric', negate: false, weight: 1, required: true },
    options: {
      threshold: 1,
      criteria: [{ id: 'when', kind: 'ask', ask: QUESTION, weight: 1, must: false }],
    },
  },
];

function judged(reason: string) {
  return scored('tone', true, {
    reason: '1 of 1 criteria met',
    details: { criteria: [{ id: 'when', verdict: 'yes', reason }] },
  });
}

function sent(ticket: string): JsonObject {
  return {
    model: 'gpt-4o-2024-11-20',
    messages: [
      { role: 'system', content: SYSTEM_PROMPT },
      { role: 'user', content: ticket },
    ],
  };
}

describe('forgetting a case', () => {
  it('leaves no byte of it, short prompts, error texts, judge replies and examples included; all else stays whole', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const suite = refundSuite([
      refundCase('jane', { vars: { ticket: `I am ${MAIL}` }, trials: 2, graders: GRADERS }),
      refundCase('john', { vars: { ticket: 'I am John' }, graders: GRADERS }),
    ]);
    await ledger.begin(newSnapshot('snight01', suite));
    const broken = failed('jane', 1, 'app_error');
    await ledger.append('snight01', [
      graded(
        answered('jane', 0, {
          sent: sent(`I am ${MAIL}`),
          output: { text: `Dear ${MAIL}`, toolCalls: [{ name: 'mail', args: { to: MAIL } }] },
        }),
        [judged(`it greets ${MAIL}`)],
      ),
      graded({
        ...broken,
        message: `no such customer: ${MAIL}`,
        attempts: broken.attempts.map((a) => ({ ...a, message: `said ${MAIL}` })),
      }),
      graded(answered('john', 0, { sent: sent('I am John') }), [judged('it says Friday')]),
    ]);
    await ledger.finish('snight01', VALID);
    await ledger.keepVerdict('jane-1', { criteria: [{ id: 'when', reason: `it greets ${MAIL}` }] }, '2026');
    await ledger.keepVerdict('john-1', { criteria: [{ id: 'when', reason: 'it says Friday' }] }, '2026');
    const cases = [
      { id: 'jane', verdict: 'regressed', example: { baseline: 'Dear you', candidate: `Dear ${MAIL}` } },
      { id: 'john', verdict: 'regressed', example: { baseline: 'Hello', candidate: 'Friday' } },
    ];
    await ledger.keepRecord({
      ...{ kind: 'comparison', suite: 'refund-bot', at: '2026-03-16T09:00:00Z' },
      body: { cases },
    });
    const scores = (await ledger.results('snight01')).summary;
    const john = await collect(ledger.trials('snight01', 'john'));
    await ledger.close();
    expect((await readFile(path)).includes(MAIL)).toBe(true);

    const report = await withLedgerFile(path, {}, (file) => forget(file, { kind: 'case', caseId: 'jane' }));
    expect(report.snapshots).toEqual(['snight01']);
    for (const file of [path, `${path}-wal`]) {
      const bytes = await readFile(file).catch(() => Buffer.alloc(0));
      expect(bytes.includes('jane.roe'), file).toBe(false);
    }

    const again = await openLedger(path);
    expect((await again.results('snight01')).summary).toEqual(scores);
    expect(await collect(again.trials('snight01', 'john'))).toEqual(john);
    expect(await again.releaseOf('snight01')).toEqual(refundRelease());
    expect((await again.suiteOf('snight01')).cases.map((c) => c.graders)).toEqual([GRADERS, GRADERS]);
    expect(await again.cachedVerdict('jane-1')).toBeUndefined();
    expect(await again.cachedVerdict('john-1')).toBeDefined();
    expect((await again.records('comparison'))[0]?.body).toEqual({
      cases: [{ id: 'jane', verdict: 'regressed' }, cases[1]],
    });
    // What is left can still travel.
    const lines = await collect(exportSnapshot(again, 'snight01'));
    const away = await openLedger(join(folder.path, 'away.db'));
    await importSnapshot(away, lines);
    expect(await collect(exportSnapshot(away, 'snight01'))).toEqual(lines);
    await away.close();
    await again.close();
    expect((await withLedgerFile(path, {}, checkLedger)).problems).toEqual([]);
  });

  it('that was the only one leaves the release its prompt: it can still be rolled back to', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    await ledger.begin(newSnapshot('snight01', refundSuite([refundCase('kettle-01')])));
    await ledger.append('snight01', [graded(answered('kettle-01'))]);
    await ledger.finish('snight01', VALID);
    await ledger.close();
    await withLedgerFile(path, {}, (file) => forget(file, { kind: 'case', caseId: 'kettle-01' }));
    const again = await openLedger(path);
    expect(await again.releaseOf('snight01')).toEqual(refundRelease());
    await again.close();
  });

  it('whose text stood in the release leaves an export that can still be imported', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const suite = refundSuite([refundCase('kettle-01')]);
    await ledger.begin(newSnapshot('snight01', suite));
    await ledger.append('snight01', [graded(answered('kettle-01'))]);
    await ledger.finish('snight01', VALID);
    await ledger.close();
    await withLedgerFile(path, {}, (file) =>
      forget(file, { kind: 'text', substring: true, text: 'refund desk' }),
    );
    const again = await openLedger(path);
    const lines = await collect(exportSnapshot(again, 'snight01'));
    expect(lines.join('')).not.toContain('refund desk');
    const away = await openLedger(join(folder.path, 'away.db'));
    expect(await importSnapshot(away, lines)).toMatchObject({ id: 'snight01', passRate: 1 });
    await away.close();
    await again.close();
  });

  it('through another connection is not undone, and takes nothing from what is stored after it', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    const ledger = await openLedger(path);
    const suite = refundSuite([refundCase('kettle-01', { trials: 2 })]);
    await ledger.begin(newSnapshot('snight01', suite));
    const long = 'My kettle came without its lid. '.repeat(20);
    await ledger.append('snight01', [
      graded(answered('kettle-01', 0, { sent: sent(long) })),
      graded(answered('kettle-01', 1, { sent: sent(long) })),
    ]);
    await ledger.finish('snight01', VALID);
    // Held as it is while another process forgets it.
    const [first, second] = await collect(ledger.trials('snight01'));
    await ledger.begin(newSnapshot('snight02', suite));
    await ledger.append('snight02', [first as NonNullable<typeof first>]);
    expect(await collect(ledger.trials('snight02'))).toEqual([first]);
    await withLedgerFile(path, {}, (file) => forget(file, { kind: 'case', caseId: 'kettle-01' }));
    const [gone] = await collect(ledger.trials('snight01'));
    expect(gone?.trial.sent).not.toEqual(first?.trial.sent);
    expect(JSON.stringify(gone)).not.toContain('without its lid');
    // An answer in hand is stored as it is, not as a pointer to what is no longer there.
    await ledger.append('snight02', [second as NonNullable<typeof second>]);
    await ledger.finish('snight02', VALID);
    expect((await collect(ledger.trials('snight02')))[1]?.trial).toEqual(second?.trial);
    await ledger.close();
  });
});
