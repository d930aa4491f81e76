// An applied rollback as a state machine: what advances it, what stops it, and how often its two claims are wrong.

import { describe, expect, it } from 'vitest';
import type {
  AppliedCounts,
  AppliedEvent,
  AppliedSpec,
  ArmLevels,
  LoggedAppliedEvent,
  WatchedMove,
} from '../../src/core/applied-rollback.ts';
import { nextApplied, replayApplied } from '../../src/rollout/applied-machine.ts';
import { type AppliedState, readingsOf, targetPercent } from '../../src/rollout/applied-state.ts';
import { isHarmed, isMove, judgeRecovery, noiseOf } from '../../src/rollout/recovery.ts';
import { Mt19937 } from '../../src/stats/rng.ts';

const START = Date.parse('2026-05-01T00:00:00Z');
const MIN = 60_000;
const iso = (minutes: number): string => new Date(START + minutes * MIN).toISOString();
const USUAL = 0.005;
const INCIDENT = 0.08;

const move = (more: Partial<WatchedMove> = {}): WatchedMove => ({
  ...{ signal: 'schema-failures', moved: 'up', source: 'release', lagging: false, since: iso(-360) },
  measure: { kind: 'share', sum: 'schema', n: 'schema.n', limit: null },
  usual: { n: 20_000, sum: 20_000 * USUAL },
  during: { n: 4000, sum: 4000 * INCIDENT },
  noise: { answer: USUAL * (1 - USUAL), hour: 0, hours: 168 },
  ...more,
});

const NONE = { n: 0, sum: 0 };
const arms = (more: Partial<ArmLevels> = {}): ArmLevels => ({
  ...{ target: NONE, replaced: NONE, unnamed: NONE },
  ...more,
});
const spec = (more: Partial<AppliedSpec> = {}): AppliedSpec => ({
  ...{ id: 'rb-1', feature: 'desk', environment: 'production', suite: 'desk' },
  replaced: { release: 'bad', fingerprint: 'b'.repeat(64) },
  target: {
    ...{ release: 'good', fingerprint: 'a'.repeat(64), hybrid: false, layersRestored: ['prompt'] },
    ...{ snapshot: 's1', decidedAt: iso(-5), simulated: false },
  },
  stages: [
    { percent: 10, forMs: 30 * MIN },
    { percent: 100, forMs: 30 * MIN },
  ],
  ...{ flags: { 'ai.action.mode': 'draft' }, restored: {}, before: {}, unwatched: [] },
  watched: [move()],
  guarded: [
    {
      signal: 'errors',
      measure: { kind: 'share', sum: 'failed', n: 'n', limit: null },
      before: { n: 10_000, sum: 50 },
    },
  ],
  origin: { answers: { target: 0, replaced: 0, unnamed: 0 }, watched: [], guarded: [] },
  ...{ places: { pointer: 3 }, override: null },
  ...more,
});

const begin = (more: Partial<AppliedSpec> = {}): AppliedState => {
  const event: AppliedEvent = { kind: 'started', at: iso(0), by: 'ada', why: 'INC-7', spec: spec(more) };
  return nextApplied(null, event) as AppliedState;
};
const next = (state: AppliedState, event: AppliedEvent): AppliedState =>
  nextApplied(state, event) as AppliedState;

const applied = (state: AppliedState): AppliedState =>
  next(state, {
    ...{ kind: 'applied', at: iso(0), by: 'ada', through: state.seq, places: state.places },
  });

/** Everything so far: answers of both arms with their bad ones, and errors of the target. */
interface Seen {
  readonly n: number;
  readonly bad: number;
  readonly errors?: number;
  readonly replaced?: number;
  readonly unnamed?: number;
}
const counts = ({ n, bad, errors = 0, replaced = 9 * n, unnamed = 0 }: Seen): AppliedCounts => ({
  answers: { target: n, replaced, unnamed },
  watched: [
    arms({
      target: { n, sum: bad },
      replaced: { n: replaced, sum: replaced * INCIDENT },
      unnamed: { n: unnamed, sum: unnamed * INCIDENT },
    }),
  ],
  guarded: [arms({ target: { n, sum: errors }, replaced: { n: replaced, sum: replaced * 0.005 } })],
});
const look = (state: AppliedState, minutes: number, seen: Seen): AppliedState =>
  next(state, { kind: 'looked', at: iso(minutes), by: 'step', counts: counts(seen) });
