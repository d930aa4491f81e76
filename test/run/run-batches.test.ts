// Laws of a run through a batch API: one trial a job, nothing handed in twice, limits before anything is sent.

import { describe, expect, it } from 'vitest';
import type { Trial } from '../../src/core/index.ts';
import { type Job, planJobs, type RunLimits, type RunOptions, type RunReport } from '../../src/run/index.ts';
import { runBatches } from '../../src/run/run-batches.ts';
import { ROOMY, refundCases, refundRelease } from './refund-bot.ts';
import { type BatchScript, ERRORED, EXPIRED, MemoryBook, ScriptedBatches } from './scripted-batches.ts';
import { answer, failure, ScriptedProvider } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

interface World {
  readonly time: TestTime;
  readonly api: ScriptedBatches;
  readonly book: MemoryBook;
}

function world(script: BatchScript = {}): World {
  return { time: new TestTime(), api: new ScriptedBatches(script), book: new MemoryBook() };
}

interface Ran {
  readonly report: RunReport;
  readonly trials: Map<string, Trial>;
  readonly warnings: string[];
  readonly notes: string[];
}

const release = refundRelease();
let seed = 0;

/** `trials`: those that a ledger has already are not run again. */
async function run(
  { time, api, book }: World,
  cases: number,
  own: { limits?: Partial<RunLimits>; have?: Map<string, Trial> } & Partial<Omit<RunOptions, 'limits'>> = {},
): Promise<Ran> {
  const provider = new ScriptedProvider(time, () => ({ do: 'throw' }));
  const trials = new Map(own.have);
  const warnings: string[] = [];
  const notes: string[] = [];
  const jobs: Job[] = planJobs({ cases: refundCases(cases), release, provider }).filter(
    (job) => !trials.has(job.case.id),
  );
  let drawn = ++seed * 1000;
  const { limits, have: _have, ...options } = own;
  const finished = runBatches(
    jobs,
    {
      clock: time,
      timers: time,
      rng: { next: () => (drawn++ * 0.618033988749895) % 1 },
      signal: new AbortController().signal,
      costOf: () => 0.01,
      priceKnown: true,
      progress: { warn: (w) => warnings.push(w.code), step: (s) => notes.push(s.note ?? '') },
      onTrial: async (job, trial) => {
        if (trials.has(job.case.id)) throw new Error(`${job.case.id} ended twice`);
        trials.set(job.case.id, trial);
      },
      ...options,
      limits: { ...ROOMY, ...limits },
    },
    { api, book, pollMs: 5000, longestPollMs: 60_000, continueWith: 'run it again' },
  );
  return { report: await time.until(finished), trials, warnings, notes };
}

