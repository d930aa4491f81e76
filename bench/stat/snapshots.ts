// Outcomes of a world as the snapshots that the engine compares.

import type { CaseResult, SnapshotResults, SnapshotSummary, TrialResult } from '../../src/core/index.ts';
import type { ArmName, Outcome, World } from './worlds.ts';

/** Outcomes of one arm: one list a case, by index. */
export type Outcomes = readonly (readonly Outcome[])[];

export function caseId(index: number): string {
  return `case-${String(index).padStart(3, '0')}`;
}

export function indexOf(id: string): number {
  return Number(id.slice('case-'.length));
}

function trialOf({ pass, score, length, latencyMs }: Outcome, trial: number): TrialResult {
  return {
    trial,
    status: 'answered',
    cause: null,
    pass,
    score,
    ungraded: [],
    length,
    latencyMs,
    costUsd: null,
    outputTokens: null,
    refusal: null,
    stopReason: 'stop',
    servedModel: null,
    systemFingerprint: null,
    outputHash: null,
  };
}

/** One case with its trials; `tagged` puts it under its category. */
export function caseOf(
  world: World,
  index: number,
  outcomes: readonly Outcome[],
  tagged: boolean,
): CaseResult {
  return {
    id: caseId(index),
    tags: tagged ? [`category-${world.category[index] ?? 0}`] : [],
    group: null,
    critical: false,
    minPassRate: null,
    exam: {
      contentHash: caseId(index),
      gradersHash: 'rubric',
      judge: outcomes[0]?.judge ?? null,
      embedder: null,
      graderCode: 1,
    },
    plannedTrials: outcomes.length,
    trials: outcomes.map(trialOf),
  };
}

/** A finished, valid snapshot of one arm. */
export function snapshotOf(
  id: string,
  arm: ArmName,
  world: World,
  outcomes: Outcomes,
  tagged = true,
): SnapshotResults {
  const cases = outcomes.map((list, i) => caseOf(world, i, list, tagged));
  const trials = outcomes.reduce((sum, list) => sum + list.length, 0);
  const summary: SnapshotSummary = {
    id,
    purpose: 'compare',
    suite: 'bench',
    suiteHash: 'bench',
    release: world.arms[arm],
    fingerprint: world.arms[arm],
    layerHashes: { route: world.arms[arm] },
    exam: 'bench',
    judge: outcomes[0]?.[0]?.judge ?? null,
    embedder: null,
    startedAt: '2026-03-15T02:00:00.000Z',
    finishedAt: '2026-03-15T02:10:00.000Z',
    state: 'finished',
    validity: 'valid',
    validityReasons: [],
    findings: [],
    cases: cases.length,
    plannedTrials: trials,
    trials,
    answered: trials,
    failed: 0,
    skipped: 0,
    ungraded: 0,
    passRate: null,
    meanScore: null,
    calls: trials,
    costUsd: null,
    judgeCostUsd: null,
    servedModels: [null],
    systemFingerprints: [null],
    simulated: true,
    pinned: true,
    labels: {},
    seed: world.seed,
    environment: { lastgood: 'bench', node: 'bench', platform: 'bench' },
  };
  return { summary, cases };
}

/** Runs of one release as one: a case's trials are those of all. */
export function merge(parts: readonly SnapshotResults[]): SnapshotResults {
  const byId = new Map<string, CaseResult>();
  for (const c of parts.flatMap((p) => p.cases)) {
    const before = byId.get(c.id);
    byId.set(
      c.id,
      before === undefined
        ? c
        : {
            ...c,
            plannedTrials: before.plannedTrials + c.plannedTrials,
            trials: [...before.trials, ...c.trials],
          },
    );
  }
  const [first] = parts;
  if (first === undefined) throw new RangeError('nothing to merge');
  return { summary: first.summary, cases: [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)) };
}
