// The pre-merge check in worlds whose runs are not independent: how often it is wrong, how often it decides, and what it costs.

import {
  CHECK_DESIGNS,
  type CheckDesign,
  type CheckEvidence,
  CONFIRM_TRIALS,
  checkStep,
  SORT_TRIALS,
  screeningTrials,
} from '../../src/compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  type PolicyFile,
  resolvePolicy,
  type SnapshotResults,
} from '../../src/core/index.ts';
import { designOf } from '../../src/jobs/check/check-steps.ts';
import type { Mt19937 } from '../../src/stats/index.ts';
import { type Change, type Marks, markOf, policyFileOf, type Truth, truthOf } from './check-changes.ts';
import { REPLICATES } from './lastgood.ts';
import { FALLEN_SCORE, type SessionProcess, SessionWorld, type SuiteShape } from './session-worlds.ts';
import { indexOf, merge } from './snapshots.ts';

export interface CheckCell {
  readonly process: SessionProcess;
  readonly shape: SuiteShape;
  readonly cases: number;
  readonly change: Change;
  /** Runs in the pool, and trials of each. */
  readonly pool: number;
  readonly poolTrials: number;
  readonly tier: keyof typeof CHECK_DESIGNS;
  /** Instead of the tier's looks. */
  readonly design?: CheckDesign | undefined;
  readonly policy?: PolicyFile | undefined;
  /** Is the screening run of the candidate a bad hour, where the world has such? */
  readonly badHour?: boolean | undefined;
  /** Critical cases, floors and declared tags. */
  readonly marks?: Marks | undefined;
  /** Do the steps of the check fall into sessions of their own? By default they follow one another within the hour. */
  readonly apart?: boolean | undefined;
  /** A provider that warms up: so many of the first trials of the screening run fail, whatever the release. */
  readonly coldTrials?: number | undefined;
  /** The blessed run is the luckiest of so many. */
  readonly luckiestOf?: number | undefined;
  /** Both releases run the application of today, so that no control can be run. */
  readonly sharedApplication?: boolean | undefined;
}

export interface CheckOutcome {
  readonly comparison: Comparison;
  readonly calls: number;
  /** Of the calls, those of each kind of step. */
  readonly byKind: Readonly<Record<'screen' | 'sort' | 'confirm' | 'control', number>>;
}

/** Days between two steps of a check: in one session, and each in its own. */
const STEP = 0.002;
const STEP_APART = 0.06;

function passes({ cases }: SnapshotResults): number {
  return cases.reduce((sum, c) => sum + c.trials.filter((t) => t.pass === true).length, 0);
}

/** A suite with its baseline's stored runs. Each call of `check` is a check of the same candidate later on. */
export interface CheckedSuite {
  readonly truth: Truth;
  /** `candidate`: its true rates, instead of those that the change of the cell gives it. `trials`: of `check --trials`. */
  check(candidate?: Float64Array, trials?: number): CheckOutcome;
}

/** Draws the world, and runs the baseline's pool in it. */
export function suiteToCheck(cell: CheckCell, rng: Mt19937): CheckedSuite {
  const world = new SessionWorld(cell, rng);
  const margin = resolvePolicy(cell.policy).margin;
  const truth = truthOf(cell.change, world.rates, margin, cell.process, rng);
  const mark = (s: SnapshotResults): SnapshotResults => ({
    ...s,
    cases: s.cases.map((c) => markOf(cell.marks, c, indexOf(c.id), truth.stored)),
  });
  const runs = Array.from({ length: cell.luckiestOf ?? cell.pool }, (_, at) =>
    mark(world.run({ at, trials: cell.poolTrials, rates: truth.stored })),
  );
  // The blessed run is the last; its own pool is older.
  const nights =
    cell.luckiestOf === undefined ? runs : [...runs].sort((a, b) => passes(a) - passes(b)).slice(-cell.pool);
  let at = runs.length;
  return {
    truth,
    check: (candidate = truth.candidate, trials) => {
      const design = trials === undefined ? cell.design : designOf(cell.tier, trials);
      const outcome = playCheck(
        { ...cell, design },
        { world, truth: { ...truth, candidate }, nights, mark, at },
      );
      at += 1;
      return outcome;
    },
  };
}

interface Stage {
  readonly world: SessionWorld;
  readonly truth: Truth;
  readonly nights: readonly SnapshotResults[];
  readonly mark: (s: SnapshotResults) => SnapshotResults;
  readonly at: number;
}

/** The first trials of a run whose provider was not warm yet. */
function withColdStart(run: SnapshotResults, trials: number): SnapshotResults {
  let left = trials;
  return {
    ...run,
    cases: run.cases.map((c) => {
      if (left <= 0) return c;
      left -= 1;
      return { ...c, trials: c.trials.map((t, i) => (i === 0 ? { ...t, pass: false, score: 0 } : t)) };
    }),
  };
}