function outcomes(trials: ReadonlyMap<string, Trial>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const trial of trials.values()) {
    const word =
      trial.status === 'answered'
        ? 'answered'
        : trial.status === 'failed'
          ? `failed ${trial.code}`
          : `skipped ${trial.cause}`;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

/** What a resumed run finds: what ended otherwise than by a stop. */
function kept(trials: ReadonlyMap<string, Trial>): Map<string, Trial> {
  return new Map([...trials].filter(([, trial]) => trial.status !== 'skipped'));
}

describe('a run through batches', () => {
  it('ends every job as one trial, and polls less and less often', async () => {
    const w = world({ polls: 12 });
    const startMs = w.time.ms;
    const { report, trials, notes } = await run(w, 50);
    expect(outcomes(trials)).toEqual({ answered: 50 });
    expect(report).toMatchObject({ trials: 50, calls: 50, costUsd: expect.closeTo(0.5), stoppedBy: null });
    expect(w.api.batches).toHaveLength(1);
    expect(w.book.entries.size).toBe(0);
    // 12 polls a minute apart at most: 5 + 7.5 + … + 60 + 60
    expect(w.time.ms - startMs).toBeGreaterThan(300_000);
    expect(notes).toContain('batch running: batch_1');
  });

  it('puts what failed or expired into a next batch, and gives up after --max-attempts', async () => {
    const w = world({
      reply: (id, attempt) => {
        if (id === 'ticket-3#0') return ERRORED;
        if (id === 'ticket-4#0') return failure({ code: 'bad_request', httpStatus: 400 });
        if (id === 'ticket-5#0' && attempt === 1) return undefined;
        return id === 'ticket-6#0' && attempt < 3 ? EXPIRED : answer();
      },
    });
    const { report, trials } = await run(w, 10, { limits: { maxAttempts: 3 } });
    expect(outcomes(trials)).toEqual({ answered: 8, 'failed server_error': 1, 'failed bad_request': 1 });
    expect(trials.get('ticket-6')?.attempts.map(({ outcome }) => outcome)).toEqual([
      'batch_expired',
      'batch_expired',
      'answered',
    ]);
    expect(trials.get('ticket-5')?.attempts[0]?.outcome).toBe('batch_missing');
    expect(w.api.batches.map(({ ids }) => ids.length)).toEqual([10, 3, 2]);
    expect(report).toMatchObject({ answered: 8, failed: 2 });
  });

  it('keeps to what a batch may hold, in requests and in bytes', async () => {
    const byCount = world({ limits: { requests: 20, bytes: 1_000_000 } });
    expect(outcomes((await run(byCount, 50)).trials)).toEqual({ answered: 50 });
    expect(byCount.api.batches.map(({ ids }) => ids.length)).toEqual([20, 20, 10]);
    const byBytes = world({ limits: { requests: 1000, bytes: 1000 } });
    expect(outcomes((await run(byBytes, 50)).trials)).toEqual({ answered: 50 });
    for (const { ids } of byBytes.api.batches)
      expect(ids.reduce((n, line) => n + line.length + 1, 0)).toBeLessThanOrEqual(1000);
  });

  it('sends smaller batches where the service has no room', async () => {
    const full = failure({ code: 'rate_limited', httpStatus: 429, retryable: true });
    const w = world({ fail: (size) => (size > 15 ? full : undefined) });
    const { trials, warnings } = await run(w, 50);
    expect(outcomes(trials)).toEqual({ answered: 50 });
    expect(warnings).toContain('BATCH_NO_ROOM');
    expect([...w.api.executed.values()]).toEqual(Array(50).fill(1));
  });

  it('stops where the service refuses the batch for good, and counts nothing as run', async () => {
    const broken = failure({ code: 'bad_request', httpStatus: 400, fatal: true });
    const w = world({ fail: () => broken });
    const { report, trials } = await run(w, 5);
    expect(outcomes(trials)).toEqual({ 'skipped cancelled': 5 });
    expect(report).toMatchObject({ stoppedBy: 'fatal', calls: 0 });
    expect(w.book.entries.size).toBe(0);
  });

  it('stops where all of a batch fails in the same way', async () => {
    const w = world({
      reply: () => failure({ code: 'bad_request', httpStatus: 400, message: 'bad schema' }),
    });
    const { report, trials } = await run(w, 30);
    expect(report).toMatchObject({
      stoppedBy: 'fatal',
      fatal: { message: expect.stringContaining('bad schema') },
    });
    expect(outcomes(trials)).toEqual({ 'skipped cancelled': 30 });
    expect(w.book.entries.size).toBe(0);
  });
});

describe('limits', () => {
  it('--max-calls holds before anything is sent', async () => {
    const w = world();
    const { report, trials } = await run(w, 50, { limits: { maxCalls: 20 } });
    expect(outcomes(trials)).toEqual({ answered: 20, 'skipped budget': 30 });
    expect(w.api.batches.map(({ ids }) => ids.length)).toEqual([20]);
    expect(report.stoppedBy).toBe('max-calls');
  });

  it('--max-cost reserves the most that each call may cost, and goes on with what was left of it', async () => {
    const w = world();
    const { report, trials } = await run(w, 50, { limits: { maxCostUsd: 0.2 }, bestKnownCost: 0.02 });
    // 10 at the bound of 2 cents, then by the measured price of one cent
    expect(w.api.batches[0]?.ids).toHaveLength(10);
    expect(report.knownCostUsd).toBeLessThanOrEqual(0.2 + 1e-9);
    expect(outcomes(trials)).toEqual({ answered: 20, 'skipped budget': 30 });
  });

  it('a deadline leaves the batch at the service, and resuming fetches what it did', async () => {
    const w = world({ polls: 1000 });
    const first = await run(w, 10, { limits: { deadlineMs: 60_000 } });
    expect(outcomes(first.trials)).toEqual({ 'skipped deadline': 10 });
    expect(w.api.batches[0]?.isCancelled).toBe(true);
    const second = await run(w, 10, { have: kept(first.trials) });
    expect(outcomes(second.trials)).toEqual({ answered: 10 });
    // Half was done when it was cancelled.
    expect(w.api.batches.map(({ ids }) => ids.length)).toEqual([10, 5]);
    expect([...w.api.executed.values()]).toEqual(Array(10).fill(1));
  });
});

describe('interrupted', () => {
  it('a first Ctrl-C cancels the batch and takes what it did', async () => {
    const w = world({ polls: 1000 });
    const soft = new AbortController();
    w.time.after(30_000, () => soft.abort());
    const { report, trials } = await run(w, 10, { signal: soft.signal });
    expect(outcomes(trials)).toEqual({ answered: 5, 'skipped cancelled': 5 });
    expect(report.stoppedBy).toBe('cancelled');
    expect(w.book.entries.size).toBe(0);
  });

  it('a second one waits for nothing', async () => {
    const w = world({ polls: 1000 });
    const [soft, hard] = [new AbortController(), new AbortController()];
    w.time.after(30_000, () => {
      soft.abort();
      hard.abort();
    });
    const startMs = w.time.ms;
    const { trials } = await run(w, 10, { signal: soft.signal, hardSignal: hard.signal });
    expect(outcomes(trials)).toEqual({ 'skipped cancelled': 10 });
    expect(w.time.ms - startMs).toBe(30_000);
    expect(w.book.entries.size).toBe(1);
  });

  it('killed while a batch is out: the same batch is polled, and nothing is handed in again', async () => {
    const w = world({ polls: 3 });
    const dead = new Error('killed');
    const first = run(w, 20, {
      onTrial: async () => {
        throw dead;
      },
    });
    await expect(first).rejects.toThrow(dead);
    const { trials, report } = await run(w, 20);
    expect(outcomes(trials)).toEqual({ answered: 20 });
    expect(w.api.submissions).toBe(1);
    // The limits of this command do not count what an earlier one handed in.
    expect(report).toMatchObject({ calls: 20, stoppedBy: null });
    const limited = await run(w, 21, { have: trials, limits: { maxCalls: 1 } });
    expect(outcomes(limited.trials)).toEqual({ answered: 21 });
  });

  it('killed before the id was known: the batch is found again by its key', async () => {
    const w = world({ polls: 1 });
    w.book.onSubmit = () => {
      throw new Error('killed');
    };
    await expect(run(w, 20)).rejects.toThrow('killed');
    expect([...w.book.entries.values()]).toMatchObject([{ batchId: null, requests: 20 }]);
    w.book.onSubmit = null;
    expect(outcomes((await run(w, 20)).trials)).toEqual({ answered: 20 });
    expect(w.api.submissions).toBe(1);
  });

  it('killed before anything was sent: it is handed in once', async () => {
    const w = world();
    w.book.onPlanned = () => {
      throw new Error('killed');
    };
    await expect(run(w, 20)).rejects.toThrow('killed');
    w.book.onPlanned = null;
    expect(outcomes((await run(w, 20)).trials)).toEqual({ answered: 20 });
    expect(w.api.submissions).toBe(1);
  });

  it('a submission whose reply was lost is not repeated', async () => {
    const lost = failure({ code: 'connection', retryable: true });
    const w = world({ refuse: (n) => (n === 1 ? { failure: lost, taken: true } : undefined) });
    expect(outcomes((await run(w, 20)).trials)).toEqual({ answered: 20 });
    expect(w.api.submissions).toBe(1);
    const refused = failure({ code: 'rate_limited', httpStatus: 429, retryable: true });
    const busy = world({ refuse: (n) => (n < 3 ? { failure: refused, taken: false } : undefined) });
    expect(outcomes((await run(busy, 20)).trials)).toEqual({ answered: 20 });
    expect(busy.api.submissions).toBe(3);
  });
});

describe('a service that does not answer', () => {
  it('is waited for, and after --outage the batch is left for later', async () => {
    const away = failure({ code: 'connection', retryable: true });
    const w = world({ trouble: (poll) => (poll > 1 && poll < 6 ? away : undefined) });
    expect(outcomes((await run(w, 5)).trials)).toEqual({ answered: 5 });
    const gone = world({ trouble: () => away });
    const { report, trials } = await run(gone, 5);
    expect(report).toMatchObject({
      stoppedBy: 'fatal',
      fatal: { message: expect.stringContaining('--outage 300 s') },
    });
    expect(outcomes(trials)).toEqual({ 'skipped cancelled': 5 });
    expect(gone.book.entries.size).toBe(1);
  });

  it('may not know a batch yet that it has just taken', async () => {
    const unknown = failure({ code: 'unknown_model', httpStatus: 404, fatal: true });
    const early = world({ trouble: (poll) => (poll <= 3 ? unknown : undefined) });
    expect(outcomes((await run(early, 5)).trials)).toEqual({ answered: 5 });
    const never = world({ trouble: () => unknown });
    const { report } = await run(never, 5);
    expect(report.fatal).toMatchObject({ code: 'batch_lost' });
    expect(never.book.entries.size).toBe(1);
  });
});
