// npm run bench:monitor [-- --reps N --only NAME --seed S --replicates R --tune --json FILE --write]: false alarms and delays of monitors.

import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { playQuarter, type Quarter } from './play.ts';
import type { Change, World } from './streams.ts';
import { type Row, resultsPage } from './table.ts';
import { CHANGE_WORLDS, CHANGES, HIDDEN, JUDGE_WORLDS } from './worlds-judge.ts';
import { TUNE_WORLDS } from './worlds-tune.ts';

const { values } = parseArgs({
  options: {
    /** Quarters of each world. */
    reps: { type: 'string', default: '300' },
    /** Quarters of each change. */
    changes: { type: 'string', default: '60' },
    /** Quarters of each row that the rivals see too. */
    rivals: { type: 'string', default: '60' },
    replicates: { type: 'string', default: '400' },
    seed: { type: 'string', default: '500001' },
    only: { type: 'string', default: '' },
    /** Play the tuning worlds instead. */
    tune: { type: 'boolean', default: false },
    json: { type: 'string' },
    /** Files of --json, separated by commas: their quarters together make the page, and nothing is played. */
    from: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

interface Cell {
  readonly world: World;
  readonly change: Change | null;
  readonly windowHours: 6 | 24;
  readonly reps: number;
}

const unchanged = (world: World, windowHours: 6 | 24 = 24, reps = Number(values.reps)): Cell => ({
  ...{ world, change: null, windowHours, reps },
});
const changed = (world: World, change: Change): Cell => ({
  ...{ world, change, windowHours: 24, reps: Number(values.changes) },
});
const cells: readonly Cell[] = values.tune
  ? TUNE_WORLDS.map((world) => unchanged(world))
  : [
      ...JUDGE_WORLDS.map((world) => unchanged(world)),
      unchanged(JUDGE_WORLDS[0]!, 6, Math.ceil(Number(values.reps) / 3)),
      ...CHANGE_WORLDS.flatMap((world) => CHANGES.map((change) => changed(world, change))),
      changed(HIDDEN.world, HIDDEN.change),
    ];

const nameOf = ({ world, change, windowHours }: Cell): string =>
  `${world.name}${windowHours === 6 ? ', windows of 6 hours' : ''}${change === null ? '' : ` | ${change.name}`}`;

const rows: Row[] = values.from === undefined ? [] : await storedRows(values.from.split(','));
const started = Date.now();
for (const cell of values.from === undefined ? cells.filter((c) => nameOf(c).includes(values.only)) : []) {
  const quarters: Quarter[] = [];
  for (let i = 0; i < cell.reps; i++)
    quarters.push(
      playQuarter(cell.world, cell.change, Number(values.seed) + i, {
        replicates: Number(values.replicates),
        rivals: i < Number(values.rivals),
        windowHours: cell.windowHours,
      }),
    );
  rows.push({ name: nameOf(cell), quarters });
  const alarms = quarters.filter((q) => q.lastgood.length > 0);
  process.stderr.write(
    `${nameOf(cell)}: ${alarms.length} of ${quarters.length} with an alarm; ${alarms
      .slice(0, 4)
      .map((q) => q.by.join(', '))
      .join('; ')}\n`,
  );
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 1)}\n`);
}
const page = resultsPage(rows, [...CHANGES, HIDDEN.change], {
  command:
    values.from === undefined
      ? `npm run bench:monitor -- --reps ${values.reps} --changes ${values.changes} --replicates ${values.replicates} --seed ${values.seed}`
      : `npm run bench:monitor -- --from FILES: ${values.from.split(',').length} runs together`,
  seconds: Math.round((Date.now() - started) / 1000),
});
process.stdout.write(page);
if (values.write) await writeFile(new URL('RESULTS.md', import.meta.url), page);

/** Rows of all files, in the order of the cells. */
async function storedRows(files: readonly string[]): Promise<Row[]> {
  const byName = new Map<string, Quarter[]>();
  for (const file of files)
    for (const { name, quarters } of JSON.parse(await readFile(file, 'utf8')) as Row[])
      byName.set(name, [...(byName.get(name) ?? []), ...quarters]);
  return cells.flatMap((cell) => {
    const quarters = byName.get(nameOf(cell));
    return quarters === undefined ? [] : [{ name: nameOf(cell), quarters }];
  });
}
