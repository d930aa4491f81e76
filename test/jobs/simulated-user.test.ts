// A model that plays the user: it writes until it stops or its messages are used up, counts and costs like any call, and is part of the case.

import { describe, expect, it } from 'vitest';
import { caseOf, problemsOf, suiteOf } from '../suite/world.ts';
import { type Agent, agentServer, type Wire } from './agent-wire.ts';
import { helpDesk } from './help-desk.ts';

const PERSONA = 'persona-2026-01-15';

/** The persona asks for order 3, thanks, and stops. */
const plays: Agent = (said, { body }) => {
  const text = JSON.stringify(body);
  if (!text.includes('You are in a hurry')) throw new Error('the persona has no system text');
  if (text.includes('tool')) return { text: 'I can see the tools!' };
  const own = said.filter(({ role }) => role === 'assistant').length;
  if (own === 0) return { text: 'Where is order 3?' };
  return { text: said.at(-1)?.text.includes('sent') === true ? '###STOP###' : 'Order 3, I said.' };
};

const agent: Agent = (said, request) => {
  if (request.body['model'] === PERSONA) return plays(said, request);
  const last = said.at(-1);
  if (last?.role === 'tool') return { text: `It is ${last.text}.` };
  const users = said.filter(({ role }) => role === 'user');
  return users.length === 1
    ? { text: 'Which order?' }
    : { calls: [{ name: 'lookup_order', args: { id: 3 } }] };
};

async function desk(turns: unknown, wire: Wire = 'chat', more: object = {}) {
  const server = await agentServer(agent);
  const d = await helpDesk({
    suite: { trials: 1, policy: {} },
    cases: [
      {
        id: 'hurried',
        vars: { mood: 'in a hurry' },
        turns,
        tools: [{ name: 'lookup_order', result: 'sent' }],
        grade: [{ contains: 'sent' }],
        ...more,
      },
    ],
    releases: {
      agent: {
        route: server.route(wire),
        tools: { definitions: [{ name: 'lookup_order', parameters: { type: 'object', properties: {} } }] },
        params: { 'max-output-tokens': 100 },
      },
    },
  });
  await d.write('persona.yaml', {
    name: 'hurried-customer',
    route: server.route(wire, PERSONA),
    prompt: { system: { file: 'hurried.md' } },
    params: { 'max-output-tokens': 50 },
  });
  await d.write('hurried.md', 'You are {{ mood }}. You want to know where order 3 is.\n');
  await d.write('prices.yaml', {
    'as-of': '2026-01-01',
    models: { 'agent-*': { input: 1, output: 10 }, 'persona-*': { input: 1, output: 10 } },
  });
  const run = async (...words: string[]) => {
    const said = await d.cli(
      ...['run', 'suite.yaml', '--release', 'releases/agent.yaml', '--no-preflight', '--json'],
      ...['--prices', 'prices.yaml', ...words],
    );
    if (said.json === undefined) throw new Error(said.stderr);
    return said.json;
  };
  const trial = async (id: string) =>
    (await d.cli('show', id, '--case', 'hurried', '--json')).json.trials[0].trial;
  return { d, server, run, trial };
}

describe.each(['chat', 'responses', 'messages'] as const)('on %s', (wire) => {
  it('the persona speaks until it stops, and sees no tools', async () => {
    const { run, trial } = await desk([{ simulate: 'persona.yaml', 'max-turns': 4 }], wire);
    const { snapshot } = await run();
    // User, release, user, release with a call, release, user that stops.
    expect(snapshot).toMatchObject({ answered: 1, calls: 6, passRate: 1 });
    expect(snapshot.costUsd).toBeCloseTo(6 * 200e-6, 12);
    expect(snapshot.servedModels).toEqual(['agent-2026-01-15']);
    const { output, usage } = await trial(snapshot.id);
    expect(output.text).toBe('It is sent.');
    expect(
      output.trajectory.map(({ role, content }: { role: string; content: string }) => `${role}: ${content}`),
    ).toEqual([
      'user: Where is order 3?',
      'assistant: Which order?',
      'user: Order 3, I said.',
      'assistant: ',
      'tool: sent',
      'assistant: It is sent.',
    ]);
    // The tokens are the release's alone.
    expect(usage).toMatchObject({ inputTokens: 300, outputTokens: 30 });
  });
});

