// npm run bench:soak -- [CASES=100000]: one large run with three graders; its peak memory beside that of a tenth of it, and a year of unchanged nights.

import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeBenchSuite } from '../kit/bench-suite.ts';
import { measure } from '../kit/measure.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const large = Number(process.argv[2] ?? 100_000);
const folder = await mkdtemp(join(tmpdir(), 'lastgood-soak-'));
const mock = spawn(process.execPath, [at('../kit/mock-server.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
const url = await new Promise<string>((resolve) =>
  mock.stdout.once('data', (text) => resolve(String(text).trim())),
);

async function run(cases: number, graders: number, runs: number): Promise<{ rssMb: number; bytes: number }> {
  const dir = join(folder, `c${cases}-${runs}`);
  await writeBenchSuite(dir, cases, url, graders);
  let rssMb = 0;
  for (let n = 0; n < runs; n++) {
    const measured = await measure(
      [
        at('../../bin/lastgood.js'),
        'run',
        dir,
        '--release',
        join(dir, 'release.yaml'),
        '--db',
        join(dir, 'db', 'l.db'),
        '--concurrency',
        '64',
        '--quiet',
      ],
      { OPENAI_API_KEY: 'sk-loopback-bench-key' },
    );
    if (measured.code !== 0) throw new Error(`exit ${measured.code}`);
    rssMb = Math.max(rssMb, measured.rssMb);
  }
  let bytes = 0;
  for (const name of await readdir(join(dir, 'db'))) bytes += (await stat(join(dir, 'db', name))).size;
  return { rssMb, bytes };
}

try {
  const small = await run(large / 10, 3, 1);
  const whole = await run(large, 3, 1);
  console.log(
    `${large} cases, 3 graders: peak ${whole.rssMb.toFixed(0)} MB, ${(whole.rssMb / small.rssMb).toFixed(2)} × that of ${large / 10}; ${(whole.bytes / large).toFixed(0)} bytes a case`,
  );
  const first = await run(500, 2, 1);
  const nights = await run(500, 2, 6);
  const perNight = (nights.bytes - first.bytes) / 5;
  console.log(
    `500 unchanged cases: first night ${(first.bytes / 1e6).toFixed(2)} MB, each further ${(perNight / 1e3).toFixed(0)} KB; 365 nights ${((first.bytes + 364 * perNight) / 1e6).toFixed(0)} MB`,
  );
} finally {
  mock.kill();
  await rm(folder, { recursive: true, force: true });
}
