// npm run bench:flags [repetitions] [seconds each] (default 5, 4)
// One `lastgood serve` in a process of its own: evaluations over OFREP a second, how soon a change reaches listeners, and how soon a
// stop reaches a hundred guards at work. The machine is shared: every repetition is printed, the best one first.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, get, request } from 'node:http';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { secretMask } from '../../src/base/index.ts';
import { ActionStopped, connectGuard } from '../../src/client/index.ts';
import { setFlag } from '../../src/jobs/flag/set-flag.ts';
import { changeStop } from '../../src/jobs/guard/stop.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';

const [repetitions = 5, seconds = 4] = process.argv.slice(2).map(Number);
const CONNECTIONS = 8;
const CHANGES = 60;
const LISTENERS = 20;
const GUARDS = 100;
const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-flags-'));
const db = join(folder, 'lastgood.db');
await mkdir(join(folder, 'features'));
await writeFile(
  join(folder, 'features/desk.yaml'),
  `feature: desk
control: { release: ../a.yaml }
candidate: { release: ../b.yaml }
suite: ../suite.yaml
stages: [{ percent: 100 }]
gates: [{ signal: errors, over: 200 calls, above: 1%, then: rollback }]
guard: { rate: { refund: 1000/h }, fail: closed }
`,
);

async function serve(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(
    process.execPath,
    [BIN, 'serve', '--port', '0', '--db', db, '--quiet', '--no-monitors'],
    {
      ...{ cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
    },
  );
  const [said] = (await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')) as [Buffer];
  return { child, port: Number(/127\.0\.0\.1:(\d+)/.exec(String(said))?.[1]) };
}

const { child: server, port } = await serve();
const url = `http://127.0.0.1:${port}`;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const shipping = await openShippingLog(db);
const place = { mask: secretMask([]), clock: { now: () => new Date() } };
const set = (key: string, value: string, more: { percent?: number; when?: readonly string[] } = {}) =>
  setFlag(place, shipping, {
    ...{ key, value, feature: '*', environment: 'production', by: 'bench', why: 'a measurement' },
    ...{ when: more.when ?? [], percent: more.percent },
  });

function call(method: string, path: string, body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request({ host: '127.0.0.1', port, method, path, agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(text) : reject(new Error(`${answer.statusCode} ${text}`)),
      );
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const at = (sorted: readonly number[], q: number): number => sorted[Math.ceil(q * sorted.length) - 1] ?? 0;
const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
const print = (text: string): void => void process.stdout.write(`${text}\n`);
const load = (): string => loadavg()[0]?.toFixed(1) ?? '?';

async function cpuSeconds(): Promise<number> {
  return Number(/process_cpu_seconds_total ([\d.]+)/.exec(await call('GET', '/metrics'))?.[1] ?? 0);
}

/** Each connection asks again as soon as it has its answer. */
async function evaluations(): Promise<{ perSecond: number; latencies: number[]; cpuMicros: number }> {
  const latencies: number[] = [];
  const cpu = await cpuSeconds();
  const start = performance.now();
  const end = start + seconds * 1000;
  const connection = async (c: number): Promise<void> => {
    for (let i = 0; performance.now() < end; i++) {
      const began = performance.now();
      const context = {
        targetingKey: `user-${c}-${i}`,
        segment: i % 3 === 0 ? 'beta' : 'free',
        feature: 'desk',
      };
      await call('POST', '/ofrep/v1/evaluate/flags/new-summary', JSON.stringify({ context }));
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, c) => connection(c)));
  const took = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const cpuMicros = (((await cpuSeconds()) - cpu) / latencies.length) * 1e6;
  return { perSecond: latencies.length / took, latencies, cpuMicros };
}

async function measureEvaluations(): Promise<void> {
  const all: (Awaited<ReturnType<typeof evaluations>> & { readonly load: string })[] = [];
  for (let i = 0; i < repetitions; i++) all.push({ ...(await evaluations()), load: load() });
  all.sort((a, b) => b.perSecond - a.perSecond);
  print(
    `OFREP, ${CONNECTIONS} connections, ${seconds} s each, 21 flags, a rule with a segment and a percentage`,
  );
  for (const { perSecond, latencies, cpuMicros, load } of all)
    print(
      `  ${perSecond.toFixed(0)} a second; p50 ${ms(at(latencies, 0.5))}, p99 ${ms(at(latencies, 0.99))}, longest ${ms(latencies.at(-1) ?? 0)}; ${cpuMicros.toFixed(0)} µs of the server's processor each; load ${load}`,
    );
}

/** Follows the stream of changes; calls back with the number of each change. */
async function listen(onChange: (no: number) => void): Promise<() => void> {
  const asked = get(`${url}/ofrep/v1/events`, { agent: false });
  const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  answer.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const id = /^id: (\d+)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (id !== undefined) onChange(Number(id));
    }
  });
  answer.on('error', () => {});
  return () => asked.destroy();
}

