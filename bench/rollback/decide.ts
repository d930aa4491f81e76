// Plays one incident through the decision functions alone: pool, screen, ranking, probe and proof, with trials drawn from the known truth.

import { compareSnapshots } from '../../src/compare/index.ts';
import { pairCases } from '../../src/compare/pairing.ts';
import { homogeneousPool } from '../../src/compare/pool-homogeneity.ts';
import { sessionsOf } from '../../src/compare/sessions.ts';
import {
  type CaseResult,
  resolvePolicy,
  type SnapshotResults,
  type TrialResult,
} from '../../src/core/index.ts';
import {
  alphaOfProof,
  DECISION_ALPHA,
  judgeProbe,
  listCandidates,
  type PastRelease,
  planVerification,
  prove,
  rankCandidates,
  regressedCases,
  screenCandidates,
  testedFirst,
} from '../../src/rollback/index.ts';
import type { Mt19937 } from '../../src/stats/index.ts';
import { normal } from '../stat/draws.ts';
import type { Release } from './imports.ts';
import { blessedOf, CASES, type Incident, isRight, MARGIN, shiftedRate } from './worlds.ts';

export interface Decided {
  readonly shape: string;
  readonly decision: 'verified' | 'none';
  readonly existed: boolean;
  readonly right: boolean | null;
  readonly calls: number;
  /** Why the candidates were refused, for reading. */
  readonly notes: readonly string[];
}

/** Nights before the incident, trials of a case a night, and how much runs differ. */
export interface DecideSettings {
  readonly nights: number;
  readonly trials: number;
  readonly sessionSd: number;
}

const TAGS = 5;
const MAX_PROOFS = 3;
const PROBE_CASES = 12;
const PROBE_TRIALS = 3;
const SCORE_SPREAD = 0.04;
const FAILED_SCORE = 0.2;
const DAY_MS = 86_400_000;
const FIRST_DAY = Date.parse('2026-03-01T03:00:00Z');

/** The ledger of one incident: runs with a session each, all trials drawn from one stream. */
class World {
  calls = 0;
  readonly #incident: Incident;
  readonly #rng: Mt19937;
  readonly #sd: number;
  #shift = 0;
  #night = -1;
  #runs = 0;

  constructor(incident: Incident, rng: Mt19937, sd: number) {
    this.#incident = incident;
    this.#rng = rng;
    this.#sd = sd;
  }

  nextSession(): void {
    this.#night++;
    this.#shift = this.#sd * normal(this.#rng);
  }

