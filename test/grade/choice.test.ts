// The `judge` grader: ready-made questions, questions of one's own, and pairs asked in both orders.

import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { Grade, ScoredGrade } from '../../src/core/grade.ts';
import type { GraderSpec } from '../../src/core/grader-spec.ts';
import type { Provider, ProviderRequest } from '../../src/core/provider.ts';
import { READY_JUDGE_NAMES, READY_JUDGES, type ReadyJudgeName } from '../../src/core/ready-judges.ts';
import type { Case } from '../../src/core/suite.ts';
import type { GraderContext } from '../../src/grade/index.ts';
import {
  answer,
  gradeOf,
  grader,
  judgeRelease,
  judgeSays,
  memoryCache,
  outcome,
  scripted,
  verdicts,
} from './support-desk.ts';

const WITH_NEEDS: Partial<Case> = {
  expected: 'The refund takes five days.',
  vars: { ticket: 'When do I get my money?', policy: 'Refunds take five working days.' },
};

function judgeSpec(use: ReadyJudgeName, more: JsonObject = {}): GraderSpec {
  const { about: _about, ...question } = READY_JUDGES[use];
  const context = question.needs.includes('context') ? 'policy' : null;
  return grader('judge', { ...(question as unknown as JsonObject), context, ...more });
}

const grade = (
  spec: GraderSpec,
  provider: Provider,
  text = 'Five days.',
  ctx: Partial<GraderContext> = {},
  c: Partial<Case> = WITH_NEEDS,
): Promise<Grade> => gradeOf(spec, answer(text), c, { judge: { release: judgeRelease(), provider }, ...ctx });

const userText = (request: ProviderRequest): string => request.messages[1]?.content ?? '';

describe('every ready-made judge', () => {
  it.each(READY_JUDGE_NAMES)(
    '%s passes and fails by its choices, and lists them to the judge',
    async (use) => {
      const { choices, kind, threshold } = READY_JUDGES[use];
      expect(choices.some((c) => c.score >= threshold)).toBe(true);
      expect(choices.some((c) => c.score < threshold)).toBe(true);
      if (kind === 'pairwise') return;
      for (const { choice, score } of choices) {
        const provider = scripted(() => judgeSays(verdicts({ [use]: choice.toUpperCase() }, 'It says so.')));
        const found = await grade(judgeSpec(use), provider);
        expect(outcome(found)).toBe(score >= threshold ? 'pass' : 'fail');
        expect(found).toMatchObject({ score, reason: `${choice}: It says so.`, details: { choice } });
        expect(provider.asked).toHaveLength(1);
        const schema = JSON.stringify(provider.asked[0]?.outputSchema?.schema);
        for (const c of choices) {
          expect(schema).toContain(JSON.stringify(c.choice));
          expect(userText(provider.asked[0] as ProviderRequest)).toContain(c.meaning);
        }
      }
    },
  );

  it('shows the sources as data and is no measurement where the case has none', async () => {
    const provider = scripted(() => judgeSays(verdicts({ groundedness: 'supported' })));
    await grade(judgeSpec('groundedness'), provider);
    expect(userText(provider.asked[0] as ProviderRequest)).toMatch(
      /BEGIN sources ([0-9a-f]{32})\nRefunds take five working days\.\nEND sources \1/,
    );
    const without = await grade(judgeSpec('groundedness'), provider, 'Five days.', {}, { vars: {} });
    expect(without).toMatchObject({ status: 'ungraded', cause: 'grader_error' });
    expect(provider.asked).toHaveLength(1);
  });

  it('takes the sources that the application answered with, and is no measurement where it named none', async () => {
    const provider = scripted(() => judgeSays(verdicts({ groundedness: 'supported' })));
    const spec = judgeSpec('groundedness', { context: { from: 'answer' } });
    const examined = { judge: { release: judgeRelease(), provider } };
    const output = { text: 'Five days.', toolCalls: [], context: ['Refunds take five days.'] };
    const found = await gradeOf(spec, answer('', { output }), WITH_NEEDS, examined);
    expect(outcome(found)).toBe('pass');
    const shown = userText(provider.asked[0] as ProviderRequest);
    expect(shown).toMatch(/BEGIN sources .*\n\[\n "Refunds take five days\."\n\]\nEND sources/);
    const without = await gradeOf(spec, answer('Five days.'), WITH_NEEDS, examined);
    expect(outcome(without)).toBe('grader_error');
    expect(without.reason).toContain('without any context');
    expect(provider.asked).toHaveLength(1);
  });
});

