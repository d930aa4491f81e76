// The results as Markdown: the tables for the README and the list of bars.

import type { Bar } from './bars.ts';
import { checkMarkdown } from './check-tables.ts';
import type { Results } from './plan.ts';
import type { CellScore } from './score.ts';
import type { Scenario } from './worlds.ts';

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function share(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return value.toFixed(value > 0 && value < 0.1 ? 3 : 2);
}

function whole(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(0);
}

interface Look {
  cell(harness: string, profile: string, cases: number, scenario: Scenario): CellScore | undefined;
}

function lookup(results: Results): Look {
  return {
    cell: (harness, profile, cases, scenario) =>
      results.cells.find(
        (c) => c.harness === harness && c.profile === profile && c.cases === cases && c.scenario === scenario,
      ),
  };
}

const SHAPES: readonly Scenario[] = [
  'unchanged',
  'improve',
  'uniform-5',
  'uniform-10',
  'broken',
  'category',
  'mixed',
];

/** Every harness on 100 mature cases: the table for the README. */
export function headlineTable(results: Results): string {
  const look = lookup(results);
  const harnesses = [
    ...new Set(
      results.cells
        .filter((c) => c.scenario === 'unchanged' && c.cases === 100 && c.profile === 'mature')
        .map((c) => c.harness),
    ),
  ];
  const rows = harnesses.map((harness) => {
    const at = (scenario: Scenario) => look.cell(harness, 'mature', 100, scenario);
    const broken = at('broken');
    return [
      harness,
      ...SHAPES.map((scenario) => share(at(scenario)?.alarm)),
      broken === undefined ? '–' : `${share(broken.precision)} / ${share(broken.recall)}`,
      whole(at('unchanged')?.calls),
    ];
  });
  return table(
    [
      'harness',
      'unchanged',
      'improved 5 pt',
      'uniform −5 pt',
      'uniform −10 pt',
      '3 % of cases broken',
      'one category −40 %',
      'mixed',
      'precision / recall',
      'calls',
    ],
    rows,
  );
}

function otherCells(results: Results): string {
  const look = lookup(results);
  const rows: string[][] = [];
  for (const profile of ['mature', 'hard', 'flaky'])
    for (const cases of [30, 100, 300]) {
      const at = (scenario: Scenario) => look.cell('lastgood-std', profile, cases, scenario);
      if (at('unchanged') === undefined) continue;
      const broken = at('broken');
      rows.push([
        `${profile} n=${cases}`,
        ...SHAPES.map((scenario) => share(at(scenario)?.alarm)),
        broken === undefined ? '–' : `${share(broken.precision)} / ${share(broken.recall)}`,
        whole(at('unchanged')?.calls),
      ]);
    }
  return table(
    [
      'lastgood-std',
      'unchanged',
      'improved 5 pt',
      'uniform −5 pt',
      'uniform −10 pt',
      'broken',
      'category',
      'mixed',
      'precision / recall',
      'calls',
    ],
    rows,
  );
}

function falseAlarms(results: Results): string {
  const cells = results.cells.filter((c) => c.scenario === 'unchanged' && c.harness.startsWith('lastgood-'));
  return table(
    ['unchanged worlds', 'alarms', '95 % upper limit', 'verdicts', 'worlds'],
    cells.map((c) => [
      `${c.harness}, ${c.profile} n=${c.cases}`,
      c.alarm.toFixed(4),
      c.alarmUpper.toFixed(4),
      Object.entries(c.verdicts)
        .map(([verdict, part]) => `${verdict} ${part.toFixed(2)}`)
        .join(', '),
      String(c.reps),
    ]),
  );
}

function sideConditions(results: Results): string {
  const cells = results.cells.filter((c) =>
    ['shock-interleaved', 'shock-back-to-back', 'verbosity', 'judge-drift'].includes(c.scenario),
  );
  return table(
    [
      'nothing about the pass rate changed, but …',
      'pass alarm',
      '95 % upper limit',
      'length alarm',
      'invalid',
      'worlds',
    ],
    cells.map((c) => [
      `${c.scenario}: ${c.harness}, ${c.profile} n=${c.cases}`,
      share(c.alarm),
      c.alarmUpper.toFixed(3),
      share(c.channels['length'] ?? 0),
      share(c.verdicts['invalid'] ?? 0),
      String(c.reps),
    ]),
  );
}

function earlyLooks(results: Results): string {
  const cells = results.cells.filter((c) => c.harness.endsWith('-looks'));
  return table(
    ['with early looks', 'alarms', 'calls', 'worlds'],
    cells.map((c) => [`${c.harness}, ${c.scenario}`, share(c.alarm), whole(c.calls), String(c.reps)]),
  );
}

