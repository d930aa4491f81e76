import { describe, expect, it } from 'vitest';
import { jobsOf, refundCase, refundCases, trialOf, watchRun } from './refund-bot.ts';
import { type Act, type Script, ScriptedProvider, SERVER_ERROR } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const FINE: Act = { do: 'answer', afterMs: 20 };

/** What one case's attempts do in turn; the last one repeats. Other cases are answered. */
function world(scripts: Record<string, readonly Act[]> = {}) {
  const time = new TestTime();
  const script: Script = (request, attempt) => {
    const acts = scripts[request.caseId] ?? [FINE];
    return acts[Math.min(attempt, acts.length) - 1] ?? FINE;
  };
  return { time, provider: new ScriptedProvider(time, script) };
}

describe('a run', () => {
  it('hands over one answered trial per job, with what was sent, served and used', async () => {
    const { time, provider } = world();
    const cases = [refundCase('a', { trials: 2 }), refundCase('b')];
    const run = watchRun(time, jobsOf(provider, cases), {
      costOf: (_, usage) => (usage?.inputTokens ?? 0) / 1000,
    });
    const report = await time.until(run.finished);
    expect(run.delivered.map((d) => `${d.job.case.id}#${d.job.trial}`).sort()).toEqual(['a#0', 'a#1', 'b#0']);
    expect(trialOf(run, 'a', 1)).toEqual({
      status: 'answered',
      caseId: 'a',
      trial: 1,
      attempts: [
        { startedAt: '2026-03-15T03:00:00.000Z', latencyMs: 40, outcome: 'answered', requestId: 'req-1' },
      ],
      sent: { prompt: 'as sent' },
      output: { text: 'refund granted', toolCalls: [] },
      stopReason: 'stop',
      served: {
        model: 'triage-2026-03-01',
        systemFingerprint: null,
        serviceTier: null,
        region: null,
        requestId: 'req-1',
      },
      usage: { inputTokens: 100, outputTokens: 10 },
      latencyMs: 40,
      costUsd: 0.1,
      droppedParams: [],
    });
    expect(report).toMatchObject({
      trials: 3,
      answered: 3,
      failed: 0,
      skipped: 0,
      calls: 3,
      stoppedBy: null,
      fatal: null,
      servedModels: ['triage-2026-03-01'],
      systemFingerprints: [null],
    });
    expect(report.costUsd).toBeCloseTo(0.3, 12);
  });

  it('without jobs ends at once, having cost nothing', async () => {
    const { time } = world();
    const report = await watchRun(time, []).finished;
    expect(report).toMatchObject({ trials: 0, calls: 0, costUsd: 0, stoppedBy: null, byArm: {} });
  });

  it('keeps the arms’ counts apart', async () => {
    const { time, provider } = world({ 'ticket-1': [{ do: 'fail', code: 'bad_request', httpStatus: 400 }] });
    const jobs = jobsOf(provider, refundCases(3)).flatMap((job) => [
      { ...job, arm: 'baseline' },
      ...(job.case.id === 'ticket-0' ? [] : [{ ...job, arm: 'candidate' }]),
    ]);
    const report = await time.until(watchRun(time, jobs).finished);
    expect(report).toMatchObject({ trials: 5, answered: 3, failed: 2 });
    expect(report.byArm['baseline']).toMatchObject({ trials: 3, answered: 2, failed: 1, calls: 3 });
    expect(report.byArm['candidate']).toMatchObject({ trials: 2, answered: 1, failed: 1, infraErrors: 1 });
  });

  it('collects distinct served models and refused parameters', async () => {
    const { time, provider } = world({
      'ticket-1': [{ do: 'answer', model: 'triage-2026-03-14', dropped: ['temperature'] }],
      'ticket-2': [{ do: 'answer', model: null, dropped: ['temperature', 'seed'] }],
    });
    const run = watchRun(time, jobsOf(provider, refundCases(4)));
    const report = await time.until(run.finished);
    expect(new Set(report.servedModels)).toEqual(new Set(['triage-2026-03-01', 'triage-2026-03-14', null]));
    expect([...report.droppedParams].sort()).toEqual(['seed', 'temperature']);
    expect(trialOf(run, 'ticket-2')).toMatchObject({ droppedParams: ['temperature', 'seed'] });
  });

  it('tells progress at most ten times a second, and the end', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, refundCases(200)), { limits: { concurrency: 2 } });
    await time.until(run.finished);
    // 200 calls of 20 ms, two at a time: two seconds
    expect(run.steps.length).toBeLessThanOrEqual(22);
    expect(run.steps.length).toBeGreaterThan(10);
    expect(run.steps.at(-1)).toMatchObject({ label: 'trials', done: 200, total: 200, failed: 0, skipped: 0 });
  });

  it('tells how long the rest takes, and after Ctrl-C what was really done', async () => {
    const { time, provider } = world();
    const stop = new AbortController();
    const run = watchRun(time, jobsOf(provider, refundCases(2_000)), {
      limits: { concurrency: 2 },
      signal: stop.signal,
    });
    time.after(5_000, () => stop.abort());
    await time.until(run.finished);
    // Two calls of 20 ms at once: 2,000 take 20 s.
    const middle = run.steps[30];
    expect(middle?.leftMs).toBeCloseTo((2_000 - (middle?.done ?? 0)) * 10, -3);
    const last = run.steps.at(-1);
    expect(last?.done).toBeGreaterThan(490);
    expect(last?.done).toBeLessThan(510);
    expect(last).toMatchObject({ total: 2_000, skipped: 2_000 - (last?.done ?? 0) });
  });

  it('turns a request that cannot be made into a failed trial, never into a score or a crash', async () => {
    const { time, provider } = world();
    const run = watchRun(time, jobsOf(provider, [refundCase('bad', { vars: {} }), refundCase('good')]));
    const report = await time.until(run.finished);
    expect(trialOf(run, 'bad')).toMatchObject({
      status: 'failed',
      code: 'template_variable_missing',
      attempts: [],
    });
    expect(report).toMatchObject({ answered: 1, failed: 1, calls: 1 });
  });

  it.each([
    [{ concurrency: 0 }, 'concurrency'],
    [{ concurrency: 1.5 }, 'concurrency'],
    [{ maxAttempts: Number.NaN }, 'maxAttempts'],
    [{ deadlineMs: -1 }, 'deadlineMs'],
    [{ maxCostUsd: 0 }, 'maxCostUsd'],
  ])('refuses the limits %j', async (limits, key) => {
    const { time } = world();
    await expect(watchRun(time, [], { limits, priceKnown: true }).finished).rejects.toMatchObject({
      code: 'RUN_LIMIT_INVALID',
      where: { key },
    });
  });
});

