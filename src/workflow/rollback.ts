// Which earlier release do we restore, and does it work today? Lists, screens, ranks, runs the best ones fresh, decides.

import { compareSnapshots, onsetOf } from '../compare/index.ts';
import {
  type Comparison,
  changedLayers,
  LastgoodError,
  type Rejection,
  type Release,
  type RollbackDecision,
  type RollbackTarget,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
  type Verification,
} from '../core/index.ts';
import { createProvider } from '../provider/index.ts';
import { releaseToYaml } from '../release/index.ts';
import {
  type Candidate,
  describeRelease,
  listCandidates,
  type PastRelease,
  rankCandidates,
  regressedCases,
  screenCandidates,
} from '../rollback/index.ts';
import { checkRequests } from '../run/index.ts';
import type { Assignment } from './assignment.ts';
import type { RunSettings } from './run-suite.ts';
import { cleanPool, verifyCandidate } from './verify-candidate.ts';
import type { Workplace } from './workplace.ts';

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
  /** Most candidates to run; they share the error budget (default 3). */
  readonly maxCandidates?: number | undefined;
  readonly settings?: RunSettings;
}

export interface RollbackResult {
  readonly decision: RollbackDecision;
  /** The regression the rollback must cure. */
  readonly comparison: Comparison;
  /** The target as a release file that loads to exactly the verified fingerprint; null without a target. */
  readonly restoreFile: string | null;
}

/** Error budget of the whole decision, shared by the candidates that may be tried (stats: intersection–union, alpha / J). */
const ALPHA = 0.05;

/** The whole decision. Runs at most `maxCandidates` fresh verifications. */
export async function findRollbackTarget(work: Workplace, request: RollbackRequest): Promise<RollbackResult> {
  const { store } = work;
  const incident = await resultsOf(work, request.from ?? 'latest', request.suite);
  const baseline = await baselineOf(work, request);
  const suite = await store.suiteOf(baseline.summary.id);
  const policy = resolvePolicy(suite.policy);
  const current = await store.releaseOf(incident.summary.id);
  const good = await store.releaseOf(baseline.summary.id);
  const context = await historyOf(work, request.suite);
  const pool = cleanPool(context, baseline, incident);
  const comparison = compareSnapshots(baseline, incident, { policy, pool: pool.slice(1) });
  const regressed = regressedCases(comparison);
  const maxCandidates = request.maxCandidates ?? 3;
  const alpha = ALPHA / maxCandidates;

  const base = {
    schemaVersion: 1 as const,
    kind: 'rollback' as const,
    suite: request.suite,
    current: brief(incident.summary, comparison.candidate.passRate),
    baseline: brief(baseline.summary, comparison.baseline.passRate),
  };
  const isRegression =
    comparison.verdict === 'regressed' || comparison.cases.some((c) => c.verdict === 'regressed');
  if (!isRegression) {
    const decision: RollbackDecision = {
      ...base,
      regressedCases: [],
      onset: null,
      decision: 'none',
      reason: `no regression was shown between ${baseline.summary.id} and ${incident.summary.id}, so there is nothing to cure: ${comparison.reason}`,
      target: null,
      verification: null,
      rejected: [],
      callsSpent: 0,
      steps: [],
    };
    return { decision, comparison, restoreFile: null };
  }

  const onset = placeOnset(context, baseline, incident, regressed);
  const candidates = listCandidates({
    current,
    baseline: good,
    history: context,
    named: request.releases ?? [],
  });
  const screened = screenCandidates(candidates, { current, incident, regressed, onset, alpha: ALPHA });
  const rejected: Rejection[] = [...screened.rejected];
  const ranked = rankCandidates(screened.passed);

  let callsSpent = 0;
  let target: { candidate: Candidate; verification: Verification | null } | null = null;
  let undecided: { candidate: Candidate; verification: Verification } | null = null;
  let tried = 0;
  for (const candidate of ranked) {
    const unreachable = await preflight(work, candidate, suite);
    if (unreachable !== null) {
      rejected.push(unreachable);
      continue;
    }
    if (request.verify === false) {
      target = { candidate, verification: null };
      break;
    }
    if (tried >= maxCandidates) {
      rejected.push(
        reject(
          candidate,
          'budget',
          `${maxCandidates} candidates were run already; --max-candidates allows more`,
        ),
      );
      continue;
    }
    const budget = request.settings?.maxCalls;
    if (budget !== undefined && callsSpent >= budget) {
      rejected.push(reject(candidate, 'budget', `the limit of ${budget} calls is spent`));
      continue;
    }
    tried++;
    const trial = await verifyCandidate(work, {
      candidate,
      suite,
      baseline,
      incident,
      regressed,
      policy,
      alpha,
      pool,
      settings: {
        ...request.settings,
        ...(budget === undefined ? {} : { maxCalls: budget - callsSpent }),
      },
    });
    callsSpent += trial.calls;
    if (trial.verification.outcome === 'verified') {
      target = { candidate, verification: trial.verification };
      break;
    }
    const failed = trial.verification.outcome === 'failed';
    rejected.push(
      reject(
        candidate,
        failed ? 'verification_failed' : 'verification_inconclusive',
        `run fresh as ${trial.verification.snapshot}: ${trial.verification.reason}`,
      ),
    );
    if (!failed) undecided ??= { candidate, verification: trial.verification };
  }

  const chosen = target?.candidate ?? null;
  const described = chosen === null ? null : targetOf(chosen, current);
  const state = target === null ? 'none' : target.verification === null ? 'unverified' : 'verified';
  const decision: RollbackDecision = {
    ...base,
    regressedCases: regressed,
    onset:
      onset === null ? null : { snapshot: onset.snapshot, at: onset.at, layersChanged: onset.layersChanged },
    decision: state,
    reason: reasonOf(state, chosen, undecided, comparison, good, current, rejected.length),
    target: described,
    verification: target?.verification ?? undecided?.verification ?? null,
    rejected,
    callsSpent,
    steps: described === null ? [] : stepsOf(described, state),
  };
  await store.keepRecord({
    kind: 'rollback',
    suite: request.suite,
    at: work.clock.now().toISOString(),
    body: decision as never,
  });
  return { decision, comparison, restoreFile: chosen === null ? null : releaseToYaml(chosen.release) };
}