it('max-turns ends the turn, and a fixed turn may follow', async () => {
  const { run, trial, server } = await desk([
    { simulate: 'persona.yaml', 'max-turns': 1 },
    { user: 'Order 3', grade: [{ 'tool-called': 'lookup_order' }] },
  ]);
  const { snapshot } = await run();
  expect(snapshot).toMatchObject({ answered: 1, calls: 4, passRate: 1 });
  expect(server.requests.filter(({ body }) => body['model'] === PERSONA)).toHaveLength(1);
  const { output } = await trial(snapshot.id);
  expect(output.trajectory.map(({ turn }: { turn: number }) => turn)).toEqual([1, 1, 2, 2, 2, 2]);
});

it('its calls and its cost count in the estimate, and its calls against --max-calls', async () => {
  const { run } = await desk([{ simulate: 'persona.yaml', 'max-turns': 3 }], 'chat', { 'max-steps': 2 });
  const estimate = await run('--dry-run', '--max-attempts', '1');
  expect(estimate).toMatchObject({
    calls: 2,
    callsUpper: 3 * (1 + 2),
    // Three messages of 50 tokens, and two replies of 100 tokens to each.
    outputTokensUpper: 3 * (50 + 2 * 100),
  });
  const whole = await run();
  expect(estimate.costUpperUsd).toBeGreaterThan(whole.snapshot.costUsd);
  const { snapshot } = await run('--max-calls', '2');
  expect(snapshot).toMatchObject({ answered: 0, skipped: 1, calls: 2 });
});

it('goes out and comes in with the case', async () => {
  const { d, run } = await desk([{ simulate: 'persona.yaml' }]);
  const { snapshot } = await run();
  const out = await d.cli('export', snapshot.id, '--dir', d.dir, '--json');
  expect(out.code).toBe(0);
  const [file] = JSON.stringify(out.json).match(/[^"]+\.jsonl/) ?? [];
  const back = await d.cli('import', String(file));
  expect(back.stderr).toBe('');
  expect(back.code).toBe(0);
});

describe('in a suite', () => {
  const files = (system: string) => ({
    'suite.yaml': 'name: a\ncases: [{ id: x, turns: [{ simulate: p.yaml }], grade: [{ contains: b }] }]\n',
    'p.yaml': `route: { provider: openai, model: m }\nprompt: { system: "${system}" }\n`,
  });

  it('another persona makes another case; an inline one is the same as one in a file', async () => {
    const [a, b] = [await suiteOf(files('You are kind.')), await suiteOf(files('You are angry.'))];
    expect(caseOf(a, 'x').contentHash).not.toBe(caseOf(b, 'x').contentHash);
    expect(caseOf(a, 'x').turns).toEqual([
      {
        simulate: {
          name: 'p',
          layers: { route: { provider: 'openai', model: 'm' }, prompt: { system: 'You are kind.' } },
        },
        maxTurns: 5,
      },
    ]);
    const inline = await suiteOf({
      'suite.yaml':
        'name: a\ncases: [{ id: x, turns: [{ simulate: { name: p, route: { provider: openai, model: m }, prompt: { system: You are kind. } } }], grade: [{ contains: b }] }]\n',
    });
    expect(caseOf(inline, 'x').contentHash).toBe(caseOf(a, 'x').contentHash);
  });

  it('a persona that is not there, or is none, is an error with its place', async () => {
    const { 'p.yaml': _persona, ...without } = files('x');
    expect((await problemsOf(without)).map(({ code }) => code)).toEqual(['SUITE_UNREADABLE']);
    const wrong = { ...without, 'p.yaml': 'route: { provider: openai }\nprompt: { sytem: x }\n' };
    const errors = await problemsOf(wrong);
    expect(errors.map(({ code, where }) => [code, where.file, where.line])).toEqual([
      ['SUITE_MISSING_KEY', 'p.yaml', 1],
      ['SUITE_MISSING_KEY', 'p.yaml', 2],
      ['SUITE_UNKNOWN_KEY', 'p.yaml', 2],
    ]);
  });
});