/** Looks each ten minutes, with as many new answers each time. */
const watch = (state: AppliedState, from: number, steps: number, of: (i: number) => Seen): AppliedState => {
  let now = state;
  for (let i = 1; i <= steps; i++) now = look(now, from + 10 * i, of(i));
  return now;
};

describe('the stages', () => {
  it('goes to everybody once the time is over and the signal is back, and is recovered when that holds for all', () => {
    const started = begin();
    expect(started.pending).toEqual([{ kind: 'set', target: 10 }]);
    // Nothing is claimed before it is set.
    expect(targetPercent(started)).toBe(0);
    expect(targetPercent(applied(started))).toBe(10);
    const early = watch(started, 0, 2, (i) => ({ n: 200 * i, bad: i }));
    expect(early).toMatchObject({ stage: 0, holds: 'heard of the target for 20 of 30 min' });
    const all = look(early, 30, { n: 600, bad: 3 });
    expect(all).toMatchObject({ stage: 1, status: 'running', heardMs: 0 });
    expect(all.pending.at(-1)).toEqual({ kind: 'set', target: 100 });
    // The answers of the first stage are no evidence for the second.
    expect(readingsOf(all)[0]).toMatchObject({ target: { n: 0 }, state: 'cannot-tell' });
    const end = watch(all, 30, 3, (i) => ({ n: 600 + 2000 * i, bad: 3 + 10 * i, replaced: 5400 }));
    expect(end).toMatchObject({ status: 'recovered', code: null, holds: null });
    expect(end.reason).toContain('back: schema-failures 0.5 % of 6000');
  });

  it('stops where the signal is shown not to be back, and only a person goes on', () => {
    const held = watch(begin(), 0, 3, (i) => ({ n: 400 * i, bad: 32 * i }));
    expect(held).toMatchObject({ status: 'held', code: 'ROLLBACK_NOT_RECOVERED', stage: 0 });
    expect(held.pending.at(-1)).toMatchObject({ kind: 'alert', event: 'rollback.held' });
    expect(targetPercent(applied(held))).toBe(10);
    // Good answers afterwards are shown, and do not start it again.
    const later = look(held, 90, { n: 20_000, bad: 120 });
    expect(later).toMatchObject({ status: 'held', stage: 0 });
    const pushed = next(later, {
      ...{ kind: 'advanced', at: iso(91), by: 'bo', why: 'users wait' },
      counts: counts({ n: 20_000, bad: 120 }),
    });
    expect(pushed).toMatchObject({ status: 'running', stage: 1, code: null, by: 'bo' });
    expect(pushed.pending.at(-1)).toEqual({ kind: 'set', target: 100 });
  });

  it('holds on missing data, and never calls it recovered', () => {
    const silent = watch(begin(), 0, 60, () => ({ n: 0, bad: 0, replaced: 0 }));
    expect(silent).toMatchObject({ stage: 0, status: 'running' });
    expect(silent.holds).toContain('missing data is never recovery');
    const ignored = look(begin(), 40, { n: 0, bad: 0, replaced: 900, unnamed: 100 });
    expect(ignored.holds).toContain('none of the target');
    // All answers came in the first minutes, and then nothing more.
    const stale = watch(begin(), 0, 20, () => ({ n: 2000, bad: 10 }));
    expect(stale).toMatchObject({ stage: 0, holds: expect.stringContaining('no new answer') });
    const few = watch(begin(), 0, 12, (i) => ({ n: 2 * i, bad: 0 }));
    expect(few).toMatchObject({ stage: 0, holds: expect.stringContaining('cannot tell yet') });
  });

  it('stops early where the target fails more than what it replaces', () => {
    const worse = look(begin(), 2, { n: 200, bad: 1, errors: 40 });
    expect(worse).toMatchObject({ status: 'held', code: 'ROLLBACK_WORSE', stage: 0 });
    expect(worse.reason).toContain('errors');
  });

  it('waits while many answers still come from the release that was replaced', () => {
    const all = watch(begin(), 0, 3, (i) => ({ n: 400 * i, bad: 2 * i }));
    const mixed = watch(all, 30, 4, (i) => ({
      n: 1200 + 500 * i,
      bad: 6 + 3 * i,
      replaced: 10_800 + 500 * i,
    }));
    expect(mixed).toMatchObject({ stage: 1, status: 'running', holds: expect.stringContaining('50%') });
  });

  it('without a signal that moved it is in force, never recovered', () => {
    const all = watch(begin({ watched: [] }), 0, 3, (i) => ({ n: 400 * i, bad: 0 }));
    expect(all.stage).toBe(1);
    const end = watch(all, 30, 3, (i) => ({ n: 1200 + 500 * i, bad: 0, replaced: 10_800 }));
    expect(end).toMatchObject({ status: 'in-force', reason: expect.stringContaining('no recovery') });
  });

  it('a fact that comes late does not hold up the first stage, and is needed at the end', () => {
    const late = move({ signal: 'complaints', lagging: true });
    const twoOf = (seen: Seen): AppliedCounts => {
      const one = counts(seen);
      return { ...one, watched: [...one.watched, arms()] };
    };
    let state = begin({ watched: [move(), late] });
    for (let i = 1; i <= 3; i++)
      state = next(state, {
        ...{ kind: 'looked', at: iso(10 * i), by: 'step' },
        counts: twoOf({ n: 400 * i, bad: 2 * i }),
      });
    expect(state.stage).toBe(1);
    for (let i = 1; i <= 6; i++)
      state = next(state, {
        ...{ kind: 'looked', at: iso(30 + 10 * i), by: 'step' },
        counts: twoOf({ n: 1200 + 4000 * i, bad: 6 + 20 * i, replaced: 10_800 }),
      });
    expect(state).toMatchObject({ status: 'running', holds: expect.stringContaining('complaints') });
  });
});

