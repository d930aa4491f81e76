// From answers to signals: exact counts, quantiles within their stated error, edits, and where texts lie.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutcomeFacts, WindowCounts } from '../../src/core/observation.ts';
import type { SignalValue } from '../../src/core/signals.ts';
import { editShare } from '../../src/monitor/edit-share.ts';
import { lexicalEmbedding } from '../../src/monitor/lexical-embedding.ts';
import { eventsOnly, signalsOf } from '../../src/monitor/signal-values.ts';
import { VectorSums } from '../../src/monitor/vector-sums.ts';
import { addCounts, countsOf } from '../../src/monitor/window-counts.ts';
import { bucketOf, bucketQuantile, QUANTILE_ERROR } from '../../src/stats/log-histogram.ts';
import { observation } from '../ledger/observation-world.ts';

type Patch = Partial<ReturnType<typeof observation>['measures']>;

function window(
  rows: readonly { readonly measures?: Patch; readonly outcome?: Partial<OutcomeFacts> }[],
): WindowCounts {
  const all: WindowCounts = new Map();
  for (const { measures, outcome } of rows)
    addCounts(
      all,
      countsOf({
        measures: observation('x', { measures: measures ?? {} }).measures,
        servedModel: 'm',
        outcome: outcome === undefined ? null : { flags: {}, kpi: {}, scores: {}, ...outcome },
      }),
    );
  return all;
}

function signal(counts: WindowCounts, name: string): SignalValue {
  const found = signalsOf(counts, eventsOnly(counts)).find((s) => s.signal === name);
  if (found === undefined) throw new Error(`no signal ${name}`);
  return found;
}

describe('quantiles of buckets', () => {
  it('lie within their stated error of the exact ones, merged from any parts', () => {
    const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(values, fc.constantFrom(0, 0.5, 0.95, 1), (list, q) => {
        const counts = new Map<number, number>();
        for (const v of list) counts.set(bucketOf(v), (counts.get(bucketOf(v)) ?? 0) + 1);
        const exact = [...list].sort((a, b) => a - b)[
          Math.max(0, Math.ceil(q * list.length - 1e-9) - 1)
        ] as number;
        const found = bucketQuantile(counts, q) as number;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(QUANTILE_ERROR * exact * (1 + 1e-9) + 1e-6);
      }),
    );
    expect(bucketQuantile(new Map(), 0.5)).toBeNull();
    // Of three values the 95th percentile is the largest.
    const three = new Map([90, 120, 220].map((v) => [bucketOf(v), 1]));
    expect(Math.abs((bucketQuantile(three, 0.95) ?? 0) - 220)).toBeLessThanOrEqual(2.2 + 1e-9);
  });
});