async function resultsOf(work: Workplace, ref: string, suite: string): Promise<SnapshotResults> {
  const summary = await work.store.resolve(ref, { suite, now: work.clock.now() });
  return work.store.results(summary.id);
}

async function baselineOf(work: Workplace, request: RollbackRequest): Promise<SnapshotResults> {
  if (request.baseline !== undefined) return resultsOf(work, request.baseline, request.suite);
  const blessed = (await work.store.blessings(request.suite)).at(-1);
  if (blessed === undefined) {
    throw new LastgoodError({
      code: 'NO_BASELINE',
      message: `suite "${request.suite}" has no baseline, so nothing says what "good" was`,
      hint: `name one: lastgood bless REF --by NAME --why TEXT, or pass --baseline REF (lastgood list --suite ${request.suite})`,
      exitCode: 3,
    });
  }
  return resultsOf(work, blessed.snapshot, request.suite);
}

/** Every finished run of the suite with its release, oldest first. */
async function historyOf(work: Workplace, suite: string): Promise<PastRelease[]> {
  const list = await work.store.list({ suite, purposes: ['run', 'compare', 'verification'] });
  const past: PastRelease[] = [];
  for (const summary of [...list].reverse()) {
    if (summary.state === 'running') continue;
    past.push({
      release: await work.store.releaseOf(summary.id),
      results: await work.store.results(summary.id),
    });
  }
  return past;
}

function placeOnset(
  history: readonly PastRelease[],
  baseline: SnapshotResults,
  incident: SnapshotResults,
  regressed: readonly string[],
): { snapshot: string; at: string; layersChanged: ReturnType<typeof changedLayers> } | null {
  const series = history.filter(
    (p) =>
      p.results.summary.purpose === 'run' &&
      p.results.summary.startedAt >= baseline.summary.startedAt &&
      p.results.summary.startedAt <= incident.summary.startedAt &&
      // Before the change other releases may have run besides; the onset is looked for on the path that led to the incident.
      (p.release.fingerprint === incident.summary.fingerprint ||
        p.release.fingerprint === baseline.summary.fingerprint),
  );
  const found = onsetOf(
    series.map((p) => p.results),
    regressed,
  );
  if (found === null) return null;
  const at = series[found.index];
  const before = series[found.index - 1];
  if (at === undefined) return null;
  return {
    snapshot: at.results.summary.id,
    at: at.results.summary.startedAt,
    layersChanged: before === undefined ? [] : changedLayers(before.release, at.release),
  };
}

