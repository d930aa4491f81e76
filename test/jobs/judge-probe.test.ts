// A judge is asked one small question before the first paid call of the subject, and not again for a while.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { JsonObject } from '../../src/base/index.ts';
import { lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { type ScriptedReply, WireServer } from '../provider/wire-server.ts';

const isJudge = (body: JsonObject): boolean => body['model'] === 'examiner-1';
const says = (text: string): ScriptedReply => ({
  body: { model: 'm', choices: [{ message: { role: 'assistant', content: text }, finish_reason: 'stop' }] },
});
const verdict = (body: JsonObject): ScriptedReply => {
  const id = /"id":"([^"]+)"/.exec(JSON.stringify(body['messages']).replaceAll('\\', ''))?.[1] ?? '';
  return says(JSON.stringify({ criteria: [{ id, reason: 'the text shows it', verdict: 'yes' }] }));
};

/** Three judged cases in a folder, and a server for subject and judge. */
async function desk(judge: (body: JsonObject) => ScriptedReply) {
  const dir = await temporaryFolder();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const server = await WireServer.start({
    'POST /v1/chat/completions': ({ body }) => (isJudge(body) ? judge(body) : says('So sorry!')),
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const base = `${server.url}/v1`;
  const route = (model: string): string =>
    `route: { provider: openai, api: chat, model: ${model}, base-url: "${base}" }\n`;
  const files = {
    'bot.yaml': `name: bot\n${route('bot-2026-01-01')}prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }\n`,
    'examiner.yaml': `name: examiner\n${route('examiner-1')}`,
    'suite.yaml':
      'name: desk\ntrials: 1\njudge: examiner.yaml\ndefaults: { grade: [{ rubric: [{ id: empathy, ask: "Is it kind?" }] }] }\n' +
      'cases: [{ id: t1, vars: { ticket: no 1 } }, { id: t2, vars: { ticket: no 2 } }, { id: t3, vars: { ticket: no 3 } }]\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir.path, name), text);
  const models = (): unknown[] => server.requests.map(({ body }) => body['model']);
  const run = (...more: string[]) =>
    lastgoodHere(['run', 'suite.yaml', '--release', 'bot.yaml', '--db', 'l.db', '--quiet', ...more], {
      cwd: dir.path,
      env: { OPENAI_API_KEY: 'sk-probe-0123456789' },
    });
  return { server, run, models };
}

test('a judge that refuses stops the run before the subject is paid, and nothing is kept', async () => {
  const { run, models } = await desk(() => ({
    status: 404,
    body: { error: { message: 'no such deployment', type: 'x', code: null } },
  }));
  const outcome = await run();
  expect(outcome.code).toBe(4);
  expect(outcome.stderr).toMatch(/judge "examiner" cannot be asked: 404 no such deployment.*JUDGE_REFUSED/);
  expect(models()).toEqual(['examiner-1']);
});

test('a judge that answers is probed once, first, and its next run asks no probe', async () => {
  const { run, models } = await desk(verdict);
  expect((await run()).code).toBe(0);
  expect(models()[0]).toBe('examiner-1');
  expect(models().filter((model) => model === 'examiner-1')).toHaveLength(1 + 3);
  const before = models().length;
  expect((await run()).code).toBe(0);
  // What was judged once is remembered too.
  expect(models().slice(before)).toEqual(['bot-2026-01-01', 'bot-2026-01-01', 'bot-2026-01-01']);
});

test('the form that a server takes is found by the probe: no answer waits for it', async () => {
  const { run, models, server } = await desk((body) =>
    'response_format' in body || 'tools' in body || 'max_completion_tokens' in body
      ? {
          status: 422,
          body: {
            detail: [
              { loc: ['body', 'max_completion_tokens'], msg: 'Extra inputs are not permitted' },
              { loc: ['body', 'response_format'], msg: 'not supported' },
            ],
          },
        }
      : verdict(body),
  );
  expect((await run()).code).toBe(0);
  const first = models().indexOf('bot-2026-01-01');
  const refused = server.requests
    .slice(first)
    .filter(({ body }) => isJudge(body) && 'response_format' in body);
  expect(refused).toEqual([]);
});

test('an overloaded judge stops nothing, and --no-preflight asks no probe', async () => {
  let calls = 0;
  const busy = await desk((body) => (calls++ === 0 ? { status: 503, body: {} } : verdict(body)));
  expect((await busy.run()).code).toBe(0);
  const silent = await desk(verdict);
  expect((await silent.run('--no-preflight')).code).toBe(0);
  expect(silent.models()[0]).toBe('bot-2026-01-01');
});
