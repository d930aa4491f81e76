// Which earlier release do we restore, and does it work today? Lists, screens, ranks, runs the best ones fresh, decides.

import { compareSnapshots } from '../../compare/index.ts';
import {
  type Comparison,
  changedLayers,
  type Release,
  type RollbackDecision,
  type RollbackTarget,
  resolvePolicy,
  type SnapshotSummary,
  type StateCheck,
  type Verification,
} from '../../core/index.ts';
import { releaseToYaml } from '../../release/index.ts';
import {
  type Candidate,
  dependentStates,
  describeRelease,
  listCandidates,
  mixedState,
  rankCandidates,
  regressedCases,
  rollbackSteps,
  screenCandidates,
} from '../../rollback/index.ts';
import type { RunSettings } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';
import { lastDrill } from './drill-record.ts';
import { baselineOf, historyOf, placeOnset, resultsOf } from './rollback-context.ts';
import { type SearchResult, searchTarget } from './rollback-search.ts';
import { cleanPool } from './verify-candidate.ts';

export interface RollbackRequest {
  /** Name of the suite in the ledger. */
  readonly suite: string;
  /** The snapshot that shows the regression; default `latest`. */
  readonly from?: string | undefined;
  /** What was good; default the blessed baseline. */
  readonly baseline?: string | undefined;
  /** More releases to consider, beside those in the ledger. */
  readonly releases?: readonly Release[];
  /** false: name the best candidate without running it. */
  readonly verify?: boolean | undefined;
  /** Most candidates to run in full; they share the error budget (default 3). */
  readonly maxCandidates?: number | undefined;
  readonly settings?: RunSettings;
}

export interface RollbackResult {
  readonly decision: RollbackDecision;
  /** The regression the rollback must cure. */
  readonly comparison: Comparison;
  /** What runs now, and what would be restored (null without a target). */
  readonly current: Release;
  readonly target: Release | null;
  /** The target as a release file that loads to exactly its fingerprint; null without a target. */
  readonly restoreFile: string | null;
}

/** Error budget of the whole decision, shared by the candidates that may be run in full. */
const ALPHA = 0.05;
const MAX_CANDIDATES = 3;

/** The whole decision. Probes candidates on the regressed cases and proves at most `maxCandidates` of them on the whole suite. */
export async function findRollbackTarget(work: Workplace, request: RollbackRequest): Promise<RollbackResult> {
  const { store } = work;
  const incident = await resultsOf(work, request.from ?? 'latest', request.suite);
  const baseline = await baselineOf(work, request.suite, request.baseline);
  const suite = await store.suiteOf(baseline.summary.id);
  const policy = resolvePolicy(suite.policy);
  const current = await store.releaseOf(incident.summary.id);
  const good = await store.releaseOf(baseline.summary.id);
  const history = await historyOf(work, request.suite);
  const pool = cleanPool(history, baseline, incident);
  const comparison = compareSnapshots(baseline, incident, { policy, pool: pool.slice(1) });
  const regressed = regressedCases(comparison);

  const base = {
    schemaVersion: 1 as const,
    kind: 'rollback' as const,
    suite: request.suite,
    current: brief(incident.summary, comparison.candidate.passRate),
    baseline: brief(baseline.summary, comparison.baseline.passRate),
    diagnosis: comparison.attribution.diagnosis,
    lastDrill: await lastDrill(work, request.suite),
  };
  const isRegression =
    comparison.verdict === 'regressed' || comparison.cases.some((c) => c.verdict === 'regressed');
  if (!isRegression) {
    const decision: RollbackDecision = {
      ...base,
      regressedCases: [],
      onset: null,
      decision: 'none',
      reason: nothingToCure(comparison),
      target: null,
      verification: null,
      rejected: [],
      callsSpent: 0,
      steps: [],
    };
    return { decision, comparison, current, target: null, restoreFile: null };
  }

  const onset = placeOnset(history, baseline, incident, regressed);
  const candidates = listCandidates({ current, baseline: good, history, named: request.releases ?? [] });
  const screened = screenCandidates(candidates, { current, incident, regressed, onset, alpha: ALPHA });
  const found = await searchTarget(work, {
    ranked: rankCandidates(screened.passed),
    suite,
    baseline,
    incident,
    regressed,
    policy,
    pool,
    alpha: ALPHA,
    maxCandidates: request.maxCandidates ?? MAX_CANDIDATES,
    verify: request.verify !== false,
    settings: request.settings ?? {},
  });

  const chosen = found.target?.candidate ?? found.unproven?.candidate ?? null;
  const target = chosen === null ? null : await targetOf(work, request.suite, chosen, current);
  const mixed =
    target === null || chosen === null
      ? null
      : mixedState(current, chosen.release, target.dependentStates ?? []);
  const state =
    chosen === null ? 'none' : found.target !== null && mixed === null ? 'verified' : 'unverified';
  const rejected = [...screened.rejected, ...found.rejected];
  const cause =
    good.fingerprint === current.fingerprint
      ? ` The fingerprint did not change (${comparison.attribution.diagnosis}), so only another route can help.`
      : '';
  const decision: RollbackDecision = {
    ...base,
    regressedCases: regressed,
    onset,
    decision: state,
    reason: `${reasonOf(found, mixed, rejected.length)}${cause}`,
    target,
    verification: verificationOf(found),
    rejected,
    callsSpent: found.callsSpent,
    steps: target === null ? [] : rollbackSteps(target, state, request.suite),
  };
  await store.keepRecord({
    kind: 'rollback',
    suite: request.suite,
    at: work.clock.now().toISOString(),
    body: decision as never,
  });
  return {
    decision,
    comparison,
    current,
    target: chosen?.release ?? null,
    restoreFile: chosen === null ? null : releaseToYaml(chosen.release),
  };
}

