import { describe, expect, it } from 'vitest';
import type { Trial } from '../../src/core/index.ts';
import { jobsOf, ROOMY, refundCases, trialOf, type WatchedRun, watchRun } from './refund-bot.ts';
import { type Act, type Script, ScriptedProvider, SERVER_ERROR } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const FINE: Act = { do: 'answer', afterMs: 100 };

function world(script: Script = () => FINE) {
  const time = new TestTime();
  return { time, provider: new ScriptedProvider(time, script) };
}

function statuses(run: WatchedRun): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { trial } of run.delivered) {
    const key = trial.status === 'answered' ? 'answered' : `${trial.status} ${trial.cause}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function everyJobOnce(run: WatchedRun, n: number): void {
  const seen = new Set(run.delivered.map((d) => `${d.job.arm} ${d.job.case.id}#${d.job.trial}`));
  expect(seen.size).toBe(n);
  expect(run.delivered).toHaveLength(n);
}

describe('cancelling', () => {
  it('lets calls in flight finish and reports the rest as skipped', async () => {
    const { time, provider } = world();
    const stop = new AbortController();
    const run = watchRun(time, jobsOf(provider, refundCases(1000)), { signal: stop.signal });
    time.after(250, () => stop.abort());
    const report = await time.until(run.finished);
    // four at a time, 100 ms each: two rounds done and a third under way at 250 ms
    expect(statuses(run)).toEqual({ answered: 12, 'skipped cancelled': 988 });
    expect(report).toMatchObject({ stoppedBy: 'cancelled', answered: 12, skipped: 988, calls: 12 });
    expect(provider.aborted).toBe(0);
    everyJobOnce(run, 1000);
  });

  it('skips a trial that waits for a retry, and keeps what it has tried', async () => {
    const { time, provider } = world(() => ({ ...SERVER_ERROR, retryAfterMs: 20_000 }));
    const stop = new AbortController();
    const run = watchRun(time, jobsOf(provider, refundCases(1)), { signal: stop.signal });
    time.after(5_000, () => stop.abort());
    const startMs = time.ms;
    await time.until(run.finished);
    expect(time.ms - startMs).toBe(5_000);
    const trial = trialOf(run, 'ticket-0');
    expect(trial).toMatchObject({ status: 'skipped', cause: 'cancelled', sent: { prompt: 'as sent' } });
    expect(trial.attempts.map((a) => a.outcome)).toEqual(['server_error']);
  });

  it('for the second time drops the calls in flight, even deaf ones', async () => {
    const { time, provider } = world(({ caseId }) =>
      caseId === 'ticket-1' ? { do: 'ignore-abort' } : { do: 'hang' },
    );
    const soft = new AbortController();
    const hard = new AbortController();
    const run = watchRun(time, jobsOf(provider, refundCases(50)), {
      signal: soft.signal,
      hardSignal: hard.signal,
    });
    time.after(1_000, () => soft.abort());
    time.after(2_000, () => hard.abort());
    const startMs = time.ms;
    const report = await time.until(run.finished);
    expect(time.ms - startMs).toBe(2_000);
    expect(statuses(run)).toEqual({ 'skipped cancelled': 50 });
    expect(trialOf(run, 'ticket-1').attempts.map((a) => a.outcome)).toEqual(['cancelled']);
    expect(report.calls).toBe(4);
    expect(provider.aborted).toBe(4);
    everyJobOnce(run, 50);
  });

  it('before the start makes no call', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(300)), { signal: AbortSignal.abort() });
    const report = await time.until(run.finished);
    expect(provider.calls).toBe(0);
    expect(report).toMatchObject({ skipped: 300, stoppedBy: 'cancelled' });
  });

  it('is heard although every answer is at hand at once', async () => {
    const { time, provider } = world(() => ({ do: 'answer' }));
    const stop = new AbortController();
    const run = watchRun(time, jobsOf(provider, refundCases(5_000)), { signal: stop.signal });
    setImmediate(() => stop.abort());
    const report = await time.until(run.finished);
    expect(report.skipped).toBeGreaterThan(0);
    everyJobOnce(run, 5_000);
  });
});

