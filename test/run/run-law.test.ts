import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunCounts } from '../../src/run/index.ts';
import { jobsOf, refundCases, type WatchedRun, watchRun } from './refund-bot.ts';
import { type Act, ScriptedProvider } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const ms = fc.integer({ min: 0, max: 3_000 });

/** Anything a service, a network or a careless provider may do with one attempt. */
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      afterMs: ms,
      costUsd: fc.constantFrom(0, 0.01, 0.07),
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        ms,
        fc.constantFrom(
          { code: 'rate_limited', httpStatus: 429, retryable: true },
          { code: 'rate_limited', httpStatus: 429, retryable: true, retryAfterMs: 7_000 },
          { code: 'overloaded', httpStatus: 529, retryable: true },
          { code: 'server_error', httpStatus: 500, retryable: true },
          { code: 'connection', retryable: true },
          { code: 'bad_request', httpStatus: 400, retryable: false },
          { code: 'exit_code', cause: 'app_error' as const, retryable: false },
          {
            code: 'server_error',
            rateLimit: { requests: { remaining: 0, fullInMs: 2_000 } },
            retryable: true,
          },
        ),
      )
      .map(([afterMs, failure]) => ({ do: 'fail' as const, afterMs, ...failure })),
  },
  fc.constantFrom<Act>(
    { do: 'hang' },
    { do: 'ignore-abort' },
    { do: 'ignore-abort', answerAfterMs: 1_500 },
    { do: 'throw' },
    { do: 'reject' },
    { do: 'garbage' },
  ),
);

const world = fc.record({
  trials: fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 60 }),
  concurrency: fc.integer({ min: 1, max: 12 }),
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  fatalAt: fc.option(fc.nat(80), { freq: 3 }),
  cancelAtMs: fc.option(ms, { freq: 3 }),
  dropAtMs: fc.option(ms, { freq: 3 }),
  deadlineMs: fc.option(fc.integer({ min: 1, max: 20_000 }), { freq: 3 }),
  maxCalls: fc.option(fc.integer({ min: 1, max: 90 }), { freq: 3 }),
  maxCostUsd: fc.option(fc.constantFrom(0.05, 0.3, 2), { freq: 3 }),
  slowLedgerMs: fc.option(ms, { freq: 2 }),
});

function sums(counts: RunCounts, run: WatchedRun): void {
  const of = (status: string): number => run.delivered.filter((d) => d.trial.status === status).length;
  expect(counts.answered).toBe(of('answered'));
  expect(counts.failed).toBe(of('failed'));
  expect(counts.skipped).toBe(of('skipped'));
  expect(counts.trials).toBe(run.delivered.length);
  expect(counts.appErrors + counts.infraErrors + counts.timeouts).toBe(counts.failed);
}

describe('whatever happens to a run', () => {
  it('every job ends as exactly one trial, every attempt is logged, and no limit is overstepped', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (w) => {
        const time = new TestTime();
        const provider: ScriptedProvider = new ScriptedProvider(time, (request, attempt) => {
          if (w.fatalAt !== null && provider.calls === w.fatalAt + 1)
            return { do: 'fail', code: 'quota', fatal: true, httpStatus: 429 };
          const acts = w.trials[Number(request.caseId.slice('ticket-'.length))] as readonly Act[];
          return acts[(attempt - 1) % acts.length] as Act;
        });
        const soft = new AbortController();
        const hard = new AbortController();
        if (w.cancelAtMs !== null) time.after(w.cancelAtMs, () => soft.abort());
        if (w.dropAtMs !== null) time.after(w.dropAtMs, () => hard.abort());
        const startMs = time.ms;
        const run = watchRun(time, jobsOf(provider, refundCases(w.trials.length)), {
          signal: soft.signal,
          hardSignal: hard.signal,
          priceKnown: true,
          bestKnownCost: 0.07,
          limits: {
            concurrency: w.concurrency,
            maxAttempts: w.maxAttempts,
            attemptTimeoutMs: 2_000,
            trialTimeoutMs: 15_000,
            outageMs: 20_000,
            deadlineMs: w.deadlineMs,
            maxCalls: w.maxCalls,
            maxCostUsd: w.maxCostUsd,
          },
          onTrial: () =>
            new Promise<void>((resolve) => {
              if (w.slowLedgerMs === null) resolve();
              else time.after(w.slowLedgerMs, resolve);
            }),
        });
        const report = await time.until(run.finished);

        const ids = run.delivered.map((d) => d.trial.caseId).sort();
        expect(ids).toEqual(
          refundCases(w.trials.length)
            .map((c) => c.id)
            .sort(),
        );
        sums(report, run);
        sums(report.byArm['candidate'] as RunCounts, run);
        expect(report.calls).toBe(provider.calls);
        const attempts = run.delivered.map((d) => d.trial.attempts.length);
        expect(attempts.reduce((a, b) => a + b, 0)).toBe(provider.calls);
        // Attempts while the service is down do not count.
        const counted = run.delivered.map(
          ({ trial }) =>
            trial.attempts.filter(
              (a) => !['connection', 'server_error', 'rate_limited', 'overloaded'].includes(a.outcome),
            ).length,
        );
        expect(Math.max(...counted)).toBeLessThanOrEqual(w.maxAttempts);
        expect(provider.maxInFlight).toBeLessThanOrEqual(w.concurrency);
        if (w.maxCalls !== null) expect(provider.calls).toBeLessThanOrEqual(w.maxCalls);
        if (w.maxCostUsd !== null) expect(report.knownCostUsd).toBeLessThanOrEqual(w.maxCostUsd + 1e-9);
        if (report.stoppedBy === null) expect(report.skipped).toBe(0);
        if (w.deadlineMs !== null) {
          const starts = provider.startedAtMs.map((at) => at - startMs);
          expect(Math.max(0, ...starts)).toBeLessThanOrEqual(w.deadlineMs);
        }
        for (const { trial } of run.delivered) {
          if (trial.status === 'answered') expect(trial.attempts.at(-1)?.outcome).toBe('answered');
          else expect(trial.attempts.some((a) => a.outcome === 'answered')).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});