describe('an attempt that fails', () => {
  it('is tried again and logged, and the trial’s cost is that of all attempts', async () => {
    const { time, provider } = world({
      'ticket-0': [{ ...SERVER_ERROR, requestId: 'req-bad', message: 'upstream broke' }, FINE],
    });
    const run = watchRun(time, jobsOf(provider, refundCases(1)), { costOf: () => 0.02 });
    const report = await time.until(run.finished);
    const trial = trialOf(run, 'ticket-0');
    expect(trial).toMatchObject({ status: 'answered', costUsd: 0.02 });
    expect(trial.attempts.map((a) => a.outcome)).toEqual(['server_error', 'answered']);
    expect(trial.attempts[0]).toMatchObject({
      httpStatus: 500,
      requestId: 'req-bad',
      message: 'upstream broke',
      latencyMs: 10,
    });
    expect(report).toMatchObject({ calls: 2, costUsd: 0.02 });
  });

  it('makes the cost unknown when it may have been billed', async () => {
    const lost: Act = { do: 'fail', code: 'connection', retryable: true };
    const { time, provider } = world({ 'ticket-0': [lost, FINE] });
    const run = watchRun(time, jobsOf(provider, refundCases(2)), { costOf: () => 0.02 });
    const report = await time.until(run.finished);
    expect(trialOf(run, 'ticket-0')).toMatchObject({ status: 'answered', costUsd: null });
    expect(trialOf(run, 'ticket-1')).toMatchObject({ costUsd: 0.02 });
    expect(report).toMatchObject({ costUsd: null, knownCostUsd: 0.04 });
  });

  it('ends the trial as failed when it keeps failing', async () => {
    const { time, provider } = world({ 'ticket-0': [SERVER_ERROR] });
    const run = watchRun(time, jobsOf(provider, refundCases(1)), { limits: { maxAttempts: 3 } });
    await time.until(run.finished);
    const trial = trialOf(run, 'ticket-0');
    expect(trial).toMatchObject({ status: 'failed', cause: 'infra_error', code: 'server_error' });
    expect(trial).toMatchObject({ message: 'the service said server_error (after 3 attempts)' });
    expect(trial.attempts).toHaveLength(3);
  });

  it('is not repeated when the limit is one attempt', async () => {
    const { time, provider } = world({ 'ticket-0': [SERVER_ERROR] });
    await time.until(
      watchRun(time, jobsOf(provider, refundCases(1)), { limits: { maxAttempts: 1 } }).finished,
    );
    expect(provider.calls).toBe(1);
  });

  it('is not repeated when the provider says that it would not help', async () => {
    const { time, provider } = world({
      'ticket-0': [{ do: 'fail', cause: 'app_error', code: 'exit_code', message: 'exit 3' }],
    });
    const run = watchRun(time, jobsOf(provider, refundCases(1)));
    const report = await time.until(run.finished);
    expect(trialOf(run, 'ticket-0')).toMatchObject({
      cause: 'app_error',
      code: 'exit_code',
      message: 'exit 3',
    });
    expect(report).toMatchObject({ failed: 1, appErrors: 1, infraErrors: 0, calls: 1 });
  });

  it('waits as long as the service asks, but a minute at most', async () => {
    const asks = (retryAfterMs: number): Act => ({ ...SERVER_ERROR, retryAfterMs });
    const { time, provider } = world({ 'ticket-0': [asks(20_000), asks(3_600_000), asks(0), FINE] });
    await time.until(watchRun(time, jobsOf(provider, refundCases(1))).finished);
    const [first, second, third, fourth] = provider.startedAtMs as [number, number, number, number];
    expect(second - first).toBeGreaterThanOrEqual(20_000);
    expect(second - first).toBeLessThanOrEqual(22_010);
    expect(third - second).toBeGreaterThanOrEqual(60_000);
    expect(third - second).toBeLessThanOrEqual(66_010);
    // an asked-for wait of nothing does not undo the backoff
    expect(fourth - third).toBeGreaterThanOrEqual(1_000);
  });

  it('does not hold a slot while it waits', async () => {
    const { time, provider } = world({ 'ticket-0': [{ ...SERVER_ERROR, retryAfterMs: 30_000 }, FINE] });
    const run = watchRun(time, jobsOf(provider, refundCases(40)), { limits: { concurrency: 1 } });
    await time.until(run.finished);
    expect(run.delivered.map((d) => d.job.case.id).at(-1)).toBe('ticket-0');
    const last = provider.startedAtMs.at(-1) as number;
    const others = provider.startedAtMs.slice(1, -1);
    expect(Math.max(...others)).toBeLessThan(last - 20_000);
  });
});

