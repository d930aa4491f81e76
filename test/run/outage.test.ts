// A service that is down is waited for, and the run resumes by itself; one that stays down, or fails every trial alike, stops the run.

import { describe, expect, it } from 'vitest';
import { isDown } from '../../src/run/outage.ts';
import { jobsOf, refundCases, trialOf, watchRun } from './refund-bot.ts';
import { type Act, failure, ScriptedProvider, SERVER_ERROR } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const UNREACHED: Act = {
  do: 'fail',
  cause: 'infra_error',
  code: 'connection',
  message: 'ECONNREFUSED',
  retryable: true,
  unreached: true,
};
const BROKEN: Act = { do: 'fail', code: 'server_error', httpStatus: 503, retryable: true, afterMs: 20 };
const FINE: Act = { do: 'answer', afterMs: 100 };

/** A service that is down from one time to another, in seconds. */
function downFrom(fromS: number, toS: number, how: Act) {
  const time = new TestTime();
  const startMs = time.ms;
  const provider: ScriptedProvider = new ScriptedProvider(time, () => {
    const at = (time.ms - startMs) / 1000;
    return at >= fromS && at < toS ? how : FINE;
  });
  return { time, provider, startMs };
}

describe('a service that is down', () => {
  it.each([
    ['cannot be reached, at the start', 0, 5, UNREACHED, 200, 8],
    ['cannot be reached, in the middle', 2, 7, UNREACHED, 400, 8],
    ['answers 503, in the middle', 2, 7, BROKEN, 400, 8],
    ['cannot be reached, one call at a time', 2, 60, UNREACHED, 60, 1],
    ['answers 503 for four minutes, many at once', 1, 240, BROKEN, 900, 64],
  ])('%s: no trial is lost', async (_, fromS, toS, how, cases, concurrency) => {
    const { time, provider } = downFrom(fromS, toS, how);
    const run = watchRun(time, jobsOf(provider, refundCases(cases)), { limits: { concurrency } });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ stoppedBy: null, answered: cases, failed: 0, skipped: 0 });
    expect(run.warnings.map((w) => w.code)).toContain('SERVICE_DOWN');
  });

  it('is tried by one call at a time, ever more seldom', async () => {
    const { time, provider, startMs } = downFrom(2, 122, BROKEN);
    const run = watchRun(time, jobsOf(provider, refundCases(400)), { limits: { concurrency: 8 } });
    await time.until(run.finished);
    const tries = provider.startedAtMs.map((ms) => ms - startMs).filter((ms) => ms > 4000 && ms < 122_000);
    expect(tries.length).toBeLessThan(20);
    expect(Math.max(...tries.slice(1).map((ms, i) => ms - (tries[i] as number)))).toBeLessThanOrEqual(16_000);
  });

  it('does not cost a trial its attempts or its time', async () => {
    const { time, provider } = downFrom(0, 200, UNREACHED);
    const run = watchRun(time, jobsOf(provider, refundCases(3)), {
      limits: { maxAttempts: 2, attemptTimeoutMs: 2000, trialTimeoutMs: 5000 },
    });
    expect(await time.until(run.finished)).toMatchObject({ answered: 3, failed: 0 });
  });

  it('for longer than --outage stops the run, which can be resumed: its trials were never run', async () => {
    const { time, provider, startMs } = downFrom(0, 1e9, UNREACHED);
    const run = watchRun(time, jobsOf(provider, refundCases(200)), { limits: { outageMs: 60_000 } });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({
      stoppedBy: 'fatal',
      fatal: { code: 'unreachable' },
      failed: 0,
      skipped: 200,
    });
    expect(report.fatal?.message).toMatch(/down for .*\(--outage 60 s\).*ECONNREFUSED/);
    expect((time.ms - startMs) / 1000).toBeLessThan(80);
    expect(run.delivered).toHaveLength(200);
  });

  it('can be left with Ctrl-C while it is waited for', async () => {
    const { time, provider, startMs } = downFrom(1, 1e9, BROKEN);
    const stop = new AbortController();
    const run = watchRun(time, jobsOf(provider, refundCases(400)), { signal: stop.signal });
    time.after(30_000, () => stop.abort());
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ stoppedBy: 'cancelled', failed: 0 });
    expect((time.ms - startMs) / 1000).toBeLessThan(31);
    expect(time.pendingTimers).toBe(0);
  });

  it('is told from trials that break it themselves: these fail, and the others are answered', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, ({ caseId }) =>
      Number(caseId.slice('ticket-'.length)) % 4 === 0 ? SERVER_ERROR : FINE,
    );
    const run = watchRun(time, jobsOf(provider, refundCases(40)), {
      limits: { concurrency: 1, maxAttempts: 2 },
    });
    expect(await time.until(run.finished)).toMatchObject({ stoppedBy: null, answered: 30, failed: 10 });
  });

  it('by a few last trials that always break it is given up, and the run comes to its end', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, ({ caseId }) =>
      Number(caseId.slice('ticket-'.length)) >= 90 ? SERVER_ERROR : FINE,
    );
    const run = watchRun(time, jobsOf(provider, refundCases(96)));
    expect(await time.until(run.finished)).toMatchObject({ stoppedBy: null, answered: 90, failed: 6 });
  });

  it.each([
    ['no connection', { code: 'connection' }, true],
    ['a 500 of an API', { code: 'server_error', httpStatus: 500 }, true],
    ['a 500 of the own application', { cause: 'app_error', code: 'server_error', httpStatus: 500 }, false],
    [
      'a 502 in front of the own application',
      { cause: 'app_error', code: 'server_error', httpStatus: 502 },
      true,
    ],
    ['too many calls', { code: 'rate_limited', httpStatus: 429 }, false],
    ['too much load', { code: 'overloaded', httpStatus: 529 }, false],
    ['a refused key', { code: 'auth', httpStatus: 401 }, false],
  ] as const)('%s: down = %s', (_, parts, down) => {
    expect(isDown(failure(parts))).toBe(down);
  });
});

