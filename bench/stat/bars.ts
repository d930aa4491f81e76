// What must hold: the anchors that show the generator is the published one, and the bars our own design has to clear.

import { clopperPearson } from '../../src/stats/index.ts';
import { checkBars } from './check-tables.ts';
import type { Results } from './plan.ts';
import type { CellScore } from './score.ts';
import type { Scenario } from './worlds.ts';

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** In words, with the allowance where there is one. */
  readonly limit: string;
  readonly holds: boolean;
}

/** Published alarm rates of the naive rules, 100 mature cases, in the order unchanged, improve, uniform -5, broken, category, mixed. */
const ANCHORS: Readonly<Record<string, readonly number[]>> = {
  'naive-any-flip': [1, 1, 1, 1, 1, 1],
  'naive-majority-flip': [0.99, 0.89, 1, 1, 1, 1],
  'naive-threshold-5pt': [0.15, 0.01, 0.5, 0.31, 0.45, 0.19],
  'naive-threshold-2pt': [0.22, 0, 0.84, 0.61, 0.83, 0.37],
  mcnemar: [0.04, 0, 0.2, 0.09, 0.16, 0.04],
  'paired-t': [0.05, 0, 0.51, 0.19, 0.44, 0.07],
};
const ANCHOR_SCENARIOS: readonly Scenario[] = [
  'unchanged',
  'improve',
  'uniform-5',
  'broken',
  'category',
  'mixed',
];
const ANCHOR_WIDTH = 0.03;

/** How far chance may carry a share measured in `reps` worlds beyond its limit; only the quick form is given it. */
function allowance(limit: number, reps: number, wide: boolean): number {
  return wide ? 3 * Math.sqrt(Math.max(limit * (1 - limit), 0.01) / reps) : 0;
}