/** The ladder beside the single tiers: how often it is wrong, what it finds, how often it can tell, and what it costs. */
function ladder(results: Results): string {
  const names = ['lastgood-ladder', 'lastgood-std', 'lastgood-deep', 'tier after tier, uncorrected'];
  const kinds = new Set(
    results.cells
      .filter((c) => c.harness === 'lastgood-ladder')
      .map((c) => `${c.scenario}|${c.profile}|${c.cases}`),
  );
  const rows = [...kinds].flatMap((kind) =>
    names.flatMap((name) =>
      results.cells
        .filter((c) => c.harness === name && `${c.scenario}|${c.profile}|${c.cases}` === kind)
        .map((c) => [
          `${c.scenario}, ${c.profile} n=${c.cases}`,
          name,
          share(c.alarm),
          c.alarmUpper.toFixed(3),
          share(c.verdicts['unchanged'] ?? 0),
          share(1 - (c.verdicts['inconclusive'] ?? 0)),
          whole(c.calls),
          String(c.reps),
        ]),
    ),
  );
  return table(
    [
      'what is true',
      'harness',
      'regressed',
      '95 % upper limit',
      '"unchanged"',
      'decided',
      'mean calls',
      'worlds',
    ],
    rows,
  );
}

/** All tables, with a heading each; parts that were not run are left out. */
export function markdown(results: Results): string {
  const parts: string[] = checkMarkdown(results.checks);
  const add = (title: string, present: boolean, body: () => string): void => {
    if (present) parts.push(`### ${title}\n\n${body()}`);
  };
  add('100 mature cases: how often a harness would stop the release', results.cells.length > 0, () =>
    headlineTable(results),
  );
  add(
    'The standard tier on other suites',
    results.cells.some((c) => c.harness === 'lastgood-std'),
    () => otherCells(results),
  );
  add(
    'False alarms',
    results.cells.some((c) => c.harness.startsWith('lastgood-')),
    () => falseAlarms(results),
  );
  add(
    'Sessions, judges, lengths',
    results.cells.some((c) => c.scenario === 'verbosity' || c.scenario === 'judge-drift'),
    () => sideConditions(results),
  );
  add(
    'Early looks',
    results.cells.some((c) => c.harness.endsWith('-looks')),
    () => earlyLooks(results),
  );
  add(
    'The ladder',
    results.cells.some((c) => c.harness === 'lastgood-ladder'),
    () => ladder(results),
  );
  add('Ninety nights against a pinned pool of five', results.nightly.length > 0, () =>
    table(
      [
        'rule',
        'suite',
        'grades',
        'course',
        'alarm within 90 nights',
        '95 % upper limit',
        'median night',
        'series',
      ],
      results.nightly.map((c) => [
        c.rule,
        `${c.profile} n=${c.cases} k=${c.trials}`,
        c.grades,
        c.course,
        share(c.alarm),
        c.alarmUpper.toFixed(3),
        whole(c.medianNight),
        String(c.reps),
      ]),
    ),
  );
  add('Ninety nights whose runs are not independent', results.nightWorlds.length > 0, () =>
    table(
      ['world', 'suite', 'course', 'rule', 'alarm', '95 % upper limit', 'median nights', 'series'],
      results.nightWorlds.map((c) => [
        c.world,
        `${c.shape} n=${c.cases} k=${c.trials}`,
        c.course,
        c.rule,
        share(c.alarm),
        c.alarmUpper.toFixed(3),
        whole(c.medianNights),
        String(c.reps),
      ]),
    ),
  );
  add('Rollback targets', results.targets.length > 0, () =>
    table(
      [
        'target',
        'truth',
        'non-inferiority claimed',
        '95 % upper limit',
        'verified',
        '"within 2 points"',
        'worlds',
      ],
      results.targets.map((c) => [
        `${c.profile} n=${c.cases} k=${c.trials}`,
        c.truth === 'worse' ? 'worse by the margin' : 'as good',
        share(c.claimed),
        c.claimedUpper.toFixed(3),
        share(c.verified),
        share(c.within2Points),
        String(c.reps),
      ]),
    ),
  );
  add('Canary, a look after every pair', results.canaries.length > 0, () =>
    table(
      [
        'control, change, margin',
        'rolled back',
        '95 % upper limit',
        'after (median pairs)',
        'promoted',
        'after',
        'z-test every 50 pairs rolls back',
        'runs',
      ],
      results.canaries.map((c) => [
        `${c.rate}, ${c.change}, ${c.margin}`,
        share(c.rollback),
        c.rollbackUpper.toFixed(3),
        whole(c.rollbackAfter),
        share(c.promote),
        whole(c.promoteAfter),
        share(c.peekingRollback),
        String(c.reps),
      ]),
    ),
  );
  return parts.join('\n\n');
}

/** The bars, missed ones first. */
export function barTable(bars: readonly Bar[]): string {
  const sorted = [...bars].sort((a, b) => Number(a.holds) - Number(b.holds));
  return table(
    ['bar', 'measured', 'demanded', ''],
    sorted.map((bar) => [
      bar.name,
      Number.isInteger(bar.value) ? String(bar.value) : bar.value.toFixed(3),
      bar.limit,
      bar.holds ? 'met' : '**missed**',
    ]),
  );
}
