// npm run bench:read -- [--cases 100000] [--reps 3] [--snapshots 200] [--keep FOLDER] [--export] [--only PATTERN]
// Everything that reads the ledger, as whole processes: CPU time, peak memory and the ratio to a bare node in the same round. The ledgers
// are written through the store; only the judged one is filled by a run against a stand-in on this machine. With --keep they stay in that
// folder and are used again. What reads the large ledger is measured once, the rest --reps times. `export` of the large snapshot takes
// longer than all the rest and is left out unless --export asks for it.

import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openLedger } from '../src/ledger/index.ts';
import { writeJudgedSuite } from './kit/judged-suite.ts';
import { type StoredRun, storedSuite, storeRun } from './kit/ledgers.ts';
import { type Measured, measure, median } from './kit/measure.ts';
import { startMock } from './kit/mock-server.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    reps: { type: 'string', default: '3' },
    snapshots: { type: 'string', default: '200' },
    keep: { type: 'string' },
    export: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const BIN = fileURLToPath(new URL('../bin/lastgood.js', import.meta.url));
const large = Number(values.cases);
const folder = values.keep ?? (await mkdtemp(join(tmpdir(), 'lastgood-bench-read-')));

const day = (n: number): string => new Date(Date.UTC(2026, 2, 15, 2) + n * 86_400_000).toISOString();
const before = (caseNo: number, trial: number): boolean => (caseNo * 31 + trial * 17) % 10 !== 0;
const flipped = (caseNo: number, trial: number): boolean =>
  caseNo % 10 === 1 ? !before(caseNo, trial) : before(caseNo, trial);
const nearly = (caseNo: number, trial: number): boolean =>
  caseNo % 1000 === 3 ? !before(caseNo, trial) : before(caseNo, trial);

async function ledger(
  name: string,
  cases: number,
  trials: number,
  runs: Iterable<StoredRun>,
): Promise<string> {
  const path = join(folder, `${name}.db`);
  if (existsSync(path)) return path;
  const store = await openLedger(path);
  const suite = storedSuite('bench', cases, trials);
  for (const run of runs) await storeRun(store, suite, run);
  await store.close();
  return path;
}

function pair(trials: number): StoredRun[] {
  return [
    { id: 'sbefore', startedAt: day(0), trials, passes: before },
    { id: 'snearly', startedAt: day(1), trials, passes: nearly },
    { id: 'sflipped', startedAt: day(2), trials, passes: flipped },
  ];
}

interface Target {
  readonly name: string;
  readonly args: readonly string[];
  /** CPU seconds, bare nodes, MB; what is not given is only told. */
  readonly cpu?: number;
  readonly bare?: number;
  readonly rss?: number;
  readonly code?: number;
  /** One repetition, however many are asked for. */
  readonly once?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called before each round; tells after it what went wrong beside the numbers. */
  readonly round?: (n: number) => Promise<() => string | null>;
}

const KEY = { OPENAI_API_KEY: 'sk-loopback-bench-key' };
const only = new RegExp(values.only);
const load = (): string => loadavg()[0]?.toFixed(1) ?? '?';

