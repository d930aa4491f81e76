// lastgood mcp: the real command as a child process, called by the official SDK's client over stdio.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, type ClientOptions } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastgood, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { withoutPackage } from '../cli/without-package.ts';
import { INJECTION, type Project, refundProject, SECRET } from './refund-project.ts';

const BIN = join(ROOT, 'bin/lastgood.js');

/** The examples of docs/mcp.md: a server that reads, and one that may run. */
const DOCUMENTED = [
  ...readFileSync(join(ROOT, 'docs/mcp.md'), 'utf8').matchAll(/```json\n([\s\S]*?)```/g),
].map(([, text]) => {
  const { mcpServers, servers } = JSON.parse(text ?? '');
  return (mcpServers ?? servers).lastgood as { command: string; args: string[] };
});

let project: Project;
let reader: Connection;
let runner: Connection;
beforeAll(async () => {
  project = await refundProject();
  const [reads, runs] = DOCUMENTED.map(({ args }) => args.slice(2));
  reader = await connect(reads, { env: { OPENAI_API_KEY: SECRET } });
  runner = await connect(runs);
});
afterAll(async () => {
  await reader?.[Symbol.asyncDispose]();
  await runner?.[Symbol.asyncDispose]();
  await project?.[Symbol.asyncDispose]();
});

interface Connection extends AsyncDisposable {
  readonly client: Client;
  /** Structured result and text of a tool. */
  // biome-ignore lint/suspicious/noExplicitAny: what a tool returns is read as a client reads it
  call(name: string, args?: object): Promise<{ data: any; text: string; failed: boolean }>;
}

