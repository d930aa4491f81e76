// npm run bench:workers -- [--cases 10000] [--trials 10] [--workers 1,2,4] [--concurrency 16] [--kill 10] [--rate 0] [--service plain|stated|refusing] [--statements]
// A distributed run at 20 ms latency by number of workers: trials a second, processor time, rows, commits and lock waits of PostgreSQL, with a
// worker killed (kill -9) every `--kill` seconds and replaced. `--rate N`: held to N calls a second by --calls-per-second (`plain`), by a service
// that states its limit in headers (`stated`), or by one that only refuses (`refusing`). Service, server, `run` and workers share this machine; the
// server waits for the disk. Fails where a trial has no row or two, or where more calls were repeated than were in flight at the kills.

import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { type CountingService, countingService } from '../../test/distributed/service.ts';
import { type Process, project, start, trialRows } from '../../test/distributed/world.ts';
import { noPostgres, startPostgres } from '../../test/ledger/postgres-server.ts';
import { cpuOf, ServerWatch } from './watch-postgres.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    trials: { type: 'string', default: '10' },
    workers: { type: 'string', default: '1,2,4' },
    concurrency: { type: 'string', default: '16' },
    kill: { type: 'string', default: '10' },
    rate: { type: 'string', default: '0' },
    service: { type: 'string', default: 'plain' },
    statements: { type: 'boolean', default: false },
  },
});
if (noPostgres !== null) process.exit(1);
const [cases, perCase, killS, rate, concurrency] = [
  ...[values.cases, values.trials, values.kill],
  ...[values.rate, values.concurrency],
].map(Number) as [number, number, number, number, number];
const trials = cases * perCase;
const KEY = { DESK_KEY: 'sk-bench-1234567890' };
const MOST_LATE_S = 300;

/** The most calls in any second, and the mean of the middle four fifths. */
function pace(calls: readonly number[]): { readonly most: number; readonly mean: number } {
  let [most, from] = [0, 0];
  for (let to = 0; to < calls.length; to++) {
    while ((calls[to] as number) - (calls[from] as number) >= 1000) from++;
    most = Math.max(most, to - from + 1);
  }
  const [a, b] = [Math.floor(calls.length * 0.1), Math.floor(calls.length * 0.9)];
  return { most, mean: ((b - a) * 1000) / ((calls[b] ?? 0) - (calls[a] ?? 0)) };
}

const repeated = ({ asked }: CountingService): number =>
  [...asked.values()].reduce((sum, times) => sum + times - perCase, 0);

