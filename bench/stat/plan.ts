// Which cells are run, and how often. Names are what `--only` selects by.

import type { CanaryScore } from './canary.ts';
import { scoreCanary } from './canary.ts';
import { checkSteps } from './check-plan.ts';
import type { CheckScore } from './check-score.ts';
import type { Harness } from './harness.ts';
import {
  CLIMB_UNCORRECTED,
  DEEP,
  DEEP_LOOKS,
  LADDER,
  SMOKE,
  STD,
  STD_LOOKS,
  STD_OTHER_JUDGE,
  STD_REGRADED,
} from './lastgood.ts';
import { NAIVE } from './naive.ts';
import type { NightCourse, NightRuleName, NightWorldScore } from './night-worlds.ts';
import { scoreNightWorld } from './night-worlds.ts';
import type { NightlyScore } from './nightly.ts';
import { NIGHTLY, NIGHTLY_CASES, scoreNightly, VERSUS_YESTERDAY } from './nightly.ts';
import type { TargetScore } from './rollback-target.ts';
import { scoreTarget } from './rollback-target.ts';
import type { CellScore } from './score.ts';
import { scoreCell } from './score.ts';
import { SESSION_PROCESSES, type SuiteShape } from './session-worlds.ts';
import type { Profile, Scenario } from './worlds.ts';

export interface Results {
  readonly cells: CellScore[];
  readonly nightly: NightlyScore[];
  readonly targets: TargetScore[];
  readonly canaries: CanaryScore[];
  readonly nightWorlds: NightWorldScore[];
  readonly checks: CheckScore[];
}

/** One piece of work. */
export interface Step {
  readonly name: string;
  /** Adds to the results and says in a word what came out. */
  run(results: Results): string;
  /** Is it in the results with as many worlds as asked for? Without it: once run, it is. */
  isDone?(results: Results): boolean;
}

export interface PlanSize {
  /** Worlds a cell; unchanged worlds get twice as many. */
  readonly reps: number;
  readonly seed: number;
  /** Only the cells that a bar hangs on. */
  readonly quick: boolean;
  /** Name of the random streams of the check's worlds: constants are tuned on `tune`, figures published from `judge`. */
  readonly stream?: 'tune' | 'judge';
}

const PROFILES: readonly Profile[] = ['mature', 'hard', 'flaky'];
const SIZES = [30, 100, 300] as const;
const SHAPES: readonly Scenario[] = ['unchanged', 'improve', 'uniform-5', 'broken', 'category', 'mixed'];

/** The naive harnesses cost next to nothing, and as anchors they must be precise. */
const NAIVE_FACTOR = 20;

const LADDER_SHAPES: readonly Scenario[] = ['uniform-5', 'uniform-10', 'broken', 'category', 'improve'];

/** The ladder, and beside it what it replaces: a single tier, and one tier after the other with nothing corrected. */
function ladderCells(
  cell: (harness: Harness, profile: Profile, cases: number, scenario: Scenario, times: number) => void,
  { reps, quick }: Pick<PlanSize, 'reps' | 'quick'>,
): void {
  if (quick) {
    for (const scenario of ['unchanged', 'at-margin', 'broken'] as const)
      cell(LADDER, 'mature', 100, scenario, Math.ceil(reps / 2));
    return;
  }
  for (const profile of PROFILES)
    for (const cases of SIZES) {
      for (const scenario of ['unchanged', 'at-margin'] as const) {
        cell(LADDER, profile, cases, scenario, 2 * reps);
        cell(CLIMB_UNCORRECTED, profile, cases, scenario, reps);
      }
      for (const harness of [STD, DEEP]) cell(harness, profile, cases, 'at-margin', reps);
      for (const scenario of LADDER_SHAPES) cell(LADDER, profile, cases, scenario, Math.ceil(reps / 2));
    }
}

const NIGHT_RULES: readonly NightRuleName[] = ['lastgood', 'tuned EWMA', 'tuned CUSUM'];