describe('signals', () => {
  it('are shares of what is known, and unknown where nothing is', () => {
    const counts = window([
      { measures: { failed: true, length: null, refusal: null, schemaValid: null } },
      { measures: { schemaValid: false } },
      {},
      { measures: { refusal: true } },
    ]);
    expect(signal(counts, 'errors')).toMatchObject({ value: 0.25, n: 4 });
    expect(signal(counts, 'schema-failures')).toMatchObject({ value: 1 / 3, n: 3 });
    expect(signal(counts, 'refusals')).toMatchObject({ value: 1 / 3, n: 3 });
    expect(signal(counts, 'blocks')).toMatchObject({ value: null, n: 0, interval: null });
    expect(signal(counts, 'dismissals')).toMatchObject({ value: null, n: 0 });
    expect(signal(counts, 'length.p95')).toMatchObject({ n: 3, error: 0.01 });
    expect(signal(counts, 'count')).toMatchObject({ value: 4, error: 0 });
  });

  it('divides events by all answers where silence means no, and by outcomes where no is sent', () => {
    const silent = window([{ outcome: { flags: { retried: true } } }, {}, {}, {}]);
    expect(signal(silent, 'retries')).toMatchObject({ value: 0.25, n: 4, of: 'observations' });
    const told = window([
      { outcome: { flags: { retried: true } } },
      { outcome: { flags: { retried: false } } },
      {},
      {},
    ]);
    expect(signal(told, 'retries')).toMatchObject({ value: 0.5, n: 2, of: 'outcomes', lagging: true });
  });

  it('prices completed tasks with all that was tried, and says when a cost is unknown', () => {
    const tried = { outcome: { flags: { completed: false } } };
    const done = { outcome: { flags: { completed: true } } };
    expect(signal(window([tried, done, {}]), 'cost-per-completed')).toMatchObject({
      value: 0.004,
      partial: false,
    });
    const unknown = window([{ ...tried, measures: { costUsd: null } }, done]);
    expect(signal(unknown, 'cost-per-completed')).toMatchObject({ value: 0.002, partial: true });
    expect(signal(window([{ ...done, measures: { costUsd: null } }]), 'cost-per-completed').value).toBeNull();
    expect(signal(window([{ measures: { costUsd: null } }]), 'cost-per-call').value).toBeNull();
  });

  it('averages edits, reviews, scores and business numbers', () => {
    const counts = window([
      { outcome: { edited: 0, review: 'accepted', kpi: { sales: 3 }, scores: { tone: 0.5 } } },
      { outcome: { edited: 0.5, review: 'rejected', kpi: { sales: 5 }, scores: { tone: 1 } } },
    ]);
    expect(signal(counts, 'edits').value).toBe(0.5);
    expect(signal(counts, 'edit-distance').value).toBe(0.25);
    expect(signal(counts, 'review-rejection').value).toBe(0.5);
    expect(signal(counts, 'kpi:sales')).toMatchObject({ value: 4, n: 2, lagging: true });
    expect(signal(counts, 'judge-score:tone').value).toBe(0.75);
  });
});

describe('the share of an edit', () => {
  it.each([
    ['We refund it.', 'We refund it.', 0],
    ['We refund it.', 'We  refund\nit.', 0],
    ['We refund it today', 'We refund it tomorrow', 0.25],
    ['abc', '', 1],
    ['', '', 0],
    ['übergröße', 'übergrößen', 1],
  ])('of %j to %j', (a, b, share) => {
    expect(editShare(a, b)).toBe(share);
    expect(editShare(b, a)).toBe(share);
  });

  it('is not measured where it would take too long', () => {
    const words = (n: number, w: string): string => Array.from({ length: n }, (_, i) => `${w}${i}`).join(' ');
    expect(editShare(words(3000, 'a'), words(3000, 'b'))).toBeNull();
    expect(editShare(words(30_000, 'a'), `${words(30_000, 'a')} end`)).toBeCloseTo(1 / 30_001, 9);
  });
});

describe('the offline embedding', () => {
  const sums = (...texts: readonly string[]): VectorSums => {
    const all = new VectorSums();
    for (const text of texts) all.add(lexicalEmbedding(text) as Int8Array);
    return all;
  };
  const old = Array.from(
    { length: 12 },
    (_, i) => `Your order ${i} is on its way, thank you for your patience.`,
  );
  const young = Array.from({ length: 12 }, (_, i) => `- Status: shipped\n- Order: ${i}\n- Action: none`);

  it('moves when the form of answers changes, and stays when only their content does', () => {
    const moved = sums(...young).shiftFrom(sums(...old)) as number;
    const same = sums(...old.slice(6)).shiftFrom(sums(...old.slice(0, 6))) as number;
    expect(moved).toBeGreaterThan(0.5);
    expect(Math.abs(same)).toBeLessThan(0.05);
    expect(sums(...old, ...young).spread()).toBeGreaterThan(sums(...old).spread() as number);
  });

  it('has nothing to say of an empty text', () => {
    expect(lexicalEmbedding(' \n ')).toBeNull();
    expect(sums().shiftFrom(sums(...old))).toBeNull();
  });
});