describe('the deadline of the run', () => {
  it('cuts calls in flight, deaf ones too, and skips the rest', async () => {
    const { time, provider } = world(({ caseId }) => (caseId === 'ticket-0' ? { do: 'ignore-abort' } : FINE));
    const run = watchRun(time, jobsOf(provider, refundCases(100)), { limits: { deadlineMs: 450 } });
    const startMs = time.ms;
    const report = await time.until(run.finished);
    expect(time.ms - startMs).toBe(450);
    expect(statuses(run)).toEqual({ answered: 12, 'skipped deadline': 88 });
    expect(trialOf(run, 'ticket-0').attempts.map((a) => a.outcome)).toEqual(['deadline']);
    expect(report.stoppedBy).toBe('deadline');
    everyJobOnce(run, 100);
  });

  it('holds for calls that a cancelled run is still waiting for', async () => {
    const { time, provider } = world(() => ({ do: 'ignore-abort' }));
    const stop = new AbortController();
    const run = watchRun(time, jobsOf(provider, refundCases(10)), {
      signal: stop.signal,
      limits: { deadlineMs: 900 },
    });
    time.after(100, () => stop.abort());
    const startMs = time.ms;
    const report = await time.until(run.finished);
    expect(time.ms - startMs).toBe(900);
    expect(report.stoppedBy).toBe('cancelled');
    everyJobOnce(run, 10);
  });
});

describe('a failure that no other call can escape', () => {
  it('stops the run: its trial is failed, the rest skipped with the reason', async () => {
    const { time, provider } = world(({ caseId }) =>
      caseId === 'ticket-5'
        ? {
            do: 'fail',
            code: 'quota',
            httpStatus: 429,
            message: 'insufficient_quota',
            fatal: true,
            afterMs: 50,
          }
        : FINE,
    );
    const run = watchRun(time, jobsOf(provider, refundCases(500)));
    const report = await time.until(run.finished);
    expect(trialOf(run, 'ticket-5')).toMatchObject({ status: 'failed', cause: 'infra_error', code: 'quota' });
    expect(statuses(run)).toEqual({ answered: 7, 'failed infra_error': 1, 'skipped cancelled': 492 });
    const skipped = trialOf(run, 'ticket-400') as Extract<Trial, { status: 'skipped' }>;
    expect(skipped.message).toContain('quota');
    expect(skipped.message).toContain('ticket-5');
    expect(report).toMatchObject({ stoppedBy: 'fatal', fatal: { code: 'quota' }, calls: 8 });
    everyJobOnce(run, 500);
  });

  it('is not tried again although it looks retryable', async () => {
    const { time, provider } = world(() => ({ do: 'fail', code: 'auth', retryable: true, fatal: true }));
    await time.until(watchRun(time, jobsOf(provider, refundCases(1))).finished);
    expect(provider.calls).toBe(1);
  });
});

describe('the limit of calls', () => {
  it('counts attempts, not trials', async () => {
    const { time, provider } = world(({ caseId }, attempt) =>
      caseId === 'ticket-0' && attempt === 1 ? SERVER_ERROR : FINE,
    );
    const run = watchRun(time, jobsOf(provider, refundCases(30)), {
      limits: { maxCalls: 20, concurrency: 2 },
    });
    const report = await time.until(run.finished);
    expect(provider.calls).toBe(20);
    expect(report).toMatchObject({ stoppedBy: 'max-calls', calls: 20, answered: 19, skipped: 11 });
    expect(statuses(run)).toEqual({ answered: 19, 'skipped budget': 11 });
    everyJobOnce(run, 30);
  });

  it('that is just enough stops nothing', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(20)), { limits: { maxCalls: 20 } });
    expect(await time.until(run.finished)).toMatchObject({ stoppedBy: null, answered: 20 });
  });
});

