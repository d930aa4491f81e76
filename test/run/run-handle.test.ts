// What a run lets its grading know and do: when to give up, and when there is no point in going on.

import { describe, expect, it } from 'vitest';
import type { Failure } from '../../src/core/index.ts';
import { planJobs, type RunHandle } from '../../src/run/index.ts';
import { jobsOf, refundCases, refundRelease, watchRun } from './refund-bot.ts';
import { RATE_LIMITED, ScriptedProvider } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const NO_CREDIT: Failure = {
  kind: 'failed',
  cause: 'infra_error',
  code: 'quota',
  message: 'the judge is out of credit',
  retryable: false,
  fatal: true,
  latencyMs: 5,
};

function world() {
  const time = new TestTime();
  return { time, provider: new ScriptedProvider(time, () => ({ do: 'answer', afterMs: 100 })) };
}

describe('grading within a run', () => {
  it('is told to stop at the deadline, so that a judge that hangs does not outlast it', async () => {
    const { time, provider } = world();
    const startMs = time.ms;
    const run = watchRun(time, jobsOf(provider, refundCases(40)), {
      limits: { deadlineMs: 700 },
      onTrial: (_job, trial, { cutOff }) =>
        trial.status !== 'answered' || cutOff.aborted
          ? Promise.resolve()
          : new Promise((resolve) => cutOff.addEventListener('abort', () => resolve())),
    });
    const report = await time.until(run.finished);
    expect(time.ms - startMs).toBe(700);
    expect(report).toMatchObject({ stoppedBy: 'deadline', trials: 40 });
  });

  it('is told so by the second interrupt, not by the first', async () => {
    const { time, provider } = world();
    const soft = new AbortController();
    const hard = new AbortController();
    let handle: RunHandle | null = null;
    const seen: (boolean | undefined)[] = [];
    const run = watchRun(time, jobsOf(provider, refundCases(20)), {
      signal: soft.signal,
      hardSignal: hard.signal,
      onTrial: async (_job, _trial, given) => {
        handle = given;
      },
    });
    time.after(150, () => {
      soft.abort();
      seen.push(handle?.cutOff.aborted);
      hard.abort();
      seen.push(handle?.cutOff.aborted);
    });
    await time.until(run.finished);
    expect(seen).toEqual([false, true]);
  });

  it('can stop a run that would be paid for in vain: calls in flight finish, the rest is skipped with the reason', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(200)), {
      onTrial: async (job, _trial, handle) => {
        if (job.case.id === 'ticket-5') handle.stop(NO_CREDIT);
      },
    });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ stoppedBy: 'fatal', fatal: { code: 'quota' }, trials: 200 });
    expect(provider.calls).toBeLessThanOrEqual(12);
    const last = run.delivered.find((d) => d.job.case.id === 'ticket-199');
    expect(last?.trial).toMatchObject({
      status: 'skipped',
      message: expect.stringContaining('out of credit'),
    });
  });
});

describe('what shares the limits of a service', () => {
  const KEYS = { own: { 'api-key-env': 'OTHER_KEY' } };
  it.each([
    ['another API of the same model and key', { api: 'responses' }, {}, 1],
    ['another model', { model: 'triage-2026-04-01' }, {}, 2],
    ['another server', { 'base-url': 'http://127.0.0.1:1/v1' }, {}, 2],
    ['another key', {}, KEYS.own, 2],
  ])('%s', async (_, route, paths, lanes) => {
    const time = new TestTime();
    const base = { provider: 'openai', model: 'triage-2026-03-01' };
    const jobs = [{ route: base }, { route: { ...base, ...route } }].flatMap((layers, i) =>
      planJobs({
        cases: refundCases(4),
        release: { ...refundRelease(layers), paths: i === 0 ? {} : paths },
        provider: new ScriptedProvider(time, (_request, attempt) =>
          attempt === 1 ? RATE_LIMITED : { do: 'answer', afterMs: 10 },
        ),
        arm: `arm-${i}`,
      }),
    );
    const run = watchRun(time, jobs, { limits: { concurrency: 16 } });
    await time.until(run.finished);
    // Each lane says once that it slows down.
    expect(run.warnings).toHaveLength(lanes);
  });
});
