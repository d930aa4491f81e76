import { describe, expect, it } from 'vitest';
import { type Job, planJobs } from '../../src/run/index.ts';
import { jobsOf, refundCase, refundCases, refundRelease, trialOf, watchRun } from './refund-bot.ts';
import { type Act, RATE_LIMITED, ScriptedProvider, SERVER_ERROR } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const FINE: Act = { do: 'answer', afterMs: 100 };

describe('a service that refuses for load', () => {
  it('is asked with fewer calls at once, and with more again when it answers', async () => {
    const time = new TestTime();
    const startMs = time.ms;
    // Six at once are too many during the first ten seconds.
    const provider: ScriptedProvider = new ScriptedProvider(time, () =>
      time.ms < startMs + 10_000 && provider.inFlight >= 6 ? { ...RATE_LIMITED, retryable: true } : FINE,
    );
    const seen: { ms: number; inFlight: number }[] = [];
    const run = watchRun(time, jobsOf(provider, refundCases(3_000)), {
      limits: { concurrency: 32, maxAttempts: 50 },
      onTrial: async () => void seen.push({ ms: time.ms - startMs, inFlight: provider.inFlight + 1 }),
    });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ answered: 3_000, failed: 0 });
    const most = (from: number, to: number): number =>
      Math.max(...seen.filter((s) => s.ms >= from && s.ms < to).map((s) => s.inFlight));
    expect(provider.maxInFlight).toBe(32);
    expect(most(2_000, 10_000)).toBeLessThanOrEqual(9);
    expect(most(15_000, 1e9)).toBe(32);
    // Refused calls are a small part once the way is found.
    expect(report.calls).toBeLessThan(3_400);
    expect(run.warnings.map((w) => w.code)).toEqual(['RATE_LIMITED']);
  });

  it('halves once for a whole round of refusals', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, (_, attempt) => (attempt === 1 ? RATE_LIMITED : FINE));
    const widths: number[] = [];
    const run = watchRun(time, jobsOf(provider, refundCases(16)), {
      limits: { concurrency: 16, maxAttempts: 10 },
      onTrial: async () => void widths.push(provider.inFlight),
    });
    await time.until(run.finished);
    // 16 refusals of one round: down to 8, not to 1
    expect(
      Math.max(...provider.startedAtMs.map((at) => provider.startedAtMs.filter((b) => b === at).length)),
    ).toBe(16);
    const retries = provider.startedAtMs.slice(16);
    expect(retries).toHaveLength(16);
    expect(Math.max(...widths)).toBeGreaterThan(1);
    expect(Math.max(...widths)).toBeLessThanOrEqual(9);
  });

  it('still refusing a single call, is left alone for as long as it asks', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () =>
      provider.calls <= 2 ? { ...RATE_LIMITED, retryAfterMs: 10_000 } : FINE,
    );
    await time.until(
      watchRun(time, jobsOf(provider, refundCases(10)), { limits: { concurrency: 1 } }).finished,
    );
    const [first, second, third] = provider.startedAtMs as [number, number, number];
    expect(second - first).toBeGreaterThanOrEqual(10_000);
    expect(third - second).toBeGreaterThanOrEqual(10_000);
  });

  it('is not called again before its window resets when a reply says that none are left', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () =>
      provider.calls % 5 === 0
        ? { ...FINE, rateLimit: { remainingRequests: 0, limitRequests: 5, resetMs: 30_000 } }
        : FINE,
    );
    const startMs = time.ms;
    const run = watchRun(time, jobsOf(provider, refundCases(15)), { limits: { concurrency: 1 } });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ answered: 15, calls: 15 });
    const offsets = provider.startedAtMs.map((ms) => ms - startMs);
    expect(offsets.slice(0, 5)).toEqual([0, 100, 200, 300, 400]);
    expect(offsets[5]).toBe(30_500);
    expect(offsets[10]).toBe(61_000);
  });

  it.each([
    ['0 of 0', { remainingRequests: 0, limitRequests: 0, resetMs: 30_000 }],
    ['nothing left without a reset', { remainingRequests: 0 }],
    ['plenty', { remainingRequests: 12, resetMs: 30_000 }],
  ])('is not waited for when its headers mean no limit: %s', async (_, rateLimit) => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () => ({ ...FINE, rateLimit }) as Act);
    const startMs = time.ms;
    await time.until(
      watchRun(time, jobsOf(provider, refundCases(10)), { limits: { concurrency: 1 } }).finished,
    );
    expect(time.ms - startMs).toBe(1_000);
  });
});

