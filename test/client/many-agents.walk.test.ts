// Many agents against one `lastgood serve`: a rate holds exactly over eight processes, and a stop holds for a hundred guards.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ActionStopped, connectGuard } from '../../src/client/index.ts';
import type { GuardDecision } from '../../src/core/index.ts';
import { withGuard } from '../../src/jobs/guard/open-guard.ts';
import { ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { serve } from '../server/serve-child.ts';

const TICKET = `
feature: desk
control: { release: ../a.yaml }
candidate: { release: ../b.yaml }
suite: ../suite.yaml
stages: [{ percent: 100 }]
gates: [{ signal: errors, over: 200 calls, above: 1%, then: rollback }]
guard: { rate: { mail: 50/d }, fail: open }
`;
const AGENT = `
import { connectGuard } from ${JSON.stringify(join(ROOT, 'src/client/index.ts'))};
const [url, name, count] = process.argv.slice(1);
const guard = connectGuard({ url, feature: 'desk', agent: name, timeoutMs: 60_000 });
await guard.ready();
console.log('ready');
process.stdin.once('data', async () => {
  const ends = { sent: 0, RATE_LIMITED: 0 };
  const ask = async (i) => {
    try {
      await guard.act({ action: 'mail', key: name + i }, () => ends.sent++);
    } catch (error) {
      ends[error.code ?? error.message] = (ends[error.code ?? error.message] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: Number(count) }, (_, i) => ask(i)));
  console.log(JSON.stringify(ends));
  guard.close();
  process.stdin.destroy();
});`;

async function desk() {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  await mkdir(join(folder.path, 'features'));
  await writeFile(join(folder.path, 'features/desk.yaml'), TICKET);
  const db = join(folder.path, 'lastgood.db');
  const server = await serve(folder.path, ['--db', db]);
  /** Oldest first. */
  const log = async (): Promise<readonly GuardDecision[]> =>
    [...(await withGuard(db, (store) => store.decisions({ most: 100_000 })))].reverse();
  return { url: server.url, log };
}

/** An agent in a process of its own, that begins when it is told to. */
function agent(url: string, name: string, count: number) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', AGENT, url, name, String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const closed = once(child, 'close');
  return {
    ready: () => expect.poll(() => said, { timeout: 120_000 }).toBe('ready\n'),
    begin: () => child.stdin.write('go'),
    async end(): Promise<Record<string, number>> {
      expect((await closed)[0]).toBe(0);
      return JSON.parse(said.slice('ready\n'.length)) as Record<string, number>;
    },
  };
}

test('of eight processes that ask at once, exactly as many actions are executed as the rate allows', async () => {
  const { url, log } = await desk();
  const agents = Array.from({ length: 8 }, (_, i) => agent(url, `agent-${i}-`, 40));
  for (const one of agents) await one.ready();
  for (const one of agents) one.begin();
  const ends = await Promise.all(agents.map((one) => one.end()));
  const sum = (key: string): number => ends.reduce((all, end) => all + (end[key] ?? 0), 0);
  expect({ sent: sum('sent'), limited: sum('RATE_LIMITED') }).toEqual({ sent: 50, limited: 270 });
  const decisions = await log();
  expect(decisions).toHaveLength(320);
  expect(decisions.filter((d) => d.outcome === 'allowed' && d.succeeded === true)).toHaveLength(50);
}, 180_000);

test('a stop reaches a hundred guards at work, and nothing is allowed after it', async () => {
  const { url, log } = await desk();
  const guards = Array.from({ length: 100 }, (_, i) =>
    connectGuard({ url, feature: 'desk', agent: `agent-${i}`, timeoutMs: 60_000 }),
  );
  onTestFinished(() => {
    for (const guard of guards) guard.close();
  });
  await Promise.all(guards.map((guard) => guard.ready()));
  let executed = 0;
  const ends = guards.map(async (guard, g) => {
    for (let i = 0; ; i++) {
      try {
        await guard.act({ action: 'note', key: `${g}-${i}` }, () => ++executed);
      } catch (error) {
        return error;
      }
    }
  });
  await expect.poll(() => executed, { timeout: 120_000 }).toBeGreaterThan(300);
  const stop = await fetch(`${url}/v1/guard/desk/stop`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ by: 'ada', why: 'wrong refunds' }),
  });
  expect(stop.status).toBe(200);
  for (const error of await Promise.all(ends)) expect(error).toBeInstanceOf(ActionStopped);
  await expect.poll(() => guards.filter((g) => g.signal.aborted).length, { timeout: 60_000 }).toBe(100);
  const after = executed;
  for (const guard of guards)
    await expect(guard.act({ action: 'note', key: 'after' }, () => ++executed)).rejects.toBeInstanceOf(
      ActionStopped,
    );
  expect(executed).toBe(after);

  const decisions = await log();
  const first = decisions.findIndex((d) => d.outcome === 'stopped');
  expect(decisions.slice(first).every((d) => d.outcome === 'stopped')).toBe(true);
  expect(decisions.length - first).toBeGreaterThanOrEqual(200);
  // What was permitted just before and had not begun is not executed either, and the log says so.
  expect(decisions.filter((d) => d.succeeded === true)).toHaveLength(executed);
}, 180_000);