describe('time limits', () => {
  it.each<[string, Act]>([
    ['hangs until aborted', { do: 'hang' }],
    ['ignores its AbortSignal', { do: 'ignore-abort' }],
    ['answers after it was given up', { do: 'ignore-abort', answerAfterMs: 2_500 }],
  ])('hold against a provider that %s', async (_, act) => {
    const { time, provider } = world({ 'ticket-0': [act] });
    const run = watchRun(time, jobsOf(provider, refundCases(3)), {
      limits: { attemptTimeoutMs: 1_000, maxAttempts: 2 },
    });
    const report = await time.until(run.finished);
    const trial = trialOf(run, 'ticket-0');
    expect(trial).toMatchObject({ status: 'failed', cause: 'timeout', code: 'attempt_timeout' });
    expect(trial.attempts).toHaveLength(2);
    expect(trial.attempts.every((a) => a.outcome === 'attempt_timeout' && a.latencyMs === 1_000)).toBe(true);
    expect(report).toMatchObject({ answered: 2, failed: 1, timeouts: 1 });
    expect(provider.aborted).toBe(2);
    expect(run.delivered).toHaveLength(3);
  });

  it('give a timed-out trial another attempt', async () => {
    const { time, provider } = world({ 'ticket-0': [{ do: 'hang' }, FINE] });
    const run = watchRun(time, jobsOf(provider, refundCases(1)), { limits: { attemptTimeoutMs: 500 } });
    await time.until(run.finished);
    expect(trialOf(run, 'ticket-0').status).toBe('answered');
  });

  it('cut an attempt short at the end of its trial’s time', async () => {
    const { time, provider } = world({ 'ticket-0': [SERVER_ERROR, { do: 'ignore-abort' }] });
    const run = watchRun(time, jobsOf(provider, refundCases(1)), {
      limits: { attemptTimeoutMs: 5_000, trialTimeoutMs: 3_000 },
    });
    const startMs = time.ms;
    await time.until(run.finished);
    expect(time.ms - startMs).toBe(3_000);
    expect(trialOf(run, 'ticket-0')).toMatchObject({ cause: 'timeout', code: 'trial_timeout' });
  });

  it('do not let a trial wait for an attempt it has no time for', async () => {
    const { time, provider } = world({ 'ticket-0': [{ ...SERVER_ERROR, retryAfterMs: 30_000 }] });
    const run = watchRun(time, jobsOf(provider, refundCases(1)), { limits: { trialTimeoutMs: 10_000 } });
    const startMs = time.ms;
    await time.until(run.finished);
    expect(time.ms - startMs).toBe(10);
    const trial = trialOf(run, 'ticket-0');
    expect(trial).toMatchObject({ status: 'failed', code: 'server_error' });
    expect(trial).toMatchObject({ message: expect.stringContaining("would not fit into the trial's 10 s") });
  });

  it('leave no timer behind', async () => {
    const { time, provider } = world({ 'ticket-0': [SERVER_ERROR, FINE] });
    await time.until(
      watchRun(time, jobsOf(provider, refundCases(5)), { limits: { deadlineMs: 1e9 } }).finished,
    );
    expect(time.pendingTimers).toBe(0);
  });
});

