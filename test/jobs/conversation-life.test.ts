// A conversation through all that happens to a trial: limits, resuming, estimates, exports, redaction, forgetting, comparing, regrading.

import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { lastgood } from '../cli/lastgood.ts';
import { type Agent, agentServer } from './agent-wire.ts';
import { type HelpDesk, helpDesk } from './help-desk.ts';

const TOOLS = {
  definitions: [
    { name: 'lookup_order', parameters: { type: 'object', properties: { id: { type: 'integer' } } } },
  ],
};

const order = (i: number): JsonObject => ({
  id: `order-${i}`,
  vars: { question: `Where is order ${i}?` },
  tools: [{ name: 'lookup_order', when: { id: i }, result: { state: 'sent', to: 'ann@example.org' } }],
  'max-steps': 4,
  grade: [{ contains: 'sent' }, { trajectory: [{ name: 'lookup_order', args: { id: i } }] }],
});

/** Looks the order up, then says what it found. */
const looksUp: Agent = (said) => {
  const last = said.at(-1);
  if (last?.role === 'tool') return { text: `Found: ${last.text}` };
  return { calls: [{ name: 'lookup_order', args: { id: Number(/\d+/.exec(last?.text ?? '')?.[0]) } }] };
};

/** Answers without looking anything up. */
const guesses: Agent = () => ({ text: 'It was sent.' });

interface Setup {
  readonly agent?: Agent;
  readonly cases?: number;
  readonly suite?: object;
  readonly wire?: 'chat' | 'responses' | 'messages';
}

async function desk({ agent = looksUp, cases = 3, suite = {}, wire = 'chat' }: Setup = {}) {
  const server = await agentServer(agent);
  const release = (model: string): JsonObject => ({
    route: server.route(wire, model),
    prompt: { system: 'You help.', messages: [{ role: 'user', content: '{{ question }}' }] },
    tools: TOOLS,
    params: { 'max-output-tokens': 200 },
  });
  const d = await helpDesk({
    suite: { trials: 1, policy: {}, ...suite },
    cases: Array.from({ length: cases }, (_, i) => order(i)),
    releases: { agent: release('agent-2026-01-15'), newer: release('agent-2026-02-15') },
  });
  await d.write('prices.yaml', { 'as-of': '2026-01-01', models: { 'agent-*': { input: 1, output: 10 } } });
  return { d, server };
}

const run = (d: HelpDesk, ...more: string[]) =>
  d.cli(
    ...['run', 'suite.yaml', '--release', 'releases/agent.yaml', '--no-preflight', '--json'],
    ...['--prices', 'prices.yaml', '--concurrency', '1', ...more],
  );

it('every step counts against --max-calls, and the paid step of a conversation that it cuts off is on the books', async () => {
  const { d, server } = await desk();
  const cut = await run(d, '--max-calls', '3');
  expect(server.requests).toHaveLength(3);
  expect(cut.json.snapshot).toMatchObject({ answered: 1, calls: 3 });
  // 3 × 200 micro dollars.
  expect(cut.json.snapshot.costUsd).toBeCloseTo(600e-6, 12);
  const half = (await d.cli('show', cut.json.snapshot.id, '--case', 'order-1', '--json')).json.trials[0];
  expect(half.trial).toMatchObject({ status: 'skipped', cause: 'budget' });
  expect(half.trial.costUsd).toBeCloseTo(200e-6, 12);
});

it.each([
  ['--max-calls', '3', 4],
  // Less than the upper bound of the first call.
  ['--max-cost', '0.0006', 6],
])(
  'a run that %s stopped is finished by --resume: only what is missing is asked',
  async (limit, most, left) => {
    const { d, server } = await desk();
    const whole = await run(d);
    const asked = server.requests.length;
    const cut = await run(d, limit, most);
    const { id } = cut.json.snapshot;
    expect(cut.json.snapshot).toMatchObject({ state: 'interrupted' });
    expect(cut.json.snapshot.answered).toBeLessThan(whole.json.snapshot.answered);
    const said = await d.cli('show', id);
    expect(said.stdout).toContain('interrupted');
    const blessed = await d.cli('bless', id, '--why', 'half of it', '--by', 'ada');
    expect(blessed).toMatchObject({ code: 2, stderr: expect.stringContaining(`--resume ${id}`) });
    const before = server.requests.length;
    const done = await d.cli('run', '--resume', id, '--no-preflight', '--json', '--prices', 'prices.yaml');
    expect(done.json.snapshot).toMatchObject({
      id,
      state: 'finished',
      validity: 'valid',
      answered: whole.json.snapshot.answered,
      passRate: 1,
    });
    // The conversation that the limit cut off begins anew; those that have an answer are not asked again.
    expect(server.requests.length - before).toBe(left);
    expect(done.json.snapshot.calls).toBe(server.requests.length - asked);
    expect((await d.cli('bless', id, '--why', 'all of it', '--by', 'ada')).code).toBe(0);
  },
);

