// The cells of the tables of `check` and of interleaved `compare`: worlds first, then what a gate, an edit and a change make of them.

import type { CheckCell } from './check.ts';
import type { Change, Marks } from './check-changes.ts';
import { type CellPlan, type CheckScore, emptyScore, type Question, scoreMore } from './check-score.ts';
import type { InterleavedCell } from './interleaved.ts';
import { SESSION_PROCESSES, SUITE_SHAPES, type SuiteShape, UNSEEN_SHAPES } from './session-worlds.ts';
import type { DiffCell } from './stored-diff.ts';

/** A cell: what it is called, how often it is run for each thousand of --reps, and its part of the tables. */
export interface CheckStep {
  readonly name: string;
  readonly table: CheckTable;
  readonly reps: number;
  run(scores: CheckScore[], stream: string, seed: number): CheckScore;
}

/** Tables in the order in which they are printed. */
export const CHECK_TABLES = [
  'false-regressed',
  'gate',
  'decided',
  'at-margin',
  'power',
  'world',
  'claims',
  'adversary',
  'collapse',
] as const;
export type CheckTable = (typeof CHECK_TABLES)[number];

const WORLDS = Object.keys(SESSION_PROCESSES);

interface Extra {
  readonly pool?: number;
  readonly poolTrials?: number;
  readonly tier?: CheckCell['tier'];
  readonly marks?: Marks;
  readonly apart?: boolean;
  readonly coldTrials?: number;
  readonly luckiestOf?: number;
  readonly sharedApplication?: boolean;
  readonly question?: Question;
  readonly moodsApart?: boolean;
  readonly trials?: number;
}

type DiffExtra = Pick<Extra, 'pool' | 'poolTrials' | 'trials' | 'question'>;

function named(parts: readonly string[], extra: Extra): string {
  const more = Object.entries(extra).flatMap(([key, value]) =>
    value === undefined || value === false ? [] : [value === true ? key : `${key} ${value}`],
  );
  return [...parts, ...more].join('/');
}