/** Ninety nights in the worlds whose runs are not independent. */
function nightWorldSteps({ reps, seed, quick }: PlanSize): Step[] {
  const steps: Step[] = [];
  const add = (
    world: string,
    shape: SuiteShape,
    [cases, trials]: readonly [number, number],
    course: NightCourse,
    rule: NightRuleName,
  ): void => {
    steps.push({
      name: `nightly-world/${world}/${shape}-${cases}x${trials}/${course}/${rule}`,
      run: ({ nightWorlds }) => {
        const times = Math.ceil(course === 'unchanged' ? 0.3 * reps : 0.1 * reps);
        const score = scoreNightWorld({ world, shape, cases, trials, course }, rule, times, seed);
        nightWorlds.push(score);
        return `alarm ${score.alarm.toFixed(3)} of ${score.reps}, median ${score.medianNights}`;
      },
    });
  };
  if (quick) {
    add('AR(1) .3 rho .5', 'typical', [42, 1], 'unchanged', 'lastgood');
    add('session .3', 'typical', [42, 3], 'step-10', 'lastgood');
    return steps;
  }
  const sizes = [
    [42, 1],
    [42, 3],
    [100, 1],
    [100, 3],
  ] as const;
  for (const world of Object.keys(SESSION_PROCESSES))
    for (const size of sizes) add(world, 'typical', size, 'unchanged', 'lastgood');
  for (const shape of ['typical', 'mature'] as const)
    for (const course of ['step-10', 'step-5', 'decay'] as const)
      for (const rule of NIGHT_RULES) add('session .3', shape, [100, 3], course, rule);
  for (const rule of NIGHT_RULES) add('independent', 'typical', [42, 1], 'step-5', rule);
  add('independent', 'typical', [100, 3], 'unchanged', 'lastgood, with cases');
  return steps;
}

/** Of the worlds a cell gets, those of a cell whose world is a whole check. */
const CHECK_SHARE = 0.4;

/** `check` and `compare` where runs share sessions. */
function worldsThatShare({ reps, seed, quick, stream }: Required<PlanSize>): Step[] {
  return checkSteps(CHECK_SHARE * reps, quick).map((step) => ({
    name: step.name,
    isDone: ({ checks }) =>
      checks.some((s) => s.name === step.name && s.stream === stream && s.reps >= step.reps),
    run: ({ checks }) => {
      const s = step.run(checks, stream, seed);
      const share = (count: number): string => (count / s.reps).toFixed(3);
      return `regressed ${share(s.regressed)} of ${s.reps}, gate fails ${share(s.red)}, passes ${share(s.green)}, ${(s.calls / s.reps / s.cases).toFixed(2)} calls a case`;
    },
  }));
}

