// npm run bench:workers -- [--trials 10000] [--workers 1,2,4] [--concurrency 16] [--kill 0] [--rate 0]
// A distributed run at 20 ms latency: trials a second, processor time, rows a second and lock waits by number of workers, with workers killed
// (`--kill SECONDS`), or held to a limit (`--rate CALLS`). Service, server, `run` and workers share this machine. Fails where a trial has no row or two.

import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { countingService } from '../../test/distributed/service.ts';
import { type Process, project, start, trialRows } from '../../test/distributed/world.ts';
import { noPostgres, startPostgres } from '../../test/ledger/postgres-server.ts';

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '10000' },
    workers: { type: 'string', default: '1,2,4' },
    concurrency: { type: 'string', default: '16' },
    kill: { type: 'string', default: '0' },
    rate: { type: 'string', default: '0' },
  },
});
if (noPostgres !== null) process.exit(1);
const [trials, killS, rate] = [values.trials, values.kill, values.rate].map(Number) as [
  number,
  number,
  number,
];
const KEY = { DESK_KEY: 'sk-bench-1234567890' };

/** Processor seconds of a process so far; 0 once it has ended. */
async function cpuOf(pid: number | undefined): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

const server = await startPostgres();
const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-workers-'));
const began: Process[] = [];
try {
  console.log(`${trials} trials, 20 ms latency, ${values.concurrency} calls at once in each worker`);
  console.log(
    '| workers | calls | killed | s | trials/s | calls/s in the middle | worker CPU s | lock waits seen | load |\n|---|---|---|---|---|---|---|---|---|',
  );
  for (const workers of values.workers.split(',').map(Number)) {
    const service = await countingService({ latencyMs: 20 });
    await project(folder, { cases: trials, url: service.url });
    const LASTGOOD_DB = server.fresh();
    const begin = (args: string[]): Process => {
      const one = start(folder, args, { ...KEY, LASTGOOD_DB });
      began.push(one);
      return one;
    };
    const worker = (): Process => begin(['worker', '--quiet', '--concurrency', values.concurrency]);
    const extra = rate > 0 ? ['--calls-per-second', String(rate)] : [];
    const run = begin([
      'run',
      'suite.yaml',
      '--release',
      'releases/today.yaml',
      '--distributed',
      '--json',
      ...extra,
    ]);
    const alive = Array.from({ length: workers }, worker);
    const watcher = new Client(server.url);
    await watcher.connect();
    let [waits, looks, killed, cpu] = [0, 0, 0, 0];
    let lastKill = Date.now();
    const seen = new Map<number | undefined, number>();
    while (run.child.exitCode === null && run.child.signalCode === null) {
      const { rows } = await watcher.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
      );
      waits += rows[0].n;
      looks++;
      for (const { child } of alive)
        seen.set(child.pid, Math.max(seen.get(child.pid) ?? 0, await cpuOf(child.pid)));
      if (killS > 0 && service.calls.length > 0 && Date.now() - lastKill > killS * 1000) {
        lastKill = Date.now();
        killed++;
        alive.shift()?.child.kill('SIGKILL');
        alive.push(worker());
      }
      await sleep(200);
    }
    for (const s of seen.values()) cpu += s;
    for (const { child } of alive) child.kill('SIGKILL');
    await watcher.end();
    const rows = await trialRows(LASTGOOD_DB);
    if (run.child.exitCode !== 0 || rows.rows !== trials || rows.distinct !== trials)
      throw new Error(`exit ${run.child.exitCode}, ${JSON.stringify(rows)}: ${run.said().err}`);
    const [first = 0, last = 0] = [service.calls[0], service.calls.at(-1)];
    const s = (last - first) / 1000;
    const [a, b] = [Math.floor(service.calls.length * 0.1), Math.floor(service.calls.length * 0.9)];
    const middle = ((b - a) * 1000) / ((service.calls[b] ?? 0) - (service.calls[a] ?? 0));
    console.log(
      `| ${workers} | ${service.calls.length} | ${killed} | ${s.toFixed(1)} | ${(trials / s).toFixed(0)} | ${middle.toFixed(1)} | ${cpu.toFixed(1)} | ${waits} in ${looks} looks | ${loadavg()[0]?.toFixed(1)} |`,
    );
    await service.close();
  }
} finally {
  for (const { child } of began) child.kill('SIGKILL');
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
