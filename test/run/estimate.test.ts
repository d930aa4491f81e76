import { describe, expect, it } from 'vitest';
import { costOf, type Prices } from '../../src/core/index.ts';
import { estimateRun, type Job, planJobs } from '../../src/run/index.ts';
import { refundCase, refundRelease } from './refund-bot.ts';
import { ScriptedProvider } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const prices: Prices = { 'as-of': '2026-03-01', models: { 'triage-*': { input: 2, output: 8 } } };
const provider = new ScriptedProvider(new TestTime(), () => ({ do: 'throw' }));
const price = (model: string | null, usage: Parameters<typeof costOf>[2]): number | null =>
  costOf(prices, model, usage);

function jobs(layers: Parameters<typeof refundRelease>[0], trials = 1): Job[] {
  const cases = [
    refundCase('a', { vars: { ticket: 'x'.repeat(1000) } }),
    refundCase('b', { vars: { ticket: 'é€😀' } }),
  ];
  return planJobs({ cases, release: refundRelease(layers), provider, trials });
}

describe('the estimate before a run', () => {
  it('bounds tokens by bytes and the output limit, and prices them; no call is made', () => {
    const estimate = estimateRun(jobs({ params: { 'max-output-tokens': 400 } }, 3), {
      costOf: price,
      maxAttempts: 4,
    });
    expect(estimate.calls).toBe(6);
    expect(estimate.callsUpper).toBe(24);
    expect(estimate.outputTokensUpper).toBe(2400);
    const text = 3 * (1000 + 9 + 2 * Buffer.byteLength('You answer refund tickets.'));
    expect(estimate.inputTokensUpper).toBeGreaterThanOrEqual(text);
    expect(estimate.inputTokensUpper).toBeLessThan(text + 6 * 100);
    expect(estimate.costUpperUsd).toBeCloseTo(
      ((estimate.inputTokensUpper as number) * 2 + 2400 * 8) / 1e6,
      12,
    );
    expect(estimate.callCostUpperUsd).toBeGreaterThan((1000 * 2 + 400 * 8) / 1e6);
    expect(provider.calls).toBe(0);
  });

  it('counts what is shown besides the messages', () => {
    const bare = estimateRun(jobs({}), { costOf: price }).inputTokensUpper as number;
    const schema = { type: 'object', description: 'd'.repeat(500) };
    const withSchema = estimateRun(jobs({ output: { schema } }), { costOf: price })
      .inputTokensUpper as number;
    const tools = { definitions: [{ name: 'refund', description: 'r'.repeat(500) }] };
    const withTools = estimateRun(jobs({ tools }), { costOf: price }).inputTokensUpper as number;
    expect(withSchema).toBeGreaterThan(bare + 1000);
    expect(withTools).toBeGreaterThan(bare + 1000);
  });

  it('says unknown where there is no bound, never 0', () => {
    expect(estimateRun(jobs({}), { costOf: price })).toMatchObject({
      outputTokensUpper: null,
      costUpperUsd: null,
      callCostUpperUsd: null,
    });
    const unpriced = jobs({
      route: { provider: 'openai', model: 'other' },
      params: { 'max-output-tokens': 9 },
    });
    expect(estimateRun(unpriced, { costOf: price })).toMatchObject({
      outputTokensUpper: 18,
      costUpperUsd: null,
    });
    const own = jobs({ route: { provider: 'http', url: 'http://127.0.0.1/bot' } });
    expect(estimateRun(own, { costOf: price })).toMatchObject({
      calls: 2,
      inputTokensUpper: null,
      costUpperUsd: null,
    });
  });

  it('knows that recordings cost nothing', () => {
    const replay = jobs({ route: { provider: 'replay', file: 'outputs.jsonl' } });
    expect(estimateRun(replay, { costOf: price })).toMatchObject({ inputTokensUpper: 0, costUpperUsd: 0 });
  });
});