describe('the limit of cost', () => {
  const priced = { priceKnown: true, costOf: () => 0.01 } as const;

  it('without prices is refused before the first call', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(3)), { limits: { maxCostUsd: 1 } });
    await expect(run.finished).rejects.toMatchObject({ code: 'COST_UNKNOWN', exitCode: 2 });
    expect(provider.calls).toBe(0);
  });

  it('is used up and not overstepped, whatever the concurrency', async () => {
    for (const concurrency of [1, 4, 64]) {
      const { time, provider } = world();
      const run = watchRun(time, jobsOf(provider, refundCases(200)), {
        ...priced,
        limits: { maxCostUsd: 0.5, concurrency },
      });
      const report = await time.until(run.finished);
      expect(report).toMatchObject({ stoppedBy: 'max-cost', answered: 50, skipped: 150 });
      expect(report.costUsd).toBeCloseTo(0.5, 9);
      expect(statuses(run)['skipped budget']).toBe(150);
      everyJobOnce(run, 200);
    }
  });

  it('lets one call go ahead while nobody knows what one costs', async () => {
    const { time, provider } = world();
    await time.until(
      watchRun(time, jobsOf(provider, refundCases(9)), { ...priced, limits: { maxCostUsd: 9 } }).finished,
    );
    const startMs = provider.startedAtMs[0] as number;
    expect(provider.startedAtMs.filter((ms) => ms < startMs + 100)).toHaveLength(1);
    expect(provider.maxInFlight).toBe(ROOMY.concurrency);
  });

  it('starts at full width where a bound for one call is known', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(9)), {
      ...priced,
      bestKnownCost: 0.02,
      limits: { maxCostUsd: 9 },
    });
    await time.until(run.finished);
    expect(provider.startedAtMs.filter((ms) => ms === provider.startedAtMs[0])).toHaveLength(4);
  });

  it('stops the run when an answer’s cost cannot be told', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(20)), {
      priceKnown: true,
      limits: { maxCostUsd: 1 },
    });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ stoppedBy: 'max-cost', answered: 1, skipped: 19, costUsd: null });
    expect(run.warnings.map((w) => w.code)).toEqual(['COST_UNKNOWN']);
  });

  it('takes the cost that the source itself tells', async () => {
    const { time, provider } = world(() => ({ do: 'answer', afterMs: 10, costUsd: 0.25 }));
    const run = watchRun(time, jobsOf(provider, refundCases(20)), { ...priced, limits: { maxCostUsd: 1 } });
    expect(await time.until(run.finished)).toMatchObject({ answered: 4, costUsd: 1 });
  });

  it('lets free answers through', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(20)), {
      priceKnown: true,
      costOf: () => 0,
      limits: { maxCostUsd: 1 },
    });
    expect(await time.until(run.finished)).toMatchObject({ answered: 20, stoppedBy: null, costUsd: 0 });
    expect(provider.maxInFlight).toBe(4);
  });
});

describe('a ledger that fails', () => {
  it('stops the run; calls in flight finish, are handed over once, and the error comes out', async () => {
    const { time, provider } = world(({ caseId }) =>
      caseId === 'ticket-0' ? { do: 'answer', afterMs: 10 } : { do: 'answer', afterMs: 500 },
    );
    const run = watchRun(time, jobsOf(provider, refundCases(400)), {
      onTrial: async (job) => {
        if (job.case.id === 'ticket-0') throw new Error('disk is full');
      },
    });
    await expect(time.until(run.finished)).rejects.toThrow('disk is full');
    // One more may have begun before the ledger had said so.
    expect(provider.calls).toBeLessThanOrEqual(5);
    expect(run.delivered.map((d) => d.job.case.id).sort()).toEqual(
      provider.requests.map(({ caseId }) => caseId).sort(),
    );
    expect(provider.aborted).toBe(0);
  });

  it('drops trials that wait for a retry', async () => {
    const { time, provider } = world(({ caseId }) =>
      caseId === 'ticket-0' ? { do: 'answer', afterMs: 200 } : { ...SERVER_ERROR, retryAfterMs: 50_000 },
    );
    const run = watchRun(time, jobsOf(provider, refundCases(40)), {
      onTrial: () => Promise.reject(new Error('disk is full')),
    });
    const startMs = time.ms;
    await expect(time.until(run.finished)).rejects.toThrow('disk is full');
    expect(time.ms - startMs).toBeLessThan(1_000);
    expect(run.delivered).toHaveLength(1);
  });
});

describe('jobs that cannot be had', () => {
  it('end the run with the source’s error after what is in flight', async () => {
    const { time, provider } = world();
    const jobs = jobsOf(provider, refundCases(40));
    const run = watchRun(
      time,
      (function* () {
        yield* jobs;
        throw new Error('suite file vanished');
      })(),
    );
    await expect(time.until(run.finished)).rejects.toThrow('suite file vanished');
    expect(provider.calls).toBeGreaterThan(8);
    expect(run.delivered).toHaveLength(provider.calls);
  });
});
