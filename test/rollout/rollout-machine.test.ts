// The rollout's state machine: laws over every log of events, and what each action does.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  ArmCounts,
  GateBlock,
  LoggedRolloutEvent,
  RolloutEvent,
  RolloutGateSpec,
  RolloutSpec,
} from '../../src/core/rollout.ts';
import { NOTHING } from '../../src/rollout/gate-evidence.ts';
import { nextState, replayRollout } from '../../src/rollout/rollout-machine.ts';
import { isOver, type RolloutState } from '../../src/rollout/rollout-state.ts';

const START = Date.parse('2026-05-01T00:00:00Z');
const MIN = 60_000;
const gate = (more: Partial<RolloutGateSpec> = {}): RolloutGateSpec => ({
  signal: 'schema-failures',
  over: { count: 200, unit: 'calls' },
  forMs: null,
  rule: { kind: 'above', share: 0.01, whileControlBelow: 0.002 },
  action: 'rollback',
  flags: {},
  measure: { kind: 'share', of: 'known' },
  reference: null,
  history: { n: 1000, hits: 1, sum: 0 },
  ...more,
});
const pausing = gate({
  ...{ signal: 'review-rejection', over: { count: 100, unit: 'reviewed' } },
  ...{ rule: { kind: 'worse-by', share: 0.05 }, action: 'pause', history: { n: 1000, hits: 100, sum: 0 } },
  flags: { 'ai.action.mode': 'draft' },
});
const spec = (gates: readonly RolloutGateSpec[]): RolloutSpec => ({
  ...{ id: 'r1', feature: 'desk', environment: 'production', suite: 'desk' },
  control: { release: 'old', fingerprint: 'a'.repeat(64) },
  candidate: { release: 'new', fingerprint: 'b'.repeat(64) },
  stages: [
    { percent: 5, forMs: 60 * MIN, sample: 300 },
    { percent: 50, forMs: 60 * MIN, sample: null },
    { percent: 100, forMs: null, sample: null },
  ],
  ...{ gates, rollbackFlags: { 'ai.action.mode': 'human' }, flags: {}, alpha: 0.05, waived: [] },
  origin: { calls: { candidate: 0, control: 0 }, gates: [] },
});
const begun = (gates: readonly RolloutGateSpec[] = [gate()]): RolloutState => {
  const event = {
    kind: 'started',
    at: new Date(START).toISOString(),
    by: 'ada',
    why: 'v2',
    spec: spec(gates),
  };
  return nextState(null, event as RolloutEvent) as RolloutState;
};
const counts = (n: number, hits = 0): ArmCounts => ({ n, hits, sum: 0 });
const block = (candidate = NOTHING, control = NOTHING, segment: string | null = null): GateBlock => ({
  ...{ candidate, control, segment },
});
const looked = (minute: number, blocks: readonly GateBlock[], calls?: [number, number]): RolloutEvent => ({
  ...{ kind: 'looked', at: new Date(START + minute * MIN).toISOString(), by: 'cron', gates: blocks },
  calls: {
    candidate: calls?.[0] ?? blocks[0]?.candidate.n ?? 0,
    control: calls?.[1] ?? blocks[0]?.control.n ?? 0,
  },
});
const next = (state: RolloutState, event: RolloutEvent): RolloutState =>
  nextState(state, event) as RolloutState;
/** Looks every ten minutes at so many calls of each arm. */
function watch(state: RolloutState, minutes: number, make: () => GateBlock, from = 0): RolloutState {
  let now = state;
  for (let m = from + 10; m <= from + minutes; m += 10) now = next(now, looked(m, now.gates.map(make)));
  return now;
}
const healthy = (): GateBlock => block(counts(100), counts(1900));

/** Any event, also senseless ones. */
const anyEvent = (minute: number): fc.Arbitrary<RolloutEvent> => {
  const said = { at: new Date(START + minute * MIN).toISOString(), by: 'ada', why: 'test' };
  const arm = fc
    .tuple(fc.nat({ max: 400 }), fc.constantFrom(0, 0, 0, 0.01, 0.2))
    .map(([n, share]) => counts(n, Math.floor(n * share)));
  // Mostly the share of the traffic that the first stage sets; at times one arm is silent.
  const silent = fc.constantFrom(1, 1, 1, 1, 1, 0);
  const look = fc
    .tuple(
      arm,
      fc.constantFrom(0, 0, 0, 0, 0.001, 0.1),
      silent,
      silent,
      fc.option(fc.constantFrom('beta', 'pro')),
    )
    .map(([a, share, candidate, control, segment]) => {
      const one = counts(a.n * candidate, a.hits * candidate);
      const other = counts(a.n * 19 * control, Math.floor(a.n * 19 * control * share));
      return looked(minute, [block(one, other, segment), block(one, other)]);
    });
  const empty = { calls: { candidate: 0, control: 0 }, gates: [] };
  return fc.oneof(
    { weight: 12, arbitrary: look },
    { weight: 1, arbitrary: fc.constant<RolloutEvent>({ kind: 'paused', ...said }) },
    { weight: 2, arbitrary: fc.constant<RolloutEvent>({ kind: 'resumed', ...said, seen: empty }) },
    { weight: 1, arbitrary: fc.constant<RolloutEvent>({ kind: 'flag-changed', ...said, percent: 3 }) },
    {
      weight: 1,
      arbitrary: fc.nat({ max: 30 }).map((through) => ({ kind: 'applied', ...said, through }) as const),
    },
  );
};
const anyLog = fc.tuple(...Array.from({ length: 25 }, (_, i) => anyEvent((i + 1) * 15)));