/** A candidate that cannot be called any more is no target: keys, catalogue, templates are looked at before any paid call. */
async function preflight(
  work: Workplace,
  candidate: Candidate,
  suite: Assignment['suite'],
): Promise<Rejection | null> {
  const broken = checkRequests(suite.cases, candidate.release)[0];
  if (broken !== undefined)
    return reject(candidate, 'unreachable', `the suite cannot be sent to it: ${broken.message}`);
  let provider: Awaited<ReturnType<typeof createProvider>>;
  try {
    provider = await createProvider(candidate.release, { env: work.env, mask: work.mask });
  } catch (error) {
    if (error instanceof LastgoodError) return reject(candidate, 'unreachable', error.message);
    throw error;
  }
  try {
    const facts = await provider.modelFacts?.(
      AbortSignal.any([work.hardSignal, AbortSignal.timeout(10_000)]),
    );
    if (facts !== undefined && 'state' in facts && facts.state === 'retired') {
      return reject(
        candidate,
        'retired_model',
        `the provider's catalogue lists ${facts.id} as retired${facts.retiresAt === undefined ? '' : ` since ${facts.retiresAt}`}`,
      );
    }
    return null;
  } finally {
    await provider.close?.();
  }
}

function reject(candidate: Candidate, reason: Rejection['reason'], detail: string): Rejection {
  return { fingerprint: candidate.release.fingerprint, release: candidate.release.name, reason, detail };
}

function targetOf(candidate: Candidate, current: Release): RollbackTarget {
  const layersRestored = changedLayers(current, candidate.release);
  return {
    fingerprint: candidate.release.fingerprint,
    release: candidate.release.name,
    snapshot: candidate.snapshot?.summary.id ?? null,
    layersRestored,
    hybrid: candidate.hybrid,
    dependents: candidate.release.dependents.filter((d) => layersRestored.includes(d.builtFrom)),
  };
}

function brief(s: SnapshotSummary, passRate: number | null): RollbackDecision['current'] {
  return { id: s.id, fingerprint: s.fingerprint, release: s.release, passRate };
}

function reasonOf(
  state: RollbackDecision['decision'],
  chosen: Candidate | null,
  undecided: { candidate: Candidate; verification: Verification } | null,
  comparison: Comparison,
  good: Release,
  current: Release,
  refused: number,
): string {
  const cause =
    good.fingerprint === current.fingerprint
      ? ` The fingerprint did not change (${comparison.attribution.diagnosis}), so only another route can help.`
      : '';
  if (state === 'verified' && chosen !== null)
    return `${describeRelease(chosen.release)} was good and, run just now, still is.${cause}`;
  if (state === 'unverified' && chosen !== null) {
    return `${describeRelease(chosen.release)} is the best candidate, but it was not run: what was good then may not be good today.${cause}`;
  }
  if (undecided !== null) {
    return `no target could be verified; ${describeRelease(undecided.candidate.release)} came closest: ${undecided.verification.reason}.${cause}`;
  }
  return `no target could be verified: ${refused === 0 ? 'the ledger holds no other release of this suite' : `all ${refused} candidates were refused`}.${cause}`;
}

function stepsOf(target: RollbackTarget, state: RollbackDecision['decision']): string[] {
  const steps = [
    `restore ${target.layersRestored.join(', ') || 'the release'} to ${target.release} (--write FILE gives the exact release file)`,
    ...target.dependents.map(
      (d) =>
        `rebuild or check ${d.name}, which was built from ${d.builtFrom}${d.check === undefined ? '' : `: ${d.check}`}`,
    ),
    'send 10 % of the traffic to it for 30 minutes and watch the signals that moved',
    'then 100 %, and run the suite again: lastgood run SUITE --release FILE',
  ];
  if (state === 'unverified') steps.unshift('verify it first if there is any time: lastgood rollback SUITE');
  return steps;
}
