// What forgetting must do, whatever the ledger is on: all of a text or a case is gone, and nothing of its neighbours.

import { describe, expect, it, onTestFinished } from 'vitest';
import { contentHash } from '../../src/base/index.ts';
import type { JsonObject } from '../../src/base/json.ts';
import {
  exportSnapshot,
  type ForgetReport,
  type ForgetRequest,
  importSnapshot,
  openLedger,
} from '../../src/ledger/index.ts';
import { plantedLedger, WORD } from './planted-ledger.ts';
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

/** A place for a ledger, and what is asked about it. */
export interface ForgettingPlace {
  readonly place: string;
  /** A second place of the same kind. */
  readonly away: string;
  forget(request: ForgetRequest, options?: { readonly dryRun?: boolean }): Promise<ForgetReport>;
  /** True where the bytes of a text stand anywhere. */
  holds(text: string): Promise<boolean>;
  /** What a check of the ledger finds. */
  problems(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

export function forgetContract(name: string, open: () => Promise<ForgettingPlace>): void {
  async function opened(): Promise<ForgettingPlace> {
    const place = await open();
    onTestFinished(() => place.dispose());
    return place;
  }

  describe(`forgetting in ${name}`, () => {
    it('leaves no byte of it, short prompts, error texts, judge replies and examples included; all else stays whole', async () => {
      const at = await opened();
      const ledger = await openLedger(at.place);
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
      expect(await at.holds(MAIL)).toBe(true);

      const report = await at.forget({ kind: 'case', caseId: 'jane' });
      expect(report.snapshots).toEqual(['snight01']);
      expect(await at.holds('jane.roe')).toBe(false);

      const again = await openLedger(at.place);
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
      const away = await openLedger(at.away);
      await importSnapshot(away, lines);
      expect(await collect(exportSnapshot(away, 'snight01'))).toEqual(lines);
      await away.close();
      await again.close();
      expect(await at.problems()).toEqual([]);
    });

    it('that was the only one leaves the release its prompt: it can still be rolled back to', async () => {
      const at = await opened();
      const ledger = await openLedger(at.place);
      await ledger.begin(newSnapshot('snight01', refundSuite([refundCase('kettle-01')])));
      await ledger.append('snight01', [graded(answered('kettle-01'))]);
      await ledger.finish('snight01', VALID);
      await ledger.close();
      await at.forget({ kind: 'case', caseId: 'kettle-01' });
      const again = await openLedger(at.place);
      expect(await again.releaseOf('snight01')).toEqual(refundRelease());
      await again.close();
    });

    it('whose text stood in the release leaves an export that can still be imported', async () => {
      const at = await opened();
      const ledger = await openLedger(at.place);
      const suite = refundSuite([refundCase('kettle-01')]);
      await ledger.begin(newSnapshot('snight01', suite));
      await ledger.append('snight01', [graded(answered('kettle-01'))]);
      await ledger.finish('snight01', VALID);
      await ledger.close();
      await at.forget({ kind: 'text', substring: true, text: 'refund desk' });
      const again = await openLedger(at.place);
      const lines = await collect(exportSnapshot(again, 'snight01'));
      expect(lines.join('')).not.toContain('refund desk');
      const away = await openLedger(at.away);
      expect(await importSnapshot(away, lines)).toMatchObject({ id: 'snight01', passRate: 1 });
      await away.close();
      await again.close();
    });

    it('through another connection is not undone, and takes nothing from what is stored after it', async () => {
      const at = await opened();
      const ledger = await openLedger(at.place);
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
      await at.forget({ kind: 'case', caseId: 'kettle-01' });
      const [gone] = await collect(ledger.trials('snight01'));
      expect(gone?.trial.sent).not.toEqual(first?.trial.sent);
      expect(JSON.stringify(gone)).not.toContain('without its lid');
      // An answer in hand is stored as it is, not as a pointer to what is no longer there.
      await ledger.append('snight02', [second as NonNullable<typeof second>]);
      await ledger.finish('snight02', VALID);
      expect((await collect(ledger.trials('snight02')))[1]?.trial).toEqual(second?.trial);
      await ledger.close();
    });

    it('leaves no byte of a text, wherever it stood; all else stays whole', async () => {
      const at = await opened();
      await plantedLedger(at.place);
      expect(await at.holds(WORD)).toBe(true);
      const request = { kind: 'text', text: WORD, substring: true } as const;
      const dry = await at.forget(request, { dryRun: true });
      expect(dry).toMatchObject({ dryRun: true, partial: 0, snapshots: ['splanted'] });
      expect(await at.holds(WORD)).toBe(true);
      expect(await at.forget(request)).toMatchObject({ ...dry, dryRun: false });
      expect(await at.holds(WORD)).toBe(false);
      expect(await at.problems()).toEqual([]);
      const store = await openLedger(at.place);
      onTestFinished(() => store.close());
      const [summary] = await store.list();
      expect(summary).toMatchObject({ trials: 3, answered: 2, passRate: 1 });
      expect(summary?.labels).toEqual({ customer: '[forgotten]', note: 'of [forgotten]' });
      expect(await store.blessings()).toMatchObject([{ by: '[forgotten]', why: 'because of [forgotten]' }]);
      expect((await collect(exportSnapshot(store, 'splanted'))).join('')).not.toContain(WORD);
      expect(await store.results('splanted')).toMatchObject({
        cases: [{ tags: ['refund', '[forgotten]'] }, {}],
      });
      await store.verify('splanted');
      // Nothing is left to take out.
      expect(await at.forget(request)).toMatchObject({ payloads: 0, rows: 0, partial: 0, snapshots: [] });
    });

    it('takes whole values only, unless parts are asked for', async () => {
      const at = await opened();
      await plantedLedger(at.place);
      const report = await at.forget({ kind: 'text', text: WORD });
      expect(report.partial).toBeGreaterThan(5);
      const store = await openLedger(at.place);
      onTestFinished(() => store.close());
      const [summary] = await store.list();
      expect(summary?.labels).toEqual({ customer: '[forgotten]', note: `of ${WORD}` });
      expect(await store.blessings()).toMatchObject([{ by: '[forgotten]', why: `because of ${WORD}` }]);
      await store.results('splanted');
      expect(await at.problems()).toEqual([]);
    });

    it('leaves numbers and structure alone where a text looks like them', async () => {
      const at = await opened();
      const store = await openLedger(at.place);
      await store.begin(
        newSnapshot(
          'snight01',
          refundSuite([refundCase('kettle', { vars: { order: 20264711, note: 'order 20264711' } })]),
        ),
      );
      await store.append('snight01', [graded(answered('kettle'))]);
      await store.finish('snight01', VALID);
      await store.keepRecord({
        kind: 'event',
        suite: 'refund-bot',
        at: '2026',
        body: { n: 20264711, text: 'of 20264711' },
      });
      await store.close();
      await at.forget({ kind: 'text', text: '20264711', substring: true });
      const again = await openLedger(at.place);
      onTestFinished(() => again.close());
      expect((await again.records('event'))[0]?.body).toEqual({ n: 20264711, text: 'of [forgotten]' });
      expect((await again.caseOf('snight01', 'kettle'))?.vars).toEqual({
        order: 20264711,
        note: 'order [forgotten]',
      });
      expect(await at.problems()).toEqual([]);
    });

    it('names a release with a forgotten text as such, in the ledger and in a file', async () => {
      const at = await opened();
      const store = await openLedger(at.place);
      onTestFinished(() => store.close());
      await store.begin(newSnapshot('swhole', refundSuite([refundCase('kettle')])));
      await store.append('swhole', [graded(answered('kettle'))]);
      await store.finish('swhole', VALID);
      expect((await store.results('swhole')).cases).toHaveLength(1);
      await at.forget({ kind: 'text', text: 'refund desk', substring: true });
      // By what was open meanwhile, too.
      expect((await store.releaseOf('swhole')).forgotten).toEqual(['prompt']);
      const [head = ''] = await collect(exportSnapshot(store, 'swhole'));
      expect(JSON.parse(head).release.forgotten).toEqual(['prompt']);
      await store.results('swhole');
    });

    it('deletes the vectors of what it takes out, and refuses what it does not know', async () => {
      const at = await opened();
      const store = await openLedger(at.place);
      onTestFinished(() => store.close());
      await store.begin(
        newSnapshot('snight01', refundSuite([refundCase('kettle-01'), refundCase('kettle-02')])),
      );
      const said = (text: string) => ({ text, toolCalls: [] });
      await store.append('snight01', [
        graded(answered('kettle-01', 0, { output: said(`for ${MAIL}`) })),
        graded(answered('kettle-02', 0, { output: said('for John') })),
      ]);
      await store.finish('snight01', VALID);
      await store.keepVectors(
        'small',
        new Map(
          [`for ${MAIL}`, 'for John'].map((text) => [
            contentHash(said(text) as never),
            Float32Array.of(1, 0.75),
          ]),
        ),
      );
      expect(await store.vectorCounts('snight01')).toEqual([{ embedder: 'small', trials: 2 }]);
      await at.forget({ kind: 'text', text: MAIL, substring: true });
      expect(await store.vectorCounts('snight01')).toEqual([{ embedder: 'small', trials: 1 }]);
      await at.forget({ kind: 'case', caseId: 'kettle-02' });
      expect(await store.vectorCounts('snight01')).toEqual([]);
      await expect(at.forget({ kind: 'case', caseId: 'kettle-99' })).rejects.toMatchObject({
        code: 'CASE_UNKNOWN',
      });
      await expect(at.forget({ kind: 'text', text: 'a' })).rejects.toMatchObject({
        code: 'FORGET_TOO_SHORT',
      });
    });
  });
}