describe('every log of events', () => {
  it('moves at most one stage up at a time, and only by a look with new data of both arms and nothing red', () => {
    let advanced = 0;
    fc.assert(
      fc.property(anyLog, (events) => {
        let state = begun([gate(), pausing]);
        for (const event of events) {
          const after = next(state, event);
          if (after.stage > state.stage) {
            expect(after.stage).toBe(state.stage + 1);
            expect(event.kind).toBe('looked');
            if (event.kind !== 'looked') return;
            advanced++;
            expect(event.calls.candidate).toBeGreaterThan(0);
            expect(event.calls.control).toBeGreaterThan(0);
            expect(after.gates.every((g) => g.reading.literal !== 'red' && !g.reading.fired)).toBe(true);
          }
          if (isOver(state.status)) expect(after.percent).toBe(state.percent);
          state = after;
        }
      }),
      { numRuns: 300 },
    );
    expect(advanced).toBeGreaterThan(20);
  });

  it('gives the same state when it is replayed, also with the events of writers that lost a race', () => {
    fc.assert(
      fc.property(anyLog, fc.infiniteStream(fc.boolean()), (events, races) => {
        const first: RolloutEvent = {
          ...{ kind: 'started', at: new Date(START).toISOString(), by: 'ada', why: 'v2' },
          spec: spec([gate(), pausing]),
        };
        let state: RolloutState | null = null;
        const log: LoggedRolloutEvent[] = [];
        for (const event of [first, ...events]) {
          const seq: number = (state?.seq ?? 0) + 1;
          const written = { ...event, rollout: 'r1', seq, writer: 'w' };
          log.push(written);
          if (races.next().value) log.push({ ...written, writer: 'late' });
          state = nextState(state, event);
        }
        expect(replayRollout(JSON.parse(JSON.stringify(log)))).toEqual(state);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a stage', () => {
  it('ends once its time and its sample are over and every gate is green', () => {
    const early = watch(begun(), 50, healthy);
    expect(early).toMatchObject({ stage: 0, percent: 5, holds: 'green for 50 of 60 min' });
    const ended = watch(early, 10, healthy, 50);
    expect(ended).toMatchObject({ stage: 1, percent: 50 });
    expect(ended.pending.at(-1)).toEqual({ kind: 'set-flags', percent: 50, flags: {}, disabled: [] });
  });

  it('holds for its sample, for a gate that saw too little, and for missing data', () => {
    expect(watch(begun(), 120, () => block(counts(10), counts(190)))).toMatchObject({
      stage: 0,
      holds: expect.stringContaining('120 seen'),
    });
    const few = watch(begun(), 120, () => block(counts(21), counts(399)));
    expect(few).toMatchObject({ stage: 0, holds: '252 of 300 requests of the candidate' });
    const silent = watch(watch(begun(), 50, healthy), 600, () => block(), 50);
    expect(silent).toMatchObject({
      stage: 0,
      status: 'running',
      holds: expect.stringContaining('missing data'),
    });
    // Ten hours of silence do not count as time of the stage.
    expect(watch(silent, 10, healthy, 650)).toMatchObject({ stage: 0, holds: 'green for 50 of 60 min' });
    const onlyControl = watch(watch(begun(), 50, healthy), 60, () => block(NOTHING, counts(1900)), 50);
    expect(onlyControl).toMatchObject({ stage: 0, holds: expect.stringContaining('missing data') });
  });

  it('holds when the candidate does not get the share that is set', () => {
    const wrong = watch(begun(), 90, () => block(counts(300), counts(1700)));
    expect(wrong).toMatchObject({
      stage: 0,
      status: 'running',
      holds: expect.stringMatching(/sample-ratio mismatch: .* 15\.0% .* 5% is set/),
    });
  });

  it('does not count the time in which the literal rule is met without enough evidence', () => {
    const green = watch(begun(), 40, healthy);
    const red = next(green, looked(50, [block(counts(200, 3), counts(3800, 7))]));
    expect(red).toMatchObject({
      status: 'running',
      greenMs: 40 * MIN,
      holds: expect.stringContaining('literal rule'),
    });
    expect(red.gates[0]?.reading).toMatchObject({ literal: 'red', fired: false });
  });
});

describe('an action', () => {
  const bad = (): GateBlock => block(counts(100, 5), counts(1900, 1), 'beta');
  const acted = (action: RolloutGateSpec['action'], stage = 0): RolloutState => {
    let state = begun([gate({ action, flags: { 'team.flag': true } })]);
    if (stage === 1) state = watch(state, 60, healthy);
    // The second stage has half of the calls in each arm.
    const make = stage === 0 ? bad : (): GateBlock => block(counts(1000, 50), counts(1000, 1), 'beta');
    return watch(state, 100, make, 60 * stage);
  };

  it('rollback sets 0%, restores the flags of the ticket, opens an episode and alerts, once', () => {
    const state = acted('rollback');
    expect(state).toMatchObject({ status: 'rolled-back', percent: 0, by: 'gate schema-failures' });
    expect(state.pending.filter((e) => e.kind !== 'set-flags').map((e) => e.kind)).toEqual([
      'open-episode',
      'alert',
    ]);
    expect(state.pending.findLast((e) => e.kind === 'set-flags')).toMatchObject({
      percent: 0,
      flags: { 'ai.action.mode': 'human', 'team.flag': true },
    });
    expect(nextState(state, { kind: 'resumed', at: '', by: '', why: '', seen: state.seen })).toMatchObject({
      status: 'rolled-back',
      percent: 0,
    });
  });

  it.each([
    ['pause', 0, 'paused', 5],
    ['freeze', 0, 'frozen', 5],
    ['reduce', 0, 'paused', 0],
    ['reduce', 1, 'paused', 5],
    ['disable-segment', 0, 'paused', 5],
  ] as const)('%s in stage %i', (action, stage, status, percent) => {
    const state = acted(action, stage);
    expect(state).toMatchObject({ status, percent, stage: 0 });
    expect(state.disabled).toEqual(action === 'disable-segment' ? ['beta'] : []);
    const at = new Date(START + 300 * MIN).toISOString();
    const again = next(state, { kind: 'resumed', at, by: 'ada', why: 'mended', seen: state.seen });
    expect(again).toMatchObject({ status: 'running', percent: 5, greenMs: 0 });
    expect(again.pending.at(-1)).toMatchObject({ percent: 5, disabled: state.disabled });
  });

  it('rolls back also while the rollout is paused, and takes the heaviest of two actions', () => {
    const paused = next(begun([gate(), pausing]), {
      ...{ kind: 'paused', at: new Date(START).toISOString(), by: 'ada', why: 'lunch' },
    });
    const both = (): GateBlock => block(counts(100, 60), counts(1900, 20));
    expect(watch(paused, 60, both)).toMatchObject({ status: 'rolled-back', percent: 0 });
    const two = watch(begun([pausing, gate()]), 60, both);
    expect(two).toMatchObject({ status: 'rolled-back', by: 'gate schema-failures' });
  });
});

it('the last stage completes, and only then it can be promoted', () => {
  const promoted: RolloutEvent = { kind: 'promoted', at: '', by: 'ada', why: 'done' };
  const half = watch(begun(), 60, healthy);
  expect(next(half, promoted).status).toBe('running');
  let state = watch(half, 60, () => block(counts(1000), counts(1000)), 60);
  expect(state).toMatchObject({ stage: 2, percent: 100 });
  state = watch(state, 10, () => block(counts(2000)), 120);
  expect(state).toMatchObject({ status: 'complete', percent: 100 });
  expect(next(state, promoted)).toMatchObject({ status: 'promoted', percent: 0 });
});

it('goes by the units of a log that says so, keeps what they said until they are read anew, and replays the same', () => {
  const byUnits = { ...spec([gate()]), evidence: 'units' as const };
  const look = (minute: number, log: number | null): RolloutEvent => {
    const found = { logs: [log ?? 0, 0, 0, 0], candidate: 80, control: 1500, largest: 0.1, designEffect: 2 };
    const units = {
      ...{ unit: 'user' as const, assumed: 1, candidate: 80, control: 1500, every: 1, unnamed: 0, mixed: 0 },
      gates: [found],
    };
    // By calls this is hopeless for the candidate; only units count here.
    const event = looked(minute, [block(counts(100, 30), counts(1900, 1))]);
    return log === null ? event : ({ ...event, units } as RolloutEvent);
  };
  const events: RolloutEvent[] = [
    {
      ...{ kind: 'started', at: new Date(START).toISOString(), by: 'ada', why: 'v2', spec: byUnits },
    },
    ...[look(10, 2), look(20, null), look(30, 30)],
  ];
  const states: RolloutState[] = [];
  for (const event of events) states.push(nextState(states.at(-1) ?? null, event) as RolloutState);
  const weak = states[2]?.gates[0]?.reading;
  expect(weak).toMatchObject({ fired: false, evidence: states[1]?.gates[0]?.reading.evidence });
  expect(weak?.units).toEqual({
    ...{ unit: 'user', assumed: 1, unnamed: 0, candidate: 80, control: 1500, largest: 0.1, designEffect: 2 },
  });
  expect(states[3]).toMatchObject({ status: 'rolled-back', percent: 0 });
  const log = events.map((event, i) => ({ ...event, rollout: 'r1', seq: i + 1, writer: 'w' }));
  expect(replayRollout(JSON.parse(JSON.stringify(log)))).toEqual(states[3]);
});