/** Every step in the order it is run. */
export function planSteps({ reps, seed, quick, stream = 'judge' }: PlanSize): Step[] {
  const steps: Step[] = worldsThatShare({ reps, seed, quick, stream });
  const cell = (
    harness: Harness,
    profile: Profile,
    cases: number,
    scenario: Scenario,
    times: number,
  ): void => {
    steps.push({
      name: `${harness.name}/${profile}-${cases}/${scenario}`,
      run: ({ cells }) => {
        const score = scoreCell({ profile, cases, scenario }, harness, times, seed);
        cells.push(score);
        return `alarm ${score.alarm.toFixed(4)} of ${times}, ${score.calls.toFixed(0)} calls`;
      },
    });
  };
  const often = (scenario: Scenario): number => (scenario === 'unchanged' ? 2 * reps : reps);

  for (const harness of NAIVE)
    for (const scenario of SHAPES) cell(harness, 'mature', 100, scenario, NAIVE_FACTOR * reps);
  for (const harness of NAIVE) cell(harness, 'mature', 30, 'unchanged', NAIVE_FACTOR * reps);

  for (const scenario of [...SHAPES, 'uniform-10'] as const)
    cell(STD, 'mature', 100, scenario, often(scenario));
  if (!quick)
    for (const harness of [SMOKE, DEEP])
      for (const scenario of [...SHAPES, 'uniform-10'] as const)
        cell(harness, 'mature', 100, scenario, often(scenario));

  for (const harness of quick ? [STD] : [SMOKE, STD, DEEP])
    for (const profile of PROFILES)
      for (const cases of SIZES)
        if (profile !== 'mature' || cases !== 100) cell(harness, profile, cases, 'unchanged', 2 * reps);

  if (!quick)
    for (const profile of PROFILES)
      for (const cases of SIZES)
        if (profile !== 'mature' || cases !== 100)
          for (const scenario of ['improve', 'uniform-5', 'broken', 'category', 'mixed'] as const)
            cell(STD, profile, cases, scenario, Math.ceil(reps / 2));
  if (!quick) cell(STD, 'hard', 100, 'uniform-10', Math.ceil(reps / 2));

  for (const harness of quick ? [STD_LOOKS] : [STD_LOOKS, DEEP_LOOKS])
    for (const scenario of ['unchanged', 'uniform-5', 'broken', 'category', 'uniform-10'] as const)
      cell(harness, 'mature', 100, scenario, scenario === 'unchanged' ? 2 * reps : Math.ceil(reps / 2));

  ladderCells(cell, { reps, quick });

  for (const profile of quick ? (['mature'] as const) : PROFILES) {
    cell(STD, profile, 100, 'shock-interleaved', reps);
    if (!quick) cell(STD, profile, 100, 'shock-back-to-back', Math.ceil(reps / 2));
  }
  cell(STD, 'mature', 100, 'verbosity', reps);
  for (const profile of ['mature', 'hard'] as const) {
    cell(STD_OTHER_JUDGE, profile, 100, 'judge-drift', Math.ceil(reps / 10));
    cell(STD_REGRADED, profile, 100, 'judge-drift', reps);
    if (!quick)
      for (const naive of NAIVE.filter((h) => h.name === 'paired-t'))
        cell(naive, profile, 100, 'judge-drift', 2 * reps);
  }

  for (const profile of PROFILES)
    for (const [cases, trials] of [
      [100, 5],
      [100, 10],
      [300, 3],
    ] as const)
      if (!quick || (profile === 'mature' && cases === 100))
        for (const truth of ['worse', 'as-good'] as const)
          steps.push({
            name: `target/${profile}-${cases}x${trials}/${truth}`,
            run: ({ targets }) => {
              const score = scoreTarget(
                { profile, cases, trials, truth },
                truth === 'worse' ? 2 * reps : reps,
                seed,
              );
              targets.push(score);
              return `claimed ${score.claimed.toFixed(3)}`;
            },
          });

  for (const [rate, change, margin] of [
    [0.9, 0, 0.1],
    [0.9, -0.1, 0.1],
    [0.9, -0.2, 0.1],
    [0.9, 0, 0.05],
    [0.7, 0, 0.05],
    [0.9, -0.05, 0.05],
    [0.7, -0.1, 0.05],
  ] as const)
    steps.push({
      name: `canary/${rate}${change}/margin-${margin}`,
      run: ({ canaries }) => {
        const score = scoreCanary({ rate, change, margin }, 2 * reps, seed);
        canaries.push(score);
        return `rolled back ${score.rollback.toFixed(3)}, promoted ${score.promote.toFixed(3)}`;
      },
    });

  for (const [profile, trials, course, grades, rule, times] of [
    ['mature', 1, 'unchanged', 'exact', NIGHTLY, reps / 2],
    ['mature', 1, 'decay', 'exact', NIGHTLY, reps / 5],
    ['mature', 1, 'step', 'exact', NIGHTLY, reps / 5],
    ['mature', 3, 'unchanged', 'exact', NIGHTLY, reps / 2],
    ['mature', 3, 'decay', 'exact', NIGHTLY, reps / 5],
    ['hard', 1, 'unchanged', 'exact', NIGHTLY, reps / 2],
    ['hard', 1, 'decay', 'exact', NIGHTLY, reps / 5],
    ['mature', 1, 'unchanged', 'judge', NIGHTLY, reps / 5],
    ['mature', 1, 'decay', 'judge', NIGHTLY, reps / 5],
    ['mature', 1, 'unchanged', 'exact', NIGHTLY_CASES, reps / 4],
    ['mature', 3, 'unchanged', 'exact', NIGHTLY_CASES, reps / 4],
    ['mature', 1, 'unchanged', 'exact', VERSUS_YESTERDAY, reps],
    ['mature', 3, 'unchanged', 'exact', VERSUS_YESTERDAY, reps],
  ] as const)
    if (!quick || (profile === 'mature' && trials === 1 && grades === 'exact' && rule !== NIGHTLY_CASES))
      steps.push({
        name: `nightly/${profile}-100x${trials}/${course}/${grades}/${rule.name}`,
        run: ({ nightly }) => {
          const cell = { profile, cases: 100, trials, course, grades };
          const score = scoreNightly(cell, rule, Math.ceil(times), seed);
          nightly.push(score);
          return `alarm ${score.alarm.toFixed(3)}, median night ${score.medianNight}`;
        },
      });
  steps.push(...nightWorldSteps({ reps, seed, quick }));
  return steps;
}
