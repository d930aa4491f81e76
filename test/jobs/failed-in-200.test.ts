// A provider that is out answers with HTTP status 200 and an error inside: such calls are retried and never graded.

import { expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { WireServer } from '../provider/wire-server.ts';
import { helpDesk } from './help-desk.ts';

const OUT: JsonObject = {
  model: 'desk-1',
  choices: [
    {
      finish_reason: 'error',
      error: { code: 502, message: 'the upstream is out' },
      message: { role: 'assistant', content: '' },
    },
  ],
};
const PAID: JsonObject = {
  model: 'desk-1',
  choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: 'Paid.' } }],
};

/** Ten questions that any answer passes which does not apologise: an empty one would. */
async function desk(answer: (n: number) => JsonObject) {
  let n = 0;
  const server = await WireServer.start({
    'POST /v1/chat/completions': () => ({ body: answer(n++) }),
  });
  const d = await helpDesk({
    suite: { trials: 1 },
    cases: Array.from({ length: 10 }, (_, i) => ({
      id: `polite-${i}`,
      vars: { question: `Where is parcel ${i}?` },
      grade: [{ 'not-icontains': 'sorry' }, { 'max-length': 100 }],
    })),
    releases: {
      gateway: {
        route: { provider: 'openai', api: 'chat', model: 'desk-1', 'base-url': `${server.url}/v1` },
        prompt: { messages: [{ role: 'user', content: '{{ question }}' }] },
      },
    },
  });
  const run = async (...more: string[]) => {
    const said = await d.cli(
      ...['run', 'suite.yaml', '--release', 'releases/gateway.yaml', '--no-preflight', '--json', ...more],
    );
    await server[Symbol.asyncDispose]();
    return said;
  };
  return { d, run };
}

it('an outage that passes is retried, and every answer is a real one', async () => {
  const { run } = await desk((n) => (n < 3 ? OUT : PAID));
  const { code, json } = await run();
  expect(code).toBe(0);
  expect(json.snapshot).toMatchObject({ validity: 'valid', answered: 10, failed: 0, passRate: 1, calls: 13 });
});

it('an outage that stays is failed trials with its message: no grade, no pass, an invalid run', async () => {
  const { d, run } = await desk((n) => (n % 2 === 0 ? OUT : PAID));
  const { code, json } = await run('--max-attempts', '1', '--concurrency', '1');
  expect(code).toBe(3);
  expect(json.snapshot).toMatchObject({ validity: 'invalid', answered: 5, failed: 5, calls: 10 });
  const shown = await d.cli('show', json.snapshot.id, '--case', 'polite-0', '--json');
  expect(shown.json.trials).toMatchObject([
    {
      trial: {
        status: 'failed',
        cause: 'infra_error',
        code: 'server_error',
        message: 'the completion reports an error: 502 the upstream is out',
      },
    },
  ]);
  expect(shown.json.trials[0].grades).toEqual([]);
});
