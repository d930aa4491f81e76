// The page of results of the rollout benchmark.

import type { Played } from './play.ts';
import { RIVALS } from './rivals.ts';
import { FAULTS } from './traffic.ts';

export interface Outcome extends Played {
  readonly world: string;
  readonly fault: string;
  readonly seed: number;
}

type Method = keyof Played['acts'];
export const METHODS = ['lastgood', 'calls as independent', ...Object.keys(RIVALS)] as Method[];

const share = (hits: number, n: number): string =>
  n === 0
    ? '–'
    : `${((100 * hits) / n).toFixed(1)}% ± ${(100 * Math.sqrt(((hits / n) * (1 - hits / n)) / n)).toFixed(1)}`;
const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
const hours = (h: number): string => (h >= 10 ? String(Math.round(h)) : h.toPrecision(2));
const short = (n: number): string => (n >= 1000 ? `${(n / 1000).toPrecision(3)}k` : String(Math.round(n)));

/** Rollouts that a method judged. */
const judged = (all: readonly Outcome[], method: Method): readonly Outcome[] =>
  all.filter((o) => o.acts[method] !== undefined);
const acted = (all: readonly Outcome[], method: Method): number =>
  judged(all, method).filter((o) => o.acts[method] !== null).length;

export function resultsPage(all: readonly Outcome[], sequences: string): string {
  const unchanged = all.filter((o) => o.fault === 'unchanged');
  const faulty = all.filter((o) => o.fault !== 'unchanged');
  const worlds = [...new Set(unchanged.map((o) => o.world))];
  const cells = (of: readonly Outcome[]): string =>
    METHODS.map((m) => share(acted(of, m), judged(of, m).length)).join(' | ');
  const rows = worlds.flatMap((world) => {
    const of = unchanged.filter((o) => o.world === world);
    const own = judged(of, 'lastgood');
    const done = own.flatMap((o) => (o.completedHours === null ? [] : [o.completedHours]));
    const when = done.length === 0 ? '' : `, median ${median(done).toFixed(0)} h`;
    const end = `${share(done.length, own.length)}${when}`;
    return [`| ${world} | ${own.length} | ${cells(of)} | ${end} |`];
  });
  const found = FAULTS.flatMap((fault) =>
    [...new Set(faulty.map((o) => o.world))].flatMap((world) => {
      const of = faulty.filter((o) => o.fault === fault.name && o.world === world);
      if (of.length === 0) return [];
      const cell = (m: Method): string => {
        const seen = judged(of, m);
        const acts = seen.flatMap(({ acts: a }) => (a[m] ? [a[m]] : []));
        const right = acts.filter((a) => a.signal === fault.gate);
        const wrong = acts.length - right.length;
        const when =
          right.length === 0
            ? ''
            : `, ${short(median(right.map((a) => a.exposed)))} calls, ${hours(median(right.map((a) => a.hours)))} h`;
        return `${share(right.length, seen.length)}${when}${wrong === 0 ? '' : `; other gate first ${share(wrong, seen.length)}`}`;
      };
      return [
        `| ${fault.name}; ${world} | ${judged(of, 'lastgood').length} | ${METHODS.map(cell).join(' | ')} |`,
      ];
    }),
  );
  const seeds = [Math.min(...all.map((o) => o.seed)), Math.max(...all.map((o) => o.seed))];
  return `# Rollout benchmark

\`npm run bench:rollout\`: ${judged(all, 'lastgood').length} rollouts by lastgood, seeds ${seeds[0]} to ${seeds[1]}. ${TEXT}
## Unchanged candidates: any action of any gate over the whole ladder

| world | rollouts | ${METHODS.join(' | ')} | lastgood reached 100% |
|---|---|${METHODS.map(() => '---').join('|')}|---|
${rows.join('\n')}
| all worlds | ${judged(unchanged, 'lastgood').length} | ${cells(unchanged)} | |

## Faulty candidates: found by the right gate ± s.e., median of the candidate's calls and hours until then

| fault; world | rollouts | ${METHODS.join(' | ')} |
|---|---|${METHODS.map(() => '---').join('|')}|
${found.join('\n')}
${sequences === '' ? '' : `\n${SEQUENCES}\n${sequences}`}
${MISSES}`;
}

const TEXT = `The ladder and the five tested gates of the ticket of
\`features/support-triage.yaml\`; every method looks each minute. Its rules are read over at most 400 calls, so that 25,000 calls a day do not wait for days at 1%.
The state machine and the evidence are those of \`lastgood rollout step\`; the ledger is left out. Rivals climb by the clock, lastgood by its gates. *Calls as
independent* is the rule of rollouts that were started before evidence went by user. The other methods play
fewer rollouts, some with seeds of their own. The method was tuned in the worlds of \`worlds.ts\`; these are those of \`adversary-worlds.ts\`, with other seeds.
`;

const SEQUENCES = `## One gate, many looks

Where nothing changed: a look at each tenth more calls of users who come back, up to 12,000 calls. By Ville's inequality the e-value of one gate may ever
reach 20 in 5% of the sequences (\`node bench/rollout/sequences.ts\`). A rollout acts at 33, after sharing the rate among gates and stages.
`;

const MISSES = `## Misses, and what they rest on

- A row has few rollouts: none of 12 only excludes more than 22%. Read the row of all worlds: with 1 of 144, the 95% upper limit is 3.8%.
- An e-value passed 20 more often than 5% in one row of the sequences, with half of 500 very different users in the candidate. The bound over all looks is an
  approximation, for which the rate of 3% leaves room.
- Blocks × 2 were not found where users come back with correlation 0.2: a rate of 0.5% that is that of few users, and 3,000 users, tell too little.
- Where users differ much, a fault takes more calls to be found than by methods that take calls for independent. Those methods stop most unchanged candidates.
- Where observations name no user, ten times as many calls are needed, and small faults are not found before the ladder ends. lastgood warns.
- A ladder may not end within 14 days, most of all with few and heavy users: a literal rule stays red by the luck of the users, and such time does not
  count. Where the task mix drifts, the rule against the approved price is red for both arms. The hold says so; a person decides.
- The z-test and the mSPRT know the true spread of costs for independent calls. lastgood does not.
- The gate \`complaints\` is left out: it acts by its count.
- A fault is there from the first call. Faults that begin in a later stage were not played. The evidence is of the whole time of a stage, so a fault
  that begins late in it is found late. The literal rule holds the stage at once.
- The evidence is read anew at a tenth more calls, and at a hundredth while a literal rule is red, also where this page says each minute.
`;
