// The tool loop on the wire, through the real SDKs: results go back, every step counts, and what cannot go on is cut off by name.

import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { type Agent, agentServer, type Wire } from './agent-wire.ts';
import { helpDesk } from './help-desk.ts';

const WIRES: readonly Wire[] = ['chat', 'responses', 'messages'];

const TOOLS: JsonObject = {
  definitions: [
    { name: 'lookup_order', parameters: { type: 'object', properties: { id: { type: 'integer' } } } },
    { name: 'refund', parameters: { type: 'object', properties: { id: { type: 'integer' } } } },
  ],
};

const LATE = {
  id: 'late-order',
  vars: { question: 'Where is order 3?' },
  tools: [{ name: 'lookup_order', when: { id: 3 }, result: { state: 'sent' } }],
  grade: [{ contains: 'sent' }, { 'tool-called': { name: 'lookup_order', args: { id: 3 } } }],
};

/** A desk whose release asks the agent; `cases` run once each. */
async function desk(wire: Wire, agent: Agent, cases: readonly object[], release: JsonObject = {}) {
  const server = await agentServer(agent);
  const d = await helpDesk({
    suite: { trials: 1, policy: {} },
    cases,
    releases: {
      agent: {
        route: server.route(wire),
        prompt: { system: 'You help.', messages: [{ role: 'user', content: '{{ question }}' }] },
        tools: TOOLS,
        params: { 'max-output-tokens': 200 },
        ...release,
      },
    },
  });
  await d.write('prices.yaml', {
    'as-of': '2026-01-01',
    models: { 'agent-2026-01-15': { input: 1, output: 10 } },
  });
  const run = async (...more: string[]) => {
    const said = await d.cli(
      ...['run', 'suite.yaml', '--release', 'releases/agent.yaml', '--no-preflight', '--json'],
      ...['--prices', 'prices.yaml', ...more],
    );
    if (said.json?.snapshot === undefined) throw new Error(said.stderr);
    return said;
  };
  /** The stored trial of a case. */
  const trial = async (id: string, caseId: string) => {
    const shown = await d.cli('show', id, '--case', caseId, '--json');
    return shown.json.trials[0];
  };
  return { d, server, run, trial };
}

const looksUp: Agent = (said) => {
  const last = said.at(-1);
  if (last?.role !== 'tool') return { calls: [{ name: 'lookup_order', args: { id: 3 } }] };
  return { text: `It is on its way: ${last.text}` };
};

