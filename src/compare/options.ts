// The options of a comparison, and the settings every part of it works with once the defaults are filled in.

import { sha256 } from '../base/json.ts';
import type { LeftOutRun } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { BATCH_LABEL, BATCH_TIER } from '../core/provider-batch.ts';
import type { CaseResult, SnapshotResults, SnapshotSummary } from '../core/snapshot.ts';
import { seedFrom } from '../stats/rng.ts';
import type { AnswerVectors } from './embedding-channel.ts';

/** Fresh trials of flagged cases. An empty baseline means: judge the fresh candidate trials against the stored history. */
export interface Confirmation {
  readonly baseline: readonly CaseResult[];
  readonly candidate: readonly CaseResult[];
}

/** The control of today: trials of both releases run interleaved. */
export interface Control {
  readonly baseline: readonly CaseResult[];
  readonly candidate: readonly CaseResult[];
  /** Why the baseline's release cannot be run; null = it can. Without it nothing is called regressed. */
  readonly impossible: string | null;
  /**
   * A control would run one and the same application for both releases, so that none will ever settle it: a collapse of the suite
   * is then called a regression. Default false: without a control nothing is.
   */
  readonly sharedApplication?: boolean | undefined;
  /** Error rate of the suite and its tags at this look at the control. */
  readonly level: number;
  /** Most trials an arm and case that a control would be given; what it could see is computed from it. */
  readonly most: number;
}

export interface CompareOptions {
  readonly policy: Policy;
  /** Unsigned 32-bit; default: the first 32 bits of sha256(`baselineId|candidateId|v1`). */
  readonly seed?: number | undefined;
  /** Permutations; default 9999. */
  readonly replicates?: number | undefined;
  readonly confirmation?: Confirmation | undefined;
  /** More snapshots of the baseline's fingerprint, pooled with it. Those that do not fit are left out and named in the notes. */
  readonly pool?: readonly SnapshotResults[] | undefined;
  /** Runs of the baseline's release that are not in `pool`, for the record. */
  readonly leftOut?: readonly LeftOutRun[] | undefined;
  /**
   * Were the arms run interleaved, in one session? Only then is latency tested, and only then is there no noise between runs. Default:
   * true where the candidate's labels say it was run with this baseline, or is the same outputs graded again.
   */
  readonly interleaved?: boolean | undefined;
  /** More runs of the baseline's release that say how much it varies, without being part of the reference. */
  readonly sameRelease?: readonly SnapshotResults[] | undefined;
  /** Given where the baseline's release can be, or was, run beside the candidate: only that can show a regression. */
  readonly control?: Control | undefined;
  /** Fresh trials of the candidate alone that sort out which flagged cases are worth trials of both. */
  readonly sorted?: readonly CaseResult[] | undefined;
  /** Embedding vectors of the answers; without them the embedding channel is not tested. */
  readonly vectors?: AnswerVectors | undefined;
  /** For the record; default the policy's. */
  readonly tier?: string | undefined;
  /** Model calls this comparison cost, for the record. */
  readonly callsSpent?: number | undefined;
}

/** The options with every default filled in. */
export interface Settings {
  readonly policy: Policy;
  readonly seed: number;
  readonly replicates: number;
  readonly interleaved: boolean;
  /** No noise between runs: interleaved, or the same outputs. */
  readonly together: boolean;
  /** All runs went through a batch API, or none: else the same tokens have two prices. */
  readonly onePrice: boolean;
  readonly tier: string;
  readonly callsSpent: number;
}

/** Fewer cases than this never show that nothing changed (a floor, whatever the interval). */
export const MIN_CASES_FOR_UNCHANGED = 20;
/** A tag with fewer paired cases is listed, not tested. */
export const MIN_CASES_FOR_SLICE = 5;
/** Interval within which a single slice counts as unchanged; wider than the suite's margin because slices are small. */
export const SLICE_MARGIN = 0.1;

/** Fills in the defaults; the seed depends on nothing but the two ids. */
export function settingsOf(
  baseline: SnapshotSummary,
  candidate: SnapshotSummary,
  options: CompareOptions,
): Settings {
  const interleaved = options.interleaved ?? ranInterleaved(baseline, candidate);
  return {
    policy: options.policy,
    seed: options.seed ?? seedFrom(sha256(`${baseline.id}|${candidate.id}|v1`)),
    replicates: options.replicates ?? 9999,
    interleaved,
    together: interleaved || sameOutputs(baseline, candidate),
    onePrice: haveOnePrice([baseline, candidate, ...(options.pool ?? []).map(({ summary }) => summary)]),
    tier: options.tier ?? options.policy.tier,
    callsSpent: options.callsSpent ?? 0,
  };
}

function haveOnePrice(runs: readonly SnapshotSummary[]): boolean {
  return new Set(runs.map(({ labels }) => labels[BATCH_LABEL] === BATCH_TIER)).size === 1;
}

/** Do the two share their session, or even their answers? Runs of other days then have no place beside the baseline. */
export function ranTogether(baseline: SnapshotSummary, candidate: SnapshotSummary): boolean {
  return ranInterleaved(baseline, candidate) || sameOutputs(baseline, candidate);
}

function ranInterleaved(baseline: SnapshotSummary, candidate: SnapshotSummary): boolean {
  return candidate.labels['compared-with'] === baseline.id;
}

/** The same stored answers, graded twice. */
function sameOutputs(baseline: SnapshotSummary, candidate: SnapshotSummary): boolean {
  const sourceOf = (s: SnapshotSummary): string => s.labels['regrade-of'] ?? s.id;
  return sourceOf(baseline) === sourceOf(candidate);
}
