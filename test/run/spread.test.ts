// A spread run starts its trials evenly over a stretch of time, and ends at once when it is told to.

import { describe, expect, it } from 'vitest';
import { jobsOf, refundCases, watchRun } from './refund-bot.ts';
import { type Act, type Script, ScriptedProvider } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const HOUR_MS = 3_600_000;
const FINE: Act = { do: 'answer', afterMs: 100 };

function world(script: Script = () => FINE) {
  const time = new TestTime();
  return { time, provider: new ScriptedProvider(time, script) };
}

describe('a spread run', () => {
  it('starts its trials evenly, trial by trial, and each trial records when it ran', async () => {
    const { time, provider } = world();
    const startMs = time.ms;
    const run = watchRun(time, jobsOf(provider, refundCases(6), 2), { spreadMs: 6 * HOUR_MS });
    await time.until(run.finished);
    const startedMinutes = run.delivered.map(
      ({ trial }) => (Date.parse(trial.attempts[0]?.startedAt ?? '') - startMs) / 60_000,
    );
    expect(startedMinutes).toEqual([0, 30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 330]);
    expect(run.delivered.map(({ job }) => job.trial)).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    expect(run.steps.some(({ note }) => note === 'spread: next trial at 2026-03-15T03:30:00Z')).toBe(true);
    expect(run.steps.at(-1)?.note).toBeUndefined();
  });

  it('catches up after trials that took longer than the time between two starts', async () => {
    const { time, provider } = world(({ caseId }) =>
      caseId === 'ticket-0' ? { do: 'answer', afterMs: 50_000 } : FINE,
    );
    const startMs = time.ms;
    const run = watchRun(time, jobsOf(provider, refundCases(10)), {
      spreadMs: 100_000,
      limits: { concurrency: 1 },
    });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ answered: 10, stoppedBy: null });
    expect(time.ms - startMs).toBe(90_100);
  });

  it('is cancelled while it waits: nothing more is called and every trial is accounted for', async () => {
    const { time, provider } = world();
    const stop = new AbortController();
    const startMs = time.ms;
    const run = watchRun(time, jobsOf(provider, refundCases(60)), {
      spreadMs: HOUR_MS,
      signal: stop.signal,
    });
    time.after(150_000, () => stop.abort());
    const report = await time.until(run.finished);
    expect(time.ms - startMs).toBe(150_000);
    expect(report).toMatchObject({ stoppedBy: 'cancelled', answered: 3, skipped: 57, calls: 3 });
    expect(time.pendingTimers).toBe(0);
  });

  it('ends with the error of a result that could not be kept, without waiting for the rest', async () => {
    const { time, provider } = world();
    const startMs = time.ms;
    const run = watchRun(time, jobsOf(provider, refundCases(60)), {
      spreadMs: HOUR_MS,
      onTrial: async () => {
        throw new Error('disk full');
      },
    });
    await expect(time.until(run.finished)).rejects.toThrow('disk full');
    expect(time.ms - startMs).toBe(100);
    expect(time.pendingTimers).toBe(0);
  });

  it('keeps to the end of the spread when the clock is set back', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(4)), { spreadMs: 4000 });
    let passed = 0;
    const after = time.after.bind(time);
    time.after = (delayMs, act) => {
      passed = Math.max(passed, delayMs);
      return after(delayMs, act);
    };
    time.after(500, () => {
      time.ms -= 10 * HOUR_MS;
    });
    await time.until(run.finished);
    expect(run.delivered).toHaveLength(4);
    expect(passed).toBeLessThanOrEqual(60_000);
  });
});
