// A snapshot: the immutable, timestamped record of what a release did on a suite, and the port it is kept behind.

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { CaseExam } from './exam.ts';
import type { Grade, UngradedCause } from './grade.ts';
import type { PolicyFile } from './policy.ts';
import type { FailureCause } from './provider.ts';
import type { LayerName, Release } from './release.ts';
import type { Case, Suite } from './suite.ts';
import type { SkipCause, Trial } from './trial.ts';

export type Validity = 'valid' | 'degraded' | 'invalid';

/** Why the snapshot was made. `verification` = a rollback target being proven; `confirmation` = fresh trials for flagged cases; `regrade` = stored outputs under another exam. */
export const SNAPSHOT_PURPOSES = [
  'run',
  'verification',
  'compare',
  'confirmation',
  'bisect',
  'sentinel',
  'regrade',
  'drill',
] as const;
export type SnapshotPurpose = (typeof SNAPSHOT_PURPOSES)[number];

/** Where and with what it was made. No host names, no user names. */
export interface SnapshotEnvironment {
  readonly lastgood: string;
  readonly node: string;
  readonly platform: string;
  /** Commit of the user's repository, where there is one. */
  readonly gitRevision?: string | undefined;
  readonly gitDirty?: boolean | undefined;
}

/** Everything known when a run starts. */
export interface NewSnapshot {
  readonly id: string;
  readonly purpose: SnapshotPurpose;
  readonly suite: Suite;
  readonly release: Release;
  /** The judge's and the embedder's release, where the exam has one. */
  readonly judge: Release | null;
  readonly embedder: Release | null;
  readonly exam: string;
  /** What each case's outputs will be graded with. */
  readonly caseExam: (c: Case) => CaseExam;
  /** Trials planned in all. */
  readonly plannedTrials: number;
  /** ISO time. */
  readonly startedAt: string;
  readonly seed: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: SnapshotEnvironment;
  /** It comes out of an exported file: evidence with a source, not a measurement of this ledger. */
  readonly imported?: boolean | undefined;
  /** The snapshot is only made once this has resolved; its cases may be written before. What it rejects with, `begin` does. */
  readonly allowed?: Promise<unknown> | undefined;
}

/** What is measured on the answer itself, without any grader. */
export interface TrialMeasures {
  /** Unicode code points of the text; null when there was no answer. */
  readonly length: number | null;
  /** Did the model refuse? null when there was no answer. */
  readonly refusal: boolean | null;
}

/** One finished trial on its way into the ledger. */
export interface GradedTrial {
  readonly trial: Trial;
  readonly measures: TrialMeasures;
  /** Empty unless the trial was answered. */
  readonly grades: readonly Grade[];
  /** Cost of judging it; null = unknown, 0 = no judge call. */
  readonly judgeCostUsd: number | null;
}

/** How a run ended. */
export interface SnapshotClosing {
  readonly finishedAt: string;
  readonly state: 'finished' | 'interrupted';
  readonly validity: Validity;
  /** Why it is not plainly valid; empty when valid. */
  readonly validityReasons: readonly string[];
  /** Findings to repeat in reports: floating alias, served model changed, dropped parameter, … */
  readonly findings: readonly Finding[];
  /** Where the run stopped early by design: trials that were planned of each case after all; fewer than the suite's is then no loss. */
  readonly plannedTrialsPerCase?: number | undefined;
}

export interface Finding {
  readonly code: string;
  readonly message: string;
}

/** What lists and references need; reading it never touches payloads. */
export interface SnapshotSummary {
  readonly id: string;
  readonly purpose: SnapshotPurpose;
  readonly suite: string;
  readonly suiteHash: string;
  readonly release: string;
  readonly fingerprint: string;
  readonly layerHashes: Readonly<Partial<Record<LayerName, string>>>;
  readonly exam: string;
  readonly judge: string | null;
  readonly embedder: string | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly state: 'running' | 'finished' | 'interrupted';
  /** `invalid` until the run has finished. */
  readonly validity: Validity;
  readonly validityReasons: readonly string[];
  readonly findings: readonly Finding[];
  readonly cases: number;
  readonly plannedTrials: number;
  readonly trials: number;
  readonly answered: number;
  readonly failed: number;
  /** Of the failed: errors of the user's own application. */
  readonly appErrors?: number | undefined;
  /** See `SnapshotClosing`. */
  readonly plannedTrialsPerCase?: number | undefined;
  readonly skipped: number;
  /** Answered but without a grade. */
  readonly ungraded: number;
  /** Mean over the graded cases of the share of their graded trials that passed; null when nothing was graded. */
  readonly passRate: number | null;
  /** Cases with at least one graded trial: those that `passRate` is about. Absent in summaries kept by earlier versions. */
  readonly gradedCases?: number | undefined;
  readonly meanScore: number | null;
  /** Model calls made for trials, over all attempts. */
  readonly calls: number;
  /** Subject cost; null = unknown for at least one trial: an answer without a price, or a lost call that may be billed. */
  readonly costUsd: number | null;
  /** Where the cost is unknown: what is known of it, and of how many trials it is not. */
  readonly knownCostUsd?: number | undefined;
  readonly unpricedTrials?: number | undefined;
  /** What the judge and the embedder cost; null = unknown for at least one trial. */
  readonly judgeCostUsd: number | null;
  /** The same of it: what is known, and of how many trials it is not. */
  readonly knownJudgeCostUsd?: number | undefined;
  readonly unpricedJudgings?: number | undefined;
  /** Distinct served model ids (null entries = not disclosed). */
  readonly servedModels: readonly (string | null)[];
  readonly systemFingerprints: readonly (string | null)[];
  /** True when any answer came from a simulator or a recording. */
  readonly simulated: boolean;
  /** True when it came out of an exported file; what the ledger measured itself is never overridden by it. */
  readonly imported?: boolean | undefined;
  readonly pinned: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly environment: SnapshotEnvironment;
}

