// npm run bench:run -- [--only 1,4] [--cases 10000] [--reps 3] [--concurrency 64] [--peer] [--peer-large] [--quiet-wait 60]
//                      [--json FILE] [--markdown FILE] [--profile FILE]
// lastgood's run side by side with the plain SDK loop, the floor and promptfoo: whole processes, in turn, one mock; then a table with
// every target. `--peer` installs promptfoo into $LASTGOOD_BENCH_WORK first (2-3 minutes, 2 GB); without it those lines say so.
// Exit 0 when everything was measured, also where a target is missed; 1 when a side did not do its work.

import { readdirSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { profileSummary } from '../kit/cpu-profile.ts';
import { ACCOUNTING, measure, quietMachine } from '../kit/measure.ts';
import { installPeer, PEER, peerProgram, WORK } from './peer.ts';
import { inTurn, KEY, openBench, runArgs, runLastgood } from './sides.ts';
import { runsTable, targetsTable } from './table.ts';
import { MEASUREMENTS, type Plan, type Row } from './targets.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    cases: { type: 'string', default: '10000' },
    reps: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '64' },
    peer: { type: 'boolean', default: false },
    'peer-large': { type: 'boolean', default: false },
    'quiet-wait': { type: 'string', default: '60' },
    json: { type: 'string' },
    markdown: { type: 'string' },
    profile: { type: 'string' },
  },
});

function number(name: 'cases' | 'reps' | 'concurrency' | 'quiet-wait', least: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  console.error(`--${name} ${values[name]}: a whole number from ${least} is needed`);
  process.exit(2);
}

const cases = number('cases', 100);
const reps = number('reps', 1);
const wait = number('quiet-wait', 0) * 1000;
const concurrency = number('concurrency', 1);
const wanted = new Set(values.only?.split(',').map(Number) ?? Array.from({ length: 13 }, (_, i) => i + 1));
const note = (text: string): void => console.error(text);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await mkdir(WORK, { recursive: true });
if (values.peer || values['peer-large']) note(`${PEER} in ${WORK} …`);
const peer = values.peer || values['peer-large'] ? await installPeer() : peerProgram();
const folder = await mkdtemp(join(WORK, 'run-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const bench = await openBench(folder, note);
const plan: Plan = { bench, cases, concurrency, reps, peer, peerLarge: values['peer-large'] };
const rows: Row[] = [];
try {
  const before = await quietMachine(wait);
  const state = `${(100 * before.busy).toFixed(0)} % of the processors busy with other work, load ${before.load.toFixed(1)}`;
  note(
    before.quiet
      ? `quiet machine: ${state}`
      : `WARNING: the machine is busy (${state}); wall times say little, ratios and CPU more`,
  );

  // Compile caches and the page cache are filled for every side before anything counts.
  const warm = { cases: 100, concurrency, latencyMs: 0 };
  await inTurn(bench, ['openai SDK loop', 'lastgood run', 'floor'], warm, 1);
  if (peer !== null && [...wanted].some((n) => n <= 5))
    await inTurn(bench, ['promptfoo eval'], warm, 1, peer);
  bench.runs.length = 0;

  for (const { targets, run } of MEASUREMENTS) {
    if (!targets.some((target) => wanted.has(target))) continue;
    try {
      rows.push(...(await run(plan)).filter((row) => wanted.has(Number(row.target))));
    } catch (error) {
      process.exitCode = 1;
      note((error as Error).stack ?? String(error));
      rows.push({
        target: targets.join(', '),
        what: 'the measurement itself',
        bar: 'ends',
        seen: (error as Error).message.split('\n')[0] as string,
        ok: false,
        beside: '',
      });
    }
  }
  for (const target of [7, 8, 10])
    if (wanted.has(target))
      rows.push({
        target: String(target),
        what: { 7: 'a resumed run', 8: 'diff of two snapshots', 10: 'start-up' }[target] as string,
        bar: '',
        seen: 'not measured here: bench/read.ts',
        ok: null,
        beside: '',
      });
  rows.sort((a, b) => Number.parseInt(a.target, 10) - Number.parseInt(b.target, 10));

  const after = await quietMachine(0);
  const head = [
    `${cases.toLocaleString('en-US')} cases, ${concurrency} at once, medians of ${reps}, in turn; whole processes counted by ${ACCOUNTING}, the mock's own time kept out.`,
    `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}; before: ${state}; load at the end ${after.load.toFixed(1)}.`,
    ...(before.quiet
      ? []
      : ['**The machine was busy: wall times say little; ratios of runs in turn and CPU say more.**']),
    ...(cases === 10_000 ? [] : ['**The bars are set for 10,000 cases.**']),
  ].join('\n');
  const text = `${head}\n\n${targetsTable(rows)}\n${bench.runs.length === 0 ? '' : `\n${runsTable(bench.runs)}\n`}`;
  console.log(`\n${text}`);
  if (values.markdown !== undefined) await writeFile(values.markdown, text);
  if (values.json !== undefined) {
    const runs = bench.runs.map(({ stdout: _, ...run }) => run);
    const measured = { cases, concurrency, reps, node: process.versions.node, before, after, rows, runs };
    await writeFile(values.json, `${JSON.stringify(measured, null, 2)}\n`);
  }

  if (values.profile !== undefined) {
    const { suite } = await runLastgood(bench, { cases, concurrency, latencyMs: 0 }, 'profiled-first');
    const out = join(folder, 'profile');
    const args = runArgs(suite, join(folder, 'profiled.db'), concurrency);
    bench.mock.reset();
    await measure(['--cpu-prof', '--cpu-prof-interval', '500', `--cpu-prof-dir=${out}`, ...args], KEY);
    await writeFile(values.profile, profileSummary(join(out, readdirSync(out)[0] as string)));
  }
} finally {
  await bench.mock.close();
}