const began: Process[] = [];
const server = await startPostgres({
  settings: values.statements ? ['shared_preload_libraries=pg_stat_statements'] : [],
});
process.once('SIGINT', () => process.exit(130));
process.once('exit', () => {
  for (const { child } of began) child.kill('SIGKILL');
});
const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-workers-'));
try {
  if (values.statements) await statements('CREATE EXTENSION pg_stat_statements');
  const limits = rate > 0 ? `, ${rate} calls a second (${values.service})` : '';
  console.log(
    `${cases} cases × ${perCase} trials, 20 ms latency, ${concurrency} calls at once in each worker${limits}\n`,
  );
  console.log(
    '| workers | killed | called again | trials/s | most calls in a second | refused | CPU ms a trial: workers, PostgreSQL, service | rows/s | commits/s | log KB a trial | waiting for a lock | load |\n|---|---|---|---|---|---|---|---|---|---|---|---|',
  );
  for (const workers of values.workers.split(',').map(Number)) await measure(workers);
} finally {
  for (const { child } of began) child.kill('SIGKILL');
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measure(workers: number): Promise<void> {
  const limit = { perSecond: rate, bucket: 2 * rate, stated: values.service === 'stated' };
  const service = await countingService({
    latencyMs: 20,
    ...(values.service === 'plain' ? {} : { limit }),
  });
  await project(folder, { cases, trials: perCase, url: service.url });
  const LASTGOOD_DB = server.fresh();
  const begin = (args: string[]): Process => {
    const one = start(folder, args, { ...KEY, LASTGOOD_DB });
    began.push(one);
    return one;
  };
  const worker = (): Process => begin(['worker', '--quiet', '--concurrency', String(concurrency)]);
  const told = rate > 0 && values.service === 'plain' ? ['--calls-per-second', String(rate)] : [];
  const run = begin([
    'run',
    'suite.yaml',
    ...['--release', 'releases/today.yaml', '--distributed', '--json', ...told],
  ]);
  const alive = Array.from({ length: workers }, worker);
  while (service.calls.length === 0 && run.child.exitCode === null) await sleep(50);
  const watch = await ServerWatch.open(server);
  const serviceCpu = process.cpuUsage();
  const seen = new Map<number | undefined, number>();
  const before = await cpuOfAll(alive, seen);
  let [killed, lastKill, lastCall] = [0, Date.now(), Date.now()];
  let done: Awaited<ReturnType<ServerWatch['since']>> | null = null;
  let [usedMs, callsAtKill] = [0, 0];
  while (run.child.exitCode === null && run.child.signalCode === null) {
    await watch.look();
    await cpuOfAll(alive, seen);
    // Closing the snapshot is the work of `run`, and not of the workers.
    if (done === null && service.calls.length >= trials) {
      done = await watch.since();
      const { user, system } = process.cpuUsage(serviceCpu);
      usedMs = (user + system) / 1000;
    }
    // On a busy machine a worker may take longer than that to start: one that never called says nothing.
    const called = service.calls.length - callsAtKill >= workers * concurrency;
    if (killS > 0 && called && service.calls.length < trials && Date.now() - lastKill > killS * 1000) {
      lastKill = Date.now();
      callsAtKill = service.calls.length;
      killed++;
      alive.shift()?.child.kill('SIGKILL');
      alive.push(worker());
    }
    lastCall = Math.max(lastCall, service.calls.at(-1) ?? 0);
    if (Date.now() - lastCall > MOST_LATE_S * 1000 && service.calls.length < trials)
      throw new Error(`no call for ${MOST_LATE_S} s: ${run.said().err}`);
    await sleep(200);
  }
  for (const { child } of alive) child.kill('SIGKILL');
  const rows = await trialRows(LASTGOOD_DB);
  if (run.child.exitCode !== 0 || rows.rows !== trials || rows.distinct !== trials)
    throw new Error(`exit ${run.child.exitCode}, ${JSON.stringify(rows)}: ${run.said().err}`);
  const again = repeated(service);
  // In flight is what was called and not yet stored; a worker holds at most so many answers that wait for it.
  if (again > killed * 4 * concurrency)
    throw new Error(`${again} calls were made again after ${killed} kills`);
  if (done === null) throw new Error('the run ended before its last call');
  const [first = 0, last = 0] = [service.calls[0], service.calls.at(-1)];
  const seconds = (last - first) / 1000;
  const cpuS = [...seen.values()].reduce((sum, s) => sum + s, 0) - before;
  const { most, mean } = pace(service.calls);
  const perTrial = (ms: number): string => (ms / trials).toFixed(2);
  const refused = [...service.refused.values()].reduce((sum, n) => sum + n, 0);
  console.log(
    `| ${[
      ...[
        workers,
        killed,
        again,
        `${(trials / seconds).toFixed(0)} (middle ${mean.toFixed(1)})`,
        most,
        refused,
      ],
      `${perTrial(cpuS * 1000)}, ${done.cpuS === null ? '?' : perTrial(done.cpuS * 1000)}, ${perTrial(usedMs)}`,
      ...[(done.rows / seconds).toFixed(0), (done.commits / seconds).toFixed(0)],
      ...[(done.walBytes / 1024 / trials).toFixed(1), watch.waiting, loadavg()[0]?.toFixed(1)],
    ].join(' | ')} |`,
  );
  if (values.statements) await statements(null);
  await watch.close();
  await service.close();
}

/** Processor seconds of these processes so far, the most of each kept in `seen`. */
async function cpuOfAll(
  processes: readonly Process[],
  seen: Map<number | undefined, number>,
): Promise<number> {
  let sum = 0;
  for (const { child } of processes) {
    const seconds = Math.max(seen.get(child.pid) ?? 0, await cpuOf(child.pid));
    seen.set(child.pid, seconds);
    sum += seconds;
  }
  return sum;
}

/** What takes the server's time, by statement; or runs one. */
async function statements(sql: string | null): Promise<void> {
  const client = new Client(server.url);
  await client.connect();
  if (sql !== null) await client.query(sql);
  else {
    const { rows } = await client.query(
      `SELECT calls, round(total_exec_time::numeric) AS ms, round(mean_exec_time::numeric, 3) AS mean,
         left(regexp_replace(query, '\\s+', ' ', 'g'), 110) AS query
       FROM pg_stat_statements WHERE calls > 1 ORDER BY total_exec_time DESC LIMIT 16`,
    );
    console.table(rows);
    await client.query('SELECT pg_stat_statements_reset()');
  }
  await client.end();
}
