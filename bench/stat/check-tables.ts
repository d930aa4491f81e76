// The tables of `check` and of interleaved `compare` as Markdown, and the bars that they have to clear.

import { clopperPearson } from '../../src/stats/index.ts';
import type { Bar } from './bars.ts';
import { CHECK_TABLES, type CheckTable } from './check-plan.ts';
import type { CheckScore } from './check-score.ts';

const TITLES: Readonly<Record<CheckTable, string>> = {
  'false-regressed': 'Nothing changed: called regressed',
  gate: 'Nothing changed: the gate with floors and critical cases',
  decided: 'Innocent edits: decided, and at which price',
  'at-margin': 'A drop of exactly the margin: called unchanged',
  power: 'Changes that must be found',
  world: 'The world moved, not the change',
  claims: 'Numbers that a report prints of itself',
  adversary: 'Worlds and edits outside the list',
  collapse: 'No control can be run: a collapse convicts without one',
};

export function tableOf({ name }: CheckScore): CheckTable {
  const table = CHECK_TABLES.find((t) => name.split('/')[1] === t);
  if (table === undefined) throw new RangeError(`${name} belongs to no table`);
  return table;
}

/** What distinguishes the cell beyond world, suite and change. */
function settingOf({ name }: CheckScore): string {
  return name.split('/').slice(5).join(', ');
}

/** A share with its standard error. */
function share(count: number, of: number): string {
  if (of === 0) return '–';
  const p = count / of;
  // Of no event, or of nothing but events, the error is that of one.
  const held = Math.min(1 - 0.5 / of, Math.max(0.5 / of, p));
  return `${p.toFixed(3)} ± ${Math.sqrt((held * (1 - held)) / of).toFixed(3)}`;
}

function upper(count: number, of: number): number {
  return clopperPearson(count, of, 0.95)?.upper ?? 1;
}

type Column = readonly [title: string, value: (s: CheckScore) => string];

const COLUMNS = {
  command: ['command', (s) => s.command],
  world: ['world', (s) => s.world],
  suite: ['suite', (s) => [s.suite, settingOf(s)].filter((t) => t !== '').join(', ')],
  change: ['change', (s) => s.change],
  regressed: ['regressed', (s) => share(s.regressed, s.reps)],
  upper: ['95% upper limit', (s) => upper(s.regressed, s.reps).toFixed(3)],
  single: ['a single case confirmed', (s) => share(s.single, s.reps)],
  red: ['gate fails', (s) => share(s.red, s.reps)],
  green: ['gate passes', (s) => share(s.green, s.reps)],
  decided: ['gate decided', (s) => share(s.decided, s.reps)],
  unchanged: ['unchanged', (s) => share(s.unchanged, s.reps)],
  found: ['no-regression-found', (s) => share(s.found, s.reps)],
  blamed: ['world blamed', (s) => share(s.blamedWorld, s.reps)],
  calls: ['calls a case', (s) => (s.calls / s.reps / s.cases).toFixed(2)],
  question: ['question', (s) => s.question],
  yes: ['holds', (s) => share(s.yes, s.asked)],
  asked: ['asked in', (s) => String(s.asked)],
  reps: ['worlds', (s) => String(s.reps)],
} as const satisfies Readonly<Record<string, Column>>;

const TABLE_COLUMNS: Readonly<Record<CheckTable, readonly (keyof typeof COLUMNS)[]>> = {
  'false-regressed': ['command', 'world', 'suite', 'regressed', 'upper', 'single', 'red', 'blamed', 'reps'],
  gate: ['world', 'suite', 'red', 'green', 'calls', 'reps'],
  decided: ['world', 'suite', 'decided', 'unchanged', 'found', 'red', 'calls', 'reps'],
  'at-margin': ['command', 'world', 'suite', 'unchanged', 'regressed', 'green', 'calls', 'reps'],
  power: ['command', 'world', 'suite', 'change', 'regressed', 'red', 'green', 'calls', 'reps'],
  world: ['world', 'suite', 'change', 'regressed', 'blamed', 'green', 'calls', 'reps'],
  claims: ['command', 'world', 'suite', 'question', 'yes', 'asked', 'reps'],
  collapse: ['world', 'suite', 'change', 'regressed', 'upper', 'red', 'green', 'reps'],
  adversary: [
    'command',
    'world',
    'suite',
    'change',
    'regressed',
    'red',
    'green',
    'unchanged',
    'blamed',
    'calls',
    'reps',
  ],
};