/** Every cell, with `reps` worlds where a rate is close to its limit and fewer elsewhere. */
export function checkSteps(reps: number, quick: boolean): CheckStep[] {
  const steps: CheckStep[] = [];
  const push = (table: CheckTable, name: string, plan: CellPlan, share: number): void => {
    steps.push({
      name,
      table,
      reps: Math.max(1, Math.round(share * reps)),
      run(scores, stream, seed) {
        let score = scores.find((s) => s.name === name && s.stream === stream);
        if (score === undefined) {
          score = emptyScore(name, stream, plan);
          scores.push(score);
        }
        scoreMore(score, plan, this.reps, seed);
        return score;
      },
    });
  };
  const check = (
    table: CheckTable,
    world: string,
    shape: SuiteShape,
    cases: number,
    change: Change,
    share: number,
    extra: Extra = {},
  ): void => {
    const process = SESSION_PROCESSES[world];
    if (process === undefined) throw new RangeError(`no world is called ${world}`);
    const run: CheckCell = {
      process,
      shape,
      cases,
      change,
      pool: extra.pool ?? 5,
      poolTrials: extra.poolTrials ?? 3,
      tier: extra.tier ?? 'std',
      marks: extra.marks,
      apart: extra.apart,
      coldTrials: extra.coldTrials,
      luckiestOf: extra.luckiestOf,
      sharedApplication: extra.sharedApplication,
      badHour: process.kind === 'bad-hour' ? true : undefined,
    };
    const suite = `${shape} n=${cases}`;
    const name = named([`check/${table}`, world, `${shape}-${cases}`, change], extra);
    push(table, name, { command: 'check', world, suite, question: extra.question ?? 'once', run }, share);
  };
  const compare = (
    table: CheckTable,
    world: string,
    shape: SuiteShape,
    cases: number,
    change: Change,
    share: number,
    extra: Extra = {},
  ): void => {
    const process = SESSION_PROCESSES[world];
    if (process === undefined) throw new RangeError(`no world is called ${world}`);
    const run: InterleavedCell = {
      process,
      shape,
      cases,
      change,
      tier: extra.tier ?? 'std',
      trials: extra.trials,
      marks: extra.marks,
      moodsApart: extra.moodsApart,
    };
    const suite = `${shape} n=${cases}`;
    const name = named([`compare/${table}`, world, `${shape}-${cases}`, change], extra);
    push(table, name, { command: 'compare', world, suite, question: extra.question ?? 'once', run }, share);
  };

  const diff = (
    table: CheckTable,
    world: string,
    shape: SuiteShape,
    cases: number,
    change: Change,
    share: number,
    extra: DiffExtra = {},
  ): void => {
    const process = SESSION_PROCESSES[world];
    if (process === undefined) throw new RangeError(`no world is called ${world}`);
    const run: DiffCell = {
      process,
      shape,
      cases,
      change,
      storedRuns: extra.pool ?? 5,
      storedTrials: extra.poolTrials ?? 3,
      trials: extra.trials ?? 3,
    };
    const suite = `${shape} n=${cases}`;
    const name = named([`diff/${table}`, world, `${shape}-${cases}`, change], extra);
    push(table, name, { command: 'diff', world, suite, question: extra.question ?? 'once', run }, share);
  };

  if (quick) {
    check('false-regressed', 'session .3', 'typical', 42, 'none', 1);
    check('false-regressed', 'bad hour 10%', 'typical', 42, 'none', 1);
    check('gate', 'session .3', 'typical', 42, 'none', 1, { marks: 'critical-all' });
    check('gate', 'session .3', 'typical', 42, 'none', 1, { marks: 'suite-floor' });
    check('decided', 'session .15', 'typical', 42, 'none', 1);
    check('at-margin', 'session .15', 'typical', 42, 'at-margin', 1);
    check('power', 'session .15', 'typical', 42, 'one-broken', 1);
    check('power', 'session .15', 'typical', 42, 'uniform-10', 1);
    check('world', 'session .15', 'typical', 42, 'world-10', 1);
    compare('false-regressed', 'session .3', 'typical', 42, 'none', 1);
    compare('power', 'independent', 'typical', 42, 'broken', 1);
    diff('false-regressed', 'session .3', 'typical', 42, 'none', 1);
    diff('claims', 'session .15', 'typical', 42, 'none', 1, { question: 'printed-size' });
    check('collapse', 'groups ICC 1', 'level', 24, 'none', 1, { sharedApplication: true, pool: 1 });
    return steps;
  }

  // Nothing changed: who is called regressed?
  for (const world of WORLDS) {
    check('false-regressed', world, 'typical', 42, 'none', 1);
    check('false-regressed', world, 'typical', 100, 'none', 0.5);
    check('false-regressed', world, 'typical', 42, 'none', 0.5, { pool: 1 });
    compare('false-regressed', world, 'typical', 42, 'none', 0.5);
  }
  for (const world of ['session .3', 'bad hour 10%', 'groups ICC .5'])
    for (const shape of SUITE_SHAPES) {
      if (shape === 'typical') continue;
      check('false-regressed', world, shape, 42, 'none', 0.5);
      check('false-regressed', world, shape, 100, 'none', 0.25);
    }
  for (const world of ['session .3', 'bad hour 10%'])
    for (const cases of [5, 12]) check('false-regressed', world, 'typical', cases, 'none', 0.5);
  for (const world of ['independent', 'session .3'])
    check('false-regressed', world, 'mix97', 300, 'none', 0.25);
  check('false-regressed', 'session .3', 'typical', 500, 'none', 0.05);
  for (const world of ['groups ICC .5, declared', 'groups ICC 1, declared', 'groups ICC .5'])
    compare('false-regressed', world, 'typical', 100, 'none', 0.5, { moodsApart: true });
  check('false-regressed', 'session .3', 'typical', 42, 'none', 0.5, { apart: true });
  check('false-regressed', 'AR(1) .3 rho .8', 'typical', 42, 'none', 0.5, { apart: true });

  for (const world of WORLDS)
    for (const pool of [1, 5]) diff('false-regressed', world, 'typical', 42, 'none', 0.5, { pool });

  // The whole gate on an unchanged release.
  for (const world of ['session .15', 'session .3'])
    for (const marks of [
      'critical-all',
      'critical-tenth',
      'floor-all',
      'floor-tenth',
      'suite-floor',
      'suite-floor-1',
    ] as const)
      check('gate', world, 'typical', 42, 'none', 0.5, { marks });
  for (const marks of ['critical-all', 'critical-tenth'] as const)
    for (const poolTrials of [1, 3])
      check('gate', 'session .15', 'mix97', 100, 'none', 0.5, {
        marks,
        pool: 1,
        poolTrials,
        tier: poolTrials === 1 ? 'smoke' : 'std',
      });
  for (const marks of ['suite-floor', 'suite-floor-1', 'floor-all'] as const)
    check('gate', 'session .15', 'typical', 100, 'none', 0.5, { marks });

  check('gate', 'session .3', 'typical', 42, 'none', 0.5, { marks: 'score-fails' });
  check('gate', 'session .3', 'typical', 42, 'none', 0.5, { marks: 'score-fails', coldTrials: 10 });

  // Innocent edits: decided, and at which price?
  for (const world of ['session .15', 'session .3']) {
    for (const shape of SUITE_SHAPES) check('decided', world, shape, 42, 'none', 0.5);
    for (const cases of [5, 12, 100]) check('decided', world, 'typical', cases, 'none', 0.5);
    check('decided', world, 'typical', 42, 'none', 0.5, { pool: 1 });
  }
  check('decided', 'session .15', 'typical', 12, 'none', 0.5, { tier: 'deep' });
  check('decided', 'session .15', 'flaky', 42, 'none', 0.5, { tier: 'deep' });
  check('decided', 'session .15', 'u-shaped', 42, 'none', 0.5, { tier: 'deep' });

  // A drop of exactly the margin is not "unchanged".
  for (const world of [
    'independent',
    'session .15',
    'session .3',
    'session .5',
    'AR(1) .3 rho .8',
    'judge .5',
  ])
    for (const cases of [42, 100]) check('at-margin', world, 'typical', cases, 'at-margin', 0.5);
  for (const shape of ['mature', 'flaky'] as const)
    check('at-margin', 'session .15', shape, 100, 'at-margin', 0.5);
  check('at-margin', 'session .3', 'typical', 100, 'at-margin', 0.5, { pool: 1 });
  compare('at-margin', 'independent', 'typical', 100, 'at-margin', 0.5);
  compare('at-margin', 'session .3', 'typical', 100, 'at-margin', 0.5);

  // Changes: are they found?
  for (const change of [
    'uniform-5',
    'uniform-10',
    'broken',
    'one-broken',
    'category',
    'cancelling',
  ] as const) {
    for (const cases of [42, 100]) check('power', 'session .15', 'typical', cases, change, 0.25);
    check('power', 'session .15', 'typical', 42, change, 0.25, { pool: 1 });
    compare('power', 'session .15', 'typical', 42, change, 0.25);
    compare('power', 'session .15', 'typical', 100, change, 0.25);
  }
  for (const change of ['uniform-5', 'broken', 'category'] as const) {
    check('power', 'independent', 'mature', 100, change, 0.25);
    compare('power', 'independent', 'mature', 100, change, 0.5);
  }
  for (const shape of ['mature', 'mix97'] as const)
    check('power', 'session .3', shape, 100, 'one-broken', 0.25, { pool: 1 });
  for (const cases of [300, 1500]) {
    check('power', 'session .15', 'typical', cases, 'one-broken', 0.08, {
      pool: 1,
      poolTrials: 1,
      tier: 'smoke',
    });
    compare('power', 'session .15', 'typical', cases, 'one-broken', 0.08, { tier: 'smoke' });
  }
  check('power', 'session .15', 'typical', 42, 'tag-of-5', 0.25, { marks: 'tag-of-5' });
  check('power', 'session .15', 'typical', 42, 'tag-of-5', 0.25, {
    marks: 'tag-of-5',
    question: 'five-tries',
  });
  check('power', 'session .15', 'typical', 42, 'score', 0.1, { marks: 'score-fails' });
  check('power', 'session .15', 'typical', 42, 'score', 0.1);
  compare('power', 'session .15', 'typical', 42, 'score', 0.1, { marks: 'score-fails' });

  // The world moved: whose doing is it said to be?
  for (const world of ['session .15', 'session .3'])
    for (const cases of [42, 100]) check('world', world, 'typical', cases, 'world-10', 0.25);
  check('world', 'session .15', 'typical', 42, 'world-10-broken', 0.25);

  // What a report claims of itself.
  for (const [shape, cases] of [
    ['typical', 42],
    ['typical', 100],
    ['mature', 100],
  ] as const) {
    check('claims', 'session .15', shape, cases, 'none', 0.25, { question: 'printed-size' });
    compare('claims', 'session .15', shape, cases, 'none', 0.5, { question: 'printed-size' });
    compare('claims', 'session .15', shape, cases, 'none', 0.5, { question: 'printed-trials' });
  }
  check('claims', 'session .15', 'typical', 42, 'none', 0.25, { question: 'printed-size', pool: 1 });
  for (const [shape, cases] of [
    ['typical', 42],
    ['u-shaped', 100],
    ['flaky', 42],
  ] as const)
    check('claims', 'session .15', shape, cases, 'none', 0.5, { question: 'printed-trials' });
  for (const [shape, cases] of [
    ['typical', 42],
    ['mature', 100],
    ['flaky', 100],
  ] as const)
    for (const pool of [1, 5]) {
      diff('claims', 'session .15', shape, cases, 'none', 0.5, { question: 'printed-size', pool });
      diff('claims', 'session .15', shape, cases, 'none', 0.5, { question: 'printed-trials', pool });
    }
  diff('claims', 'independent', 'typical', 42, 'none', 0.5, { question: 'printed-trials' });

  // What nobody listed and users have.
  check('adversary', 'session .15', 'typical', 42, 'half-up', 0.25);
  check('adversary', 'session .15', 'typical', 100, 'half-up', 0.25);
  compare('adversary', 'session .15', 'typical', 42, 'half-up', 0.25);
  check('adversary', 'session .15', 'typical', 42, 'weak-pair', 0.25);
  check('adversary', 'session .15', 'typical', 100, 'weak-pair', 0.25);
  check('adversary', 'session .3', 'typical', 42, 'none', 0.25, { coldTrials: 10 });
  check('adversary', 'session .3', 'typical', 100, 'none', 0.25, { coldTrials: 10 });
  check('adversary', 'session .3', 'typical', 42, 'none-mostly-failing', 0.25);
  check('adversary', 'session .15', 'typical', 42, 'broken-mostly-failing', 0.25);
  check('adversary', 'session .3', 'typical', 42, 'none', 0.25, { marks: 'unequal-tags' });
  check('adversary', 'session .15', 'typical', 42, 'none', 0.25, { pool: 1, poolTrials: 1 });
  check('adversary', 'session .15', 'typical', 42, 'one-broken', 0.25, { pool: 1, poolTrials: 1 });
  check('adversary', 'session .3', 'typical', 42, 'none', 0.25, { pool: 1, luckiestOf: 5 });
  check('adversary', 'session .3', 'typical', 100, 'none', 0.25, { pool: 1, luckiestOf: 5 });
  check('adversary', 'session .3', 'typical', 42, 'at-margin', 0.25, { pool: 1, luckiestOf: 5 });
  check('adversary', 'session .3', 'flaky', 42, 'none', 0.25, { pool: 1, poolTrials: 1 });

  // An application that both releases share has no control: a collapse convicts without one, on shapes that it was not tuned on.
  const shared = { sharedApplication: true };
  for (const shape of UNSEEN_SHAPES)
    for (const [cases, poolTrials] of [
      [12, 1],
      [24, 3],
      [60, 1],
    ] as const)
      for (const world of ['session .5', 'bad hour 10%', 'groups ICC 1'])
        check('collapse', world, shape, cases, 'none', 0.5, { ...shared, pool: 1, poolTrials });
  check('collapse', 'AR(1) .3 rho .8', 'weak', 24, 'none', 0.5, shared);
  check('collapse', 'groups ICC 1', 'level', 24, 'none', 0.5, shared);
  for (const shape of [...UNSEEN_SHAPES, 'typical'] as const)
    for (const change of ['collapse', 'collapse-half'] as const)
      check('collapse', 'session .3', shape, 24, change, 0.25, { ...shared, pool: 1, poolTrials: 3 });
  return steps;
}
