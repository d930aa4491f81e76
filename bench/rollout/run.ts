// npm run bench:rollout [-- --reps N --faults N --seed S --tune --only NAME --write]: false actions and exposed users of rollouts.

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Played, play } from './play.ts';
import { RIVALS } from './rivals.ts';
import {
  BURST_WORLD,
  FAULTS,
  type Fault,
  JUDGE_WORLDS,
  TUNE_WORLDS,
  UNCHANGED,
  type World,
} from './worlds.ts';

const { values } = parseArgs({
  options: {
    /** Unchanged candidates of each world. */
    reps: { type: 'string', default: '100' },
    /** Rollouts of each fault and world. */
    faults: { type: 'string', default: '25' },
    seed: { type: 'string', default: '700001' },
    only: { type: 'string', default: '' },
    tune: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const METHODS = ['lastgood', ...Object.keys(RIVALS)] as (keyof Played['acts'])[];
const worlds = values.tune ? TUNE_WORLDS : JUDGE_WORLDS;
const started = Date.now();
let total = 0;

function many(world: World, fault: Fault, n: number): Played[] {
  if (!`${world.name} ${fault.name}`.includes(values.only)) return [];
  total += n;
  const seed = Number(values.seed) + (values.tune ? 500_000 : 0);
  const played = Array.from({ length: n }, (_, i) => play(world, fault, seed + i, true));
  process.stderr.write(
    `${world.name}, ${fault.name}: ${played.filter((p) => p.acts.lastgood !== null).length} of ${n} (${Math.round((Date.now() - started) / 1000)} s) ${played.flatMap((p) => (p.acts.lastgood === null ? [] : [p.acts.lastgood.signal])).join(' ')}\n`,
  );
  return played;
}

const share = (hits: number, n: number): string =>
  n === 0
    ? '–'
    : `${((100 * hits) / n).toFixed(1)}% ± ${(100 * Math.sqrt(((hits / n) * (1 - hits / n)) / n)).toFixed(1)}`;
const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
const hours = (h: number): string => (h >= 10 ? String(Math.round(h)) : h.toPrecision(2));
const short = (n: number): string => (n >= 1000 ? `${(n / 1000).toPrecision(3)}k` : String(Math.round(n)));

const head = `| world | rollouts | ${METHODS.join(' | ')} |\n|---|---|${METHODS.map(() => '---').join('|')}|`;
const out: string[] = [];
const sums = new Map<string, number>();
let judged = 0;
for (const world of [...worlds, ...(values.tune ? [] : [BURST_WORLD])]) {
  const played = many(world, UNCHANGED, Number(values.reps));
  if (played.length === 0) continue;
  const acted = (m: keyof Played['acts']): number => played.filter((p) => p.acts[m] !== null).length;
  out.push(
    `| ${world.name} | ${played.length} | ${METHODS.map((m) => share(acted(m), played.length)).join(' | ')} |`,
  );
  if (world !== BURST_WORLD) {
    judged += played.length;
    for (const m of METHODS) sums.set(m, (sums.get(m) ?? 0) + acted(m));
  }
  const done = played.flatMap((p) => (p.completedHours === null ? [] : [p.completedHours]));
  out.push(
    `| ⤷ lastgood reached 100% | | ${share(done.length, played.length)}, median ${median(done).toFixed(0)} h | | | | |`,
  );
}
out.push(
  `| all but the last world | ${judged} | ${METHODS.map((m) => share(sums.get(m) ?? 0, judged)).join(' | ')} |`,
);

const found: string[] = [];
for (const fault of FAULTS)
  for (const world of worlds) {
    const played = many(world, fault, Number(values.faults));
    if (played.length === 0) continue;
    const cell = (m: keyof Played['acts']): string => {
      const acts = played.flatMap((p) => (p.acts[m] === null ? [] : [p.acts[m]]));
      const right = acts.filter((a) => a.signal === fault.gate);
      const wrong = acts.length - right.length;
      return `${share(right.length, played.length)}, ${short(median(right.map((a) => a.exposed)))} calls, ${hours(median(right.map((a) => a.hours)))} h${wrong === 0 ? '' : `; other gate first ${share(wrong, played.length)}`}`;
    };
    found.push(`| ${fault.name}; ${world.name} | ${played.length} | ${METHODS.map(cell).join(' | ')} |`);
  }

const page = `# Rollout benchmark

\`npm run bench:rollout -- --reps ${values.reps} --faults ${values.faults} --seed ${values.seed}\` (${total} rollouts, ${Math.round((Date.now() - started) / 1000)} s).
The ladder and the five tested gates of the ticket of \`features/support-triage.yaml\`; every method looks each minute. The state machine is that
of \`lastgood rollout step\`; the ledger is left out. Rivals climb by the clock, lastgood by its gates. The method was tuned on two other worlds with other seeds.

## Unchanged candidates: any action of any gate over the whole ladder

${head}
${out.join('\n')}

## Faulty candidates: found by the right gate ± s.e., median of the candidate's calls and hours until then

${head.replace('| world |', '| fault; world |')}
${found.join('\n')}

## Misses, and what they rest on

- Users whose calls all have the same outcome break the promise: with 5 such calls a user, 95% of unchanged candidates are stopped. The test takes
  calls for independent. This world is outside of what lastgood promises, and no world in between was played.
- lastgood reaches 100% later than the ladder says (100 hours), because time in which a literal rule is red does not count, and because a rule
  such as \`over: 200 reviewed\` must have seen as many. With 50,000 calls a day this takes more than twice as long.
- The mSPRT and the z-test each minute see a fault earlier. They also stop a fifth or more of unchanged candidates. The z-test at stage ends is the only
  rival near 5%, and it needs the end of a stage.
- The z-test and the mSPRT know the true spread of costs. lastgood does not.
- The gate \`complaints\` is left out: it acts by its count. Outcomes come at once here, also reviews.
- A fault is there from the first call. Faults that begin in a later stage were not played.
`;
process.stdout.write(page);
if (values.write) await writeFile(new URL('RESULTS.md', import.meta.url), page);
