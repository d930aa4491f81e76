// Which earlier release do we restore, and does it work today? Lists, screens, ranks, runs the best ones fresh, decides.

import { compareSnapshots } from '../../compare/index.ts';
import { pairCases } from '../../compare/pairing.ts';
import { sessionsOf } from '../../compare/sessions.ts';
import {
  asReason,
  type Comparison,
  changedLayers,
  type Reason,
  type Release,
  type RollbackDecision,
  type RollbackTarget,
  reason,
  reasonOf,
  resolvePolicy,
  type SnapshotSummary,
  type StateCheck,
  type Verification,
  wholeRelease,
} from '../../core/index.ts';
import type { RunSettings } from '../../engine/arms/run-suite.ts';
import { findPool } from '../../engine/comparison/find-pool.ts';
import { lastDrill } from '../../engine/records/drill-record.ts';
import { consentToGraders } from '../../engine/workplace/consent.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { releaseToYaml } from '../../release/index.ts';
import {
  type Candidate,
  DECISION_ALPHA,
  dependentStates,
  describeRelease,
  listCandidates,
  mixedState,
  rankCandidates,
  rollbackSteps,
  screenCandidates,
} from '../../rollback/index.ts';
import { alarmOf, baselineOf, casesToCure, historyOf, placeOnset, resultsOf } from './rollback-context.ts';
import { type SearchResult, searchTarget } from './rollback-search.ts';

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

/** Level of the screen: a candidate whose own snapshot is not better than the incident at this level is not run. */
const SCREEN_ALPHA = 0.05;
const MAX_CANDIDATES = 3;

/** The whole decision. Probes candidates on the regressed cases and proves at most `maxCandidates` of them on the whole suite. */
export async function findRollbackTarget(work: Workplace, request: RollbackRequest): Promise<RollbackResult> {
  const { store } = work;
  const shown = await resultsOf(work, request.from ?? 'latest', request.suite);
  const alarm = await alarmOf(work, shown);
  // Everything that a night's alarm rests on, not its first run alone.
  const incident = alarm?.evidence ?? shown;
  const baseline = await baselineOf(work, request.suite, request.baseline);
  const suite = await store.suiteOf(baseline.summary.id);
  await consentToGraders(suite);
  const policy = resolvePolicy(suite.policy);
  const current = await store.releaseOf(incident.summary.id);
  const good = await store.releaseOf(baseline.summary.id);
  // The layers of what was blessed are those of the blessed snapshot, even where others have the same fingerprint.
  const history = (await historyOf(work, request.suite)).map((past) =>
    past.release.fingerprint === good.fingerprint ? { ...past, release: good } : past,
  );
  const found = await findPool(store, baseline.summary, { before: incident.summary.startedAt });
  const comparison = compareSnapshots(baseline, shown, { policy, pool: found.runs.slice(1) });
  const regressed = casesToCure(comparison, alarm);

  const base = {
    schemaVersion: 1 as const,
    kind: 'rollback' as const,
    suite: request.suite,
    current: brief(incident.summary, comparison.candidate.passRate),
    baseline: {
      ...brief(baseline.summary, baseline.summary.passRate),
      pool: {
        runs: found.runs.length,
        passRate: comparison.baseline.passRate,
        leftOut: found.leftOut,
      },
    },
    diagnosis: comparison.attribution.diagnosis,
    lastDrill: await lastDrill(work, request.suite),
  };
  const isRegression =
    (alarm !== null && regressed.length > 0) ||
    comparison.verdict === 'regressed' ||
    comparison.cases.some((c) => c.verdict === 'regressed');
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
  const screened = screenCandidates(candidates, {
    current,
    goodFingerprint: good.fingerprint,
    incident,
    regressed,
    onset,
    alpha: SCREEN_ALPHA,
  });
  // A regression that began before the incident is not part of what was good.
  const pool = found.runs.filter(
    (run) => onset === null || run === found.runs[0] || run.summary.startedAt < onset.at,
  );
  const search = await searchTarget(work, {
    ranked: rankCandidates(screened.passed),
    suite,
    baseline,
    incident,
    regressed,
    policy,
    pool,
    sessions: sessionsOf(pool, pairCases(baseline, incident, policy, pool.slice(1)).paired, [], policy).suite,
    good,
    alpha: DECISION_ALPHA,
    maxCandidates: request.maxCandidates ?? MAX_CANDIDATES,
    verify: request.verify !== false,
    settings: request.settings ?? {},
  });

  const chosen = search.target?.candidate ?? search.unproven?.candidate ?? null;
  const target = chosen === null ? null : await targetOf(work, request.suite, chosen, current);
  const mixed =
    target === null || chosen === null
      ? null
      : mixedState(current, chosen.release, target.dependentStates ?? []);
  const state =
    chosen === null ? 'none' : search.target !== null && mixed === null ? 'verified' : 'unverified';
  const rejected = [...screened.rejected, ...search.rejected];
  const cause =
    good.fingerprint === current.fingerprint
      ? ` The fingerprint did not change (${comparison.attribution.diagnosis}), so only another route can help.`
      : verificationOf(search)?.control?.moved === true
        ? ` The world moved: the last good release ${describeRelease(good)} is no longer good today.`
        : '';
  const decision: RollbackDecision = {
    ...base,
    regressedCases: regressed,
    onset,
    decision: state,
    ...asReason(reason`${decisionReason(search, mixed, rejected.length)}${cause}`),
    target,
    verification: verificationOf(search),
    rejected,
    callsSpent: search.callsSpent,
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
    restoreFile: chosen === null ? null : releaseToYaml(wholeRelease(chosen.release, 'restored')),
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
      ? `whether anything regressed ${between} is unknown: the exam changed (${exam.join(', ')}); \`lastgood regrade ${comparison.candidate.id}\` grades the stored answers by the current exam without calling the model again`
      : `whether anything regressed ${between} is unknown: ${comparison.reason}`;
  }
  return `no regression was shown ${between}, so there is nothing to cure: ${comparison.reason}`;
}

function decisionReason(found: SearchResult, mixed: string | null, refused: number): Reason {
  if (found.target !== null) {
    const name = describeRelease(found.target.candidate.release);
    const proven = found.target.candidate.hybrid
      ? 'had never been run; run just now, it is good'
      : 'was good and, run just now, still is';
    return mixed === null
      ? reason`${name} ${proven}.`
      : reason`${name} passes the suite when run now, but that does not make it safe to restore: ${mixed}.`;
  }
  if (found.unproven !== null) {
    return reason`${describeRelease(found.unproven.candidate.release)} is the best candidate left, but it is not proven (${found.unproven.why}): what was good then may not be good today.${mixed === null ? '' : ` And ${mixed}.`}`;
  }
  if (found.undecided !== null) {
    return reason`no target could be verified; ${describeRelease(found.undecided.candidate.release)} came closest: ${reasonOf(found.undecided.verification)}.`;
  }
  return reason`no target could be verified: ${refused === 0 ? 'the ledger holds no other release of this suite' : `all ${refused} candidates were refused`}.`;
}
