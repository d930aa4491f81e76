// A server that cannot be reached ends the run early; a service that answers now and then, however badly, does not.

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

it('stops after eight trials in a row without a connection, each after all its attempts', async () => {
  const time = new TestTime();
  const provider = new ScriptedProvider(time, () => UNREACHED);
  const run = watchRun(time, jobsOf(provider, refundCases(200)), {
    limits: { concurrency: 1, maxAttempts: 3 },
  });
  const report = await time.until(run.finished);
  expect(report).toMatchObject({
    stoppedBy: 'fatal',
    fatal: { code: 'unreachable' },
    failed: 8,
    skipped: 192,
  });
  expect(report.fatal?.message).toContain('8 trials in a row got no connection');
  expect(run.delivered).toHaveLength(200);
});

it('goes on while any call is answered in between', async () => {
  const time = new TestTime();
  const provider = new ScriptedProvider(time, ({ caseId }) =>
    Number(caseId.slice('ticket-'.length)) % 4 === 0 ? { do: 'answer' } : UNREACHED,
  );
  const run = watchRun(time, jobsOf(provider, refundCases(40)), {
    limits: { concurrency: 1, maxAttempts: 2 },
  });
  expect(await time.until(run.finished)).toMatchObject({ stoppedBy: null, answered: 10, failed: 30 });
});