/** The target with what the ledger knows of its dependent state. */
async function targetOf(
  work: Workplace,
  suite: string,
  candidate: Candidate,
  current: Release,
): Promise<RollbackTarget> {
  const { release } = candidate;
  const layersRestored = changedLayers(current, release);
  // What was built for the release that runs now stands too, whether or not the older file knew of it.
  const known = new Map(
    [...release.dependents, ...current.dependents].map((d) => [`${d.builtFrom} ${d.name}`, d]),
  );
  const dependents = [...known.values()].filter((d) => layersRestored.includes(d.builtFrom));
  const checks = (await work.store.records('state-check', suite)).map((r) => r.body as unknown as StateCheck);
  return {
    fingerprint: release.fingerprint,
    release: release.name,
    snapshot: candidate.snapshot?.summary.id ?? null,
    layersRestored,
    hybrid: candidate.hybrid,
    dependents,
    dependentStates: dependentStates({
      dependents,
      target: release,
      layersRestored,
      checks,
      now: work.clock.now(),
    }),
  };
}

function verificationOf(found: SearchResult): Verification | null {
  if (found.target !== null) return found.target.verification;
  const { undecided, unproven } = found;
  // Beside an unproven target only its own numbers may stand, never another candidate's.
  if (unproven !== null && undecided?.candidate !== unproven.candidate) return null;
  return undecided?.verification ?? null;
}

function brief(s: SnapshotSummary, passRate: number | null): RollbackDecision['current'] {
  return { id: s.id, fingerprint: s.fingerprint, release: s.release, passRate };
}

function nothingToCure(comparison: Comparison): string {
  const between = `between ${comparison.baseline.id} and ${comparison.candidate.id}`;
  if (comparison.verdict === 'invalid') {
    const exam = comparison.attribution.examChanged;
    return exam.length > 0
      ? `whether anything regressed ${between} cannot be told: the exam changed (${exam.join(', ')}); \`lastgood regrade ${comparison.candidate.id}\` grades the stored answers by the current exam without calling the model again`
      : `whether anything regressed ${between} cannot be told: ${comparison.reason}`;
  }
  return `no regression was shown ${between}, so there is nothing to cure: ${comparison.reason}`;
}

function reasonOf(found: SearchResult, mixed: string | null, refused: number): string {
  if (found.target !== null) {
    const name = describeRelease(found.target.candidate.release);
    const proven = found.target.candidate.hybrid
      ? 'had never been run; run just now, it is good'
      : 'was good and, run just now, still is';
    return mixed === null
      ? `${name} ${proven}.`
      : `${name} passes the suite when run now, but that does not make it safe to restore: ${mixed}.`;
  }
  if (found.unproven !== null) {
    return `${describeRelease(found.unproven.candidate.release)} is the best candidate left, but it is not proven (${found.unproven.why}): what was good then may not be good today.${mixed === null ? '' : ` And ${mixed}.`}`;
  }
  if (found.undecided !== null) {
    return `no target could be verified; ${describeRelease(found.undecided.candidate.release)} came closest: ${found.undecided.verification.reason}.`;
  }
  return `no target could be verified: ${refused === 0 ? 'the ledger holds no other release of this suite' : `all ${refused} candidates were refused`}.`;
}