/** Plays one check to its end: what the engine asks for is run, until it asks for nothing more. */
function playCheck(cell: CheckCell, { world, truth, nights, mark, at: start }: Stage): CheckOutcome {
  const before = truth.baseline;
  const after = truth.candidate;
  const score = cell.change === 'score' ? FALLEN_SCORE : undefined;
  const stored = nights.at(-1);
  if (stored === undefined) throw new RangeError('a check needs a baseline');
  let at = start;
  const step = cell.apart === true ? STEP_APART : STEP;
  const design = cell.design ?? CHECK_DESIGNS[cell.tier];
  const policy = resolvePolicy(policyFileOf(cell.marks, cell.policy, truth.stored));
  const plan: SnapshotResults = { ...stored, cases: stored.cases.map((c) => ({ ...c, trials: [] })) };
  let calls = 0;
  const byKind = { screen: 0, sort: 0, confirm: 0, control: 0 };
  const screen = (have: SnapshotResults | null, wanted: ReadonlyMap<string, number>): SnapshotResults => {
    const byMissing = new Map<number, number[]>();
    for (const [id, total] of wanted) {
      const done = have?.cases.find((c) => c.id === id)?.trials.length ?? 0;
      const missing = total - done;
      if (missing <= 0) continue;
      calls += missing;
      byMissing.set(missing, [...(byMissing.get(missing) ?? []), indexOf(id)]);
    }
    const parts = [...byMissing].map(([trials, cases]) =>
      mark(
        world.run({
          at,
          trials,
          cases,
          rates: after,
          score,
          release: 'release-b',
          badHour: have === null ? cell.badHour : undefined,
        }),
      ),
    );
    if (have !== null) return merge([have, ...parts]);
    const first = merge(parts);
    return cell.coldTrials === undefined ? first : withColdStart(first, cell.coldTrials);
  };
  const both = (
    ids: readonly string[],
    trials: number,
  ): { baseline: CaseResult[]; candidate: CaseResult[] } => {
    at += step;
    calls += 2 * trials * ids.length;
    const pair = world.runInterleaved(
      { at, trials, cases: ids.map(indexOf) },
      { rates: before },
      { rates: after, score },
    );
    return { baseline: [...mark(pair.baseline).cases], candidate: [...mark(pair.candidate).cases] };
  };
  const joined = (a: readonly CaseResult[], b: readonly CaseResult[]): CaseResult[] => {
    const [first] = nights;
    if (first === undefined || a.length + b.length === 0) return [];
    return [
      ...merge([
        { ...first, cases: a },
        { ...first, cases: b },
      ]).cases,
    ];
  };
  let evidence: CheckEvidence = {
    stored,
    pool: nights.slice(0, -1),
    candidate: screen(
      null,
      screeningTrials(stored, nights.slice(0, -1), plan, policy, design.screening[0] ?? 1),
    ),
    sorted: [],
    confirm: { baseline: [], candidate: [] },
    control: { baseline: [], candidate: [] },
    rounds: 0,
    policy,
    design,
    look: 1,
    impossible: cell.sharedApplication === true ? 'both releases run the application of today' : null,
    sharedApplication: cell.sharedApplication,
    options: { seed: 1, replicates: REPLICATES },
  };
  for (let turn = 0; turn < 40; turn++) {
    const { comparison, wanted } = checkStep(evidence);
    if (wanted === null) return { comparison, calls, byKind };
    const before = calls;
    if (wanted.kind === 'screen') {
      at += step;
      evidence = {
        ...evidence,
        candidate: screen(evidence.candidate, wanted.trials),
        look: evidence.look + 1,
      };
    } else if (wanted.kind === 'sort') {
      at += step;
      calls += SORT_TRIALS * wanted.cases.length;
      const run = world.run({
        at,
        trials: SORT_TRIALS,
        cases: wanted.cases.map(indexOf),
        rates: after,
        score,
        release: 'release-b',
      });
      evidence = { ...evidence, sorted: [...evidence.sorted, ...mark(run).cases] };
    } else {
      const trials = wanted.kind === 'confirm' ? CONFIRM_TRIALS : wanted.rounds - evidence.rounds;
      const fresh = both(wanted.cases, trials);
      const into = evidence[wanted.kind];
      const more = {
        baseline: joined(into.baseline, fresh.baseline),
        candidate: joined(into.candidate, fresh.candidate),
      };
      evidence =
        wanted.kind === 'confirm'
          ? { ...evidence, confirm: more }
          : { ...evidence, control: more, rounds: wanted.rounds };
    }
    byKind[wanted.kind] += calls - before;
  }
  throw new Error('a check comes to an end');
}
