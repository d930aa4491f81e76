// npm run bench:rollout: false actions and exposed users of simulated rollouts, beside other rules. Options below.

import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ADVERSARY_WORLDS, FAULT_WORLDS } from './adversary-worlds.ts';
import { play, playOthers } from './play.ts';
import { type Outcome, resultsPage } from './results-page.ts';
import { FAULTS, type Fault, UNCHANGED, type World } from './traffic.ts';
import { TUNE_WORLDS } from './worlds.ts';

const { values } = parseArgs({
  options: {
    /** Unchanged candidates of each world. */
    reps: { type: 'string', default: '30' },
    /** Rollouts of each fault and world. */
    faults: { type: 'string', default: '12' },
    /** Of each, the first so many are judged by the other rules as well. */
    rivals: { type: 'string', default: '6' },
    seed: { type: 'string', default: '9100001' },
    /** Part of the name of a world and fault. */
    only: { type: 'string', default: '' },
    tune: { type: 'boolean', default: false },
    /** Appends each rollout as a line, so that several processes can share the work. */
    save: { type: 'string' },
    /** Makes the page of such lines instead of playing. */
    from: { type: 'string', multiple: true },
    /** The table that sequences.ts prints, for the page. */
    sequences: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

async function one(world: World, fault: Fault, i: number, how: typeof play): Promise<Outcome[]> {
  if (!`${world.name} / ${fault.name}`.includes(values.only)) return [];
  const seed = Number(values.seed) + (values.tune ? 500_000 : 0) + i;
  const outcome = { world: world.name, fault: fault.name, seed, ...how(world, fault, seed) };
  if (values.save !== undefined) await appendFile(values.save, `${JSON.stringify(outcome)}\n`);
  process.stderr.write(`${seed} ${world.name}, ${fault.name}\n`);
  return [outcome];
}

/** One rollout of each kind before the second of any, so that a run that is stopped early still tells something of all. */
async function playAll(): Promise<Outcome[]> {
  const all: Outcome[] = [];
  const [reps, faults, rivals] = [values.reps, values.faults, values.rivals].map(Number) as [
    number,
    number,
    number,
  ];
  const worlds = values.tune ? TUNE_WORLDS : ADVERSARY_WORLDS;
  const faultWorlds = values.tune ? TUNE_WORLDS : FAULT_WORLDS;
  for (let i = 0; i < Math.max(reps, faults, rivals); i++) {
    for (const world of worlds) {
      if (i < reps) all.push(...(await one(world, UNCHANGED, i, play)));
      if (i < rivals) all.push(...(await one(world, UNCHANGED, i, playOthers)));
    }
    for (const fault of FAULTS)
      for (const world of faultWorlds) {
        if (i < faults) all.push(...(await one(world, fault, i, play)));
        if (i < rivals) all.push(...(await one(world, fault, i, playOthers)));
      }
  }
  return all;
}

async function readAll(files: readonly string[]): Promise<Outcome[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Outcome),
  );
}

const outcomes = values.from === undefined ? await playAll() : await readAll(values.from);
const sequences = values.sequences === undefined ? '' : await readFile(values.sequences, 'utf8');
const page = resultsPage(outcomes, sequences);
process.stdout.write(page);
if (values.write) await writeFile(new URL('RESULTS.md', import.meta.url), page);
