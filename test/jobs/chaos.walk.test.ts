// Runs under fire: faults of every kind, the process killed or interrupted and resumed until it is done. The long forms are
// `npm run bench:chaos` and `npm run bench:rates`.

import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { startMock } from '../../bench/kit/mock-server.ts';
import { chaosRun } from '../../bench/run/chaos.ts';
import { audit, type Life } from '../../bench/run/chaos-books.ts';
import { badHour, badJudge } from '../../bench/run/rates.ts';

describe('a run that is killed, interrupted and resumed', () => {
  // Two worlds on three wires: one that is killed and whose judge runs out of credit, one that is interrupted.
  it.concurrent.each([30, 49])(
    'ends with what an undisturbed run has, and pays again only for what its process took with it (seed %i)',
    async (seed) => {
      const outcome = await chaosRun(seed, { cases: 10 });
      expect(outcome.problems).toEqual([]);
      expect(outcome.notAllowed).toBe(0);
      expect(outcome.blows.kill + outcome.blows.interrupt).toBeGreaterThan(0);
    },
  );

  it.concurrent('does so too where a thread writes the ledger (seed 53: killed three times)', async () => {
    const outcome = await chaosRun(53);
    expect(outcome.world.cases).toBeGreaterThan(400);
    expect(outcome).toMatchObject({ problems: [], notAllowed: 0, blows: { kill: 3 } });
  });
});

describe('a bad hour', () => {
  it.concurrent('ends every trial as one row, none scored from a call that failed', async () => {
    const hour = await badHour(150, 1);
    expect(hour.problems).toEqual([]);
    const { answered = 0, ...failed } = hour.rows;
    expect(answered + Object.values(failed).reduce((n, m) => n + m, 0)).toBe(150);
    expect(Object.keys(failed).length).toBeGreaterThan(1);
    expect(hour.calls).toBe(150);
  });

  it.concurrent('of the judge, of whose calls 30 % fail, is no regression', async () => {
    const judge = await badJudge(40);
    expect(judge.failedJudgeCalls).toBeGreaterThan(0);
    expect(judge).toMatchObject({ regressed: 0, passToFail: 0 });
    // Above 30 % of the trials (max-invalid) the run says nothing at all.
    expect(['inconclusive', 'invalid']).toContain(judge.verdict);
    expect(judge.ungraded).toBeGreaterThanOrEqual(judge.failedJudgeCalls);
    expect(judge.graded + judge.ungraded).toBe(40);
  });
});

describe('the books of a disturbed run', () => {
  const life = (own: Partial<Life>): Life => ({
    end: 'itself',
    endMs: 100,
    struckMs: 90,
    requestIds: new Set(),
    answered: new Map(),
    calls: new Map(),
    late: new Map(),
    verdicts: new Set(),
    ...own,
  });
  const held = (id: string) => ({
    requestIds: new Set([id]),
    answered: new Map([['case 1', 1]]),
    calls: new Map([['case 1', 1]]),
  });
  const call = (requestId: string, sentMs: number) => ({
    requestId,
    about: 'case 1',
    judge: false,
    verdict: false,
    askedMs: sentMs - 5,
    sentMs,
  });
  const audited = (calls: ReturnType<typeof call>[], lives: Life[]) =>
    audit({ billed: calls, asks: calls.map((c) => ({ ...c, atMs: c.askedMs })) }, lives, {
      trials: 1,
      timeoutMs: 1000,
    });

  it('forgive an answer that a killed process took with it, once', () => {
    const found = audited(
      [call('a', 80), call('b', 150)],
      [life({ end: 'kill' }), life({ endMs: 200, ...held('b') })],
    );
    expect(found).toMatchObject({ lost: 1, notAllowed: [], oldestMs: 10 });
  });

  it('forgive no answer that is asked for again although it was written', () => {
    const lives = [life({ end: 'kill', ...held('a') }), life({ endMs: 200, ...held('a') })];
    expect(audited([call('a', 80), call('b', 150)], lives).notAllowed.join()).toContain('of which 0 lacked');
  });

  it('forgive no answer that a process lost that nobody struck, and no call that is not written down', () => {
    expect(audited([call('a', 80)], [life({})]).notAllowed).toHaveLength(2);
  });

  it('forgive no answer that was lost while a judge was asked about it', () => {
    const books = { billed: [call('a', 80)], asks: [{ about: 'case 1', judge: true, atMs: 85 }] };
    const found = audit(books, [life({ end: 'kill' })], { trials: 1, timeoutMs: 1000 });
    expect(found.notAllowed.join()).toContain('before its answer was in the ledger');
    const kept = audit(books, [life({ end: 'kill', ...held('a') })], { trials: 1, timeoutMs: 1000 });
    expect(kept.notAllowed).toEqual([]);
  });

  it('hold every request of a process that is gone before the next one starts', async () => {
    const mock = await startMock({ latencyMs: 150 });
    const asking = request(`${mock.url}/chat/completions`, { method: 'POST' }).on('error', () => {});
    asking.end(JSON.stringify({ model: 'bot', messages: [{ role: 'user', content: 'about case 1' }] }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    asking.destroy();
    await mock.quiet();
    expect(mock.requests).toBe(1);
    await mock.close();
  });

  it('forgive no call that is gone, whatever became of its trial', () => {
    const before = life({ end: 'leave', calls: new Map([['case 1', 2]]) });
    const after = life({ endMs: 200, ...held('b') });
    expect(audited([call('b', 150)], [before, after]).notAllowed.join()).toContain(
      'not on the books any more',
    );
    const kept = { ...after, calls: new Map([['case 1', 3]]) };
    expect(audited([call('b', 150)], [before, kept]).notAllowed).toEqual([]);
  });

  it('forgive no row that is gone', () => {
    const lives = [life({ end: 'kill', ...held('a') }), life({ endMs: 200, ...held('b') })];
    expect(audited([call('a', 80)], lives).notAllowed.join()).toContain('is not any more');
  });
});
