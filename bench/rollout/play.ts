// One simulated rollout: by the state machine of lastgood, and by its rivals on a ladder that goes by the clock.

import type { RolloutEvent, RolloutGateSpec, RolloutSpec } from '../../src/core/rollout.ts';
import { ALPHA } from '../../src/jobs/rollout/start-rollout.ts';
import { addArms, NOTHING } from '../../src/rollout/gate-evidence.ts';
import { keepRecent, type RecentLook, readGate } from '../../src/rollout/gate-reading.ts';
import { nextState } from '../../src/rollout/rollout-machine.ts';
import type { RolloutState } from '../../src/rollout/rollout-state.ts';
import { type Act, RIVALS, type RivalName, type Totals } from './rivals.ts';
import { APPROVED_USD, type Fault, type Minute, SIGNALS, Traffic, type World } from './worlds.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-05-04T00:00:00Z');
/** The ladder of the ticket. */
const STAGES = [
  { percent: 1, forMs: 4 * HOUR, sample: null },
  { percent: 5, forMs: 24 * HOUR, sample: null },
  { percent: 20, forMs: 48 * HOUR, sample: null },
  { percent: 50, forMs: 24 * HOUR, sample: null },
  { percent: 100, forMs: null, sample: null },
];
/** A rollout that holds longer is given up. */
const MOST_MINUTES = 60 * 24 * 14;

function gatesOf(history: Minute): readonly RolloutGateSpec[] {
  const plain = { forMs: null, flags: {}, measure: { kind: 'share', of: 'known' } as const, reference: null };
  const over = (count: number, unit: string) => ({ count, unit });
  return [
    {
      ...plain,
      signal: 'schema-failures',
      over: over(200, 'calls'),
      rule: { kind: 'above', share: 0.01, whileControlBelow: 0.002 },
      action: 'rollback',
      history: history['schema-failures'],
    },
    {
      ...plain,
      signal: 'latency.p95',
      over: null,
      forMs: HOUR / 2,
      rule: { kind: 'times', times: 2, of: 'control-7d' },
      action: 'rollback',
      measure: { kind: 'quantile', q: 0.95, limit: 1 },
      history: history['latency.p95'],
    },
    {
      ...plain,
      signal: 'cost-per-completed',
      over: over(1000, 'tasks'),
      rule: { kind: 'times', times: 1.25, of: { approvedUsd: APPROVED_USD } },
      action: 'reduce',
      measure: { kind: 'ratio', bounded: false },
      reference: APPROVED_USD,
      history: history['cost-per-completed'],
    },
    {
      ...plain,
      signal: 'review-rejection',
      over: over(200, 'reviewed'),
      rule: { kind: 'worse-by', share: 0.05 },
      action: 'pause',
      history: history['review-rejection'],
    },
    {
      ...plain,
      signal: 'blocks',
      over: over(500, 'calls'),
      rule: { kind: 'times', times: 2, of: 'control' },
      action: 'disable-segment',
      history: history.blocks,
    },
  ];
}

export interface Played {
  readonly acts: Readonly<Record<'lastgood' | RivalName, Act | null>>;
  /** Of lastgood; null = it did not get to the end. */
  readonly completedHours: number | null;
}

export function play(world: World, fault: Fault, seed: number, rivals: boolean): Played {
  const own = playLastgood(world, fault, seed);
  const others = rivals ? playRivals(world, fault, seed) : {};
  return { completedHours: own.completedHours, acts: { ...others, lastgood: own.act } as Played['acts'] };
}

function playLastgood(
  world: World,
  fault: Fault,
  seed: number,
): { act: Act | null; completedHours: number | null } {
  const traffic = new Traffic(world, fault, seed);
  const spec: RolloutSpec = {
    ...{
      id: 'r',
      feature: 'f',
      environment: 'e',
      suite: 's',
      stages: STAGES,
      gates: gatesOf(traffic.history()),
    },
    control: { release: 'a', fingerprint: 'a' },
    candidate: { release: 'b', fingerprint: 'b' },
    ...{ rollbackFlags: {}, flags: {}, alpha: ALPHA, waived: [] },
    origin: { calls: { candidate: 0, control: 0 }, gates: [] },
  };
  const said = { at: new Date(START).toISOString(), by: 'bench', why: 'bench' };
  let state = nextState(null, { kind: 'started', ...said, spec }) as RolloutState;
  let exposed = 0;
  for (let minute = 1; minute <= MOST_MINUTES; minute++) {
    const { candidate, control } = traffic.next(state.percent);
    exposed += candidate.calls;
    const event: RolloutEvent = {
      ...{ kind: 'looked', at: new Date(START + minute * 60_000).toISOString(), by: 'bench' },
      calls: { candidate: candidate.calls, control: control.calls },
      gates: SIGNALS.map((signal) => ({
        candidate: candidate[signal],
        control: control[signal],
        segment: 'all',
      })),
    };
    state = { ...(nextState(state, event) as RolloutState), pending: [] };
    if (state.status === 'complete') return { act: null, completedHours: minute / 60 };
    if (state.status !== 'running')
      return {
        act: { signal: state.by.slice('gate '.length), exposed, hours: minute / 60 },
        completedHours: null,
      };
  }
  return { act: null, completedHours: null };
}

/** Stages end by the clock; each rival acts at the first look at which one of its gates says so. */
function playRivals(
  world: World,
  fault: Fault,
  seed: number,
): Partial<Record<RivalName | 'literal rule', Act | null>> {
  const traffic = new Traffic(world, fault, seed);
  const gates = gatesOf(traffic.history());
  const acts: Partial<Record<RivalName, Act | null>> = {};
  for (const name of Object.keys(RIVALS) as RivalName[]) acts[name] = null;
  let recents: readonly (readonly RecentLook[])[] = gates.map(() => []);
  const met: (number | null)[] = gates.map(() => null);
  const totals: Totals[] = gates.map(() => ({ candidate: NOTHING, control: NOTHING }));
  let exposed = 0;
  let minute = 0;
  STAGES.slice(0, -1).forEach(({ percent, forMs }) => {
    const end = minute + forMs! / 60_000;
    while (minute < end) {
      minute++;
      const { candidate, control } = traffic.next(percent);
      exposed += candidate.calls;
      const at = START + minute * 60_000;
      recents = gates.map((gate, i) =>
        keepRecent(gate, recents[i]!, {
          at,
          candidate: candidate[SIGNALS[i]!],
          control: control[SIGNALS[i]!],
        }),
      );
      gates.forEach((gate, i) => {
        const signal = SIGNALS[i]!;
        const before = totals[i]!;
        totals[i] = {
          candidate: addArms(before.candidate, candidate[signal]),
          control: addArms(before.control, control[signal]),
        };
        const read = readGate(gate, recents[i]!, { at, metSince: met[i]!, alone: false });
        met[i] = read.metSince;
        for (const [name, rule] of Object.entries(RIVALS) as [RivalName, (typeof RIVALS)[RivalName]][]) {
          if (acts[name] !== null) continue;
          const place = {
            gates: gates.length,
            stages: STAGES.length - 1,
            isStageEnd: minute === end,
            literal: read.literal,
          };
          if (rule(gate, totals[i]!, place)) acts[name] = { signal, exposed, hours: minute / 60 };
        }
      });
    }
  });
  return acts;
}
