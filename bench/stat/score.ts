// One cell of the benchmark: one harness in many worlds of one kind, and what that amounts to.

import { clopperPearson } from '../../src/stats/index.ts';
import type { Harness } from './harness.ts';
import { drawWorld, type KnownWorld, type Profile, type Scenario, streamOf } from './worlds.ts';

export interface Cell {
  readonly harness: string;
  readonly profile: Profile;
  readonly cases: number;
  readonly scenario: Scenario;
}

/** Shares are over the worlds; precision and recall over the cases of all worlds together. */
export interface CellScore extends Cell {
  readonly reps: number;
  readonly alarm: number;
  /** Clopper–Pearson 95 % upper limit of `alarm`. */
  readonly alarmUpper: number;
  /** Of the cases called regressed, the share that had; null when none was called, or the harness names none. */
  readonly precision: number | null;
  /** Of the cases that had regressed, the share called so; null when none had, or the harness names none. */
  readonly recall: number | null;
  /** Mean calls of both arms. */
  readonly calls: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly channels: Readonly<Record<string, number>>;
  /** Milliseconds a world. */
  readonly ms: number;
}

function shares(counts: Map<string, number>, total: number): Record<string, number> {
  return Object.fromEntries(
    [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, n]) => [key, n / total]),
  );
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The world of one repetition: the same for every harness, so that they are compared on the same suites. */
export function worldOfRep(cell: Omit<Cell, 'harness'>, rep: number, seed: number): KnownWorld {
  const { profile, cases, scenario } = cell;
  const channels = scenario === 'verbosity' || (scenario === 'unchanged' && cases === 100);
  return drawWorld({ profile, cases, scenario, channels }, streamOf(seed, profile, cases, scenario, rep));
}

/** Runs one cell. */
export function scoreCell(
  cell: Omit<Cell, 'harness'>,
  harness: Harness,
  reps: number,
  seed: number,
): CellScore {
  const started = performance.now();
  const verdicts = new Map<string, number>();
  const channels = new Map<string, number>();
  let alarms = 0;
  let calls = 0;
  let called = 0;
  let right = 0;
  let regressed = 0;
  for (let rep = 0; rep < reps; rep++) {
    const world = worldOfRep(cell, rep, seed);
    const verdict = harness.judge(world);
    if (verdict.alarm) alarms += 1;
    count(verdicts, verdict.verdict);
    for (const channel of verdict.channels) count(channels, channel);
    calls += world.calls();
    called += verdict.cases.length;
    right += verdict.cases.filter((i) => world.regressed[i] === true).length;
    regressed += world.regressed.filter(Boolean).length;
  }
  return {
    ...cell,
    harness: harness.name,
    reps,
    alarm: alarms / reps,
    alarmUpper: clopperPearson(alarms, reps, 0.95)?.upper ?? 1,
    precision: harness.namesCases && called > 0 ? right / called : null,
    recall: harness.namesCases && regressed > 0 ? right / regressed : null,
    calls: calls / reps,
    verdicts: shares(verdicts, reps),
    channels: shares(channels, reps),
    ms: (performance.now() - started) / reps,
  };
}