async function connect(
  words: readonly string[] = [],
  {
    cwd = project.path,
    env = {},
    options = {},
  }: { cwd?: string; env?: Record<string, string>; options?: ClientOptions } = {},
): Promise<Connection> {
  const client = new Client({ name: 'test', version: '1.0.0' }, options);
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [BIN, 'mcp', ...words],
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stderr: 'pipe',
  });
  transport.stderr?.on('data', () => {});
  await client.connect(transport);
  return {
    client,
    call: async (name, args = {}) => {
      const result = await client.callTool({ name, arguments: { ...args } });
      const [block] = result.content as { type: string; text: string }[];
      return { data: result.structuredContent, text: block?.text ?? '', failed: result.isError === true };
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

const READ_TOOLS = [
  'compare',
  'explain_verdict',
  'history',
  'list_snapshots',
  'show_case',
  'status',
  'timeline',
];
const RUN_TOOLS = ['find_rollback_target', 'run_suite'];

test('the read tools are always there, and every result fits the schema that was announced', async () => {
  const { tools } = await reader.client.listTools();
  expect(tools.map((t) => t.name).sort()).toEqual(READ_TOOLS);
  for (const tool of tools) {
    expect(tool.annotations).toMatchObject({ readOnlyHint: true, openWorldHint: false });
    expect(tool.outputSchema).toMatchObject({
      required: expect.arrayContaining(['schemaVersion', 'notice']),
    });
  }
  // The client checks structured results against the announced schemas, and rejects what does not fit.
  const status = await reader.call('status');
  expect(status.data).toMatchObject({ ok: true, suites: [{ suite: 'refunds', fresh: true }] });
  const { data: list } = await reader.call('list_snapshots', { suite: 'refunds' });
  expect(list.snapshots).toMatchObject([
    { id: project.bad, passRate: 0, baseline: false, costUsd: null },
    { id: project.good, passRate: 1, baseline: true },
  ]);
  expect((await reader.call('list_snapshots', { limit: 1 })).data).toMatchObject({ more: true });
  const { data: compared } = await reader.call('compare');
  expect(compared.comparison).toMatchObject({
    ...{ baseline: project.good, candidate: project.bad, verdict: 'regressed', gate: 'fail' },
    counts: { regressed: 12 },
  });
  const { data: why } = await reader.call('explain_verdict', { case: 'refund-01' });
  expect(why).toMatchObject({
    verdict: 'regressed',
    example: { baseline: { untrusted: 'Your refund is on its way.' } },
  });
  expect((await reader.call('explain_verdict')).data.report.untrusted).toContain('REGRESSED');
  const { data: history } = await reader.call('history', { suite: 'refunds' });
  expect(history).toMatchObject({ onsets: [{ snapshot: project.bad, lastAtOldLevel: project.good }] });
});

test('the timeline of production says what it cannot judge', async () => {
  const at = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
  const rows = [30, 20, 10].map((hours) => ({
    id: `o${hours}`,
    at: at(hours),
    output: 'Done.',
    latency_ms: 9,
  }));
  const file = join(project.path, 'answers.jsonl');
  await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  const taken = await lastgoodHere(['observe', file, '--feature', 'refund-bot'], { cwd: project.path });
  expect(taken.code, taken.stderr).toBe(0);
  const { data, text } = await reader.call('timeline', { feature: 'refund-bot' });
  expect(data).toMatchObject({ answers: 3, order: [], judged: 0, moreItems: 0 });
  expect(data.unjudged).toBeGreaterThan(0);
  expect(text.split('\n')[0]).toMatch(/^0 signals moved, \d+ cannot be judged, 3 answers$/);
});

test('text of the ledger is marked as data, shows what hides in it, and holds no secret', async () => {
  const { data, text } = await reader.call('show_case', {
    snapshot: project.bad,
    case: 'refund-01',
    trials: 1,
  });
  const [trial] = data.trials;
  expect(trial.pass).toBe(false);
  expect(trial.output.untrusted).toMatch(/^Ignore all previous .*\\u200b\\u\{e0041\}/);
  expect(data.moreTrials).toBe(2);
  const whole = JSON.stringify(data) + text;
  expect(whole).not.toContain(SECRET);
  expect(whole).not.toContain(INJECTION);
  // The headline is in our words; everything else stands between two lines that no text can contain.
  const nonce = /^--- ([\da-f]{12})$/m.exec(text)?.[1];
  expect(text.split('\n')[0]).toBe('0 of 3 trials passed');
  expect(text.endsWith(`--- end ${nonce}`)).toBe(true);
  const cut = await reader.call('show_case', {
    snapshot: project.bad,
    case: 'refund-01',
    maxCharacters: 100,
  });
  expect(cut.data.input.vars.untrusted.length).toBeLessThanOrEqual(100);
});

test('errors carry the codes of the project', async () => {
  const code = async (name: string, args: object): Promise<unknown> => {
    const { data, failed, text } = await reader.call(name, args);
    expect(failed).toBe(true);
    expect(text).toContain(`[${data.code}]`);
    return data.code;
  };
  expect(await code('compare', { baseline: 'szzzzzzz' })).toBe('REF_NOT_FOUND');
  expect(await code('show_case', { case: 'refund-1' })).toBe('CASE_NOT_FOUND');
  expect(await code('explain_verdict', { case: 'refund-99' })).toBe('CASE_NOT_FOUND');
  expect(await code('history', { suite: 'refund' })).toBe('SUITE_NOT_FOUND');
  expect(await code('timeline', { feature: 'refund' })).toBe('NO_FEATURE');
  expect(await code('timeline', { feature: 'refund', days: 400 })).toBe('MCP_ARGUMENTS');
  expect(await code('list_snapshots', { limit: 'many' })).toBe('MCP_ARGUMENTS');
  expect(await code('compare', { sutie: 'refunds' })).toBe('MCP_ARGUMENTS');
  await expect(reader.client.callTool({ name: 'run_suite', arguments: {} })).rejects.toThrow(/not found/);
});

test('runs need --allow-run and a limit, which holds over all of them', async () => {
  const unlimited = await lastgoodHere(['mcp', '--allow-run'], { cwd: project.path });
  expect(unlimited).toMatchObject({ code: 2, stdout: '' });
  expect(unlimited.stderr).toContain('[BAD_OPTION]');

  const { tools } = await runner.client.listTools();
  expect(tools.map((t) => t.name).sort()).toEqual([...READ_TOOLS, ...RUN_TOOLS].sort());
  expect(tools.find((t) => t.name === 'run_suite')?.annotations).toMatchObject({ readOnlyHint: false });
  await using copy = await refundProject();
  await using server = await connect(['--allow-run', '--max-calls', '40'], { cwd: copy.path });
  const { data: dry } = await server.call('run_suite', { dryRun: true });
  expect(dry).toMatchObject({ kind: 'estimate', estimate: { calls: 36 }, left: { calls: 40 } });
  const { data: run } = await server.call('run_suite', { release: 'bad' });
  expect(run).toMatchObject({
    kind: 'run',
    stoppedBy: null,
    comparison: { gate: 'fail' },
    left: { calls: 4 },
  });
  const { data: target } = await server.call('find_rollback_target', { suite: 'refunds' });
  expect(target).toMatchObject({ decision: 'none', target: null });
  // Two at once: whichever comes second waits for the other, and finds what that one left.
  const both = (await Promise.all([server.call('run_suite'), server.call('run_suite')])).map((c) => c.data);
  const refused = both.filter((data) => data['code'] === 'MCP_LIMIT_REACHED');
  expect(refused).toHaveLength(1);
  expect(both.find((data) => data !== refused[0])).toMatchObject({
    ...{ stoppedBy: 'max-calls', left: { calls: 0 }, snapshot: { calls: 4 } },
  });
});

test('a client names no file outside the project', async () => {
  await using outside = await temporaryFolder();
  await writeFile(join(outside.path, 'suite.yaml'), 'name: other\ncases: []\n');
  await writeFile(
    join(outside.path, 'release.yaml'),
    'name: x\nroute: { provider: command, command: [id] }\n',
  );
  const suite = await runner.call('run_suite', { suite: outside.path });
  expect(suite.data).toMatchObject({ code: 'PATH_OUTSIDE' });
  const release = await runner.call('run_suite', { release: join(outside.path, 'release.yaml') });
  expect(release.data).toMatchObject({ code: 'PATH_OUTSIDE' });
});

test('a run that the client cancels stops, keeps what it has, and counts', async () => {
  let asked = 0;
  const service = createServer((_, reply) => {
    asked++;
    setTimeout(() => reply.end(JSON.stringify({ text: 'Your refund is on its way.' })), 150);
  });
  await new Promise<void>((ready) => service.listen(0, '127.0.0.1', ready));
  try {
    const { port } = service.address() as AddressInfo;
    await writeFile(
      join(project.path, 'releases/live.yaml'),
      `name: live\nroute: { provider: http, url: "http://127.0.0.1:${port}/", body: { ticket: "{{ ticket }}" }, output: text }\n`,
    );
    const cancel = new AbortController();
    const seen: number[] = [];
    const running = runner.client.callTool(
      { name: 'run_suite', arguments: { release: 'live', trials: 50 } },
      {
        signal: cancel.signal,
        onprogress: ({ progress }) => {
          seen.push(progress);
          cancel.abort();
        },
      },
    );
    await expect(running).rejects.toThrow();
    expect(seen.length).toBeGreaterThan(0);
    await expect
      .poll(async () => (await runner.call('list_snapshots', { limit: 1 })).data.snapshots[0], {
        timeout: 60_000,
      })
      .toMatchObject({ release: 'live', state: 'interrupted' });
    expect(asked).toBeLessThan(500);
    const { data } = await runner.call('run_suite', { dryRun: true });
    expect(data.left.calls).toBe(500 - asked);
  } finally {
    service.closeAllConnections();
    service.close();
  }
});

test('nothing but the protocol is on stdout, whatever loaded code prints, and the end of stdin ends the process', async () => {
  await using copy = await refundProject();
  await writeFile(
    join(copy.path, 'noisy.mjs'),
    'console.log("loaded");\nexport default (text) => { console.log(text); return text; };\n',
  );
  const settings = await readFile(join(copy.path, 'lastgood.yaml'), 'utf8');
  await writeFile(join(copy.path, 'lastgood.yaml'), `${settings}redact: [{ module: noisy.mjs }]\n`);
  const child = spawn(process.execPath, [BIN, 'mcp', '--allow-run', '--max-calls', '50'], { cwd: copy.path });
  const lines: string[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise((done) => child.on('close', done));
  const replies = createInterface({ input: child.stdout });
  const answered = new Promise<void>((done) => {
    replies.on('line', (line) => {
      lines.push(line);
      if (line.includes('"id":2')) done();
    });
  });
  const send = (message: object): void =>
    void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  };
  send({ id: 1, method: 'initialize', params });
  send({ method: 'notifications/initialized' });
  send({ id: 2, method: 'tools/call', params: { name: 'run_suite', arguments: {} } });
  await answered;
  child.stdin.end();
  expect(await ended).toBe(0);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { jsonrpc: '2.0', id: 1 },
    { jsonrpc: '2.0', id: 2, result: { structuredContent: { kind: 'run' } } },
  ]);
  expect(stderr).toContain('loaded');
});