/** One trial as comparisons see it: numbers and states, no payload. */
export interface TrialResult {
  readonly trial: number;
  readonly status: Trial['status'];
  /** Why it failed or was skipped. */
  readonly cause: FailureCause | SkipCause | null;
  /** null = not graded. */
  readonly pass: boolean | null;
  readonly score: number | null;
  readonly ungraded: readonly UngradedCause[];
  readonly length: number | null;
  readonly latencyMs: number | null;
  readonly costUsd: number | null;
  readonly outputTokens: number | null;
  readonly refusal: boolean | null;
  readonly stopReason: string | null;
  readonly servedModel: string | null;
  readonly systemFingerprint: string | null;
  readonly outputHash: string | null;
}

/** One case of a snapshot with all its trials. */
export interface CaseResult {
  readonly id: string;
  readonly tags: readonly string[];
  readonly group: string | null;
  readonly critical: boolean;
  readonly minPassRate: number | null;
  readonly exam: CaseExam;
  /** Trials the suite asked for; fewer in `trials` means coverage was lost. */
  readonly plannedTrials: number;
  readonly trials: readonly TrialResult[];
}

/** A case of a snapshot's suite without its content. */
export type CaseOutline = Pick<Case, 'id' | 'contentHash' | 'trials'>;

/** A case of a snapshot's suite as it was asked and graded. */
export interface ExaminedCase {
  /** Place in the suite, from 0. */
  readonly position: number;
  readonly case: Case;
  readonly exam: CaseExam;
}

/** What `compare` and `rollback` read: the summary and every case's numbers. */
export interface SnapshotResults {
  readonly summary: SnapshotSummary;
  readonly cases: readonly CaseResult[];
}

/** A trial with everything that was kept of it. */
export interface StoredTrial {
  readonly trial: Trial;
  readonly measures: TrialMeasures;
  readonly grades: readonly Grade[];
}

/** Append-only record of a person naming a baseline. */
export interface Blessing {
  readonly snapshot: string;
  readonly suite: string;
  readonly by: string;
  readonly why: string;
  /** ISO time. */
  readonly at: string;
  /** Refusals that were overridden, with the reason given. */
  readonly overrode: readonly string[];
}

/** A blessing that came with an exported snapshot: evidence of what a person said elsewhere. It makes no baseline here by itself. */
export interface ImportedBlessing extends Blessing {
  /** Fingerprint of the release that was blessed. */
  readonly fingerprint: string;
}

export interface SnapshotQuery {
  readonly suite?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly purposes?: readonly SnapshotPurpose[] | undefined;
  /** Newest first; default no limit. */
  readonly limit?: number | undefined;
}