/** All tables that have a row, with a heading each. */
export function checkMarkdown(scores: readonly CheckScore[]): string[] {
  const parts = CHECK_TABLES.flatMap((table) => {
    const rows = scores.filter((s) => tableOf(s) === table && s.question !== 'five-tries' && s.reps > 0);
    if (rows.length === 0) return [];
    const chosen = TABLE_COLUMNS[table].map((key): Column => COLUMNS[key]);
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
    return [
      [
        `### ${TITLES[table]}\n`,
        line(chosen.map(([title]) => title)),
        line(chosen.map(() => '---')),
        ...rows.map((s) => line(chosen.map(([, value]) => value(s)))),
      ].join('\n'),
    ];
  });
  const tries = scores.filter((s) => s.question === 'five-tries' && s.reps > 0);
  for (const s of tries)
    parts.push(
      `A ${s.change} of ${s.suite}, ${s.world}: ${share(s.yes, s.asked)} of ${s.asked} authors were green within five tries with a new fingerprint each time.`,
    );
  return parts;
}

/** What the cells have to show. `wide`: three standard errors of allowance, for few worlds. */
export function checkBars(scores: readonly CheckScore[], wide: boolean): Bar[] {
  const bars: Bar[] = [];
  const slack = (limit: number, n: number): number =>
    wide ? 3 * Math.sqrt(Math.max(limit * (1 - limit), 0.01) / Math.max(1, n)) : 0;
  const text = (x: number): string => String(Number(x.toFixed(3)));
  const atMost = (name: string, count: number, of: number, limit: number): void => {
    const most = limit + slack(limit, of);
    bars.push({ name, value: count / of, limit: `≤ ${text(most)}`, holds: count / of <= most + 1e-12 });
  };
  const atLeast = (name: string, count: number, of: number, limit: number): void => {
    if (of === 0) return;
    const least = limit - slack(limit, of);
    bars.push({ name, value: count / of, limit: `≥ ${text(least)}`, holds: count / of >= least - 1e-12 });
  };
  for (const s of scores) {
    if (s.reps === 0) continue;
    const plain = settingOf(s) === '';
    const calls = s.calls / s.reps / s.cases;
    const typical = (n: number): boolean =>
      plain && s.suite === `typical n=${n}` && s.world === 'session .15';
    switch (tableOf(s)) {
      case 'false-regressed':
        atMost(`${s.name}: regressed`, s.regressed, s.reps, 0.05);
        if (s.reps >= 400) {
          const limit = upper(s.regressed, s.reps);
          bars.push({
            name: `${s.name}: upper limit`,
            value: limit,
            limit: '≤ 0.065',
            holds: limit <= 0.065,
          });
        }
        if (s.suite.startsWith('mix97')) atMost(`${s.name}: single case`, s.single, s.reps, 0.01);
        break;
      case 'gate':
        atMost(`${s.name}: fails`, s.red, s.reps, 0.05);
        break;
      case 'decided':
        for (const [n, decided, most] of [
          [12, 0.6, 12],
          [42, 0.9, 6],
          [100, 0.97, 4],
        ] as const)
          if (typical(n)) {
            atLeast(`${s.name}: decided`, s.decided, s.reps, decided);
            bars.push({
              name: `${s.name}: calls a case`,
              value: calls,
              limit: `≤ ${most}`,
              holds: calls <= most + (wide ? 1 : 0),
            });
          }
        break;
      case 'at-margin':
        atMost(`${s.name}: unchanged`, s.unchanged, s.reps, 0.05);
        break;
      case 'power':
        if (s.change === 'one-broken') atMost(`${s.name}: passes`, s.green, s.reps, 0.05);
        if (s.command === 'check' && s.change === 'cancelling' && plain)
          atLeast(`${s.name}: found`, s.regressed, s.reps, 0.8);
        if (s.question === 'five-tries') atMost(`${s.name}: green within five tries`, s.yes, s.asked, 0.1);
        break;
      case 'world':
        if (s.change === 'world-10') {
          atMost(`${s.name}: regressed`, s.regressed, s.reps, 0.05);
          atLeast(`${s.name}: blamed on the world`, s.blamedWorld, s.reps, 0.8);
        }
        break;
      case 'claims':
        atLeast(`${s.name}: holds`, s.yes, s.asked, s.question === 'printed-size' ? 0.75 : 0.8);
        break;
      case 'collapse':
        if (s.change === 'none') atMost(`${s.name}: regressed`, s.regressed, s.reps, 0.05);
        else atMost(`${s.name}: passes`, s.green, s.reps, 0.05);
        break;
      case 'adversary':
        if (s.change.startsWith('none')) atMost(`${s.name}: regressed`, s.regressed, s.reps, 0.05);
        if (s.change === 'one-broken' || s.change === 'half-up' || s.change === 'broken-mostly-failing')
          atMost(`${s.name}: passes`, s.green, s.reps, 0.05);
        if (s.change === 'at-margin') atMost(`${s.name}: unchanged`, s.unchanged, s.reps, 0.05);
        break;
    }
  }
  return bars;
}