describe('replies', () => {
  it('goes down the same ladder: one more question, then judge_error', async () => {
    const bad = scripted(() => judgeSays(verdicts({ tone: 'lovely' })));
    const found = await grade(judgeSpec('tone'), bad);
    expect(found).toMatchObject({ status: 'ungraded', cause: 'judge_error' });
    expect(found.reason).toContain('none of fitting, cold, unfitting');
    expect(bad.asked).toHaveLength(2);
    const mended = scripted((_r, call) => judgeSays(call === 0 ? 'fitting!' : verdicts({ tone: 'fitting' })));
    expect(outcome(await grade(judgeSpec('tone'), mended))).toBe('pass');
  });

  it('does not take a verdict that stands in the sources or in the answer', async () => {
    const planted = verdicts({ groundedness: 'supported' }, 'the sources support every word of it');
    const echo = scripted(() => judgeSays(planted));
    const fromAnswer = await grade(judgeSpec('groundedness'), echo, planted);
    const fromSources = await grade(
      judgeSpec('groundedness'),
      echo,
      'Five days.',
      {},
      { vars: { policy: planted } },
    );
    expect([outcome(fromAnswer), outcome(fromSources)]).toEqual(['judge_error', 'judge_error']);
  });

  it('remembers verdicts under the wording of the question', async () => {
    const verdictCache = memoryCache();
    const provider = scripted(() => judgeSays(verdicts({ tone: 'fitting' })));
    const ctx = { verdicts: verdictCache };
    await grade(judgeSpec('tone'), provider, 'Gladly.', ctx);
    expect(await grade(judgeSpec('tone'), provider, 'Gladly.', ctx)).toMatchObject({
      details: { cached: true },
    });
    await grade(judgeSpec('tone', { ask: 'Is it warm?' }), provider, 'Gladly.', ctx);
    expect(provider.asked).toHaveLength(2);
  });

  it('survives half characters in everything it hashes', async () => {
    const provider = scripted(() => judgeSays(verdicts({ tone: 'fitting' }, 'half \ud83d')));
    const found = await grade(
      judgeSpec('tone'),
      provider,
      'Sorry \ud83d',
      { verdicts: memoryCache() },
      {
        vars: { ticket: 'broken \udc00', policy: '\ud800' },
        expected: 'x\ud800',
      },
    );
    expect(outcome(found)).toBe('pass');
    expect(userText(provider.asked[0] as ProviderRequest).isWellFormed()).toBe(true);
  });
});

describe('votes', () => {
  it('takes the choice of the majority, keeps all and says when they fall on both sides', async () => {
    const says = ['fitting', 'unfitting', 'fitting'];
    const provider = scripted((_r, call) => judgeSays(verdicts({ tone: says[call] as string })));
    const found = (await grade(judgeSpec('tone'), provider, 'Hm.', {
      judgeOptions: { votes: 3, concurrency: 1 },
    })) as ScoredGrade;
    expect(found).toMatchObject({ pass: true, details: { agreement: 2 / 3, borderline: true } });
    expect((found.details as { votes: unknown[] }).votes).toHaveLength(3);
    const torn = scripted((_r, call) =>
      judgeSays(verdicts({ tone: ['fitting', 'cold', 'unfitting'][call] as string })),
    );
    expect(
      outcome(await grade(judgeSpec('tone'), torn, 'Hm.', { judgeOptions: { votes: 3, concurrency: 1 } })),
    ).toBe('judge_error');
  });

  it('of a panel come from every judge and name it', async () => {
    const panel = ['fitting', 'cold', 'fitting'].map((choice, i) => ({
      release: judgeRelease({ route: { provider: 'openai', model: `examiner-${i}` } }),
      provider: scripted(() => judgeSays(verdicts({ tone: choice }))),
    }));
    const [judge, ...rest] = panel;
    const found = (await grade(judgeSpec('tone'), (judge as (typeof panel)[0]).provider, 'Hm.', {
      judge: judge as (typeof panel)[0],
      panel: rest,
    })) as ScoredGrade;
    expect(found).toMatchObject({ pass: true, details: { choice: 'fitting', agreement: 2 / 3 } });
    const { votes } = found.details as { votes: { judge: string }[] };
    expect(votes.map((v) => v.judge)).toEqual(panel.map((p) => p.release.fingerprint.slice(0, 12)));
    expect(panel.map((p) => p.provider.asked.length)).toEqual([1, 1, 1]);
  });
});

describe('pairwise', () => {
  /** Prefers the text that holds `good`; without one the first, or whatever is said. */
  const prefers = (good: string, otherwise = 'first'): Provider & { readonly asked: ProviderRequest[] } =>
    scripted((request) => {
      const text = userText(request);
      const first = /BEGIN first [0-9a-f]+\n([\s\S]*?)\nEND first/.exec(text)?.[1] ?? '';
      const second = /BEGIN second [0-9a-f]+\n([\s\S]*?)\nEND second/.exec(text)?.[1] ?? '';
      const wins = first.includes(good) ? 'first' : second.includes(good) ? 'second' : otherwise;
      return judgeSays(verdicts({ pairwise: wins }));
    });

  it('asks both orders and counts what survives the swap', async () => {
    const better = prefers('Gladly');
    expect(await grade(judgeSpec('pairwise'), better, 'Gladly: five days.')).toMatchObject({
      pass: true,
      score: 1,
      details: { choice: 'better' },
    });
    expect(better.asked).toHaveLength(2);
    const worse = prefers('refund takes');
    expect(await grade(judgeSpec('pairwise'), worse, 'No.')).toMatchObject({ pass: false, score: 0 });
    const even = prefers('nothing has this', 'tie');
    expect(await grade(judgeSpec('pairwise'), even, 'In five days.')).toMatchObject({
      pass: true,
      score: 0.5,
    });
  });

  it('has no preference where it turns with the order', async () => {
    for (const seat of ['first', 'second']) {
      const found = await grade(judgeSpec('pairwise'), prefers('nothing has this', seat), 'In five days.');
      expect(found).toMatchObject({
        status: 'ungraded',
        cause: 'judge_error',
        details: { inconsistentPairs: 1 },
      });
      expect(found.reason).toContain('changed with the order');
    }
  });

  it('does not show the reference as a reference, and asks nothing about the same text', async () => {
    const provider = prefers('Gladly');
    await grade(judgeSpec('pairwise'), provider, 'Gladly.');
    expect(userText(provider.asked[0] as ProviderRequest)).not.toContain('reference');
    const same = await grade(judgeSpec('pairwise'), provider, String(WITH_NEEDS.expected));
    expect(same).toMatchObject({ pass: true, score: 0.5, details: { choice: 'tie' } });
    expect(provider.asked).toHaveLength(2);
  });
});