describe('a provider that breaks its contract', () => {
  it.each<[Act['do'], string]>([
    ['throw', 'TypeError: cannot read the route'],
    ['reject', 'Error: socket pool is closed'],
    ['garbage', 'what it returned is not a reply'],
  ])('by %s costs that trial and not the run', async (what, message) => {
    const { time, provider } = world({ 'ticket-1': [{ do: what } as Act] });
    const run = watchRun(time, jobsOf(provider, refundCases(3)));
    const report = await time.until(run.finished);
    const trial = trialOf(run, 'ticket-1');
    expect(trial).toMatchObject({ status: 'failed', cause: 'infra_error', code: 'provider_defect' });
    expect(trial).toMatchObject({ message: expect.stringContaining(message) });
    expect(report).toMatchObject({ answered: 2, failed: 1, stoppedBy: null });
  });
});

describe('real timers', () => {
  it('bound a call that never ends', async () => {
    const { provider } = world({ 'ticket-0': [{ do: 'ignore-abort' }] });
    const time = new TestTime();
    const run = watchRun(time, jobsOf(provider, refundCases(1)), {
      limits: { attemptTimeoutMs: 5, maxAttempts: 1 },
      timers: undefined,
      clock: { now: () => new Date() },
    });
    await run.finished;
    expect(trialOf(run, 'ticket-0')).toMatchObject({ status: 'failed', code: 'attempt_timeout' });
  });
});
