// The judge's own budget: when it is used up nobody is judged any more, what is there stays ungraded, and a larger one judges it later.

import { describe, expect, it } from 'vitest';
import { resumeRun, runSuite } from '../../src/engine/arms/run-suite.ts';
import { estimateJudging } from '../../src/engine/examiners/judge-estimate.ts';
import { JudgeLimit } from '../../src/engine/examiners/judge-limit.ts';
import { compareReleases } from '../../src/jobs/compare/compare-releases.ts';
import { type Desk, refundDesk, ruled, SUITE, whole } from './refund-desk.ts';

const limit = (maxCalls?: number, maxCostUsd?: number) =>
  new JudgeLimit({ maxCalls, maxCostUsd, priced: true });

async function reasons(desk: Desk, id: string): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { grades } of desk.work.store.trials(id))
    for (const g of grades) if (g.status === 'ungraded') found.add(`${g.cause}: ${g.reason}`);
  return found;
}

describe('--max-judge-calls', () => {
  it('asks the judge no more than that; a larger one judges what is there without the subject', async () => {
    const desk = await refundDesk(10);
    const first = await runSuite(desk.work, await desk.assignment(), { judgeLimit: limit(4) });
    expect(desk.calls).toEqual({ bot: 20, strict: 4 });
    expect(first.report).toMatchObject({ stoppedBy: 'judge-limit', fatal: null, answered: 20, skipped: 0 });
    expect(first.summary).toMatchObject({
      state: 'interrupted',
      validity: 'invalid',
      answered: 20,
      ungraded: 12,
    });
    expect(first.summary.findings).toContainEqual({
      code: 'JUDGE_LIMIT',
      message: expect.stringMatching(
        /^12 answers have no grade: the limit of 4 judge calls .* --resume \S+` with a larger/,
      ),
    });
    expect([...(await reasons(desk, first.summary.id))]).toEqual([
      'judge_error: the judge could not be asked: the limit of 4 judge calls is reached (--max-judge-calls) [judge_limit]',
    ]);

    // A limit that is still too small leaves it to be finished.
    const second = await resumeRun(desk.work, first.summary.id, { judgeLimit: limit(2) });
    expect(desk.calls).toEqual({ bot: 20, strict: 6 });
    expect(second.report.stoppedBy).toBe('judge-limit');
    expect(second.summary).toMatchObject({ state: 'interrupted', ungraded: 8 });

    const third = await resumeRun(desk.work, first.summary.id, { judgeLimit: limit(4) });
    // Exactly enough: nothing was in the way.
    expect(third.report.stoppedBy).toBeNull();
    expect(third.summary).toMatchObject({ state: 'finished', validity: 'valid', ungraded: 0, passRate: 1 });
    expect(desk.calls).toEqual({ bot: 20, strict: 10 });
  });

  it('counts what is asked again, and leaves cases without a judge alone', async () => {
    const desk = await refundDesk(4);
    desk.judges['strict'] = whole((request, call) =>
      call % 2 === 0
        ? ({ ...ruled(request, () => 'yes', call), output: { text: 'hm', toolCalls: [] } } as never)
        : ruled(request, () => 'yes', call),
    );
    const judged = await runSuite(desk.work, await desk.assignment(), {
      judgeLimit: limit(4),
      concurrency: 1,
    });
    expect(desk.calls['strict']).toBe(4);
    expect(judged.summary.ungraded).toBe(4);

    await desk.write(
      'plain.yaml',
      SUITE(4, '', 'contains: sorry').replace('judge: strict.yaml\n', '').replace('refund-bot', 'plain'),
    );
    const used = limit(1);
    await runSuite(desk.work, await desk.assignment(), { judgeLimit: used, trials: 3 });
    const plain = await runSuite(desk.work, await desk.assignment('plain.yaml'), { judgeLimit: used });
    expect(plain.report.stoppedBy).toBeNull();
    expect(plain.summary).toMatchObject({ state: 'finished', validity: 'valid' });
  });

  it('holds for all rounds and both arms of a comparison, which then says that it cannot tell', async () => {
    const desk = await refundDesk(8);
    await desk.write(
      'next.yaml',
      'name: bot\nroute: { provider: openai, model: bot-2026-02-02 }\nprompt: { messages: [{ role: user, content: "{{ ticket }}" }] }\n',
    );
    const input = {
      suite: `${desk.dir}/suite.yaml`,
      baselineRelease: `${desk.dir}/bot.yaml`,
      release: `${desk.dir}/next.yaml`,
      cwd: desk.dir,
      onPlan: () => {},
    };
    const dry = await compareReleases(desk.work, { ...input, dryRun: true, settings: {} });
    // Three trials in both arms.
    expect(dry).toMatchObject({
      kind: 'plan',
      plan: { calls: 48, judge: { calls: 48, callsUpper: 48 * 3 * 4 + 2 } },
    });
    expect(desk.calls).toEqual({});
    let said = 0;
    desk.subject = (caseId) => `So sorry about ${caseId}, ${said++}.`;
    const result = await compareReleases(desk.work, {
      ...input,
      dryRun: false,
      settings: { judgeLimit: limit(20) },
    });
    expect(desk.calls['strict']).toBe(20);
    expect(result).toMatchObject({ kind: 'compared', stoppedBy: 'judge-limit' });
    const comparison = result.kind === 'compared' ? result.comparison : null;
    expect(['invalid', 'inconclusive']).toContain(comparison?.verdict);
  });
});

describe('--max-judge-cost', () => {
  it('stops before the judge costs more', async () => {
    const desk = await refundDesk(10);
    desk.judges['strict'] = whole(
      (request, call) => ({ ...ruled(request, () => 'yes', call), costUsd: 0.1 }) as never,
    );
    const { summary } = await runSuite(desk.work, await desk.assignment(), {
      judgeLimit: limit(undefined, 0.35),
    });
    expect(desk.calls['strict']).toBe(3);
    expect(summary.judgeCostUsd).toBeCloseTo(0.3, 12);
    expect(summary).toMatchObject({ answered: 20, ungraded: 14 });
    expect([...(await reasons(desk, summary.id))].join()).toContain('$0.35 (--max-judge-cost)');
  });

  it('is refused without prices, and kept when a price is missing', async () => {
    expect(() => new JudgeLimit({ maxCostUsd: 1, priced: false })).toThrow(/no prices/);
    const desk = await refundDesk(10);
    const { summary } = await runSuite(desk.work, await desk.assignment(), {
      judgeLimit: limit(undefined, 1),
    });
    // The first reply has no price: what the next ones cost cannot be told.
    expect(desk.calls['strict']).toBe(1);
    expect([...(await reasons(desk, summary.id))].join()).toContain('is unknown');
  });
});

describe('the estimate of the judging', () => {
  it('asks nobody, and counts as many questions as a run then asks', async () => {
    const desk = await refundDesk(5);
    const { suite, release, judge } = await desk.assignment();
    const bounded = { ...release, layers: { ...release.layers, params: { 'max-output-tokens': 100 } } };
    const estimate = await estimateJudging(desk.work, suite.cases, bounded, judge);
    expect(desk.calls).toEqual({});
    // Three replies to a question at most, four attempts each, and the probe.
    expect(estimate).toEqual({ calls: 10, callsUpper: 121, costUpperUsd: null });
    expect(await estimateJudging(desk.work, suite.cases, bounded, null)).toBeNull();
    // Ten times a reply of 4,096 tokens and two of twice that, and ten times three questions, each with twice the answer.
    const prices = { 'as-of': '2026-01-01', models: { 'judge-strict*': { input: 1, output: 10 } } };
    const priced = await estimateJudging({ ...desk.work, prices }, suite.cases, bounded, judge);
    const replies = (10 * 5 * 4096 * 10) / 1e6;
    expect(priced?.costUpperUsd).toBeGreaterThan(replies + (10 * 3 * 200) / 1e6);
    expect(priced?.costUpperUsd).toBeLessThan(replies + (10 * 3 * 10_000) / 1e6);
    const many = await refundDesk(30);
    const all = await many.assignment();
    const { calls } = (await estimateJudging(many.work, all.suite.cases, bounded, all.judge)) ?? {};
    expect(calls).toBe(60);
    let said = 0;
    desk.subject = () => `sorry ${said++}`;
    await runSuite(desk.work, await desk.assignment(), {});
    expect(desk.calls['strict']).toBe(10);
  });
});
