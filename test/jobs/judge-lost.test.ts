// A run whose judge cannot be asked any more, hangs, or is cut off: nothing is paid in vain, and resuming grades what was paid for.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resumeRun, runSuite } from '../../src/engine/arms/run-suite.ts';
import { type Desk, failing, refundDesk, ruled, SUITE, whole } from './refund-desk.ts';

const SORRY = (candidate: string): string => (candidate.includes('sorry') ? 'yes' : 'no');

async function runOf(desk: Desk, settings = {}) {
  return runSuite(desk.work, await desk.assignment(), settings);
}

/** The judge is out of credit after so many rulings. */
function outOfCredit(desk: Desk, after: number): void {
  let left = after;
  desk.judges['strict'] = whole((request, call) =>
    left-- > 0
      ? ruled(request, SORRY, call)
      : failing({ code: 'quota', httpStatus: 429, retryable: false, fatal: true, message: 'no credit' }),
  );
}

describe('a judge that is out of credit', () => {
  it('stops the run at once; resuming grades what was paid for and asks nothing twice', async () => {
    const desk = await refundDesk(80);
    outOfCredit(desk, 10);
    const { report, summary } = await runOf(desk, { concurrency: 4 });
    expect(report).toMatchObject({ stoppedBy: 'fatal', fatal: { code: 'quota' } });
    expect(report.fatal?.message).toContain('judge or embedder "strict"');
    expect(summary).toMatchObject({ state: 'interrupted', validity: 'invalid' });
    // 160 trials were planned.
    expect(desk.calls['bot']).toBeLessThan(60);
    expect(summary.ungraded).toBeGreaterThan(0);
    const asked = desk.calls['bot'] ?? 0;

    // Still without credit: no subject is called, and the snapshot stays as it is.
    const again = await resumeRun(desk.work, summary.id);
    expect(again.report).toMatchObject({ stoppedBy: 'fatal', calls: 0 });
    expect(again.summary).toMatchObject({ state: 'interrupted', ungraded: summary.ungraded });
    expect(desk.calls['bot']).toBe(asked);

    const spent = desk.calls['strict'] ?? 0;
    desk.judges['strict'] = SORRY;
    const whole = await resumeRun(desk.work, summary.id);
    expect(whole.summary).toMatchObject({
      state: 'finished',
      validity: 'valid',
      trials: 160,
      answered: 160,
      ungraded: 0,
      passRate: 1,
    });
    expect(desk.calls['bot']).toBe(160);
    // Ten rulings before, one for each of the other outputs after.
    expect((desk.calls['strict'] ?? 0) - spent).toBe(70);
  });
});

describe('a judge that hangs', () => {
  const hangs = whole(() => new Promise(() => {}) as never);

  it("does not outlast the run's deadline; what it was asked about is ungraded", async () => {
    const desk = await refundDesk(3);
    desk.judges['strict'] = hangs;
    const startMs = performance.now();
    const { report, summary } = await runOf(desk, { deadlineMs: 300 });
    expect(performance.now() - startMs).toBeLessThan(60_000);
    expect(report.stoppedBy).toBe('deadline');
    expect(summary).toMatchObject({ state: 'interrupted', answered: 6, ungraded: 6, passRate: null });
  });

  it('is given up after --timeout and --max-attempts, like the subject', async () => {
    const desk = await refundDesk(1);
    desk.judges['strict'] = hangs;
    const { summary } = await runOf(desk, { attemptTimeoutMs: 50, maxAttempts: 1, trials: 1 });
    expect(summary).toMatchObject({ answered: 1, ungraded: 1 });
    expect(desk.calls['strict']).toBe(1);
  });
});

describe('user code that never ends', () => {
  it("does not outlast the run's deadline", async () => {
    const desk = await refundDesk(2);
    await desk.write('spin.mjs', 'export default () => { for (;;); };\n');
    await desk.write(
      'suite.yaml',
      SUITE(2, '', `javascript: { file: ${join(desk.dir, 'spin.mjs')}, timeout-ms: 60000 }`),
    );
    const startMs = performance.now();
    const { report, summary } = await runOf(desk, { deadlineMs: 700 });
    expect(performance.now() - startMs).toBeLessThan(30_000);
    expect(report.stoppedBy).toBe('deadline');
    expect(summary).toMatchObject({ answered: 4, ungraded: 4 });
  });
});
