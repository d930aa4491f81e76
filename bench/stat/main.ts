// The benchmark of the statistics: npm run bench:stat [-- --reps N --only NAME --seed N --stream NAME --json FILE --quick]
// Prints the tables as Markdown on stdout, progress on stderr. Exit code 1 when a bar is missed. With --json the results are
// saved after every cell, and cells that the file already holds (same seed) are taken from it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { barsOf } from './bars.ts';
import { planSteps, type Results } from './plan.ts';
import { replaysExactly } from './replay.ts';
import { barTable, markdown } from './tables.ts';

const { values } = parseArgs({
  options: {
    reps: { type: 'string' },
    only: { type: 'string' },
    seed: { type: 'string', default: '20260315' },
    json: { type: 'string' },
    stream: { type: 'string', default: 'judge' },
    quick: { type: 'boolean', default: false },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    console.error(`${name} takes a whole number of at least 1, not "${text}"`);
    process.exit(2);
  }
  return value;
}

const quick = values.quick;
const reps = values.reps === undefined ? (quick ? 80 : 1000) : whole('--reps', values.reps);
const seed = whole('--seed', values.seed);
const only = values.only;
const stream = values.stream;
if (stream !== 'tune' && stream !== 'judge') {
  console.error(`--stream takes tune or judge, not "${stream}"`);
  process.exit(2);
}
const steps = planSteps({ reps, seed, quick, stream }).filter(
  (step) => only === undefined || step.name.includes(only),
);
if (steps.length === 0) {
  console.error(
    `no cell's name contains "${only}"; names look like ${planSteps({ reps, seed, quick })[0]?.name}`,
  );
  process.exit(2);
}

interface Saved {
  readonly seed: number;
  readonly quick: boolean;
  /** Names of the cells in `results`. */
  readonly done: string[];
  readonly results: Results;
}

function nothing(): Results {
  return { cells: [], nightly: [], targets: [], canaries: [], checks: [], nightWorlds: [] };
}

function saved(): Saved {
  const fresh = { seed, quick, done: [], results: nothing() };
  if (values.json === undefined || !existsSync(values.json)) return fresh;
  const before = JSON.parse(readFileSync(values.json, 'utf8')) as Saved;
  if (before.seed === seed && before.quick === quick)
    return { ...before, results: { ...nothing(), ...before.results } };
  console.error(`${values.json} holds results of another seed or size; name another file`);
  process.exit(2);
}

const { done, results } = saved();
for (const [i, step] of steps.entries()) {
  if (step.isDone?.(results) ?? done.includes(step.name)) continue;
  const before = process.cpuUsage().user;
  const said = step.run(results);
  if (!done.includes(step.name)) done.push(step.name);
  const seconds = (process.cpuUsage().user - before) / 1e6;
  console.error(`${i + 1}/${steps.length} ${step.name}: ${said} (${seconds.toFixed(1)} s)`);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ seed, quick, done, results }, null, 1)}\n`);
}
// With few worlds a cell, chance alone would miss a bar now and then.
const bars = barsOf(results, quick || reps < 500);
const same = replaysExactly(seed);
bars.push({
  name: 'two runs with one seed are the same, bit for bit',
  value: same ? 1 : 0,
  limit: '1',
  holds: same,
});

console.log(markdown(results));
console.log(`\n### Bars\n\n${barTable(bars)}`);
const missed = bars.filter((bar) => !bar.holds);
console.log(`\n${bars.length - missed.length} of ${bars.length} bars met; seed ${seed}.`);
process.exitCode = missed.length > 0 ? 1 : 0;