describe('several routes in one run', () => {
  function arm(name: string, model: string, provider: ScriptedProvider): Job[] {
    const release = refundRelease({ route: { provider: 'openai', model } });
    return planJobs({ cases: refundCases(60), release, provider, arm: name });
  }
  const pairs = (a: Job[], b: Job[]): Job[] => a.flatMap((job, i) => [job, b[i] as Job]);

  it('slow down apart from one another', async () => {
    const time = new TestTime();
    const strained: ScriptedProvider = new ScriptedProvider(time, () =>
      strained.inFlight >= 1 ? RATE_LIMITED : FINE,
    );
    const fast = new ScriptedProvider(time, () => FINE);
    const jobs = pairs(arm('baseline', 'slow-model', strained), arm('candidate', 'fast-model', fast));
    const run = watchRun(time, jobs, { limits: { concurrency: 16, maxAttempts: 50 } });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ answered: 120, failed: 0 });
    expect(fast.calls).toBe(60);
    expect(fast.maxInFlight).toBeGreaterThan(4);
    expect(run.warnings).toHaveLength(1);
  });

  it('never have more calls in flight together than the run allows', async () => {
    const time = new TestTime();
    let inFlight = 0;
    let most = 0;
    const count = (p: ScriptedProvider): ScriptedProvider => {
      const call = p.call.bind(p);
      p.call = async (request, signal) => {
        most = Math.max(most, ++inFlight);
        const reply = await call(request, signal);
        inFlight--;
        return reply;
      };
      return p;
    };
    const a = count(new ScriptedProvider(time, () => FINE));
    const b = count(new ScriptedProvider(time, () => ({ ...FINE, afterMs: 30 })));
    const jobs = pairs(arm('baseline', 'model-a', a), arm('candidate', 'model-b', b));
    await time.until(watchRun(time, jobs, { limits: { concurrency: 6 } }).finished);
    expect(most).toBe(6);
  });
});

describe('a run of any size', () => {
  it('takes on a few jobs at a time', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () => ({ do: 'answer' }));
    const jobs = jobsOf(provider, [refundCase('one')]);
    let taken = 0;
    let given = 0;
    let mostOpen = 0;
    const source = function* (): Generator<Job> {
      for (let trial = 0; trial < 20_000; trial++) {
        mostOpen = Math.max(mostOpen, ++taken - given);
        yield { ...(jobs[0] as Job), trial };
      }
    };
    const report = await watchRun(time, source(), {
      limits: { concurrency: 8 },
      total: 20_000,
      onTrial: async () => void given++,
    }).finished;
    expect(report.answered).toBe(20_000);
    expect(mostOpen).toBeLessThanOrEqual(8 * 4 + 1);
  });

  it('waits for a slow ledger instead of piling up answers', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () => ({ do: 'answer' }));
    let pending = 0;
    let mostPending = 0;
    const run = watchRun(time, jobsOf(provider, refundCases(500)), {
      limits: { concurrency: 2 },
      onTrial: () =>
        new Promise<void>((resolve) => {
          mostPending = Math.max(mostPending, ++pending);
          time.after(1_000, () => {
            pending--;
            resolve();
          });
        }),
    });
    const report = await time.until(run.finished);
    expect(report.answered).toBe(500);
    expect(mostPending).toBeLessThanOrEqual(16);
  });

  it('goes on calling while answers are being graded', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () => FINE);
    const run = watchRun(time, jobsOf(provider, refundCases(8)), {
      limits: { concurrency: 1 },
      onTrial: () => new Promise<void>((resolve) => void time.after(5_000, resolve)),
    });
    const startMs = time.ms;
    await time.until(run.finished);
    expect(time.ms - startMs).toBe(8 * 100 + 5_000);
  });

  it('reports the skipped in a stream too', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () => ({ do: 'fail', code: 'auth', fatal: true }));
    let pending = 0;
    let mostPending = 0;
    const run = watchRun(time, jobsOf(provider, refundCases(3_000)), {
      onTrial: async () => {
        mostPending = Math.max(mostPending, ++pending);
        await new Promise<void>((resolve) => setImmediate(resolve));
        pending--;
      },
    });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ failed: report.calls, skipped: 3_000 - report.calls });
    expect(mostPending).toBeLessThanOrEqual(16);
  });

  it('tries a trial again in the same run without losing its place to none', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, (_, attempt) => (attempt < 3 ? SERVER_ERROR : FINE));
    const run = watchRun(time, jobsOf(provider, refundCases(300)), { limits: { concurrency: 10 } });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ answered: 300, calls: 900 });
    expect(trialOf(run, 'ticket-299').attempts).toHaveLength(3);
    expect(provider.maxInFlight).toBe(10);
  });
});
