// One simulated rollout: by the state machine of lastgood, and by its rivals on a ladder that goes by the clock.

import type {
  ArmCounts,
  RolloutEvent,
  RolloutGateSpec,
  RolloutSpec,
  UnitLook,
} from '../../src/core/rollout.ts';
import { ALPHA } from '../../src/jobs/rollout/start-rollout.ts';
import { addArms, NOTHING } from '../../src/rollout/gate-evidence.ts';
import { keepRecent, type RecentLook, readGate } from '../../src/rollout/gate-reading.ts';
import { nextState } from '../../src/rollout/rollout-machine.ts';
import type { RolloutState } from '../../src/rollout/rollout-state.ts';
import { areUnitsDue } from '../../src/rollout/unit-look.ts';
import { ASSUMED_CALLS, UnitTable } from '../../src/rollout/unit-table.ts';
import { type Act, RIVALS, type RivalName, type Totals } from './rivals.ts';
import { APPROVED_USD, type Call, type Fault, SIGNALS, Traffic, type World } from './traffic.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-05-04T00:00:00Z');
/** The ladder of the ticket. Its rules are read over at most 400 calls, so that 25,000 calls a day do not wait for days at 1%. */
const STAGES = [
  { percent: 1, forMs: 4 * HOUR, sample: null },
  { percent: 5, forMs: 24 * HOUR, sample: null },
  { percent: 20, forMs: 48 * HOUR, sample: null },
  { percent: 50, forMs: 24 * HOUR, sample: null },
  { percent: 100, forMs: null, sample: null },
];
/** Fewer than the product keeps, to save time; the rest of the control is left out by chance. */
const MOST_UNITS = 12_000;
/** A rollout that holds longer is given up. */
const MOST_MINUTES = 60 * 24 * 14;

function gatesOf(history: readonly ArmCounts[]): readonly RolloutGateSpec[] {
  const plain = { forMs: null, flags: {}, measure: { kind: 'share', of: 'known' } as const, reference: null };
  const over = (count: number, unit: string) => ({ count, unit });
  return [
    {
      ...plain,
      signal: 'schema-failures',
      over: over(200, 'calls'),
      rule: { kind: 'above', share: 0.01, whileControlBelow: 0.002 },
      action: 'rollback',
      history: history[0] as ArmCounts,
    },
    {
      ...plain,
      signal: 'latency.p95',
      over: over(200, 'calls'),
      rule: { kind: 'times', times: 2, of: 'control-7d' },
      action: 'rollback',
      measure: { kind: 'quantile', q: 0.95, limit: 1 },
      history: history[1] as ArmCounts,
    },
    {
      ...plain,
      signal: 'cost-per-completed',
      over: over(400, 'tasks'),
      rule: { kind: 'times', times: 1.25, of: { approvedUsd: APPROVED_USD } },
      action: 'reduce',
      measure: { kind: 'ratio', bounded: false },
      reference: APPROVED_USD,
      history: history[2] as ArmCounts,
    },
    {
      ...plain,
      signal: 'review-rejection',
      over: over(100, 'reviewed'),
      rule: { kind: 'worse-by', share: 0.05 },
      action: 'pause',
      history: history[3] as ArmCounts,
    },
    {
      ...plain,
      signal: 'blocks',
      over: over(400, 'calls'),
      rule: { kind: 'times', times: 2, of: 'control' },
      action: 'disable-segment',
      history: history[4] as ArmCounts,
    },
  ];
}

export interface Played {
  /** The first action; null = none. A method that did not play is left out. */
  readonly acts: Readonly<Partial<Record<'lastgood' | 'calls as independent' | RivalName, Act | null>>>;
  /** Of lastgood; null = it did not get to the end. */
  readonly completedHours: number | null;
}

export function play(world: World, fault: Fault, seed: number): Played {
  const { act, completedHours } = playLastgood(world, fault, seed, false);
  return { acts: { lastgood: act }, completedHours };
}

