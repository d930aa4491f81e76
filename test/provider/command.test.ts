import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { splitCommand } from '../../src/base/command-line.ts';
import type { JsonValue } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { loadRelease } from '../../src/release/index.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

const BOT = resolve(import.meta.dirname, '../fixtures/provider-refund-bot/bot.mjs');
const BASICS = { PATH: process.env['PATH'] ?? '', HOME: tmpdir() };
const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});
function tempDir(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'refund-bot-')));
  dirs.push(dir);
  return dir;
}

async function bot(
  args: readonly string[],
  {
    env = {},
    names,
    cwd,
    request = ticket(),
    limitMs,
    signal = patience(),
  }: {
    env?: Record<string, string>;
    names?: readonly string[];
    cwd?: string;
    request?: ReturnType<typeof ticket>;
    limitMs?: number;
    signal?: AbortSignal;
  } = {},
) {
  const provider = await createProvider(
    refundBot(
      {
        provider: 'command',
        command: [process.execPath, BOT, ...args],
        ...(names === undefined ? {} : { env: names as JsonValue }),
        ...(limitMs === undefined ? {} : { 'timeout-ms': limitMs }),
      },
      { paths: cwd === undefined ? {} : { cwd } },
    ),
    context({ ...BASICS, ...env }),
  );
  const reply = await provider.call(request, signal);
  await provider.close?.();
  return reply;
}

test('a JSON answer is read by its fields', async () => {
  expect(await bot(['json'], { request: ticket({ trial: 1 }) })).toMatchObject({
    kind: 'answered',
    output: {
      text: 'Answer to Where is my money? (2 turns, trial 1)',
      toolCalls: [{ name: 'refund', args: { case: 'refund-angry-01' } }],
      context: { faq: 'Five days.' },
    },
    usage: { inputTokens: 9, outputTokens: 4 },
    served: { model: 'bot-2' },
    costUsd: 0.01,
    stopReason: 'stop',
    sent: { case_id: 'refund-angry-01', trial: 1, vars: { ticket: 'Where is my money?' }, params: {} },
  });
});

test('plain text is the answer, and so is JSON that is not ours', async () => {
  expect(await bot(['plain'])).toMatchObject({
    output: { text: 'Your money is on its way.', toolCalls: [] },
    usage: null,
    stopReason: 'unknown',
  });
  expect(await bot(['label'])).toMatchObject({ output: { text: '{"label": "refund", "confidence": 0.9}' } });
});

test('a command that never reads its input may still answer', async () => {
  const request = ticket({ vars: { ticket: 'x'.repeat(4 << 20) } });
  expect(await bot(['deaf'], { request })).toMatchObject({ output: { text: 'I did not listen.' } });
});

test('the command sees the basics and the variables it was promised, nothing else', async () => {
  const env = { BOT_MODE: 'kind', BOT_SECRET: 'canary-bot-secret', OTHER_TOKEN: 'canary-other' };
  const reply = await bot(['env'], { env, names: ['BOT_MODE'] });
  const seen = reply.kind === 'answered' ? reply.output.text.split(' ') : [];
  expect(seen).toContain('BOT_MODE');
  expect(seen).toContain('PATH');
  expect(seen.filter((name) => /SECRET|TOKEN|KEY/.test(name))).toEqual([]);
});

test('it runs in the directory of the release', async () => {
  const cwd = tempDir();
  expect(await bot(['where'], { cwd })).toMatchObject({ output: { text: cwd } });
});

test("an exit code is the application's failure, with its last words and without its secrets", async () => {
  const made = context({ ...BASICS, BOT_SECRET: 'canary-bot-secret' });
  made.mask.add('canary-bot-secret');
  const provider = await createProvider(
    refundBot({ provider: 'command', command: [process.execPath, BOT, 'fails'], env: ['BOT_SECRET'] }),
    made,
  );
  expect(await provider.call(ticket(), patience())).toMatchObject({
    kind: 'failed',
    cause: 'app_error',
    code: 'exit_code',
    message: 'the command ended with exit code 3: cannot reach the ledger with [secret]',
    retryable: false,
    fatal: false,
  });
  await provider.close?.();
});

test.each([
  ['reports', 'app_error', 'order not found'],
  ['broken-off', 'app_error', 'broken off: "error"'],
  ['silent', 'bad_reply', 'no answer'],
])('a bot that %s fails with %s', async (mode, code, said) => {
  expect(await bot([mode])).toMatchObject({
    kind: 'failed',
    cause: 'app_error',
    code,
    message: expect.stringContaining(said),
  });
});

