// npm run bench:soak -- [--cases 100000] [--nights 6]: one large run with three graders; its peak memory beside that of a tenth of it,
// the ledger's bytes a result, and what unchanged nights add.

import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { WORK } from './peer.ts';
import { openBench, runLastgood } from './sides.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '100000' }, nights: { type: 'string', default: '6' } },
});
const cases = Number(values.cases);
const nights = Number(values.nights);
if (!Number.isInteger(cases) || cases < 1000 || !Number.isInteger(nights) || nights < 2) {
  console.error('--cases: a whole number from 1000; --nights: a whole number from 2');
  process.exit(2);
}
const count = (n: number): string => n.toLocaleString('en-US');
const word = (ok: boolean): string => (ok ? 'ok' : 'MISS');

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await mkdir(WORK, { recursive: true });
const folder = await mkdtemp(join(WORK, 'soak-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const bench = await openBench(folder, (text) => console.error(text));
try {
  const load = { concurrency: 64, latencyMs: 0 };
  const small = await runLastgood(bench, { ...load, cases: cases / 10 }, 'small', { graders: 3 });
  const large = await runLastgood(bench, { ...load, cases }, 'large', { graders: 3 });
  const { rssMb } = large.run;
  const growth = rssMb / small.run.rssMb;
  console.log(`${count(cases)} cases × 1 trial, 3 graders, 64 at once: finished, every result in the ledger once
  peak memory      ${rssMb.toFixed(0)} MB (≤ 350 MB: ${word(rssMb <= 350)}), ${growth.toFixed(2)} × the ${small.run.rssMb.toFixed(0)} MB of ${count(cases / 10)} cases (≤ 1.35 ×: ${word(growth <= 1.35)})
  ledger           ${(large.bytes / cases).toFixed(0)} bytes a result
  time             ${(large.run.wallMs / 1000).toFixed(1)} s, CPU ${(large.run.cpuMs / cases).toFixed(3)} ms a result`);

  const first = await runLastgood(bench, { ...load, cases: 500 }, 'nights');
  let last = first;
  for (let n = 1; n < nights; n++) last = await runLastgood(bench, { ...load, cases: 500 }, 'nights');
  const perNight = (last.bytes - first.bytes) / (nights - 1);
  console.log(
    `500 unchanged cases: first night ${(first.bytes / 1e6).toFixed(2)} MB, each further ${(perNight / 1e3).toFixed(0)} KB; 365 nights ${((first.bytes + 364 * perNight) / 1e6).toFixed(0)} MB`,
  );
} finally {
  await bench.mock.close();
}
