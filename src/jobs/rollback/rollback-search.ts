// Tries the ranked candidates one after the other: preflight, probe, proof. The first one that is proven is the target.

import type { Policy, Rejection, Release, SnapshotResults, Suite, Verification } from '../../core/index.ts';
import { asDetail, type Reason, reasonOf, reason as saying } from '../../core/index.ts';
import type { RunSettings } from '../../engine/arms/run-suite.ts';
import { NOTHING_SPENT, remaining, type Spent } from '../../engine/arms/spending.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { alphaOfProof, type Candidate, testedFirst } from '../../rollback/index.ts';
import type { RunVariance } from '../../stats/run-variance.ts';
import { RoutePreflight } from './rollback-preflight.ts';
import { probeCandidate, type VerifyJob, verifyCandidate } from './verify-candidate.ts';

export interface SearchInput {
  /** Screened, best first. */
  readonly ranked: readonly Candidate[];
  readonly suite: Suite;
  readonly baseline: SnapshotResults;
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  readonly policy: Policy;
  /** Runs of the last good release, the blessed one first. */
  readonly pool: readonly SnapshotResults[];
  /** How much they differ from each other. */
  readonly sessions: RunVariance;
  /** The last good release. */
  readonly good: Release;
  /** Error budget of the whole decision; the candidates that are proven share it. */
  readonly alpha: number;
  readonly maxCandidates: number;
  readonly verify: boolean;
  readonly settings: RunSettings;
}

export interface SearchResult {
  readonly target: { readonly candidate: Candidate; readonly verification: Verification } | null;
  /** The best candidate that nothing refuted and that was not proven either, and why not. */
  readonly unproven: { readonly candidate: Candidate; readonly why: Reason } | null;
  /** The first candidate that was run in full and could not be decided. */
  readonly undecided: { readonly candidate: Candidate; readonly verification: Verification } | null;
  readonly rejected: readonly Rejection[];
  readonly callsSpent: number;
}

/** Spends at most what the settings allow. */
export async function searchTarget(work: Workplace, input: SearchInput): Promise<SearchResult> {
  const preflight = new RoutePreflight(work, input.suite);
  const rejected: Rejection[] = [];
  const reject = (candidate: Candidate, reason: Rejection['reason'], detail: Reason | string): void => {
    const { fingerprint, name } = candidate.release;
    rejected.push({ fingerprint, release: name, reason, ...asDetail(detail) });
  };
  const reachable: Candidate[] = [];
  for (const candidate of input.ranked) {
    const refusal = await preflight.refusal(candidate);
    if (refusal === null) reachable.push(candidate);
    else reject(candidate, refusal.reason, refusal.detail);
  }
  const control = (await preflight.refusal({ release: input.good })) === null ? input.good : null;
  const order = control === null ? testedFirst(reachable) : reachable;
  let budget = input.alpha;

  let spent: Spent = NOTHING_SPENT;
  let unproven: SearchResult['unproven'] = null;
  let undecided: SearchResult['undecided'] = null;
  let proofs = 0;
  const leave = (candidate: Candidate, why: Reason | string): void => {
    if (unproven === null) unproven = { candidate, why: typeof why === 'string' ? saying`${why}` : why };
    else reject(candidate, 'budget', why);
  };
  const book = (more: Spent): void => {
    spent = {
      ...more,
      calls: spent.calls + more.calls,
      knownCostUsd: spent.knownCostUsd + more.knownCostUsd,
    };
  };

  for (const [place, candidate] of order.entries()) {
    if (!input.verify) {
      leave(candidate, 'it was not run: --no-verify');
      break;
    }
    // A failed call of an earlier candidate may have decided for this one's route too.
    const refusal = await preflight.refusal(candidate);
    if (refusal !== null) {
      reject(candidate, refusal.reason, refusal.detail);
      continue;
    }
    if (work.signal.aborted) {
      leave(candidate, 'the search was interrupted');
      continue;
    }
    if (proofs >= input.maxCandidates) {
      leave(candidate, `${input.maxCandidates} candidates were run in full already (--max-candidates)`);
      continue;
    }
    const left = remaining(input.settings, spent);
    if (left === null) {
      leave(candidate, limitText(input.settings, spent));
      continue;
    }
    const others = Math.min(order.length - place, input.maxCandidates - proofs) - 1;
    const alpha = alphaOfProof(budget, others);
    const same = candidate.release.fingerprint === input.good.fingerprint;
    const job: VerifyJob = { ...input, candidate, control: same ? null : control, alpha, settings: left };
    const probe = await probeCandidate(work, job);
    if (probe !== null) {
      book(probe.spent);
      if (probe.spent.fatal !== null) {
        const fate = preflight.failed(candidate, probe.spent.fatal);
        reject(candidate, fate.reason, fate.detail);
        continue;
      }
      if (probe.verdict.outcome === 'refused') {
        reject(
          candidate,
          'verification_failed',
          saying`probed as ${probe.snapshot}: it ${probe.verdict.detail}`,
        );
        continue;
      }
    }
    const afterProbe = remaining(input.settings, spent);
    if (afterProbe === null) {
      leave(candidate, limitText(input.settings, spent));
      continue;
    }
    proofs++;
    // A candidate that the probe refused could not have been called verified, so only a proof spends error budget.
    budget -= alpha;
    const proof = await verifyCandidate(work, { ...job, settings: afterProbe });
    if (proof === null) {
      leave(candidate, limitText(input.settings, spent));
      continue;
    }
    const { verification, spent: cost } = proof;
    book(cost);
    if (verification.outcome === 'verified')
      return {
        target: { candidate, verification },
        unproven: null,
        undecided,
        rejected,
        callsSpent: spent.calls,
      };
    const detail = saying`run fresh as ${verification.snapshot}: ${reasonOf(verification)}`;
    if (verification.outcome === 'failed') {
      reject(candidate, 'verification_failed', detail);
    } else if (cost.fatal !== null) {
      const fate = preflight.failed(candidate, cost.fatal);
      reject(candidate, fate.reason, fate.detail);
    } else if (cost.stoppedBy !== null) {
      leave(candidate, saying`${limitText(input.settings, spent)}: ${reasonOf(verification)}`);
      undecided ??= { candidate, verification };
    } else {
      reject(candidate, 'verification_inconclusive', detail);
      undecided ??= { candidate, verification };
    }
  }
  return { target: null, unproven, undecided, rejected, callsSpent: spent.calls };
}

function limitText(settings: RunSettings, spent: Spent): string {
  switch (spent.stoppedBy) {
    case 'cancelled':
      return 'the search was interrupted';
    case 'deadline':
      return 'the deadline passed';
    default:
      return settings.maxCalls !== undefined && spent.calls >= settings.maxCalls
        ? `the limit of ${settings.maxCalls} calls is spent`
        : settings.maxCostUsd !== undefined
          ? `the limit of $${settings.maxCostUsd} is spent`
          : `the limit of ${settings.maxCalls ?? 0} calls is spent`;
  }
}