  /** null when the model is no longer served. */
  run(release: Release, trials: ReadonlyMap<string, number>, after: boolean): SnapshotResults | null {
    const cases: CaseResult[] = [];
    for (let i = 0; i < CASES; i++) {
      const k = trials.get(caseId(i)) ?? 0;
      const rate = this.#incident.rate(release, i, after);
      if (rate === null) return null;
      if (k > 0) cases.push(this.#case(release, i, k, rate));
    }
    this.calls += cases.reduce((n, c) => n + c.trials.length, 0);
    return { summary: this.#summary(release, cases), cases };
  }

  #case(release: Release, i: number, k: number, rate: number): CaseResult {
    const rng = this.#rng;
    const shifted = shiftedRate(rate, this.#shift);
    const good = this.#incident.score?.(release);
    const trials = Array.from({ length: k }, (_, trial): TrialResult => {
      const pass = rng.next() < shifted;
      const spread = SCORE_SPREAD * (2 * rng.next() - 1);
      const score = good === undefined ? Number(pass) : pass ? Math.min(1, good + spread) : FAILED_SCORE;
      return trialOf(trial, pass, score);
    });
    return {
      id: caseId(i),
      tags: [`theme-${i % TAGS}`],
      group: null,
      critical: this.#incident.critical?.has(i) ?? false,
      minPassRate: null,
      exam: { contentHash: caseId(i), gradersHash: 'checks', judge: null, embedder: null, graderCode: 1 },
      plannedTrials: k,
      trials,
    };
  }

  #summary(release: Release, cases: readonly CaseResult[]): SnapshotResults['summary'] {
    const startedAt = new Date(FIRST_DAY + this.#night * DAY_MS + this.#runs).toISOString();
    const rates = cases.map((c) => c.trials.filter((t) => t.pass).length / c.trials.length);
    return {
      id: `s${++this.#runs}`,
      purpose: 'run',
      suite: 'bench',
      suiteHash: 'bench',
      release: release.name,
      fingerprint: release.fingerprint,
      layerHashes: release.layerHashes,
      exam: 'exam',
      judge: null,
      embedder: null,
      startedAt,
      finishedAt: startedAt,
      state: 'finished',
      validity: 'valid',
      validityReasons: [],
      findings: [],
      cases: cases.length,
      plannedTrials: 0,
      trials: 0,
      answered: 0,
      failed: 0,
      skipped: 0,
      ungraded: 0,
      passRate: rates.reduce((sum, r) => sum + r, 0) / Math.max(1, rates.length),
      meanScore: null,
      calls: 0,
      costUsd: null,
      judgeCostUsd: null,
      servedModels: [],
      systemFingerprints: [],
      simulated: true,
      pinned: true,
      labels: {},
      seed: 1,
      environment: { lastgood: 'bench', node: 'bench', platform: 'bench' },
    };
  }
}

function caseId(i: number): string {
  return `case-${i}`;
}

function everyCase(k: number): ReadonlyMap<string, number> {
  return new Map(Array.from({ length: CASES }, (_, i) => [caseId(i), k]));
}

function trialOf(trial: number, pass: boolean, score: number): TrialResult {
  return {
    trial,
    status: 'answered',
    cause: null,
    pass,
    score,
    ungraded: [],
    length: null,
    latencyMs: null,
    costUsd: null,
    outputTokens: null,
    refusal: null,
    stopReason: 'stop',
    servedModel: null,
    systemFingerprint: null,
    outputHash: null,
  };
}

export async function decideIncident(
  incident: Incident,
  rng: Mt19937,
  settings: DecideSettings,
): Promise<Decided> {
  const world = new World(incident, rng, settings.sessionSd);
  const policy = resolvePolicy({ margin: MARGIN });
  const history: PastRelease[] = [];
  const night = (release: Release, after: boolean): SnapshotResults => {
    world.nextSession();
    const results = world.run(release, everyCase(settings.trials), after);
    if (results === null) throw new RangeError('a night ran a release that is not served');
    history.push({ release, results });
    return results;
  };
  const [first, ...later] = incident.earlier;
  if (first !== undefined) night(first, false);
  const nights = Array.from({ length: settings.nights }, () => night(incident.baseline, false));
  const blessed = blessedOf(incident, nights, (n) => n.summary.passRate ?? 0);
  for (const release of later) night(release, false);
  const latest = night(incident.current, true);
  world.calls = 0;

  const others = nights.filter((n) => n !== blessed).reverse();
  const { runs: pool } = homogeneousPool(blessed, others, policy);
  const comparison = compareSnapshots(blessed, latest, { policy, pool: pool.slice(1), replicates: 499 });
  const listed =
    comparison.verdict === 'regressed' || comparison.cases.some((c) => c.verdict === 'regressed');
  // A night's alarm names the cases on fresh trials of its own where there are only a few.
  const alarmed = incident.hurt.size <= 3 ? [...incident.hurt].map(caseId) : regressedCases(comparison);
  const regressed = listed
    ? regressedCases(comparison)
    : incident.shape === 'nothing regressed'
      ? []
      : alarmed;
  const releases = [incident.baseline, ...incident.earlier];
  const candidates = listCandidates({
    current: incident.current,
    baseline: incident.baseline,
    history,
    named: releases,
  });
  const existed =
    incident.shape !== 'nothing regressed' &&
    candidates.some(
      (c) => c.release.fingerprint !== incident.current.fingerprint && isRight(incident, c.release),
    );
  const outcome = { shape: incident.shape, existed };
  if (regressed.length === 0)
    return { ...outcome, decision: 'none', right: null, calls: 0, notes: ['no regression was shown'] };
  const screened = screenCandidates(candidates, {
    current: incident.current,
    goodFingerprint: incident.baseline.fingerprint,
    incident: latest,
    regressed,
    onset: null,
    alpha: 0.05,
  });
  const notes = screened.rejected.map((r) => `${r.release}: ${r.reason}`);
  const served = (release: Release): boolean => incident.rate(release, 0, true) !== null;
  const reachable = rankCandidates(screened.passed).filter((c) => served(c.release));
  const ranked = served(incident.baseline) ? reachable : testedFirst(reachable);
  const pairs = pairCases(blessed, latest, policy, pool.slice(1)).paired;
  const sessions = sessionsOf(pool, pairs, [], policy).suite;
  world.nextSession();
  let left = DECISION_ALPHA;
  let proofs = 0;
  for (const [place, candidate] of ranked.entries()) {
    if (proofs === MAX_PROOFS) break;
    const { release } = candidate;
    const probe = world.run(
      release,
      new Map(
        regressed
          .slice(0, PROBE_CASES)
          .map((id) => [id, regressed.length < 4 ? 2 * PROBE_TRIALS : PROBE_TRIALS]),
      ),
      true,
    );
    if (probe !== null && judgeProbe({ fresh: probe, baselinePool: pool }).outcome === 'refused') {
      notes.push(`${release.name}: probe`);
      continue;
    }
    const alpha = alphaOfProof(left, Math.min(ranked.length - place, MAX_PROOFS - proofs) - 1);
    left -= alpha;
    proofs++;
    const control = release.fingerprint !== incident.baseline.fingerprint && served(incident.baseline);
    const plan = planVerification({ pool, sessions, margin: MARGIN, alpha, control });
    const proof = await prove(
      {
        plan,
        pool,
        sessions,
        incident: latest,
        regressed,
        policy: { margin: MARGIN, scoreMargin: policy.scoreMargin, ...policy.rollback },
      },
      async (trials) => {
        const fresh = world.run(release, trials, true);
        if (fresh === null) return null;
        return {
          candidate: fresh,
          control: control ? world.run(incident.baseline, trials, true) : null,
          ended: false,
        };
      },
    );
    if (proof?.verification.outcome === 'verified')
      return {
        ...outcome,
        decision: 'verified',
        right: isRight(incident, release),
        calls: world.calls,
        notes,
      };
    notes.push(`${release.name}: ${proof?.verification.reason}`);
  }
  return { ...outcome, decision: 'none', right: null, calls: world.calls, notes };
}