it.each([
  // The call in flight is let finish: all calls are on the books, also where its conversation begins anew.
  ['SIGINT', 0],
  // The third call was in flight and left no trace.
  ['SIGKILL', 1],
] as const)(
  'a run ended by %s within a conversation is resumed without losing what was paid',
  async (signal, lost) => {
    let pid = 0;
    let n = 0;
    const { d, server } = await desk({
      agent: (said, request) => {
        if (++n === 3) process.kill(pid, signal);
        return looksUp(said, request);
      },
    });
    const words = ['run', 'suite.yaml', '--release', 'releases/agent.yaml', '--no-preflight', '--json'];
    const killed = await lastgood(
      [...words, '--prices', 'prices.yaml', '--concurrency', '1', '--db', join(d.dir, 'ledger.db')],
      {
        cwd: d.dir,
        env: { OPENAI_API_KEY: 'sk-desk-key-nobody-reads' },
        onStart: (child) => {
          pid = child;
        },
      },
    );
    expect(killed.code).not.toBe(0);
    const { json: listed } = await d.cli('list', '--json');
    const [{ id }] = listed.snapshots;
    const whole = await d.cli('run', '--resume', id, '--prices', 'prices.yaml', '--no-preflight', '--json');
    expect(whole.json?.snapshot, whole.stderr).toMatchObject({ id, answered: 3, passRate: 1 });
    const { calls, costUsd } = whole.json.snapshot;
    expect(calls).toBe(server.requests.length - lost);
    expect(costUsd).toBeCloseTo(200e-6 * calls, 12);
    // The finished conversation is not run again.
    expect(server.requests.length).toBeLessThanOrEqual(7);
  },
);

it('a cost limit holds for steps as for calls', async () => {
  const { d, server } = await desk();
  const cut = await run(d, '--max-cost', '0.00065');
  expect(server.requests.length).toBeLessThanOrEqual(3);
  expect(cut.json.snapshot.costUsd).toBeLessThanOrEqual(650e-6);
});

it('a failed step is retried alone, and does not use up the attempts of the next one', async () => {
  let n = 0;
  const { d, server } = await desk({
    cases: 1,
    agent: (said, request) => {
      n++;
      return n % 2 === 1 ? { status: 500 } : looksUp(said, request);
    },
  });
  const { json } = await run(d, '--max-attempts', '2');
  expect(json.snapshot).toMatchObject({ answered: 1, calls: 4, passRate: 1 });
  expect(server.requests).toHaveLength(4);
});

it('--dry-run bounds the calls and the cost by max-steps', async () => {
  const { d } = await desk({ cases: 2 });
  const { json } = await run(d, '--dry-run', '--max-attempts', '3');
  expect(json).toMatchObject({ calls: 2, callsUpper: 2 * 4 * 3 });
  // Four replies of at most 200 tokens each, and four requests that grow with them.
  expect(json.outputTokensUpper).toBe(2 * 4 * 200);
  expect(json.inputTokensUpper).toBeGreaterThan(2 * (200 + 400 + 600));
  expect(json.costUpperUsd).toBeGreaterThan(2 * 4 * 200 * 10e-6);
});

it('goes out and comes in with its trajectory, byte for byte', async () => {
  const { d } = await desk();
  const { json } = await run(d);
  const { id } = json.snapshot;
  const out = await d.cli('export', id, '--dir', d.dir, '--json');
  const file = join(d.dir, (await readdir(d.dir)).find((name) => name.includes(id)) ?? `none: ${out.stdout}`);
  const text = await readFile(file, 'utf8');
  expect(text).toContain('"trajectory":[');
  const other = await desk();
  const brought = await other.d.cli('import', file);
  expect(brought.stderr).toBe('');
  expect(brought.code).toBe(0);
  await other.d.cli('export', id, '--dir', other.d.dir);
  expect(await readFile(join(other.d.dir, basename(file)), 'utf8')).toBe(text);
  const shown = await other.d.cli('show', id, '--case', 'order-2', '--json');
  expect(shown.json.trials[0].trial.output.trajectory).toHaveLength(3);
});

it('redaction reaches every message, argument and result before anything is kept', async () => {
  const { d } = await desk();
  await d.write('lastgood.yaml', { redact: [{ pattern: 'ann@example\\.org', with: '[mail]' }] });
  const { json } = await run(d);
  const shown = await d.cli('show', json.snapshot.id, '--case', 'order-0', '--json');
  const [{ trial }] = shown.json.trials;
  expect(trial.output.trajectory[1].content).toBe('{"state":"sent","to":"[mail]"}');
  expect(shown.stdout).not.toContain('ann@example.org');
  const ledger = await readFile(join(d.dir, 'ledger.db'));
  expect(ledger.includes('ann@example.org')).toBe(false);
});

