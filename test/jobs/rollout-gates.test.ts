// What gates count in the windows of production, and which gates are refused.

import { describe, expect, it } from 'vitest';
import type { CountedObservation, WindowCounts } from '../../src/core/observation.ts';
import type { GateMeasure } from '../../src/core/rollout.ts';
import type { RolloutGate, RolloutRule } from '../../src/core/ticket.ts';
import { countGate, prepareGate } from '../../src/jobs/rollout/gate-counts.ts';
import { addCounts, countsOf } from '../../src/monitor/window-counts.ts';
import { learnBlock, logEValue, NO_EVIDENCE } from '../../src/rollout/gate-evidence.ts';
import { Mt19937 } from '../../src/stats/rng.ts';

const measures: CountedObservation['measures'] = {
  ...{ failed: false, length: 100, refusal: false, schemaValid: true, blocked: false, latencyMs: 900 },
  ...{ costUsd: 0.01, inputTokens: 1, outputTokens: 20, toolCalls: 0 },
};
function windowOf(n: number, make: (i: number) => Partial<CountedObservation>): WindowCounts {
  const counts: WindowCounts = new Map();
  for (let i = 0; i < n; i++)
    addCounts(counts, countsOf({ measures, servedModel: null, outcome: null, ...make(i) }));
  return counts;
}
const outcome = (completed: boolean): CountedObservation['outcome'] => ({
  flags: { completed },
  kpi: {},
  scores: {},
});
const gate = (signal: string, rule: RolloutRule): RolloutGate => ({
  ...{ signal, rule, over: { count: 100, unit: 'calls' }, forMs: null, action: 'pause', flags: {} },
});
const times = (of: 'control' | 'control-7d' | { approvedUsd: number }): RolloutRule => ({
  kind: 'times',
  times: 2,
  of,
});

describe('a gate', () => {
  it('counts a task of unknown price neither as free nor as completed', () => {
    const counts = windowOf(100, (i) => ({
      measures: { ...measures, costUsd: i < 20 ? null : 0.01 },
      outcome: outcome(i % 2 === 0),
    }));
    const found = countGate(
      { signal: 'cost-per-completed', measure: { kind: 'ratio', bounded: false } },
      counts,
    );
    expect(found.n).toBe(80);
    expect(found.sum / found.hits).toBeCloseTo(0.02, 10);
  });

  it('counts what lies above the limit of a quantile, and what is not completed', () => {
    const counts = windowOf(100, (i) => ({
      measures: { ...measures, latencyMs: i < 7 ? 3000 : 900 },
      outcome: outcome(i < 90),
    }));
    const measure: GateMeasure = { kind: 'quantile', q: 0.95, limit: 2000 };
    expect(countGate({ signal: 'latency.p95', measure }, counts)).toMatchObject({ n: 100, hits: 7 });
    expect(
      countGate({ signal: 'completion', measure: { kind: 'share', of: 'known' } }, counts),
    ).toMatchObject({ n: 100, hits: 10 });
  });

  it('takes its reference from the ticket or from the seven days before', () => {
    const history = windowOf(200, () => ({ outcome: outcome(true) }));
    expect(prepareGate(gate('cost-per-completed', times({ approvedUsd: 0.012 })), history).reference).toBe(
      0.012,
    );
    expect(prepareGate(gate('cost-per-completed', times('control-7d')), history).reference).toBeCloseTo(
      0.01,
      6,
    );
    expect(prepareGate(gate('cost-per-completed', times('control')), history).reference).toBeNull();
    const { measure } = prepareGate(gate('latency.p95', times('control')), history);
    expect(measure).toMatchObject({ kind: 'quantile', q: 0.95 });
    expect((measure as { limit: number }).limit / 1800).toBeCloseTo(1, 1);
  });

  it.each([
    ['latency.p95', times('control'), new Map()],
    ['latency.p95', { kind: 'above', share: 0.1, whileControlBelow: null }, null],
    ['cost-per-call', { kind: 'worse-by', share: 0.1 }, null],
    ['blocks', times({ approvedUsd: 1 }), null],
    ['kpi:revenue', { kind: 'count', count: 3 }, null],
  ] as const)('%s %j is refused where it cannot be read', (signal, rule, history) => {
    expect(() => prepareGate(gate(signal, rule), history ?? windowOf(200, () => ({})))).toThrow(signal);
  });
});

describe('the evidence about costs', () => {
  const prepared = prepareGate(
    gate('cost-per-call', { kind: 'times', times: 1.25, of: 'control' }),
    windowOf(200, () => ({})),
  );
  /** ln of the e-value after blocks of 10 calls of the candidate, and the highest it was on the way. */
  function play(factor: number, seed: number): number {
    const rng = new Mt19937(seed);
    const arm = (n: number, mean: number) => {
      let sum = 0;
      // Exponential: as uneven as costs get.
      for (let i = 0; i < n; i++) sum -= mean * Math.log(1 - rng.next());
      return { n, hits: n, sum };
    };
    let evidence = NO_EVIDENCE;
    let top = 0;
    for (let block = 0; block < 150; block++) {
      evidence = learnBlock(
        prepared,
        evidence,
        { candidate: arm(10, 0.01 * factor), control: arm(90, 0.01) },
        0,
      );
      top = Math.max(top, logEValue(prepared, evidence, 1));
    }
    return top;
  }

  it('grows where the candidate is dearer, and hardly where it is not', () => {
    const seeds = Array.from({ length: 100 }, (_, i) => i + 1);
    // The seeds are fixed, so this holds always or never.
    expect(seeds.filter((seed) => play(1, seed) >= Math.log(20)).length).toBeLessThanOrEqual(5);
    expect(seeds.slice(0, 20).filter((seed) => play(1.8, seed) >= Math.log(20))).toHaveLength(20);
  });
});
