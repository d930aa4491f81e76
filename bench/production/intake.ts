// npm run bench:intake [seconds] [observations a second] [connections] (default 60, 5,000, 50; 10 lines a request)
// Sends observations to `lastgood serve` in a process of its own at a steady rate, kills it in the middle with SIGKILL, and checks that
// nothing acknowledged is lost and nothing counts twice. Prints latencies and the server's memory.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const [seconds = 60, rate = 5000, connections = 50] = process.argv.slice(2).map(Number);
const LINES = 10;
const PORT = 17_411;
const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-intake-'));
const agent = new Agent({ keepAlive: true, maxSockets: connections });

async function serve(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [BIN, 'serve', '--port', String(PORT), '--quiet'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data');
  return child;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function call(method: string, path: string, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: PORT, method, path, agent },
        headers: { 'content-type': 'application/x-ndjson', 'content-length': Buffer.byteLength(body) },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const lines = (ids: readonly number[]): string =>
  ids
    .map((id) =>
      JSON.stringify({
        ...{ id: `o${id}`, at: new Date().toISOString(), feature: 'triage', release: 'r1' },
        ...{ template: `t${id % 10}`, segment: id % 3 === 0 ? 'pro' : 'free', latency_ms: 200 + (id % 900) },
        output: 'We refund your order within five days. '.repeat(1 + (id % 12)),
        ...{ usage: { input_tokens: 100, output_tokens: 40 + (id % 50) }, cost_usd: 0.001 },
      }),
    )
    .join('\n');

let server = await serve();
const latencies: number[] = [];
const memory: number[] = [];
let cpu = 0;
const unanswered: number[][] = [];
let [acknowledged, next, open, killed] = [0, 0, 0, false];
const start = performance.now();
const total = seconds * rate;
const halfway = Math.floor(total / 2);
const sampling = setInterval(() => {
  call('GET', '/metrics')
    .then(({ body }) => {
      memory.push(Number(/process_resident_memory_bytes (\d+)/.exec(body)?.[1] ?? 0) / 1e6);
      cpu = Number(/process_cpu_seconds_total ([\d.]+)/.exec(body)?.[1] ?? 0);
    })
    .catch(() => {});
}, 2000);

async function send(ids: number[]): Promise<void> {
  open++;
  const began = performance.now();
  try {
    const { status } = await call('POST', '/v1/observations', lines(ids));
    if (status !== 200) throw new Error(`status ${status}`);
    latencies.push(performance.now() - began);
    acknowledged += ids.length;
  } catch {
    unanswered.push(ids);
  } finally {
    open--;
  }
}

while (next < total) {
  const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * rate));
  while (next < due && open < connections) {
    const ids = Array.from({ length: Math.min(LINES, total - next) }, (_, i) => next + i);
    next += ids.length;
    void send(ids);
  }
  if (!killed && next >= halfway) {
    killed = true;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    server = await serve();
  }
  await sleep(2);
}
while (open > 0) await sleep(5);
const took = (performance.now() - start) / 1000;
clearInterval(sampling);
// What got no answer is sent again: it was stored, or it was not.
for (const ids of unanswered) await call('POST', '/v1/observations', lines(ids));
await sleep(2000);
const report = JSON.parse((await call('GET', '/v1/signals/triage?since=24h')).body) as {
  groups: { observations: number }[];
};
const stored = report.groups[0]?.observations ?? 0;
const gone = once(server, 'exit');
server.kill('SIGTERM');
await gone;
agent.destroy();
latencies.sort((a, b) => a - b);
const at = (q: number): string => `${(latencies[Math.floor(q * (latencies.length - 1))] ?? 0).toFixed(0)} ms`;
process.stdout.write(
  `${next} observations sent over ${connections} connections in ${took.toFixed(1)} s (${Math.round(next / took)} a second)
acknowledged ${acknowledged}, without an answer at the SIGKILL ${unanswered.flat().length} (sent again)
counted in windows ${stored}: ${stored === next ? 'nothing lost, none twice' : 'WRONG'}
latency p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, longest ${at(1)}
CPU of the second server ${cpu.toFixed(1)} s, about ${((cpu / (next - halfway)) * 1e6).toFixed(0)} µs an observation
memory of the server: ${memory.map((mb) => mb.toFixed(0)).join(' ')} MB
`,
);
await rm(folder, { recursive: true, force: true });
process.exitCode = stored === next ? 0 : 1;