describe('decisions', () => {
  it("ends at somebody else's change, and does not set what was pending", () => {
    const all = watch(begin(), 0, 3, (i) => ({ n: 400 * i, bad: 2 * i }));
    expect(all.pending.some((e) => e.kind === 'set')).toBe(true);
    const changed = next(all, {
      ...{ kind: 'changed', at: iso(31), by: 'bo', why: 'my own fix', place: 'pointer', no: 9 },
    });
    expect(changed).toMatchObject({ status: 'interrupted', code: 'ROLLBACK_CHANGED' });
    expect(changed.pending.map((e) => e.kind)).toEqual(['alert']);
    expect(changed.reason).toBe('bo changed pointer in the middle (change 9: my own fix)');
    expect(look(changed, 60, { n: 9000, bad: 45 }).status).toBe('interrupted');
  });

  it('cancelling goes back to 0%, and once everybody has the target it only ends the watch', () => {
    const event = { kind: 'cancelled', at: iso(5), by: 'ada', why: 'wrong one' } as const;
    const cancelled = next(begin(), event);
    expect(cancelled).toMatchObject({ status: 'cancelled', pending: [{ kind: 'set', target: 0 }] });
    expect(targetPercent(cancelled)).toBe(10);
    expect(targetPercent(applied(cancelled))).toBe(0);
    const all = watch(begin(), 0, 3, (i) => ({ n: 400 * i, bad: 2 * i }));
    const done = next({ ...all, pending: [] }, event);
    expect(done).toMatchObject({ status: 'cancelled', pending: [] });
    expect(targetPercent(done)).toBe(100);
  });

  it('of two writers of one event the first counts, and another start waits for the end', () => {
    const log = (
      event: AppliedEvent,
      seq: number,
      writer: string,
      rollback = 'rb-1',
    ): LoggedAppliedEvent => ({
      ...event,
      ...{ rollback, seq, writer },
    });
    const started = { kind: 'started', at: iso(0), by: 'ada', why: 'INC-7', spec: spec() } as const;
    const second = { ...started, spec: spec({ id: 'rb-2' }) };
    const cancel = (by: string) => ({ kind: 'cancelled', at: iso(1), by, why: 'x' }) as const;
    const events = [
      log(started, 1, 'a'),
      log(second, 1, 'b', 'rb-2'),
      log(cancel('ada'), 2, 'c'),
      log(cancel('bo'), 2, 'd'),
    ];
    const counted: string[] = [];
    const state = replayApplied(events, (e) => counted.push(e.writer));
    expect(counted).toEqual(['a', 'c']);
    expect(state).toMatchObject({ spec: { id: 'rb-1' }, status: 'cancelled', by: 'ada' });
    expect(replayApplied([...events, log(second, 1, 'e', 'rb-2')])).toMatchObject({
      ...{ spec: { id: 'rb-2' }, status: 'running' },
    });
  });
});

