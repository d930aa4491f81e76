// Plays a check to its end in a scripted world: what the stored runs did, what the baseline's release does today, what the candidate does.

import {
  CHECK_DESIGNS,
  type CheckEvidence,
  type CheckWanted,
  CONFIRM_TRIALS,
  checkStep,
  SORT_TRIALS,
  screeningTrials,
} from '../../src/compare/index.ts';
import type { Comparison } from '../../src/core/comparison.ts';
import { type PolicyFile, resolvePolicy } from '../../src/core/policy.ts';
import type { CaseResult, SnapshotResults } from '../../src/core/snapshot.ts';
import { type CaseSketch, caseResult, Mt19937, snapshot } from './world.ts';

/** True pass rate of a case, by its number. */
export type Rates = (i: number) => number;

export interface Play {
  readonly cases: number;
  readonly stored: Rates;
  /** Default: as stored. */
  readonly today?: Rates;
  /** Default: as the baseline's release does today. */
  readonly candidate?: Rates;
  readonly pool?: number;
  readonly poolTrials?: number;
  readonly tier?: keyof typeof CHECK_DESIGNS;
  readonly policy?: PolicyFile;
  readonly impossible?: string;
  readonly sharedApplication?: boolean;
  readonly clearsNothing?: string;
  readonly more?: (i: number) => Omit<CaseSketch, 'id' | 'trials'>;
  readonly seed?: number;
}

export interface Played {
  readonly comparison: Comparison;
  readonly steps: readonly CheckWanted['kind'][];
  readonly calls: number;
}

/** Trials of one case of several runs as one. */
export function mergedCases(...runs: readonly (readonly CaseResult[])[]): CaseResult[] {
  const merged = new Map<string, CaseResult>();
  for (const c of runs.flat()) {
    const before = merged.get(c.id);
    const trials = [...(before?.trials ?? []), ...c.trials];
    merged.set(c.id, { ...c, trials, plannedTrials: trials.length });
  }
  return [...merged.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function playCheck(play: Play): Played {
  const { cases, stored, poolTrials = 5, tier = 'std' } = play;
  const today = play.today ?? stored;
  const candidate = play.candidate ?? today;
  const rng = new Mt19937(play.seed ?? 1);
  const idOf = (i: number): string => `case-${String(i).padStart(4, '0')}`;
  const numberOf = (id: string): number => Number(id.slice('case-'.length));
  const drawn = (i: number, trials: number, rates: Rates): CaseResult =>
    caseResult({
      ...play.more?.(i),
      id: idOf(i),
      trials: Array.from({ length: trials }, () => (rng.next() < rates(i) ? 'p' : 'f')).join(''),
    });
  const run = (id: string, day: number, of: readonly CaseResult[]): SnapshotResults => ({
    ...snapshot(id, [], {
      startedAt: new Date(Date.UTC(2026, 2, day, 2)).toISOString(),
      fingerprint: id.startsWith('s-new') ? 'f2' : 'f1',
      layerHashes: { route: 'r1', prompt: id.startsWith('s-new') ? 'p2' : 'p1' },
    }),
    cases: of,
  });
  const all = Array.from({ length: cases }, (_, i) => i);
  const nights = Array.from({ length: play.pool ?? 1 }, (_, n) =>
    run(
      `s-old-${n}`,
      n + 1,
      all.map((i) => drawn(i, poolTrials, stored)),
    ),
  );
  const blessed = nights.at(-1) as SnapshotResults;
  const pool = nights.slice(0, -1);
  const design = CHECK_DESIGNS[tier];
  const policy = resolvePolicy(play.policy);
  const empty = run(
    's-new',
    20,
    blessed.cases.map((c) => ({ ...c, trials: [] })),
  );
  let calls = 0;
  const screened = (have: readonly CaseResult[], wanted: ReadonlyMap<string, number>): SnapshotResults => {
    const fresh = [...wanted].map(([id, total]) => {
      const missing = Math.max(0, total - (have.find((c) => c.id === id)?.trials.length ?? 0));
      calls += missing;
      return drawn(numberOf(id), missing, candidate);
    });
    return run('s-new', 20, mergedCases(have, fresh));
  };
  const steps: CheckWanted['kind'][] = [];
  let evidence: CheckEvidence = {
    stored: blessed,
    pool,
    candidate: screened([], screeningTrials(blessed, pool, empty, policy, design.screening[0] ?? 1)),
    sorted: [],
    confirm: { baseline: [], candidate: [] },
    control: { baseline: [], candidate: [] },
    rounds: 0,
    policy,
    design,
    look: 1,
    impossible: play.impossible ?? null,
    sharedApplication: play.sharedApplication,
    clearsNothing: play.clearsNothing,
    options: { seed: 1, replicates: 499 },
  };
  for (let turn = 0; turn < 40; turn++) {
    const { comparison, wanted } = checkStep(evidence);
    if (wanted === null) return { comparison, steps, calls };
    steps.push(wanted.kind);
    if (wanted.kind === 'screen') {
      const next = screened(evidence.candidate.cases, wanted.trials);
      evidence = { ...evidence, candidate: next, look: evidence.look + 1 };
      continue;
    }
    const trials =
      wanted.kind === 'sort'
        ? SORT_TRIALS
        : wanted.kind === 'confirm'
          ? CONFIRM_TRIALS
          : wanted.rounds - evidence.rounds;
    const fresh = (rates: Rates): CaseResult[] =>
      wanted.cases.map((id) => drawn(numberOf(id), trials, rates));
    calls += trials * wanted.cases.length * (wanted.kind === 'sort' ? 1 : 2);
    if (wanted.kind === 'sort') {
      evidence = { ...evidence, sorted: mergedCases(evidence.sorted, fresh(candidate)) };
      continue;
    }
    const before = evidence[wanted.kind];
    const both = {
      baseline: mergedCases(before.baseline, fresh(today)),
      candidate: mergedCases(before.candidate, fresh(candidate)),
    };
    evidence =
      wanted.kind === 'confirm'
        ? { ...evidence, confirm: both }
        : { ...evidence, control: both, rounds: wanted.rounds };
  }
  throw new Error('a check comes to an end');
}
