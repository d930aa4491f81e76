// npm run bench:run -- [--cases 10000] [--reps 3] [--concurrency 64] [--latency 0]
// lastgood side by side with the plain SDK loop and the floor, in turn, against one mock: whole processes, medians, ratios. Where
// $BENCH_WORK/promptfoo is installed, it takes its turn too (up to 1,000 cases).

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { promptOf, writeBenchSuite } from '../kit/bench-suite.ts';
import { type Measured, measure, median } from '../kit/measure.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const BIN = at('../../bin/lastgood.js');
const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    reps: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '64' },
    latency: { type: 'string', default: '0' },
  },
});
const cases = Number(values.cases);
const reps = Number(values.reps);
const KEY = { OPENAI_API_KEY: 'sk-loopback-bench-key' };

async function startMockProcess(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [at('../kit/mock-server.ts'), '0', values.latency], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (text) => resolve(String(text).trim())),
  );
  return { child, url };
}

async function folderBytes(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(folder)) sum += (await stat(join(folder, name))).size;
  return sum;
}

async function promptfooConfig(folder: string, url: string): Promise<string | null> {
  const entry = join(
    process.env['BENCH_WORK'] ?? join(tmpdir(), 'lastgood-bench'),
    'promptfoo/node_modules/promptfoo/dist/src/main.js',
  );
  if (!existsSync(entry) || cases > 1000) return null;
  const tests = Array.from({ length: cases }, (_, i) =>
    JSON.stringify({
      vars: { text: promptOf(i) },
      assert: [
        { type: 'contains', value: `case ${i}` },
        { type: 'regex', value: 'ANSWER-[0-9a-f]{8} case \\d+' },
      ],
    }),
  );
  await writeFile(join(folder, 'tests.jsonl'), `${tests.join('\n')}\n`);
  await writeFile(
    join(folder, 'promptfooconfig.yaml'),
    `prompts: ["{{text}}"]\nproviders:\n  - id: openai:chat:gpt-4o-2024-11-20\n    config: { apiBaseUrl: "${url}", temperature: 0, max_tokens: 256 }\ntests: file://tests.jsonl\n`,
  );
  return entry;
}

const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-run-'));
const { child: mock, url } = await startMockProcess();
try {
  await writeBenchSuite(folder, cases, url);
  const peer = await promptfooConfig(folder, url);
  let ledgerBytes = 0;
  const arms: Record<string, (n: number) => Promise<Measured>> = {
    'openai SDK loop': () => measure([at('../kit/loops.ts'), 'sdk', String(cases), values.concurrency, url]),
    floor: (n) =>
      measure([
        at('../kit/loops.ts'),
        'floor',
        String(cases),
        values.concurrency,
        url,
        join(folder, `floor${n}.db`),
      ]),
    'lastgood run': async (n) => {
      const dir = join(folder, `ledger${n}`);
      const run = await measure(
        [
          BIN,
          'run',
          folder,
          '--release',
          join(folder, 'release.yaml'),
          '--db',
          join(dir, 'l.db'),
          '--concurrency',
          values.concurrency,
          '--quiet',
        ],
        KEY,
      );
      ledgerBytes = await folderBytes(dir);
      return run;
    },
    ...(peer === null
      ? {}
      : {
          promptfoo: (n: number) =>
            measure(
              [
                peer,
                'eval',
                '-c',
                join(folder, 'promptfooconfig.yaml'),
                '-j',
                values.concurrency,
                '--no-cache',
                '--no-table',
                '--no-progress-bar',
                '-o',
                join(folder, `out${n}.json`),
              ],
              {
                ...KEY,
                PROMPTFOO_CONFIG_DIR: join(folder, `pf${n}`),
                PROMPTFOO_DISABLE_TELEMETRY: '1',
                PROMPTFOO_DISABLE_UPDATE: '1',
              },
            ),
        }),
  };
  const seen = new Map<string, Measured[]>(Object.keys(arms).map((name) => [name, []]));
  for (let rep = 0; rep < reps; rep++) {
    for (const [name, run] of Object.entries(arms)) {
      const measured = await run(rep);
      if (measured.code !== 0) throw new Error(`${name} ended with exit ${measured.code}`);
      seen.get(name)?.push(measured);
    }
  }
  const of = (name: string, key: 'wallMs' | 'cpuMs' | 'rssMb'): number =>
    median((seen.get(name) ?? []).map((m) => m[key]));
  console.log(
    `${cases} cases, concurrency ${values.concurrency}, ${values.latency} ms latency, medians of ${reps}, in turn\n`,
  );
  console.log('| | wall s | cases/s | CPU ms/case | peak RSS MB | cases/s ÷ SDK loop | CPU ÷ SDK loop |');
  console.log('|---|---|---|---|---|---|---|');
  for (const name of Object.keys(arms)) {
    const wall = of(name, 'wallMs') / 1000;
    const cells = [
      wall.toFixed(2),
      (cases / wall).toFixed(0),
      (of(name, 'cpuMs') / cases).toFixed(3),
      of(name, 'rssMb').toFixed(0),
      (of('openai SDK loop', 'wallMs') / of(name, 'wallMs')).toFixed(2),
      (of(name, 'cpuMs') / of('openai SDK loop', 'cpuMs')).toFixed(2),
    ];
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
  console.log(`\nledger: ${(ledgerBytes / cases).toFixed(0)} bytes a case`);
  const start: Record<string, string[]> = {
    'node -e 0': ['-e', '0'],
    '--version': [BIN, '--version'],
    '--help': [BIN, '--help'],
  };
  const startMs = new Map<string, number[]>(Object.keys(start).map((name) => [name, []]));
  for (let rep = 0; rep < Math.max(5, reps); rep++)
    for (const [name, args] of Object.entries(start)) startMs.get(name)?.push((await measure(args)).cpuMs);
  const bare = median(startMs.get('node -e 0') ?? [1]);
  for (const [name, times] of startMs)
    console.log(
      `start-up, CPU: ${name} ${median(times).toFixed(0)} ms (${(median(times) / bare).toFixed(2)} × bare node)`,
    );
} finally {
  mock.kill();
  await rm(folder, { recursive: true, force: true });
}
