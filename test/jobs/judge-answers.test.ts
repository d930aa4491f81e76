// A judge on stored production answers: what is drawn, its limits, that no answer counts twice, and that two examiners never share a name.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AnswerJudging, AnswerJudgingPlan } from '../../src/core/judged-answers.ts';
import { json, lastgood, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { type Script, type ScriptedReply, type SeenRequest, WireServer } from '../provider/wire-server.ts';

const NOW = Date.now();
const ENV = { OPENAI_API_KEY: 'sk-judge-0123456789' };

const says = (text: string): ScriptedReply => ({
  body: {
    model: 'examiner-1',
    choices: [{ message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 100, completion_tokens: 10 },
  },
});
const numberOf = ({ text }: SeenRequest): number => Number(/Answer number (\d+)/.exec(text)?.[1] ?? -1);
const verdict = (seen: SeenRequest): ScriptedReply => {
  const kind = seen.text.includes('is kind.');
  return says(JSON.stringify({ criteria: [{ id: 'kind', reason: 'shown', verdict: kind ? 'yes' : 'no' }] }));
};

const rows = (n: number, more: object = {}): object[] =>
  Array.from({ length: n }, (_, i) => ({
    ...{ id: `o${i}`, at: NOW - i * 60_000, feature: 'desk', release: 'r1' },
    messages: [{ role: 'user', content: 'Where is my parcel?' }],
    output: `Answer number ${i} is ${i % 4 === 0 ? 'rude' : 'kind'}.`,
    ...more,
  }));

async function desk(judge: Script = verdict, answers: readonly object[] = rows(20)) {
  const dir = await temporaryFolder();
  const server = await WireServer.start({ 'POST /v1/chat/completions': judge });
  const write = (name: string, text: string) => writeFile(join(dir.path, name), text);
  const release = (name: string, model: string) =>
    `name: ${name}\nroute: { provider: openai, api: chat, model: ${model}, base-url: "${server.url}/v1" }\n`;
  await write('judge.yaml', release('strict', 'examiner-1'));
  await write('other.yaml', release('mild', 'examiner-2'));
  await write('kind.yaml', 'criteria:\n  - { id: kind, ask: Is the answer kind? }\n');
  await write('prices.yaml', 'as-of: 2026-01-01\nmodels: { "examiner-*": { input: 100, output: 1000 } }\n');
  const here = (...args: string[]) => lastgoodHere(args, { cwd: dir.path, env: ENV });
  const observe = async (lines: readonly object[], ...args: string[]) => {
    await write('o.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
    expect((await here('observe', 'o.jsonl', '--feature', 'desk', ...args)).code).toBe(0);
  };
  if (answers.length > 0) await observe(answers, '--store', 'outputs');
  const args = ['judge', 'observations', 'desk', '--judge', 'judge.yaml', '--as', 'kindness'];
  const asked = [...args, '--rubric', 'kind.yaml', '--no-preflight', '--json'];
  return {
    path: dir.path,
    ...{ server, write, here, observe, asked },
    judge: (...more: string[]) => here(...asked, ...more),
    /** Value and number of answers of the signal. */
    signal: async () => {
      const out = json<{ groups: { signals: { signal: string; value: number | null }[] }[] }>(
        await here('signals', 'desk', '--since', '24h', '--json'),
      );
      return out.groups[0]?.signals.find((s) => s.signal === 'judge-score:kindness');
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

describe('lastgood judge observations', () => {
  it('scores a sample by id, once, and signals show the score', async () => {
    await using d = await desk();
    const plan = json<AnswerJudgingPlan & { kind: string }>(await d.judge('--dry-run'));
    expect(plan).toMatchObject({ kind: 'estimate', sample: { toJudge: 20 }, judge: { calls: 20 } });
    expect(d.server.requests).toEqual([]);
    expect(await d.signal()).toBeUndefined();

    const first = await d.judge('--sample', '8');
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toContain('desk: judge-score:kindness by strict ');
    const eight = d.server.requests.map(numberOf);
    expect(new Set(eight).size).toBe(8);
    const mean = eight.filter((n) => n % 4 !== 0).length / 8;
    expect(json<AnswerJudging>(first)).toMatchObject({ judged: 8, left: 0, stopped: null, judgeCalls: 8 });
    expect(json<AnswerJudging>(first).meanScore).toBeCloseTo(mean, 9);
    expect((await d.signal())?.value).toBeCloseTo(mean, 9);

    const again = json<AnswerJudging>(await d.judge('--sample', '8'));
    expect(again).toMatchObject({ judged: 0, judgeCalls: 0, sample: { judgedBefore: 8, toJudge: 0 } });
    // A larger sample goes on; new answers of the time join.
    await d.observe(
      rows(2).map((row, i) => ({ ...row, id: `late${i}`, output: `Answer number ${100 + i} is kind.` })),
      '--store',
      'outputs',
    );
    expect(json<AnswerJudging>(await d.judge('--sample', '50'))).toMatchObject({
      judged: 14,
      sample: { judgedBefore: 8, drawn: 22 },
    });
    const all = d.server.requests.map(numberOf);
    expect(all).toHaveLength(22);
    expect(new Set(all).size).toBe(22);
    expect(await d.signal()).toMatchObject({ value: 17 / 22 });
  });

  it('keeps its limits and goes on where it stopped', async () => {
    await using d = await desk();
    const limited = await d.judge('--max-calls', '5');
    expect(limited.code).toBe(3);
    expect(json<AnswerJudging>(limited)).toMatchObject({
      ...{ judged: 5, left: 15, ungraded: {} },
      stopped: { by: 'limit', why: 'the limit of 5 judge calls is reached (--max-calls)' },
    });
    // Each call costs two cents.
    const cost = await d.judge('--prices', 'prices.yaml', '--max-cost', '0.07');
    expect(cost.code).toBe(3);
    const spent = json<AnswerJudging>(cost);
    expect(spent.costUsd).toBeLessThanOrEqual(0.07);
    expect(spent.judged).toBe(3);
    expect((await d.judge('--max-cost', '1')).stderr).toContain('(--max-calls)');
    expect(json<AnswerJudging>(await d.judge())).toMatchObject({ judged: 12, stopped: null });
    expect(d.server.requests).toHaveLength(20);
    expect(await d.signal()).toMatchObject({ value: 15 / 20 });
  });

  it('killed in the middle, it asks only about the rest', async () => {
    // Answers six questions, and leaves all others open.
    let asked = 0;
    let release: (() => void) | null = null;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let open = false;
    await using d = await desk((seen) => {
      asked++;
      if (!open && asked > 9) release?.();
      return open || asked <= 6 ? verdict(seen) : 'hang';
    });
    const run = lastgood(d.asked, {
      cwd: d.path,
      env: ENV,
      onStart: (pid) => void held.then(() => process.kill(pid, 'SIGKILL')),
    });
    await run;
    open = true;
    const rest = json<AnswerJudging>(await d.judge());
    // Four are asked about at once: with ten questions sent, six scores are stored.
    expect(rest).toMatchObject({ sample: { judgedBefore: 6 }, judged: 14, judgeCalls: 14, stopped: null });
    expect(await d.signal()).toMatchObject({ value: 15 / 20 });
  });

  it('counts answers stored by numbers only, and says so', async () => {
    await using d = await desk(verdict, []);
    await d.observe(rows(5));
    const none = await d.judge();
    expect(none.code).toBe(3);
    expect(none.stderr).toContain('JUDGE_NO_ANSWERS');
    expect(none.stderr).toContain('5 are stored by numbers only');
    await d.observe(
      [
        ...rows(3).map((row, i) => ({ ...row, id: `t${i}` })),
        { id: 'f', at: NOW, feature: 'desk', error: 'timeout' },
        { id: 'q', at: NOW, feature: 'desk', output: 'No question.' },
        ...rows(1, { id: `mail ${ENV.OPENAI_API_KEY}` }),
      ],
      '--store',
      'outputs',
    );
    const out = await d.judge();
    expect(out.stderr).toContain(
      'not judged: 5 stored by numbers only, 1 with an error of the application, 1 without a question or an answer, 1 with a redacted id',
    );
    expect(json<AnswerJudging>(out)).toMatchObject({ judged: 3, sample: { numbersOnly: 5, hiddenId: 1 } });
  });

  it('never mixes two judges, two questions, or scores of the application under one name', async () => {
    await using d = await desk();
    expect((await d.judge('--sample', '3')).code).toBe(0);
    const calls = d.server.requests.length;
    const other = await d.judge('--judge', 'other.yaml');
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('JUDGE_SERIES');
    expect(other.stderr).toMatch(/another judge \(strict [0-9a-f]{12}, question kind\.yaml\), since \d{4}-/);
    await d.write('kind.yaml', 'criteria:\n  - { id: kind, ask: Is the answer very kind? }\n');
    const question = await d.judge('--sample', '3');
    expect(question.code).toBe(2);
    expect(question.stderr).toContain('another question (kind.yaml as it was then)');
    expect(d.server.requests).toHaveLength(calls);
    // Another name is a series of its own, on the same answers.
    expect(json<AnswerJudging>(await d.judge('--as', 'kind-2', '--sample', '3'))).toMatchObject({
      judged: 3,
    });

    await d.observe([{ id: 'o1', scores: { own: 0.4 } }]);
    const own = await d.judge('--as', 'own');
    expect(own.code).toBe(2);
    expect(own.stderr).toContain('the application sends scores under this name');
  });

  it('a failed judging is no score, and is asked again', async () => {
    let broken = true;
    await using d = await desk((seen) =>
      broken && numberOf(seen) < 2 ? says('I cannot say.') : verdict(seen),
    );
    const first = await d.judge();
    expect(first.code).toBe(3);
    expect(json<AnswerJudging>(first)).toMatchObject({ judged: 18, ungraded: { judge_error: 2 }, left: 0 });
    expect((await d.signal())?.value).toBeCloseTo(14 / 18, 9);
    broken = false;
    expect(json<AnswerJudging>(await d.judge())).toMatchObject({ judged: 2, sample: { judgedBefore: 18 } });
  });

  it('shows the judge no secret, and a judge without access stops it', async () => {
    await using d = await desk(
      (seen) => (seen.text.includes('refused') ? { status: 401, body: {} } : verdict(seen)),
      rows(2, { output: `Answer number 1 is kind. Key ${ENV.OPENAI_API_KEY}` }),
    );
    await d.write('lastgood.yaml', 'redact: [{ pattern: "parcel" }]\n');
    expect((await d.judge()).code).toBe(0);
    const sent = d.server.requests.map(({ text }) => text).join('\n');
    expect(sent).not.toContain(ENV.OPENAI_API_KEY);
    expect(sent).not.toContain('parcel');
    await d.observe(
      rows(6, { output: 'refused' }).map((row, i) => ({ ...row, id: `r${i}` })),
      '--store',
      'outputs',
    );
    const out = await d.judge();
    expect(out.code).toBe(4);
    expect(json<AnswerJudging>(out)).toMatchObject({ judged: 0, stopped: { by: 'fatal' } });
  });

  it('takes answers of any form, and keeps equal questions and answers apart', async () => {
    const odd = [
      { messages: [{ role: 'user', content: '{{ name }} {% raw %} $(x) --- # \u0000' }] },
      { messages: undefined, input: { 'a b': { c: [1] }, __proto__x: null } },
      { messages: undefined, input: 'plain' },
      { output: '' },
      {
        output: undefined,
        tool_calls: [{ type: 'function', function: { name: 'refund', arguments: '{"n":' } }],
      },
      { output: { answer: 'is kind.', nested: { x: 1 } } },
      { id: 'constructor' },
      { id: 'o1 \ud800' },
    ];
    await using d = await desk(
      verdict,
      odd.map((patch, i) => ({ ...rows(2)[1], id: `odd${i}`, ...patch })),
    );
    const out = json<AnswerJudging>(await d.judge());
    expect(out.judged).toBe(out.sample.toJudge);
    expect(out.judged + out.sample.incomplete).toBe(8);
    expect(out).toMatchObject({ ungraded: {}, sample: { hiddenId: 0 } });
    expect(json<AnswerJudging>(await d.judge())).toMatchObject({ sample: { judgedBefore: out.judged } });
    expect(json<AnswerJudging>(await d.judge('--as', 'constructor'))).toMatchObject({ judged: out.judged });
  });

  it('refuses questions that need what a production answer does not have', async () => {
    await using d = await desk();
    const ask = (...more: string[]) =>
      d.here(
        'judge',
        'observations',
        'desk',
        '--judge',
        'judge.yaml',
        '--as',
        'x',
        '--no-preflight',
        ...more,
      );
    expect((await ask()).stderr).toContain('exactly one of --rubric and --question');
    expect((await ask('--question', 'factuality')).stderr).toContain('needs an expected answer');
    await d.write(
      'kind.yaml',
      'criteria:\n  - { id: same, check: { equals: {} } }\n  - { id: k, ask: Kind? }\n',
    );
    const unfit = await ask('--rubric', 'kind.yaml');
    expect(unfit.code).toBe(2);
    expect(unfit.stderr).toContain('kind.yaml');
    expect(d.server.requests).toEqual([]);
  });
});
