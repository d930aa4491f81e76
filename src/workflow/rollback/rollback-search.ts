// Tries the ranked candidates one after the other: preflight, probe, proof. The first one that is proven is the target.

import type { Policy, Rejection, SnapshotResults, Suite, Verification } from '../../core/index.ts';
import type { Candidate } from '../../rollback/index.ts';
import type { RunSettings } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';
import { RoutePreflight } from './rollback-preflight.ts';
import {
  probeCandidate,
  remaining,
  type Spent,
  type VerifyJob,
  verifyCandidate,
} from './verify-candidate.ts';

export interface SearchInput {
  /** Screened, best first. */
  readonly ranked: readonly Candidate[];
  readonly suite: Suite;
  readonly baseline: SnapshotResults;
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  readonly policy: Policy;
  /** The baseline first. */
  readonly pool: readonly SnapshotResults[];
  /** Error budget of the whole decision; the candidates that may be proven share it. */
  readonly alpha: number;
  readonly maxCandidates: number;
  readonly verify: boolean;
  readonly settings: RunSettings;
}

export interface SearchResult {
  readonly target: { readonly candidate: Candidate; readonly verification: Verification } | null;
  /** The best candidate that nothing refuted and that was not proven either, and why not. */
  readonly unproven: { readonly candidate: Candidate; readonly why: string } | null;
  /** The first candidate that was run in full and could not be decided. */
  readonly undecided: { readonly candidate: Candidate; readonly verification: Verification } | null;
  readonly rejected: readonly Rejection[];
  readonly callsSpent: number;
}

/** Spends at most what the settings allow. */
export async function searchTarget(work: Workplace, input: SearchInput): Promise<SearchResult> {
  const preflight = new RoutePreflight(work, input.suite);
  const rejected: Rejection[] = [];
  const reject = (candidate: Candidate, reason: Rejection['reason'], detail: string): void => {
    const { fingerprint, name } = candidate.release;
    rejected.push({ fingerprint, release: name, reason, detail });
  };
  const reachable: Candidate[] = [];
  for (const candidate of input.ranked) {
    const refusal = await preflight.refusal(candidate);
    if (refusal === null) reachable.push(candidate);
    else reject(candidate, refusal.reason, refusal.detail);
  }
  const alpha = input.alpha / Math.max(1, Math.min(input.maxCandidates, reachable.length));

  let spent: Spent = { calls: 0, knownCostUsd: 0, stoppedBy: null, fatal: null };
  let unproven: SearchResult['unproven'] = null;
  let undecided: SearchResult['undecided'] = null;
  let proofs = 0;
  const leave = (candidate: Candidate, why: string): void => {
    if (unproven === null) unproven = { candidate, why };
    else reject(candidate, 'budget', why);
  };
  const book = (more: Spent): void => {
    spent = {
      ...more,
      calls: spent.calls + more.calls,
      knownCostUsd: spent.knownCostUsd + more.knownCostUsd,
    };
  };

  for (const candidate of reachable) {
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
    const job: VerifyJob = { ...input, candidate, alpha, settings: left };
    const probe = await probeCandidate(work, job);
    if (probe !== null) {
      book(probe.spent);
      if (probe.spent.fatal !== null) {
        const fate = preflight.failed(candidate, probe.spent.fatal);
        reject(candidate, fate.reason, fate.detail);
        continue;
      }
      if (probe.verdict.outcome === 'refused') {
        reject(candidate, 'verification_failed', `probed as ${probe.snapshot}: it ${probe.verdict.detail}`);
        continue;
      }
    }
    const afterProbe = remaining(input.settings, spent);
    if (afterProbe === null) {
      leave(candidate, limitText(input.settings, spent));
      continue;
    }
    proofs++;
    const { verification, spent: cost } = await verifyCandidate(work, { ...job, settings: afterProbe });
    book(cost);
    if (verification.outcome === 'verified')
      return {
        target: { candidate, verification },
        unproven: null,
        undecided,
        rejected,
        callsSpent: spent.calls,
      };
    const detail = `run fresh as ${verification.snapshot}: ${verification.reason}`;
    if (verification.outcome === 'failed') {
      reject(candidate, 'verification_failed', detail);
    } else if (cost.fatal !== null) {
      const fate = preflight.failed(candidate, cost.fatal);
      reject(candidate, fate.reason, fate.detail);
    } else if (cost.stoppedBy !== null) {
      leave(candidate, `${limitText(input.settings, spent)}: ${verification.reason}`);
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
