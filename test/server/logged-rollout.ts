// A rollout in a ledger as steps would have left it: gates of every kind, hours of looks, texts as they are given.

import type { ArmCounts, GateBlock, RolloutGateSpec, RolloutSpec } from '../../src/core/rollout.ts';
import type { RolloutPlace } from '../../src/jobs/rollout/rollout-log.ts';
import { writeEvent } from '../../src/jobs/rollout/rollout-log.ts';
import { openLedger } from '../../src/ledger/index.ts';

const MIN = 60_000;
const counts = (n: number, hits: number, sum = 0): ArmCounts => ({ n, hits, sum });
const BASE = { flags: {}, reference: null, forMs: null } as const;

/** Schema failures, latency, cost, complaints. */
const GATES: readonly RolloutGateSpec[] = [
  {
    ...{ ...BASE, signal: 'schema-failures', over: { count: 200, unit: 'calls' }, action: 'rollback' },
    rule: { kind: 'above', share: 0.01, whileControlBelow: 0.002 },
    ...{ measure: { kind: 'share', of: 'known' }, history: counts(9000, 9) },
  },
  {
    ...{ ...BASE, signal: 'latency.p95', over: null, forMs: 30 * MIN, action: 'rollback' },
    rule: { kind: 'times', times: 2, of: 'control-7d' },
    ...{ measure: { kind: 'quantile', q: 0.95, limit: 2400 }, history: counts(9000, 90) },
  },
  {
    ...{ ...BASE, signal: 'cost-per-completed', over: { count: 1000, unit: 'tasks' }, action: 'reduce' },
    rule: { kind: 'times', times: 1.25, of: { approvedUsd: 0.012 } },
    ...{ measure: { kind: 'ratio', bounded: false }, reference: 0.012, history: counts(9000, 9000, 108) },
  },
  {
    ...{ ...BASE, signal: 'complaints', over: null, action: 'freeze' },
    rule: { kind: 'count', count: 3 },
    ...{ measure: { kind: 'share', of: 'known' }, history: counts(0, 0) },
  },
];

export interface LoggedRollout extends RolloutPlace {
  readonly suite: string;
  readonly control: RolloutSpec['control'];
  readonly candidate: RolloutSpec['candidate'];
  /** Why it was started, who waived what, and which segments are named. */
  readonly text: string;
  /** Ten minutes each. */
  readonly looks: number;
  /** Bad answers of the candidate in each look, of 40. */
  readonly failures?: number;
}

/** The last look is a minute ago. */
export async function loggedRollout(db: string, r: LoggedRollout): Promise<void> {
  const store = await openLedger(db, { create: true });
  const start = Date.now() - (r.looks * 10 + 1) * MIN;
  const at = (look: number): string => new Date(start + look * 10 * MIN).toISOString();
  const spec: RolloutSpec = {
    ...{ id: `r-${r.feature.length}-${r.looks}`, feature: r.feature, environment: r.environment },
    ...{ suite: r.suite, control: r.control, candidate: r.candidate, gates: GATES },
    stages: [
      { percent: 1, forMs: 30 * MIN, sample: null },
      { percent: 5, forMs: 24 * 60 * MIN, sample: 2000 },
      { percent: 20, forMs: 48 * 60 * MIN, sample: null },
      { percent: 100, forMs: null, sample: null },
    ],
    ...{ rollbackFlags: { 'ai.action.mode': 'draft' }, flags: {}, alpha: 0.03 },
    waived: [{ condition: 'drill', detail: r.text, by: r.text, why: r.text }],
    origin: { calls: { candidate: 0, control: 0 }, gates: [] },
  };
  const place = { feature: r.feature, environment: r.environment };
  const said = { at: at(0), by: r.text, why: r.text };
  let state = await writeEvent(store, place, null, { kind: 'started', ...said, spec });
  for (let look = 1; look <= r.looks; look++) {
    const blocks: GateBlock[] = [
      block(counts(40, r.failures ?? 0), counts(760, look % 3 === 0 ? 1 : 0)),
      block(counts(40, look % 4 === 0 ? 1 : 0), counts(760, 9)),
      block(counts(20, 18, 0.22), counts(380, 340, 4.2)),
      block(counts(0, 0), counts(0, 0)),
    ];
    const calls = { candidate: 40, control: state.percent === 1 ? 3960 : 760 };
    const event = { kind: 'looked', at: at(look), by: 'lastgood serve', calls, gates: blocks } as const;
    state = await writeEvent(store, place, state, event);
    // What a step does beside: the flags are set elsewhere.
    if (state.pending.length > 0)
      state = await writeEvent(store, place, state, {
        ...{ kind: 'applied', at: at(look), by: 'lastgood serve', through: state.seq },
      });
  }
  await store.close();
}

function block(candidate: ArmCounts, control: ArmCounts): GateBlock {
  return { candidate, control, segment: null };
}
