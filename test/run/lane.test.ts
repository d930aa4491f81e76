import { describe, expect, it } from 'vitest';
import { Lane } from '../../src/run/lane.ts';

/** Starts so many calls and returns their numbers. */
function start(lane: Lane, n: number): number[] {
  return Array.from({ length: n }, () => lane.begin());
}

describe('a lane', () => {
  it('halves once for all calls that were under way at the first refusal', () => {
    const lane = new Lane(16);
    for (const call of start(lane, 16)) lane.refused(call);
    expect(lane.limit).toBe(8);
    for (const call of start(lane, 8)) lane.refused(call);
    expect(lane.limit).toBe(4);
    expect(lane.gate.concurrency).toBe(4);
  });

  it('says when there is nothing left to halve', () => {
    const lane = new Lane(2);
    expect(start(lane, 1).map((n) => lane.refused(n))).toEqual([false]);
    expect(lane.limit).toBe(1);
    expect(start(lane, 2).map((n) => lane.refused(n))).toEqual([true, false]);
    expect(lane.limit).toBe(1);
  });

  it('wins back two slots a round of answers, up to its cap', () => {
    const lane = new Lane(8);
    lane.refused(lane.begin());
    expect(lane.limit).toBe(4);
    for (let i = 0; i < 5; i++) lane.answered();
    expect(lane.limit).toBe(6);
    for (let i = 0; i < 100; i++) lane.answered();
    expect(lane.limit).toBe(8);
    expect(lane.gate.concurrency).toBe(8);
  });

  it('pauses for a spent limit, a minute at most, and a shorter word does not shorten a longer one', () => {
    const lane = new Lane(4);
    lane.heed({ remainingTokens: 0, resetMs: 3_600_000 }, 1_000);
    lane.heed({ remainingRequests: 0, resetMs: 10 }, 1_000);
    expect(lane.pauseMs(1_000)).toBe(60_000);
    expect(lane.pauseMs(61_000)).toBe(0);
  });
});