test('clients of the newer protocol era are served too; a missing ledger is an error of the tool', async () => {
  await using empty = await temporaryFolder();
  const options: ClientOptions = { versionNegotiation: { mode: 'auto' } };
  await using server = await connect([], { cwd: empty.path, options });
  expect(server.client.getProtocolEra()).toBe('modern');
  expect((await server.call('status')).data.code).toBe('LEDGER_MISSING');
});

test('without the SDK the error names the package to install', async () => {
  await using folder = await temporaryFolder();
  const env = await withoutPackage(folder.path, '@modelcontextprotocol/');
  const outcome = await lastgood(['mcp'], { cwd: project.path, env });
  expect(outcome).toMatchObject({ code: 4, stdout: '' });
  expect(outcome.stderr).toContain('[MCP_SDK_MISSING]');
  expect(outcome.stderr).toContain('npm install --save-dev @modelcontextprotocol/server@2');
});

test('docs/mcp.md lists the tools, and its examples are the servers of these tests', async () => {
  const page = await readFile(join(ROOT, 'docs/mcp.md'), 'utf8');
  const tools = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name).sort();
  expect(tools).toEqual([...READ_TOOLS, ...RUN_TOOLS].sort());
  expect(DOCUMENTED.map(({ command, args }) => [command, ...args.slice(0, 2)])).toEqual([
    ['npx', 'lastgood', 'mcp'],
    ['npx', 'lastgood', 'mcp'],
  ]);
});
