// npm run bench:scale -- [--cases 20000] [--trials 3] [--reps 5]
// A ledger on PostgreSQL against one in a file, with the same snapshots: storing a run, and `list`, `diff`, `history`, `show` and `export` as whole
// processes, in turn, as ratios of the same round. Above 1 the server takes longer. The server is one in a temporary folder, or the one that
// LASTGOOD_TEST_PG_URL names; its own work is in the wall time and not in the processor time.

import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openLedger } from '../../src/ledger/index.ts';
import { noPostgres, startPostgres } from '../../test/ledger/postgres-server.ts';
import { storedSuite, storeRun } from '../kit/ledgers.ts';
import { measure, median } from '../kit/measure.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '20000' },
    trials: { type: 'string', default: '3' },
    reps: { type: 'string', default: '5' },
  },
});
if (noPostgres !== null) process.exit(1);
const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));
const [cases, trials, reps] = [values.cases, values.trials, values.reps].map(Number) as [
  number,
  number,
  number,
];

const day = (n: number): string => new Date(Date.UTC(2026, 2, 15, 2) + n * 86_400_000).toISOString();
const before = (caseNo: number, trial: number): boolean => (caseNo * 31 + trial * 17) % 10 !== 0;
const nearly = (caseNo: number, trial: number): boolean =>
  caseNo % 1000 === 3 ? !before(caseNo, trial) : before(caseNo, trial);

interface Pair {
  readonly file: number[];
  readonly server: number[];
}

function print(name: string, { file, server }: Pair, unit = 's'): void {
  const ratios = server.map((ms, i) => ms / (file[i] as number)).sort((a, b) => a - b);
  const range = ratios.length > 1 ? ` (${ratios[0]?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)})` : '';
  const shown = (ms: readonly number[]): string => (median(ms) / 1000).toFixed(2);
  console.log(
    `| ${name} | ${shown(file)} ${unit} | ${shown(server)} ${unit} | ${median(ratios).toFixed(2)}${range} | ${loadavg()[0]?.toFixed(1)} |`,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-scale-'));
const server = await startPostgres();
process.once('SIGINT', () => process.exit(130));
try {
  console.log(`${cases} cases × ${trials} trials, medians of ${reps} rounds\n`);
  console.log('| what | file | server | server : file | load |\n|---|---|---|---|---|');
  const places = { file: join(folder, 'ledger.db'), server: server.fresh() };
  const suite = storedSuite('bench', cases, trials);
  const stores = { file: await openLedger(places.file), server: await openLedger(places.server) };
  const times: Record<string, Pair> = {};
  const runs = [
    { id: 'sbefore', startedAt: day(0), trials, passes: before },
    { id: 'ssame', startedAt: day(1), trials, passes: before },
    { id: 'snearly', startedAt: day(2), trials, passes: nearly },
  ];
  for (const [n, run] of runs.entries()) {
    const name = n === 0 ? 'store the first run' : 'store a night like the last one';
    const pair = times[name] ?? { file: [], server: [] };
    times[name] = pair;
    for (const where of ['file', 'server'] as const) {
      const start = performance.now();
      await storeRun(stores[where], suite, run);
      pair[where].push(performance.now() - start);
    }
  }
  await Promise.all([stores.file.close(), stores.server.close()]);
  for (const [name, pair] of Object.entries(times)) print(name, pair);

  const commands: readonly (readonly [name: string, args: readonly string[]])[] = [
    ['`list`', ['list']],
    ['`show`', ['show', 'snearly']],
    ['`history`, 3 snapshots', ['history', 'bench']],
    ['`diff`, same', ['diff', 'sbefore', 'ssame']],
    ['`diff`, nearly the same', ['diff', 'sbefore', 'snearly']],
    ['`export`', ['export', 'snearly', '--dir', folder]],
  ];
  for (const [name, args] of commands) {
    const [wall, cpu]: [Pair, Pair] = [
      { file: [], server: [] },
      { file: [], server: [] },
    ];
    const codes = new Set<number | null>();
    for (let n = 0; n < reps; n++)
      for (const where of ['file', 'server'] as const) {
        const run = await measure([BIN, ...args, '--quiet'], { LASTGOOD_DB: places[where] });
        wall[where].push(run.wallMs);
        cpu[where].push(run.cpuMs);
        codes.add(run.code);
      }
    if (codes.size !== 1 || codes.has(null)) throw new Error(`${name} ended with ${[...codes].join(', ')}`);
    print(`${name}, wall`, wall);
    print(`${name}, processor`, cpu);
  }
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