it('forget takes a text out of the trajectory and out of the canned results', async () => {
  const { d } = await desk();
  const { json } = await run(d);
  const said = await d.cli('forget', 'ann@example.org', '--substring', '--yes');
  expect(said.stderr).toBe('');
  expect(said.code).toBe(0);
  const ledger = await readFile(join(d.dir, 'ledger.db'));
  expect(ledger.includes('ann@example.org')).toBe(false);
  const shown = await d.cli('show', json.snapshot.id, '--case', 'order-0', '--json');
  expect(shown.stdout).not.toContain('ann@example.org');
});

it('forget of a case takes its turns and canned results along', async () => {
  const { d } = await desk();
  await run(d);
  const said = await d.cli('forget', '--case', 'order-0', '--yes');
  expect(said.code).toBe(0);
  const ledger = await readFile(join(d.dir, 'ledger.db'));
  expect(ledger.includes('Where is order 0?')).toBe(false);
});

it('a release that stops looking things up is a regression, and the diff shows the missing call', async () => {
  const { d } = await desk({
    cases: 6,
    suite: { trials: 4 },
    agent: (said, request) =>
      request.body['model'] === 'agent-2026-02-15' ? guesses(said, request) : looksUp(said, request),
  });
  const { code, json } = await d.cli(
    ...['compare', 'suite.yaml', '--baseline-release', 'releases/agent.yaml'],
    ...['--release', 'releases/newer.yaml'],
    ...['--no-preflight', '--json', '--prices', 'prices.yaml'],
  );
  expect(code).toBe(1);
  expect(json.verdict ?? json.comparison?.verdict).toBe('regressed');
  const printed = JSON.stringify(json);
  expect(printed).toContain('[tool call] lookup_order({\\"id\\":');
  expect(printed).toContain('[tool result]');
});

it('regrade grades the stored conversation again, without a call', async () => {
  const { d, server } = await desk();
  const { json } = await run(d);
  const calls = server.requests.length;
  await d.write('stricter.yaml', {
    name: 'help-desk',
    trials: 1,
    cases: Array.from({ length: 3 }, (_, i) => ({ ...order(i), grade: [{ 'max-steps': 1 }] })),
  });
  const again = await d.cli('regrade', json.snapshot.id, '--suite', 'stricter.yaml', '--json');
  expect(again.stderr).toBe('');
  expect(again.json.snapshot ?? again.json.after).toMatchObject({ passRate: 0 });
  expect(server.requests).toHaveLength(calls);
});

it('the estimate of judging counts graders of every turn, and the conversation that the judge is shown', async () => {
  const { d } = await desk();
  await d.write('judge.yaml', {
    name: 'judge',
    route: {
      provider: 'openai',
      api: 'chat',
      model: 'agent-2026-01-15',
      'base-url': { env: 'DESK_OPENAI_URL' },
    },
    params: { 'max-output-tokens': 300 },
  });
  const ask = { rubric: [{ id: 'kind', ask: 'Is it kind?' }] };
  const estimate = async (name: string, fields: object) => {
    await d.write(`${name}.yaml`, {
      name,
      judge: 'judge.yaml',
      cases: [{ id: 'a', vars: { question: 'hi' }, ...fields }],
    });
    const said = await d.cli(
      ...['run', `${name}.yaml`, '--release', 'releases/agent.yaml', '--dry-run', '--json'],
      ...['--prices', 'prices.yaml'],
    );
    if (said.json === undefined) throw new Error(said.stderr);
    return said.json.judge;
  };
  const one = await estimate('plain', { grade: [ask] });
  const turns = await estimate('turns', { turns: ['hi', { user: 'bye', grade: [ask] }], grade: [ask] });
  expect(one.calls).toBe(1);
  expect(turns.calls).toBe(2);
  expect(turns.costUpperUsd).toBeGreaterThan(2 * one.costUpperUsd);
});

it('what a model says cannot draw on the terminal, in no step of the conversation', async () => {
  const nasty = '\u001b[2Jgone';
  const { d } = await desk({
    cases: 1,
    agent: (said) =>
      said.at(-1)?.role === 'tool'
        ? { text: nasty }
        : { text: nasty, calls: [{ name: 'lookup_order', args: { id: 0, note: nasty } }] },
  });
  const { json } = await run(d);
  const shown = await d.cli('show', json.snapshot.id, '--case', 'order-0');
  expect(shown.stdout).toContain('release calls: lookup_order(');
  expect(shown.stdout).not.toContain('\u001b');
});
