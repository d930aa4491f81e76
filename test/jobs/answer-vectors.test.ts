// Which vectors a comparison is handed: one embedder for both sides, in bounded memory, or the reason why there are none.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/base/index.ts';
import { compareSnapshots } from '../../src/compare/index.ts';
import { resolvePolicy, type SnapshotResults, type SnapshotStore } from '../../src/core/index.ts';
import { answerVectors } from '../../src/engine/comparison/answer-vectors.ts';
import { openLedger } from '../../src/ledger/index.ts';
import {
  answered,
  closing,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  temporaryFolder,
} from '../ledger/world.ts';

const policy = resolvePolicy({ channels: { embedding: 'warn' } });
const CASES = Array.from({ length: 24 }, (_, i) => `kettle-${String(i).padStart(2, '0')}`);

/** A night whose answers have vectors of this length; half of the answers are those of every night. */
async function night(
  store: SnapshotStore,
  id: string,
  made: {
    embedder: string | null;
    under?: string;
    length?: number;
    findings?: { code: string; message: string }[];
  },
): Promise<SnapshotResults> {
  const suite = refundSuite(CASES.map((c) => refundCase(c)));
  const embedder =
    made.embedder === null ? null : refundRelease('text-embedding-3-small', { fingerprint: made.embedder });
  await store.begin(newSnapshot(id, suite, { embedder }));
  const vectors = new Map<string, Float32Array>();
  for (const [i, c] of CASES.entries()) {
    const output = { text: i % 2 === 0 ? `${c}: on its way` : `${c}: ${id}`, toolCalls: [] };
    await store.append(id, [graded(answered(c, 0, { output }), [scored('names-refund', true)])]);
    vectors.set(
      contentHash(output),
      Float32Array.from(
        { length: made.length ?? 300 },
        (_, d) => Math.sin(1 + d * (i + 1)) + (i % 2) * id.length,
      ),
    );
  }
  if (made.under !== undefined) await store.keepVectors(made.under, vectors);
  await store.finish(id, closing({ findings: made.findings ?? [] }));
  return store.results(id);
}

describe('the vectors of a comparison', () => {
  it('are those of the embedder both sides share, as they are or, beyond the limit, projected', async () => {
    await using folder = await temporaryFolder();
    const store = await openLedger(join(folder.path, 'lastgood.db'));
    const a = await night(store, 'sfirst', { embedder: 'small', under: 'small' });
    const b = await night(store, 'ssecond', { embedder: 'small', under: 'small' });
    const whole = await answerVectors(store, a, b, policy);
    const short = await answerVectors(store, a, b, policy, 24 * 300 + 1);
    if (whole?.kind !== 'vectors' || short?.kind !== 'vectors') throw new Error('no vectors');
    expect(whole).toMatchObject({ embedder: 'small', projectedFrom: null });
    expect(short).toMatchObject({ embedder: 'small', projectedFrom: 300 });
    for (const side of ['baseline', 'candidate'] as const) {
      expect(whole[side].size).toBe(24);
      expect(new Set([...short[side].values()].map((v) => v.length))).toEqual(new Set([128]));
    }
    // An answer both sides gave is one vector.
    const [shared] = [...short.baseline].filter(([hash]) => short.candidate.has(hash));
    expect(short.candidate.get(shared?.[0] ?? '')).toBe(shared?.[1]);
    const [one, other] = [whole, short].map(
      (vectors) => compareSnapshots(a, b, { policy, vectors, replicates: 499 }).metrics.embedding,
    );
    expect(other).toMatchObject({ verdict: one?.verdict, dimension: 300, cases: 24 });
    expect(other?.reason).toContain('measured on projected vectors');
    expect(other?.shift).toBeCloseTo(one?.shift ?? 0, 1);
    expect(await answerVectors(store, a, b, resolvePolicy(undefined))).toBeUndefined();
    await store.close();
  });

  it('are refused with a reason a person can act on', async () => {
    await using folder = await temporaryFolder();
    const store = await openLedger(join(folder.path, 'lastgood.db'));
    const small = await night(store, 'ssmall', { embedder: 'small', under: 'small' });
    const large = await night(store, 'slarge', { embedder: 'large', under: 'large' });
    const reason = async (a: SnapshotResults, b: SnapshotResults): Promise<string> => {
      const found = await answerVectors(store, a, b, policy);
      return found?.kind === 'unavailable' ? found.reason : `available: ${found?.kind}`;
    };
    expect(await reason(small, large)).toContain('embedded by two embedders');
    expect(await reason(small, large)).toContain('lastgood regrade ssmall --suite FILE');
    await store.close();
    // In a ledger of its own: answers given elsewhere would have vectors there.
    const other = await openLedger(join(folder.path, 'other.db'));
    const plain = await night(other, 'splain', { embedder: null });
    const late = await night(other, 'slate', { embedder: 'small' });
    const both = await answerVectors(other, plain, late, policy);
    expect(both).toMatchObject({ kind: 'unavailable', embedder: 'small' });
    expect(both?.kind === 'unavailable' && both.reason).toBe(
      'no answer of the baseline or the candidate has a vector; `lastgood regrade splain --suite FILE` and `lastgood regrade slate --suite FILE` embed stored answers',
    );
    const withheld = [{ code: 'EMBEDDINGS_WITHHELD', message: 'not stored' }];
    const scores = await night(other, 'sscores', { embedder: 'small', findings: withheld });
    expect(await answerVectors(other, plain, scores, policy)).toMatchObject({
      reason: 'the answers of the candidate are not stored, so neither are their vectors',
    });
    await other.close();
  });
});
