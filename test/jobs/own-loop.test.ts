// Applications that lead their own tool loop, and recordings: their trajectory is stored, graded and followed by the next turn.

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { WireServer } from '../provider/wire-server.ts';
import { helpDesk } from './help-desk.ts';

const CALL = {
  role: 'assistant',
  content: null,
  tool_calls: [{ id: 'c7', type: 'function', function: { name: 'lookup_order', arguments: '{"id":3}' } }],
};
const RESULT = { role: 'tool', tool_call_id: 'c7', content: '{"state":"sent"}' };

const TURNS = {
  id: 'two-turns',
  turns: [
    'Where is it?',
    { user: 'Order 3', grade: [{ trajectory: [{ name: 'lookup_order', args: { id: 3 } }] }] },
  ],
  tools: [{ name: 'lookup_order', result: 'never asked: the application has its own tools' }],
  grade: [{ contains: 'sent' }, { contains: { value: 'Which', turn: 1 } }],
};

const STORED = [
  { turn: 1, role: 'user', content: 'Where is it?' },
  { turn: 1, role: 'assistant', content: 'Which order?' },
  { turn: 2, role: 'user', content: 'Order 3' },
  {
    turn: 2,
    role: 'assistant',
    content: '',
    toolCalls: [{ id: 'c7', name: 'lookup_order', args: { id: 3 } }],
  },
  { turn: 2, role: 'tool', content: '{"state":"sent"}', toolCallId: 'c7', name: 'lookup_order' },
  { turn: 2, role: 'assistant', content: 'Order 3 is sent.' },
];

async function ran(release: object, files: Record<string, string> = {}) {
  const d = await helpDesk({ suite: { trials: 1, policy: {} }, cases: [TURNS], releases: { app: release } });
  for (const [name, text] of Object.entries(files)) await d.write(name, text);
  const said = await d.cli('run', 'suite.yaml', '--release', 'releases/app.yaml', '--json');
  if (said.json?.snapshot === undefined) throw new Error(said.stderr);
  const shown = await d.cli('show', said.json.snapshot.id, '--case', 'two-turns', '--json');
  return { snapshot: said.json.snapshot, trial: shown.json.trials[0].trial, d };
}

it('http: an application that tells no list of messages where the route says is a bad reply', async () => {
  await using app = await WireServer.start({
    'POST /ask': ({ body }) => {
      const messages = body['messages'] as { content: string }[];
      return messages.length === 1
        ? { body: { text: 'Which order?' } }
        : {
            body: {
              text: 'Order 3 is sent.',
              // The whole conversation, as many applications keep it: what the user said is known already.
              log: [...messages.map((m) => ({ role: 'user', content: m.content })), CALL, RESULT] as never,
            },
          };
    },
  });
  const route = {
    provider: 'http',
    url: `${app.url}/ask`,
    body: { messages: '{{ messages }}' },
    output: 'text',
    trajectory: 'log',
  };
  // An application that tells no messages is not believed to have none.
  const bad = await ran({ route });
  expect(bad.trial).toMatchObject({ status: 'failed', code: 'bad_reply' });
  expect(bad.trial.message).toContain('no list of messages at "log"');
});

it('http: an application that tells its messages in every reply', async () => {
  await using app = await WireServer.start({
    'POST /ask': ({ body }) => {
      const messages = body['messages'] as { role: string; content: string }[];
      return messages.length === 1
        ? { body: { text: 'Which order?', log: [] } }
        : { body: { text: 'Order 3 is sent.', log: [...messages, CALL, RESULT] as never } };
    },
  });
  const route = {
    provider: 'http',
    url: `${app.url}/ask`,
    body: { messages: '{{ messages }}' },
    output: 'text',
    trajectory: 'log',
  };
  const { snapshot, trial } = await ran({ route });
  expect(trial.output.trajectory).toEqual(STORED);
  expect(snapshot).toMatchObject({ answered: 1, calls: 2, passRate: 1 });
  expect(app.requests[1]?.body).toEqual({
    messages: [
      { role: 'user', content: 'Where is it?' },
      { role: 'assistant', content: 'Which order?' },
      { role: 'user', content: 'Order 3' },
    ],
  });
});

it('command: the program answers with its messages', async () => {
  const program = `
import { readFileSync } from 'node:fs';
const { messages } = JSON.parse(readFileSync(0, 'utf8'));
const reply = messages.length === 1
  ? { output: 'Which order?' }
  : { trajectory: [${JSON.stringify(CALL)}, ${JSON.stringify(RESULT)}, { role: 'assistant', content: 'Order 3 is sent.' }], usage: { input_tokens: 5, output_tokens: 2 } };
console.log(JSON.stringify(reply));
`;
  const { snapshot, trial } = await ran(
    { route: { provider: 'command', command: [process.execPath, 'bot.mjs'] } },
    { 'releases/bot.mjs': program },
  );
  expect(trial.output.trajectory).toEqual(STORED);
  expect(trial.output.text).toBe('Order 3 is sent.');
  // The first reply told no tokens, so the sum is not known.
  expect(trial.usage).toBeNull();
  expect(snapshot).toMatchObject({ answered: 1, passRate: 1 });
});

it('replay: a recording holds the whole conversation, as export and import of other tools write it', async () => {
  const recording = {
    case_id: 'two-turns',
    trajectory: [
      { role: 'system', content: 'not ours' },
      ...STORED.slice(0, 2),
      { role: 'user', content: 'Order 3', turn: 2 },
      CALL,
      RESULT,
      { role: 'assistant', content: 'Order 3 is sent.' },
    ],
  };
  const { snapshot, trial } = await ran(
    { route: { provider: 'replay', file: 'talk.jsonl' } },
    { 'releases/talk.jsonl': `${JSON.stringify(recording)}\n` },
  );
  expect(trial.output.trajectory).toEqual(STORED);
  expect(snapshot).toMatchObject({ answered: 1, calls: 1, passRate: 1 });
});

it('replay: a trajectory that cannot be read is an error before the run', async () => {
  const d = await helpDesk({
    suite: { trials: 1, policy: {} },
    cases: [TURNS],
    releases: { app: { route: { provider: 'replay', file: 'talk.jsonl' } } },
  });
  await d.write('releases/talk.jsonl', '{"case_id":"two-turns","output":"x","trajectory":"said"}\n');
  const said = await d.cli('run', 'suite.yaml', '--release', join('releases', 'app.yaml'));
  expect(said.code).toBe(2);
  expect(said.stderr).toContain('has a trajectory that is not a list of messages');
});
