// A ledger with one word wherever a person or a model can write.

import { openLedger } from '../../src/ledger/index.ts';
import {
  answered,
  failed,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  VALID,
} from './world.ts';

export const WORD = 'marigold-4711';

/** A ledger with the word in every place that a person or a model can write to. */
export async function plantedLedger(path: string): Promise<void> {
  const store = await openLedger(path);
  const suite = refundSuite(
    [
      refundCase(`about ${WORD}`, { tags: ['refund', WORD], group: WORD, meta: { note: WORD }, trials: 2 }),
      refundCase('plain', {
        vars: { ticket: `Dear ${WORD}, `.repeat(20) },
        where: { file: `${WORD}.jsonl`, line: 1 },
      }),
    ],
    { description: `for ${WORD}` },
  );
  const release = refundRelease('gpt-4o-2024-11-20', { name: `desk of ${WORD}`, notes: WORD });
  await store.begin(
    newSnapshot('splanted', suite, { release, labels: { customer: WORD, note: `of ${WORD}` } }),
  );
  const broken = failed(`about ${WORD}`, 1, 'app_error');
  await store.append('splanted', [
    graded(
      answered(`about ${WORD}`, 0, {
        output: { text: `Hello ${WORD}`, toolCalls: [{ name: 'mail', args: { to: WORD } }] },
        served: { ...answered('x').served, model: `ft:${WORD}`, requestId: `req-${WORD}` },
        stopReason: `other:${WORD}`,
        droppedParams: [WORD],
      }),
      [scored('names-refund', true, { reason: `it says ${WORD}`, details: { quote: WORD } })],
    ),
    graded({
      ...broken,
      code: `E_${WORD}`,
      message: WORD,
      attempts: broken.attempts.map((a) => ({ ...a, message: WORD })),
    }),
    graded(answered('plain')),
  ]);
  await store.finish('splanted', {
    ...VALID,
    validityReasons: [WORD],
    findings: [{ code: 'NOTE', message: `about ${WORD}` }],
  });
  await store.bless({
    ...{ snapshot: 'splanted', suite: 'refund-bot', by: WORD, why: `because of ${WORD}` },
    ...{ at: '2026-03-15T09:00:00Z', overrode: [WORD] },
  });
  await store.keepImportedBlessings([
    {
      ...{ snapshot: 'splanted', suite: 'refund-bot', by: WORD, why: WORD, at: '2026-03-14T09:00:00Z' },
      ...{ overrode: [], fingerprint: release.fingerprint },
    },
  ]);
  await store.keepRecord({
    kind: 'event',
    suite: 'refund-bot',
    at: '2026-03-15T09:00:00Z',
    body: { text: WORD },
  });
  await store.keepVerdict('key', { reason: `kind to ${WORD}` }, '2026-03-15T09:00:00Z');
  await store.close();
}
