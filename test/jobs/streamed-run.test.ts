// `run --stream`: the time to the first token is kept with each answer, shown, and travels with an export.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { WireServer } from '../provider/wire-server.ts';
import { helpDesk } from './help-desk.ts';

const chunk = (delta: object, finish_reason: string | null): string =>
  `data: ${JSON.stringify({ model: 'desk-1', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;

it('keeps when the first of each answer came', async () => {
  await using server = await WireServer.start({
    'POST /v1/chat/completions': ({ body }) =>
      body['stream'] === true
        ? { pieces: [chunk({ content: 'Pa' }, null), `${chunk({ content: 'id.' }, 'stop')}data: [DONE]\n\n`] }
        : { body: { choices: [{ finish_reason: 'stop', message: { content: 'Paid.' } }] } },
  });
  const d = await helpDesk({
    suite: { trials: 1 },
    cases: [{ id: 'paid', vars: { question: 'Where?' }, grade: [{ equals: 'Paid.' }] }],
    releases: {
      gateway: {
        route: { provider: 'openai', api: 'chat', model: 'desk-1', 'base-url': `${server.url}/v1` },
        prompt: { messages: [{ role: 'user', content: '{{ question }}' }] },
      },
    },
  });
  const run = (...more: string[]) =>
    d.cli('run', 'suite.yaml', '--release', 'releases/gateway.yaml', '--no-preflight', '--json', ...more);
  const { json } = await run('--stream');
  const { id } = json.snapshot;
  expect(json.snapshot).toMatchObject({ validity: 'valid', passRate: 1 });
  expect(json.snapshot.findings).toContainEqual({
    code: 'FIRST_TOKEN',
    message: expect.stringMatching(/^time to the first token: median \d+ ms, .* \(1 streamed answer\)$/),
  });
  const attemptOf = async (...more: string[]) =>
    (await d.cli('show', id, '--case', 'paid', '--json', ...more)).json.trials[0].trial.attempts[0];
  const attempt = await attemptOf();
  expect(attempt.firstTokenMs).toBeGreaterThan(0);
  expect(attempt.firstTokenMs).toBeLessThan(attempt.latencyMs);
  expect((await d.cli('show', id, '--case', 'paid')).stdout).toMatch(/\(first token after \d+ ms\)/);

  expect(await d.cli('export', id, '--dir', d.dir)).toMatchObject({ code: 0 });
  const file = (await readdir(d.dir)).find((name) => name.endsWith('.snapshot.jsonl')) ?? '';
  const text = await readFile(join(d.dir, file), 'utf8');
  expect(text).toContain(`"firstTokenMs":${attempt.firstTokenMs}`);
  // Into the ledger it came from: read, checked and known already.
  expect(await d.cli('import', file)).toMatchObject({ code: 0 });

  const plain = await run();
  const shown = await d.cli('show', plain.json.snapshot.id, '--case', 'paid', '--json');
  expect(shown.json.trials[0].trial.attempts[0]).not.toHaveProperty('firstTokenMs');
});
