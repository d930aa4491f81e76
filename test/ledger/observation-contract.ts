// What every store of observations must do. The windows of a store must be what counting its rows by hand gives.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CountedWindow,
  DAY_MS,
  HOUR_MS,
  type Observation,
  type ObservationStore,
  OUTCOME_FLAGS,
  type Outcome,
} from '../../src/core/observation.ts';
import { NOON, observation, outcome } from './observation-world.ts';

export interface OpenedObservations {
  readonly store: ObservationStore;
  /** A second connection to the same place. */
  again(): Promise<ObservationStore>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function fold(store: ObservationStore, rows = 3): Promise<void> {
  while ((await store.fold(rows)) > 0);
}

async function windowsOf(
  store: ObservationStore,
  span: 'hour' | 'any' = 'hour',
  [from, to] = [NOON - 3 * DAY_MS, NOON + 3 * DAY_MS],
): Promise<CountedWindow[]> {
  const found: CountedWindow[] = [];
  for await (const w of store.windows({ feature: 'refund-bot', from, to, span })) found.push(w);
  return found;
}

const total = (windows: readonly CountedWindow[], name: string): number =>
  windows.reduce((sum, w) => sum + (w.counts.get(name) ?? 0), 0);

export function observationContract(name: string, open: () => Promise<OpenedObservations>): void {
  describe(`${name}: observations`, () => {
    it('counts each id once, in the hour of its time, by all dimensions', async () => {
      await using opened = await open();
      const { store } = opened;
      const first = await store.add({
        observations: [observation('a'), observation('b', { at: NOON + HOUR_MS }), observation('a')],
        outcomes: [],
      });
      expect(first.observations).toEqual(['added', 'added', 'known']);
      const more = observation('c', { dimensions: { release: 'r2', variant: 'canary', segment: 'pro' } });
      await store.add({ observations: [observation('b'), more], outcomes: [] });
      await fold(store);
      expect((await windowsOf(store)).map((w) => [w.start - NOON, w.dimensions, w.counts.get('n')])).toEqual([
        [0, { release: 'r1', variant: null, template: 'refund', segment: null }, 1],
        [0, { release: 'r2', variant: 'canary', template: null, segment: 'pro' }, 1],
        [HOUR_MS, { release: 'r1', variant: null, template: 'refund', segment: null }, 1],
      ]);
      const days = await windowsOf(store, 'any', [NOON - 36 * HOUR_MS, NOON + 36 * HOUR_MS]);
      expect(days.map((w) => [w.spanMs, w.counts.get('n')])).toEqual([
        [DAY_MS, 2],
        [DAY_MS, 1],
      ]);
      expect(await store.features()).toEqual([
        { feature: 'refund-bot', observations: 3, first: NOON, last: NOON + HOUR_MS },
      ]);
    });

    it('keeps what was stored when it is opened again, and another connection sees it at once', async () => {
      await using opened = await open();
      await opened.store.add({
        observations: [observation('a', { tags: ['vip'] })],
        outcomes: [outcome('a', { edited: 0.5 })],
      });
      const other = await opened.again();
      expect((await other.add({ observations: [observation('a')], outcomes: [] })).observations).toEqual([
        'known',
      ]);
      const seen = [];
      for await (const o of other.observations({ feature: 'refund-bot', from: NOON, to: NOON + 1 }))
        seen.push(o);
      expect(seen).toMatchObject([
        {
          id: 'a',
          at: NOON,
          tags: ['vip'],
          servedModel: 'gpt-4o-2024-11-20',
          outcome: { edited: 0.5 },
          texts: null,
        },
      ]);
      expect(seen[0]?.measures).toEqual(observation('a').measures);
      await other.close();
    });

    it('gives the same answers as they are counted, with keyed hashes of who they were given to', async () => {
      await using opened = await open();
      const { store } = opened;
      const by = (id: string, user: string | null, at = NOON) =>
        observation(id, { user, session: 's1', at, dimensions: { variant: 'canary' } });
      await store.add({
        observations: [
          by('a', 'ada'),
          by('b', 'bo'),
          by('c', 'ada', NOON + 1),
          by('d', null, NOON + HOUR_MS),
        ],
        outcomes: [outcome('c', { review: 'rejected' })],
      });
      const found = [];
      for await (const page of store.measured({ feature: 'refund-bot', from: NOON, to: NOON + HOUR_MS }))
        found.push(...page);
      expect(found).toHaveLength(3);
      const [a, b, c] = found;
      expect(a?.user).toBe(c?.user);
      expect(a?.user).not.toBe(b?.user);
      expect(a?.user).not.toContain('ada');
      expect(new Set(found.map((f) => f.session)).size).toBe(1);
      expect(new Set(found.map((f) => f.key)).size).toBe(3);
      expect(c).toMatchObject({
        at: NOON + 1,
        dimensions: { variant: 'canary' },
        outcome: { review: 'rejected' },
      });
      expect(a?.measures).toEqual(observation('a').measures);
    });

    it('measures an edit by the final text, whichever comes first', async () => {
      await using opened = await open();
      const { store } = opened;
      const texts = { output: 'We refund the kettle today.', rest: {} };
      const news = (id: string): Outcome => outcome(id, { finalText: 'We refund the kettle tomorrow.' });
      await store.add({ observations: [observation('a', { texts })], outcomes: [] });
      await store.add({ observations: [], outcomes: [news('a'), news('b')] });
      await store.add({ observations: [observation('b', { texts })], outcomes: [] });
      await fold(store);
      const windows = await windowsOf(store);
      expect(total(windows, 'edited')).toBe(2);
      expect(total(windows, 'edit.s')).toBeCloseTo(2 / 6, 12);
    });

    it('keeps who gave a score until another score of that name comes later', async () => {
      await using opened = await open();
      const { store } = opened;
      const stored = async () => {
        const found: unknown[] = [];
        for await (const o of store.observations({
          feature: 'refund-bot',
          from: NOON - 3_600_000,
          to: NOON + 3_600_000,
        }))
          found.push([o.id, o.idAsSent, o.outcome?.scores, o.outcome?.examiners]);
        return found;
      };
      const score = (value: number, at: number, by?: string): Outcome =>
        outcome('a', {
          at,
          scores: { tone: value },
          ...(by === undefined ? {} : { examiners: { tone: by } }),
        });
      await store.add({
        observations: [observation('a'), observation('b', { shownId: '[secret]' })],
        outcomes: [score(0.5, NOON + 1, 'judge-1')],
      });
      const b = ['[secret]', false, undefined, undefined];
      expect(await stored()).toEqual([['a', true, { tone: 0.5 }, { tone: 'judge-1' }], b]);
      await store.add({ observations: [], outcomes: [score(0.5, NOON + 1, 'judge-1'), score(0.1, NOON)] });
      expect(await stored()).toEqual([['a', true, { tone: 0.5 }, { tone: 'judge-1' }], b]);
      await store.add({ observations: [], outcomes: [score(0.7, NOON + 2)] });
      expect(await stored()).toEqual([['a', true, { tone: 0.7 }, undefined], b]);
    });

    it('counts values beyond the limit of a feature as (other), and says so', async () => {
      await using opened = await open();
      const many = Array.from({ length: 510 }, (_, i) =>
        observation(`o${i}`, { dimensions: { template: `t${i}` } }),
      );
      const result = await opened.store.add({ observations: many, outcomes: [] });
      expect(result.crowded).toEqual(['template']);
      await fold(opened.store, 1000);
      const windows = await windowsOf(opened.store);
      expect(windows).toHaveLength(501);
      expect(windows.find((w) => w.dimensions.template === '(other)')?.counts.get('n')).toBe(10);
    });

    it('has the same windows whatever the order, the batches, repeats, and times of counting', async () => {
      const ids = fc.constantFrom('a', 'b', 'c', 'd');
      const messages = fc.array(
        fc.oneof(
          ids.map((id) => ({ kind: 'observation' as const, id })),
          fc.record({
            kind: fc.constant('outcome' as const),
            id: ids,
            at: fc.integer({ min: 0, max: 3 }),
            flag: fc.constantFrom(...OUTCOME_FLAGS),
            value: fc.boolean(),
            kpi: fc.integer({ min: 1, max: 3 }),
          }),
        ),
        { minLength: 4, maxLength: 14 },
      );
      const known: Record<string, Observation> = {
        a: observation('a'),
        b: observation('b', { at: NOON + HOUR_MS, measures: { costUsd: null } }),
        c: observation('c', { dimensions: { release: 'r2' }, measures: { failed: true, length: null } }),
        d: observation('d', { measures: { latencyMs: 0 } }),
      };
      await fc.assert(
        fc.asyncProperty(messages, fc.integer(), fc.array(fc.nat(4)), async (list, seed, folds) => {
          await using one = await open();
          await using two = await open();
          const rows = list.map((m) =>
            m.kind === 'observation'
              ? { observations: [known[m.id] as Observation], outcomes: [] }
              : {
                  observations: [],
                  outcomes: [
                    outcome(m.id, { at: NOON + m.at, flags: { [m.flag]: m.value }, kpi: { sales: m.kpi } }),
                  ],
                },
          );
          for (const batch of rows) await one.store.add(batch);
          await fold(one.store);
          const shuffled = rows
            .map((r, i) => [Math.sin(seed + i * 7.3), r] as const)
            .sort(([a], [b]) => a - b);
          for (const [i, [, batch]] of [...shuffled, ...shuffled.slice(0, 3)].entries()) {
            await two.store.add(batch);
            if (folds.includes(i % 5)) await fold(two.store, 1);
          }
          await fold(two.store);
          const plain = (w: CountedWindow): string =>
            JSON.stringify([w.start, w.spanMs, w.dimensions, [...w.counts].sort()]);
          for (const span of ['hour', 'any'] as const)
            expect((await windowsOf(two.store, span)).map(plain).sort()).toEqual(
              (await windowsOf(one.store, span)).map(plain).sort(),
            );
          const stored = new Set(list.flatMap((m) => (m.kind === 'observation' ? [m.id] : [])));
          expect(total(await windowsOf(two.store), 'n')).toBe(stored.size);
        }),
        { numRuns: 8 },
      );
    });
  });
}