describe('the two claims', () => {
  /** Bad answers among n, drawn. */
  const draw = (rng: () => number, n: number, p: number): number => {
    let bad = 0;
    for (let i = 0; i < n; i++) if (rng() < p) bad++;
    return bad;
  };
  /** One rollback with looks each ten minutes for ten hours. */
  const play = (seed: number, rates: { readonly stage: number; readonly end: number }): AppliedState => {
    const rng = new Mt19937(seed);
    let state = begin();
    let [n, bad, replaced] = [0, 0, 0];
    for (let i = 1; i <= 60 && state.status === 'running'; i++) {
      const last = state.stage === 1;
      const more = last ? 600 : 60;
      n += more;
      bad += draw(() => rng.next(), more, last ? rates.end : rates.stage);
      if (!last) replaced += 540;
      state = look(state, 10 * i, { n, bad, replaced });
    }
    return state;
  };
  const RUNS = 300;
  const share = (rates: { readonly stage: number; readonly end: number }, is: (s: AppliedState) => boolean) =>
    Array.from({ length: RUNS }, (_, i) => play(i + 1, rates)).filter(is).length / RUNS;

  it('a target that cures nothing is never called back', () => {
    expect(share({ stage: INCIDENT, end: INCIDENT }, (s) => s.stage > 0)).toBe(0);
  });

  it('half of the move left: at most 5% advance, over all looks', () => {
    const half = (USUAL + INCIDENT) / 2;
    // Three standard errors above the promise.
    expect(share({ stage: half, end: half }, (s) => s.stage > 0)).toBeLessThan(0.05 + 0.038);
  });

  it('a quarter of the move left at the end: at most 5% are called recovered', () => {
    const quarter = USUAL + 0.25 * (INCIDENT - USUAL);
    expect(share({ stage: USUAL, end: quarter }, (s) => s.status === 'recovered')).toBeLessThan(0.05 + 0.038);
  });

  it('a target that cures it recovers, and is hardly ever stopped', () => {
    const cured = { stage: USUAL, end: USUAL };
    expect(share(cured, (s) => s.status === 'recovered')).toBeGreaterThan(0.97);
    expect(share(cured, (s) => s.status === 'held')).toBeLessThan(0.01);
  });
});

describe('levels', () => {
  it('hours that differ on their own widen what can be told', () => {
    const hours = Array.from({ length: 48 }, (_, i) => ({ n: 200, sum: i % 2 === 0 ? 2 : 30 }));
    const noise = noiseOf(move().measure, hours);
    expect(noise.hour).toBeGreaterThan(0.003);
    const steady = noiseOf(
      move().measure,
      Array.from({ length: 48 }, () => ({ n: 200, sum: 16 })),
    );
    expect(steady.hour).toBe(0);
    const judged = (n: typeof noise): string =>
      judgeRecovery(
        move({ usual: { n: 9600, sum: 768 }, during: { n: 4000, sum: 600 }, noise: n }),
        { n: 4000, sum: 320, hours: 1 },
        { left: 0.5, alpha: { back: 0.025, notBack: 0.025 } },
      );
    expect(judged(steady)).toBe('back');
    expect(judged(noise)).toBe('cannot-tell');
    expect(isMove(move({ noise }), { hours: 1, z: 3 })).toBe(false);
    expect(isMove(move(), { hours: 1, z: 3 })).toBe(true);
  });

  it('a point more of bad answers is harm only when it is shown', () => {
    expect(isHarmed({ n: 1000, sum: 60 }, { n: 9000, sum: 90 }, 0.001)).toBe(true);
    expect(isHarmed({ n: 1000, sum: 20 }, { n: 9000, sum: 90 }, 0.001)).toBe(false);
    expect(isHarmed({ n: 20, sum: 20 }, { n: 9000, sum: 90 }, 0.001)).toBe(false);
  });
});
