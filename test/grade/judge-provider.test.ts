// The judge's provider failing in every way there is: no failure becomes a score, none is hidden.

import { describe, expect, it } from 'vitest';
import { trialOutcome } from '../../src/core/grade.ts';
import type { Provider } from '../../src/core/provider.ts';
import type { JudgeCallInfo } from '../../src/grade/index.ts';
import {
  answer,
  ask,
  failing,
  grader,
  judged,
  judgeRelease,
  judgeSays,
  NEVER,
  outcome,
  readPrompt,
  rubric,
  scripted,
  ticket,
  verdicts,
  withGrader,
} from './support-desk.ts';

const EMPATHY = ask('empathy', "Does the reply acknowledge the customer's frustration?");

describe("the judge's provider failing", () => {
  it('is asked again while the failure may pass, waiting as long as it is told, at most half a minute', async () => {
    const waits: number[] = [];
    const provider = scripted((_r, call) =>
      call === 0
        ? failing({ code: 'rate_limited', httpStatus: 429, retryAfterMs: 1234 })
        : call === 1
          ? failing({ httpStatus: 503, retryAfterMs: 90_000 })
          : call === 2
            ? failing({ httpStatus: 500, retryAfterMs: 0 })
            : judgeSays(verdicts({ empathy: 'yes' })),
    );
    const seen: JudgeCallInfo[] = [];
    const { grade, usd } = await judged([EMPATHY], provider, {
      ctx: { sleep: async (ms) => void waits.push(ms), onJudgeCall: (info) => void seen.push(info) },
    });
    expect(outcome(grade)).toBe('pass');
    expect(waits.slice(0, 2)).toEqual([1234, 30_000]);
    expect(waits[2]).toBeGreaterThanOrEqual(1000);
    expect(waits[2]).toBeLessThanOrEqual(2000);
    expect(seen.map((s) => s.outcome)).toEqual(['rate_limited', 'server_error', 'server_error', 'answered']);
    expect(usd).toBe(0.002);
  });

  it('ends as judge_error when attempts run out or the failure will not pass', async () => {
    const always = scripted(() => failing());
    expect((await judged([EMPATHY], always)).grade).toMatchObject({
      status: 'ungraded',
      cause: 'judge_error',
    });
    expect(always.asked.length).toBe(4);
    const badRequest = scripted(() => failing({ code: 'bad_request', retryable: false }));
    expect(outcome((await judged([EMPATHY], badRequest)).grade)).toBe('judge_error');
    expect(badRequest.asked.length).toBe(1);
  });

  it('is not called any more once it said that no call can succeed', async () => {
    const provider = scripted(() =>
      failing({ code: 'quota', message: 'the quota is used up', retryable: false, fatal: true }),
    );
    await withGrader({ judge: { release: judgeRelease(), provider } }, async (trialGrader) => {
      for (const text of ['one', 'two', 'three']) {
        const graded = await trialGrader.gradeTrial(ticket([rubric([EMPATHY])]), answer(text), NEVER);
        expect(graded.grades[0]?.reason).toContain('the quota is used up');
      }
    });
    expect(provider.asked.length).toBe(1);
  });

  it('is cut off at its deadline even when it ignores the signal, and its cost is then unknown', async () => {
    const provider = scripted((_r, call) =>
      call === 0 ? new Promise<never>(() => {}) : judgeSays(verdicts({ empathy: 'yes' })),
    );
    const { grade, usd } = await judged([EMPATHY], provider, { ctx: { judgeOptions: { timeoutMs: 30 } } });
    expect(outcome(grade)).toBe('pass');
    expect(usd).toBeNull();
  });

  it('may throw, or be cancelled, and the answer is still kept', async () => {
    const throwing: Provider = { name: 'broken', call: () => Promise.reject(new Error('socket gone')) };
    expect((await judged([EMPATHY], throwing)).grade.reason).toContain('socket gone');
    const stop = new AbortController();
    const hanging = scripted(() => new Promise<never>(() => {}));
    await withGrader({ judge: { release: judgeRelease(), provider: hanging } }, async (trialGrader) => {
      const grading = trialGrader.gradeTrial(ticket([rubric([EMPATHY])]), answer('x'), stop.signal);
      stop.abort();
      expect((await grading).grades[0]).toMatchObject({ status: 'ungraded', cause: 'judge_error' });
    });
  });

  it('leaves a third of the trials ungraded and scores none of them when a third of its calls fail', async () => {
    // By text, not by call: a retry of the same text fails again.
    const provider = scripted((request) => {
      const n = Number(/\d+/.exec(readPrompt(request).candidate)?.[0]);
      if (n % 9 === 0) return failing();
      if (n % 9 === 3) return judgeSays('<html>502</html>');
      if (n % 9 === 6) return judgeSays('{"criteria": [', { stopReason: 'length' });
      return judgeSays(verdicts({ empathy: 'yes' }));
    });
    await withGrader({ judge: { release: judgeRelease(), provider } }, async (trialGrader) => {
      const c = ticket([rubric([EMPATHY]), grader('max-length', { value: 100 })]);
      const outcomes = await Promise.all(
        Array.from({ length: 90 }, async (_, n) => {
          const graded = await trialGrader.gradeTrial(c, answer(`Sorry, ticket ${n}.`), NEVER);
          return trialOutcome(graded.grades);
        }),
      );
      expect(outcomes.filter((o) => o.kind === 'ungraded').length).toBe(30);
      expect(outcomes.filter((o) => o.kind === 'graded' && !o.pass)).toEqual([]);
    });
  });

  it('records the parameters it refused', async () => {
    const provider = scripted(() =>
      judgeSays(verdicts({ empathy: 'yes' }), { droppedParams: ['temperature'] }),
    );
    const { grade } = await judged([EMPATHY], provider);
    expect(grade.details).toMatchObject({ droppedParams: ['temperature'] });
  });

  it('asks no more calls at a time than allowed', async () => {
    let [now, most] = [0, 0];
    const provider = scripted(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      return judgeSays(verdicts({ empathy: 'yes' }));
    });
    const ctx = { judge: { release: judgeRelease(), provider }, judgeOptions: { concurrency: 2 } };
    await withGrader(ctx, async (trialGrader) => {
      const c = ticket([rubric([EMPATHY])]);
      await Promise.all(
        Array.from({ length: 12 }, (_, i) => trialGrader.gradeTrial(c, answer(`text ${i}`), NEVER)),
      );
    });
    expect(most).toBe(2);
  });
});