export function barsOf(results: Results, wide: boolean): Bar[] {
  const bars: Bar[] = [];
  const atMost = (name: string, value: number | null, limit: number, reps: number): void => {
    if (value === null) return;
    const more = allowance(limit, reps, wide);
    bars.push({ name, value, limit: `≤ ${text(limit + more)}`, holds: value <= limit + more + 1e-12 });
  };
  const atLeast = (name: string, value: number | null, limit: number, reps: number): void => {
    if (value === null) return;
    const less = allowance(limit, reps, wide);
    bars.push({ name, value, limit: `≥ ${text(limit - less)}`, holds: value >= limit - less - 1e-12 });
  };
  const find = (harness: string, profile: string, cases: number, scenario: Scenario): CellScore | undefined =>
    results.cells.find(
      (c) => c.harness === harness && c.profile === profile && c.cases === cases && c.scenario === scenario,
    );

  for (const [harness, published] of Object.entries(ANCHORS))
    for (const [i, scenario] of ANCHOR_SCENARIOS.entries()) {
      const cell = find(harness, 'mature', 100, scenario);
      if (cell === undefined) continue;
      const target = published[i] ?? 0;
      const width = ANCHOR_WIDTH + allowance(target, cell.reps, wide);
      bars.push({
        name: `anchor: ${harness}, ${scenario}`,
        value: cell.alarm,
        limit: `${text(target)} ± ${text(width)}`,
        // The published figures are rounded to two places.
        holds: Math.abs(cell.alarm - target) <= width + 0.005,
      });
    }

  for (const cell of results.cells.filter(
    (c) => c.harness.startsWith('lastgood-') && !c.harness.includes('judge'),
  )) {
    const where = `${cell.harness}, ${cell.profile} n=${cell.cases}`;
    if (cell.scenario === 'unchanged') {
      atMost(`unchanged: ${where}`, cell.alarm, 0.05, cell.reps);
      if (!wide) atMost(`unchanged, upper limit: ${where}`, cell.alarmUpper, 0.065, cell.reps);
    }
    if (cell.scenario === 'shock-interleaved')
      atMost(`noisy session, interleaved: ${where}`, cell.alarm, 0.05, cell.reps);
    if (cell.scenario === 'at-margin' && cell.harness === 'lastgood-ladder') {
      const wrong = cell.verdicts['unchanged'] ?? 0;
      const upper = clopperPearson(Math.round(wrong * cell.reps), cell.reps, 0.95)?.upper ?? 1;
      atMost(`"unchanged" of a drop of the margin: ${where}`, wrong, 0.05, cell.reps);
      if (!wide)
        atMost(`"unchanged" of a drop of the margin, upper limit: ${where}`, upper, 0.065, cell.reps);
    }
    if (cell.scenario === 'judge-drift')
      atMost(`judge changed, re-graded: ${where}`, cell.alarm, 0.05, cell.reps);
    if (cell.scenario === 'improve') atMost(`improvement is no alarm: ${where}`, cell.alarm, 0.05, cell.reps);
    if (cell.scenario === 'verbosity') {
      atLeast(`length alarm: ${where}`, cell.channels['length'] ?? 0, 0.95, cell.reps);
      atMost(`length alone does not regress: ${where}`, cell.alarm, 0.05, cell.reps);
    }
  }
  for (const cell of results.cells.filter((c) => c.harness === 'lastgood-std, judge changed'))
    atLeast(`judge changed is invalid: ${cell.profile}`, cell.verdicts['invalid'] ?? 0, 1, cell.reps);

  const std = (scenario: Scenario): CellScore | undefined => find('lastgood-std', 'mature', 100, scenario);
  for (const [scenario, limit] of [
    ['broken', 0.92],
    ['category', 0.72],
    ['uniform-5', 0.41],
    ['uniform-10', 0.85],
  ] as const) {
    const cell = std(scenario);
    if (cell !== undefined) atLeast(`std mature n=100: ${scenario}`, cell.alarm, limit, cell.reps);
  }
  const broken = std('broken');
  if (broken !== undefined) {
    // Three broken cases a world.
    atLeast('std mature n=100: precision', broken.precision, 0.95, 3 * broken.reps);
    atLeast('std mature n=100: recall', broken.recall, 0.83, 3 * broken.reps);
  }
  const quiet = std('unchanged');
  if (quiet !== undefined)
    bars.push({
      name: 'std mature n=100: calls',
      value: quiet.calls,
      limit: '≤ 720',
      holds: quiet.calls <= 720,
    });

  for (const cell of results.nightWorlds.filter((c) => c.rule.startsWith('lastgood'))) {
    const where = `${cell.world}, ${cell.shape} n=${cell.cases} k=${cell.trials}`;
    if (cell.course === 'unchanged') atMost(`90 quiet nights: ${where}`, cell.alarm, 0.05, cell.reps);
    const within = { 'step-10': 2, 'step-5': 7, decay: 40 };
    if (cell.course === 'unchanged' || cell.cases !== 100) continue;
    const limit = wide ? 2 * within[cell.course] : within[cell.course];
    const value = cell.medianNights ?? Number.POSITIVE_INFINITY;
    const name = `${cell.course}, median nights: ${where}`;
    bars.push({ name, value, limit: `≤ ${limit}`, holds: value <= limit });
  }
  for (const cell of results.nightly.filter((c) => c.rule.startsWith('lastgood'))) {
    const where = `${cell.rule.replace('lastgood ', '')}, ${cell.profile} k=${cell.trials}, ${cell.grades} grades`;
    if (cell.course === 'unchanged') atMost(`90 quiet nights: ${where}`, cell.alarm, 0.05, cell.reps);
    if (
      cell.course === 'decay' &&
      cell.profile === 'mature' &&
      cell.trials === 1 &&
      cell.grades === 'exact'
    ) {
      atLeast(`decay is seen: ${where}`, cell.alarm, 0.995, cell.reps);
      const night = cell.medianNight ?? Number.POSITIVE_INFINITY;
      const limit = wide ? 60 : 40;
      bars.push({
        name: `decay, median night: ${where}`,
        value: night,
        limit: `≤ ${limit}`,
        holds: night <= limit,
      });
    }
  }
  for (const cell of results.targets.filter((c) => c.truth === 'worse'))
    atMost(
      `non-inferiority claimed of a worse target: ${cell.profile} n=${cell.cases} k=${cell.trials}`,
      cell.claimed,
      0.065,
      cell.reps,
    );
  for (const cell of results.canaries.filter((c) => c.change === 0))
    atMost(
      `canary rolled back for nothing: ${cell.rate}, margin ${cell.margin}`,
      cell.rollback,
      0.05,
      cell.reps,
    );
  return [...bars, ...checkBars(results.checks, wide)];
}

function text(value: number): string {
  return String(Number(value.toFixed(3)));
}