async function measureInTurn(target: Target): Promise<boolean> {
  if (!only.test(target.name)) return true;
  const wrong = new Set<string>();
  const runs: (Omit<Measured, 'stdout'> & { readonly ratio: number; readonly printed: number })[] = [];
  for (let n = 0; n < (target.once === true ? 1 : Number(values.reps)); n++) {
    const after = await target.round?.(n);
    const bare = await measure(['-e', '0']);
    const run = await measure(
      [BIN, ...target.args],
      target.env ?? KEY,
      target.cwd === undefined ? {} : { cwd: target.cwd },
    );
    const found = after?.() ?? null;
    if (found !== null) wrong.add(found);
    const { stdout, ...numbers } = run;
    runs.push({ ...numbers, printed: stdout.length, ratio: run.cpuMs / bare.cpuMs });
  }
  const cpu = median(runs.map((r) => r.cpuMs)) / 1000;
  const rss = median(runs.map((r) => r.rssMb));
  const ratio = median(runs.map((r) => r.ratio));
  const codes = [...new Set(runs.map((r) => r.code))];
  const ok =
    cpu <= (target.cpu ?? cpu) &&
    ratio <= (target.bare ?? ratio) &&
    rss <= (target.rss ?? rss) &&
    codes.every((c) => c === (target.code ?? 0)) &&
    wrong.size === 0;
  const wanted = [
    target.cpu === undefined ? '' : `≤ ${target.cpu} s`,
    target.bare === undefined ? '' : `≤ ${target.bare} × node`,
    target.rss === undefined ? '' : `≤ ${target.rss} MB`,
  ].filter((w) => w !== '');
  console.log(
    `| ${target.name} | ${cpu.toFixed(2)} | ${ratio.toFixed(1)} | ${rss.toFixed(0)} | ${((runs[0]?.printed ?? 0) / 1e6).toFixed(2)} | ${codes.join(', ')} | ${wanted.join(', ')} | ${[ok ? 'ok' : 'MISS', ...wrong].join('; ')} | ${load()} |`,
  );
  return ok;
}

/** 1,000 judged answers graded by another exam whose questions to the judge are the same: nobody is asked again. */
async function measureRegrade(): Promise<number> {
  const place = await mkdtemp(join(tmpdir(), 'lastgood-bench-judged-'));
  const mock = await startMock();
  const suite = (longest: number): Promise<void> =>
    writeJudgedSuite(place, { cases: 1000, url: mock.url, longest });
  const db = ['--db', join(place, 'ledger.db'), '--quiet'];
  try {
    await suite(1200);
    const first = await measure([BIN, 'run', 'suite.yaml', '--release', 'release.yaml', ...db], KEY, {
      cwd: place,
    });
    if (first.code !== 0 || mock.requests !== 2000)
      throw new Error(`the judged run ended with ${first.code} after ${mock.requests} requests, not 2,000`);
    const ok = await measureInTurn({
      name: '`regrade`, 1,000 verdicts remembered, 0 requests',
      args: ['regrade', 'latest', '--suite', 'suite.yaml', ...db],
      cpu: 0.6,
      cwd: place,
      round: async (n) => {
        await suite(1201 + n);
        const before = mock.requests;
        return () => (mock.requests === before ? null : `${mock.requests - before} requests instead of none`);
      },
    });
    return ok ? 0 : 1;
  } finally {
    await mock.close();
    await rm(place, { recursive: true, force: true });
  }
}

