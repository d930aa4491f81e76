// The judge at work: what it is asked, how a rubric becomes one grade, votes and the verdict cache.

import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import type { Grade } from '../../src/core/grade.ts';
import type { Criterion } from '../../src/core/grader-spec.ts';
import type { Provider } from '../../src/core/provider.ts';
import {
  answer,
  ask,
  check,
  grader,
  judged,
  judgeRelease,
  judgeSays,
  memoryCache,
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

describe('the question', () => {
  it('shows duty, conversation, reference, criteria and candidate, each foreign text in a nonce block', async () => {
    const provider = scripted(() => judgeSays(verdicts({ empathy: 'yes' })));
    await judged([EMPATHY], provider, {
      c: { expected: 'an apology', messages: [{ role: 'user', content: 'Where is my parcel?' }] },
      trial: answer('So sorry!', {
        output: { text: 'So sorry!', toolCalls: [{ name: 'refund', args: { order: 'A-1' } }] },
      }),
      layers: { prompt: { system: 'You work for a parcel service.' }, params: { temperature: 0 } },
    });
    const request = provider.asked[0]!;
    expect(request.messages.map((m) => m.role)).toEqual(['system', 'user']);
    expect(request.messages[0]?.content).toMatch(/^You work for a parcel service\.\n\nYou are an examiner\./);
    const user = request.messages[1]?.content ?? '';
    const { candidate, criteria, nonce } = readPrompt(request);
    expect(candidate).toBe('So sorry!');
    expect(criteria).toEqual([{ id: 'empathy', ask: EMPATHY.kind === 'ask' ? EMPATHY.ask : '' }]);
    for (const [label, text] of [
      ['conversation ', '[user]\nWhere is my parcel?'],
      ['reference ', 'an apology'],
      ['toolcalls ', '[{"name":"refund","args":{"order":"A-1"}}]'],
    ]) {
      expect(user).toContain(`BEGIN ${label}${nonce}\n${text}\nEND ${label}${nonce}`);
    }
    expect(request.params).toEqual({ temperature: 0, 'max-output-tokens': 4096 });
    expect(request.outputSchema?.name).toBe('rubric_verdicts');
    expect(JSON.stringify(request.outputSchema?.schema)).toMatch(/"id".*"reason".*"verdict"/);
  });

  it('shows the variables where the release makes the messages, and no reference where there is none', async () => {
    const provider = scripted(() => judgeSays(verdicts({ empathy: 'yes' })));
    await judged([EMPATHY], provider);
    const user = provider.asked[0]?.messages[1]?.content ?? '';
    expect(user).toContain('My parcel never came');
    expect(user).not.toContain('reference');
  });

  it('asks all criteria of a rubric in one call, and checks none of the others there', async () => {
    const provider = scripted(() => judgeSays(verdicts({ empathy: 'yes', honest: 'yes' })));
    const { grade } = await judged(
      [EMPATHY, check('short', grader('max-length', { value: 50 })), ask('honest', 'Is it honest?')],
      provider,
    );
    expect(provider.asked.length).toBe(1);
    expect(readPrompt(provider.asked[0]!).criteria.map((c) => c.id)).toEqual(['empathy', 'honest']);
    expect(grade).toMatchObject({ status: 'scored', pass: true, score: 1, reason: '3 of 3 criteria met' });
  });
});

describe('the rubric', () => {
  const says = (rulings: Record<string, string>): Provider => scripted(() => judgeSays(verdicts(rulings)));
  const A = ask('a', 'A?', { weight: 3 });
  const B = ask('b', 'B?');
  const MUST = ask('must', 'Must?', { must: true });

  it.each<[string, Criterion[], Record<string, string>, number, string, number]>([
    ['all met', [A, B], { a: 'yes', b: 'yes' }, 1, 'pass', 1],
    ['one not met', [A, B], { a: 'yes', b: 'no' }, 1, 'fail', 0.75],
    ['one not met, above the threshold', [A, B], { a: 'yes', b: 'no' }, 0.75, 'pass', 0.75],
    ['below the threshold', [A, B], { a: 'no', b: 'yes' }, 0.75, 'fail', 0.25],
    ['not applicable counts on neither side', [A, B], { a: 'not-applicable', b: 'yes' }, 1, 'pass', 1],
    ['not applicable leaves the rest', [A, B], { a: 'not-applicable', b: 'no' }, 0.5, 'fail', 0],
    ['a must vetoes', [A, B, MUST], { a: 'yes', b: 'yes', must: 'no' }, 0.5, 'fail', 0.8],
    [
      'a must that does not apply does not veto',
      [A, MUST],
      { a: 'yes', must: 'not-applicable' },
      1,
      'pass',
      1,
    ],
  ])('%s', async (_name, criteria, rulings, threshold, wanted, score) => {
    const { grade } = await judged(criteria, says(rulings), { threshold });
    expect(outcome(grade)).toBe(wanted);
    expect(grade.status === 'scored' && grade.score).toBeCloseTo(score, 12);
  });

  it('names the criterion that failed and keeps every verdict with its reason', async () => {
    const { grade } = await judged(
      [A, B],
      scripted(() => judgeSays(verdicts({ a: 'no', b: 'yes' }, 'No apology.'))),
    );
    expect(grade.reason).toBe('1 of 2 criteria met; not met: a (No apology.)');
    expect(grade.details).toMatchObject({
      criteria: [
        { id: 'a', kind: 'ask', verdict: 'no', reason: 'No apology.', weight: 3 },
        { id: 'b', verdict: 'yes' },
      ],
      judge: judgeRelease().fingerprint.slice(0, 12),
      judgeModels: ['examiner-1-0601'],
      cached: false,
    });
  });

  it('needs no judge when every criterion is a check, and respects not- in checks', async () => {
    const short = check('short', grader('max-length', { value: 5 }));
    const calm = check('calm', grader('not-contains', { value: '!' }));
    const { grade, usd } = await judged([short, calm], null, { threshold: 0.5 });
    expect(grade).toMatchObject({ pass: true, score: 0.5 });
    expect(usd).toBe(0);
  });

  it('is ungraded when nothing applied, when a check failed to measure and when there is no judge', async () => {
    const nothing = await judged([A], says({ a: 'not-applicable' }));
    expect(outcome(nothing.grade)).toBe('judge_error');
    const broken = check('broken', grader('matches', { pattern: '(' }));
    expect(outcome((await judged([broken, A], says({ a: 'no' }))).grade)).toBe('grader_error');
    expect(outcome((await judged([A], null)).grade)).toBe('judge_error');
  });
});

describe('votes', () => {
  const voting = (votes: string[]): Promise<{ grade: Grade; usd: number | null }> =>
    judged(
      [EMPATHY],
      scripted((_r, call) => judgeSays(votes[call] === '' ? '' : verdicts({ empathy: votes[call] ?? '' }))),
      {
        ctx: { judgeOptions: { votes: 3, concurrency: 1 } },
      },
    );

  it('takes the majority, keeps every vote and flags a rubric whose votes fall on both sides', async () => {
    const { grade, usd } = await voting(['yes', 'no', 'yes']);
    expect(outcome(grade)).toBe('pass');
    expect(grade.reason).toContain('borderline');
    expect(usd).toBeCloseTo(0.006, 10);
    expect(grade.details).toMatchObject({
      borderline: true,
      criteria: [{ verdict: 'yes', agreement: 2 / 3 }],
    });
    const details = grade.details as { votes: { criteria: { verdict: string }[] }[] };
    expect(details.votes.map((v) => v.criteria[0]?.verdict)).toEqual(['yes', 'no', 'yes']);
  });

  it('is not borderline when all agree', async () => {
    const { grade } = await voting(['no', 'no', 'no']);
    expect(outcome(grade)).toBe('fail');
    expect(grade.details).not.toHaveProperty('borderline');
  });

  it('cannot tell without a majority of all votes', async () => {
    expect((await voting(['yes', 'no', 'not-applicable'])).grade).toMatchObject({
      status: 'ungraded',
      cause: 'judge_error',
      reason: 'no majority among 3 votes on "empathy"',
    });
  });

  it('can, when one vote failed and the others agree', async () => {
    const kept = memoryCache();
    const two = scripted(() => judgeSays(verdicts({ empathy: 'no' })));
    await judged([EMPATHY], two, { ctx: { verdicts: kept, judgeOptions: { votes: 2 } } });
    // The third vote is the only one that is still to be asked for.
    const mumbles = scripted(() => judgeSays('mumble'));
    const ctx = { verdicts: kept, judgeOptions: { votes: 3 } };
    const { grade } = await judged([EMPATHY], mumbles, { ctx });
    expect(mumbles.asked.length).toBe(2);
    expect(outcome(grade)).toBe('fail');
    expect(grade.details).toMatchObject({ votes: [{}, {}, { ungraded: 'judge_error' }], raw: ['mumble'] });
  });
});

describe('the cache', () => {
  it('pays once for an unchanged answer, says so, and asks anew when judge, rubric, case or answer change', async () => {
    const verdictsKept = memoryCache();
    const provider = scripted(() => judgeSays(verdicts({ empathy: 'yes' })));
    const once = (more: Parameters<typeof judged>[2] = {}, criterion = EMPATHY): ReturnType<typeof judged> =>
      judged([criterion], provider, { ...more, ctx: { verdicts: verdictsKept } });
    const first = await once();
    expect(first.grade.details).toMatchObject({ cached: false });
    const second = await once({ trial: answer('Sorry. Refunded.', { trial: 1, latencyMs: 999 }) });
    expect(second.grade.details).toMatchObject({ cached: true, judgeModels: ['examiner-1-0601'] });
    expect({ ...second.grade, details: null }).toEqual({ ...first.grade, details: null });
    expect([first.usd, second.usd]).toEqual([0.002, 0]);
    expect(provider.asked.length).toBe(1);

    await once({ trial: answer('Sorry! Refunded.') });
    await once({ c: { expected: 'an apology' } });
    await once({ c: { vars: { ticket: 'another' } } });
    await once({ layers: { params: { temperature: 1 } } });
    await once({}, ask('empathy', 'Is it warm?'));
    expect(provider.asked.length).toBe(6);
  });

  it('keeps each vote apart', async () => {
    const verdictsKept = memoryCache();
    const provider = scripted((_r, call) => judgeSays(verdicts({ empathy: call === 1 ? 'no' : 'yes' })));
    const ctx = { verdicts: verdictsKept, judgeOptions: { votes: 3, concurrency: 1 } };
    const first = await judged([EMPATHY], provider, { ctx });
    const again = await judged([EMPATHY], provider, { ctx });
    expect(provider.asked.length).toBe(3);
    expect(verdictsKept.kept.size).toBe(3);
    expect(again.grade.reason).toBe(first.grade.reason);
  });

  it('asks once when equal answers are graded at the same time', async () => {
    const provider = scripted(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return judgeSays(verdicts({ empathy: 'yes' }));
    });
    await withGrader({ judge: { release: judgeRelease(), provider } }, async (trialGrader) => {
      const c = ticket([rubric([EMPATHY])]);
      const all = await Promise.all(
        [0, 1, 2, 3].map((trial) => trialGrader.gradeTrial(c, answer('Sorry.', { trial }), NEVER)),
      );
      expect(all.map((g) => outcome(g.grades[0] as Grade))).toEqual(['pass', 'pass', 'pass', 'pass']);
      expect(
        all.filter((g) => (g.grades[0] as Grade & { details: JsonObject }).details['cached'] === false)
          .length,
      ).toBe(1);
    });
    expect(provider.asked.length).toBe(1);
  });

  it('never keeps an error, and does not believe a kept verdict of another shape', async () => {
    const verdictsKept = memoryCache();
    await judged(
      [EMPATHY],
      scripted(() => judgeSays('mumble')),
      { ctx: { verdicts: verdictsKept } },
    );
    expect(verdictsKept.kept.size).toBe(0);
    await judged(
      [EMPATHY],
      scripted(() => judgeSays(verdicts({ empathy: 'no' }))),
      { ctx: { verdicts: verdictsKept } },
    );
    const key = [...verdictsKept.kept.keys()][0] ?? '';
    for (const stale of [
      null,
      { criteria: [] },
      { criteria: [{ id: 'other', reason: '', verdict: 'yes' }] },
      { criteria: [{ id: 'empathy', reason: '', verdict: 'maybe' }] },
    ]) {
      verdictsKept.kept.set(key, stale as JsonValue);
      const provider = scripted(() => judgeSays(verdicts({ empathy: 'no' })));
      expect(outcome((await judged([EMPATHY], provider, { ctx: { verdicts: verdictsKept } })).grade)).toBe(
        'fail',
      );
      expect(provider.asked.length).toBe(1);
    }
  });
});
