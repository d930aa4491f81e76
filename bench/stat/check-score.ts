// One cell of the tables of `check` and of interleaved `compare`: many worlds of one kind, counted. A cell can be taken up where it ended.

import type { Comparison } from '../../src/core/index.ts';
import { type CheckCell, suiteToCheck } from './check.ts';
import { type InterleavedCell, lowered, suiteToCompare } from './interleaved.ts';
import { type DiffCell, suiteToDiff } from './stored-diff.ts';
import { streamOf } from './worlds.ts';

/** What is asked of a cell's worlds. */
export type Question =
  /** One check or comparison. */
  | 'once'
  /** Five checks of the same change, as after five harmless edits: is one of them green? */
  | 'five-tries'
  /** The same suite with a drop of the size that the quiet one printed: is it found? */
  | 'printed-size'
  /** Where the answer is open: is it in with the printed number of trials? */
  | 'printed-trials';

export interface CellPlan {
  readonly command: 'check' | 'compare' | 'diff';
  readonly world: string;
  readonly suite: string;
  readonly question: Question;
  readonly run: CheckCell | InterleavedCell | DiffCell;
}

/** Counts over `reps` worlds. */
export interface CheckScore {
  readonly name: string;
  readonly command: 'check' | 'compare' | 'diff';
  readonly world: string;
  readonly suite: string;
  readonly cases: number;
  readonly change: string;
  readonly question: Question;
  readonly stream: string;
  reps: number;
  regressed: number;
  /** Worlds in which a single case was confirmed as regressed. */
  single: number;
  /** The gate: fails, passes. */
  red: number;
  green: number;
  /** Verdict `unchanged`; `unchanged` or `improved`; `no-regression-found`. */
  unchanged: number;
  shown: number;
  found: number;
  /** The gate is not open. */
  decided: number;
  /** Said to be the world's doing, alone or with the change. */
  blamedWorld: number;
  /** A fall of the mean score is reported. */
  score: number;
  calls: number;
  /** Worlds in which the question could be asked (a size or a number of trials was printed). */
  asked: number;
  /** And in which the answer was yes. */
  yes: number;
}

const TRIES = 5;

export function emptyScore(name: string, stream: string, plan: CellPlan): CheckScore {
  const { command, world, suite, question, run } = plan;
  return {
    name,
    command,
    world,
    suite,
    cases: run.cases,
    change: run.change,
    question,
    stream,
    reps: 0,
    regressed: 0,
    single: 0,
    red: 0,
    green: 0,
    unchanged: 0,
    shown: 0,
    found: 0,
    decided: 0,
    blamedWorld: 0,
    score: 0,
    calls: 0,
    asked: 0,
    yes: 0,
  };
}

function add(score: CheckScore, { verdict, gate, cause, cases, metrics }: Comparison, calls: number): void {
  score.reps += 1;
  score.calls += calls;
  if (verdict === 'regressed') score.regressed += 1;
  if (cases.some((c) => c.verdict === 'regressed' && 'evidence' in c && c.evidence === 'confirmed'))
    score.single += 1;
  if (gate.outcome === 'fail') score.red += 1;
  if (gate.outcome === 'pass') score.green += 1;
  if (verdict === 'unchanged') score.unchanged += 1;
  if (verdict === 'unchanged' || verdict === 'improved') score.shown += 1;
  if (verdict === 'no-regression-found') score.found += 1;
  if (gate.outcome !== 'inconclusive') score.decided += 1;
  if (cause === 'world' || cause === 'both') score.blamedWorld += 1;
  if (metrics.score?.verdict === 'shifted' && (metrics.score.change ?? 0) < 0) score.score += 1;
}

function isDiff(run: CellPlan['run']): run is DiffCell {
  return 'storedRuns' in run;
}

function isCheck(run: CellPlan['run']): run is CheckCell {
  return 'pool' in run;
}

/** Runs further worlds of a cell until it has `reps` of them. */
export function scoreMore(score: CheckScore, plan: CellPlan, reps: number, seed: number): void {
  for (let rep = score.reps; rep < reps; rep++) {
    const rng = streamOf(seed, score.stream, score.name, rep);
    if (isCheck(plan.run)) checkOne(score, plan.run, plan.question, rng);
    else if (isDiff(plan.run)) runOne(score, suiteToDiff(plan.run, rng).diff, plan.question);
    else runOne(score, suiteToCompare(plan.run, rng).compare, plan.question);
  }
}

function checkOne(
  score: CheckScore,
  cell: CheckCell,
  question: Question,
  rng: Parameters<typeof suiteToCheck>[1],
): void {
  const suite = suiteToCheck(cell, rng);
  const { comparison, calls } = suite.check();
  add(score, comparison, calls);
  if (question === 'five-tries') {
    score.asked += 1;
    let green = comparison.gate.outcome === 'pass';
    for (let t = 1; t < TRIES && !green; t++) green = suite.check().comparison.gate.outcome === 'pass';
    if (green) score.yes += 1;
  }
  if (question === 'printed-size') {
    const size = comparison.overall.minimumDetectable;
    if (size === null || size <= 0 || comparison.verdict === 'regressed') return;
    score.asked += 1;
    const dropped = suite.check(lowered(suite.truth.candidate, size));
    if (dropped.comparison.verdict === 'regressed') score.yes += 1;
  }
  const { trialsNeeded: trials } = comparison.overall;
  if (question === 'printed-trials' && trials !== null && comparison.verdict === 'inconclusive') {
    score.asked += 1;
    if (settled(suite.check(undefined, trials).comparison)) score.yes += 1;
  }
}

/** A comparison whose trials and size of drop can be chosen. */
type Compare = (
  trials?: number,
  drop?: number,
) => { readonly comparison: Comparison; readonly calls: number };

function runOne(score: CheckScore, compare: Compare, question: Question): void {
  const { comparison, calls } = compare();
  add(score, comparison, calls);
  const { minimumDetectable: size, trialsNeeded: trials } = comparison.overall;
  if (question === 'printed-size' && size !== null && size > 0 && comparison.verdict !== 'regressed') {
    score.asked += 1;
    if (compare(undefined, size).comparison.verdict === 'regressed') score.yes += 1;
  }
  if (question === 'printed-trials' && trials !== null && comparison.verdict === 'inconclusive') {
    score.asked += 1;
    if (settled(compare(trials).comparison)) score.yes += 1;
  }
}

function settled({ verdict }: Comparison): boolean {
  return verdict === 'unchanged' || verdict === 'improved' || verdict === 'regressed';
}