try {
  await mkdir(folder, { recursive: true });
  const small = await ledger('small', 500, 1, pair(1));
  const repeated = await ledger('repeated', 20_000, 3, pair(3));
  const big = await ledger('large', large, 1, pair(1));
  // Resuming changes it, so it is never used again.
  await rm(join(folder, 'interrupted.db'), { force: true });
  const interrupted = await ledger('interrupted', 1000, 1, [
    { id: 'sresume', startedAt: day(0), trials: 1, passes: before, state: 'interrupted' },
  ]);
  // A list reads no trials: a few of each snapshot stand for all.
  const nights = Array.from(
    { length: Number(values.snapshots) },
    (_, n): StoredRun => ({
      id: `snight${n}`,
      startedAt: day(n - 2000),
      trials: 1,
      passes: before,
      answeredCases: 20,
    }),
  );
  const many = await ledger('many', 500, 1, nights);
  const diff = (db: string, to: string, ...more: string[]): string[] => [
    'diff',
    'sbefore',
    to,
    '--db',
    db,
    ...more,
  ];
  const targets: Target[] = [
    { name: '`--version`', args: ['--version'], bare: 2.5 },
    { name: '`--help`', args: ['--help'], bare: 4, cpu: 0.3 },
    { name: `\`list\`, ${values.snapshots} snapshots`, args: ['list', '--db', many], cpu: 0.3 },
    { name: '`diff`, 500 cases', args: diff(small, 'sflipped'), cpu: 0.4, code: 1 },
    { name: '`diff`, 20,000 × 3', args: diff(repeated, 'snearly'), cpu: 6, rss: 500 },
    {
      name: `\`diff\`, ${large} flipped`,
      args: diff(big, 'sflipped'),
      cpu: 6,
      rss: 500,
      code: 1,
      once: true,
    },
    {
      name: `\`diff\`, ${large} nearly the same`,
      args: diff(big, 'snearly'),
      cpu: 6,
      rss: 500,
      once: true,
    },
    ...['json', 'markdown', 'junit', 'html'].map((format) => ({
      name: `\`diff --format ${format}\`, ${large}`,
      args: diff(big, 'sflipped', '--format', format, '-o', join(folder, 'out', `diff.${format}`)),
      cpu: format === 'markdown' ? 6 : 12,
      rss: 500,
      code: 1,
      once: true,
    })),
    { name: `\`show\`, ${large}`, args: ['show', 'sflipped', '--db', big], cpu: 6, rss: 500, once: true },
    {
      name: `\`show --json\`, ${large}`,
      args: ['show', 'sflipped', '--db', big, '--json'],
      cpu: 12,
      rss: 500,
      once: true,
    },
    {
      name: `\`history\`, 3 × ${large}`,
      args: ['history', 'bench', '--db', big],
      cpu: 20,
      rss: 700,
      once: true,
    },
    ...(values.export
      ? [
          {
            name: `\`export\`, ${large}`,
            args: ['export', 'sflipped', '--db', big, '--dir', join(folder, 'out')],
            cpu: 60,
            rss: 700,
            once: true,
          },
        ]
      : []),
  ];
  console.log(
    `ledgers: ${(statSync(big).size / 1e6).toFixed(0)} MB for three snapshots of ${large} cases, ${(statSync(many).size / 1e6).toFixed(0)} MB for ${values.snapshots} short ones\n`,
  );
  console.log(
    '| what | CPU s | × bare node | peak RSS MB | output MB | exit | wanted | | load |\n|---|---|---|---|---|---|---|---|---|',
  );
  let missed = 0;
  // The first start of each command fills Node's compile cache, as the first one of an installation does.
  for (const args of [['--help'], diff(small, 'sflipped'), ['list', '--db', many]])
    await measure([BIN, ...args], KEY);
  for (const target of targets) if (!(await measureInTurn(target))) missed++;
  if (only.test('regrade')) missed += await measureRegrade();
  // Resuming changes the ledger, so it is measured once.
  const bare = await measure(['-e', '0']);
  const size = statSync(interrupted).size;
  // Without any key: a run that has every answer asks nobody.
  const resumed = await measure([BIN, 'run', '--resume', 'sresume', '--db', interrupted]);
  const resumeOk = resumed.cpuMs <= 600 && resumed.code === 0;
  if (!resumeOk) missed++;
  console.log(
    `| \`run --resume\`, all 1,000 done (once) | ${(resumed.cpuMs / 1000).toFixed(2)} | ${(resumed.cpuMs / bare.cpuMs).toFixed(1)} | ${resumed.rssMb.toFixed(0)} | ${(resumed.stdout.length / 1e6).toFixed(2)} | ${resumed.code} | ≤ 0.6 s | ${resumeOk ? 'ok' : 'MISS'}, ledger ${(100 * (statSync(interrupted).size / size - 1)).toFixed(1)} % larger | ${load()} |`,
  );
  console.log(`\n${missed === 0 ? 'every target met' : `${missed} missed`}`);
} finally {
  if (values.keep === undefined) await rm(folder, { recursive: true, force: true });
}
