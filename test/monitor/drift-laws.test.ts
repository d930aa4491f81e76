// Laws of monitors: what must not change a verdict.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type MonitorVerdict,
  momentsOf,
  type WatchedSignal,
  watchFamily,
} from '../../src/monitor/drift/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { dayAt, normal, watched } from './simulated.ts';

const RUNS = { numRuns: 8 } as const;

function verdict(signal: WatchedSignal, live: number): MonitorVerdict {
  return watchFamily([signal], { at: dayAt(live), replicates: 60 }).monitors[0]!;
}

/** What must stay the same; template names aside. */
function core({ outcome, reason, drift, episodes, mix }: MonitorVerdict) {
  return {
    ...{ outcome, reason, mixed: mix !== null },
    episodes: episodes.map((e) => [e.openedAt, e.alarm.chart, e.recoveredAt]),
    since: drift?.since?.best ?? null,
  };
}

/** Latencies of single answers, in milliseconds, of a stream that may jump on live day 10. */
function latencies(seed: number, jump: number) {
  const rng = new Mt19937(seed);
  const days = new Map<string, number[]>();
  for (let live = -28; live < 16; live++)
    for (const [k, template] of ['x', 'y'].entries()) {
      const mood = 0.03 * normal(rng) + (live >= 10 ? jump : 0);
      days.set(
        `${live} ${template}`,
        Array.from({ length: 30 + 10 * k }, () => Math.exp(6 + k + mood + 0.4 * normal(rng))),
      );
    }
  return days;
}

const signalOf = (
  days: ReadonlyMap<string, readonly number[]>,
  rename = (t: string): string => t,
): WatchedSignal => {
  const names = new Map(
    [...new Set([...days.keys()].map((k) => k.split(' ')[1]!))].map((t) => [rename(t), t]),
  );
  return watched({
    ...{ name: 'latency', scale: 'log', direction: 'up', change: { kind: 'ratio', value: 0.2 }, days: 16 },
    templates: [...names.keys()],
    cell: (live, template) => momentsOf((days.get(`${live} ${names.get(template)!}`) ?? []).map(Math.log)),
  });
};

const streams = fc.record({ seed: fc.integer({ min: 0, max: 1e6 }), jump: fc.constantFrom(0, 0.3, 0.8) });

test('the order of answers within a window does not matter', () => {
  fc.assert(
    fc.property(streams, ({ seed, jump }) => {
      const days = latencies(seed, jump);
      const rng = new Mt19937(seed);
      const shuffled = new Map([...days].map(([key, list]) => [key, rng.shuffle([...list])]));
      const there = core(verdict(signalOf(days), 16));
      expect(core(verdict(signalOf(shuffled), 16))).toEqual(there);
      // Nor the order of the windows themselves.
      const signal = signalOf(days);
      expect(core(verdict({ ...signal, windows: rng.shuffle([...signal.windows]) }, 16))).toEqual(there);
    }),
    RUNS,
  );
});

test('the names of templates do not matter', () => {
  fc.assert(
    fc.property(streams, ({ seed, jump }) => {
      const days = latencies(seed, jump);
      const other = signalOf(days, (t) => (t === 'x' ? 'zz' : 'aa'));
      expect(core(verdict(other, 16))).toEqual(core(verdict(signalOf(days), 16)));
    }),
    RUNS,
  );
});

test('the unit does not matter: milliseconds or seconds', () => {
  fc.assert(
    fc.property(streams, ({ seed, jump }) => {
      const days = latencies(seed, jump);
      const seconds = new Map([...days].map(([key, list]) => [key, list.map((ms) => ms / 1000)]));
      const [ms, s] = [verdict(signalOf(days), 16), verdict(signalOf(seconds), 16)];
      expect(core(s)).toEqual(core(ms));
      if (ms.drift !== null) expect(s.drift!.to! * 1000).toBeCloseTo(ms.drift.to!, 3);
    }),
    RUNS,
  );
});

test('a constant stream is never drift, however long its reference', () => {
  const shape = fc.record({
    scale: fc.constantFrom('score' as const, 'share' as const, 'log' as const, 'ratio' as const),
    value: fc.constantFrom(0, 0.3, 1),
    n: fc.integer({ min: 20, max: 5000 }),
    referenceDays: fc.constantFrom(14, 28, 56, 84),
  });
  fc.assert(
    fc.property(shape, ({ scale, value, n, referenceDays }) => {
      const at = scale === 'ratio' && value === 0 ? 0.5 : value;
      const signal = watched({
        ...{ scale, referenceDays, days: 20, direction: 'both' },
        change:
          scale === 'log' || scale === 'ratio'
            ? { kind: 'ratio', value: 0.1 }
            : { kind: 'points', value: 0.05 },
        cell: () => ({ n, sum: n * at, squares: n * at * at }),
      });
      expect(verdict(signal, 20).outcome).not.toBe('drift');
    }),
    { numRuns: 20 },
  );
});
