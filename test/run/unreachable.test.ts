// A server that cannot be reached ends even a run of few trials; a service that answers now and then, however badly, does not.

import { expect, it } from 'vitest';
import { jobsOf, refundCases, watchRun } from './refund-bot.ts';
import { type Act, ScriptedProvider } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const UNREACHED: Act = {
  do: 'fail',
  cause: 'infra_error',
  code: 'connection',
  message: 'ECONNREFUSED',
  retryable: true,
};

it.each([1, 4])(
  '%i trials that never get a connection end like many: fatal, not merely unmeasured',
  async (n) => {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, () => UNREACHED);
    const run = watchRun(time, jobsOf(provider, refundCases(n)), {
      limits: { concurrency: 2, maxAttempts: 2 },
    });
    const report = await time.until(run.finished);
    expect(report).toMatchObject({ stoppedBy: 'fatal', fatal: { code: 'unreachable' }, answered: 0 });
    expect(run.delivered).toHaveLength(n);
  },
);

it('one answer among them, or another failure, and the run has come to its end', async () => {
  for (const other of [{ do: 'answer' }, { ...UNREACHED, code: 'server_error' }] as const) {
    const time = new TestTime();
    const provider = new ScriptedProvider(time, ({ caseId }) => (caseId === 'ticket-2' ? other : UNREACHED));
    const run = watchRun(time, jobsOf(provider, refundCases(4)), {
      limits: { concurrency: 1, maxAttempts: 1 },
    });
    expect(await time.until(run.finished)).toMatchObject({ stoppedBy: null, fatal: null });
  }
});
