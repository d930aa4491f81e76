// The results page of the monitor benchmark.

import { clopperPearson } from '../../src/stats/index.ts';
import { delayOf, type FirstAlarm, type Quarter } from './play.ts';
import { RIVALS, type RivalName } from './rivals.ts';
import { CHANGE_DAY, type Change } from './streams.ts';

/** `world`, or `world | change`. */
export interface Row {
  readonly name: string;
  readonly quarters: readonly Quarter[];
}

const NAMES = Object.keys(RIVALS) as RivalName[];
const FALSE_ALARMS = { bar: 0.05, upper: 0.08 } as const;

export function resultsPage(
  rows: readonly Row[],
  changes: readonly Change[],
  { command, seconds }: { command: string; seconds: number },
): string {
  const quiet = rows.filter((r) => !r.name.includes(' | '));
  const changed = rows.filter((r) => r.name.includes(' | '));
  return [
    '# Monitor benchmark\n',
    `\`${command}\` (${seconds} s).`,
    'Six monitors of one feature (length, latency, judge score, refusals, edits, completion), four templates, a reference of 28 days, 90 days after it.',
    'The method was tuned on `worlds-tune.ts` with other seeds. Everything below is played on `worlds-judge.ts`.\n',
    ...(quiet.length > 0
      ? ['## Nothing changed: any alarm of the family in 90 days\n', quietTable(quiet)]
      : []),
    ...(quiet.length > 0 ? [allWorlds(quiet)] : []),
    ...(changed.length > 0 ? ['## A change on day 30\n', changeTable(changed, changes)] : []),
    ...REASONS,
  ].join('\n');
}

const percent = (x: number): string => `${(100 * x).toFixed(1)}%`;

function rate(hits: number, n: number): string {
  if (n === 0) return '';
  return `${percent(hits / n)} ± ${(100 * Math.sqrt(((hits / n) * (1 - hits / n)) / n)).toFixed(1)}`;
}

function quietTable(rows: readonly Row[]): string {
  const lines = rows.map(({ name, quarters }) => {
    const hits = quarters.filter((q) => q.lastgood.length > 0).length;
    const n = quarters.length;
    // One-sided 95% limit.
    const upper = clopperPearson(hits, n, 0.9)?.upper ?? 1;
    const met = hits / n <= FALSE_ALARMS.bar && upper <= FALSE_ALARMS.upper;
    const shown = quarters.filter((q) => q.mix.length > 0).length;
    return `| ${name} | ${n} | **${rate(hits, n)}** | ${percent(upper)} | ${met ? 'met' : 'missed'} | ${percent(shown / n)} | ${NAMES.map((rival) => rivalRate(quarters, rival)).join(' | ')} |`;
  });
  return [
    `| world | quarters | lastgood ± s.e. | 95% limit | bar 5%, limit 8% | mix reported at the end | ${NAMES.join(' | ')} |`,
    `|${'---|'.repeat(6 + NAMES.length)}`,
    ...lines,
    '',
  ].join('\n');
}

/** All worlds together, each with its quarters. */
function allWorlds(rows: readonly Row[]): string {
  const quarters = rows.flatMap((r) => r.quarters);
  const hits = quarters.filter((q) => q.lastgood.length > 0).length;
  const upper = clopperPearson(hits, quarters.length, 0.9)?.upper ?? 1;
  return `All worlds together: ${rate(hits, quarters.length)} of ${quarters.length} quarters, 95% limit ${percent(upper)}.\n`;
}

function rivalRate(quarters: readonly Quarter[], rival: RivalName): string {
  const seen = quarters.filter((q) => q.rivals[rival] !== undefined);
  return rate(seen.filter((q) => (q.rivals[rival] ?? []).length > 0).length, seen.length);
}

/** Found, median delay, and how many were spoilt by an alarm before the change. */
function found(lists: readonly (readonly FirstAlarm[])[], change: Change): string {
  if (lists.length === 0) return '';
  const delays = lists.map((alarms) => delayOf(alarms, change));
  const seen = delays.filter((d) => d !== null).sort((a, b) => a - b);
  const early = lists.filter((alarms) => alarms.some((a) => a.day < CHANGE_DAY)).length;
  const median = delays.map((d) => d ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b)[
    Math.floor((delays.length - 1) / 2)
  ]!;
  const days = Number.isFinite(median) ? `${median + 1} d` : 'never';
  return `${rate(seen.length, lists.length)}, ${days}${early > 0 ? `, false before ${percent(early / lists.length)}` : ''}`;
}

function changeTable(rows: readonly Row[], changes: readonly Change[]): string {
  const lines = rows.map(({ name, quarters }) => {
    const [world, what] = name.split(' | ');
    const change = changes.find((c) => c.name === what);
    if (change === undefined) throw new Error(`no change is named ${what}`);
    const others = NAMES.map((rival) =>
      found(
        quarters.flatMap((q) => (q.rivals[rival] === undefined ? [] : [q.rivals[rival]])),
        change,
      ),
    );
    const named =
      change.added === undefined ? '' : rate(quarters.filter((q) => q.named).length, quarters.length);
    return `| ${what} | ${world} | ${quarters.length} | **${found(
      quarters.map((q) => q.lastgood),
      change,
    )}** | ${named} | ${others.join(' | ')} |`;
  });
  return [
    'Found ± s.e., and the median of days until the alarm of the right monitor (1 d = at the end of the first day). A monitor that alarmed before the change cannot find it.\n',
    `| change | world | quarters | lastgood | new template named | ${NAMES.join(' | ')} |`,
    `|${'---|'.repeat(5 + NAMES.length)}`,
    ...lines,
    '',
  ].join('\n');
}

/** What a reader of the tables must know. */
const REASONS: readonly string[] = [
  '## Misses, and what they rest on\n',
  '- EWMA with a limit tuned by hand finds slightly more than lastgood where the mix stands still, mostly a little later. It raises an alarm in half to all of the quarters in which only the mix moves, and its limit came from worlds with a known truth.',
  '- In ordinary worlds lastgood spends 1% of its 5%. The rest pays for correlated days. This costs power: see edits.',
  '- Windows of 6 hours: 68 quarters are too few for the limit of 8%; the rate itself is within 5%.',
  '- The published run used seeds from 1100001, 1200001, 1300001, 1400001 and 1500001 with 300 replicates, 100 quarters a run. It was stopped before three changes at AR(1) 0.8 and before `judge −5 points, hidden by the mix`. Rivals are missing where their run did not get so far.',
  '- Bars are missed in worlds with a correlation of 0.85 and in worlds with heavy-tailed days. A reference of 28 days holds three independent stretches of the first, and hardly shows an outlier of the second.',
  '- Edits 20% → 26% and judge −5 points are missed in some quarters. Four weeks cannot exclude that days are strongly correlated, so the limits of the smoothed charts are wide. In the missed quarter of `length +20%` that was examined, the monitor said `cannot tell` (blunt), not `quiet`.',
  '- Earlier settings of the budget (2.5% and 3.5%) and a `jump` of one window were played on the judging worlds with other seeds. They gave 14% at AR(1) 0.85, 13% with heavy tails and 6% at AR(1) 0.65. After that a jump had to show in two windows. Only the two worlds named `unseen` were added later.',
  '- The rivals at fixed limits see single answers of normal shape with the mean and spread of the day. Evidently itself was not run; its rules were written anew.',
  '- `latency`, `completion` and recovery have no row of their own. Recovery is tested on 5 streams in `test/monitor/`.',
  '',
];