describe('trials that all fail in the same way', () => {
  const refused = (code: string, httpStatus: number, message: string): Act => ({
    do: 'fail',
    code,
    httpStatus,
    message,
    afterMs: 10,
  });

  it('one refused case is a failed trial with its reason, and the run goes on', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, ({ caseId }) =>
      caseId === 'ticket-5' ? refused('forbidden', 403, '403 flagged: violence') : FINE,
    );
    const run = watchRun(time, jobsOf(provider, refundCases(100)));
    expect(await time.until(run.finished)).toMatchObject({ stoppedBy: null, answered: 99, failed: 1 });
    expect(trialOf(run, 'ticket-5')).toMatchObject({ code: 'forbidden', message: '403 flagged: violence' });
  });

  it('a third of the cases refused by moderation is no broken key', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, ({ caseId }) =>
      Number(caseId.slice('ticket-'.length)) % 3 !== 1 ? refused('forbidden', 403, '403 flagged') : FINE,
    );
    const run = watchRun(time, jobsOf(provider, refundCases(300)));
    expect(await time.until(run.finished)).toMatchObject({ stoppedBy: null, answered: 100, failed: 200 });
  });

  it('a refused key stops the run after a few calls; nothing counts as run', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () => refused('auth', 401, '401 the API key was refused'));
    const run = watchRun(time, jobsOf(provider, refundCases(500)), { limits: { concurrency: 2 } });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ stoppedBy: 'fatal', fatal: { code: 'auth' }, failed: 0, skipped: 500 });
    expect(provider.calls).toBeLessThanOrEqual(5);
  });

  it('a refused key is told by a suite of one case too', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () => refused('auth', 401, '401 the API key was refused'));
    const run = watchRun(time, jobsOf(provider, refundCases(1)));
    expect(await time.until(run.finished)).toMatchObject({ stoppedBy: 'fatal', fatal: { code: 'auth' } });
  });

  it('the same page from the first trial on stops the run with the reason, whatever numbers are in it', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () =>
      refused('bad_reply', 200, `the reply is no JSON: <html>Blocked, request ${provider.calls}a7f</html>`),
    );
    const run = watchRun(time, jobsOf(provider, refundCases(370)));
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ stoppedBy: 'fatal', failed: 0, skipped: 370 });
    expect(report.fatal?.message).toMatch(/8 trials in a row failed in the same way.*Blocked/);
    expect(provider.calls).toBeLessThanOrEqual(12);
  });

  it('errors of the own application stop the run, unless they are results', async () => {
    const broken: Act = {
      do: 'fail',
      cause: 'app_error',
      code: 'exit_code',
      message: 'exit code 1',
      afterMs: 5,
    };
    for (const [measuresAppErrors, failed] of [
      [false, 0],
      [true, 120],
    ] as const) {
      const time = new TestTime();
      const provider = new ScriptedProvider(time, () => broken);
      const run = watchRun(time, jobsOf(provider, refundCases(120)), { measuresAppErrors });
      expect(await time.until(run.finished)).toMatchObject({ failed });
    }
  });

  it('what stops to work after the first answers is noticed later', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () =>
      provider.calls > 20 ? refused('not_found', 404, '404 no such deployment') : FINE,
    );
    const run = watchRun(time, jobsOf(provider, refundCases(300)));
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ stoppedBy: 'fatal', answered: 20 });
    expect(provider.calls).toBeLessThan(90);
  });

  it('a few different failures, or a suite that ends before, are plain failures', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, ({ caseId }) =>
      refused(
        'bad_request',
        400,
        Number(caseId.slice('ticket-'.length)) % 2 === 0 ? 'too long' : 'no tools here',
      ),
    );
    const mixed = watchRun(time, jobsOf(provider, refundCases(40)), { limits: { concurrency: 1 } });
    expect(await time.until(mixed.finished)).toMatchObject({ stoppedBy: null, failed: 40 });
    const same = new ScriptedProvider(time, () => refused('bad_request', 400, 'too long'));
    const short = watchRun(time, jobsOf(same, refundCases(6)));
    expect(await time.until(short.finished)).toMatchObject({ stoppedBy: null, failed: 6, skipped: 0 });
  });

  it('several releases that fail together do not block the run', async () => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, ({ caseId }) => refused('bad_request', 400, `no ${caseId}x`));
    const jobs = [1, 2, 3, 4].flatMap((n) =>
      jobsOf(provider, refundCases(7)).map((job) => ({
        ...job,
        arm: `arm-${n}`,
        release: { ...job.release },
      })),
    );
    const run = watchRun(time, jobs, { limits: { concurrency: 1 } });
    const report = await time.until(run.finished);
    expect(run.delivered).toHaveLength(28);
    expect(report.trials).toBe(28);
  });
});