describe.each(WIRES)('on %s', (wire) => {
  it('a call gets its canned result, and the whole way is stored', async () => {
    const { run, trial, server, d } = await desk(wire, looksUp, [LATE]);
    const { code, json } = await run();
    expect(code).toBe(0);
    expect(json.snapshot).toMatchObject({ answered: 1, calls: 2, passRate: 1 });
    // 2 × (100 × 1 + 10 × 10) micro dollars.
    expect(json.snapshot.costUsd).toBeCloseTo(400e-6, 12);
    const stored = await trial(json.snapshot.id, 'late-order');
    expect(stored.trial.output).toEqual({
      text: 'It is on its way: {"state":"sent"}',
      toolCalls: [{ id: 'call_1', name: 'lookup_order', args: { id: 3 } }],
      trajectory: [
        {
          turn: 1,
          role: 'assistant',
          content: '',
          toolCalls: [{ id: 'call_1', name: 'lookup_order', args: { id: 3 } }],
        },
        { turn: 1, role: 'tool', content: '{"state":"sent"}', toolCallId: 'call_1', name: 'lookup_order' },
        { turn: 1, role: 'assistant', content: 'It is on its way: {"state":"sent"}' },
      ],
    });
    expect(stored.trial.usage).toMatchObject({ inputTokens: 200, outputTokens: 20 });
    expect(stored.trial.attempts).toHaveLength(2);
    expect(stored.trial.latencyMs).toBeCloseTo(
      stored.trial.attempts[0].latencyMs + stored.trial.attempts[1].latencyMs,
      6,
    );
    expect(secondRequest(wire, server.requests[1]?.body ?? {})).toEqual(SENT_BACK[wire]);
    const shown = await d.cli('show', json.snapshot.id, '--case', 'late-order');
    expect(shown.stdout).toContain('release calls: lookup_order({"id":3})');
    expect(shown.stdout).toContain('lookup_order gives: {"state":"sent"}');
  });

  it('parallel calls get a result each, in order, and an error goes back as one', async () => {
    const agent: Agent = (said) => {
      const results = said.filter(({ role }) => role === 'tool');
      if (results.length === 0)
        return {
          calls: [
            { name: 'lookup_order', args: { id: 3 } },
            { name: 'refund', args: { id: 3 } },
            { name: 'lookup_order', args: { id: 4 } },
          ],
        };
      return { text: results.map(({ text, error }) => `${text}${error === true ? '!' : ''}`).join(' | ') };
    };
    const tools = [
      { name: 'lookup_order', when: { id: 3 }, result: 'three' },
      { name: 'lookup_order', result: 'another' },
      { name: 'refund', error: 'not allowed' },
    ];
    const { run, trial } = await desk(wire, agent, [{ ...LATE, tools, grade: [{ contains: 'another' }] }]);
    const { json } = await run();
    const { output } = (await trial(json.snapshot.id, 'late-order')).trial;
    const error = wire === 'messages' ? 'not allowed!' : '{"error":"not allowed"}';
    expect(output.text).toBe(`three | ${error} | another`);
    expect(output.trajectory[2]).toEqual({
      turn: 1,
      role: 'tool',
      content: 'not allowed',
      toolCallId: 'call_2',
      name: 'refund',
      error: true,
    });
  });

  it('a call without a canned result fails by name, and nothing is made up', async () => {
    const agent: Agent = () => ({ calls: [{ name: 'lookup_order', args: { id: 9 } }] });
    const { run, trial, server } = await desk(wire, agent, [LATE]);
    const { json } = await run();
    expect(json.snapshot).toMatchObject({ answered: 1, calls: 1, passRate: 0, validity: 'valid' });
    expect(server.requests).toHaveLength(1);
    const stored = await trial(json.snapshot.id, 'late-order');
    expect(stored.trial.stopReason).toBe('tool_unmatched');
    expect(stored.trial.output.cutOff).toEqual({
      code: 'tool_unmatched',
      message: 'no canned result of "lookup_order" fits the call lookup_order({"id":9})',
    });
    expect(stored.grades.at(-1)).toMatchObject({
      graderId: 'tool_unmatched',
      pass: false,
      required: true,
      reason: 'no canned result of "lookup_order" fits the call lookup_order({"id":9})',
    });
  });

  it('a loop without an end is cut off at max-steps with its reason', async () => {
    const agent: Agent = () => ({ calls: [{ name: 'lookup_order', args: { id: 3 } }] });
    const { run, trial, server, d } = await desk(wire, agent, [
      { ...LATE, 'max-steps': 3 },
      { ...LATE, id: 'default-limit' },
    ]);
    const { json } = await run();
    expect(server.requests).toHaveLength(13);
    const stored = await trial(json.snapshot.id, 'late-order');
    expect(stored.trial).toMatchObject({ status: 'answered', stopReason: 'max_steps' });
    expect(stored.trial.output.cutOff.message).toBe(
      'the release still called tools in its reply 3 (max-steps 3)',
    );
    expect(stored.grades.at(-1)).toMatchObject({ graderId: 'max_steps', pass: false });
    const shown = await d.cli('show', json.snapshot.id, '--case', 'default-limit');
    expect(shown.stdout).toContain(
      'cut off (max_steps): the release still called tools in its reply 10 (max-steps 10, the default)',
    );
  });

  it('a call that its token limit cuts off is a failure of the model', async () => {
    const agent: Agent = () => ({ calls: [{ name: 'lookup_order', args: '{"id": ' }], cut: true });
    const { run, trial } = await desk(wire, agent, [LATE]);
    const { json } = await run();
    expect(json.snapshot).toMatchObject({ answered: 1, failed: 0, passRate: 0 });
    const stored = await trial(json.snapshot.id, 'late-order');
    expect(stored.trial.stopReason).toBe('tool_args_invalid');
    expect(stored.grades.at(-1)).toMatchObject({ graderId: 'tool_args_invalid', pass: false });
  });

  it('a refusal after a result ends the conversation as a refusal', async () => {
    const agent: Agent = (said) =>
      said.at(-1)?.role === 'tool' ? { refusal: 'I will not say.' } : looksUp(said, {} as never);
    const { run, trial } = await desk(wire, agent, [{ ...LATE, grade: [{ refusal: true }] }]);
    const { json } = await run();
    expect(json.snapshot).toMatchObject({ answered: 1, calls: 2, passRate: 1 });
    const stored = await trial(json.snapshot.id, 'late-order');
    expect(stored.trial).toMatchObject({ stopReason: 'refusal', output: { refusal: 'I will not say.' } });
  });

  it('turns follow the replies, each graded by its own graders', async () => {
    const agent: Agent = (said) => {
      const users = said.filter(({ role }) => role === 'user').map(({ text }) => text);
      if (users.length === 1) return { text: 'Which order?' };
      if (said.at(-1)?.role === 'tool') return { text: `Order 3 is ${said.at(-1)?.text}` };
      return { calls: [{ name: 'lookup_order', args: { id: 3 } }] };
    };
    const { run, trial, server } = await desk(wire, agent, [
      {
        id: 'asks-back',
        vars: { what: 'parcel' },
        turns: [
          {
            user: 'Where is my {{ what }}?',
            grade: [{ contains: 'Which order' }, { 'not-tool-called': 'lookup_order' }],
          },
          { user: 'Order 3', grade: [{ contains: 'sent' }] },
        ],
        tools: [{ name: 'lookup_order', sequence: [{ result: 'sent' }] }],
        grade: [
          { contains: 'sent' },
          { contains: { value: 'Which', turn: 1 } },
          { trajectory: ['lookup_order'] },
        ],
      },
    ]);
    const { code, json } = await run();
    expect(code).toBe(0);
    expect(json.snapshot).toMatchObject({ answered: 1, calls: 3, passRate: 1 });
    const stored = await trial(json.snapshot.id, 'asks-back');
    expect(
      stored.trial.output.trajectory.map((e: { turn: number; role: string }) => `${e.turn} ${e.role}`),
    ).toEqual([...['1 user', '1 assistant', '2 user', '2 assistant', '2 tool', '2 assistant']]);
    expect(stored.trial.output.trajectory[0].content).toBe('Where is my parcel?');
    expect(stored.grades.map((g: { graderId: string }) => g.graderId)).toEqual([
      ...[
        'contains',
        'contains-2',
        'trajectory',
        'turn-1-contains',
        'turn-1-not-tool-called',
        'turn-2-contains',
      ],
    ]);
    expect(server.requests).toHaveLength(3);
  });
});

/** What the second request holds of the first reply and of the result. */
function secondRequest(wire: Wire, body: JsonObject): unknown {
  return (body[wire === 'responses' ? 'input' : 'messages'] as unknown[]).slice(wire === 'chat' ? 2 : 1);
}

const SENT_BACK: Readonly<Record<Wire, unknown>> = {
  chat: [
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_1_0', type: 'function', function: { name: 'lookup_order', arguments: '{"id":3}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'call_1_0', content: '{"state":"sent"}' },
  ],
  responses: [
    { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'thought-1' },
    { type: 'function_call', id: 'fc_1_0', call_id: 'call_1_0', name: 'lookup_order', arguments: '{"id":3}' },
    { type: 'function_call_output', call_id: 'call_1_0', output: '{"state":"sent"}' },
  ],
  messages: [
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'thought-1', signature: 'sig-1' },
        { type: 'tool_use', id: 'toolu_1_0', name: 'lookup_order', input: { id: 3 } },
      ],
    },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'toolu_1_0', content: '{"state":"sent"}' }],
    },
  ],
};
