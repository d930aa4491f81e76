// The ladder: every kind of bad reply a judge is known to give, with the outcome it must have.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/base/json.ts';
import { secretMask } from '../../src/base/secrets.ts';
import type { Grade } from '../../src/core/grade.ts';
import type { ProviderReply, StopReason } from '../../src/core/provider.ts';
import {
  answer,
  ask,
  judgeRelease,
  judgeSays,
  NEVER,
  outcome,
  rubric,
  scripted,
  ticket,
  verdicts,
  withGrader,
} from './support-desk.ts';

interface BadReply {
  readonly name: string;
  readonly text: string;
  readonly outcome: string;
  readonly calls: number;
  readonly stopReason?: StopReason;
  readonly toolArgs?: JsonValue;
}

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/grade-judge-replies/replies.json', import.meta.url), 'utf8'),
) as { replies: BadReply[] };

const DESK = rubric([
  ask('empathy', "Does the reply acknowledge the customer's frustration?"),
  ask('concise', 'Is the reply free of repetition?'),
]);
const REPLY = 'We are sorry that your parcel is lost. The refund is on its way.';

async function judgeWith(
  reply: (call: number) => ProviderReply,
  release = judgeRelease(),
  mask = secretMask([]),
): Promise<{ grade: Grade; calls: number; asked: ReturnType<typeof scripted>['asked']; usd: number | null }> {
  const provider = scripted((_request, call) => reply(call));
  return withGrader({ judge: { release, provider }, mask }, async (trialGrader) => {
    const graded = await trialGrader.gradeTrial(ticket([DESK]), answer(REPLY), NEVER);
    const grade = graded.grades[0] as Grade;
    return { grade, calls: provider.asked.length, asked: provider.asked, usd: graded.judgeCostUsd };
  });
}

function asAnswered(row: BadReply): ProviderReply {
  const toolCalls = row.toolArgs === undefined ? [] : [{ name: 'rubric_verdicts', args: row.toolArgs }];
  return judgeSays('', { output: { text: row.text, toolCalls }, stopReason: row.stopReason ?? 'stop' });
}

describe('bad judge replies', () => {
  it('has at least forty of them', () => {
    expect(fixture.replies.length).toBeGreaterThanOrEqual(40);
  });

  it.each(fixture.replies.map((r) => [r.name, r] as const))('%s', async (_name, row) => {
    const { calls, grade } = await judgeWith(() => asAnswered(row));
    expect([outcome(grade), calls, grade.reason]).toEqual([row.outcome, row.calls, grade.reason]);
  });

  it('asks once more after a reply it cannot read, and says what was wrong with it', async () => {
    const { asked, calls, grade } = await judgeWith((call) =>
      judgeSays(call === 0 ? 'Looks good to me!' : verdicts({ empathy: 'yes', concise: 'yes' })),
    );
    expect([outcome(grade), calls]).toEqual(['pass', 2]);
    const second = asked[1]?.messages.at(-1)?.content ?? '';
    expect(second).toContain('the reply holds no complete JSON object');
    expect(second).not.toContain('Looks good to me!');
    // A new code for the blocks: what the judge has seen once is no secret from its own echo.
    expect(/^BEGIN (\w{32})$/m.exec(second)?.[1]).not.toBe(
      /^BEGIN (\w{32})$/m.exec(asked[0]?.messages.at(-1)?.content ?? '')?.[1],
    );
  });

  it('keeps the raw text of a reply it gave up on, without secrets and at most 4 KB of it', async () => {
    const key = 'sk-desk-0123456789';
    const { grade } = await judgeWith(
      () => judgeSays(`no JSON but ${key} ${'blah '.repeat(2000)}`),
      judgeRelease(),
      secretMask([key]),
    );
    expect(outcome(grade)).toBe('judge_error');
    const raw = (grade.details as { raw: string[] }).raw[0] ?? '';
    expect(raw.startsWith('no JSON but [secret] blah')).toBe(true);
    expect(raw.length).toBe(4096);
  });

  it('doubles the token budget once when the judge is cut off', async () => {
    const budget = async (params: Record<string, JsonValue>): Promise<unknown[]> => {
      const { asked, grade } = await judgeWith(
        (call) =>
          call === 0
            ? judgeSays('{"criteria": [', { stopReason: 'length' })
            : judgeSays(verdicts({ empathy: 'yes', concise: 'yes' })),
        judgeRelease({ params }),
      );
      expect(outcome(grade)).toBe('pass');
      return asked.map((r) => r.params['max-output-tokens']);
    };
    expect(await budget({})).toEqual([4096, 8192]);
    expect(await budget({ 'max-output-tokens': 500, temperature: 0 })).toEqual([500, 1000]);
  });

  it('adds up what all its calls cost', async () => {
    const twice = await judgeWith((call) =>
      judgeSays(call === 0 ? '' : verdicts({ empathy: 'yes', concise: 'no' })),
    );
    expect(twice.usd).toBeCloseTo(0.004, 10);
    const unknown = await judgeWith((call) =>
      judgeSays(call === 0 ? '' : verdicts({ empathy: 'yes', concise: 'no' }), {
        usage: call === 0 ? null : {},
      }),
    );
    expect(unknown.usd).toBeNull();
  });

  it('never turns arbitrary text into a score', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        '"criteria"',
        '"empathy"',
        '"verdict"',
        ':',
        ',',
        '"yes"',
        '\\',
        '```json\n',
        ' ',
      ),
      fc.string({ maxLength: 5 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
        const { grade } = await judgeWith(() => judgeSays(pieces.join('')));
        expect(outcome(grade)).toBe('judge_error');
      }),
      { numRuns: 200 },
    );
  });
});