/** Where snapshots live. Async, so that a store may stand on another machine; one contract test holds every implementation. */
export interface SnapshotStore {
  /** So many trials are about to be run: a store may make ready for them. Changes nothing. */
  expect?(trials: number): void;
  /** The next cases of a suite that is about to be run, in its order: a store may prepare them. Stores nothing. */
  foresee?(cases: readonly Case[]): void;
  begin(snapshot: NewSnapshot): Promise<void>;
  /** Durable when the promise resolves. A (case, trial) already there is refused with `TRIAL_EXISTS`. */
  append(snapshotId: string, rows: readonly GradedTrial[]): Promise<void>;
  /** Puts rows in the place of answered trials without a grade, in a running snapshot; any other trial is refused with `TRIAL_EXISTS`. */
  regrade(snapshotId: string, rows: readonly GradedTrial[]): Promise<void>;
  /** After this the snapshot never changes, unless it was interrupted and is resumed with `reopen`. */
  finish(snapshotId: string, closing: SnapshotClosing): Promise<SnapshotSummary>;
  /**
   * Makes an interrupted or abandoned snapshot writable again; a finished one is refused with `SNAPSHOT_FINISHED`. Trials that were skipped,
   * or failed by what stopped the run, are to be run again: they are dropped, or where calls were made for them stay until `append`
   * brings their successors, whose log of attempts begins with theirs.
   */
  reopen(snapshotId: string): Promise<void>;
  /**
   * Adds trials to a snapshot that another process runs: from now on `append` and `regrade` keep the first row of a trial, and drop a second
   * one. Absent where a ledger belongs to one machine.
   */
  join?(snapshotId: string): Promise<void>;
  /** `caseId` to trial numbers that are done; after `reopen` without those that are to be run again. */
  doneTrials(snapshotId: string): Promise<ReadonlyMap<string, ReadonlySet<number>>>;
  /** Newest first. */
  list(query?: SnapshotQuery): Promise<readonly SnapshotSummary[]>;
  /**
   * A reference to its snapshot: id prefix, `latest`, `latest~2`, `baseline`, `@2026-03-15` (newest valid at or before),
   * `@yesterday`, `label:key=value`. `latest…` and dates look at purpose `run` (and imported ones) of `suite` where it is given.
   * Throws `REF_NOT_FOUND` or `REF_AMBIGUOUS`, naming what there is.
   */
  resolve(
    ref: string,
    context: { readonly suite?: string | undefined; readonly now: Date },
  ): Promise<SnapshotSummary>;
  results(snapshotId: string): Promise<SnapshotResults>;
  /** The suite's cases with their places in it and their exams, without trials, one at a time in order of id (UTF-16 code units). */
  examinedCases(snapshotId: string): AsyncIterable<ExaminedCase>;
  /** One case of that suite as it was when the snapshot was made; undefined where the suite has no such case. */
  caseOf(snapshotId: string, caseId: string): Promise<Case | undefined>;
  /** Whole trials with payloads, one at a time, in case order; of one case when `caseId` is given. */
  trials(snapshotId: string, caseId?: string): AsyncIterable<GradedTrial>;
  /** The answered trials whose answers the ledger does not have (any more): `caseId` to trial numbers. */
  removedOutputs(snapshotId: string): Promise<ReadonlyMap<string, ReadonlySet<number>>>;
  /** The suite and releases exactly as they were when it ran. */
  suiteOf(snapshotId: string): Promise<Suite>;
  /** That suite's cases in its order, without their content: enough to tell which ones another suite still has. */
  caseOutlines(snapshotId: string): Promise<readonly CaseOutline[]>;
  /** That suite's policy alone: a comparison needs nothing else of it. */
  policyOf(snapshotId: string): Promise<PolicyFile>;
  releaseOf(snapshotId: string, role?: 'subject' | 'judge' | 'embedder'): Promise<Release>;
  bless(blessing: Blessing): Promise<void>;
  /** Oldest first. */
  blessings(suite?: string): Promise<readonly Blessing[]>;
  /** Records what a file says of its snapshot's blessings; one that is there already is not added twice. Never a baseline by itself. */
  keepImportedBlessings(blessings: readonly ImportedBlessing[]): Promise<void>;
  /** Blessings that came with imported snapshots, by time. */
  importedBlessings(suite?: string): Promise<readonly ImportedBlessing[]>;
  /** Checks a finished snapshot against the digests it was closed with. Throws `LEDGER_CORRUPT`; one from before there were digests passes. */
  verify(snapshotId: string): Promise<void>;
  /** Judge replies by (judge, rubric, output, vote); errors are never put in. */
  cachedVerdict(key: string): Promise<JsonValue | undefined>;
  keepVerdict(key: string, verdict: JsonValue, at: string): Promise<void>;
  /** The vector of an answer under an embedder (its release's fingerprint); undefined when it was never embedded. */
  vectorOf(embedder: string, outputHash: string): Promise<Float32Array | undefined>;
  /** Keeps vectors by output hash. The first one stays; one of an answer whose text is not kept here is dropped, because it tells the text. */
  keepVectors(embedder: string, vectors: ReadonlyMap<string, Float32Array>): Promise<void>;
  /** The vectors of a snapshot's answers under an embedder, each distinct answer once, by output hash. */
  vectors(snapshotId: string, embedder: string): AsyncIterable<readonly [string, Float32Array]>;
  /** Under which embedders the snapshot's answers have vectors, and how many of its answered trials do; most first. */
  vectorCounts(snapshotId: string): Promise<readonly VectorCount[]>;
  /** Free records of a kind (comparisons, rollback decisions), append-only. */
  keepRecord(record: LedgerRecord): Promise<void>;
  /** In the order they were written, without the first `from` of them. */
  records(kind: string, suite?: string, from?: number): Promise<readonly LedgerRecord[]>;
  /** How many records of a kind there are, without reading them: it grows whenever one is added. */
  recordCount(kind: string): Promise<number>;
  close(): Promise<void>;
}

export interface VectorCount {
  /** Fingerprint of the embedder's release. */
  readonly embedder: string;
  /** Answered trials that have a vector. */
  readonly trials: number;
}

export interface LedgerRecord {
  readonly kind: string;
  readonly suite: string;
  /** ISO time. */
  readonly at: string;
  readonly body: JsonObject;
}
