// What a comparison may be told, and the settings every part of it works with once the defaults are filled in.

import { sha256 } from '../core/json.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults, SnapshotSummary } from '../core/snapshot.ts';
import { seedFrom } from '../stats/rng.ts';
import type { AnswerVectors } from './meaning.ts';

/** Fresh trials of flagged cases. An empty baseline means: judge the fresh candidate trials against the stored history. */
export interface Confirmation {
  readonly baseline: readonly CaseResult[];
  readonly candidate: readonly CaseResult[];
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
  /** Were the arms run interleaved, in one session? Only then is latency tested. */
  readonly interleaved?: boolean | undefined;
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
  return {
    policy: options.policy,
    seed: options.seed ?? seedFrom(sha256(`${baseline.id}|${candidate.id}|v1`)),
    replicates: options.replicates ?? 9999,
    interleaved: options.interleaved ?? false,
    tier: options.tier ?? options.policy.tier,
    callsSpent: options.callsSpent ?? 0,
  };
}