test('a command that is not there ends the run: it will not be there for the next case either', async () => {
  const provider = await createProvider(
    refundBot({ provider: 'command', command: ['no-such-refund-bot'] }),
    context(BASICS),
  );
  expect(await provider.call(ticket(), patience())).toMatchObject({ code: 'not_started', fatal: true });
  await provider.close?.();
});

test('output without end is cut off', async () => {
  expect(await bot(['flood'])).toMatchObject({ cause: 'app_error', code: 'output_too_large' });
});

test("the route's own time limit is a timeout", async () => {
  const dir = tempDir();
  expect(await bot(['stubborn', join(dir, 'pids')], { limitMs: 50 })).toMatchObject({
    cause: 'timeout',
    code: 'timeout',
  });
});

test('an abort ends the whole process group, however stubborn, and close waits until it is gone', async () => {
  const pidFile = join(tempDir(), 'pids');
  const stop = new AbortController();
  const provider = await createProvider(
    refundBot({ provider: 'command', command: [process.execPath, BOT, 'stubborn', pidFile] }),
    context(BASICS),
  );
  const call = provider.call(ticket(), stop.signal);
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '')
    await new Promise((r) => setTimeout(r, 20));
  const pids = readFileSync(pidFile, 'utf8').split(' ').map(Number);
  expect(pids.map(alive)).toEqual([true, true]);
  stop.abort();
  expect(await call).toMatchObject({ kind: 'failed', cause: 'timeout', code: 'aborted' });
  await provider.close?.();
  while (pids.some(alive)) await new Promise((r) => setTimeout(r, 20));
});

test('a signal that fired before starts nothing', async () => {
  const pidFile = join(tempDir(), 'pids');
  expect(await bot(['stubborn', pidFile], { signal: AbortSignal.abort() })).toMatchObject({
    code: 'aborted',
  });
  expect(existsSync(pidFile)).toBe(false);
});

test('a command may be one text, and a variable it names must be there', async () => {
  expect(splitCommand(`node "my bot.mjs" --tone 'very kind' a\\ b "say \\"hi\\"" ''`)).toEqual([
    'node',
    'my bot.mjs',
    '--tone',
    'very kind',
    'a b',
    'say "hi"',
    '',
  ]);
  const provider = await createProvider(
    refundBot({ provider: 'command', command: `"${process.execPath}" "${BOT}" plain` }),
    context(BASICS),
  );
  expect(await provider.call(ticket(), patience())).toMatchObject({
    output: { text: 'Your money is on its way.' },
  });
  await expect(
    createProvider(refundBot({ provider: 'command', command: ['node'], env: ['NOT_SET'] }), context(BASICS)),
  ).rejects.toMatchObject({ code: 'ENV_MISSING', exitCode: 2 });
  await expect(
    createProvider(refundBot({ provider: 'command', command: [] }), context(BASICS)),
  ).rejects.toMatchObject({ code: 'ROUTE_INCOMPLETE' });
});

/** A zombie that waits for a parent to notice it counts as gone. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    try {
      process.kill(pid, 0);
      return !existsSync('/proc/self');
    } catch {
      return false;
    }
  }
}

test('a script is run under its own fingerprint only: changed or gone, it is refused before any call', async () => {
  const dir = tempDir();
  const file = join(dir, 'app/bot.mjs');
  mkdirSync(join(dir, 'app'));
  writeFileSync(file, "process.stdout.write('as recorded');\n");
  writeFileSync(
    join(dir, 'release.yaml'),
    `route: { provider: command, command: ["${process.execPath}", app/bot.mjs] }\n`,
  );
  const release = await loadRelease(join(dir, 'release.yaml'));
  const ask = async () => {
    const provider = await createProvider(release, context(BASICS));
    return provider.call(ticket(), patience());
  };
  expect(await ask()).toMatchObject({ output: { text: 'as recorded' } });
  // Line ends are no change.
  writeFileSync(file, "process.stdout.write('as recorded');\r\n");
  expect(await ask()).toMatchObject({ output: { text: 'as recorded' } });
  writeFileSync(file, "process.stdout.write('another');\n");
  await expect(ask()).rejects.toMatchObject({
    code: 'SCRIPT_CHANGED',
    exitCode: 2,
    message: expect.stringMatching(/"app\/bot.mjs".* has changed/),
  });
  rmSync(file);
  await expect(ask()).rejects.toMatchObject({ message: expect.stringMatching(/is not there/) });
});
