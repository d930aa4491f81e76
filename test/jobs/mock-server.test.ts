// Whole runs against a mock server that is not ours: what both sides read into the wire formats has to agree.

import { type ErrorResponse, type FixtureFileResponse, LLMock } from '@copilotkit/aimock';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { helpDesk } from './help-desk.ts';

type Wire = 'chat' | 'responses' | 'messages';

const MODEL = 'mock-2026-01-15';
const USAGE = { prompt_tokens: 100, completion_tokens: 10, input_tokens: 100, output_tokens: 10 };
const told = (response: JsonObject): FixtureFileResponse =>
  ({ model: MODEL, usage: USAGE, ...response }) as FixtureFileResponse;
const error = (status: number, message: string, more: JsonObject = {}): ErrorResponse =>
  ({ error: { message, type: 'mock_error' }, status, ...more }) as ErrorResponse;

const TOOLS: JsonObject = {
  definitions: [
    { name: 'lookup_order', parameters: { type: 'object', properties: { id: { type: 'integer' } } } },
    { name: 'lookup_shop', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  ],
};

async function mockDesk(wire: Wire, cases: readonly object[], more: JsonObject = {}) {
  const mock = new LLMock({ port: 0 });
  await mock.start();
  onTestFinished(() => mock.stop());
  const route =
    wire === 'messages'
      ? { provider: 'anthropic', model: MODEL, 'base-url': mock.url }
      : { provider: 'openai', api: wire, model: MODEL, 'base-url': `${mock.url}/v1` };
  const d = await helpDesk({
    suite: { trials: 1, policy: {}, ...more },
    cases,
    releases: {
      agent: {
        route,
        prompt: { system: 'You help.', messages: [{ role: 'user', content: '{{ question }}' }] },
        tools: TOOLS,
        params: { 'max-output-tokens': 200 },
      },
      judge: { route, params: { 'max-output-tokens': 300 } },
    },
  });
  const prices = { 'as-of': '2026-01-01', models: { [MODEL]: { input: 1, output: 10 } } };
  await d.write('prices.yaml', prices);
  const run = (...args: string[]) =>
    d.cli(
      ...['run', 'suite.yaml', '--release', 'releases/agent.yaml', '--no-preflight', '--json'],
      ...['--prices', 'prices.yaml', ...args],
    );
  const trial = async (caseId: string) =>
    (await d.cli('show', 'latest', '--case', caseId, '--json')).json.trials[0];
  return { mock, run, trial };
}

const ORDER = {
  id: 'order',
  vars: { question: 'Where is order 3?' },
  tools: [
    { name: 'lookup_order', when: { id: 3 }, result: { state: 'sent' } },
    { name: 'lookup_shop', error: 'no such city' },
  ],
  grade: [{ contains: 'on its way' }, { 'tool-called': { name: 'lookup_order', args: { id: 3 } } }],
};

describe.each(['chat', 'responses', 'messages'] as const)('on %s', (wire) => {
  it.each([[[]], [['--stream']]])(
    'two calls at once get their results, and the answer is graded %s',
    async (args) => {
      const { mock, run, trial } = await mockDesk(wire, [ORDER]);
      mock.on({ hasToolResult: true }, told({ content: 'It is on its way.' }));
      mock.on(
        { userMessage: 'order 3' },
        told({
          toolCalls: [
            { id: 'call_a', name: 'lookup_order', arguments: '{"id":3}' },
            { id: 'call_b', name: 'lookup_shop', arguments: '{"city":"Ulm"}' },
          ],
        }),
      );
      const { code, json } = await run(...args);
      expect(code).toBe(0);
      expect(json.snapshot).toMatchObject({ answered: 1, calls: 2, passRate: 1 });
      // Twice 100 tokens in and 10 out.
      expect(json.snapshot.costUsd).toBeCloseTo(400e-6, 12);
      const { trial: stored } = await trial('order');
      const kinds = stored.output.trajectory.map(
        (entry: { kind?: string; role?: string }) => entry.kind ?? entry.role,
      );
      expect(kinds.length).toBeGreaterThanOrEqual(4);
      expect(JSON.stringify(stored.output.trajectory)).toContain('no such city');
      expect(stored.output.text).toBe('It is on its way.');
      expect(stored.served.model).toBe(MODEL);
      if (args.length > 0) expect(stored.attempts.at(-1).firstTokenMs).toBeGreaterThanOrEqual(0);
      const seen = JSON.stringify(mock.getLastRequest()?.body);
      expect(seen).toContain('sent');
      expect(seen).toContain('no such city');
    },
  );

  it('a judge is asked on the same wire', async () => {
    const graded = {
      id: 'polite',
      vars: { question: 'Hello?' },
      grade: [{ rubric: [{ id: 'polite', ask: 'Is the answer polite?' }] }],
    };
    const { mock, run, trial } = await mockDesk(wire, [graded], { judge: 'releases/judge.yaml' });
    mock.on({ userMessage: /^Hello\?$/ }, told({ content: 'Good day to you.' }));
    const verdict = { criteria: [{ id: 'polite', reason: 'It greets.', verdict: 'yes' }] };
    mock.on({ userMessage: 'Good day to you' }, told({ content: JSON.stringify(verdict) }));
    const { code, json, stderr } = await run();
    expect(code, stderr).toBe(0);
    expect(json.snapshot).toMatchObject({ answered: 1, passRate: 1, ungraded: 0 });
    expect(mock.getRequests()).toHaveLength(2);
    expect((await trial('polite')).trial.output.text).toBe('Good day to you.');
  });

  it('a busy service is asked again; one that breaks fails its trial; an answer cut off says so', async () => {
    const ask = (id: string) => ({ id, vars: { question: `Question ${id}?` }, grade: [{ contains: 'Yes' }] });
    const { mock, run, trial } = await mockDesk(wire, [ask('busy'), ask('broken'), ask('long')]);
    mock.on({ userMessage: 'busy', sequenceIndex: 0 }, error(429, 'slow down', { retryAfter: 0 }));
    mock.on({ userMessage: 'busy' }, told({ content: 'Yes.' }));
    mock.on({ userMessage: 'broken' }, error(400, 'this model cannot do that'));
    // The mock ends a response of the Responses API without the reason that the API states.
    const finishReason = { chat: 'length', responses: 'stop', messages: 'max_tokens' }[wire];
    mock.on({ userMessage: 'long' }, told({ content: 'Yes, and', finishReason }));
    const { json } = await run('--max-attempts', '2');
    expect(json.snapshot).toMatchObject({ answered: 2, failed: 1 });
    expect((await trial('busy')).trial.attempts).toMatchObject([
      { outcome: 'rate_limited', httpStatus: 429 },
      { outcome: 'answered' },
    ]);
    expect((await trial('broken')).trial).toMatchObject({
      message: expect.stringContaining('this model cannot do that'),
    });
    const stopReason = wire === 'responses' ? 'stop' : 'length';
    expect((await trial('long')).trial).toMatchObject({ stopReason });
  });

  it('a refused key and a model that does not exist stop the run', async () => {
    const ask = (id: string) => ({ id, vars: { question: `Question ${id}?` }, grade: [{ contains: 'Yes' }] });
    const cases = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'].map(ask);
    const { mock, run } = await mockDesk(wire, cases);
    mock.on(
      {},
      error(404, 'The model does not exist.', {
        error: { message: 'The model does not exist.', type: 'not_found_error', code: 'model_not_found' },
      }),
    );
    const gone = await run();
    expect(gone.code).toBe(4);
    expect(JSON.stringify(gone.json)).toContain('The model does not exist.');
    mock.clearFixtures();
    mock.on({}, error(401, 'bad key'));
    const refused = await run();
    expect(refused.code).toBe(4);
    expect(JSON.stringify(refused.json)).toContain('refused the API key from');
  });
});