/** The same traffic judged by the other rules. */
export function playOthers(world: World, fault: Fault, seed: number): Played {
  const calls = playLastgood(world, fault, seed, true).act;
  const acts = { ...playRivals(world, fault, seed), 'calls as independent': calls };
  return { acts, completedHours: null };
}

/** `before` = by the rule that takes calls for independent. */
function playLastgood(
  world: World,
  fault: Fault,
  seed: number,
  before: boolean,
): { act: Act | null; completedHours: number | null } {
  const traffic = new Traffic(world, fault, seed);
  const gates = gatesOf(traffic.history());
  const spec: RolloutSpec = {
    ...{ id: 'r', feature: 'f', environment: 'e', suite: 's', stages: STAGES, gates },
    control: { release: 'a', fingerprint: 'a' },
    candidate: { release: 'b', fingerprint: 'b' },
    ...{ rollbackFlags: {}, flags: {}, alpha: ALPHA, waived: [] },
    ...(before ? {} : { evidence: 'units', unit: null }),
    origin: { calls: { candidate: 0, control: 0 }, gates: [] },
  };
  const said = { at: new Date(START).toISOString(), by: 'bench', why: 'bench' };
  let state = nextState(null, { kind: 'started', ...said, spec }) as RolloutState;
  let units = new UnitsOfWindow(gates, world.named, START);
  let exposed = 0;
  for (let minute = 1; minute <= MOST_MINUTES; minute++) {
    const { calls, signals, news } = traffic.next(state.percent);
    exposed += calls.candidate;
    if (state.window.from !== units.from) units = new UnitsOfWindow(gates, world.named, state.window.from);
    const event: Extract<RolloutEvent, { kind: 'looked' }> = {
      ...{ kind: 'looked', at: new Date(START + minute * 60_000).toISOString(), by: 'bench', calls },
      gates: signals.map((arms) => ({ ...arms, segment: 'all' })),
    };
    if (!before && state.percent < 100) units.add(news);
    const look = areUnitsDue(state, event) ? units.look() : undefined;
    const looked: RolloutEvent = look === undefined ? event : { ...event, units: look };
    state = { ...(nextState(state, looked) as RolloutState), pending: [] };
    if (state.status === 'complete') return { act: null, completedHours: minute / 60 };
    if (state.status !== 'running')
      return {
        act: { signal: state.by.slice('gate '.length), exposed, hours: minute / 60 },
        completedHours: null,
      };
  }
  return { act: null, completedHours: null };
}

/** The units since a percentage was set, as `rollout step` reads them out of the ledger. */
class UnitsOfWindow {
  readonly from: number;
  readonly #table: UnitTable;
  readonly #isNamed: boolean;
  #call = 0;

  constructor(gates: readonly RolloutGateSpec[], isNamed: boolean, from: number) {
    this.#table = new UnitTable(gates, MOST_UNITS);
    this.#isNamed = isNamed;
    this.from = from;
  }

  add(news: readonly Call[]): void {
    const first = (this.from - START) / 60_000;
    for (const { unit, arm, counts, minute } of news)
      if (minute >= first) this.#table.add(this.#isNamed ? unit : `c${this.#call++}`, arm, counts);
  }

  look(): UnitLook {
    return this.#isNamed ? this.#table.look('user') : this.#table.look('unknown', ASSUMED_CALLS);
  }
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
      const { calls, signals } = traffic.next(percent);
      exposed += calls.candidate;
      const at = START + minute * 60_000;
      recents = gates.map((gate, i) =>
        keepRecent(gate, recents[i]!, {
          at,
          ...signals[i]!,
        }),
      );
      gates.forEach((gate, i) => {
        const signal = SIGNALS[i]!;
        const before = totals[i]!;
        totals[i] = {
          candidate: addArms(before.candidate, signals[i]!.candidate),
          control: addArms(before.control, signals[i]!.control),
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