/** From a change in another process to the value that a listener reads, the slowest of all listeners. */
async function measureChanges(): Promise<void> {
  let seen: number[] = [];
  let newest = 0;
  const leave = await Promise.all(
    Array.from({ length: LISTENERS }, () =>
      listen((no) => {
        if (no !== newest) return;
        void call('POST', '/ofrep/v1/evaluate/flags/ai.tools.enabled', '{}').then((answer) => {
          const { metadata } = JSON.parse(answer) as { metadata: { generation: number } };
          if (metadata.generation >= no) seen.push(performance.now());
        });
      }),
    ),
  );
  const times: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    await sleep(20 + ((i * 37) % 200));
    seen = [];
    newest = (await shipping.generation()) + 1;
    const began = performance.now();
    await set('ai.tools.enabled', String(i % 2 === 0));
    while (seen.length < LISTENERS && performance.now() - began < 30_000) await sleep(2);
    times.push(seen.length < LISTENERS ? Number.POSITIVE_INFINITY : Math.max(...seen) - began);
  }
  for (const end of leave) end();
  times.sort((a, b) => a - b);
  print(
    `flag change → value at the slowest of ${LISTENERS} listeners, ${CHANGES} changes: p50 ${ms(at(times, 0.5))}, p99 ${ms(at(times, 0.99))}, longest ${ms(times.at(-1) ?? 0)}; load ${load()}`,
  );
}

/** A stop while every guard acts as fast as it can. `over`: HTTP, or another process writes it into the ledger. */
async function measureStops(over: 'HTTP' | 'the ledger'): Promise<void> {
  const guards = Array.from({ length: GUARDS }, (_, i) =>
    connectGuard({ url, feature: 'desk', agent: `agent-${i}`, timeoutMs: 60_000 }),
  );
  await Promise.all(guards.map((guard) => guard.ready()));
  print(`a stop over ${over}, ${GUARDS} guards at work`);
  for (let i = 0; i < repetitions; i++) {
    const starts: number[] = [];
    const ends: number[] = [];
    const work = guards.map(async (guard, g) => {
      for (let n = 0; ; n++)
        try {
          await guard.act({ action: 'note', key: `${i}-${g}-${n}` }, () => starts.push(performance.now()));
        } catch (error) {
          if (!(error instanceof ActionStopped)) throw error;
          return;
        }
    });
    const aborted = guards.map((guard) =>
      once(guard.signal, 'abort').then(() => ends.push(performance.now())),
    );
    while (starts.length < 3 * GUARDS) await sleep(5);
    const asked = performance.now();
    const stop = { feature: 'desk', environment: 'production', stopped: true, by: 'ada', why: 'bench' };
    if (over === 'HTTP') await call('POST', '/v1/guard/desk/stop', JSON.stringify(stop));
    else await changeStop(place.mask, shipping, { ...stop, now: new Date() });
    const recorded = performance.now();
    await Promise.all([...aborted, ...work]);
    const late = starts.filter((start) => start > recorded);
    const last = late.length === 0 ? '' : `, the last ${ms(Math.max(...late) - recorded)} after it`;
    print(
      `  recorded in ${ms(recorded - asked)}; at the last guard ${ms(Math.max(...ends) - asked)} after it was asked for; actions that began after the record: ${late.length}${last}; load ${load()}`,
    );
    await call('POST', '/v1/guard/desk/start', JSON.stringify({ by: 'ada', why: 'bench' }));
    while (guards.some((guard) => guard.stopped !== null)) await sleep(5);
  }
  for (const guard of guards) guard.close();
}

try {
  for (let i = 0; i < 18; i++) await set(`flag-${i}`, 'true');
  await set('ai.tools.enabled', 'true');
  await set('ai.action.mode', 'auto');
  await set('new-summary', 'true', { percent: 30, when: ['segment=beta'] });
  print(`${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, load ${load()}`);
  await evaluations();
  await measureEvaluations();
  await measureChanges();
  // While it is false every action is refused.
  await set('ai.tools.enabled', 'true');
  await measureStops('HTTP');
  await measureStops('the ledger');
} finally {
  await shipping.close();
  agent.destroy();
  const gone = once(server, 'exit');
  server.kill('SIGTERM');
  await gone;
  await rm(folder, { recursive: true, force: true });
}