describe('a judge that fails every question alike', () => {
  const grade = async (provider: Provider, answers: number, more: object = {}) => {
    const stopped: string[] = [];
    const ctx = { onFatal: (failure: { message: string }) => void stopped.push(failure.message), ...more };
    await withGrader({ judge: { release: judgeRelease(), provider }, ...ctx }, async (trialGrader) => {
      for (let n = 0; n < answers; n++)
        await trialGrader.gradeTrial(ticket([rubric([EMPATHY])]), answer(`Sorry, ticket ${n}.`), NEVER);
    });
    return stopped;
  };

  it('with replies that nobody can read is not asked for every trial, and stops the run with the reason', async () => {
    const provider = scripted((_, call) => judgeSays(`I would say yes, ${call}.`));
    const stopped = await grade(provider, 370);
    expect(stopped).toEqual([expect.stringMatching(/^8 questions in a row .*replies cannot be read/)]);
    // Each question is asked twice.
    expect(provider.asked).toHaveLength(16);
  });

  it('with replies that are always cut off, or the same refusal', async () => {
    const cut = scripted(() => judgeSays('{"criteria": [', { stopReason: 'length' }));
    expect(await grade(cut, 40)).toEqual([expect.stringContaining('cut off by the limit of output tokens')]);
    const gone = scripted(() =>
      failing({ code: 'not_found', httpStatus: 404, message: '404', retryable: false }),
    );
    expect(await grade(gone, 40)).toHaveLength(1);
    expect(gone.asked).toHaveLength(8);
    const key = scripted(() => failing({ code: 'auth', httpStatus: 401, message: '401', retryable: false }));
    expect(await grade(key, 40)).toEqual(['401']);
    expect(key.asked).toHaveLength(3);
  });

  it('is told from one that fails now and then', async () => {
    const provider = scripted((request) =>
      Number(/\d+/.exec(readPrompt(request).candidate)?.[0]) % 5 === 0
        ? judgeSays(verdicts({ empathy: 'yes' }))
        : judgeSays('no verdict'),
    );
    expect(await grade(provider, 100)).toEqual([]);
  });

  it('for its service is down is asked again without counting, until that takes too long', async () => {
    const verdict = { now: 'down' as 'down' | 'over' };
    const pace = () => ({
      run: <T extends { readonly kind: string }>(attempt: (started: () => void) => Promise<T>) =>
        attempt(() => {}),
      verdictOn: (reply: object) => ((reply as { kind: string }).kind === 'failed' ? verdict.now : 'fine'),
    });
    const down = failing({ code: 'connection', message: 'gone' });
    const back = scripted((_, call) => (call < 30 ? down : judgeSays(verdicts({ empathy: 'yes' }))));
    expect(await grade(back, 1, { pace })).toEqual([]);
    expect(back.asked).toHaveLength(31);
    verdict.now = 'over';
    const away = scripted(() => down);
    expect(await grade(away, 5, { pace })).toEqual(['gone']);
    expect(away.asked).toHaveLength(1);
  });
});
