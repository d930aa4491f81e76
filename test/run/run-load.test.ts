import { describe, expect, it } from 'vitest';
import { type Job, planJobs } from '../../src/run/index.ts';
import { jobsOf, refundCase, refundCases, refundRelease, trialOf, watchRun } from './refund-bot.ts';
import { type Act, RATE_LIMITED, ScriptedProvider } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

/** Says nothing about the service. */
const CUT_OFF: Act = { do: 'fail', code: 'bad_reply', httpStatus: 200, retryable: true, afterMs: 10 };
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

  it('is asked one call after the other once a reply says that none are left, at the rate at which the limit refills', async () => {
    const time = new TestTime();
    const limit = { limit: 5, fullInMs: 30_000 };
    const provider = new ScriptedProvider(time, () =>
      provider.calls >= 5 ? { ...FINE, rateLimit: { requests: { remaining: 0, ...limit } } } : FINE,
    );
    const startMs = time.ms;
    const run = watchRun(time, jobsOf(provider, refundCases(8)), { limits: { concurrency: 1 } });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ answered: 8, calls: 8 });
    const offsets = provider.startedAtMs.map((ms) => ms - startMs);
    expect(offsets.slice(0, 5)).toEqual([0, 100, 200, 300, 400]);
    // 30 s until all five fit: 6 s until one does.
    expect(offsets.slice(5).map((ms) => Math.round(ms / 100) / 10)).toEqual([6.5, 12.5, 18.5]);
  });

  it('and refills at once at the end of a window loses no trial', async () => {
    const time = new TestTime();
    const startMs = time.ms;
    let left = 5;
    let window = 0;
    const provider = new ScriptedProvider(time, () => {
      const now = Math.floor((time.ms - startMs) / 60_000);
      if (now > window) left = 5;
      window = now;
      const requests = { limit: 5, fullInMs: 60_000 - ((time.ms - startMs) % 60_000) };
      if (left === 0) return { ...RATE_LIMITED, rateLimit: { requests: { ...requests, remaining: 0 } } };
      left--;
      return { ...FINE, rateLimit: { requests: { ...requests, remaining: left } } };
    });
    const run = watchRun(time, jobsOf(provider, refundCases(20)), { limits: { concurrency: 4 } });
    expect(await time.until(run.finished)).toMatchObject({ answered: 20, failed: 0 });
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
  it('starts few calls while large answers wait to be written, and all that it may again afterwards', async () => {
    const time = new TestTime();
    const large = 'x'.repeat(4_000_000);
    const provider: ScriptedProvider = new ScriptedProvider(time, ({ caseId }) => ({
      do: 'answer',
      text: Number(caseId.slice('refund-'.length)) <= 60 ? large : 'short',
      afterMs: 100,
    }));
    let held = 0;
    let mostHeld = 0;
    const late: number[] = [];
    const run = watchRun(time, jobsOf(provider, refundCases(400)), {
      limits: { concurrency: 32 },
      onTrial: async (_, trial) => {
        if (trial.status !== 'answered' || trial.output.text !== large) {
          late.push(provider.inFlight);
          return;
        }
        mostHeld = Math.max(mostHeld, ++held);
        await new Promise<void>((resolve) => void time.after(1000, resolve));
        held--;
      },
    });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ answered: 400, failed: 0 });
    // Those that began before the first answer had come.
    expect(mostHeld).toBeLessThanOrEqual(9);
    expect(Math.max(...late)).toBeGreaterThanOrEqual(31);
  });

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
    const provider = new ScriptedProvider(time, (_, attempt) => (attempt < 3 ? CUT_OFF : FINE));
    const run = watchRun(time, jobsOf(provider, refundCases(300)), { limits: { concurrency: 10 } });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ answered: 300, calls: 900 });
    expect(trialOf(run, 'ticket-299').attempts).toHaveLength(3);
    expect(provider.maxInFlight).toBe(10);
  });
});
